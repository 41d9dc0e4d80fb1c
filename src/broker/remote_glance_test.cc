#include "broker/remote_glance.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace penstock::broker {
namespace {

std::vector<TopicInfo> topic_with_end(std::int64_t end) {
    TopicInfo info;
    info.spec.name = "t";
    info.partitions.push_back({.end_offset = end});
    return {info};
}

std::int64_t end_of(const Result<std::vector<TopicInfo>>& found) {
    return found ? found->front().partitions.front().end_offset : -1;
}

TEST(RemoteGlance, AsksEachTime) {
    std::atomic<int> asked = 0;
    RemoteGlance glance([&](const std::string& topic) -> Result<std::vector<TopicInfo>> {
        EXPECT_EQ(topic, "t");
        return topic_with_end(++asked);
    });
    EXPECT_EQ(end_of(glance.look("t")), 1);
    EXPECT_EQ(end_of(glance.look("t")), 2);
}

TEST(RemoteGlance, DoesNotWaitForWhoIsAway) {
    std::atomic<bool> is_away = false;
    std::latch back(1);
    RemoteGlance glance([&](const std::string& topic) -> Result<std::vector<TopicInfo>> {
        if (is_away) back.wait();
        if (topic == "other") return fail(Errc::unavailable, "away");
        return topic_with_end(is_away ? 8 : 7);
    });
    EXPECT_EQ(end_of(glance.look("t")), 7);
    is_away = true;
    // The question is not answered before back; what was known is.
    EXPECT_EQ(end_of(glance.look("t")), 7);
    EXPECT_EQ(end_of(glance.look("t")), 7);
    auto unknown = glance.look("other");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::unavailable);
    back.count_down();
    while (end_of(glance.look("t")) != 8) std::this_thread::yield();
}

TEST(RemoteGlance, TellsErrors) {
    std::atomic<Errc> code = Errc::internal;
    RemoteGlance glance([&](const std::string&) -> Result<std::vector<TopicInfo>> {
        if (code != Errc::internal) return fail(code.load(), "no");
        return topic_with_end(7);
    });
    EXPECT_EQ(end_of(glance.look("t")), 7);
    // A Kafka that is away has not lost the topic; one that answers knows best.
    code = Errc::unavailable;
    EXPECT_EQ(end_of(glance.look("t")), 7);
    code = Errc::not_found;
    auto gone = glance.look("t");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Errc::not_found);
    code = Errc::unavailable;
    EXPECT_EQ(glance.look("t").error().code, Errc::unavailable);
}

}  // namespace
}  // namespace penstock::broker
