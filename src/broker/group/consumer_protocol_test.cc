#include "broker/group/consumer_protocol.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

wire::kafka::Bytes bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

TEST(ConsumerProtocol, SubscriptionsOfEveryVersionByHand) {
    using namespace std::string_view_literals;
    auto zero = parse_subscription(bytes_of("\0\0\0\0\0\1\0\1t\xff\xff\xff\xff"sv));
    ASSERT_TRUE(zero);
    EXPECT_EQ(zero->topics, (std::vector<std::string>{"t"}));
    auto one =
        parse_subscription(bytes_of("\0\1\0\0\0\1\0\1t\0\0\0\2xx\0\0\0\1\0\1t\0\0\0\2\0\0\0\0\0\0\0\5"sv));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->owned, (PartitionsByTopic{{"t", {0, 5}}}));
    auto three = parse_subscription(
        bytes_of("\0\3\0\0\0\1\0\1t\xff\xff\xff\xff\0\0\0\0\0\0\0\7\0\1r"sv));  // generation, rack
    ASSERT_TRUE(three);
    EXPECT_EQ(three->version, 3);
    EXPECT_FALSE(parse_subscription({}));
    EXPECT_FALSE(parse_subscription(bytes_of("\0\1\0\0\xff\xff"sv)));
    EXPECT_FALSE(parse_subscription(bytes_of("\0\1\0\0\0\1\0\1t\xff\xff\xff\xff\0\0\0\1\0\1"sv)));
}

TEST(ConsumerProtocol, AnAssignmentGoesThereAndBack) {
    PartitionsByTopic all{{"t", {0, 2}}, {"u", {7}}};
    EXPECT_EQ(parse_assignment(encode_assignment(all, 3)), all);
    EXPECT_EQ(encode_assignment({}, 1), bytes_of(std::string_view("\0\1\0\0\0\0\xff\xff\xff\xff", 10)));
    EXPECT_TRUE(parse_assignment(bytes_of("nonsense")).empty());
    EXPECT_TRUE(parse_assignment({}).empty());
}

}  // namespace
}  // namespace penstock::broker
