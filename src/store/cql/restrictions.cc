#include "store/cql/restrictions.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/cql/functions.h"
#include "store/cql/operators.h"
#include "store/cql/relation_merge.h"
#include "store/cql/token_stream.h"
#include "store/token.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

constexpr std::size_t most_keys = 10'000;

bool is_slice(Operator op) {
    return op == Operator::lt || op == Operator::le || op == Operator::gt || op == Operator::ge;
}

/// The type that the condition's values have.
Result<DataType> value_type(const ColumnDefinition& column, const Relation& relation) {
    const auto& type = column.type;
    if (relation.kind == Relation::Kind::field)
        return fail(Errc::invalid, "{}line 1:0 no viable alternative at input '.'", syntax_prefix);
    bool other = relation.op != Operator::ne && relation.op != Operator::not_null &&
                 relation.op != Operator::contains && relation.op != Operator::contains_key;
    if (type.kind == Kind::udt && type.is_multi_cell() && other)
        return fail(Errc::invalid, "Non-frozen UDT column '{}' ({}) cannot be restricted by any relation",
                    column.name, to_string(type));
    switch (relation.op) {
        case Operator::contains:
            if (!type.is_collection())
                return fail(Errc::invalid, "Cannot use CONTAINS on non-collection column {}", column.name);
            return type.parameters.back();
        case Operator::contains_key:
            if (type.kind != Kind::map)
                return fail(Errc::invalid, "Cannot use CONTAINS KEY on non-map column {}", column.name);
            return type.parameters[0];
        case Operator::ne:
            return fail(Errc::invalid, "Unsupported \"!=\" relation: {} != {}", column.name,
                        relation.values.empty() ? "" : term_text(relation.values[0]));
        case Operator::not_null:
            return fail(Errc::invalid, "Unsupported restriction: {} IS NOT NULL", column.name);
        default:
            break;
    }
    if (relation.kind == Relation::Kind::element) {
        if (type.kind == Kind::list)
            return fail(Errc::invalid,
                        "Indexes on list entries ({}[index] = value) are not currently supported.",
                        column.name);
        if (type.kind != Kind::map)
            return fail(Errc::invalid, "Column {} cannot be used as a map", column.name);
        if (type.frozen)
            return fail(Errc::invalid,
                        "Map-entry equality predicates on frozen map column {} are not supported",
                        column.name);
        if (relation.op == Operator::in)
            return fail(Errc::invalid, "{}line 1:0 no viable alternative at input 'IN'", syntax_prefix);
        if (relation.op != Operator::eq)
            return fail(Errc::invalid, "Only EQ relations are supported on map entries");
        return type.parameters[1];
    }
    if (type.is_multi_cell())
        return fail(Errc::invalid, "Collection column '{}' ({}) cannot be restricted by a '{}' relation",
                    column.name, to_string(type), relation.single_in ? "IN" : symbol(relation.op));
    return type;
}

/// Durations have no order: a month may be longer than 30 days, or not.
Result<> check_slice(const DataType& type, Operator op) {
    if (!is_slice(op) || !has_duration(type)) return {};
    if (type.kind == Kind::duration)
        return fail(Errc::invalid, "Slice restrictions are not supported on duration columns");
    return fail(Errc::invalid, "Slice restrictions are not supported on {} containing durations",
                type.is_collection()     ? "collections"
                : type.kind == Kind::udt ? "UDTs"
                                         : "tuples");
}

Result<> note(const ColumnDefinition& column, const Relation& relation, std::vector<MarkerSpec>& markers) {
    if (relation.kind == Relation::Kind::column && column.type.kind == Kind::udt)
        TRY(check_slice(column.type, relation.op));
    auto type = TRY(value_type(column, relation));
    TRY(check_slice(type, relation.op));
    for (const auto& value : relation.values) {
        if (value.kind == Term::Kind::function && is_aggregate(value.text))
            return fail(Errc::invalid, "Aggregation function are not supported in the where clause");
        if (!relation.in_marker) TRY(check_constant(value, type, column.name));
        if (relation.in_marker)
            note_markers(value, DataType(Kind::list, {type}, true), "in(" + column.name + ")", markers);
        else if (relation.kind == Relation::Kind::column && type == column.type)
            note_column_markers(value, column, markers);
        else
            note_markers(value, type, column.name, markers);
    }
    if (relation.element)
        note_markers(*relation.element, column.type.parameters[0], "key(" + column.name + ")", markers);
    return {};
}

