#include "stream/plan/binder.h"

#include "stream/expr/nested.h"
#include "stream/plan/expression_binder.h"
#include "stream/sql/parser.h"

namespace penstock::stream {

using sql::Expr;
using sql::ExprKind;
using sql::ExprPtr;

namespace {

std::optional<AggregateKind> aggregate_of(const Expr& expr) {
    if (expr.kind != ExprKind::call) return std::nullopt;
    const auto& name = expr.text;
    if (name == "count") return AggregateKind::count;
    if (name == "count_if") return AggregateKind::count;
    if (name == "sum") return AggregateKind::sum;
    if (name == "avg" || name == "mean") return AggregateKind::avg;
    if (name == "min") return AggregateKind::min;
    if (name == "max") return AggregateKind::max;
    if (name == "first" || name == "first_value" || name == "any_value") return AggregateKind::first;
    if (name == "last" || name == "last_value") return AggregateKind::last;
    if (name == "variance" || name == "var_samp") return AggregateKind::variance;
    if (name == "var_pop") return AggregateKind::variance_of_all;
    if (name == "stddev" || name == "stddev_samp" || name == "std") return AggregateKind::deviation;
    if (name == "stddev_pop") return AggregateKind::deviation_of_all;
    return std::nullopt;
}

bool has_aggregate(const Expr& expr) {
    if (aggregate_of(expr)) return true;
    for (const auto& child : expr.children)
        if (has_aggregate(*child)) return true;
    return false;
}

bool is_window_call(const Expr& expr) {
    return expr.kind == ExprKind::call && expr.text == "window";
}

/// relation.column becomes column, so that both spellings are the same expression.
void drop_relation(Expr& expr, const sql::Relation& relation, const RelationInfo& info) {
    if ((expr.kind == ExprKind::name && expr.parts.size() > 1) || expr.kind == ExprKind::star) {
        const auto& own = relation.alias.empty() ? relation.parts.back() : relation.alias;
        bool column = false;
        for (const auto& field : info.columns.fields)
            column = column || (!expr.parts.empty() && equals_ignoring_case(field.name, expr.parts[0]));
        if (!expr.parts.empty() && equals_ignoring_case(expr.parts[0], own) && !column)
            expr.parts.erase(expr.parts.begin());
    }
    for (auto& child : expr.children) drop_relation(*child, relation, info);
}

ExpressionPtr column_of(const Schema& schema, std::size_t index, Position at) {
    auto out = std::make_unique<Expression>();
    out->kind = ExpressionKind::column;
    out->column = int(index);
    out->type = schema[index].type;
    out->at = at;
    return out;
}

void renumber_columns(Expression& expr, const std::vector<int>& to) {
    if (expr.kind == ExpressionKind::column) expr.column = to[std::size_t(expr.column)];
    for (auto& arg : expr.args) renumber_columns(*arg, to);
}

class QueryBinder final : public ExpressionBinder {
public:
    QueryBinder(const sql::Select& select, const RelationInfo& relation, const BindOptions& options)
        : ExpressionBinder(relation, select.where != nullptr),
          select_(select),
          relation_info_(relation),
          options_(options) {}

    SqlResult<QueryPlan> run() {
        plan_.relation = relation_info_;
        if (options_.continuous) TRY(check_continuous());
        if (options_.watermark) TRY(bind_watermark());
        if (select_.where) {
            if (has_aggregate(*select_.where))
                return sql_fail(select_.where->at, "an aggregate cannot stand in WHERE; use HAVING");
            plan_.filter = TRY(condition(*select_.where, "WHERE"));
        }
        if (is_grouped()) TRY(bind_group());
        over_groups_ = plan_.group.has_value();
        for (const auto& item : select_.items) TRY(bind_item(item));
        if (select_.having) {
            if (!plan_.group) return sql_fail(select_.having->at, "HAVING needs GROUP BY or an aggregate");
            plan_.having = TRY(condition(*select_.having, "HAVING"));
        }
        plan_.schema.reserve(plan_.outputs.size());
        TRY(bind_order());
        plan_.distinct = select_.distinct;
        plan_.limit = select_.limit;
        finish_scan();
        return std::move(plan_);
    }

private:
    bool is_grouped() const {
        if (!select_.group_by.empty()) return true;
        if (select_.having && has_aggregate(*select_.having)) return true;
        for (const auto& item : select_.items)
            if (has_aggregate(*item.expr)) return true;
        return false;
    }

