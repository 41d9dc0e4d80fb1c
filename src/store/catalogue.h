// What keyspaces and tables there are. Immutable: a change makes a new catalogue, readers keep theirs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/data_type.h"

namespace penstock::store {

enum class ColumnRole : std::uint8_t { partition_key, clustering, regular, static_ };

struct ColumnDefinition {
    std::uint32_t id = 0;  ///< within its table; used again only as DroppedColumn::comes_back says
    std::string name;
    DataType type;
    ColumnRole role = ColumnRole::regular;
    std::uint32_t position = 0;  ///< among the partition key's or the clustering columns
    bool descending = false;     ///< clustering columns only
    /// Of a clustering column: a row need not have a value of it. As the table says; not stored.
    bool nullable = false;
};

/// A secondary index of a table. docs/formats/table_key.md has its keys.
struct IndexDefinition {
    /// What of the column is found by it.
    enum class Target : std::uint8_t { value, keys, values, entries, full };
    /// Part of its entries' keys; never used again, and of the same numbers as the tables' ids.
    std::uint32_t id = 0;
    std::string name;
    std::uint32_t column = 0;  ///< its id
    Target target = Target::value;
    std::string class_name;  ///< of CREATE CUSTOM INDEX ... USING; empty: Cassandra's legacy kind
    std::map<std::string, std::string> options;
    bool is_built = false;  ///< holds all rows; until then it is kept up, and nobody asks it

    bool is_custom() const { return !class_name.empty(); }
    bool is_sasi() const { return class_name == sasi_class; }
    bool is_sai() const { return is_custom() && !is_sasi(); }
    static constexpr std::string_view sasi_class = "org.apache.cassandra.index.sasi.SASIIndex";
    bool operator==(const IndexDefinition&) const = default;
};

/// What makes a table a materialised view (store/view_entries.h). Its columns have the ids of the base
/// table's.
struct ViewDefinition {
    std::string base;          ///< a table of the same keyspace
    bool include_all = false;  ///< SELECT *: columns that the base table gets are the view's, too
    std::string where;         ///< as written
    bool is_built = false;     ///< has the rows that were there before it
};

/// What is known of a column that ALTER TABLE ... DROP removed.
struct DroppedColumn {
    std::uint32_t id = 0;
    std::string name;
    DataType type;
    ColumnRole role = ColumnRole::regular;
    std::int64_t dropped_us = 0;  ///< cells written up to then are gone
    /// USING TIMESTAMP: a column of the same name gets the id again, and with it the cells written since.
    bool comes_back = false;
    bool operator==(const DroppedColumn&) const = default;
};

struct TableDefinition {
    /// Part of the rows' keys; never used again. TRUNCATE gives the table another one.
    std::uint32_t id = 0;
    std::string uuid;  ///< 16 bytes: the id that clients see; the same for the table's life
    std::string keyspace;
    std::string name;
    /// Partition key, clustering columns (both in the key's order), the regular ones and then the static
    /// ones, both in the order of their ids.
    std::vector<ColumnDefinition> columns;
    /// As CQL text: comment -> 'what it is for', compaction -> {'class': ...}.
    std::map<std::string, std::string> options;
    std::vector<IndexDefinition> indexes;        ///< by name
    std::vector<DroppedColumn> dropped;          ///< the last one of each name
    std::shared_ptr<const ViewDefinition> view;  ///< null: a table
    /// WITH COMPACT STORAGE. Without clustering columns it is a static compact table: Cassandra has its
    /// columns as static ones beside a clustering and a regular column that nobody sees. Else it is a dense
    /// one, with at most one regular column.
    bool compact_storage = false;
    std::uint32_t next_column = 0;
    std::uint32_t partition_columns = 0;
    std::uint32_t clustering_columns = 0;
    std::uint32_t static_columns = 0;

    const ColumnDefinition* find(std::string_view column) const;
    const ColumnDefinition* by_id(std::uint32_t column) const;
    std::uint32_t key_columns() const { return partition_columns + clustering_columns; }
    /// Index of the first static column, behind all others.
    std::uint32_t first_static() const { return std::uint32_t(columns.size()) - static_columns; }
    bool is_counter() const;
    bool is_static_compact() const { return compact_storage && clustering_columns == 0; }
    bool is_dense() const { return compact_storage && clustering_columns > 0; }
    /// Whether an INSERT makes a row that is there by itself. Rows of compact tables are there by their
    /// cells; those of a dense table without a regular column have nothing else than this.
    bool has_row_markers() const { return !compact_storage || key_columns() == columns.size(); }
    /// What clients are told of a column of this table.
    ColumnRole shown_role(const ColumnDefinition& column) const {
        return is_static_compact() && column.role == ColumnRole::regular ? ColumnRole::static_ : column.role;
    }
    const IndexDefinition* index(std::string_view index_name) const;
    std::string full_name() const { return keyspace + "." + name; }
    /// Puts the columns in their order and counts them.
    void arrange();
};

struct KeyspaceDefinition {
    std::string name;
    std::map<std::string, std::string> replication;
    bool durable_writes = true;
    std::map<std::string, DataType> types;  ///< user-defined ones, not frozen
    std::map<std::string, std::shared_ptr<const TableDefinition>> tables;

    /// For parse_data_type: this keyspace's types. Errc::invalid: unknown, or of another keyspace.
    UserTypes user_types() const;
    /// Brings every use of a type inside other types and tables to what types says of it.
    void refresh_types();
};

struct Catalogue {
    std::map<std::string, KeyspaceDefinition, std::less<>> keyspaces;
    std::uint32_t next_table = 1;
    std::string version;  ///< 16 bytes, a uuid of the contents

    const KeyspaceDefinition* keyspace(std::string_view name) const;
    std::shared_ptr<const TableDefinition> table(std::string_view keyspace, std::string_view name) const;
    bool has_table_id(std::uint32_t id) const;
    bool has_index_id(std::uint32_t id) const;
    /// Or views: whether writing a row means writing more than it.
    bool has_indexes() const;
    /// The table whose rows have this id in their keys; null: there is none.
    std::shared_ptr<const TableDefinition> table_by_id(std::uint32_t id) const;
};

std::string serialize(const Catalogue& catalogue);
/// Errc::corrupt.
Result<Catalogue> parse_catalogue(std::string_view bytes);

}  // namespace penstock::store
