#include "store/cql/modify.h"

#include <simdjson.h>

#include <algorithm>
#include <functional>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/cql/compact_storage.h"
#include "store/cql/conditional.h"
#include "store/cql/indexed_values.h"
#include "store/cql/json_value.h"
#include "store/cql/row_builder.h"
#include "store/cql/term_value.h"
#include "store/row_key.h"
#include "store/row_value.h"
#include "store/token.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

constexpr std::int32_t most_ttl = 20 * 365 * 24 * 60 * 60;

void note_using(const Using& with, std::vector<MarkerSpec>& markers) {
    if (with.timestamp) note_markers(*with.timestamp, Kind::bigint, "[timestamp]", markers);
    if (with.ttl) note_markers(*with.ttl, Kind::int_, "[ttl]", markers);
}

Result<> check_counter(const TableDefinition& table, const Operation& operation) {
    const auto& column = *operation.column;
    if (column.type.kind != Kind::counter) return {};
    if (operation.kind == Operation::Kind::set)
        return fail(
            Errc::invalid,
            "Cannot set the value of counter column {} (counters can only be incremented/decremented, "
            "not set)",
            column.name);
    (void)table;
    return {};
}

/// The field that is set or removed.
Result<std::uint16_t> field_of(const ColumnDefinition& column, const std::string& field, const Term* value) {
    bool removes = value == nullptr;
    const auto& type = column.type;
    if (type.kind != Kind::udt && removes)
        return fail(Errc::invalid, "Invalid field deletion operation for non-UDT column {}", column.name);
    if (!type.is_multi_cell() && removes)
        return fail(Errc::invalid, "Frozen UDT column {} does not support field deletions", column.name);
    if (type.kind != Kind::udt || !type.is_multi_cell())
        return fail(Errc::invalid, "Invalid operation ({0}.{1} = {3}) for {2} column {0}", column.name, field,
                    type.kind == Kind::udt ? "frozen UDT" : "non-UDT", term_text(*value));
    auto index = type.user->field(field);
    if (index < 0)
        return fail(Errc::invalid, "UDT column {} does not have a field named {}", column.name, field);
    return std::uint16_t(index);
}

/// "l = l + [1]", "m['a'] = 1"
std::string operation_text(const Operation& operation) {
    const auto& name = operation.column->name;
    auto value = operation.value == nullptr ? std::string() : term_text(*operation.value);
    switch (operation.kind) {
        case Operation::Kind::set_element:
            return fmt::format("{}[{}] = {}", name, term_text(*operation.element), value);
        case Operation::Kind::add:
            return fmt::format("{0} = {0} + {1}", name, value);
        case Operation::Kind::subtract:
            return fmt::format("{0} = {0} - {1}", name, value);
        case Operation::Kind::prepend:
            return fmt::format("{0} = {1} - {0}", name, value);
        default:
            return fmt::format("{} = {}", name, value);
    }
}

