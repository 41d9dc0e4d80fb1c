#include "store/cql/select_plan.h"

#include <algorithm>

#include "store/cql/arithmetic.h"
#include "store/cql/functions.h"
#include "store/cql/term_value.h"
#include "store/cql/time_floor.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

struct Planner {
    SelectPlan& plan;
    std::vector<MarkerSpec>& markers;
    bool inside_aggregate = false;

    Result<Expression> column(const Selector& selector) {
        const auto* found = TRY(resolve_column(plan.table(), selector.name));
        Expression out;
        out.column = std::uint32_t(found - plan.table().columns.data());
        out.type = found->type;
        plan.needed[out.column] = true;
        return out;
    }

    Result<Expression> written_when(const Selector& selector) {
        const auto& part = selector.arguments[0];
        auto inner = TRY(expression(part));
        auto out = part.kind == Selector::Kind::column ? inner : inner.arguments[0];
        const auto& of = plan.table().columns[out.column];
        bool is_ttl = selector.kind == Selector::Kind::ttl;
        if (of.role == ColumnRole::partition_key || of.role == ColumnRole::clustering)
            return fail(Errc::invalid, "Cannot use selection function {} on PRIMARY KEY part {}",
                        is_ttl ? "ttl" : "writetime", of.name);
        out.kind = is_ttl ? Expression::Kind::ttl : Expression::Kind::writetime;
        DataType single = is_ttl ? Kind::int_ : Kind::bigint;
        out.latest = selector.name == "maxwritetime";
        bool many = of.type.is_multi_cell() &&
                    (part.kind == Selector::Kind::column || part.kind == Selector::Kind::slice);
        out.type = many && !out.latest ? DataType(Kind::list, {single}) : single;
        if (part.kind != Selector::Kind::column) out.arguments.push_back(std::move(inner));
        return out;
    }

    Result<Expression> token(const Selector& selector) {
        bool all = selector.arguments.size() == plan.table().partition_columns;
        for (std::size_t i = 0; all && i < selector.arguments.size(); ++i)
            all = selector.arguments[i].kind == Selector::Kind::column &&
                  selector.arguments[i].name == plan.table().columns[i].name;
        Expression out;
        out.kind = Expression::Kind::token;
        out.type = Kind::bigint;
        if (all) return out;
        // Of other values of the same types: where they would lie.
        if (selector.arguments.size() != plan.table().partition_columns)
            return fail(
                Errc::invalid,
                "Invalid number of arguments in call to function system.token: {} required but {} provided",
                plan.table().partition_columns, selector.arguments.size());
        for (std::size_t i = 0; i < selector.arguments.size(); ++i) {
            auto argument = TRY(expression(selector.arguments[i]));
            const auto& wanted = plan.table().columns[i].type;
            bool fits = true;
            if (argument.kind == Expression::Kind::literal) {
                fits = may_be(argument.literal, wanted);
                argument.type = wanted;
                note_markers(argument.literal, wanted, "[selection]", markers);
            }
            if (!fits || argument.type.kind != wanted.kind)
                return fail(
                    Errc::invalid,
                    "Type error: {} cannot be passed as argument {} of function system.token of type {}",
                    selector.arguments[i].written, i, to_string(wanted));
            out.arguments.push_back(std::move(argument));
        }
        return out;
    }

