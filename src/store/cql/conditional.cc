#include "store/cql/conditional.h"

#include <algorithm>
#include <map>

#include "store/bytes.h"
#include "store/cql/operators.h"
#include "store/cql/term_value.h"
#include "store/cql/token_stream.h"
#include "store/row_cursor.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

using OptionalBytes = std::optional<std::string>;

/// What the condition's values are compared with: the column, or an element of it.
Result<DataType> compared_type(const ColumnDefinition& column, const Relation& relation) {
    const auto& type = column.type;
    if (relation.op == Operator::contains && !type.is_collection())
        return fail(Errc::invalid, "Cannot use CONTAINS on non-collection column {}", column.name);
    if (relation.op == Operator::contains_key && type.kind != Kind::map)
        return fail(Errc::invalid, "Cannot use CONTAINS KEY on non-map column {}", column.name);
    if (relation.op == Operator::contains) return type.parameters.back();
    if (relation.op == Operator::contains_key) return type.parameters[0];
    if (relation.kind == Relation::Kind::field) {
        if (column.type.kind != Kind::udt)
            return fail(Errc::invalid, "Invalid field access syntax for non-UDT column {}", column.name);
        auto field = column.type.user->field(relation.field);
        if (field < 0)
            return fail(Errc::invalid, "Unknown field {} for column {}", relation.field, column.name);
        return column.type.parameters[std::size_t(field)];
    }
    if (relation.kind != Relation::Kind::element) return column.type;
    if (!column.type.is_collection())
        return fail(Errc::invalid, "Invalid element access syntax for non-collection column {}", column.name);
    if (column.type.kind == Kind::set)
        return fail(Errc::invalid, "Invalid element access syntax for set column {}", column.name);
    return column.type.parameters.back();
}

DataType element_type(const ColumnDefinition& column) {
    return column.type.kind == Kind::list ? DataType(Kind::int_) : column.type.parameters[0];
}

bool matches(Operator op, const DataType& type, const OptionalBytes& wanted, const OptionalBytes& found) {
    if (!wanted) return (op == Operator::ne) == found.has_value();
    if (!found) return op == Operator::ne;
    return is_met(op, compare(type, *found, *wanted));
}

/// A condition on a column with its values ready.
struct ColumnCheck {
    const ColumnDefinition* column = nullptr;
    DataType type;
    Operator op = Operator::eq;
    std::vector<OptionalBytes> values;
    OptionalBytes element;
    std::optional<std::size_t> field;
    std::string fault;  ///< why it cannot be compared; an error when it comes to that

    OptionalBytes picked(const OptionalBytes& whole) const {
        if (field && whole) {
            std::vector<std::optional<std::string_view>> fields;
            split_tuple(*whole, fields);
            if (*field >= fields.size() || !fields[*field]) return {};
            return OptionalBytes(std::in_place, *fields[*field]);
        }
        if (!element || !whole) return element ? OptionalBytes() : whole;
        bool map = column->type.kind == Kind::map;
        std::vector<std::string_view> parts;
        split_collection(*whole, map, parts);
        if (!map) {
            auto index = load_big_endian<std::int32_t>(element->data());
            if (std::size_t(index) >= parts.size()) return {};
            return OptionalBytes(std::in_place, parts[std::size_t(index)]);
        }
        for (std::size_t i = 0; i + 1 < parts.size(); i += 2)
            if (compare(column->type.parameters[0], parts[i], *element) == 0)
                return OptionalBytes(std::in_place, parts[i + 1]);
        return {};
    }

    /// CONTAINS and CONTAINS KEY.
    bool has_element(const OptionalBytes& whole) const {
        if (!whole) return false;
        bool map = column->type.kind == Kind::map;
        std::vector<std::string_view> parts;
        split_collection(*whole, map, parts);
        std::size_t step = map ? 2 : 1;
        for (std::size_t i = map && op == Operator::contains ? 1 : 0; i < parts.size(); i += step)
            if (compare(type, parts[i], *values[0]) == 0) return true;
        return false;
    }

