#include "monitor/offset_reset.h"

#include <algorithm>
#include <set>

namespace penstock::monitor {
namespace {

using Kind = ResetTo::Kind;

Result<std::int64_t> target(broker::Topics& topics, const PartitionReset& of, const ResetTo& to,
                            std::int64_t start) {
    switch (to.kind) {
        case Kind::earliest:
            return start;
        case Kind::latest:
            return of.end_offset;
        case Kind::current:
            return of.committed.value_or(of.end_offset);
        case Kind::offset:
            return to.value;
        case Kind::shift:
            if (of.committed) return *of.committed + to.value;
            return fail(Errc::invalid, "{}-{} cannot be shifted: the group has committed no offset there",
                        of.topic, of.partition);
        case Kind::timestamp:
            return topics.offset_for_time(of.topic, of.partition, to.value);
    }
    return of.end_offset;
}

/// Topics in which the group has committed.
std::vector<ResetScope> all_of(const broker::PartitionOffsets& committed) {
    std::set<std::string> names;
    for (const auto& [place, offset] : committed) names.insert(place.topic);
    std::vector<ResetScope> scopes;
    for (const auto& name : names) scopes.push_back({.topic = name, .partition = {}});
    return scopes;
}

}  // namespace

Result<std::vector<PartitionReset>> plan_reset(broker::Topics& topics,
                                               const broker::PartitionOffsets& committed,
                                               const std::vector<ResetScope>& scopes, const ResetTo& to) {
    std::vector<PartitionReset> plan;
    std::set<broker::TopicPartition> seen;
    for (const auto& scope : scopes.empty() ? all_of(committed) : scopes) {
        auto found = topics.info(scope.topic);
        if (scopes.empty() && !found && found.error().code == Errc::not_found) continue;
        const auto info = TRY(std::move(found));
        const auto count = static_cast<std::int32_t>(info.partitions.size());
        if (scope.partition && (*scope.partition < 0 || *scope.partition >= count)) {
            return fail(Errc::not_found, "topic {} has no partition {}; it has 0 to {}", scope.topic,
                        *scope.partition, count - 1);
        }
        const auto first = scope.partition.value_or(0);
        const auto last = scope.partition.value_or(count - 1);
        for (auto number = first; number <= last; ++number) {
            if (!seen.insert({scope.topic, number}).second)
                return fail(Errc::invalid, "{}-{} is named twice", scope.topic, number);
            const auto& partition = info.partitions[static_cast<std::size_t>(number)];
            PartitionReset one{.topic = scope.topic, .partition = number, .committed = {}};
            one.end_offset = partition.end_offset;
            const auto known = committed.find({scope.topic, number});
            if (known != committed.end()) one.committed = known->second;
            const auto wanted = TRY(target(topics, one, to, partition.start_offset));
            one.offset = std::clamp(wanted, partition.start_offset, partition.end_offset);
            plan.push_back(std::move(one));
        }
    }
    if (plan.empty()) return fail(Errc::invalid, "the group has committed nothing yet: name a topic");
    return plan;
}

}  // namespace penstock::monitor
