#include "broker/group/coordinator.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

/// A member as a client sees it; what it waits for is filled in by the coordinator's callbacks.
struct Client {
    std::string id;
    std::optional<std::string> instance;
    std::optional<JoinResult> joined;
    std::optional<SyncResult> synced;
    std::int32_t generation = -1;
};

class CoordinatorTest : public ::testing::Test {
protected:
    explicit CoordinatorTest(CoordinatorOptions options = {}) : groups_(clock_, options) {}
    void join(Client& client, std::vector<std::string> protocols = {"range"}, Bytes metadata = {1},
              bool wants_id_first = false) {
        JoinRequest request{.group = "g",
                            .member_id = client.id,
                            .instance_id = client.instance,
                            .client_id = "c",
                            .client_host = "/h",
                            .session_timeout_ms = 10'000,
                            .rebalance_timeout_ms = 30'000,
                            .protocol_type = "consumer",
                            .protocols = {},
                            .wants_member_id_first = wants_id_first};
        for (auto& name : protocols) request.protocols.push_back({name, metadata});
        client.joined.reset();
        groups_.join(request, [&client](JoinResult result) {
            client.id = result.member_id;
            if (result.error == ErrorCode::none) client.generation = result.generation;
            client.joined = std::move(result);
        });
    }
    void sync(Client& client, std::map<std::string, Bytes> assignments = {}) {
        client.synced.reset();
        groups_.sync({.member = identity(client),
                      .protocol_type = {},
                      .protocol = {},
                      .assignments = std::move(assignments)},
                     [&client](SyncResult result) { client.synced = std::move(result); });
    }
    MemberIdentity identity(const Client& client) {
        return {"g", client.id, client.instance, client.generation};
    }
    /// Joins and syncs the only member.
    void make_stable(Client& client) {
        join(client);
        sync(client, {{client.id, {9}}});
        ASSERT_EQ(client.synced->error, ErrorCode::none);
    }
    void pass_ms(std::int64_t ms) {
        clock_.advance_us(ms * 1000);
        groups_.tick();
    }
    GroupState state() { return groups_.describe("g")->state; }