    bool holds(const OptionalBytes& whole) const {
        if (op == Operator::contains || op == Operator::contains_key) return has_element(whole);
        auto found = picked(whole);
        auto against = [&](const OptionalBytes& wanted) {
            // Of a collection that is not frozen empty and null are the same.
            bool empty = wanted && type.is_multi_cell() && type.is_collection() && wanted->size() == 4 &&
                         load_big_endian<std::int32_t>(wanted->data()) == 0;
            return matches(op, type, empty ? OptionalBytes() : wanted, found);
        };
        return std::ranges::any_of(values, against);
    }
};

Result<ColumnCheck> check_of(const Restriction& condition, const Bindings& bindings) {
    const auto& [column, relation] = condition;
    ColumnCheck out{column, TRY(compared_type(*column, *relation)), relation->op, {}, {}};
    if (relation->kind == Relation::Kind::field)
        out.field = std::size_t(column->type.user->field(relation->field));
    if (relation->element) {
        auto element = TRY(evaluate(*relation->element, element_type(*column), column->name, bindings));
        bool list = column->type.kind == Kind::list;
        if (!element.is_set())
            return fail(Errc::invalid, "Invalid null value for {} element access", list ? "list" : "map");
        if (list && load_big_endian<std::int32_t>(element.bytes.data()) < 0)
            return fail(Errc::invalid, "Invalid negative list index {}",
                        load_big_endian<std::int32_t>(element.bytes.data()));
        out.element = std::move(element.bytes);
    }
    if (relation->in_marker) {
        auto list = TRY(
            evaluate(relation->values[0], DataType(Kind::list, {out.type}, true), column->name, bindings));
        if (list.state == Value::State::unset)
            return fail(Errc::invalid, "Invalid 'unset' value in condition");
        if (!list.is_set()) return fail(Errc::invalid, "Invalid null list in IN condition");
        std::vector<std::string_view> elements;
        split_collection(list.bytes, false, elements);
        for (auto element : elements) out.values.emplace_back(element);
        return out;
    }
    for (const auto& term : relation->values) {
        auto value = TRY(evaluate(term, out.type, column->name, bindings));
        if (value.state == Value::State::unset) {
            if (relation->op == Operator::in) continue;
            return fail(Errc::invalid, "Invalid 'unset' value in condition");
        }
        bool slice =
            relation->op != Operator::eq && relation->op != Operator::ne && relation->op != Operator::in;
        if (value.is_null() && slice)
            out.fault = fmt::format("Invalid comparison with null for operator \"{}\"", symbol(relation->op));
        bool empty = out.type.is_multi_cell() && out.type.is_collection() && value.bytes.size() == 4 &&
                     load_big_endian<std::int32_t>(value.bytes.data()) == 0;
        if (empty && slice)
            out.fault = fmt::format("Invalid comparison with an empty {} for operator \"{}\"",
                                    out.type.kind == Kind::list  ? "list"
                                    : out.type.kind == Kind::set ? "set"
                                                                 : "map",
                                    symbol(relation->op));
        out.values.push_back(value.is_set() ? OptionalBytes(std::move(value.bytes)) : std::nullopt);
    }
    return out;
}

/// What must hold of one row, or of the static values.
struct RowCheck {
    enum class Kind { columns, exists, not_exists };
    Kind kind = Kind::columns;
    std::vector<ColumnCheck> columns;
};

/// What was found of one row.
struct FoundRow {
    std::string clustering;
    std::vector<OptionalBytes> values;  ///< by column index
};

struct Reader {
    Database& database;
    const TableDefinition& table;
    std::shared_ptr<const TableDefinition> definition;
    std::string partition_key;
    std::vector<bool> wanted;  ///< columns, by index
    std::int64_t now_seconds;
    std::int64_t newest = no_timestamp;

    std::map<std::string, FoundRow> rows;
    std::vector<OptionalBytes> statics;  ///< by column index
    bool has_statics = false;

    void note(const Row& row) {
        newest = std::max(newest, row.marker.timestamp);
        for (const auto& cell : row.cells) newest = std::max(newest, cell.timestamp);
    }