Result<> note_operation(const TableDefinition& table, const Operation& operation,
                        std::vector<MarkerSpec>& markers) {
    const auto& column = *operation.column;
    const auto& type = column.type;
    TRY(check_counter(table, operation));
    bool whole = operation.kind == Operation::Kind::set || operation.kind == Operation::Kind::remove ||
                 operation.kind == Operation::Kind::set_field ||
                 operation.kind == Operation::Kind::remove_field;
    bool counts = type.kind == Kind::counter &&
                  (operation.kind == Operation::Kind::add || operation.kind == Operation::Kind::subtract);
    if (!whole && !counts) {
        if (!type.is_multi_cell() || !type.is_collection()) {
            bool frozen_collection = type.is_collection();
            bool removes = operation.kind == Operation::Kind::remove_element;
            bool sets_element = operation.kind == Operation::Kind::set_element;
            auto kind = frozen_collection          ? "frozen collection"
                        : removes || sets_element  ? "non collection"
                        : type.kind == Kind::tuple ? "tuple"
                                                   : "non counter";
            if (removes)
                return fail(Errc::invalid, "Invalid deletion operation for {} column {}", kind, column.name);
            return fail(Errc::invalid, "Invalid operation ({}) for {} column {}", operation_text(operation),
                        kind, column.name);
        }
        bool list = type.kind == Kind::list;
        if (operation.kind == Operation::Kind::prepend && !list)
            return fail(Errc::invalid, "Invalid operation ({}) for non list column {}",
                        operation_text(operation), column.name);
        if (operation.kind == Operation::Kind::set_element && type.kind == Kind::set)
            return fail(Errc::invalid, "Invalid operation ({}) for set column {}", operation_text(operation),
                        column.name);
        bool map_of_other = operation.kind == Operation::Kind::add && type.kind == Kind::map &&
                            operation.value->kind == Term::Kind::set && !operation.value->items.empty();
        if (map_of_other)
            return fail(Errc::invalid, "Value for a map addition has to be a map, but was: '{}'",
                        term_text(*operation.value));
    }
    // The marker of what is added to a counter is a counter to clients, whose types for it differ.
    if (operation.value != nullptr && operation.kind == Operation::Kind::set)
        TRY(check_constant(*operation.value, type, column.name));
    if (operation.value != nullptr)
        note_markers(*operation.value, counts ? type : operand_type(operation), operand_name(operation),
                     markers);
    if (operation.element != nullptr)
        note_markers(*operation.element, element_key_type(type),
                     (type.kind == Kind::list ? "idx(" : "key(") + column.name + ")", markers);
    return {};
}

void note_targets(ModifyPlan& plan) {
    for (const auto& operation : plan.operations)
        plan.reads_lists = plan.reads_lists || reads_list(operation);
    for (const auto& operation : plan.operations)
        (operation.column->role == ColumnRole::static_ ? plan.writes_statics : plan.writes_regulars) = true;
}

std::unexpected<Error> skips_clustering(const ColumnDefinition& column, const ColumnDefinition& before) {
    return fail(Errc::invalid,
                "PRIMARY KEY column \"{}\" cannot be restricted as preceding column \"{}\" is not restricted",
                column.name, before.name);
}

bool is_key(const ColumnDefinition& column) {
    return column.role == ColumnRole::partition_key || column.role == ColumnRole::clustering;
}

/// The names of the key columns from..to that are not given.
std::string missing_keys(const TableDefinition& table, std::uint32_t from, std::uint32_t to,
                         const std::function<bool(std::uint32_t)>& given) {
    std::string out;
    for (auto i = from; i < to; ++i)
        if (!given(i)) out += (out.empty() ? "" : ", ") + table.columns[i].name;
    return out;
}

/// A row that is written names its clustering columns, those of a dense table up to one of them. some: any.
Result<> check_clustering_given(const TableDefinition& table, bool some,
                                const std::function<bool(std::uint32_t)>& given) {
    auto missing = missing_keys(table, table.partition_columns, table.key_columns(), given);
    if (missing.empty()) return {};
    if (!table.is_dense() || !some)
        return fail(Errc::invalid, "Some clustering keys are missing: {}", missing);
    for (auto i = table.partition_columns; i + 1 < table.key_columns(); ++i)
        if (!given(i) && given(i + 1)) return skips_clustering(table.columns[i + 1], table.columns[i]);
    return {};
}

