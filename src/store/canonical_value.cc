#include "store/canonical_value.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "store/value.h"
#include "store/vector_value.h"

namespace penstock::store {
namespace {

/// Without those that a later equal one replaces. step: 2 when each key is followed by its value.
std::vector<std::size_t> order_of(const std::vector<std::string>& elements, const DataType& key,
                                  std::size_t step) {
    std::vector<std::size_t> order, kept;
    for (std::size_t i = 0; i < elements.size(); i += step) order.push_back(i);
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        int by = compare(key, elements[a], elements[b]);
        return by != 0 ? by < 0 : a < b;
    });
    for (auto i : order) {
        if (!kept.empty() && compare(key, elements[kept.back()], elements[i]) == 0)
            kept.back() = i;
        else
            kept.push_back(i);
    }
    return kept;
}

std::string canonical_collection(const DataType& type, std::string_view value) {
    bool map = type.kind == Kind::map;
    std::size_t step = map ? 2 : 1;
    std::vector<std::string_view> parts;
    split_collection(value, map, parts);
    std::vector<std::string> elements;
    for (std::size_t i = 0; i < parts.size(); ++i)
        elements.push_back(canonical(type.parameters[map ? i % 2 : 0], parts[i]));
    std::vector<std::size_t> order;
    if (type.kind == Kind::list)
        for (std::size_t i = 0; i < elements.size(); ++i) order.push_back(i);
    else
        order = order_of(elements, type.parameters[0], step);
    std::string out;
    begin_collection(out, order.size());
    for (auto i : order)
        for (std::size_t k = 0; k < step; ++k) append_element(out, elements[i + k]);
    return out;
}

std::string canonical_tuple(const DataType& type, std::string_view value) {
    std::vector<std::optional<std::string_view>> components;
    split_tuple(value, components);
    std::string out;
    for (std::size_t i = 0; i < components.size(); ++i)
        append_component(
            out, components[i] ? std::optional(canonical(type.parameters[i], *components[i])) : std::nullopt);
    return out;
}

}  // namespace

bool has_other_forms(const DataType& type) {
    // What is in a vector stays as it came, as in Cassandra.
    if (type.kind == Kind::vector) return false;
    return type.kind == Kind::set || type.kind == Kind::map ||
           std::ranges::any_of(type.parameters, has_other_forms);
}

std::string canonical(const DataType& type, std::string_view value) {
    if (!has_other_forms(type)) return std::string(value);
    if (type.is_collection()) return canonical_collection(type, value);
    return canonical_tuple(type, value);
}

}  // namespace penstock::store
