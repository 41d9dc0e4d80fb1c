#include "monitor/groups_view.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace penstock::monitor {
namespace {

class GroupsViewTest : public ::testing::Test {
protected:
    GroupsViewTest() {
        broker::LocalTopicsOptions options;
        options.data_directory = folder_;
        auto opened = broker::LocalTopics::open(options);
        if (opened) topics = std::move(*opened);
    }
    ~GroupsViewTest() override {
        topics.reset();
        std::filesystem::remove_all(folder_);
    }
    void SetUp() override {
        ASSERT_TRUE(topics);
        ASSERT_TRUE(topics->create({"users_created", 2, {}}));
    }

    const std::string folder_ =
        std::filesystem::temp_directory_path() / fmt::format("penstock_groups_view_{}", ::getpid());
    std::unique_ptr<broker::LocalTopics> topics;
    broker::GroupCoordinator coordinator{system_clock(), {}};
    broker::ConsumerGroups consumers{
        system_clock(), {}, [] { return broker::ConsumerGroups::TopicsByName(); }};
};

TEST_F(GroupsViewTest, IsEmptyAtFirst) {
    EXPECT_TRUE(groups_of(*topics, coordinator, consumers).empty());
}

TEST_F(GroupsViewTest, ShowsWhatAQueryHasPublished) {
    ASSERT_TRUE(topics->publish_position("penstock-created_users", "users_created", 0, 7));
    ASSERT_TRUE(topics->publish_position("penstock-created_users", "users_created", 1, 9));
    const auto groups = groups_of(*topics, coordinator, consumers);
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].name, "penstock-created_users");
    EXPECT_EQ(groups[0].state, "Empty");
    EXPECT_EQ(groups[0].members, 0U);
    EXPECT_EQ(groups[0].committed,
              (broker::PartitionOffsets{{{"users_created", 0}, 7}, {{"users_created", 1}, 9}}));
}

TEST_F(GroupsViewTest, ShowsMembersBeforeTheyHaveCommittedAnything) {
    broker::JoinRequest request;
    request.group = "billing";
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 10'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", {}});
    coordinator.join(std::move(request), [](const broker::JoinResult&) {});
    const auto groups = groups_of(*topics, coordinator, consumers);
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].name, "billing");
    EXPECT_EQ(groups[0].members, 1U);
    EXPECT_TRUE(groups[0].committed.empty());
}

TEST_F(GroupsViewTest, ShowsReadersOfPartitionsThatAreThere) {
    broker::JoinRequest request;
    request.group = "billing";
    request.client_id = "reader";
    request.client_host = "/10.0.0.1";
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 10'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", {}});
    broker::JoinResult joined;
    coordinator.join(std::move(request), [&](broker::JoinResult result) { joined = std::move(result); });
    ASSERT_EQ(joined.generation, 1);
    // The group's leader says who reads what, and nobody else can tell whether that is so.
    const auto readers_of = [&](const broker::PartitionsByTopic& assignment) {
        broker::SyncRequest sync;
        sync.member = {.group = "billing",
                       .member_id = joined.member_id,
                       .instance_id = {},
                       .generation = joined.generation};
        sync.assignments[joined.member_id] = broker::encode_assignment(assignment, 3);
        coordinator.sync(std::move(sync), [](const broker::SyncResult&) {});
        return groups_of(*topics, coordinator, consumers)[0].readers;
    };
    const auto shown = readers_of({{"users_created", {1, 7}}, {"none", {0}}});
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown.begin()->first, (broker::TopicPartition{"users_created", 1}));
    EXPECT_EQ(shown.begin()->second.client_id, "reader");
    EXPECT_EQ(shown.begin()->second.host, "/10.0.0.1");
}

TEST_F(GroupsViewTest, ShowsGroupsOfTheConsumerProtocol) {
    broker::ConsumerHeartbeat joins;
    joins.group = "reports";
    joins.member_id = "a";
    joins.rebalance_timeout_ms = 10'000;
    joins.topics = {"users_created"};
    ASSERT_EQ(consumers.heartbeat(joins).error, broker::ErrorCode::none);
    const auto groups = groups_of(*topics, coordinator, consumers);
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].name, "reports");
    EXPECT_EQ(groups[0].state, "Stable");
    EXPECT_EQ(groups[0].members, 1U);
}

}  // namespace
}  // namespace penstock::monitor
