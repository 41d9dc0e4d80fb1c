// The types of columns. Values of nested types travel as JSON text (TypeId::json) until a query takes them
// apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// Spark's names for the same: BOOLEAN, INT, BIGINT, DOUBLE, STRING, BINARY, DATE, TIMESTAMP; json stands for
/// STRUCT, ARRAY and MAP values, kept as their JSON text.
enum class TypeId : std::uint8_t { boolean, int32, int64, float64, string, binary, date, timestamp, json };

/// "BIGINT", "STRING", ... as Spark SQL writes it.
std::string_view to_string(TypeId type);
/// The type of a Spark SQL name in any case (INT, INTEGER, LONG, BIGINT, TEXT, VARCHAR, ...).
std::optional<TypeId> type_of_name(std::string_view name);

/// How a value of the type is stored in a Column.
enum class Storage : std::uint8_t { integers, floats, strings };
constexpr Storage storage_of(TypeId type) {
    switch (type) {
        case TypeId::boolean:  // 0 or 1
        case TypeId::int32:
        case TypeId::int64:
        case TypeId::date:       // days since 1970-01-01
        case TypeId::timestamp:  // microseconds since 1970-01-01T00:00:00Z
            return Storage::integers;
        case TypeId::float64:
            return Storage::floats;
        case TypeId::string:  // UTF-8
        case TypeId::binary:
        case TypeId::json:
            return Storage::strings;
    }
    return Storage::strings;
}

struct Field {
    std::string name;
    TypeId type = TypeId::string;
    bool operator==(const Field&) const = default;
};

using Schema = std::vector<Field>;

}  // namespace penstock