    void read_cells(const Row& row, ColumnRole role, std::vector<OptionalBytes>& out) const {
        for (std::size_t i = table.key_columns(); i < table.columns.size(); ++i) {
            const auto& column = table.columns[i];
            if (column.role != role || !wanted[i]) continue;
            if (column.type.is_multi_cell()) {
                std::string bytes;
                if (collect_elements(row, column, bytes)) out[i] = std::move(bytes);
                continue;
            }
            for (const auto& cell : row.cells)
                if (cell.column == column.id) out[i] = std::string(cell.value);
        }
    }

    Result<> read(std::vector<KeyRange> ranges, bool first_row_only) {
        statics.resize(table.columns.size());
        RowCursor cursor(database, definition, std::move(ranges));
        cursor.read_at(now_seconds);
        cursor.show_static_partitions();
        std::vector<std::string_view> partition;
        split_partition_key(table, partition_key, partition);
        while (TRY(cursor.next())) {
            if (table.static_columns > 0) {
                note(cursor.static_row());
                read_cells(cursor.static_row(), ColumnRole::static_, statics);
            }
            if (cursor.is_static_only()) continue;
            const auto& row = cursor.row();
            note(row);
            FoundRow found{std::string(cursor.parsed().rest), {}};
            found.values.resize(table.columns.size());
            for (std::size_t i = 0; i < table.partition_columns; ++i)
                found.values[i] = std::string(partition[i]);
            std::vector<std::optional<std::string>> clustering;
            split_clustering(table, found.clustering, clustering);
            for (std::size_t i = 0; i < clustering.size(); ++i)
                found.values[table.partition_columns + i] = clustering[i];
            read_cells(row, ColumnRole::regular, found.values);
            auto key = found.clustering;
            rows.emplace(std::move(key), std::move(found));
            if (first_row_only) break;
        }
        has_statics = std::ranges::any_of(statics, [](const auto& value) { return value.has_value(); });
        return {};
    }
};

struct Decision {
    const std::vector<ConditionalStatement>& statements;
    bool is_batch;
    const TableDefinition& table;
    std::string partition_key;
    std::map<std::string, RowCheck> rows;
    std::optional<RowCheck> statics;
    /// In the order of the conditions; none: all of them, because some row's existence is asked for.
    std::optional<std::vector<const ColumnDefinition*>> shown{std::in_place};

    Result<> merge_existence(RowCheck& check, bool fresh, RowCheck::Kind kind) {
        if (fresh) {
            check.kind = kind;
            return {};
        }
        if (check.kind == kind) return {};
        if (check.kind != RowCheck::Kind::columns)
            return fail(Errc::invalid, "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row");
        return fail(Errc::invalid, "Cannot mix IF conditions and IF {}EXISTS for the same row",
                    kind == RowCheck::Kind::not_exists ? "NOT " : "");
    }

    Result<> add(const ConditionalStatement& statement) {
        const auto& plan = *statement.plan;
        if (!plan.is_conditional()) return {};
        auto at = TRY(conditional_row(plan, statement.bindings));
        if (plan.if_exists || plan.if_not_exists) {
            auto kind = plan.if_exists ? RowCheck::Kind::exists : RowCheck::Kind::not_exists;
            shown.reset();
            if (at.is_static) {
                bool fresh = !statics;
                if (fresh) statics.emplace();
                return merge_existence(*statics, fresh, kind);
            }
            auto [row, fresh] = rows.try_emplace(at.clustering);
            return merge_existence(row->second, fresh, kind);
        }
        for (const auto& condition : plan.conditions) {
            bool is_static = condition.column->role == ColumnRole::static_;
            if (is_static && !statics) statics.emplace();
            auto& check = is_static ? *statics : rows[at.clustering];
            if (check.kind != RowCheck::Kind::columns)
                return fail(Errc::invalid, "Cannot mix IF conditions and IF NOT EXISTS for the same row");
            check.columns.push_back(TRY(check_of(condition, statement.bindings)));
            if (shown && std::ranges::find(*shown, condition.column) == shown->end())
                shown->push_back(condition.column);
        }
        return {};
    }