Result<> plan_insert(const Insert& insert, ModifyPlan& plan, std::vector<MarkerSpec>& markers) {
    const auto& table = plan.table();
    plan.with = &insert.with;
    plan.if_not_exists = insert.if_not_exists;
    if (table.is_counter())
        return fail(Errc::invalid, "INSERT statements are not allowed on counter tables, use UPDATE instead");
    if (insert.json) {
        plan.kind = ModifyPlan::Kind::insert_json;
        plan.json = &insert.json_value;
        plan.json_default_unset = insert.default_unset;
        note_markers(insert.json_value, Kind::text, "[json]", markers);
        note_using(insert.with, markers);
        return {};
    }
    if (insert.columns.size() != insert.values.size())
        return fail(Errc::invalid, "Unmatched column names/values");
    plan.key.resize(table.key_columns());
    std::vector<bool> seen(table.columns.size());
    for (std::size_t i = 0; i < insert.columns.size(); ++i) {
        const auto* column = TRY(resolve_column(table, insert.columns[i]));
        auto index = std::size_t(column - table.columns.data());
        if (seen[index]) return fail(Errc::invalid, "The column names contains duplicates");
        seen[index] = true;
        if (index < plan.key.size()) {
            plan.key[index] = &insert.values[i];
            TRY(check_constant(insert.values[i], column->type, column->name));
            note_column_markers(insert.values[i], *column, markers);
        } else {
            plan.operations.push_back({Operation::Kind::set, column, &insert.values[i], nullptr});
            TRY(note_operation(table, plan.operations.back(), markers));
        }
    }
    note_targets(plan);
    bool clustering = std::ranges::any_of(plan.key.begin() + table.partition_columns, plan.key.end(),
                                          [](const Term* given) { return given != nullptr; });
    plan.only_statics =
        !clustering && table.clustering_columns > 0 && plan.writes_statics && !plan.writes_regulars;
    auto given = [&](std::uint32_t i) { return plan.key[i] != nullptr; };
    if (auto missing = missing_keys(table, 0, table.partition_columns, given); !missing.empty())
        return fail(Errc::invalid, "Some partition key parts are missing: {}", missing);
    if (!plan.only_statics) TRY(check_clustering_given(table, clustering, given));
    TRY(check_compact_insert(table, plan.writes_regulars));
    note_using(insert.with, markers);
    return {};
}

/// WHERE of UPDATE and DELETE: = or IN on the key, nothing else; DELETE may leave clustering columns open.
Result<> plan_where(const std::vector<Relation>& where, ModifyPlan& plan, bool whole_rows,
                    std::vector<MarkerSpec>& markers) {
    const auto& table = plan.table();
    auto verb = plan.kind == ModifyPlan::Kind::update ? "UPDATE" : "DELETE";
    for (const auto& relation : where) {
        if (relation.op == Operator::contains || relation.op == Operator::contains_key)
            return fail(Errc::invalid, "Cannot use {} with CONTAINS{}", verb,
                        relation.op == Operator::contains_key ? " KEY" : "");
        if (relation.kind == Relation::Kind::token)
            return fail(Errc::invalid, "The token function cannot be used in WHERE clauses for {} statements",
                        verb);
        for (const auto& name : relation.columns) {
            const auto* column = TRY(resolve_column(table, name));
            if (relation.op == Operator::like) return like_without_index(relation);
            if (!is_key(*column))
                return fail(Errc::invalid, "Non PRIMARY KEY columns found in where clause: {} ", name);
        }
    }
    plan.where = TRY(sort_out(table, where, markers));
    auto named = [&](const ColumnDefinition& column) {
        return std::ranges::any_of(where, [&](const Relation& relation) {
            return std::ranges::find(relation.columns, column.name) != relation.columns.end();
        });
    };
    auto given = [&](std::uint32_t i) { return named(table.columns[i]); };
    if (auto missing = missing_keys(table, 0, table.partition_columns, given); !missing.empty())
        return fail(Errc::invalid, "Some partition key parts are missing: {}", missing);
    if (!plan.where.whole_partition_key)
        return fail(Errc::invalid,
                    "Only EQ and IN relation are supported on the partition key (unless you use the token() "
                    "function) for {} statements",
                    verb);
    auto missing = missing_keys(table, table.partition_columns, table.key_columns(), given);
    if (plan.only_statics) {
        bool restricts_rows = std::ranges::any_of(where, [&](const Relation& relation) {
            return table.find(relation.columns[0])->role == ColumnRole::clustering;
        });
        if (restricts_rows)
            return fail(Errc::invalid,
                        "Invalid restrictions on clustering columns since the {} statement modifies only "
                        "static columns",
                        verb);
        return {};
    }
    for (const auto& [column, relation] : plan.where.filters) {
        const auto& before = table.columns[table.partition_columns + column->position - 1];
        if (plan.where.clustering[before.position].empty() && !named(before))
            return skips_clustering(*column, before);
        return fail(Errc::invalid,
                    "Clustering column \"{}\" cannot be restricted (preceding column \"{}\" is restricted by "
                    "a non-EQ relation)",
                    column->name, before.name);
    }
    // Of a conditional DELETE it is told later.
    if (!whole_rows && (plan.kind == ModifyPlan::Kind::update || !plan.is_conditional())) {
        bool slice = std::ranges::any_of(where, [&](const Relation& relation) {
            return table.find(relation.columns[0])->role == ColumnRole::clustering &&
                   relation.op != Operator::eq && relation.op != Operator::in;
        });
        if (plan.kind == ModifyPlan::Kind::update && slice)
            return fail(
                Errc::invalid,
                "Slice restrictions are not supported on the clustering columns in UPDATE statements");
        if (plan.kind == ModifyPlan::Kind::update) {
            bool some =
                std::ranges::any_of(plan.where.clustering, [](const auto& on) { return !on.empty(); });
            TRY(check_clustering_given(table, some, given));
            plan.null_clustering = std::uint32_t(std::ranges::count(missing, ',') + !missing.empty());
            return {};
        }
        if (slice || !missing.empty())
            return fail(Errc::invalid, "Range deletions are not supported for specific columns");
    }
    return {};
}

