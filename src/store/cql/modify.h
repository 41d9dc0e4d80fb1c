// INSERT, UPDATE and DELETE made ready, and turned into writes.
#pragma once

#include <rocksdb/write_batch.h>

#include <optional>
#include <string>
#include <vector>

#include "store/cql/ast.h"
#include "store/cql/resolve.h"
#include "store/cql/restrictions.h"
#include "store/database.h"

namespace penstock::store::cql {

struct Operation {
    enum class Kind : std::uint8_t {
        set,
        set_element,
        set_field,
        add,
        prepend,
        subtract,
        remove,
        remove_element,
        remove_field
    };
    Kind kind = Kind::set;
    const ColumnDefinition* column = nullptr;
    const Term* value = nullptr;
    const Term* element = nullptr;
    std::uint16_t field = 0;
};

struct ModifyPlan {
    enum class Kind : std::uint8_t { insert, insert_json, update, delete_cells, delete_rows };
    Kind kind = Kind::insert;
    TableRef ref;
    Restrictions where;  ///< UPDATE, DELETE
    /// INSERT: the terms of the key columns, by their index.
    std::vector<const Term*> key;
    std::vector<Operation> operations;
    const Term* json = nullptr;
    bool json_default_unset = false;
    const Using* with = nullptr;
    bool if_not_exists = false;
    bool if_exists = false;
    std::vector<Restriction> conditions;
    bool writes_statics = false;   ///< some operation is on a static column
    bool writes_regulars = false;  ///< some operation is on a regular column
    /// Touches nothing but static columns and names no row.
    bool only_statics = false;
    /// UPDATE of a dense table: the last clustering columns, not named, are null in the row it writes.
    std::uint32_t null_clustering = 0;
    /// Elements of lists by their index or value: the list is read first, so writing blocks.
    bool reads_lists = false;
    bool is_conditional() const { return if_not_exists || if_exists || !conditions.empty(); }
    const TableDefinition& table() const { return *ref.table; }
};

Result<ModifyPlan> plan_modify(const Modification& statement, const Catalogue& catalogue,
                               std::string_view session_keyspace, std::vector<MarkerSpec>& markers);

/// Write timestamp and time to live of a statement.
struct WriteTime {
    std::int64_t timestamp_us = 0;
    std::int64_t now_seconds = 0;
    std::optional<std::int32_t> batch_ttl;
    Database* database = nullptr;  ///< for statements that read lists
};

/// Adds what the statement writes. Errc::invalid: a null key, values that do not fit, ...
Result<> append_writes(const ModifyPlan& plan, const Bindings& bindings, WriteTime time,
                       rocksdb::WriteBatch& batch);

/// The partition that a conditional statement, or one beside it in a batch, is about, and (of a conditional
/// one) its row.
struct ConditionalRow {
    std::string partition_key;
    std::string clustering;
    bool is_static = false;  ///< not a row: the partition's static values
};
Result<ConditionalRow> conditional_row(const ModifyPlan& plan, const Bindings& bindings);

}  // namespace penstock::store::cql
