// Names of statements against the catalogue, and what prepared statements tell their clients.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/cql/ast.h"
#include "wire/cql/response.h"

namespace penstock::store::cql {

struct TableRef {
    std::shared_ptr<const TableDefinition> table;
    bool is_virtual = false;  ///< one of the system's (system_tables.h)
};

/// Errc::invalid in Cassandra's words: no keyspace, unknown keyspace, unknown table.
Result<TableRef> resolve_table(const Catalogue& catalogue, const Name& name,
                               std::string_view session_keyspace);
/// Of a table that can be written. Errc::unauthorized for the system's.
Result<TableRef> resolve_writable(const Catalogue& catalogue, const Name& name,
                                  std::string_view session_keyspace);
/// Errc::invalid: "Undefined column name x in table ks.t".
Result<const ColumnDefinition*> resolve_column(const TableDefinition& table, std::string_view name);

/// What a bind marker stands for.
struct MarkerSpec {
    std::string name;
    DataType type;
    bool known = false;
    bool operator==(const MarkerSpec&) const = default;
    int partition_column = -1;  ///< the position of the partition key's column whose value it is, alone
};
/// Gives the markers in a term their names and types.
void note_markers(const Term& term, const DataType& type, std::string_view name,
                  std::vector<MarkerSpec>& markers);
/// The same of a column's value.
void note_column_markers(const Term& term, const ColumnDefinition& column, std::vector<MarkerSpec>& markers);

wire::cql::TypeOption type_option(const DataType& type);
wire::cql::ColumnSpec column_spec(const TableDefinition& table, std::string_view name, const DataType& type);

}  // namespace penstock::store::cql
