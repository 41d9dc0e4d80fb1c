#include "stream/expr/function.h"

#include <algorithm>

namespace penstock::stream {

const std::vector<Function>& function_table() {
    static const auto table = [] {
        std::vector<Function> out;
        detail::add_text_functions(out);
        detail::add_number_functions(out);
        detail::add_time_functions(out);
        return out;
    }();
    return table;
}

const std::vector<std::string>& function_names() {
    static const auto names = [] {
        // Those that the binder knows by itself.
        std::vector<std::string> out{"coalesce", "ifnull",    "nvl",      "nvl2",    "nullif", "if",
                                     "greatest", "least",     "count",    "sum",     "avg",    "mean",
                                     "min",      "max",       "first",    "last",    "window", "cast",
                                     "isnull",   "isnotnull", "date_add", "count_if"};
        for (const auto& function : function_table()) out.emplace_back(function.name);
        std::ranges::sort(out);
        out.erase(std::unique(out.begin(), out.end()), out.end());
        return out;
    }();
    return names;
}

int implicit_cost(TypeId from, TypeId to) {
    if (from == to) return 0;
    switch (to) {
        case TypeId::int64:
            if (from == TypeId::int32) return 1;
            return from == TypeId::string ? 20 : -1;
        case TypeId::float64:
            if (from == TypeId::int32 || from == TypeId::int64) return 3;
            return from == TypeId::string ? 19 : -1;
        case TypeId::int32:
            return from == TypeId::string ? 21 : -1;
        case TypeId::string:
            return 10;
        case TypeId::timestamp:
            if (from == TypeId::date) return 1;
            return from == TypeId::string ? 20 : -1;
        case TypeId::date:
            if (from == TypeId::timestamp) return 2;
            return from == TypeId::string ? 21 : -1;
        case TypeId::binary:
            return from == TypeId::string ? 12 : -1;
        case TypeId::boolean:
            return from == TypeId::string ? 25 : -1;
        case TypeId::json:
            return -1;
    }
    return -1;
}

const Function* find_function(std::string_view name, std::span<const TypeId> types,
                              std::span<const bool> untyped) {
    const Function* best = nullptr;
    int best_cost = 0;
    for (const auto& function : function_table()) {
        if (function.name != name) continue;
        auto fixed = function.parameters.size() - (function.variadic ? 1 : 0);
        if (types.size() < fixed || (!function.variadic && types.size() > fixed)) continue;
        int cost = 0;
        for (std::size_t i = 0; i < types.size() && cost >= 0; ++i) {
            auto to = function.parameters[std::min(i, function.parameters.size() - 1)];
            auto step = untyped[i] ? 0 : implicit_cost(types[i], to);
            cost = step < 0 ? -1 : cost + step;
        }
        if (cost < 0) continue;
        if (!best || cost < best_cost) {
            best = &function;
            best_cost = cost;
        }
    }
    return best;
}

}  // namespace penstock::stream
