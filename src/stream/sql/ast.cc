#include "stream/sql/ast.h"

#include <fmt/format.h>

namespace penstock::stream::sql {

std::string Relation::name() const {
    std::string out;
    for (const auto& part : parts) {
        if (!out.empty()) out += '.';
        out += part;
    }
    return out;
}

std::string canonical_text(const Expr& expr) {
    std::string out = fmt::format(
        "{}:{}", int(expr.kind),
        expr.kind == ExprKind::string || expr.kind == ExprKind::date || expr.kind == ExprKind::timestamp
            ? fmt::format("{}'{}'", expr.text.size(), expr.text)
            : lower_case(expr.text));
    for (const auto& part : expr.parts) out += "." + lower_case(part);
    if (expr.kind == ExprKind::interval)
        out += fmt::format("{}/{}/{}", expr.interval.months, expr.interval.days, expr.interval.us);
    if (expr.negated) out += "!";
    if (expr.distinct) out += "#";
    if (expr.attempt) out += "?";
    if (expr.has_operand) out += "o";
    if (expr.has_else) out += "e";
    out += '(';
    for (const auto& child : expr.children) out += canonical_text(*child) + ",";
    return out + ')';
}

}  // namespace penstock::stream::sql