    Result<Expression> function(const Selector& selector) {
        if (selector.name == "token") return token(selector);
        Expression out;
        out.function = selector.name;
        bool aggregate = is_aggregate(selector.name);
        if (aggregate) {
            if (inside_aggregate)
                return fail(Errc::invalid,
                            "aggregate functions cannot be used as arguments of aggregate functions");
            if (selector.arguments.size() != 1)
                return fail(
                    Errc::invalid,
                    "Invalid number of arguments in call to function system.{}: 1 required but {} provided",
                    selector.name, selector.arguments.size());
            inside_aggregate = true;
        }
        std::vector<DataType> types;
        if (selector.arguments.size() == 1 && selector.arguments[0].kind == Selector::Kind::literal)
            TRY(check_arguments(selector.name, {selector.arguments[0].literal}));
        for (std::size_t i = 0; i < selector.arguments.size(); ++i) {
            out.arguments.push_back(TRY(expression(selector.arguments[i])));
            auto& argument = out.arguments.back();
            auto parameter = parameter_type(selector.name, i);
            if (parameter && argument.kind != Expression::Kind::literal &&
                !takes_values_of(*parameter, argument.type))
                return fail(Errc::invalid,
                            "Type error: {} cannot be passed as argument {} of function system.{} of type {}",
                            selector.arguments[i].written, i, selector.name, to_string(*parameter));
            if (argument.kind == Expression::Kind::literal)
                if (auto wanted = parameter_type(selector.name, i)) {
                    argument.type = *wanted;
                    note_markers(argument.literal, *wanted, "[selection]", markers);
                }
            if (argument.kind == Expression::Kind::literal && selector.name == "mask_replace" && i == 1)
                argument.type = types[0];
            if (argument.kind == Expression::Kind::literal && is_floor(selector.name) && i == 2)
                argument.type = floor_start_type(types[0]);
            types.push_back(argument.type);
        }
        if (aggregate) {
            inside_aggregate = false;
            out.kind = Expression::Kind::aggregate;
            out.type = TRY(aggregate_type(selector.name, types[0]));
            out.slot = plan.aggregates++;
            return out;
        }
        out.kind = Expression::Kind::function;
        if (is_similarity_function(selector.name)) {
            TRY(adapt_vectors(selector.name, selector.arguments, out.arguments, markers));
            for (std::size_t i = 0; i < types.size(); ++i) types[i] = out.arguments[i].type;
        }
        out.type = TRY(function_type(selector.name, types));
        return out;
    }

    Result<Expression> operation(const Selector& selector) {
        Expression out;
        out.kind = Expression::Kind::operation;
        out.function = selector.name;
        for (const auto& argument : selector.arguments) {
            bool unknown = argument.kind == Selector::Kind::literal &&
                           argument.literal.kind == Term::Kind::marker && selector.arguments.size() == 2;
            if (unknown)
                return fail(Errc::invalid,
                            "Ambiguous '{}' operation with args {} and {}: use type hint to disambiguate, "
                            "example '(int) ?'",
                            selector.name, selector.arguments[0].written, selector.arguments[1].written);
            out.arguments.push_back(TRY(expression(argument)));
        }
        if (out.arguments.size() == 1) {
            out.type = out.arguments[0].type;
            TRY(arithmetic_type('-', out.type, out.type));
            return out;
        }
        auto type = arithmetic_type(selector.name[0], out.arguments[0].type, out.arguments[1].type);
        if (!type)
            return fail(Errc::invalid, "the '{}' operation is not supported between {} and {}", selector.name,
                        selector.arguments[0].written, selector.arguments[1].written);
        out.type = std::move(*type);
        return out;
    }

    /// (a, b), [a, b] and {a, b}: what is inside lists and sets has one type.
    Result<Expression> collect(const Selector& selector) {
        Expression out;
        out.kind = Expression::Kind::collect;
        bool tuple = selector.name == "tuple";
        out.type = DataType(tuple ? Kind::tuple : selector.name == "list" ? Kind::list : Kind::set);
        out.type.frozen = !tuple;
        for (const auto& argument : selector.arguments) {
            auto one = TRY(expression(argument));
            bool untyped = one.kind == Expression::Kind::literal && argument.literal.kind != Term::Kind::cast;
            if (untyped && (tuple || out.type.parameters.empty()))
                return fail(
                    Errc::invalid,
                    "Cannot infer type for term {} in selection clause (try using a cast to force a type)",
                    selector.written);
            if (untyped) one.type = out.type.parameters[0];
            if (!tuple && !out.type.parameters.empty() && !(one.type == out.type.parameters[0]))
                return fail(
                    Errc::invalid,
                    "Cannot infer type for term {} in selection clause (try using a cast to force a type)",
                    selector.written);
            if (tuple || out.type.parameters.empty()) out.type.parameters.push_back(one.type);
            out.arguments.push_back(std::move(one));
        }
        return out;
    }

