// Where in a value the columns of a query come from.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

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

}  // namespace penstock::stream