    SqlResult<> check_continuous() {
        if (!select_.order_by.empty())
            return sql_fail(select_.order_at,
                            "ORDER BY is for bounded queries; a table is ordered by its key");
        if (select_.limit) return sql_fail(select_.limit_at, "LIMIT is for bounded queries");
        if (select_.distinct)
            return sql_fail(select_.items[0].expr->at,
                            "DISTINCT is for bounded queries; the table's key keeps one row for each key");
        if (!select_.from) return sql_fail({1, 1}, "a continuous query needs FROM and a topic");
        return {};
    }

    SqlResult<> bind_watermark() {
        Position nowhere;
        auto select = sql::parse_select("SELECT " + options_.watermark->column);
        if (!select || select->items.size() != 1 || select->from)
            return sql_fail(nowhere, "watermark: '{}' is not a column", options_.watermark->column);
        auto bound = bind(*select->items[0].expr);
        if (!bound) return sql_fail(nowhere, "watermark: {}", bound.error().text);
        if (!(*bound)->unknown && (*bound)->type != TypeId::timestamp)
            return sql_fail(nowhere, "watermark: {} is {}, expected a TIMESTAMP", options_.watermark->column,
                            to_string((*bound)->type));
        plan_.watermark = std::move(*bound);
        plan_.watermark_delay_us = options_.watermark->delay_us;
        return {};
    }

    // Grouping.

    /// GROUP BY 1 and GROUP BY alias stand for an item of the SELECT list.
    SqlResult<const Expr*> grouped_expression(const Expr& expr) {
        if (expr.kind == ExprKind::integer) {
            std::size_t number = 0;
            for (char c : expr.text)
                if (c >= '0' && c <= '9' && number <= select_.items.size())
                    number = number * 10 + std::size_t(c - '0');
            if (expr.text.starts_with('-') || number < 1 || number > select_.items.size())
                return sql_fail(expr.at, "GROUP BY {}: the SELECT list has {} items", expr.text,
                                select_.items.size());
            return select_.items[number - 1].expr.get();
        }
        if (expr.kind == ExprKind::name && expr.parts.size() == 1) {
            bool column = false;
            for (const auto& field : relation_info_.columns.fields)
                column = column || equals_ignoring_case(field.name, expr.parts[0]);
            for (const auto& item : select_.items)
                if (!column && equals_ignoring_case(item.alias, expr.parts[0])) return item.expr.get();
        }
        return &expr;
    }

    SqlResult<> bind_group() {
        GroupPlan group;
        for (const auto& written : select_.group_by) {
            const Expr* expr = TRY(grouped_expression(*written));
            if (has_aggregate(*expr)) return sql_fail(expr->at, "GROUP BY cannot group by an aggregate");
            if (is_window_call(*expr)) {
                if (group.window) return sql_fail(expr->at, "only one window() can stand in GROUP BY");
                group.window = TRY(bind_window(*expr));
                continue;
            }
            group.keys.push_back(TRY(bind(*expr)));
            group.key_texts.push_back(canonical_text(*expr));
        }
        if (group.window) {
            group.schema.push_back({"window_start", TypeId::timestamp});
            group.schema.push_back({"window_end", TypeId::timestamp});
        }
        for (std::size_t i = 0; i < group.keys.size(); ++i)
            group.schema.push_back({fmt::format("key{}", i), group.keys[i]->type});
        plan_.group = std::move(group);
        return {};
    }

    SqlResult<WindowPlan> bind_window(const Expr& call) {
        if (call.children.size() < 2 || call.children.size() > 3)
            return sql_fail(call.at,
                            "window takes a time, a duration and, if windows overlap, a slide: "
                            "window(_timestamp, '1 minute')");
        WindowPlan window;
        window.text = canonical_text(call);
        window.time = TRY(bind(*call.children[0]));
        if (!window.time->unknown) {
            if (window.time->type == TypeId::date)
                window.time = TRY(coerce(std::move(window.time), TypeId::timestamp));
            if (window.time->type != TypeId::timestamp)
                return sql_fail(call.children[0]->at, "window needs a TIMESTAMP, this is {}",
                                to_string(window.time->type));
        }
        window.size_us = TRY(duration(*call.children[1]));
        window.slide_us = call.children.size() == 3 ? TRY(duration(*call.children[2])) : window.size_us;
        if (window.slide_us > window.size_us)
            return sql_fail(call.children[2]->at, "the slide must not be longer than the window");
        if (window.size_us / window.slide_us > 1000)
            return sql_fail(call.children[2]->at, "each row would fall into more than 1000 windows");
        return window;
    }