Result<> plan_conditions(const std::vector<Relation>& conditions, ModifyPlan& plan,
                         std::vector<MarkerSpec>& markers) {
    for (const auto& relation : conditions) {
        const auto* column = TRY(resolve_column(plan.table(), relation.columns[0]));
        if (is_key(*column))
            return fail(Errc::invalid, "PRIMARY KEY column '{}' cannot have IF conditions", column->name);
        TRY(note_condition(*column, relation, markers));
        plan.conditions.push_back({column, &relation});
    }
    return {};
}

/// Touching nothing but static columns, a statement is about the partition and not about a row.
void note_only_statics(ModifyPlan& plan) {
    note_targets(plan);
    bool on_statics = plan.writes_statics, on_regulars = plan.writes_regulars;
    for (const auto& condition : plan.conditions)
        (condition.column->role == ColumnRole::static_ ? on_statics : on_regulars) = true;
    plan.only_statics = on_statics && !on_regulars;
}

Result<> plan_update(const Update& update, ModifyPlan& plan, std::vector<MarkerSpec>& markers) {
    plan.kind = ModifyPlan::Kind::update;
    plan.with = &update.with;
    plan.if_exists = update.if_exists;
    note_using(update.with, markers);
    for (const auto& assignment : update.assignments) {
        const auto* column = TRY(resolve_column(plan.table(), assignment.column));
        if (is_key(*column))
            return fail(Errc::invalid, "PRIMARY KEY part {} found in SET part", column->name);
        Operation operation{Operation::Kind::set, column, &assignment.value, nullptr};
        switch (assignment.kind) {
            case Assignment::Kind::set:
                break;
            case Assignment::Kind::set_element:
                operation.kind = Operation::Kind::set_element;
                operation.element = &assignment.element;
                break;
            case Assignment::Kind::set_field:
                operation.kind = Operation::Kind::set_field;
                operation.field = TRY(field_of(*column, assignment.field, &assignment.value));
                break;
            case Assignment::Kind::add:
                operation.kind = Operation::Kind::add;
                break;
            case Assignment::Kind::prepend:
                operation.kind = Operation::Kind::prepend;
                break;
            case Assignment::Kind::subtract:
                operation.kind = Operation::Kind::subtract;
                break;
        }
        plan.operations.push_back(operation);
        TRY(note_operation(plan.table(), operation, markers));
    }
    // Markers are numbered already: conditions may be looked at before what stands in front of them.
    TRY(plan_conditions(update.conditions, plan, markers));
    note_only_statics(plan);
    return plan_where(update.where, plan, false, markers);
}

/// Every key column has its values, one or more. Those of a tuple that is not = are with its first column.
bool exact_key(const ModifyPlan& plan) {
    auto exact = [](const std::vector<Restriction>& on) {
        return on.size() == 1 && (on[0].relation->op == Operator::eq || on[0].relation->op == Operator::in);
    };
    return std::ranges::all_of(plan.where.partition_key, exact) &&
           std::ranges::all_of(plan.where.clustering, exact);
}