/// A value that is null or unset, in Cassandra's words.
std::unexpected<Error> missing_value(const ColumnDefinition& column, const Relation& relation,
                                     const Value& value) {
    auto state = value.is_null() ? "null" : "unset";
    if (relation.op == Operator::like && !value.is_null()) return empty_pattern();
    if (value.is_null() && column.type.kind == Kind::counter)
        return fail(Errc::invalid, "Invalid null value for counter increment/decrement");
    if (relation.kind == Relation::Kind::element)
        return fail(Errc::invalid, "Unsupported {} map value for column {}", state, column.name);
    if (relation.op == Operator::contains || relation.op == Operator::contains_key)
        return fail(Errc::invalid, "Unsupported {} value for column {}", state, column.name);
    bool of_key = column.role == ColumnRole::partition_key || column.role == ColumnRole::clustering;
    if (value.is_null())
        return fail(Errc::invalid, "{} for column {}",
                    of_key ? "Invalid null value in condition" : "Unsupported null value", column.name);
    return fail(Errc::invalid, "{} unset value for column {}", of_key ? "Invalid" : "Unsupported",
                column.name);
}

/// The condition's values; a null is an error as in Cassandra. IN's are sorted, each once.
Result<std::vector<std::string>> values_of(const ColumnDefinition& column, const Relation& relation,
                                           const Bindings& bindings) {
    auto type = TRY(value_type(column, relation));
    std::vector<std::string> out;
    if (relation.in_marker) {
        auto list =
            TRY(evaluate(relation.values[0], DataType(Kind::list, {type}, true), column.name, bindings));
        if (!list.is_set())
            return fail(Errc::invalid, "Invalid {} value for column {}", list.is_null() ? "null" : "unset",
                        column.name);
        std::vector<std::string_view> elements;
        split_collection(list.bytes, false, elements);
        out.assign(elements.begin(), elements.end());
    } else {
        for (const auto& term : relation.values) {
            auto value = TRY(evaluate(term, type, column.name, bindings));
            if (!value.is_set()) return missing_value(column, relation, value);
            out.push_back(std::move(value.bytes));
        }
    }
    if (relation.op == Operator::in) {
        std::ranges::sort(out, [&](const auto& a, const auto& b) { return compare(type, a, b) < 0; });
        auto [from, to] =
            std::ranges::unique(out, [&](const auto& a, const auto& b) { return compare(type, a, b) == 0; });
        out.erase(from, to);
    }
    return out;
}

std::string tuple_name(const Relation& relation) {
    std::string out = "(";
    for (const auto& name : relation.columns) out += (out.size() > 1 ? "," : "") + name;
    return out + ")";
}

/// (a, b) of the clustering columns, in their order and without a gap.
Result<> add_tuple(const TableDefinition& table, const Relation& relation, std::vector<MarkerSpec>& markers,
                   Restrictions& out) {
    DataType tuple(Kind::tuple);
    std::vector<const ColumnDefinition*> columns;
    for (const auto& name : relation.columns) {
        const auto* column = TRY(resolve_column(table, name));
        if (relation.op == Operator::ne)
            return fail(Errc::invalid, "Unsupported \"!=\" relation: {} != {}", tuple_name(relation),
                        relation.values.empty() ? "" : term_text(relation.values[0]));
        if (column->role != ColumnRole::clustering)
            return fail(
                Errc::invalid,
                "Multi-column relations can only be applied to clustering columns but was applied to: {}",
                name);
        if (std::ranges::find(columns, column) != columns.end())
            return fail(Errc::invalid, "Column \"{}\" appeared twice in a relation: {}", name,
                        tuple_name(relation));
        if (!columns.empty() && column->position != columns.back()->position + 1)
            return fail(
                Errc::invalid,
                "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: {}",
                tuple_name(relation));
        columns.push_back(column);
        tuple.parameters.push_back(column->type);
    }
    if (relation.op != Operator::eq && relation.op != Operator::in && !is_slice(relation.op))
        return fail(Errc::invalid, "{} cannot be used for multi-column relations", symbol(relation.op));
    for (const auto& value : relation.values) {
        if (value.kind == Term::Kind::tuple && value.items.size() != columns.size())
            return fail(Errc::invalid, "Expected {} elements in value tuple, but got {}: {}", columns.size(),
                        value.items.size(), term_text(value));
        auto type = relation.in_marker ? DataType(Kind::list, {tuple}, true) : tuple;
        note_markers(value, type, (relation.op == Operator::in ? "in" : "") + tuple_name(relation), markers);
    }
    for (const auto* column : columns) out.clustering[column->position].push_back({column, &relation});
    return {};
}

