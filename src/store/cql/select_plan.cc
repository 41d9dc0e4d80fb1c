#include "store/cql/select_plan.h"

#include <algorithm>

#include "store/cql/functions.h"
#include "store/cql/term_value.h"

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
        auto out = TRY(column(selector.arguments[0]));
        const auto& of = plan.table().columns[out.column];
        bool is_ttl = selector.kind == Selector::Kind::ttl;
        if (of.role == ColumnRole::partition_key || of.role == ColumnRole::clustering)
            return fail(Errc::invalid, "Cannot use selection function {} on PRIMARY KEY part {}",
                        is_ttl ? "ttl" : "writetime", of.name);
        if (of.type.is_multi_cell())
            return fail(Errc::invalid, "{} on non-frozen collections is not offered",
                        is_ttl ? "ttl" : "writetime");
        out.kind = is_ttl ? Expression::Kind::ttl : Expression::Kind::writetime;
        out.type = is_ttl ? Kind::int_ : Kind::bigint;
        return out;
    }

    Result<Expression> token(const Selector& selector) {
        bool all = selector.arguments.size() == plan.table().partition_columns;
        for (std::size_t i = 0; all && i < selector.arguments.size(); ++i)
            all = selector.arguments[i].kind == Selector::Kind::column &&
                  selector.arguments[i].name == plan.table().columns[i].name;
        if (!all)
            return fail(Errc::invalid, "token() takes the columns of the partition key, in their order");
        Expression out;
        out.kind = Expression::Kind::token;
        out.type = Kind::bigint;
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
        for (std::size_t i = 0; i < selector.arguments.size(); ++i) {
            out.arguments.push_back(TRY(expression(selector.arguments[i])));
            auto& argument = out.arguments.back();
            if (argument.kind == Expression::Kind::literal)
                if (auto wanted = parameter_type(selector.name, i)) argument.type = *wanted;
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
            adapt_vectors(out.arguments, markers);
            for (std::size_t i = 0; i < types.size(); ++i) types[i] = out.arguments[i].type;
        }
        out.type = TRY(function_type(selector.name, types));
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
            case Selector::Kind::literal:
                out.kind = Expression::Kind::literal;
                out.type = natural_type(selector.literal);
                out.literal = selector.literal;
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
        if (selector.kind == Selector::Kind::literal)
            note_markers(selector.literal, Kind::text, "[selection]", markers);
        plan.outputs.push_back(TRY(planner.expression(selector)));
        plan.names.push_back(selector.alias.empty() ? selector.written : selector.alias);
    }
    if (select.json) {
        plan.result.push_back(column_spec(table, "[json]", Kind::text));
        return {};
    }
    for (std::size_t i = 0; i < plan.outputs.size(); ++i)
        plan.result.push_back(column_spec(table, plan.names[i], plan.outputs[i].type));
    return {};
}

Result<> plan_order(SelectPlan& plan) {
    const auto& select = *plan.select;
    const auto& table = plan.table();
    if (select.order.empty()) return {};
    if (!plan.where.whole_partition_key)
        return fail(Errc::invalid,
                    "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
    if (plan.where.has_partition_in)
        return fail(Errc::invalid,
                    "ORDER BY together with IN on the partition key is not offered: order the rows of one "
                    "partition at a time");
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
    plan.reversed = reversed.value_or(false);
    return {};
}

/// Names static columns and nothing else but the partition key: there is one row of that to a partition.
bool selects_only_statics(const SelectPlan& plan) {
    const auto& table = plan.table();
    if (plan.select->all) return false;
    bool statics = false;
    for (std::size_t i = table.partition_columns; i < table.columns.size(); ++i) {
        if (!plan.needed[i]) continue;
        if (table.columns[i].role != ColumnRole::static_) return false;
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
    auto rows_restricted = std::ranges::any_of(plan.where.filters, [](const Restriction& one) {
        return one.column->role == ColumnRole::clustering || one.column->role == ColumnRole::regular;
    });
    for (const auto& on : plan.where.clustering) rows_restricted = rows_restricted || !on.empty();
    if (rows_restricted)
        return fail(Errc::invalid,
                    "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or "
                    "static columns.");
    for (std::size_t i = table.partition_columns; i < table.columns.size(); ++i)
        if (plan.needed[i] && table.columns[i].role != ColumnRole::static_)
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

/// "PRIMARY KEY column "b" cannot be restricted as preceding column "a" is not restricted"
Result<> check_filtering(const SelectPlan& plan) {
    if (plan.ref.is_virtual || !plan.where.needs_filtering || plan.select->allow_filtering) return {};
    if (plan.where.whole_partition_key) {
        for (const auto& [column, relation] : plan.where.filters) {
            if (column->role != ColumnRole::clustering || column->position == 0) continue;
            const auto& before = plan.table().columns[plan.table().partition_columns + column->position - 1];
            if (plan.where.clustering[before.position].empty())
                return fail(
                    Errc::invalid,
                    "PRIMARY KEY column \"{}\" cannot be restricted as preceding column \"{}\" is not "
                    "restricted",
                    column->name, before.name);
            return fail(
                Errc::invalid,
                "Clustering column \"{}\" cannot be restricted (preceding column \"{}\" is restricted "
                "by a non-EQ relation)",
                column->name, before.name);
        }
    }
    return fail(
        Errc::invalid,
        "Cannot execute this query as it might involve data filtering and thus may have unpredictable "
        "performance. "
        "If you want to execute this query despite the performance unpredictability, use ALLOW FILTERING");
}

}  // namespace

Result<SelectPlan> plan_select(const Select& select, const Catalogue& catalogue,
                               std::string_view session_keyspace, std::vector<MarkerSpec>& markers) {
    SelectPlan plan;
    plan.select = &select;
    plan.ref = TRY(resolve_table(catalogue, select.table, session_keyspace));
    TRY(plan_outputs(plan, markers));
    plan.where = TRY(sort_out(plan.table(), select.where, markers));
    TRY(choose_index(plan));
    TRY(plan_ann(plan, markers));
    TRY(plan_order(plan));
    TRY(check_distinct(plan));
    TRY(check_filtering(plan));
    bool rows_restricted = false;
    for (const auto& on : plan.where.clustering) rows_restricted = rows_restricted || !on.empty();
    for (const auto& [column, relation] : plan.where.filters) {
        plan.needed[std::size_t(column - plan.table().columns.data())] = true;
        rows_restricted =
            rows_restricted || column->role == ColumnRole::clustering || column->role == ColumnRole::regular;
    }
    plan.static_partitions = plan.table().static_columns > 0 && !rows_restricted;
    if (select.per_partition_limit)
        note_markers(*select.per_partition_limit, Kind::int_, "[per_partition_limit]", markers);
    if (select.limit) note_markers(*select.limit, Kind::int_, "[limit]", markers);
    return plan;
}

}  // namespace penstock::store::cql