    /// m[key] and m[from..to] of maps and sets.
    Result<Expression> part_of(const Selector& selector) {
        Expression out;
        out.arguments.push_back(TRY(expression(selector.arguments[0])));
        const auto& of = out.arguments[0].type;
        bool slice = selector.kind == Selector::Kind::slice;
        if (!of.is_collection())
            return fail(Errc::invalid, "Invalid {} selection: {} is of type {} is not a collection",
                        slice ? "slice" : "element", selector.arguments[0].written, to_string(of));
        if (of.kind == Kind::list)
            return fail(Errc::invalid, "{} selection is only allowed on sets and maps, but {} is a list",
                        slice ? "Slice" : "Element", selector.arguments[0].written);
        out.kind = slice ? Expression::Kind::slice : Expression::Kind::element;
        out.type = slice ? of : of.parameters.back();
        out.literal = selector.literal;
        out.literal_to = selector.literal_to;
        for (const auto* term : {&out.literal, &out.literal_to})
            note_markers(*term, of.parameters[0], "key(" + selector.arguments[0].written + ")", markers);
        return out;
    }

    Result<Expression> expression(const Selector& selector) {
        Expression out;
        switch (selector.kind) {
            case Selector::Kind::column:
                return column(selector);
            case Selector::Kind::writetime:
            case Selector::Kind::ttl:
                return written_when(selector);
            case Selector::Kind::function:
                return function(selector);
            case Selector::Kind::count_rows:
                out.kind = Expression::Kind::count_rows;
                out.type = Kind::bigint;
                out.slot = plan.aggregates++;
                return out;
            case Selector::Kind::cast:
                out.kind = Expression::Kind::cast;
                out.arguments.push_back(TRY(expression(selector.arguments[0])));
                out.type = TRY(cast_type(out.arguments[0].type, selector.type));
                return out;
            case Selector::Kind::field: {
                out.arguments.push_back(TRY(expression(selector.arguments[0])));
                const auto& of = out.arguments[0].type;
                if (of.kind != Kind::udt)
                    return fail(Errc::invalid, "Invalid field selection: {} of type {} is not a user type",
                                selector.arguments[0].written, to_string(of));
                auto field = of.user->field(selector.name);
                if (field < 0)
                    return fail(Errc::invalid, "{} of type {} has no field {}", selector.arguments[0].written,
                                to_string(of), selector.name);
                out.kind = Expression::Kind::field;
                out.column = std::uint32_t(field);
                out.type = of.parameters[out.column];
                return out;
            }
            case Selector::Kind::operation:
                return operation(selector);
            case Selector::Kind::collect:
                return collect(selector);
            case Selector::Kind::element:
            case Selector::Kind::slice:
                return part_of(selector);
            case Selector::Kind::literal:
                out.kind = Expression::Kind::literal;
                out.type = natural_type(selector.literal);
                out.literal = selector.literal;
                if (selector.literal.kind == Term::Kind::cast)
                    note_markers(selector.literal, out.type, "[selection]", markers);
                return out;
            case Selector::Kind::hint:
                out = TRY(expression(selector.arguments[0]));
                if (!takes_values_of(selector.type, out.type))
                    return fail(Errc::invalid, "Cannot assign value {0} to {0} of type {1}", selector.written,
                                to_string(selector.type));
                return out;
        }
        return out;
    }
};

Result<> plan_outputs(SelectPlan& plan, std::vector<MarkerSpec>& markers) {
    const auto& select = *plan.select;
    const auto& table = plan.table();
    plan.needed.assign(table.columns.size(), false);
    if (select.all) {
        // The key, then the static and the other columns, each by name, as Cassandra orders them.
        std::vector<std::uint32_t> order;
        for (std::uint32_t i = 0; i < table.columns.size(); ++i) order.push_back(i);
        std::sort(order.begin() + table.key_columns(), order.end(), [&](auto a, auto b) {
            const auto &left = table.columns[a], &right = table.columns[b];
            return std::tuple(left.role != ColumnRole::static_, std::string_view(left.name)) <
                   std::tuple(right.role != ColumnRole::static_, std::string_view(right.name));
        });
        for (auto index : order) {
            Expression out;
            out.column = index;
            out.type = table.columns[index].type;
            plan.needed[index] = true;
            plan.outputs.push_back(std::move(out));
            plan.names.push_back(table.columns[index].name);
        }
    }
    Planner planner{plan, markers};
    for (const auto& selector : select.selectors) {
        if (selector.kind == Selector::Kind::literal) {
            note_markers(selector.literal, Kind::text, "[selection]", markers);
            bool typed = selector.literal.kind == Term::Kind::cast ||
                         selector.literal.kind == Term::Kind::function ||
                         selector.literal.kind == Term::Kind::operation;
            if (!typed)
                return fail(
                    Errc::invalid,
                    "Cannot infer type for term {} in selection clause (try using a cast to force a type)",
                    term_text(selector.literal));
        }
        plan.outputs.push_back(TRY(planner.expression(selector)));
        // A cast to the type that it has already is none.
        const auto& made = plan.outputs.back();
        bool no_cast = selector.kind == Selector::Kind::cast && made.arguments[0].type == made.type;
        const auto& written = no_cast ? selector.arguments[0].written : selector.written;
        plan.names.push_back(selector.alias.empty() ? written : selector.alias);
    }
    if (select.json) {
        plan.result.push_back(column_spec(table, "[json]", Kind::text));
        return {};
    }
    for (std::size_t i = 0; i < plan.outputs.size(); ++i)
        plan.result.push_back(column_spec(table, plan.names[i], plan.outputs[i].type));
    return {};
}