/// The components of a tuple that a multi-column relation compares with.
Result<std::vector<std::string>> components_of(const TableDefinition& table, const Relation& relation,
                                               const std::vector<std::optional<std::string_view>>& given) {
    std::vector<std::string> out;
    if (given.size() != relation.columns.size())
        return fail(Errc::invalid, "Expected {} elements in value tuple, but got {}", relation.columns.size(),
                    given.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (!given[i])
            return fail(Errc::invalid, "Invalid null value in condition for column {}",
                        table.find(relation.columns[i])->name);
        out.emplace_back(*given[i]);
    }
    return out;
}

/// Each tuple's components.
Result<std::vector<std::vector<std::string>>> tuples_of(const TableDefinition& table,
                                                        const Relation& relation, const Bindings& bindings) {
    DataType tuple(Kind::tuple);
    for (const auto& name : relation.columns) tuple.parameters.push_back(table.find(name)->type);
    std::vector<std::vector<std::string>> out;
    std::vector<std::optional<std::string_view>> parts;
    auto add = [&](std::string_view bytes) -> Result<> {
        split_tuple(bytes, parts);
        out.push_back(TRY(components_of(table, relation, parts)));
        return {};
    };
    if (relation.in_marker) {
        auto list = TRY(evaluate(relation.values[0], DataType(Kind::list, {tuple}, true),
                                 tuple_name(relation), bindings));
        if (!list.is_set())
            return fail(Errc::invalid, "Invalid {} value for in{}", list.is_null() ? "null" : "unset",
                        tuple_name(relation));
        std::vector<std::string_view> elements;
        split_collection(list.bytes, false, elements);
        for (auto element : elements) TRY(add(element));
        return out;
    }
    for (const auto& term : relation.values) {
        if (term.kind == Term::Kind::tuple) {
            // Not as a tuple's value: that is one where components may be missing.
            std::vector<std::string> components;
            if (term.items.size() != relation.columns.size())
                return fail(Errc::invalid, "Expected {} elements in value tuple, but got {}",
                            relation.columns.size(), term.items.size());
            for (std::size_t i = 0; i < term.items.size(); ++i) {
                auto value = TRY(evaluate(term.items[i], tuple.parameters[i], relation.columns[i], bindings));
                if (value.state == Value::State::unset)
                    return fail(Errc::invalid, "Invalid unset value for tuple field number {}", i);
                if (value.is_null())
                    return fail(Errc::invalid, "Invalid null value in condition for column {}",
                                relation.columns[i]);
                components.push_back(std::move(value.bytes));
            }
            out.push_back(std::move(components));
            continue;
        }
        if (term.kind != Term::Kind::marker && relation.columns.size() == 1) {
            auto value = TRY(evaluate(term, tuple.parameters[0], relation.columns[0], bindings));
            if (!value.is_set())
                return fail(Errc::invalid, "Invalid null value in condition for column {}",
                            relation.columns[0]);
            out.push_back({std::move(value.bytes)});
            continue;
        }
        auto value = TRY(evaluate(term, tuple, tuple_name(relation), bindings));
        if (value.state == Value::State::unset)
            return fail(Errc::invalid, "Invalid unset value for tuple {}", tuple_name(relation));
        if (!value.is_set())
            return fail(Errc::invalid, "Invalid null value in condition for columns: {}",
                        tuple_name(relation));
        TRY(add(value.bytes));
    }
    return out;
}

