#include "broker/group/consumer_groups.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

codec::Uuid id_of(std::uint8_t number) {
    codec::Uuid id;
    id.bytes[15] = number;
    return id;
}

class ConsumerGroupsTest : public ::testing::Test {
protected:
    ConsumerHeartbeat joins(const std::string& member, std::vector<std::string> topics = {"t"}) {
        ConsumerHeartbeat beat;
        beat.group = "g";
        beat.member_id = member;
        beat.rebalance_timeout_ms = 10'000;
        beat.topics = std::move(topics);
        beat.owned.emplace();
        return beat;
    }
    ConsumerHeartbeatResult join(const std::string& member, std::vector<std::string> topics = {"t"}) {
        auto result = groups_.heartbeat(joins(member, std::move(topics)));
        EXPECT_EQ(result.error, ErrorCode::none) << result.error_message;
        keep(member, result);
        return result;
    }
    /// A heartbeat of a member that owns what it was last told.
    ConsumerHeartbeatResult beat(const std::string& member) {
        ConsumerHeartbeat beat;
        beat.group = "g";
        beat.member_id = member;
        beat.member_epoch = epochs_[member];
        beat.owned = owned_[member];
        auto result = groups_.heartbeat(std::move(beat));
        if (result.error == ErrorCode::none) keep(member, result);
        return result;
    }
    ConsumerHeartbeatResult leave(const std::string& member, std::int32_t epoch = -1,
                                  std::optional<std::string> instance = {}) {
        ConsumerHeartbeat beat;
        beat.group = "g";
        beat.member_id = member;
        beat.member_epoch = epoch;
        beat.instance_id = std::move(instance);
        return groups_.heartbeat(std::move(beat));
    }
    void keep(const std::string& member, const ConsumerHeartbeatResult& result) {
        epochs_[member] = result.member_epoch;
        if (result.assignment) owned_[member] = *result.assignment;
    }
    std::size_t count(const std::string& member) {
        std::size_t sum = 0;
        for (const auto& [topic, partitions] : owned_[member]) sum += partitions.size();
        return sum;
    }
    /// Everyone heartbeats until nothing changes; no partition is ever owned twice on the way.
    void settle(const std::vector<std::string>& members) {
        for (int round = 0; round < 10; ++round)
            for (const auto& member : members) {
                EXPECT_EQ(beat(member).error, ErrorCode::none);
                std::set<std::pair<codec::Uuid, std::int32_t>> all;
                for (const auto& each : members)
                    for (const auto& [topic, partitions] : owned_[each])
                        for (auto partition : partitions)
                            EXPECT_TRUE(all.insert({topic, partition}).second) << "partition " << partition;
            }
        EXPECT_EQ(groups_.describe("g")->state, "Stable");
    }

    void tick() {
        groups_.tick([](const auto&) { return true; });
    }

