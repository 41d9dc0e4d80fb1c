// Values of the streaming engine as CQL has them, and the columns they are written to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/batch.h"
#include "store/catalogue.h"

namespace penstock::store {

/// Whether the engine's values of this type can be written into a column of that type, and how a message
/// calls it.
bool can_write(TypeId from, const DataType& to);

/// Bytes that any value of the type takes, or 0 when it depends on the value.
std::uint32_t fixed_value_size(Kind kind);
/// The CQL bytes of a value of fixed size; false when a text is not a uuid.
bool store_fixed(char* at, Kind kind, const Column& column, std::size_t row);
/// Appends the CQL bytes of any value; false when a text is not a uuid.
bool append_cql_value(std::string& out, Kind kind, const Column& column, std::size_t row);

/// Where a column of a table comes from. Both belong to others.
struct ColumnSource {
    const ColumnDefinition* column = nullptr;
    const Column* values = nullptr;  ///< null: the batch does not have it
};
/// One for each column of the table, in its order. Errc::invalid names the column: unknown, of another type,
/// missing from the key.
Result<std::vector<ColumnSource>> column_sources(const TableDefinition& table, const Batch& rows);
/// The error of a value that cannot be written.
std::unexpected<Error> not_a_value(const TableDefinition& table, const ColumnDefinition& column,
                                   std::size_t row, std::string_view what);

}  // namespace penstock::store