Result<> add_relation(const TableDefinition& table, const Relation& relation,
                      std::vector<MarkerSpec>& markers, Restrictions& out) {
    if (relation.kind == Relation::Kind::tuple) return add_tuple(table, relation, markers, out);
    if (relation.kind == Relation::Kind::token) {
        if (relation.op == Operator::ne)
            return fail(Errc::invalid, "Unsupported \"!=\" relation: token({}) != {}",
                        fmt::join(relation.columns, ", "), term_text(relation.values[0]));
        for (std::size_t i = 0; i < relation.columns.size(); ++i)
            if (std::ranges::count(relation.columns, relation.columns[i]) > 1)
                return fail(Errc::invalid,
                            "The token() function contains duplicate partition key components");
        bool all = relation.columns.size() == table.partition_columns;
        std::vector<std::string> key;
        for (std::uint32_t i = 0; i < table.partition_columns; ++i) key.push_back(table.columns[i].name);
        if (all && relation.columns != key && std::ranges::is_permutation(relation.columns, key))
            return fail(Errc::invalid, "The token function arguments must be in the partition key order: {}",
                        fmt::join(key, ","));
        for (std::size_t i = 0; all && i < relation.columns.size(); ++i)
            all = relation.columns[i] == table.columns[i].name;
        if (!all)
            return fail(
                Errc::invalid,
                "The token() function must be applied to all partition key components or none of them");
        const auto& value = relation.values[0];
        TRY(check_constant(value, Kind::bigint, "partition key token"));
        if (value.kind == Term::Kind::function && value.text == "token" &&
            value.items.size() == table.partition_columns)
            for (std::size_t i = 0; i < value.items.size(); ++i)
                note_markers(value.items[i], table.columns[i].type, fmt::format("arg{}(system.token)", i),
                             markers);
        else
            note_markers(value, Kind::bigint, "partition key token", markers);
        out.token.push_back(&relation);
        return {};
    }
    const auto* column = TRY(resolve_column(table, relation.columns[0]));
    TRY(note(*column, relation, markers));
    if (relation.op == Operator::like && !can_be_like(table, *column)) return like_without_index(relation);
    Restriction restriction{column, &relation};
    switch (column->role) {
        case ColumnRole::partition_key:
            out.partition_key[column->position].push_back(restriction);
            break;
        case ColumnRole::clustering:
            out.clustering[column->position].push_back(restriction);
            break;
        case ColumnRole::regular:
        case ColumnRole::static_:
            out.filters.push_back(restriction);
            break;
    }
    return {};
}

/// Conditions on one key column: one = or IN, or at most one bound on each side.
Result<> check_combination(const std::vector<Restriction>& on) {
    int lower = 0, upper = 0;
    for (const auto& one : on) {
        bool apart = is_slice(one.relation->op) && one.relation->columns[0] != on[0].relation->columns[0];
        if (apart)
            return fail(
                Errc::invalid,
                "Column \"{}\" cannot be restricted by two inequalities not starting with the same column",
                one.column->name);
    }
    for (const auto& one : on) {
        auto op = one.relation->op;
        if ((op == Operator::eq || op == Operator::in) && on.size() > 1)
            return fail(Errc::invalid,
                        "{} cannot be restricted by more than one relation if it includes an Equal",
                        one.column->name);
        lower += op == Operator::gt || op == Operator::ge;
        upper += op == Operator::lt || op == Operator::le;
    }
    if (lower > 1)
        return fail(Errc::invalid, "More than one restriction was found for the start bound on {}",
                    on[0].column->name);
    if (upper > 1)
        return fail(Errc::invalid, "More than one restriction was found for the end bound on {}",
                    on[0].column->name);
    return {};
}

/// Several columns at once, and not each of them by itself as with =.
bool names_tuples(const std::vector<Restriction>& on) {
    return std::ranges::any_of(on, [](const Restriction& one) {
        return one.relation->kind == Relation::Kind::tuple && one.relation->op != Operator::eq;
    });
}

bool is_exact(const std::vector<Restriction>& on) {
    return on.size() == 1 && (on[0].relation->op == Operator::eq || on[0].relation->op == Operator::in);
}

