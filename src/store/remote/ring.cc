#include "store/remote/ring.h"

#include <algorithm>
#include <set>

#include "base/units.h"

namespace penstock::store {
namespace {

/// "3", and "3/1" of transient replication: the first says how many have the data.
std::size_t factor_of(std::string_view text) {
    auto number = parse_int(text.substr(0, text.find('/')));
    return number && *number > 0 ? std::size_t(*number) : 0;
}

bool contains(const std::vector<std::uint16_t>& nodes, std::uint16_t node) {
    return std::ranges::find(nodes, node) != nodes.end();
}

}  // namespace

Ring::Ring(std::vector<RingNode> nodes) : nodes_(std::move(nodes)) {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        for (auto token : nodes_[i].tokens) positions_.push_back({token, std::uint16_t(i)});
    std::ranges::sort(positions_, {}, &Position::token);
}

/// A node owns what lies behind the token before its own, up to and with its own.
std::size_t Ring::position_of(std::int64_t token) const {
    auto at = std::ranges::lower_bound(positions_, token, {}, &Position::token);
    return at == positions_.end() ? 0 : std::size_t(at - positions_.begin());
}

std::optional<std::int64_t> Ring::token_at_or_after(std::int64_t token) const {
    if (positions_.empty()) return std::nullopt;
    return positions_[position_of(token)].token;
}

std::vector<std::uint16_t> Ring::replicas(const Replication& replication, std::int64_t token) const {
    std::vector<std::uint16_t> out;
    auto strategy = replication.find("class");
    if (positions_.empty() || strategy == replication.end()) return out;
    auto from = position_of(token);
    if (strategy->second.ends_with("SimpleStrategy")) {
        auto factor = replication.find("replication_factor");
        return factor == replication.end() ? out : simple(factor_of(factor->second), from);
    }
    if (!strategy->second.ends_with("NetworkTopologyStrategy")) return out;
    for (const auto& [name, factor] : replication)
        if (name != "class") in_data_center(name, factor_of(factor), from, out);
    return out;
}

std::vector<std::uint16_t> Ring::simple(std::size_t factor, std::size_t from) const {
    std::vector<std::uint16_t> out;
    for (std::size_t i = 0; i < positions_.size() && out.size() < factor; ++i) {
        auto node = positions_[(from + i) % positions_.size()].node;
        if (!contains(out, node)) out.push_back(node);
    }
    return out;
}

/// Nodes in racks that have no replica yet come first; the others are taken when all racks have one.
void Ring::in_data_center(std::string_view name, std::size_t factor, std::size_t from,
                          std::vector<std::uint16_t>& out) const {
    std::set<std::string_view> racks;
    std::size_t members = 0;
    for (const auto& node : nodes_) {
        if (node.data_center != name) continue;
        racks.insert(node.rack);
        ++members;
    }
    factor = std::min(factor, members);
    std::vector<std::uint16_t> taken, skipped;
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < positions_.size() && taken.size() < factor; ++i) {
        auto node = positions_[(from + i) % positions_.size()].node;
        if (nodes_[node].data_center != name || contains(taken, node) || contains(skipped, node)) continue;
        if (seen.size() < racks.size() && !seen.insert(nodes_[node].rack).second) {
            skipped.push_back(node);
            continue;
        }
        taken.push_back(node);
        if (seen.size() == racks.size())
            for (auto one : skipped)
                if (taken.size() < factor && !contains(taken, one)) taken.push_back(one);
    }
    out.insert(out.end(), taken.begin(), taken.end());
}

}  // namespace penstock::store