    ManualClock clock_{1'000'000'000};
    ConsumerGroups::TopicsByName topics_{{"t", {id_of(1), 6}}, {"u", {id_of(2), 2}}};
    ConsumerGroups groups_{clock_, {}, [this] { return topics_; }};
    std::map<std::string, std::int32_t> epochs_;
    std::map<std::string, Assignment> owned_;
};

TEST_F(ConsumerGroupsTest, OneMemberGetsAllAndSharesWithTheNext) {
    auto first = join("a");
    EXPECT_EQ(first.member_epoch, 1);
    EXPECT_EQ(first.interval_ms, 5000);
    EXPECT_EQ(count("a"), 6u);
    auto second = join("b");
    EXPECT_EQ(second.assignment, Assignment{}) << "a has all of them still";
    auto told = beat("a");
    EXPECT_EQ(count("a"), 3u);
    EXPECT_EQ(told.member_epoch, 1) << "until it has given up what it shall not have";
    settle({"a", "b"});
    EXPECT_EQ(count("a"), 3u);
    EXPECT_EQ(count("b"), 3u);
    EXPECT_EQ(epochs_["a"], epochs_["b"]);
    EXPECT_EQ(beat("a").assignment, std::nullopt) << "nothing has changed";
    ASSERT_EQ(leave("a").error, ErrorCode::none);
    settle({"b"});
    EXPECT_EQ(count("b"), 6u);
}

TEST_F(ConsumerGroupsTest, MembersThatAreLostOrDoNotGiveUpAreTakenOut) {
    join("a");
    join("b");
    clock_.advance_us(46'000'000);
    beat("b");
    tick();
    EXPECT_EQ(beat("a").error, ErrorCode::unknown_member_id);
    owned_["a"].clear();
    settle({"b"});
    EXPECT_EQ(count("b"), 6u);
    join("c");
    beat("b");  // is told to give up three, and does not
    auto kept = owned_["b"];
    clock_.advance_us(11'000'000);
    tick();
    EXPECT_EQ(beat("b").error, ErrorCode::unknown_member_id);
}

TEST_F(ConsumerGroupsTest, WrongEpochsAreFencedAndALostAnswerIsGivenAgain) {
    join("a");
    ConsumerHeartbeat wrong;
    wrong.group = "g";
    wrong.member_id = "a";
    wrong.member_epoch = 7;
    EXPECT_EQ(groups_.heartbeat(wrong).error, ErrorCode::fenced_member_epoch);
    auto epoch = epochs_["a"];
    auto owned = owned_["a"];
    topics_["t"].partitions = 8;
    clock_.advance_us(2'000'000);
    auto grown = beat("a");
    EXPECT_GT(grown.member_epoch, epoch);
    EXPECT_EQ(count("a"), 8u);
    epochs_["a"] = epoch;  // as if it had not come
    owned_["a"] = owned;
    auto again = beat("a");
    EXPECT_EQ(again.error, ErrorCode::none);
    EXPECT_EQ(again.member_epoch, grown.member_epoch);
    EXPECT_EQ(count("a"), 8u);
}

TEST_F(ConsumerGroupsTest, AStaticMemberComesBackToWhatItHad) {
    auto request = joins("a");
    request.instance_id = "i";
    keep("a", groups_.heartbeat(request));
    join("b");
    settle({"a", "b"});
    auto before = owned_["a"];
    auto again = joins("a2");
    again.instance_id = "i";
    EXPECT_EQ(groups_.heartbeat(again).error, ErrorCode::unreleased_instance_id);
    ASSERT_EQ(leave("a", -2, "i").error, ErrorCode::none);
    ASSERT_EQ(beat("b").error, ErrorCode::none);
    EXPECT_EQ(count("b"), 3u);
    auto back = groups_.heartbeat(again);
    EXPECT_EQ(back.error, ErrorCode::none);
    EXPECT_EQ(back.assignment, before);
}

TEST_F(ConsumerGroupsTest, TopicsByExpressionAndBothAssignors) {
    auto request = joins("a");
    request.topics.reset();
    request.topic_regex = "[tu]";
    request.assignor = "range";
    keep("a", groups_.heartbeat(request));
    EXPECT_EQ(count("a"), 8u);
    EXPECT_EQ(groups_.describe("g")->assignor, "range");
    topics_["v"] = {id_of(3), 5};
    clock_.advance_us(2'000'000);
    beat("a");
    EXPECT_EQ(count("a"), 8u);
    request = joins("b");
    request.topic_regex = "(";
    EXPECT_EQ(groups_.heartbeat(request).error, ErrorCode::invalid_regular_expression);
    request.topic_regex.reset();
    request.assignor = "best";
    EXPECT_EQ(groups_.heartbeat(request).error, ErrorCode::unsupported_assignor);
}

TEST_F(ConsumerGroupsTest, RequestsThatCannotBeAreRefused) {
    auto error = [&](auto change) {
        auto request = joins("a");
        change(request);
        return groups_.heartbeat(request).error;
    };
    EXPECT_EQ(error([](auto& r) { r.group = ""; }), ErrorCode::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.member_id = ""; }), ErrorCode::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.topics.reset(); }), ErrorCode::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.rebalance_timeout_ms = -1; }), ErrorCode::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.owned->insert({id_of(1), {1}}); }), ErrorCode::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.member_epoch = -3; }), ErrorCode::invalid_request);
    EXPECT_EQ(error([](auto& r) { r.member_epoch = 1; }), ErrorCode::unknown_member_id);
    auto old = joins("");
    old.names_itself = false;
    EXPECT_FALSE(groups_.heartbeat(old).member_id.empty());
}

