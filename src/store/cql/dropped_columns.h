// ALTER TABLE ... DROP, and ADD of a name that was dropped.
#pragma once

#include <cstdint>
#include <optional>

#include "store/catalogue.h"

namespace penstock::store::cql {

/// Removes the column. given_us: USING TIMESTAMP.
void drop_column(TableDefinition& table, const ColumnDefinition& column, std::int64_t now_us,
                 std::optional<std::int64_t> given_us);

/// Gives a new column its id. Errc::invalid when one of another type or kind had its name.
Result<> give_id(TableDefinition& table, ColumnDefinition& column);

}  // namespace penstock::store::cql
