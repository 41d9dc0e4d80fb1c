#include "stream/plan/expression_binder.h"

#include <charconv>

#include "stream/expr/cast.h"
#include "stream/expr/datetime.h"
#include "stream/expr/function.h"
#include "stream/expr/nested.h"

namespace penstock::stream {

using sql::Expr;
using sql::ExprKind;

std::string to_string(const Path& path) {
    std::string out;
    for (const auto& step : path) {
        if (step.index >= 0)
            out += fmt::format("[{}]", step.index);
        else
            out += (out.empty() ? "" : ".") + step.name;
    }
    return out;
}

namespace {

/// Its records have the one column value, which is not looked into.
bool takes_value_whole(pipeline::Format format) {
    return format == pipeline::Format::text || format == pipeline::Format::raw;
}

constexpr int max_depth = 2000;

const NamedType* find_field(const DataType& object, std::string_view name) {
    for (const auto& field : object.fields)
        if (field.name == name) return &field;
    for (const auto& field : object.fields)
        if (equals_ignoring_case(field.name, name)) return &field;
    return nullptr;
}

std::vector<std::string> names_of(const DataType& object) {
    std::vector<std::string> names;
    for (const auto& field : object.fields) names.push_back(field.name);
    return names;
}

/// The columns that every topic has.
std::optional<std::pair<ColumnSource, TypeId>> meta_column(std::string_view name) {
    if (equals_ignoring_case(name, "_key")) return {{ColumnSource::key, TypeId::string}};
    if (equals_ignoring_case(name, "_partition")) return {{ColumnSource::partition, TypeId::int32}};
    if (equals_ignoring_case(name, "_offset")) return {{ColumnSource::offset, TypeId::int64}};
    if (equals_ignoring_case(name, "_timestamp")) return {{ColumnSource::timestamp, TypeId::timestamp}};
    if (equals_ignoring_case(name, "_headers")) return {{ColumnSource::headers, TypeId::json}};
    return std::nullopt;
}

bool is_number(TypeId type) {
    return type == TypeId::int32 || type == TypeId::int64 || type == TypeId::float64;
}

/// The type that holds values of both, for CASE, COALESCE, IN ...; none when there is none.
std::optional<TypeId> common_type(TypeId a, TypeId b) {
    if (a == b) return a;
    if (is_number(a) && is_number(b)) {
        if (a == TypeId::float64 || b == TypeId::float64) return TypeId::float64;
        return TypeId::int64;
    }
    if ((a == TypeId::date && b == TypeId::timestamp) || (b == TypeId::date && a == TypeId::timestamp))
        return TypeId::timestamp;
    if (a == TypeId::string || b == TypeId::string) return TypeId::string;
    return std::nullopt;
}

std::string types_text(const std::vector<ExpressionPtr>& args) {
    std::string out;
    for (const auto& arg : args) {
        if (!out.empty()) out += ", ";
        out += arg->null_literal ? "NULL" : arg->unknown ? "?" : to_string(arg->type);
    }
    return out;
}

std::string signatures_text(std::string_view name) {
    std::string out;
    for (const auto& function : function_table()) {
        if (function.name != name) continue;
        if (!out.empty()) out += " or ";
        out += fmt::format("{}(", name);
        for (std::size_t i = 0; i < function.parameters.size(); ++i)
            out += fmt::format("{}{}", i ? ", " : "", to_string(function.parameters[i]));
        out += function.variadic ? ", ...)" : ")";
    }
    return out;
}

}  // namespace

SqlResult<ExpressionPtr> ExpressionBinder::bind(const Expr& expr) {
    auto taken = TRY(intercept(expr));
    if (taken) return taken;
    if (++depth_ > max_depth) {
        --depth_;
        return sql_fail(expr.at, "this expression is nested too deeply");
    }
    auto bound = bind_kind(expr);
    --depth_;
    if (!bound) return bound;
    return fold(std::move(*bound));
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_kind(const Expr& expr) {
    switch (expr.kind) {
        case ExprKind::null: {
            auto null = constant_null(TypeId::string, expr.at);
            null->null_literal = true;
            return null;
        }
        case ExprKind::boolean:
            return constant_integer(TypeId::boolean, expr.text == "true", expr.at);
        case ExprKind::integer:
        case ExprKind::decimal:
            return bind_number(expr);
        case ExprKind::string:
            return constant_string(TypeId::string, expr.text, expr.at);
        case ExprKind::date:
        case ExprKind::timestamp: {
            auto value = expr.kind == ExprKind::date ? parse_date(expr.text) : parse_timestamp(expr.text);
            auto type = expr.kind == ExprKind::date ? TypeId::date : TypeId::timestamp;
            if (!value) return sql_fail(expr.at, "'{}' is not a {}", expr.text, to_string(type));
            return constant_integer(type, *value, expr.at);
        }
        case ExprKind::interval:
            return sql_fail(expr.at, "an INTERVAL can only be added to or taken from a date or timestamp");
        case ExprKind::star:
            return sql_fail(expr.at, "* can only stand in the SELECT list or in count(*)");
        case ExprKind::name:
        case ExprKind::field:
        case ExprKind::subscript:
            return bind_nested(expr);
        case ExprKind::call:
            return bind_call(expr);
        case ExprKind::negate: {
            std::vector<ExpressionPtr> args;
            args.push_back(TRY(bind(*expr.children[0])));
            if (args[0]->type == TypeId::string && !args[0]->unknown)
                args[0] = TRY(coerce(std::move(args[0]), TypeId::float64));
            return make_call("negate", std::move(args), expr.at);
        }
        case ExprKind::logical_not: {
            auto inner = TRY(condition(*expr.children[0], "NOT"));
            return negated(std::move(inner), true);
        }
        case ExprKind::binary:
            return bind_binary(expr);
        case ExprKind::between:
            return bind_between(expr);
        case ExprKind::in:
            return bind_in(expr);
        case ExprKind::like: {
            auto args = TRY(bind_all(expr.children));
            return negated(TRY(make_call(expr.text, std::move(args), expr.at)), expr.negated);
        }
        case ExprKind::is_null:
            return bind_is_null(expr);
        case ExprKind::is_true:
            return bind_is_true(expr);
        case ExprKind::case_when:
            return bind_case(expr);
        case ExprKind::cast:
            return bind_cast(expr);
    }
    return sql_fail(expr.at, "this expression is not offered");
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_number(const Expr& expr) {
    if (expr.kind == ExprKind::decimal) {
        auto value = double_of_text(expr.text);
        if (!value) return sql_fail(expr.at, "'{}' is not a number", expr.text);
        return constant_float(*value, expr.at);
    }
    auto value = integer_of_text(expr.text, TypeId::int64);
    if (!value) return sql_fail(expr.at, "{} does not fit a BIGINT", expr.text);
    bool small = *value >= INT32_MIN && *value <= INT32_MAX;
    return constant_integer(small ? TypeId::int32 : TypeId::int64, *value, expr.at);
}

// Names and what is inside of them.

std::optional<ExpressionBinder::Access> ExpressionBinder::access_of(const Expr& expr) const {
    if (expr.kind == ExprKind::name) {
        Access access;
        access.at = expr.at;
        for (const auto& part : expr.parts) access.path.push_back({part, -1});
        return access;
    }
    if (expr.kind != ExprKind::field && expr.kind != ExprKind::subscript) return std::nullopt;
    auto access = access_of(*expr.children[0]);
    if (!access) return std::nullopt;
    if (expr.kind == ExprKind::field) {
        access->path.push_back({expr.text, -1});
        return access;
    }
    const auto& subscript = *expr.children[1];
    if (subscript.kind == ExprKind::string) {
        access->path.push_back({subscript.text, -1});
        return access;
    }
    auto index =
        subscript.kind == ExprKind::integer ? integer_of_text(subscript.text, TypeId::int32) : std::nullopt;
    if (!index || *index < 0) return std::nullopt;
    access->path.push_back({{}, *index});
    return access;
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_nested(const Expr& expr) {
    if (auto access = access_of(expr)) return bind_access(*access);
    Path path;
    if (expr.kind == ExprKind::field) {
        path.push_back({expr.text, -1});
    } else {
        const auto& subscript = *expr.children[1];
        auto index = subscript.kind == ExprKind::integer ? integer_of_text(subscript.text, TypeId::int32)
                                                         : std::nullopt;
        if (subscript.kind == ExprKind::string)
            path.push_back({subscript.text, -1});
        else if (index && *index >= 0)
            path.push_back({{}, *index});
        else
            return sql_fail(subscript.at, "a subscript must be a string, or a number from 0");
    }
    auto base = TRY(bind(*expr.children[0]));
    if (base->unknown) return base;
    if (base->type != TypeId::json)
        return sql_fail(expr.at, "a value of type {} has nothing inside", to_string(base->type));
    return json_access(std::move(base), path, 0, expr.at);
}

ExpressionPtr ExpressionBinder::json_access(ExpressionPtr base, const Path& path, std::size_t from,
                                            Position at) {
    for (std::size_t i = from; i < path.size(); ++i) {
        auto call = std::make_unique<Expression>();
        call->kind = ExpressionKind::call;
        call->name = "field";
        call->at = at;
        // The last step gives text; what is inside of JSON without a schema has no other type.
        call->type = i + 1 == path.size() ? TypeId::string : TypeId::json;
        call->kernel = json_field_kernel;
        call->args.push_back(std::move(base));
        call->args.push_back(path[i].index >= 0 ? constant_integer(TypeId::int64, path[i].index, at)
                                                : constant_string(TypeId::string, path[i].name, at));
        base = std::move(call);
    }
    return base;
}

std::vector<std::string> ExpressionBinder::column_names() const {
    auto names = names_of(relation_.columns);
    if (relation_.kind == RelationInfo::Kind::topic)
        for (auto meta : {"_key", "_partition", "_offset", "_timestamp", "_headers"}) names.push_back(meta);
    return names;
}

ExpressionPtr ExpressionBinder::scan_column(ScanColumn column, Position at) {
    auto expr = std::make_unique<Expression>();
    expr->kind = ExpressionKind::column;
    expr->type = column.type;
    expr->at = at;
    expr->deterministic = true;
    for (std::size_t i = 0; i < scan_.size(); ++i)
        if (scan_[i] == column) expr->column = int(i);
    if (expr->column < 0) {
        expr->column = int(scan_.size());
        scan_.push_back(std::move(column));
    }
    return expr;
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_access(const Access& access) {
    const auto& path = access.path;
    if (relation_.kind == RelationInfo::Kind::none)
        return sql_fail(access.at, "unknown name {}: there is no FROM", to_string(path));
    ScanColumn column;
    if (relation_.kind == RelationInfo::Kind::topic) {
        // A payload column of the same name wins, so that nobody's data is hidden.
        auto meta = meta_column(path[0].name);
        if (meta && !find_field(relation_.columns, path[0].name)) {
            column.source = meta->first;
            column.type = meta->second;
            if (path.size() > 1 && column.type != TypeId::json)
                return sql_fail(access.at, "{} is {} and has nothing inside", path[0].name,
                                to_string(column.type));
            return json_access(scan_column(column, access.at), path, 1, access.at);
        }
    }
    if (relation_.open) {
        column.path = path;
        auto expr = scan_column(column, access.at);
        expr->unknown = true;
        return expr;
    }
    column.source = relation_.kind == RelationInfo::Kind::table ? ColumnSource::table
                    : takes_value_whole(relation_.format)       ? ColumnSource::whole_value
                                                                : ColumnSource::payload;
    const DataType* type = &relation_.columns;
    std::size_t used = 0;
    for (; used < path.size(); ++used) {
        const auto& step = path[used];
        if (type->shape == DataType::Shape::object) {
            const auto* field = step.index < 0 ? find_field(*type, step.name) : nullptr;
            if (!field) {
                auto known = used == 0 ? column_names() : names_of(*type);
                auto inside = used == 0 ? std::string() : fmt::format(" in {}", to_string(column.path));
                std::string hint = suggestion(step.name, known);
                if (hint.empty() && known.size() <= 20)
                    hint = fmt::format("; known are {}", fmt::join(known, ", "));
                return sql_fail(access.at, "unknown column {}{}{}",
                                step.index < 0 ? step.name : fmt::format("[{}]", step.index), inside, hint);
            }
            column.path.push_back({field->name, -1});
            type = &field->type;
        } else if (type->shape == DataType::Shape::array && step.index >= 0) {
            column.path.push_back(step);
            type = &type->elements[0];
        } else if (type->shape == DataType::Shape::map) {
            column.path.push_back({step.index >= 0 ? std::to_string(step.index) : step.name, -1});
            type = &type->elements[0];
        } else if (type->shape == DataType::Shape::scalar && type->scalar == TypeId::json) {
            break;
        } else {
            return sql_fail(access.at, "{} is {}, and has no {}", to_string(column.path), to_string(*type),
                            step.index < 0 ? "field " + step.name : "element " + std::to_string(step.index));
        }
    }
    column.type = type->column_type();
    column.natural = *type;
    return json_access(scan_column(std::move(column), access.at), path, used, access.at);
}

// Casts.

ExpressionPtr ExpressionBinder::cast_call(ExpressionPtr expr, TypeId to, bool attempt) {
    auto kernel = cast_kernel(expr->type, to);
    if (!kernel) return nullptr;
    auto call = std::make_unique<Expression>();
    call->kind = ExpressionKind::call;
    call->name = "cast";
    call->at = expr->at;
    call->type = to;
    call->attempt = attempt;
    call->kernel = kernel;
    call->args.push_back(std::move(expr));
    return fold(std::move(call));
}

SqlResult<ExpressionPtr> ExpressionBinder::coerce(ExpressionPtr expr, TypeId to) {
    if (expr->null_literal) return constant_null(to, expr->at);
    if (expr->type == to || expr->unknown) return expr;
    if (is_scanned(*expr)) {
        const auto& column = scan_[std::size_t(expr->column)];
        if (column.source == ColumnSource::payload && !column.from_text && to == TypeId::string &&
            column.natural.shape == DataType::Shape::scalar && column.type == expr->type) {
            // The decoder takes any scalar as its text: a number for one record, a string for another.
            auto text = column;
            text.type = TypeId::string;
            text.from_text = true;
            return scan_column(std::move(text), expr->at);
        }
    }
    auto from = expr->type;
    auto at = expr->at;
    auto cast = cast_call(std::move(expr), to, false);
    if (!cast) return sql_fail(at, "cannot turn {} into {}", to_string(from), to_string(to));
    return cast;
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_cast(const Expr& expr) {
    auto name = expr.text.substr(0, expr.text.find('('));
    auto to = type_of_name(name);
    if (equals_ignoring_case(name, "decimal") || equals_ignoring_case(name, "numeric"))
        return sql_fail(expr.at, "DECIMAL is not offered; use DOUBLE or BIGINT");
    if (!to || *to == TypeId::json)
        return sql_fail(expr.at, "unknown type {}{}", expr.text,
                        suggestion(expr.text, {"STRING", "INT", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP",
                                               "DATE", "BINARY"}));
    auto inner = TRY(bind(*expr.children[0]));
    if (inner->unknown) {
        inner->unknown = false;  // whatever it is, it is of this type now
        inner->type = *to;
        return inner;
    }
    if (inner->type == *to && !inner->null_literal) return inner;
    if (!expr.attempt && fuse_casts_ && conditional_ == 0 && is_scanned(*inner) &&
        inner->type == TypeId::string) {
        auto column = scan_[std::size_t(inner->column)];
        if (column.source == ColumnSource::payload && column.type == TypeId::string &&
            *to != TypeId::binary) {
            column.type = *to;
            column.from_text = true;
            return scan_column(std::move(column), expr.at);
        }
    }
    if (*to == TypeId::string || inner->null_literal) return coerce(std::move(inner), *to);
    auto from = inner->type;
    auto cast = cast_call(std::move(inner), *to, expr.attempt);
    if (!cast) return sql_fail(expr.at, "there is no cast from {} to {}", to_string(from), to_string(*to));
    return cast;
}

// Calls.

SqlResult<std::vector<ExpressionPtr>> ExpressionBinder::bind_all(const std::vector<sql::ExprPtr>& exprs) {
    std::vector<ExpressionPtr> out;
    for (const auto& expr : exprs) out.push_back(TRY(bind(*expr)));
    return out;
}

/// name is one that functions have.
SqlResult<ExpressionPtr> ExpressionBinder::make_call(std::string_view name, std::vector<ExpressionPtr> args,
                                                     Position at) {
    std::vector<TypeId> types;
    std::unique_ptr<bool[]> untyped(new bool[args.size() + 1]());
    bool unknown = false;
    for (std::size_t i = 0; i < args.size(); ++i) {
        types.push_back(args[i]->type);
        untyped[i] = args[i]->null_literal || args[i]->unknown;
        unknown = unknown || args[i]->unknown;
    }
    const auto* function = find_function(name, types, {untyped.get(), args.size()});
    if (!function)
        return sql_fail(at, "{} does not take ({}); expected {}", name, types_text(args),
                        signatures_text(name));
    auto call = std::make_unique<Expression>();
    call->kind = ExpressionKind::call;
    call->name = name;
    call->at = at;
    call->type = function->result;
    call->kernel = function->kernel;
    call->deterministic = function->deterministic;
    call->unknown = unknown;
    for (std::size_t i = 0; i < args.size(); ++i) {
        auto to = function->parameters[std::min(i, function->parameters.size() - 1)];
        auto arg_at = args[i]->at;
        auto arg = coerce(std::move(args[i]), to);
        if (!arg) return sql_fail(arg_at, "{}: {}", name, arg.error().text);
        call->args.push_back(std::move(*arg));
    }
    if (function->prepare && !unknown) {
        auto why = function->prepare(*call);
        if (!why.empty()) return sql_fail(at, "{}", why);
    }
    if (unknown) {
        // The result is known all the same when every overload gives the same type.
        bool same = true;
        for (const auto& other : function_table())
            if (other.name == name) same = same && other.result == function->result;
        call->unknown = !same;
        call->deterministic = false;
    }
    return fold(std::move(call));
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_call(const Expr& expr) {
    const auto& name = expr.text;
    if (expr.distinct) return sql_fail(expr.at, "DISTINCT is offered in count() only");
    if (name == "coalesce" || name == "ifnull" || name == "nvl") return bind_coalesce(expr);
    if (name == "nullif") return bind_nullif(expr);
    if (name == "if" || name == "iff" || name == "nvl2") return bind_if(expr);
    if (name == "isnull" || name == "isnotnull") {
        if (expr.children.size() != 1) return sql_fail(expr.at, "{} takes one argument", name);
        return is_null_call(TRY(bind(*expr.children[0])), name == "isnotnull", expr.at);
    }
    if (name == "window")
        return sql_fail(expr.at, "window() can only stand in GROUP BY, and in SELECT as it stands there");
    if (name == "greatest" || name == "least") {
        auto args = TRY(bind_all(expr.children));
        if (args.size() < 2) return sql_fail(expr.at, "{} takes two arguments or more", name);
        std::vector<ExpressionPtr*> all;
        for (auto& arg : args) all.push_back(&arg);
        TRY(unify(all, name));
        return make_call(name, std::move(args), expr.at);
    }
    // Before its arguments: under GROUP BY it may have been meant as an aggregate, and then they are right.
    if (signatures_text(name).empty())
        return sql_fail(expr.at, "unknown function {}{}", name, suggestion(name, function_names()));
    auto args = TRY(bind_all(expr.children));
    return make_call(name, std::move(args), expr.at);
}

SqlResult<TypeId> ExpressionBinder::unify(std::span<ExpressionPtr*> exprs, std::string_view where) {
    std::optional<TypeId> type;
    for (auto* expr : exprs) {
        if ((*expr)->null_literal || (*expr)->unknown) continue;
        auto common = type ? common_type(*type, (*expr)->type) : (*expr)->type;
        if (!common)
            return sql_fail((*expr)->at, "{}: {} and {} have no common type", where, to_string(*type),
                            to_string((*expr)->type));
        type = common;
    }
    for (auto* expr : exprs) *expr = TRY(coerce(std::move(*expr), type.value_or(TypeId::string)));
    return type.value_or(TypeId::string);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_coalesce(const Expr& expr) {
    bool two = expr.text != "coalesce";
    if (expr.children.empty() || (two && expr.children.size() != 2))
        return sql_fail(expr.at, "{} takes {}", expr.text, two ? "two arguments" : "one argument or more");
    Conditional conditional(conditional_);
    auto out = std::make_unique<Expression>();
    out->kind = ExpressionKind::coalesce;
    out->at = expr.at;
    out->args = TRY(bind_all(expr.children));
    std::vector<ExpressionPtr*> all;
    for (auto& arg : out->args) {
        all.push_back(&arg);
        out->unknown = out->unknown || arg->unknown;
    }
    out->type = TRY(unify(all, expr.text));
    return out;
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_nullif(const Expr& expr) {
    if (expr.children.size() != 2) return sql_fail(expr.at, "nullif takes two arguments");
    auto left = TRY(bind(*expr.children[0]));
    auto right = TRY(bind(*expr.children[1]));
    std::vector<ExpressionPtr> parts;
    parts.push_back(TRY(bind_comparison("=", std::move(left), std::move(right), expr.at)));
    auto null = constant_null(TypeId::string, expr.at);
    null->null_literal = true;
    parts.push_back(std::move(null));
    parts.push_back(TRY(bind(*expr.children[0])));
    return make_case(std::move(parts), expr.at);
}

SqlResult<ExpressionPtr> ExpressionBinder::bind_if(const Expr& expr) {
    if (expr.children.size() != 3) return sql_fail(expr.at, "{} takes three arguments", expr.text);
    std::vector<ExpressionPtr> parts;
    if (expr.text == "nvl2") {
        auto test = TRY(bind(*expr.children[0]));
        parts.push_back(is_null_call(std::move(test), true, expr.at));
    } else {
        parts.push_back(TRY(condition(*expr.children[0], "if()")));
    }
    Conditional conditional(conditional_);
    parts.push_back(TRY(bind(*expr.children[1])));
    parts.push_back(TRY(bind(*expr.children[2])));
    return make_case(std::move(parts), expr.at);
}

}  // namespace penstock::stream