/// Partition key conditions that cannot say where to look become filters.
Result<> sort_partition_key(const TableDefinition& table, Restrictions& out) {
    std::size_t exact = 0, restricted = 0;
    for (auto& on : out.partition_key) {
        restricted += !on.empty();
        exact += is_exact(on);
        for (const auto& one : on)
            if (one.relation->op == Operator::in) out.has_partition_in = true;
    }
    out.whole_partition_key = exact == table.partition_columns;
    if (out.whole_partition_key || restricted == 0) return {};
    out.needs_filtering = true;
    for (auto& on : out.partition_key) {
        out.filters.insert(out.filters.end(), on.begin(), on.end());
        on.clear();
    }
    out.has_partition_in = false;
    return {};
}

/// Clustering conditions work as ranges up to the first slice; what follows is filtered.
void sort_clustering(Restrictions& out) {
    bool open = out.whole_partition_key;
    std::size_t covered = 0;  // columns that a tuple in front of them has dealt with
    for (auto& on : out.clustering) {
        if (covered > 0) {
            --covered;
            continue;
        }
        bool usable = open && !on.empty() && std::ranges::all_of(on, [](const Restriction& one) {
                          return one.relation->op == Operator::eq || one.relation->op == Operator::in ||
                                 is_slice(one.relation->op);
                      });
        if (usable) {
            bool tuple = names_tuples(on);
            std::size_t size = 1;
            for (const auto& one : on) size = std::max(size, one.relation->columns.size());
            if (tuple) covered = size - 1;
            open = is_exact(on);
            continue;
        }
        open = false;
        if (on.empty()) continue;
        out.needs_filtering = true;
        out.filters.insert(out.filters.end(), on.begin(), on.end());
        on.clear();
    }
}

}  // namespace

Result<Restrictions> sort_out(const TableDefinition& table, const std::vector<Relation>& where,
                              std::vector<MarkerSpec>& markers) {
    Restrictions out;
    out.partition_key.resize(table.partition_columns);
    out.clustering.resize(table.clustering_columns);
    for (std::size_t i = 0; i < where.size(); ++i) {
        TRY(add_relation(table, where[i], markers, out));
        TRY(check_merges(table, where, i));
    }
    for (const auto& on : out.partition_key)
        if (!on.empty()) TRY(check_combination(on));
    for (const auto& on : out.clustering)
        if (!on.empty()) TRY(check_combination(on));
    if (!out.filters.empty()) out.needs_filtering = true;
    TRY(sort_partition_key(table, out));
    sort_clustering(out);
    return out;
}

Result<std::vector<std::string>> partition_keys(const TableDefinition& table,
                                                const Restrictions& restrictions, const Bindings& bindings) {
    std::vector<std::vector<std::string>> choices;
    std::size_t total = 1;
    for (const auto& on : restrictions.partition_key) {
        choices.push_back(TRY(values_of(*on[0].column, *on[0].relation, bindings)));
        total *= choices.back().size();
        if (total > most_keys) return fail(Errc::invalid, "IN names more than {} partitions", most_keys);
    }
    std::vector<std::string> out;
    for (std::size_t n = 0; n < total; ++n) {
        std::vector<std::string_view> values(choices.size());
        auto rest = n;
        for (auto i = choices.size(); i-- > 0;) {
            values[i] = choices[i][rest % choices[i].size()];
            rest /= choices[i].size();
        }
        out.push_back(TRY(join_partition_key(table, values)));
    }
    return out;
}

