// Values in CQL's serialisation (native_protocol_v5.spec, section 6): what cells hold and clients send.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/batch.h"
#include "store/catalogue.h"
#include "store/data_type.h"
#include "store/row_value.h"

namespace penstock::store {

/// Errc::invalid says, in Cassandra's words, why the bytes are not a value of the type.
Result<> validate(const DataType& type, std::string_view value);

/// Whether the bytes of a value of another type are one of this type, as Cassandra has it.
bool takes_values_of(const DataType& type, const DataType& other);

/// The order of two valid values, as ORDER BY, min() and sets have it: negative, zero or positive.
int compare(const DataType& type, std::string_view a, std::string_view b);

/// Elements of a valid list, set (one each) or map (key, value, key, value ...).
bool split_collection(std::string_view value, bool map, std::vector<std::string_view>& elements);
/// The inverse; count is that of list and set elements, or of map entries.
void begin_collection(std::string& out, std::size_t count);
void append_element(std::string& out, std::string_view element);
/// Components of a tuple or fields of a user-defined type; fewer than the type has when the value is shorter.
/// Null components have no value.
bool split_tuple(std::string_view value, std::vector<std::optional<std::string_view>>& components);
void append_component(std::string& out, const std::optional<std::string>& component);

/// Puts a collection's cells together as one serialised value, in the type's order. False when there is none:
/// empty collections and null are the same.
bool collect_elements(const Row& row, const ColumnDefinition& column, std::string& out);

/// For people and engines: text as it is, others as CQL's functions print them; collections and tuples as
/// JSON.
std::string value_as_text(const DataType& type, std::string_view value);
/// As toJson() does.
void append_value_as_json(std::string& out, const DataType& type, std::string_view value);
/// A column's or field's name as a key: in quotes of its own when CQL would need them for its capitals.
void append_json_name(std::string& out, std::string_view name);
/// "2026-01-31 23:59:59.123Z" of milliseconds since 1970.
std::string timestamp_text(std::int64_t ms);
/// "2026-01-31" of days since 1970.
std::string date_text(std::int64_t days);

/// One value into a column of the streaming engine whose type is engine_type_of(type). Texts are copied.
void append_engine_value(Column& out, Arena& arena, const DataType& type, std::string_view value);

}  // namespace penstock::store