TEST_F(ConsumerGroupsTest, WhoMayCommit) {
    join("a");
    EXPECT_EQ(groups_.check_member("g", "a", epochs_["a"]), ErrorCode::none);
    EXPECT_EQ(groups_.check_member("g", "a", epochs_["a"] + 1), ErrorCode::stale_member_epoch);
    EXPECT_EQ(groups_.check_member("g", "b", 1), ErrorCode::unknown_member_id);
    EXPECT_EQ(groups_.check_commit("g", "", -1, true), ErrorCode::unknown_member_id);
    EXPECT_EQ(groups_.remove("g"), ErrorCode::non_empty_group);
    leave("a");
    EXPECT_EQ(groups_.check_commit("g", "", -1, true), ErrorCode::none);
    EXPECT_EQ(groups_.describe("g")->state, "Empty");
    EXPECT_EQ(groups_.remove("g"), ErrorCode::none);
    EXPECT_EQ(groups_.remove("g"), ErrorCode::group_id_not_found);
}

TEST(Assignors, UniformIsEvenAndMovesLittle) {
    std::map<codec::Uuid, std::int32_t> partitions{{id_of(1), 100}, {id_of(2), 7}};
    std::vector<AssignedMember> members;
    for (const auto* name : {"a", "b", "c"})
        members.push_back({.id = name, .topics = {id_of(1), id_of(2)}, .current = {}});
    members[2].topics = {id_of(2)};
    auto first = assign_uniform(members, partitions);
    std::size_t total = 0;
    auto size = [](const Assignment& assignment) {
        std::size_t sum = 0;
        for (const auto& [topic, owned] : assignment) sum += owned.size();
        return sum;
    };
    for (const auto& [member, assignment] : first) total += size(assignment);
    EXPECT_EQ(total, 107u);
    EXPECT_EQ(size(first["a"]), 50u);
    EXPECT_EQ(size(first["b"]), 50u);
    EXPECT_EQ(size(first["c"]), 7u) << "reads the small topic only";
    for (auto& member : members) member.current = first[member.id];
    EXPECT_EQ(assign_uniform(members, partitions), first);
    members.push_back({.id = "d", .topics = {id_of(1)}, .current = {}});
    auto second = assign_uniform(members, partitions);
    for (const auto* name : {"a", "b"})
        EXPECT_TRUE(std::ranges::includes(first[name][id_of(1)], second[name][id_of(1)]));
}

TEST(Assignors, RangeKeepsPartitionsSideBySide) {
    std::map<codec::Uuid, std::int32_t> partitions{{id_of(1), 5}, {id_of(2), 5}};
    std::vector<AssignedMember> members;
    for (const auto* name : {"b", "a"})
        members.push_back({.id = name, .topics = {id_of(1), id_of(2)}, .current = {}});
    auto targets = assign_range(members, partitions);
    for (auto topic : {id_of(1), id_of(2)}) {
        EXPECT_EQ(targets["a"][topic], (std::set<std::int32_t>{0, 1, 2}));
        EXPECT_EQ(targets["b"][topic], (std::set<std::int32_t>{3, 4}));
    }
    members[0].instance_id = "i";
    EXPECT_EQ(assign_range(members, partitions)["b"][id_of(1)], (std::set<std::int32_t>{0, 1, 2}))
        << "static members first";
}

}  // namespace
}  // namespace penstock::broker
