// Clustering values as bytes whose unsigned order is the values' order, so that RocksDB's order is the
// table's. Each encoding is self-delimiting: no encoding is a prefix of another one of the same column.
// docs/formats/table_key.md has the table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/data_type.h"

namespace penstock::store {

/// Bytes that every value of the type has; 0: they differ.
std::size_t fixed_size_of(const DataType& type);

/// Whether columns of this type can be clustering columns here.
bool can_cluster(const DataType& type);

/// Appends the encoding of one value (in CQL's serialisation, valid for the type) of a column.
void append_clustering(std::string& out, const DataType& type, bool descending, std::string_view value);

/// Takes one encoded value off the front of `encoded` and appends its CQL serialisation to `value`.
/// False when the bytes are not an encoding.
bool take_clustering(std::string_view& encoded, const DataType& type, bool descending, std::string& value);

/// The same of a clustering column. Those that may be null have a byte in front of the value: null comes
/// before all values, also where they descend. A column that may not be null must have a value.
void append_clustering(std::string& out, const ColumnDefinition& column,
                       const std::optional<std::string_view>& value);
bool take_clustering(std::string_view& encoded, const ColumnDefinition& column,
                     std::optional<std::string>& value);

}  // namespace penstock::store
