// The columns of a topic without a declared schema, from its first records, by Spark's rules.
#pragma once

#include <simdjson.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "stream/plan/data_type.h"

namespace penstock::stream {

/// Whole numbers are BIGINT, other numbers DOUBLE, and both together DOUBLE; scalars of different types, and
/// values that are only ever null, are STRING. Fields are in the order of their names.
class SchemaInference {
public:
    /// False when the text is not a JSON object; it is left out.
    bool add(std::string_view json);
    int documents() const { return documents_; }
    /// An object type.
    DataType result() const;

private:
    struct Seen {
        std::optional<TypeId> scalar;
        bool object = false;
        bool array = false;
        bool mixed = false;
        std::map<std::string, Seen, std::less<>> fields;
        std::map<std::string, Seen, std::less<>> element;  ///< one entry, by the empty name
    };
    static void merge(Seen& into, simdjson::dom::element value, int depth);
    static DataType type_of(const Seen& seen);

    simdjson::dom::parser parser_;
    Seen root_;
    int documents_ = 0;
};

}  // namespace penstock::stream