Result<> plan_delete(const Delete& statement, ModifyPlan& plan, std::vector<MarkerSpec>& markers) {
    plan.kind = statement.columns.empty() ? ModifyPlan::Kind::delete_rows : ModifyPlan::Kind::delete_cells;
    plan.with = &statement.with;
    plan.if_exists = statement.if_exists;
    if (statement.with.ttl) return fail(Errc::invalid, "DELETE takes no TTL");
    note_using(statement.with, markers);
    for (const auto& [name, element, field] : statement.columns) {
        const auto* column = TRY(resolve_column(plan.table(), name));
        if (is_key(*column))
            return fail(Errc::invalid,
                        "Invalid identifier {} for deletion (should not be a PRIMARY KEY part)", name);
        Operation operation{element ? Operation::Kind::remove_element : Operation::Kind::remove, column,
                            nullptr, element ? &*element : nullptr};
        if (!field.empty()) {
            operation.kind = Operation::Kind::remove_field;
            operation.field = TRY(field_of(*column, field, nullptr));
        }
        plan.operations.push_back(operation);
        TRY(note_operation(plan.table(), operation, markers));
    }
    TRY(plan_conditions(statement.conditions, plan, markers));
    note_only_statics(plan);
    // A partition's or a range's deletion may depend on static columns; only of cells there is a static kind.
    bool whole_rows = statement.columns.empty();
    if (whole_rows && !statement.where.empty()) {
        bool statics = plan.only_statics;
        plan.only_statics = false;
        TRY(plan_where(statement.where, plan, true, markers));
        bool rows = std::ranges::any_of(plan.where.clustering, [](const auto& on) { return !on.empty(); });
        plan.only_statics = statics && !rows;
    } else {
        TRY(plan_where(statement.where, plan, whole_rows, markers));
    }
    bool hides_clustering = whole_rows && plan.table().is_static_compact();
    if (!plan.is_conditional() || (exact_key(plan) && !hides_clustering)) return {};
    if (plan.writes_regulars || whole_rows)
        return fail(
            Errc::invalid,
            "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order "
            "to delete non static columns");
    bool on_regulars = std::ranges::any_of(plan.conditions, [](const Restriction& condition) {
        return condition.column->role == ColumnRole::regular;
    });
    if (on_regulars || (plan.if_exists && !plan.only_statics))
        return fail(
            Errc::invalid,
            "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order "
            "to use IF condition on non static columns");
    return {};
}

void merge(rocksdb::WriteBatch& batch, const std::string& key, const Row& row) {
    std::string bytes;
    append_row(bytes, row);
    batch.Merge(key, bytes);
}

/// Reads one row (or a partition's static values), applies the operations on it, adds what is to be written.
Result<> append_read_write(RowBuilder& builder, const std::string& key, bool is_static, Database& database,
                           rocksdb::WriteBatch& batch) {
    auto end = is_static ? key.substr(0, key.size() - 1) + row_tag : key + '\0';
    RowCursor cursor(database, builder.plan.ref.table, {{key, end}});
    cursor.read_at(builder.now);
    cursor.show_static_partitions();
    if (TRY(cursor.next())) builder.existing = is_static ? cursor.static_row() : cursor.row();
    for (const auto& operation : builder.plan.operations)
        if ((operation.column->role == ColumnRole::static_) == is_static) TRY(builder.apply(operation));
    normalize(builder.row, builder.kept);
    TRY(check_indexed_values(builder.plan.table(), builder.row));
    if (!builder.row.cells.empty()) merge(batch, key, builder.row);
    return {};
}

