#include "store/cql/restrictions.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/token.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

constexpr std::size_t most_keys = 10'000;

bool is_slice(Operator op) {
    return op == Operator::lt || op == Operator::le || op == Operator::gt || op == Operator::ge;
}

std::string_view symbol(Operator op) {
    switch (op) {
        case Operator::eq:
            return "=";
        case Operator::ne:
            return "!=";
        case Operator::lt:
            return "<";
        case Operator::le:
            return "<=";
        case Operator::gt:
            return ">";
        case Operator::ge:
            return ">=";
        case Operator::in:
            return "IN";
        case Operator::contains:
            return "CONTAINS";
        case Operator::contains_key:
            return "CONTAINS KEY";
        case Operator::not_null:
            return "IS NOT NULL";
        case Operator::like:
            return "LIKE";
    }
    return "?";
}

/// The type that the condition's values have.
Result<DataType> value_type(const ColumnDefinition& column, const Relation& relation) {
    const auto& type = column.type;
    if (type.kind == Kind::udt && type.is_multi_cell())
        return fail(Errc::invalid, "Non-frozen UDT column '{}' ({}) cannot be restricted by any relation",
                    column.name, to_string(type));
    if (relation.kind == Relation::Kind::field)
        return fail(Errc::invalid, "line 1:0 no viable alternative at input '.'");
    switch (relation.op) {
        case Operator::contains:
            if (!type.is_collection())
                return fail(Errc::invalid, "Cannot use CONTAINS on non-collection column {}", column.name);
            return type.parameters.back();
        case Operator::contains_key:
            if (type.kind != Kind::map)
                return fail(Errc::invalid, "Cannot use CONTAINS KEY on non-map column {}", column.name);
            return type.parameters[0];
        case Operator::like:
            return fail(
                Errc::invalid,
                "LIKE restriction is only supported on properly indexed columns. {} LIKE {} is not valid.",
                column.name,
                relation.values[0].kind == Term::Kind::string ? "'" + relation.values[0].text + "'" : "?");
        case Operator::not_null:
            return fail(Errc::invalid, "Unsupported restriction: {} IS NOT NULL", column.name);
        default:
            break;
    }
    if (relation.kind == Relation::Kind::element) {
        if (type.kind != Kind::map)
            return fail(Errc::invalid, "Map-entry predicates on non-map column {} are not supported",
                        column.name);
        return type.parameters[1];
    }
    if (type.is_multi_cell())
        return fail(Errc::invalid, "Collection column '{}' ({}) cannot be restricted by a '{}' relation",
                    column.name, to_string(type), symbol(relation.op));
    return type;
}

Result<> note(const ColumnDefinition& column, const Relation& relation, std::vector<MarkerSpec>& markers) {
    auto type = TRY(value_type(column, relation));
    for (const auto& value : relation.values) {
        if (relation.in_marker)
            note_markers(value, DataType(Kind::list, {type}, true), "in(" + column.name + ")", markers);
        else
            note_markers(value, type, column.name, markers);
    }
    if (relation.element)
        note_markers(*relation.element, column.type.parameters[0], "key(" + column.name + ")", markers);
    return {};
}

