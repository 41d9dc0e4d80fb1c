// What a query on Spark must find again after a restart, kept beside the tables: the columns that were
// inferred, and from when its rows' write timestamps count.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/tables.h"

namespace penstock::stream {

struct SparkMemory {
    struct Topic {
        std::string id;
        std::string schema;  ///< DDL
        bool operator==(const Topic&) const = default;
    };
    std::map<std::string, Topic> topics;
    std::string place;          ///< the checkpoint that first_us belongs to
    std::int64_t first_us = 0;  ///< a row's write timestamp is this and its record's offset
    bool operator==(const SparkMemory&) const = default;
};

std::string encode(const SparkMemory& memory);
Result<SparkMemory> decode_spark_memory(std::string_view bytes);

/// Empty when there is none.
Result<SparkMemory> load_spark_memory(store::Tables& tables, std::string_view query);
Result<> save_spark_memory(store::Tables& tables, std::string_view query, const SparkMemory& memory);

}  // namespace penstock::stream
