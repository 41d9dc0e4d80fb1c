// The cells that one statement writes to one row.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "store/cql/modify.h"
#include "store/row_value.h"

namespace penstock::store::cql {

/// What the operation's value is read as.
DataType operand_type(const Operation& operation);
/// What says which element of a collection is meant.
DataType element_key_type(const DataType& type);
/// The list must be known before.
bool reads_list(const Operation& operation);
/// How errors call the value.
std::string operand_name(const Operation& operation);

/// Puts the cells of one row together; keeps their bytes.
struct RowBuilder {
    const ModifyPlan& plan;
    const Bindings& bindings;
    std::int64_t timestamp_us;
    std::int64_t now;
    std::int32_t ttl;
    Row row;
    std::deque<std::string> kept;
    Row existing{};  ///< what the row is now, for statements that read lists

    std::string_view keep(std::string bytes);
    /// The end of what is written now with a TTL; never later than the last second there is.
    std::uint32_t expiry() const;
    Cell cell_of(const ColumnDefinition& column) const;
    void remove(const ColumnDefinition& column, std::int64_t at, std::optional<std::string> path = {});
    void put(const ColumnDefinition& column, std::string bytes);
    void put_element(const ColumnDefinition& column, std::string path, std::string_view bytes);
    static std::string field_path(std::uint16_t field);
    /// A user-defined type's fields that are not null as cells.
    void put_fields(const ColumnDefinition& column, std::string_view bytes);
    /// Elements of a serialised collection as cells. Lists get paths that sort by the time of their writing.
    void put_elements(const ColumnDefinition& column, std::string_view collection, bool in_front);
    /// Each one sorts before those made earlier.
    static std::string reversed_time_uuid();
    void set(const ColumnDefinition& column, std::optional<std::string> bytes);
    Result<> apply(const Operation& operation);
    /// The element is found by what the list is now.
    Result<> change_list(const Operation& operation, const Value& value, const std::string& element);
    Result<> change(const Operation& operation, const Value& value);
};

}  // namespace penstock::store::cql
