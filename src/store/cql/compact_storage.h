// WITH COMPACT STORAGE: which tables may have it, and what of it clients see. How such a table's rows are
// kept is in TableDefinition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/catalogue.h"

namespace penstock::store::cql {

/// Whether the declared columns can be those of a compact table. Errc::invalid, in Cassandra's words.
Result<> check_compact_table(const TableDefinition& table);

/// INSERT of a compact table gives one of its regular columns. Errc::invalid, in Cassandra's words.
Result<> check_compact_insert(const TableDefinition& table, bool gives_regulars);

/// The name of the clustering column that a static compact table has for Cassandra alone.
std::string hidden_clustering_name(const TableDefinition& table);

/// A column as Cassandra's schema tables have it.
struct ShownColumn {
    std::string name;
    ColumnRole role = ColumnRole::regular;
    std::uint32_t position = 0;
    bool descending = false;
    std::string type;
};
/// By name. A compact table has one or two besides those that were declared.
std::vector<ShownColumn> shown_columns(const TableDefinition& table);

/// system_schema.tables.flags, in the order of a set.
std::vector<std::string> table_flags(const TableDefinition& table);

}  // namespace penstock::store::cql