/// The condition's values; a null is an error as in Cassandra. IN's are sorted, each once.
Result<std::vector<std::string>> values_of(const ColumnDefinition& column, const Relation& relation,
                                           const Bindings& bindings) {
    auto type = TRY(value_type(column, relation));
    std::vector<std::string> out;
    if (relation.in_marker) {
        auto list =
            TRY(evaluate(relation.values[0], DataType(Kind::list, {type}, true), column.name, bindings));
        if (!list.is_set()) return fail(Errc::invalid, "Invalid null value for IN restriction");
        std::vector<std::string_view> elements;
        split_collection(list.bytes, false, elements);
        out.assign(elements.begin(), elements.end());
    } else {
        for (const auto& term : relation.values) {
            auto value = TRY(evaluate(term, type, column.name, bindings));
            if (value.state == Value::State::unset)
                return fail(Errc::invalid, "Invalid unset value for column {}", column.name);
            if (value.is_null())
                return fail(Errc::invalid, "Invalid null value in condition for column {}", column.name);
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

Result<> add_relation(const TableDefinition& table, const Relation& relation,
                      std::vector<MarkerSpec>& markers, Restrictions& out) {
    if (relation.kind == Relation::Kind::tuple)
        return fail(Errc::invalid, "Multi-column relations are not offered");
    if (relation.kind == Relation::Kind::token) {
        bool all = relation.columns.size() == table.partition_columns;
        for (std::size_t i = 0; all && i < relation.columns.size(); ++i)
            all = relation.columns[i] == table.columns[i].name;
        if (!all)
            return fail(
                Errc::invalid,
                "The token() function must be applied to all partition key components or none of them");
        note_markers(relation.values[0], Kind::bigint, "partition key token", markers);
        out.token.push_back(&relation);
        return {};
    }
    const auto* column = TRY(resolve_column(table, relation.columns[0]));
    TRY(note(*column, relation, markers));
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
    for (auto& on : out.clustering) {
        bool usable = open && !on.empty() && std::ranges::all_of(on, [](const Restriction& one) {
                          return one.relation->op == Operator::eq || one.relation->op == Operator::in ||
                                 is_slice(one.relation->op);
                      });
        if (usable) {
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
    for (const auto& relation : where) TRY(add_relation(table, relation, markers, out));
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
    if (out.size() > 1)
        std::ranges::sort(out, {}, [](const std::string& key) { return std::pair(token_of(key), key); });
    return out;
}

Result<std::vector<ClusteringRange>> clustering_ranges(const TableDefinition& table,
                                                       const Restrictions& restrictions,
                                                       const Bindings& bindings) {
    std::vector<ClusteringRange> out{{}};
    auto end_of = [](const std::string& prefix) {
        return prefix.empty() ? std::string() : after_prefix(prefix);
    };
    std::size_t depth = 0;
    for (const auto& on : restrictions.clustering) {
        if (on.empty()) break;
        const auto& column = *on[0].column;
        if (is_exact(on)) {
            auto values = TRY(values_of(column, *on[0].relation, bindings));
            if (column.descending) std::ranges::reverse(values);
            if (out.size() * values.size() > most_keys)
                return fail(Errc::invalid, "IN names more than {} rows", most_keys);
            std::vector<ClusteringRange> next;
            for (const auto& prefix : out) {
                for (const auto& value : values) {
                    next.push_back({prefix.from, {}});
                    append_clustering(next.back().from, column.type, column.descending, value);
                }
            }
            out = std::move(next);
            ++depth;
            continue;
        }
        for (auto& range : out) {
            auto prefix = range.from;
            range.to = end_of(prefix);
            for (const auto& one : on) {
                auto op = one.relation->op;
                auto value = TRY(values_of(column, *one.relation, bindings));
                auto at = prefix;
                append_clustering(at, column.type, column.descending, value[0]);
                bool greater = op == Operator::gt || op == Operator::ge;
                bool inclusive = op == Operator::ge || op == Operator::le;
                // In bytes a descending column runs the other way.
                if (greater != column.descending)
                    range.from = inclusive ? at : end_of(at);
                else
                    range.to = inclusive ? end_of(at) : at;
            }
        }
        return out;
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
        if (term.kind == Term::Kind::function && term.text == "token") {
            if (term.items.size() != table.partition_columns)
                return fail(Errc::invalid, "Invalid number of arguments in call to function token");
            std::vector<std::string> values;
            for (std::size_t i = 0; i < term.items.size(); ++i)
                values.push_back(
                    TRY(evaluate(term.items[i], table.columns[i].type, table.columns[i].name, bindings))
                        .bytes);
            std::vector<std::string_view> views(values.begin(), values.end());
            auto key = TRY(join_partition_key(table, views));
            token = token_of(key);
        } else {
            auto value = TRY(evaluate(term, Kind::bigint, "partition key token", bindings));
            if (value.bytes.size() != 8) return fail(Errc::invalid, "Invalid null token value");
            token = load_big_endian<std::int64_t>(value.bytes.data());
        }
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
        if (op == Operator::in || op == Operator::ne)
            return fail(Errc::invalid, "token() takes =, <, <=, > and >=");
    }
    if (range.from >= range.to) return std::vector<KeyRange>{};
    return std::vector<KeyRange>{range};
}

}  // namespace

Result<std::vector<KeyRange>> key_ranges(const TableDefinition& table, const Restrictions& restrictions,
                                         const Bindings& bindings) {
    if (!restrictions.whole_partition_key) return token_ranges(table, restrictions, bindings);
    auto keys = TRY(partition_keys(table, restrictions, bindings));
    auto ranges = TRY(clustering_ranges(table, restrictions, bindings));
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
        filter.values = TRY(values_of(*column, *relation, bindings));
        if (relation->element)
            filter.element =
                TRY(evaluate(*relation->element, column->type.parameters[0], column->name, bindings)).bytes;
        out.push_back(std::move(filter));
    }
    return out;
}

bool Filter::matches(const std::optional<std::string_view>& value) const {
    if (!value) return false;
    auto equal = [&](const DataType& of, std::string_view a, std::string_view b) {
        bool folds = fold.changes() && (of.kind == Kind::text || of.kind == Kind::ascii);
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
    int order = compare(*type, *value, values[0]);
    switch (op) {
        case Operator::eq:
            return order == 0;
        case Operator::ne:
            return order != 0;
        case Operator::lt:
            return order < 0;
        case Operator::le:
            return order <= 0;
        case Operator::gt:
            return order > 0;
        case Operator::ge:
            return order >= 0;
        case Operator::in:
        case Operator::contains:
        case Operator::contains_key:
        case Operator::not_null:
        case Operator::like:
            return false;
    }
    return false;
}

}  // namespace penstock::store::cql