/// GROUP BY names columns of the key from its first on; those that have one value each may be left out.
Result<> plan_group(SelectPlan& plan, std::vector<MarkerSpec>& markers) {
    const auto& table = plan.table();
    Planner planner{plan, markers};
    auto has_one_value = [&](std::uint32_t index) {
        const auto& on = index < table.partition_columns
                             ? plan.where.partition_key[index]
                             : plan.where.clustering[index - table.partition_columns];
        return on.size() == 1 && on[0].relation->op == Operator::eq;
    };
    std::uint32_t at = 0;
    bool last = false;
    for (const auto& selector : plan.select->group) {
        bool function = selector.kind == Selector::Kind::function;
        if (last || (selector.kind != Selector::Kind::column && !function))
            return fail(Errc::invalid,
                        "Functions are only supported on the last element of the GROUP BY clause");
        const Selector* named = &selector;
        std::string names;
        if (function)
            for (const auto& argument : selector.arguments) {
                if (argument.kind != Selector::Kind::column) continue;
                named = &argument;
                names += (names.empty() ? "" : ",") + argument.name;
            }
        if (names.contains(','))
            return fail(Errc::invalid,
                        "GROUP BY functions accept only one clustering column as parameter, got: {}", names);
        const auto* column = TRY(resolve_column(table, named->name));
        auto index = std::uint32_t(column - table.columns.data());
        if (function && column->role != ColumnRole::clustering)
            return fail(Errc::invalid, "Group by functions are only supported on clustering columns, got {}",
                        column->name);
        if (index >= table.key_columns())
            return fail(Errc::invalid,
                        "Group by is currently only supported on the columns of the PRIMARY KEY, got {}",
                        column->name);
        while (at < index && has_one_value(at)) ++at;
        if (at != index)
            return fail(Errc::invalid,
                        "Group by currently only support groups of columns following their declared order in "
                        "the PRIMARY KEY");
        ++at;
        last = function;
        plan.group.push_back(TRY(planner.expression(selector)));
    }
    // A partition is always a group of its own, at least.
    if (!plan.group.empty() && at < table.partition_columns)
        return fail(Errc::invalid, "Group by is not supported on only a part of the partition key");
    return {};
}

