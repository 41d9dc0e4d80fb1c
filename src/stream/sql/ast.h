// A SELECT as written, each part with its place in the text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stream/sql/error.h"

namespace penstock::stream::sql {

enum class ExprKind {
    null,
    boolean,    ///< text: true or false
    integer,    ///< text: the digits
    decimal,    ///< text: the digits
    string,     ///< text: the value
    date,       ///< DATE '...'; text: what is between the quotes
    timestamp,  ///< TIMESTAMP '...'
    interval,   ///< months, days, microseconds
    name,       ///< parts: a.b.c
    star,       ///< *; parts: the alias before it, if any
    call,       ///< text: the function in lower case; children: arguments
    field,      ///< child.text
    subscript,  ///< child[child]
    negate,     ///< -child
    logical_not,
    binary,     ///< text: the operator, one of + - * / % || = <> < <= > >= <=> and or div
    between,    ///< child between child and child
    in,         ///< child in (children...)
    like,       ///< child like child; text: like, ilike or rlike
    is_null,    ///< child is null
    is_true,    ///< child is true; text: true or false
    case_when,  ///< [operand] when then ... [else]; has_operand, has_else
    cast,       ///< cast(child as text); attempt: try_cast
};

struct Interval {
    std::int64_t months = 0;
    std::int64_t days = 0;
    std::int64_t us = 0;
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
    ExprKind kind = ExprKind::null;
    Position at;
    std::string text;
    std::vector<std::string> parts;
    std::vector<ExprPtr> children;
    Interval interval;
    bool negated = false;   ///< NOT IN, NOT LIKE, NOT BETWEEN, IS NOT NULL
    bool distinct = false;  ///< count(DISTINCT x)
    bool attempt = false;
    bool has_operand = false;
    bool has_else = false;
    std::size_t begin = 0;  ///< bytes [begin, end) of the SQL text
    std::size_t end = 0;
};

struct SelectItem {
    ExprPtr expr;
    std::string alias;  ///< empty: none
    std::string text;   ///< as written
};

struct Relation {
    std::vector<std::string> parts;
    std::string alias;
    Position at;
    /// The parts with dots between them.
    std::string name() const;
};

struct OrderItem {
    ExprPtr expr;
    bool descending = false;
    std::optional<bool> nulls_first;
};

struct Select {
    bool distinct = false;
    std::vector<SelectItem> items;
    std::optional<Relation> from;
    ExprPtr where;
    std::vector<ExprPtr> group_by;
    ExprPtr having;
    std::vector<OrderItem> order_by;
    std::optional<std::int64_t> limit;
    Position order_at;
    Position limit_at;
};

/// The expression in one spelling, so that equal expressions have equal texts: names and functions in lower
/// case.
std::string canonical_text(const Expr& expr);

}  // namespace penstock::stream::sql