Result<std::int64_t> timestamp_of(const Using& with, const Bindings& bindings, std::int64_t otherwise) {
    if (!with.timestamp) return otherwise;
    auto value = TRY(evaluate(*with.timestamp, Kind::bigint, "[timestamp]", bindings));
    if (value.state == Value::State::unset) return otherwise;
    if (!value.is_set() || value.bytes.size() != 8)
        return fail(Errc::invalid, "Invalid null value of timestamp");
    auto timestamp = load_big_endian<std::int64_t>(value.bytes.data());
    if (timestamp == INT64_MIN)
        return fail(Errc::invalid, "Out of bound timestamp, must be in [{}, {}]", INT64_MIN + 1, INT64_MAX);
    return timestamp;
}

Result<std::int32_t> ttl_of(const TableDefinition& table, const Using& with, const Bindings& bindings) {
    std::int64_t ttl = 0;
    if (auto option = table.options.find("default_time_to_live"); option != table.options.end())
        ttl = std::atoll(option->second.c_str());
    if (with.ttl) {
        auto value = TRY(evaluate(*with.ttl, Kind::int_, "[ttl]", bindings));
        if (value.is_null())
            ttl = 0;
        else if (value.is_set() && value.bytes.size() == 4)
            ttl = load_big_endian<std::int32_t>(value.bytes.data());
    }
    if (ttl < 0) return fail(Errc::invalid, "A TTL must be greater or equal to 0, but was {}", ttl);
    if (ttl > most_ttl)
        return fail(Errc::invalid, "ttl is too large. requested ({}) maximum ({})", ttl, most_ttl);
    return std::int32_t(ttl);
}

/// The last clustering columns of a row, as many as a dense table's row is without.
void append_nulls(const TableDefinition& table, std::uint32_t count, std::string& clustering) {
    for (auto i = table.key_columns() - count; i < table.key_columns(); ++i)
        append_clustering(clustering, table.columns[i], std::nullopt);
}

/// Key columns' values of an INSERT; the last ones may be left out where they may be null.
Result<ConditionalRow> join_key(const TableDefinition& table, const std::vector<Value>& values,
                                bool is_static) {
    std::vector<std::string_view> partition;
    ConditionalRow out;
    out.is_static = is_static;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto& column = table.columns[i];
        if (out.is_static && i >= table.partition_columns) break;
        if (!values[i].is_set()) {
            if (values[i].is_null())
                return fail(Errc::invalid, "Invalid null value in condition for column {}", column.name);
            return fail(Errc::invalid, "Invalid unset value for column {}", column.name);
        }
        if (i < table.partition_columns)
            partition.push_back(values[i].bytes);
        else
            append_clustering(out.clustering, column, values[i].bytes);
    }
    if (!is_static) append_nulls(table, table.key_columns() - std::uint32_t(values.size()), out.clustering);
    out.partition_key = TRY(join_partition_key(table, partition));
    return out;
}

Result<ConditionalRow> insert_key(const ModifyPlan& plan, const Bindings& bindings) {
    std::vector<Value> values;
    auto count = plan.only_statics ? plan.table().partition_columns : plan.table().key_columns();
    for (std::size_t i = 0; i < count && plan.key[i] != nullptr; ++i)
        values.push_back(TRY(
            evaluate(*plan.key[i], plan.table().columns[i].type, plan.table().columns[i].name, bindings)));
    return join_key(plan.table(), values, plan.only_statics);
}

struct JsonInsert {
    ConditionalRow key;
    std::vector<std::pair<const ColumnDefinition*, std::optional<std::string>>> cells;
};

Result<JsonInsert> read_json(const ModifyPlan& plan, const Bindings& bindings) {
    const auto& table = plan.table();
    auto text = TRY(evaluate(*plan.json, Kind::text, "[json]", bindings));
    if (!text.is_set()) return fail(Errc::invalid, "Got null for INSERT JSON values");
    auto object = TRY(parse_json_columns(table, text.bytes));
    JsonInsert out;
    std::vector<Value> key;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const auto& column = table.columns[i];
        auto found = object.find(column.name);
        bool has = found != object.end();
        if (i < table.key_columns()) {
            if (has && found->second)
                key.push_back({Value::State::set, *found->second});
            else
                key.emplace_back();
        } else if (has || !plan.json_default_unset) {
            out.cells.emplace_back(&column, has ? found->second : std::nullopt);
        }
    }
    out.key = TRY(join_key(table, key, false));
    return out;
}

