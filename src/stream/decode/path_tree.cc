#include "stream/decode/path_tree.h"

#include "stream/expr/cast.h"

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

Misread another_type(const Path& path, std::string_view expected, std::string_view found) {
    bool cut = found.size() > 60;
    return {fmt::format("{}: expected {}, found {}{}", to_string(path), expected, found.substr(0, 60),
                        cut ? "..." : ""),
            true, path};
}

std::optional<Misread> set_leaf(const PathTree::Leaf& leaf, const Path& path, Slot& slot, std::size_t row,
                                const SchemaValue& value, Arena& arena) {
    if (set_value(slot, row, leaf.type, leaf.from_text, value, arena)) return std::nullopt;
    auto text = text_of(value, arena);
    if (leaf.from_text)
        return Misread{fmt::format("{}: {}", to_string(path), cast_reason(text, leaf.type)), false, {}};
    bool quoted = value.kind == SchemaValue::Kind::text;
    return another_type(path, to_string(leaf.type), quoted ? fmt::format("'{}'", text) : std::string(text));
}

}  // namespace penstock::stream
