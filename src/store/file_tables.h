// Which tables a file of RocksDB has keys of, noted when it is written: readers of one table skip the files
// of others.
#pragma once

#include <rocksdb/table_properties.h>

#include <cstdint>
#include <memory>

namespace penstock::store {

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> note_tables();

/// False: no key of the table is in the file. True where nothing was noted.
bool may_have_table(const rocksdb::TableProperties& file, std::uint32_t table);

}  // namespace penstock::store