/// Cassandra keeps a row's clustering values behind a length of 16 bits, and the one of a dense table as the
/// whole name of a cell.
Result<> check_clustering(const TableDefinition& table, const std::string& encoded) {
    bool names_cell = table.is_dense() && table.clustering_columns == 1;
    if (encoded.size() <= max_partition_key && !names_cell) return {};
    std::vector<std::optional<std::string>> values;
    split_clustering(table, encoded, values);
    std::size_t size = 0;
    for (const auto& value : values) size += value ? value->size() : 0;
    if (names_cell && size == 0)
        return fail(Errc::invalid, "Invalid empty or null value for column {}",
                    table.columns[table.partition_columns].name);
    if (size > max_partition_key)
        return fail(Errc::invalid, "Key length of {} is longer than maximum of {}", size, max_partition_key);
    return {};
}

std::string row_key(const TableDefinition& table, const ConditionalRow& row) {
    return row_range(table, row.partition_key, row.clustering).from;
}

Result<> append_row_deletions(const ModifyPlan& plan, const Bindings& bindings, const Deletion& deletion,
                              rocksdb::WriteBatch& batch) {
    const auto& table = plan.table();
    Row row;
    row.deletion = deletion;
    auto keys = TRY(partition_keys(table, plan.where, bindings));
    auto ranges = TRY(clustering_ranges(table, plan.where, bindings));
    for (const auto& key : keys) {
        for (const auto& range : ranges) {
            if (range.single || table.clustering_columns == 0) {
                TRY(check_clustering(table, range.from));
                merge(batch, row_key(table, {key, range.from}), row);
                continue;
            }
            if (!range.to.empty() && range.from >= range.to) continue;
            auto deletion_key = partition_prefix(table.id, key) + deletion_tag;
            if (!range.from.empty() || !range.to.empty())
                deletion_key += range_deletion_rest(range.from, range.to);
            merge(batch, deletion_key, row);
        }
    }
    return {};
}

}  // namespace

Result<ModifyPlan> plan_modify(const Modification& statement, const Catalogue& catalogue,
                               std::string_view session_keyspace, std::vector<MarkerSpec>& markers) {
    ModifyPlan plan;
    const auto& name = std::visit([](const auto& one) -> const Name& { return one.table; }, statement);
    plan.ref = TRY(resolve_writable(catalogue, name, session_keyspace));
    if (plan.ref.table->view) return fail(Errc::invalid, "Cannot directly modify a materialized view");
    if (const auto* insert = std::get_if<Insert>(&statement))
        TRY(plan_insert(*insert, plan, markers));
    else if (const auto* update = std::get_if<Update>(&statement))
        TRY(plan_update(*update, plan, markers));
    else
        TRY(plan_delete(std::get<Delete>(statement), plan, markers));
    if (plan.is_conditional() && plan.with->timestamp)
        return fail(Errc::invalid, "Cannot provide custom timestamp for conditional updates");
    if (plan.table().is_counter() && (plan.with->timestamp || plan.with->ttl))
        return fail(Errc::invalid, "Cannot provide custom {} for counter updates",
                    plan.with->ttl ? "TTL" : "timestamp");
    return plan;
}

Result<ConditionalRow> conditional_row(const ModifyPlan& plan, const Bindings& bindings) {
    if (plan.kind == ModifyPlan::Kind::insert) return insert_key(plan, bindings);
    if (plan.kind == ModifyPlan::Kind::insert_json) return TRY(read_json(plan, bindings)).key;
    auto verb = plan.kind == ModifyPlan::Kind::update ? "updates" : "deletions";
    auto keys = TRY(partition_keys(plan.table(), plan.where, bindings));
    if (plan.where.has_partition_in || keys.size() != 1)
        return fail(Errc::invalid, "IN on the partition key is not supported with conditional {}", verb);
    if (plan.only_statics) return ConditionalRow{keys[0], {}, true};
    bool in = std::ranges::any_of(plan.where.clustering, [](const auto& on) {
        return std::ranges::any_of(on, [](const auto& one) { return one.relation->op == Operator::in; });
    });
    if (in && plan.is_conditional())
        return fail(Errc::invalid, "IN on the clustering key columns is not supported with conditional {}",
                    verb);
    auto ranges = TRY(clustering_ranges(plan.table(), plan.where, bindings));
    ConditionalRow out{keys[0], ranges.empty() ? std::string() : ranges[0].from, false};
    append_nulls(plan.table(), plan.null_clustering, out.clustering);
    return out;
}