    std::vector<KeyRange> ranges() const {
        std::vector<KeyRange> out;
        auto prefix = partition_prefix(table.id, partition_key);
        // With nothing but static conditions the partition's first row is looked at, too: is there any?
        if (rows.empty()) return {{prefix + static_tag, after_prefix(prefix)}};
        if (table.static_columns > 0) out.push_back({prefix + static_tag, prefix + row_tag});
        for (const auto& [clustering, check] : rows)
            out.push_back(row_range(table, partition_key, clustering));
        return out;
    }

    Result<bool> holds(const RowCheck& check, bool exists, const std::vector<OptionalBytes>& values) const {
        if (check.kind == RowCheck::Kind::exists) return exists;
        if (check.kind == RowCheck::Kind::not_exists) return !exists;
        for (const auto& one : check.columns) {
            if (!one.fault.empty()) return fail(Errc::invalid, "{}", one.fault);
            if (!one.holds(values[std::size_t(one.column - table.columns.data())])) return false;
        }
        return true;
    }

    /// In order, and no further than to the first that does not.
    Result<bool> holds(const Reader& found) const {
        if (statics && !TRY(holds(*statics, found.has_statics, found.statics))) return false;
        const std::vector<OptionalBytes> nothing(table.columns.size());
        for (const auto& [clustering, check] : rows) {
            auto row = found.rows.find(clustering);
            bool exists = row != found.rows.end();
            if (!TRY(holds(check, exists, exists ? row->second.values : nothing))) return false;
        }
        return true;
    }

    /// The columns of the result behind [applied].
    std::vector<const ColumnDefinition*> result_columns() const {
        std::vector<const ColumnDefinition*> out;
        if (!shown || is_batch)
            for (std::size_t i = 0; i < table.key_columns(); ++i) out.push_back(&table.columns[i]);
        if (shown) {
            out.insert(out.end(), shown->begin(), shown->end());
            return out;
        }
        for (std::size_t i = table.key_columns(); i < table.columns.size(); ++i)
            out.push_back(&table.columns[i]);
        std::sort(out.begin() + table.key_columns(), out.end(), [](const auto* a, const auto* b) {
            return std::tuple(a->role != ColumnRole::static_, std::string_view(a->name)) <
                   std::tuple(b->role != ColumnRole::static_, std::string_view(b->name));
        });
        return out;
    }

    void show(const Reader& found, ConditionalOutcome& outcome) const {
        auto columns = result_columns();
        auto add = [&](const std::vector<OptionalBytes>& values) {
            outcome.rows.push_back({std::string(1, '\0')});
            for (const auto* column : columns) {
                auto index = std::size_t(column - table.columns.data());
                outcome.rows.back().push_back(column->role == ColumnRole::static_ ? found.statics[index]
                                                                                  : values[index]);
            }
        };
        for (const auto& [clustering, row] : found.rows) add(row.values);
        if (found.rows.empty() && found.has_statics) {
            std::vector<OptionalBytes> values(table.columns.size());
            std::vector<std::string_view> partition;
            split_partition_key(table, partition_key, partition);
            for (std::size_t i = 0; i < partition.size(); ++i) values[i] = std::string(partition[i]);
            add(values);
        }
        if (outcome.rows.empty())
            outcome.rows.push_back({std::string(1, '\0')});
        else
            for (const auto* column : columns)
                outcome.columns.push_back(column_spec(table, column->name, column->type));
    }

    /// Which columns are looked at: all of a kind that is written, and those of the conditions.
    std::vector<bool> wanted() const {
        bool statics_written = false, rows_written = false;
        for (const auto& statement : statements) {
            const auto& plan = *statement.plan;
            rows_written = rows_written || !plan.only_statics;
            statics_written = statics_written || (plan.is_conditional() && plan.writes_statics);
        }
        std::vector<bool> out(table.columns.size(), true);
        for (std::size_t i = table.key_columns(); i < table.columns.size(); ++i)
            out[i] = table.columns[i].role == ColumnRole::static_ ? statics_written : rows_written;
        for (const auto& statement : statements)
            for (const auto& condition : statement.plan->conditions)
                out[std::size_t(condition.column - table.columns.data())] = true;
        return out;
    }
};

}  // namespace

