// Where in a value the columns of a query come from.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/decode/schema_value.h"
#include "stream/decode/slots.h"
#include "stream/plan/plan.h"

namespace penstock::stream {

/// The paths that a query uses, as a tree.
class PathTree {
public:
    static constexpr std::size_t none = ~std::size_t(0);

    struct Leaf {
        std::size_t column = 0;
        TypeId type = TypeId::string;
        bool from_text = false;
    };
    struct Node {
        PathStep step;
        Path path;
        std::vector<std::size_t> children;
        std::vector<Leaf> leaves;
    };

    explicit PathTree(std::span<const ScanColumn> scan);
    const Node& operator[](std::size_t node) const { return nodes_[node]; }

private:
    std::vector<Node> nodes_;  ///< 0: the whole value
};

/// Why a value does not fit its columns.
struct Misread {
    std::string reason;
    bool other_type = false;  ///< the value at path is of another type than the column
    Path path;
};
Misread another_type(const Path& path, std::string_view expected, std::string_view found);
/// Sets row of the leaf's column, or says why the value is none for it.
std::optional<Misread> set_leaf(const PathTree::Leaf& leaf, const Path& path, Slot& slot, std::size_t row,
                                const SchemaValue& value, Arena& arena);

}  // namespace penstock::stream
