#include "coordinate/assignment.h"

#include <algorithm>

#include "coordinate/coordinator.h"

namespace penstock::coordinate {
namespace {

bool is_leaders(const std::string& work) {
    return work.starts_with(leaders_work);
}

struct Load {
    const Offer* offer;
    std::set<std::string> has;
};

/// The one with the least that offers the work.
Load* least_loaded(std::vector<Load>& members, const std::string& work) {
    Load* best = nullptr;
    for (auto& member : members) {
        if (!member.offer->work.contains(work)) continue;
        if (!best || member.has.size() < best->has.size()) best = &member;
    }
    return best;
}

/// Moves one work from a member to one that has at least two less. False: nothing is to be gained.
bool move_one(std::vector<Load>& members) {
    for (auto& from : members) {
        for (auto at = from.has.rbegin(); at != from.has.rend(); ++at) {
            if (is_leaders(*at)) continue;
            auto* to = least_loaded(members, *at);
            if (!to || to->has.size() + 2 > from.has.size()) continue;
            to->has.insert(*at);
            from.has.erase(*at);
            return true;
        }
    }
    return false;
}

}  // namespace

Assignment assign(const std::vector<Offer>& offers, const Assignment& before) {
    std::vector<Load> members;
    std::set<std::string> all;
    for (const auto& offer : offers) {
        members.push_back({&offer, {}});
        all.insert(offer.work.begin(), offer.work.end());
    }
    std::vector<std::string> homeless;
    for (const auto& work : all) {
        if (is_leaders(work)) {
            std::ranges::find_if(members, [&](const Load& member) {
                return member.offer->work.contains(work);
            })->has.insert(work);
            continue;
        }
        auto last = before.find(work);
        auto stays = std::find_if(members.begin(), members.end(), [&](const Load& member) {
            return last != before.end() && member.offer->member == last->second &&
                   member.offer->work.contains(work);
        });
        if (stays == members.end())
            homeless.push_back(work);
        else
            stays->has.insert(work);
    }
    for (const auto& work : homeless) least_loaded(members, work)->has.insert(work);
    while (move_one(members)) {
    }
    Assignment result;
    for (const auto& member : members)
        for (const auto& work : member.has) result.emplace(work, member.offer->member);
    return result;
}

std::string encode_assignment(const Assignment& assignment) {
    std::string text;
    for (const auto& [work, member] : assignment) text += work + '\t' + member + '\n';
    return text;
}

Assignment decode_assignment(const std::string& text) {
    Assignment assignment;
    for (std::size_t at = 0; at < text.size();) {
        auto end = std::min(text.find('\n', at), text.size());
        auto tab = text.find('\t', at);
        if (tab < end) assignment.emplace(text.substr(at, tab - at), text.substr(tab + 1, end - tab - 1));
        at = end + 1;
    }
    return assignment;
}

}  // namespace penstock::coordinate