Result<> plan_order(SelectPlan& plan) {
    const auto& select = *plan.select;
    const auto& table = plan.table();
    if (select.order.empty()) return {};
    if (!plan.where.whole_partition_key)
        return fail(Errc::invalid,
                    "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
    std::optional<bool> reversed;
    std::size_t position = 0;
    for (const auto& [name, descending] : select.order) {
        const auto* column = TRY(resolve_column(table, name));
        if (column->role != ColumnRole::clustering)
            return fail(
                Errc::invalid,
                "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {}",
                name);
        // Columns that have one value each cannot disturb the order and may be left out.
        while (position < column->position && !plan.where.clustering[position].empty() &&
               plan.where.clustering[position][0].relation->op == Operator::eq)
            ++position;
        if (column->position != position)
            return fail(Errc::invalid,
                        "Order by currently only supports the ordering of columns following their declared "
                        "order in the PRIMARY KEY");
        bool other = descending != column->descending;
        if (reversed && *reversed != other) return fail(Errc::invalid, "Unsupported order by relation");
        reversed = other;
        ++position;
    }
    plan.sorts = plan.where.has_partition_in;
    plan.reversed = reversed.value_or(false);
    if (plan.sorts)
        for (const auto& [name, descending] : select.order)
            plan.needed[std::size_t(table.find(name) - table.columns.data())] = true;
    return {};
}

/// Names static columns and nothing else but the partition key: there is one row of that to a partition.
bool selects_only_statics(const SelectPlan& plan) {
    const auto& table = plan.table();
    if (plan.select->all) return false;
    bool statics = false;
    for (std::size_t i = table.partition_columns; i < table.columns.size(); ++i) {
        if (!plan.needed[i]) continue;
        if (table.shown_role(table.columns[i]) != ColumnRole::static_) return false;
        statics = true;
    }
    return statics;
}

Result<> check_distinct(const SelectPlan& plan) {
    auto restricted = [](const auto& on) { return !on.empty(); };
    bool clustering = std::ranges::any_of(plan.where.clustering, restricted) ||
                      std::ranges::any_of(plan.where.filters, [](const Restriction& one) {
                          return one.column->role == ColumnRole::clustering;
                      });
    if (clustering && selects_only_statics(plan))
        return fail(Errc::invalid, "Cannot restrict clustering columns when selecting only static columns");
    if (!plan.select->distinct) return {};
    const auto& table = plan.table();
    if (plan.group.size() > table.partition_columns)
        return fail(Errc::invalid,
                    "Grouping on clustering columns is not allowed for SELECT DISTINCT queries");
    auto rows_restricted = std::ranges::any_of(plan.where.filters, [&](const Restriction& one) {
        auto role = table.shown_role(*one.column);
        return role == ColumnRole::clustering || role == ColumnRole::regular;
    });
    for (const auto& on : plan.where.clustering) rows_restricted = rows_restricted || !on.empty();
    if (rows_restricted)
        return fail(Errc::invalid,
                    "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or "
                    "static columns.");
    for (std::size_t i = table.partition_columns; i < table.columns.size(); ++i)
        if (plan.needed[i] && table.shown_role(table.columns[i]) != ColumnRole::static_)
            return fail(Errc::invalid,
                        "SELECT DISTINCT queries must only request partition key columns and/or static "
                        "columns (not {})",
                        table.columns[i].name);
    if (plan.where.whole_partition_key) return {};
    for (std::size_t i = 0; i < table.partition_columns; ++i)
        if (!plan.needed[i])
            return fail(Errc::invalid,
                        "SELECT DISTINCT queries must request all the partition key columns (missing {})",
                        plan.table().columns[i].name);
    return {};
}

/// What restricts each clustering column.
std::vector<const Relation*> clustering_relations(const SelectPlan& plan) {
    const auto& table = plan.table();
    std::vector<const Relation*> out(table.clustering_columns, nullptr);
    for (const auto& relation : plan.select->where) {
        if (relation.kind == Relation::Kind::token) continue;
        for (const auto& name : relation.columns)
            if (const auto* column = table.find(name); column->role == ColumnRole::clustering)
                out[column->position] = &relation;
    }
    return out;
}

bool is_exact(const Relation* relation) {
    return relation != nullptr && (relation->op == Operator::eq || relation->op == Operator::in);
}

/// Tested on each row, and no place in the table's order.
bool looks_inside(const Relation* relation) {
    return relation != nullptr && (relation->op == Operator::contains ||
                                   relation->op == Operator::contains_key || relation->op == Operator::like);
}

/// "Clustering column "c" cannot be restricted (preceding column "b" is restricted by a non-EQ relation)"
Result<> check_behind_slices(const SelectPlan& plan) {
    const auto& table = plan.table();
    auto on = clustering_relations(plan);
    auto name = [&](std::size_t i) { return table.columns[table.partition_columns + i].name; };
    std::optional<std::size_t> last;
    for (std::size_t i = 0; i < on.size(); ++i) {
        if (on[i] == nullptr) continue;
        bool behind = last && on[*last] != on[i] && table.find(on[i]->columns[0])->position > *last;
        if (behind && !is_exact(on[*last]) && !looks_inside(on[*last]))
            return fail(
                Errc::invalid,
                "Clustering column \"{}\" cannot be restricted (preceding column \"{}\" is restricted "
                "by a non-EQ relation)",
                name(i), table.find(on[*last]->columns[0])->name);
        last = i;
    }
    return {};
}

/// "PRIMARY KEY column "b" cannot be restricted as preceding column "a" is not restricted"
Result<> check_clustering(const SelectPlan& plan) {
    const auto& table = plan.table();
    auto on = clustering_relations(plan);
    auto name = [&](std::size_t i) { return table.columns[table.partition_columns + i].name; };
    if (plan.index.serves) return {};
    if (std::ranges::any_of(on, looks_inside))
        return fail(Errc::invalid,
                    "Clustering columns can only be restricted with CONTAINS with a secondary index or "
                    "filtering");
    auto gap = std::size_t(std::ranges::find(on, nullptr) - on.begin());
    for (auto i = gap; i < on.size(); ++i)
        if (on[i] != nullptr)
            return fail(Errc::invalid,
                        "PRIMARY KEY column \"{}\" cannot be restricted as preceding column \"{}\" is not "
                        "restricted",
                        name(i), name(gap));
    return {};
}

/// (c, d) > (1, 2) is tested row by row only behind columns that have one value each.
Result<> check_tuple_slices(const SelectPlan& plan) {
    if (!plan.where.needs_filtering) return {};
    auto on = clustering_relations(plan);
    for (std::size_t i = 1; i < on.size(); ++i) {
        bool slice = on[i] != nullptr && on[i] != on[i - 1] && on[i]->kind == Relation::Kind::tuple &&
                     !is_exact(on[i]);
        if (slice && !is_exact(on[i - 1]))
            return fail(Errc::invalid, "Multi-column slice restrictions cannot be used for filtering.");
    }
    return {};
}

Result<> check_filtering(const SelectPlan& plan) {
    if (plan.ref.is_virtual || plan.select->allow_filtering) return {};
    if (plan.where.needs_filtering || plan.index.serves) TRY(check_behind_slices(plan));
    if (!plan.where.needs_filtering) return {};
    TRY(check_clustering(plan));
    return fail(
        Errc::invalid,
        "Cannot execute this query as it might involve data filtering and thus may have unpredictable "
        "performance. "
        "If you want to execute this query despite the performance unpredictability, use ALLOW FILTERING");
}

}  // namespace