Result<> append_writes(const ModifyPlan& plan, const Bindings& bindings, WriteTime time,
                       rocksdb::WriteBatch& batch) {
    const auto& table = plan.table();
    auto timestamp = TRY(timestamp_of(*plan.with, bindings, time.timestamp_us));
    if (plan.kind == ModifyPlan::Kind::delete_rows)
        return append_row_deletions(plan, bindings, {timestamp, std::uint32_t(time.now_seconds)}, batch);

    auto ttl = TRY(ttl_of(table, *plan.with, bindings));
    RowBuilder builder{plan, bindings, timestamp, time.now_seconds, ttl, {}, {}};
    RowBuilder statics{plan, bindings, timestamp, time.now_seconds, ttl, {}, {}};
    auto builder_of = [&](const ColumnDefinition& column) -> RowBuilder& {
        return column.role == ColumnRole::static_ ? statics : builder;
    };
    std::vector<std::string> keys, static_keys;
    bool inserts = plan.kind == ModifyPlan::Kind::insert || plan.kind == ModifyPlan::Kind::insert_json;
    auto add_key = [&](const ConditionalRow& row) {
        if (!row.is_static) keys.push_back(row_key(table, row));
        if (table.static_columns > 0) static_keys.push_back(static_key(table, row.partition_key));
    };
    if (inserts && table.has_row_markers()) {
        builder.row.marker.timestamp = timestamp;
        if (ttl > 0) {
            builder.row.marker.ttl = std::uint32_t(ttl);
            builder.row.marker.expires_at = builder.expiry();
        }
    }
    if (plan.kind == ModifyPlan::Kind::insert) {
        auto key = TRY(insert_key(plan, bindings));
        TRY(check_clustering(table, key.clustering));
        add_key(key);
    } else if (plan.kind == ModifyPlan::Kind::insert_json) {
        auto json = TRY(read_json(plan, bindings));
        TRY(check_clustering(table, json.key.clustering));
        add_key(json.key);
        for (auto& [column, bytes] : json.cells) builder_of(*column).set(*column, std::move(bytes));
    } else {
        auto partitions = TRY(partition_keys(table, plan.where, bindings));
        auto rows = TRY(clustering_ranges(table, plan.where, bindings));
        for (auto& row : rows) {
            append_nulls(table, plan.null_clustering, row.from);
            TRY(check_clustering(table, row.from));
        }
        for (const auto& partition : partitions) {
            if (plan.writes_statics) static_keys.push_back(static_key(table, partition));
            if (plan.writes_regulars)
                for (const auto& row : rows) keys.push_back(row_key(table, {partition, row.from}));
        }
    }
    if (plan.reads_lists) {
        for (const auto* one : {&keys, &static_keys})
            for (const auto& key : *one) {
                bool is_static = one == &static_keys;
                RowBuilder each{plan, bindings, timestamp, time.now_seconds, ttl, {}, {}};
                TRY(append_read_write(each, key, is_static, *time.database, batch));
            }
        return {};
    }
    for (const auto& operation : plan.operations) TRY(builder_of(*operation.column).apply(operation));
    normalize(builder.row, builder.kept);
    normalize(statics.row, statics.kept);
    for (const auto* row : {&builder.row, &statics.row}) TRY(check_indexed_values(table, *row));
    for (const auto& key : keys) merge(batch, key, builder.row);
    if (statics.row.cells.empty()) return {};
    for (const auto& key : static_keys) merge(batch, key, statics.row);
    return {};
}

}  // namespace penstock::store::cql