namespace {

bool is_empty(const ClusteringRange& range) {
    return !range.to.empty() && range.from >= range.to;
}

std::string end_of(const std::string& prefix) {
    return prefix.empty() ? std::string() : after_prefix(prefix);
}

/// (a, b) = (1, 2): what the one column has to be.
Result<std::vector<std::string>> component_values(const TableDefinition& table,
                                                  const ColumnDefinition& column, const Relation& relation,
                                                  const Bindings& bindings) {
    auto tuples = TRY(tuples_of(table, relation, bindings));
    auto index = std::size_t(std::ranges::find(relation.columns, column.name) - relation.columns.begin());
    return std::vector<std::string>{tuples[0][index]};
}

/// (a, b) IN (...): each tuple behind each prefix.
Result<> append_tuples(const TableDefinition& table, const Relation& relation, const Bindings& bindings,
                       std::vector<ClusteringRange>& ranges) {
    std::vector<std::string> encoded;
    for (const auto& tuple : TRY(tuples_of(table, relation, bindings))) {
        encoded.emplace_back();
        for (std::size_t i = 0; i < tuple.size(); ++i) {
            const auto& column = *table.find(relation.columns[i]);
            append_clustering(encoded.back(), column, tuple[i]);
        }
    }
    std::ranges::sort(encoded);
    encoded.erase(std::unique(encoded.begin(), encoded.end()), encoded.end());
    if (ranges.size() * encoded.size() > most_keys)
        return fail(Errc::invalid, "IN names more than {} rows", most_keys);
    std::vector<ClusteringRange> next;
    for (const auto& prefix : ranges)
        for (const auto& one : encoded) next.push_back({prefix.from + one, {}});
    ranges = std::move(next);
    return {};
}

/// What is beyond a tuple on one side, behind a prefix. Columns that descend make several ranges of it: those
/// where the first column differs, those where it is the same and the second differs, and so on.
std::vector<ClusteringRange> beyond(const TableDefinition& table, const Relation& relation,
                                    const std::vector<std::string>& tuple, const std::string& prefix) {
    bool greater = relation.op == Operator::gt || relation.op == Operator::ge;
    std::vector<ClusteringRange> out;
    auto base = prefix;
    for (std::size_t i = 0; i < tuple.size(); ++i) {
        const auto& column = *table.find(relation.columns[i]);
        auto at = base;
        append_clustering(at, column, tuple[i]);
        if (greater == column.descending)
            out.push_back({base, at});
        else if (auto from = end_of(at); !from.empty())
            out.push_back({std::move(from), end_of(base)});
        base = std::move(at);
    }
    if (relation.op == Operator::ge || relation.op == Operator::le) out.push_back({base, end_of(base)});
    std::erase_if(out,
                  [](const ClusteringRange& range) { return !range.to.empty() && range.from >= range.to; });
    std::ranges::sort(out, {}, &ClusteringRange::from);
    return out;
}

std::vector<ClusteringRange> intersection(const std::vector<ClusteringRange>& a,
                                          const std::vector<ClusteringRange>& b) {
    std::vector<ClusteringRange> out;
    for (const auto& left : a) {
        for (const auto& right : b) {
            ClusteringRange both{std::max(left.from, right.from), left.to};
            if (both.to.empty() || (!right.to.empty() && right.to < both.to)) both.to = right.to;
            if (both.to.empty() || both.from < both.to) out.push_back(std::move(both));
        }
    }
    std::ranges::sort(out, {}, &ClusteringRange::from);
    return out;
}

Result<std::vector<ClusteringRange>> tuple_slices(const TableDefinition& table,
                                                  const std::vector<Restriction>& on,
                                                  const Bindings& bindings,
                                                  const std::vector<ClusteringRange>& prefixes) {
    std::vector<ClusteringRange> out;
    for (const auto& prefix : prefixes) {
        std::vector<ClusteringRange> ranges{{prefix.from, end_of(prefix.from)}};
        for (const auto& one : on) {
            bool single = one.relation->kind == Relation::Kind::column;
            std::vector<std::vector<std::string>> tuples;
            if (single)
                tuples.push_back(TRY(values_of(*one.column, *one.relation, bindings)));
            else
                tuples = TRY(tuples_of(table, *one.relation, bindings));
            ranges = intersection(ranges, beyond(table, *one.relation, tuples[0], prefix.from));
        }
        out.insert(out.end(), ranges.begin(), ranges.end());
    }
    return out;
}

}  // namespace

