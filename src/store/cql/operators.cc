#include "store/cql/operators.h"

namespace penstock::store::cql {

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

std::string_view operator_function(const Term& operation) {
    if (operation.items.size() == 1) return "_negate";
    switch (operation.text[0]) {
        case '+':
            return "_add";
        case '-':
            return "_substract";
        case '*':
            return "_multiply";
        case '/':
            return "_divide";
        default:
            return "_modulo";
    }
}

bool is_met(Operator op, int order) {
    switch (op) {
        case Operator::eq:
        case Operator::in:
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
        case Operator::contains:
        case Operator::contains_key:
        case Operator::not_null:
        case Operator::like:
            return false;
    }
    return false;
}

}  // namespace penstock::store::cql