    ManualClock clock_{1'000'000'000};
    GroupCoordinator groups_;
    Client a_, b_;
};

TEST_F(CoordinatorTest, AMemberAloneLeadsAndIsAssigned) {
    join(a_);
    ASSERT_TRUE(a_.joined);
    EXPECT_EQ(a_.joined->error, ErrorCode::none);
    EXPECT_EQ(a_.joined->leader, a_.id);
    EXPECT_EQ(a_.joined->generation, 1);
    EXPECT_EQ(a_.joined->protocol, "range");
    ASSERT_EQ(a_.joined->members.size(), 1u);
    EXPECT_EQ(state(), GroupState::completing_rebalance);
    sync(a_, {{a_.id, {7, 8}}});
    ASSERT_TRUE(a_.synced);
    EXPECT_EQ(a_.synced->assignment, (Bytes{7, 8}));
    EXPECT_EQ(state(), GroupState::stable);
    EXPECT_EQ(groups_.heartbeat(identity(a_)), ErrorCode::none);
}

TEST_F(CoordinatorTest, NewClientsGetTheirIdFirst) {
    join(a_, {"range"}, {1}, true);
    ASSERT_EQ(a_.joined->error, ErrorCode::member_id_required);
    EXPECT_TRUE(a_.id.starts_with("c-"));
    join(a_, {"range"}, {1}, true);
    EXPECT_EQ(a_.joined->error, ErrorCode::none);
}

TEST_F(CoordinatorTest, ASecondMemberMakesTheFirstJoinAgain) {
    make_stable(a_);
    join(b_);
    EXPECT_FALSE(b_.joined);
    EXPECT_EQ(groups_.heartbeat(identity(a_)), ErrorCode::rebalance_in_progress);
    join(a_);
    ASSERT_TRUE(a_.joined && b_.joined);
    EXPECT_EQ(a_.joined->generation, 2);
    EXPECT_EQ(b_.joined->generation, 2);
    EXPECT_EQ(b_.joined->leader, a_.id);
    EXPECT_EQ(a_.joined->members.size(), 2u);
    EXPECT_TRUE(b_.joined->members.empty());
    sync(b_);
    EXPECT_FALSE(b_.synced);
    sync(a_, {{a_.id, {1}}, {b_.id, {2}}});
    EXPECT_EQ(a_.synced->assignment, Bytes{1});
    EXPECT_EQ(b_.synced->assignment, Bytes{2});
}

TEST_F(CoordinatorTest, AMemberThatDoesNotRejoinIsLeftOut) {
    make_stable(a_);
    join(b_);
    pass_ms(5'000);
    EXPECT_FALSE(b_.joined);
    pass_ms(6'000);  // the session of a is over
    ASSERT_TRUE(b_.joined);
    EXPECT_EQ(b_.joined->leader, b_.id);
    EXPECT_EQ(groups_.heartbeat(identity(a_)), ErrorCode::unknown_member_id);
}

TEST_F(CoordinatorTest, AMemberThatOnlyBeatsButDoesNotRejoinIsLeftOutAfterTheRebalanceTimeout) {
    make_stable(a_);
    join(b_);
    for (int i = 0; i < 6; ++i) {
        EXPECT_FALSE(b_.joined);
        EXPECT_EQ(groups_.heartbeat(identity(a_)), ErrorCode::rebalance_in_progress);
        pass_ms(5'000);
    }
    ASSERT_TRUE(b_.joined);
    EXPECT_EQ(b_.joined->members.size(), 1u);
}

TEST_F(CoordinatorTest, ASilentMemberIsLost) {
    make_stable(a_);
    pass_ms(10'000);
    EXPECT_EQ(groups_.heartbeat(identity(a_)), ErrorCode::unknown_member_id);
    ASSERT_TRUE(groups_.describe("g"));
    EXPECT_EQ(state(), GroupState::empty);
    pass_ms(4'999);
    EXPECT_TRUE(groups_.describe("g"));
    pass_ms(1);
    EXPECT_FALSE(groups_.describe("g"));
}

TEST_F(CoordinatorTest, AGroupThatSomebodyComesBackToIsKept) {
    make_stable(a_);
    EXPECT_EQ(groups_.leave(identity(a_)), ErrorCode::none);
    pass_ms(4'000);
    EXPECT_EQ(state(), GroupState::empty);
    make_stable(b_);
    pass_ms(4'000);
    EXPECT_EQ(groups_.leave(identity(b_)), ErrorCode::none);
    pass_ms(100);
    pass_ms(4'000);
    EXPECT_EQ(state(), GroupState::empty);
    pass_ms(2'000);
    EXPECT_FALSE(groups_.describe("g"));
}

TEST_F(CoordinatorTest, LeavingHandsOver) {
    make_stable(a_);
    join(b_);
    join(a_);
    sync(b_);
    sync(a_);
    EXPECT_EQ(groups_.leave(identity(a_)), ErrorCode::none);
    EXPECT_EQ(groups_.heartbeat(identity(b_)), ErrorCode::rebalance_in_progress);
    join(b_);
    ASSERT_TRUE(b_.joined);
    EXPECT_EQ(b_.joined->leader, b_.id);
    EXPECT_EQ(groups_.leave(identity(a_)), ErrorCode::unknown_member_id);
}

TEST_F(CoordinatorTest, OldGenerationsAreRefused) {
    make_stable(a_);
    auto old = identity(a_);
    join(b_);
    join(a_);
    EXPECT_EQ(groups_.heartbeat(old), ErrorCode::illegal_generation);
    EXPECT_EQ(groups_.check_commit(old), ErrorCode::illegal_generation);
    EXPECT_EQ(groups_.check_commit(identity(a_)), ErrorCode::rebalance_in_progress);
    sync(a_);
    EXPECT_EQ(groups_.check_commit(identity(a_)), ErrorCode::none);
}

TEST_F(CoordinatorTest, ProtocolsMustHaveOneInCommonAndTheFavouriteWins) {
    join(a_, {"range", "sticky"});
    sync(a_);
    Client stranger;
    join(stranger, {"other"});
    EXPECT_EQ(stranger.joined->error, ErrorCode::inconsistent_group_protocol);
    join(b_, {"sticky", "range"});
    Client third;
    join(third, {"sticky"});
    join(a_, {"range", "sticky"});
    ASSERT_TRUE(third.joined);
    EXPECT_EQ(third.joined->protocol, "sticky");
}

TEST_F(CoordinatorTest, ARestartedStaticMemberTakesItsPlaceWithoutARebalance) {
    a_.instance = "one";
    join(a_);
    sync(a_, {{a_.id, {5}}});
    Client again;
    again.instance = "one";
    join(again);
    ASSERT_TRUE(again.joined);
    EXPECT_EQ(again.joined->generation, a_.generation);
    EXPECT_TRUE(again.joined->skip_assignment);
    sync(again);
    EXPECT_EQ(again.synced->assignment, Bytes{5});
    EXPECT_EQ(groups_.heartbeat(identity(a_)), ErrorCode::fenced_instance_id);
}

TEST_F(CoordinatorTest, AJoinSentTwiceIsAnsweredTwice) {
    join(a_);
    auto generation = a_.generation;
    join(a_);
    EXPECT_EQ(a_.joined->generation, generation);
}

TEST_F(CoordinatorTest, CommitsWithoutMembershipAreForGroupsWithoutMembers) {
    EXPECT_EQ(groups_.check_commit({.group = "g", .member_id = "", .instance_id = {}}), ErrorCode::none);
    make_stable(a_);
    EXPECT_EQ(groups_.check_commit({.group = "g", .member_id = "", .instance_id = {}}),
              ErrorCode::unknown_member_id);
}

TEST_F(CoordinatorTest, TheLeaderMustSyncInTime) {
    make_stable(a_);
    join(b_);
    join(a_);
    sync(b_);
    EXPECT_FALSE(b_.synced);
    for (int i = 0; i < 7; ++i) {
        (void)groups_.heartbeat(identity(a_));
        pass_ms(5'000);
    }
    ASSERT_TRUE(b_.synced);
    EXPECT_EQ(b_.synced->error, ErrorCode::rebalance_in_progress);
}

TEST_F(CoordinatorTest, WrongTimeoutsAndNamesAreRefused) {
    JoinRequest request{.group = "g",
                        .member_id = "",
                        .instance_id = {},
                        .client_id = "",
                        .client_host = "",
                        .session_timeout_ms = 10,
                        .protocol_type = "consumer",
                        .protocols = {{"range", {}}}};
    ErrorCode got{};
    groups_.join(request, [&](const JoinResult& result) { got = result.error; });
    EXPECT_EQ(got, ErrorCode::invalid_session_timeout);
    request.session_timeout_ms = 10'000;
    request.group = "";
    groups_.join(request, [&](const JoinResult& result) { got = result.error; });
    EXPECT_EQ(got, ErrorCode::invalid_group_id);
    request.group = "g";
    request.member_id = "nobody";
    groups_.join(request, [&](const JoinResult& result) { got = result.error; });
    EXPECT_EQ(got, ErrorCode::unknown_member_id);
}

TEST_F(CoordinatorTest, StoppingAnswersWhoWaits) {
    make_stable(a_);
    join(b_);
    groups_.stop();
    EXPECT_EQ(b_.joined->error, ErrorCode::coordinator_not_available);
    Client late;
    join(late);
    EXPECT_EQ(late.joined->error, ErrorCode::coordinator_not_available);
}

TEST_F(CoordinatorTest, AGroupWhoseMembersTimeIsUpIsRemovedAtOnce) {
    a_.instance = "static";
    make_stable(a_);
    clock_.advance_us(9'999'000);
    EXPECT_EQ(groups_.remove("g"), ErrorCode::non_empty_group);
    clock_.advance_us(1000);
    EXPECT_EQ(groups_.remove("g"), ErrorCode::none);
    EXPECT_EQ(groups_.remove("g"), ErrorCode::group_id_not_found);
}

class FirstGenerationTest : public CoordinatorTest {
protected:
    FirstGenerationTest() : CoordinatorTest({.initial_delay_ms = 500}) {}
    Client c_;
};

TEST_F(FirstGenerationTest, WaitsForWhoeverComesMeanwhile) {
    join(a_);
    pass_ms(400);
    EXPECT_FALSE(a_.joined);
    join(b_);
    pass_ms(100);  // b_ has come meanwhile: as long again
    EXPECT_FALSE(a_.joined);
    pass_ms(500);
    ASSERT_TRUE(a_.joined && b_.joined);
    EXPECT_EQ(a_.joined->generation, 1);
    EXPECT_EQ(b_.joined->generation, 1);
    sync(b_);
    sync(a_, {{a_.id, {1}}, {b_.id, {2}}});
    join(c_);  // not the first one: no longer than the others need
    join(a_);
    join(b_);
    ASSERT_TRUE(c_.joined);
    EXPECT_EQ(c_.joined->generation, 2);
}

TEST_F(FirstGenerationTest, AMemberAloneWaitsTheDelay) {
    join(a_);
    pass_ms(499);
    EXPECT_FALSE(a_.joined);
    pass_ms(1);
    EXPECT_TRUE(a_.joined);
}

TEST_F(FirstGenerationTest, EndsHoweverManyCome) {
    join(a_);
    std::vector<Client> others(100);
    for (auto& other : others) {
        join(other);
        pass_ms(499);
    }
    ASSERT_TRUE(a_.joined);  // after the rebalance timeout of 30 s
    EXPECT_EQ(a_.joined->generation, 1);
}

}  // namespace
}  // namespace penstock::broker