Result<std::vector<ClusteringRange>> clustering_ranges(const TableDefinition& table,
                                                       const Restrictions& restrictions,
                                                       const Bindings& bindings) {
    std::vector<ClusteringRange> out{{}};
    std::size_t depth = 0;
    while (depth < restrictions.clustering.size()) {
        const auto& on = restrictions.clustering[depth];
        if (on.empty()) break;
        const auto& column = *on[0].column;
        bool tuple = names_tuples(on);
        if (tuple && on[0].relation->op == Operator::in) {
            TRY(append_tuples(table, *on[0].relation, bindings, out));
            depth += on[0].relation->columns.size();
            continue;
        }
        if (tuple) return tuple_slices(table, on, bindings, out);
        if (is_exact(on)) {
            auto values = on[0].relation->kind == Relation::Kind::tuple
                              ? TRY(component_values(table, column, *on[0].relation, bindings))
                              : TRY(values_of(column, *on[0].relation, bindings));
            if (column.descending) std::ranges::reverse(values);
            if (out.size() * values.size() > most_keys)
                return fail(Errc::invalid, "IN names more than {} rows", most_keys);
            std::vector<ClusteringRange> next;
            for (const auto& prefix : out) {
                for (const auto& value : values) {
                    next.push_back({prefix.from, {}});
                    append_clustering(next.back().from, column, value);
                }
            }
            out = std::move(next);
            ++depth;
            continue;
        }
        std::vector<ClusteringRange> slices;
        for (auto range : out) {
            auto prefix = range.from;
            range.to = end_of(prefix);
            bool nothing = false;
            for (const auto& one : on) {
                auto op = one.relation->op;
                auto value = TRY(values_of(column, *one.relation, bindings));
                auto at = prefix;
                append_clustering(at, column, value[0]);
                bool greater = op == Operator::gt || op == Operator::ge;
                bool inclusive = op == Operator::ge || op == Operator::le;
                // In bytes a descending column runs the other way.
                if (greater != column.descending) {
                    range.from = inclusive ? at : end_of(at);
                    // Nothing comes behind the greatest of all keys.
                    nothing = nothing || range.from.empty();
                } else {
                    range.to = inclusive ? end_of(at) : at;
                }
            }
            if (!nothing) slices.push_back(std::move(range));
        }
        return slices;
    }
    for (auto& range : out) {
        range.single = depth == table.clustering_columns;
        range.to = range.single ? range.from + '\0' : end_of(range.from);
    }
    return out;
}

namespace {

Result<std::vector<KeyRange>> token_ranges(const TableDefinition& table, const Restrictions& restrictions,
                                           const Bindings& bindings) {
    auto range = table_range(table);
    auto after = [&](std::int64_t token) {
        return token == INT64_MAX ? after_prefix(table_prefix(table.id)) : token_prefix(table.id, token + 1);
    };
    for (const auto* relation : restrictions.token) {
        const auto& term = relation->values[0];
        std::int64_t token = 0;
        auto value = TRY(evaluate(term, Kind::bigint, "partition key token", bindings));
        if (value.bytes.size() != 8) return fail(Errc::invalid, "Invalid null token value");
        token = load_big_endian<std::int64_t>(value.bytes.data());
        // No key has the least token: as an end it means the end of the ring, as in Cassandra.
        bool ring_end = token == INT64_MIN;
        auto op = relation->op;
        if (op == Operator::gt || op == Operator::eq)
            range.from =
                std::max(range.from, op == Operator::gt ? after(token) : token_prefix(table.id, token));
        if (op == Operator::ge) range.from = std::max(range.from, token_prefix(table.id, token));
        if ((op == Operator::le || op == Operator::eq) && !ring_end)
            range.to = std::min(range.to, after(token));
        if (op == Operator::lt && !ring_end) range.to = std::min(range.to, token_prefix(table.id, token));
        if (op == Operator::in) return fail(Errc::invalid, "token() takes =, <, <=, > and >=");
    }
    if (range.from >= range.to) return std::vector<KeyRange>{};
    return std::vector<KeyRange>{range};
}

}  // namespace

Result<std::vector<KeyRange>> key_ranges(const TableDefinition& table, const Restrictions& restrictions,
                                         const Bindings& bindings) {
    if (!restrictions.whole_partition_key) return token_ranges(table, restrictions, bindings);
    auto ranges = TRY(clustering_ranges(table, restrictions, bindings));
    if (std::ranges::all_of(ranges, is_empty)) return std::vector<KeyRange>{};
    auto keys = TRY(partition_keys(table, restrictions, bindings));
    if (!restrictions.token.empty()) {
        auto allowed = TRY(token_ranges(table, restrictions, bindings));
        std::erase_if(keys, [&](const std::string& key) {
            auto prefix = partition_prefix(table.id, key);
            return allowed.empty() || prefix < allowed[0].from || prefix >= allowed[0].to;
        });
    }
    if (keys.size() * ranges.size() > most_keys)
        return fail(Errc::invalid, "IN names more than {} rows", most_keys);
    std::vector<KeyRange> out;
    for (const auto& key : keys) {
        auto base = partition_prefix(table.id, key) + row_tag;
        for (const auto& range : ranges) {
            auto to = range.to.empty() ? after_prefix(base) : base + range.to;
            if (table.clustering_columns == 0) to = base + '\0';
            if (base + range.from < to) out.push_back({base + range.from, std::move(to)});
        }
    }
    return out;
}