std::string_view aggregation_warning(const SelectPlan& plan) {
    if (plan.aggregates == 0 && plan.group.empty()) return {};
    if (plan.where.has_partition_in)
        return "Aggregation query used on multiple partition keys (IN restriction)";
    if (plan.where.whole_partition_key || !plan.where.token.empty()) return {};
    return "Aggregation query used without partition key";
}

Result<SelectPlan> plan_select(const Select& select, const Catalogue& catalogue,
                               std::string_view session_keyspace, std::vector<MarkerSpec>& markers) {
    SelectPlan plan;
    plan.select = &select;
    plan.ref = TRY(resolve_table(catalogue, select.table, session_keyspace));
    if (plan.table().view)
        plan.base = {catalogue.table(plan.table().keyspace, plan.table().view->base), false};
    TRY(plan_outputs(plan, markers));
    plan.where = TRY(sort_out(plan.table(), select.where, markers));
    TRY(check_ann(select, plan.table()));
    TRY(choose_index(plan));
    TRY(plan_ann(plan, markers));
    TRY(plan_group(plan, markers));
    TRY(plan_order(plan));
    if (select.per_partition_limit && plan.aggregates > 0 && plan.group.empty())
        return fail(Errc::invalid, "PER PARTITION LIMIT is not allowed with aggregate queries.");
    if (select.per_partition_limit && select.distinct)
        return fail(Errc::invalid, "PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries");
    TRY(check_distinct(plan));
    TRY(check_filtering(plan));
    TRY(check_tuple_slices(plan));
    bool rows_restricted = false;
    for (const auto& on : plan.where.clustering) rows_restricted = rows_restricted || !on.empty();
    for (const auto& [column, relation] : plan.where.filters) {
        plan.needed[std::size_t(column - plan.table().columns.data())] = true;
        rows_restricted =
            rows_restricted || column->role == ColumnRole::clustering || column->role == ColumnRole::regular;
    }
    // A SASI index leads to rows: a partition that has none is not found by it.
    plan.static_partitions =
        plan.table().static_columns > 0 && !rows_restricted && plan.index.by_sasi.empty();
    if (select.per_partition_limit)
        note_markers(*select.per_partition_limit, Kind::int_, "[per_partition_limit]", markers);
    if (select.limit) note_markers(*select.limit, Kind::int_, "[limit]", markers);
    return plan;
}

}  // namespace penstock::store::cql