    SqlResult<std::int64_t> duration(const Expr& expr) {
        sql::Interval interval = expr.interval;
        if (expr.kind == ExprKind::string)
            interval = TRY(sql::parse_interval_text(expr.text, expr.at));
        else if (expr.kind != ExprKind::interval)
            return sql_fail(expr.at, "expected a duration such as '1 minute'");
        std::int64_t us = 0;
        if (interval.months != 0) return sql_fail(expr.at, "months have no fixed length; use days");
        if (__builtin_mul_overflow(interval.days, std::int64_t(86'400'000'000), &us) ||
            __builtin_add_overflow(us, interval.us, &us) || us <= 0)
            return sql_fail(expr.at, "the duration must be longer than zero");
        return us;
    }

    SqlResult<ExpressionPtr> intercept(const Expr& expr) override {
        if (!over_groups_) {
            if (aggregate_of(expr)) return sql_fail(expr.at, "the aggregate {} cannot stand here", expr.text);
            return ExpressionPtr();
        }
        auto& group = *plan_.group;
        auto text = canonical_text(expr);
        std::size_t first_key = group.window ? 2 : 0;
        for (std::size_t i = 0; i < group.key_texts.size(); ++i) {
            if (group.key_texts[i] != text) continue;
            auto column = column_of(group.schema, first_key + i, expr.at);
            column->unknown = group.keys[i]->unknown;
            return column;
        }
        if (group.window) {
            auto column = window_column(expr, text);
            if (column) return column;
        }
        if (aggregate_of(expr)) return aggregate(expr, text);
        if (auto access = access_of(expr)) {
            // A field of a key that is a struct.
            for (std::size_t i = 0; i < group.keys.size(); ++i) {
                if (!access_of(*key_expr(i)) || group.keys[i]->type != TypeId::json) continue;
                auto key = access_of(*key_expr(i))->path;
                if (key.size() < access->path.size() &&
                    std::equal(key.begin(), key.end(), access->path.begin()))
                    return json_access(column_of(group.schema, first_key + i, expr.at), access->path,
                                       key.size(), expr.at);
            }
            // HAVING n > 1, ORDER BY n + 1: the name of an item of the SELECT list.
            for (const auto& item : select_.items) {
                if (in_alias_ || access->path.size() != 1 ||
                    !equals_ignoring_case(item.alias, access->path[0].name))
                    continue;
                in_alias_ = true;
                auto bound = bind(*item.expr);
                in_alias_ = false;
                return bound;
            }
            return sql_fail(expr.at, "{} must be in GROUP BY, or inside an aggregate such as max()",
                            to_string(access->path));
        }
        return ExpressionPtr();
    }

    const Expr* key_expr(std::size_t key) {
        std::size_t seen = 0;
        for (const auto& written : select_.group_by) {
            auto expr = grouped_expression(*written);
            if (!expr || is_window_call(**expr)) continue;
            if (seen++ == key) return *expr;
        }
        return select_.group_by[0].get();
    }

    /// window, window.start, window(...).end.
    ExpressionPtr window_column(const Expr& expr, const std::string& text) {
        auto& schema = plan_.group->schema;
        auto bound_of = [&](std::string_view name) -> ExpressionPtr {
            if (equals_ignoring_case(name, "start")) return column_of(schema, 0, expr.at);
            if (equals_ignoring_case(name, "end")) return column_of(schema, 1, expr.at);
            return nullptr;
        };
        auto is_window = [&](const Expr& e) {
            return canonical_text(e) == plan_.group->window->text ||
                   (e.kind == ExprKind::name && e.parts.size() == 1 &&
                    equals_ignoring_case(e.parts[0], "window"));
        };
        if (expr.kind == ExprKind::name && expr.parts.size() == 2 &&
            equals_ignoring_case(expr.parts[0], "window"))
            return bound_of(expr.parts[1]);
        if (expr.kind == ExprKind::field && is_window(*expr.children[0])) return bound_of(expr.text);
        if (text != plan_.group->window->text && !is_window(expr)) return nullptr;
        auto call = std::make_unique<Expression>();
        call->kind = ExpressionKind::call;
        call->name = "window";
        call->type = TypeId::json;
        call->at = expr.at;
        call->kernel = window_struct_kernel;
        call->args.push_back(column_of(schema, 0, expr.at));
        call->args.push_back(column_of(schema, 1, expr.at));
        return call;
    }

    SqlResult<ExpressionPtr> aggregate(const Expr& expr, const std::string& text) {
        auto& group = *plan_.group;
        std::size_t first = (group.window ? 2 : 0) + group.keys.size();
        for (std::size_t i = 0; i < group.aggregates.size(); ++i)
            if (group.aggregates[i].text == text) return column_of(group.schema, first + i, expr.at);
        over_groups_ = false;
        auto call = bind_aggregate(expr);
        over_groups_ = true;
        if (!call) return std::unexpected(call.error());
        call->text = text;
        bool unknown = call->argument && call->argument->unknown &&
                       (call->kind == AggregateKind::min || call->kind == AggregateKind::max ||
                        call->kind == AggregateKind::sum || call->kind == AggregateKind::first ||
                        call->kind == AggregateKind::last);
        group.schema.push_back({fmt::format("aggregate{}", group.aggregates.size()), call->result});
        group.aggregates.push_back(std::move(*call));
        auto column = column_of(group.schema, group.schema.size() - 1, expr.at);
        column->unknown = unknown;
        return column;
    }

    SqlResult<AggregateCall> bind_aggregate(const Expr& expr) {
        AggregateCall call;
        call.kind = *aggregate_of(expr);
        if (expr.distinct && expr.text != "count")
            return sql_fail(expr.at, "DISTINCT is offered in count() only");
        if (expr.children.size() != 1) return sql_fail(expr.at, "{} takes one argument", expr.text);
        const auto& argument = *expr.children[0];
        if (argument.kind == ExprKind::star) {
            if (expr.text != "count" || expr.distinct)
                return sql_fail(argument.at, "* can only stand in count(*)");
            call.kind = AggregateKind::count_all;
            return call;
        }
        if (has_aggregate(argument)) return sql_fail(argument.at, "an aggregate cannot stand inside another");
        if (expr.text == "count_if") {
            call.argument = TRY(condition(argument, "count_if()"));
            // Counts what is not null: false becomes null.
            std::vector<ExpressionPtr> parts;
            auto when = std::make_unique<Expression>();
            when->kind = ExpressionKind::case_when;
            when->type = TypeId::boolean;
            when->at = argument.at;
            when->args.push_back(std::move(call.argument));
            when->args.push_back(constant_integer(TypeId::boolean, 1, argument.at));
            call.argument = std::move(when);
        } else {
            call.argument = TRY(bind(argument));
        }
        if (expr.distinct) call.kind = AggregateKind::count_distinct;
        return typed_aggregate(std::move(call), expr);
    }

    SqlResult<AggregateCall> typed_aggregate(AggregateCall call, const Expr& expr) {
        auto type = call.argument->type;
        switch (call.kind) {
            case AggregateKind::count_all:
            case AggregateKind::count:
            case AggregateKind::count_distinct:
                call.result = TypeId::int64;
                break;
            case AggregateKind::sum:
            case AggregateKind::avg:
            case AggregateKind::variance:
            case AggregateKind::variance_of_all:
            case AggregateKind::deviation:
            case AggregateKind::deviation_of_all:
                if (type == TypeId::string) {
                    call.argument = TRY(coerce(std::move(call.argument), TypeId::float64));
                    type = TypeId::float64;
                }
                if (type != TypeId::int32 && type != TypeId::int64 && type != TypeId::float64)
                    return sql_fail(expr.children[0]->at, "{} needs a number, this is {}", expr.text,
                                    to_string(type));
                call.result = call.kind != AggregateKind::sum || type == TypeId::float64 ? TypeId::float64
                                                                                         : TypeId::int64;
                break;
            case AggregateKind::min:
            case AggregateKind::max:
            case AggregateKind::first:
            case AggregateKind::last:
                call.result = type;
                break;
        }
        call.input = call.argument->unknown ? type : call.argument->type;
        return call;
    }

    // The SELECT list.

    SqlResult<> bind_item(const sql::SelectItem& item) {
        if (item.expr->kind == ExprKind::star) return bind_star(*item.expr);
        auto bound = TRY(bind(*item.expr));
        plan_.schema.push_back({output_name(item), bound->type});
        plan_.outputs.push_back(std::move(bound));
        return {};
    }

    SqlResult<> bind_star(const Expr& star) {
        if (plan_.group) return sql_fail(star.at, "* cannot stand beside GROUP BY; name the columns");
        if (relation_info_.kind == RelationInfo::Kind::none) return sql_fail(star.at, "* needs FROM");
        if (!star.parts.empty()) return sql_fail(star.at, "unknown relation {}", star.parts[0]);
        for (const auto& field : relation_info_.columns.fields) {
            Access access;
            access.at = star.at;
            access.path.push_back({field.name, -1});
            auto bound = TRY(bind_access(access));
            plan_.schema.push_back({field.name, bound->type});
            plan_.outputs.push_back(std::move(bound));
        }
        return {};
    }

    static std::string output_name(const sql::SelectItem& item) {
        if (!item.alias.empty()) return item.alias;
        const auto& expr = *item.expr;
        if (expr.kind == ExprKind::name) return expr.parts.back();
        if (expr.kind == ExprKind::field) return expr.text;
        if (expr.kind == ExprKind::call && expr.text == "count" && expr.children.size() == 1 &&
            expr.children[0]->kind == ExprKind::star)
            return "count(1)";
        return item.text;
    }

    // Ordering. What is sorted by and not shown becomes an output behind the shown ones.

    SqlResult<> bind_order() {
        for (const auto& item : select_.order_by) {
            SortKey key;
            key.descending = item.descending;
            key.nulls_first = item.nulls_first.value_or(!item.descending);
            key.column = TRY(order_column(*item.expr));
            plan_.order.push_back(key);
        }
        return {};
    }

    SqlResult<std::size_t> order_column(const Expr& expr) {
        if (expr.kind == ExprKind::integer) {
            auto index = *TRY(grouped_index(expr));
            return index;
        }
        if (expr.kind == ExprKind::name && expr.parts.size() == 1)
            for (std::size_t i = 0; i < plan_.schema.size(); ++i)
                if (equals_ignoring_case(plan_.schema[i].name, expr.parts[0])) return i;
        auto bound = TRY(bind(expr));
        plan_.outputs.push_back(std::move(bound));
        return plan_.outputs.size() - 1;
    }

    SqlResult<std::optional<std::size_t>> grouped_index(const Expr& expr) {
        std::size_t number = 0;
        for (char c : expr.text)
            if (c >= '0' && c <= '9' && number <= plan_.schema.size())
                number = number * 10 + std::size_t(c - '0');
        if (expr.text.starts_with('-') || number < 1 || number > plan_.schema.size())
            return sql_fail(expr.at, "ORDER BY {}: there are {} columns", expr.text, plan_.schema.size());
        return std::optional(number - 1);
    }

    /// Keeps the scanned columns that are still used; casts may have replaced some.
    void finish_scan() {
        std::vector<Expression*> roots;
        if (plan_.filter) roots.push_back(plan_.filter.get());
        if (plan_.watermark) roots.push_back(plan_.watermark.get());
        if (plan_.group) {
            if (plan_.group->window) roots.push_back(plan_.group->window->time.get());
            for (auto& key : plan_.group->keys) roots.push_back(key.get());
            for (auto& aggregate : plan_.group->aggregates)
                if (aggregate.argument) roots.push_back(aggregate.argument.get());
        } else {
            for (auto& output : plan_.outputs) roots.push_back(output.get());
        }
        std::vector<bool> used(scan().size());
        for (auto* root : roots) collect_columns(*root, used);
        std::vector<int> to(scan().size(), -1);
        for (std::size_t i = 0; i < used.size(); ++i) {
            if (!used[i]) continue;
            to[i] = int(plan_.scan.size());
            plan_.scan_schema.push_back({to_string(scan()[i].path), scan()[i].type});
            plan_.scan.push_back(std::move(scan()[i]));
        }
        for (auto* root : roots) renumber_columns(*root, to);
    }

    const sql::Select& select_;
    const RelationInfo& relation_info_;
    const BindOptions& options_;
    QueryPlan plan_;
    bool in_alias_ = false;
};

}  // namespace

SqlResult<QueryPlan> bind(sql::Select& select, const RelationInfo& relation, const BindOptions& options) {
    if (select.from) {
        auto drop = [&](ExprPtr& expr) {
            if (expr) drop_relation(*expr, *select.from, relation);
        };
        for (auto& item : select.items) drop(item.expr);
        drop(select.where);
        for (auto& expr : select.group_by) drop(expr);
        drop(select.having);
        for (auto& item : select.order_by) drop(item.expr);
    }
    return QueryBinder(select, relation, options).run();
}

}  // namespace penstock::stream