Result<std::vector<Filter>> filters_of(const TableDefinition& table,
                                       const std::vector<Restriction>& restrictions,
                                       const Bindings& bindings) {
    std::vector<Filter> out;
    for (const auto& [column, relation] : restrictions) {
        Filter filter{std::uint32_t(column - table.columns.data()), &column->type, relation->op, {}, {}};
        bool tuple = relation->kind == Relation::Kind::tuple;
        if (tuple && relation->op != Operator::eq) {
            // Each of its columns has this restriction; it is tested once.
            if (relation->columns[0] != column->name) {
                filter.always = true;
                out.push_back(std::move(filter));
                continue;
            }
            for (const auto& name : relation->columns) {
                const auto* each = table.find(name);
                filter.columns.push_back(std::uint32_t(each - table.columns.data()));
                filter.types.push_back(&each->type);
            }
            filter.tuples = TRY(tuples_of(table, *relation, bindings));
            out.push_back(std::move(filter));
            continue;
        }
        filter.values = tuple ? TRY(component_values(table, *column, *relation, bindings))
                              : TRY(values_of(*column, *relation, bindings));
        if (relation->op == Operator::like) filter.like = TRY(like_test(table, *column, filter.values[0]));
        if (relation->element) {
            auto key = TRY(evaluate(*relation->element, column->type.parameters[0], column->name, bindings));
            if (!key.is_set())
                return fail(Errc::invalid, "Unsupported {} map key for column {}",
                            key.is_null() ? "null" : "unset", column->name);
            filter.element = std::move(key.bytes);
        }
        out.push_back(std::move(filter));
    }
    return out;
}

bool Filter::matches_row(const std::vector<std::optional<std::string_view>>& row) const {
    if (always) return true;
    if (columns.empty()) return matches(row[column]);
    return std::ranges::any_of(tuples, [&](const std::vector<std::string>& tuple) {
        int order = 0;
        for (std::size_t i = 0; i < columns.size() && order == 0; ++i) {
            const auto& value = row[columns[i]];
            if (!value) return false;
            order = compare(*types[i], *value, tuple[i]);
        }
        return is_met(op, order);
    });
}

bool Filter::matches(const std::optional<std::string_view>& value) const {
    if (!value) return false;
    if (like) return like->matches(*value);
    if (by_sasi && (value->empty() || value->size() >= sasi_term_limit)) return false;
    auto equal = [&](const DataType& of, std::string_view a, std::string_view b) {
        bool folds = fold.changes() && of.is_text();
        return folds ? folded(fold, a) == folded(fold, b) : compare(of, a, b) == 0;
    };
    if (element || op == Operator::contains || op == Operator::contains_key) {
        bool map = type->kind == Kind::map;
        std::vector<std::string_view> elements;
        split_collection(*value, map, elements);
        std::size_t step = map ? 2 : 1;
        for (std::size_t i = 0; i + step <= elements.size(); i += step) {
            if (element) {
                if (compare(type->parameters[0], elements[i], *element) == 0)
                    return equal(type->parameters[1], elements[i + 1], values[0]);
            } else if (op == Operator::contains_key) {
                if (equal(type->parameters[0], elements[i], values[0])) return true;
            } else if (equal(type->parameters.back(), elements[i + step - 1], values[0])) {
                return true;
            }
        }
        return false;
    }
    if (op == Operator::in)
        return std::ranges::any_of(values, [&](const auto& one) { return compare(*type, *value, one) == 0; });
    if (op == Operator::eq) return equal(*type, *value, values[0]);
    return is_met(op, compare(*type, *value, values[0]));
}

}  // namespace penstock::store::cql
