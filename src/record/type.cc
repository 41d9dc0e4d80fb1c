#include "record/type.h"

#include <array>
#include <utility>

#include "base/ascii_case.h"

namespace penstock {

std::string_view to_string(TypeId type) {
    switch (type) {
        case TypeId::boolean:
            return "BOOLEAN";
        case TypeId::int32:
            return "INT";
        case TypeId::int64:
            return "BIGINT";
        case TypeId::float64:
            return "DOUBLE";
        case TypeId::string:
            return "STRING";
        case TypeId::binary:
            return "BINARY";
        case TypeId::date:
            return "DATE";
        case TypeId::timestamp:
            return "TIMESTAMP";
        case TypeId::json:
            return "JSON";
    }
    return "?";
}

std::optional<TypeId> type_of_name(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, TypeId>, 20> names{
        {{"BOOLEAN", TypeId::boolean},
         {"BOOL", TypeId::boolean},
         {"TINYINT", TypeId::int32},
         {"SMALLINT", TypeId::int32},
         {"INT", TypeId::int32},
         {"INTEGER", TypeId::int32},
         {"BIGINT", TypeId::int64},
         {"LONG", TypeId::int64},
         {"FLOAT", TypeId::float64},
         {"REAL", TypeId::float64},
         {"DOUBLE", TypeId::float64},
         {"STRING", TypeId::string},
         {"TEXT", TypeId::string},
         {"VARCHAR", TypeId::string},
         {"CHAR", TypeId::string},
         {"BINARY", TypeId::binary},
         {"DATE", TypeId::date},
         {"TIMESTAMP", TypeId::timestamp},
         {"TIMESTAMP_LTZ", TypeId::timestamp},
         {"JSON", TypeId::json}}};
    auto upper = upper_case(name);
    for (const auto& [known, type] : names)
        if (known == upper) return type;
    return std::nullopt;
}

}  // namespace penstock
