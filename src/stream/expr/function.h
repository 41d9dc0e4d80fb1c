// The functions of SQL, by name and types of arguments.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/expr/expression.h"

namespace penstock::stream {

struct Function {
    std::string_view name;
    std::vector<TypeId> parameters;
    bool variadic = false;  ///< the last parameter may stand any number of times, also none
    TypeId result = TypeId::string;
    Kernel kernel = nullptr;
    bool deterministic = true;
    /// Checks and prepares constant arguments (patterns); gives the reason when they are wrong.
    std::string (*prepare)(Expression& call) = nullptr;
};

/// Every function, aggregates and those of any type (coalesce, if ...) excepted.
const std::vector<Function>& function_table();
/// All names that a call may have, for suggestions.
const std::vector<std::string>& function_names();

/// The overload whose parameters are nearest to the types; nullptr when none takes them. text_cost: how an
/// argument of another type may be turned into the parameter's is said by implicit_cost().
const Function* find_function(std::string_view name, std::span<const TypeId> types,
                              std::span<const bool> untyped);
/// What turning a value into the other type costs: 0 same, small widening, larger by text, -1 not by itself.
int implicit_cost(TypeId from, TypeId to);

namespace detail {
void add_text_functions(std::vector<Function>& to);
void add_number_functions(std::vector<Function>& to);
void add_time_functions(std::vector<Function>& to);
}  // namespace detail

}  // namespace penstock::stream
