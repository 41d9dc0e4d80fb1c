// Types with their insides, as Spark writes them: what a topic's schema is made of. Columns know TypeId only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/type.h"
#include "stream/sql/error.h"

namespace penstock::stream {

struct NamedType;

struct DataType {
    enum class Shape { scalar, object, array, map };
    Shape shape = Shape::scalar;
    TypeId scalar = TypeId::string;
    std::vector<NamedType> fields;   ///< object: the fields, in order
    std::vector<DataType> elements;  ///< array: the element; map: the value (keys are strings)

    /// The type of a column that holds such a value: json unless it is a scalar.
    TypeId column_type() const { return shape == Shape::scalar ? scalar : TypeId::json; }
    bool operator==(const DataType&) const;
};

struct NamedType {
    std::string name;
    DataType type;
    bool operator==(const NamedType&) const = default;
};

DataType scalar_type(TypeId type);
/// "STRUCT<first: STRING, last: STRING>", "BIGINT", "ARRAY<INT>".
std::string to_string(const DataType& type);
/// "id STRING, dob STRUCT<date: STRING>", names in backquotes where they need them. parse_ddl() reads it
/// back.
std::string ddl_of(const DataType& object);
/// Spark's column definitions. An object type, or the place of what is wrong.
SqlResult<DataType> parse_ddl(std::string_view ddl);

}  // namespace penstock::stream