Result<> note_condition(const ColumnDefinition& column, const Relation& relation,
                        std::vector<MarkerSpec>& markers) {
    if (column.type.kind == Kind::counter)
        return fail(Errc::invalid, "Conditions on counters are not supported");
    if (relation.kind == Relation::Kind::tuple || relation.kind == Relation::Kind::token)
        return fail(Errc::invalid, "{}line 1:0 no viable alternative at input '('", syntax_prefix);
    bool contains = relation.op == Operator::contains || relation.op == Operator::contains_key;
    bool known = (!contains || relation.kind == Relation::Kind::column) && relation.op != Operator::like &&
                 relation.op != Operator::not_null;
    if (!known)
        return fail(Errc::invalid, "{}line 1:0 no viable alternative at input '{}'", syntax_prefix,
                    relation.op == Operator::not_null ? "IS NOT" : symbol(relation.op));
    auto type = TRY(compared_type(column, relation));
    bool slice = !contains && relation.op != Operator::eq && relation.op != Operator::ne &&
                 relation.op != Operator::in;
    if (slice && type.kind == Kind::duration)
        return fail(Errc::invalid, "Slice conditions ( {} ) are not supported on durations",
                    symbol(relation.op));
    if (slice && has_duration(type))
        return fail(Errc::invalid, "Slice conditions are not supported on {} containing durations",
                    type.is_collection()     ? "collections"
                    : type.kind == Kind::udt ? "UDTs"
                                             : "tuples");
    if (relation.element)
        note_markers(*relation.element, element_type(column),
                     (column.type.kind == Kind::list ? "idx(" : "key(") + column.name + ")", markers);
    for (const auto& value : relation.values) {
        if (relation.in_marker)
            note_markers(value, DataType(Kind::list, {type}, true), "in(" + column.name + ")", markers);
        else
            note_markers(value, type, relation.element ? "value(" + column.name + ")" : column.name, markers);
    }
    return {};
}

Result<std::string> conditional_partition(const std::vector<ConditionalStatement>& statements) {
    std::optional<std::string> out;
    for (const auto& statement : statements) {
        const auto& plan = *statement.plan;
        if (plan.ref.table != statements[0].plan->ref.table)
            return fail(Errc::invalid, "Batch with conditions cannot span multiple tables");
        auto row = TRY(conditional_row(plan, statement.bindings));
        if (out && *out != row.partition_key)
            return fail(Errc::invalid, "Batch with conditions cannot span multiple partitions");
        out = std::move(row.partition_key);
    }
    return out.value_or("");
}

Result<ConditionalOutcome> compare_and_set(Database& database,
                                           const std::vector<ConditionalStatement>& statements, bool is_batch,
                                           WriteTime time) {
    const auto& plan = *statements[0].plan;
    Decision decision{statements, is_batch, plan.table(), TRY(conditional_partition(statements)), {}, {}};
    for (const auto& statement : statements) TRY(decision.add(statement));
    Reader found{database,          plan.table(),    plan.ref.table, decision.partition_key,
                 decision.wanted(), time.now_seconds};
    TRY(found.read(decision.ranges(), decision.rows.empty()));
    ConditionalOutcome outcome;
    outcome.columns.push_back(column_spec(plan.table(), "[applied]", Kind::boolean));
    if (!TRY(decision.holds(found))) {
        decision.show(found, outcome);
        return outcome;
    }
    outcome.rows.push_back({std::string(1, '\x01')});
    // Whoever wrote last, with whatever clock: what is decided now comes after.
    if (found.newest != no_timestamp) time.timestamp_us = std::max(time.timestamp_us, found.newest + 1);
    outcome.batch.emplace();
    for (const auto& statement : statements)
        TRY(append_writes(*statement.plan, statement.bindings, time, *outcome.batch));
    return outcome;
}

}  // namespace penstock::store::cql
