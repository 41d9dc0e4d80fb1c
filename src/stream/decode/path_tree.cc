#include "stream/decode/path_tree.h"

namespace penstock::stream {

PathTree::PathTree(std::span<const ScanColumn> scan) {
    nodes_.emplace_back();
    for (std::size_t i = 0; i < scan.size(); ++i) {
        if (scan[i].source != ColumnSource::payload) continue;
        std::size_t at = 0;
        for (const auto& step : scan[i].path) {
            auto next = none;
            for (auto child : nodes_[at].children)
                if (nodes_[child].step == step) next = child;
            if (next == none) {
                next = nodes_.size();
                Node node;
                node.step = step;
                node.path = nodes_[at].path;
                node.path.push_back(step);
                nodes_[at].children.push_back(next);
                nodes_.push_back(std::move(node));
            }
            at = next;
        }
        nodes_[at].leaves.push_back({i, scan[i].type, scan[i].from_text});
    }
}

}  // namespace penstock::stream
