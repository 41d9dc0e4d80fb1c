#include "broker/bounded_end.h"

#include <gtest/gtest.h>

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;

TEST(BoundedEndTest, WhatEndsIsWaitedFor) {
    BoundedEnd ends(std::chrono::minutes(1), milliseconds(1));
    std::atomic<bool> has_ended = false;
    EXPECT_TRUE(ends.wait_for([&] {
        std::this_thread::sleep_for(milliseconds(20));
        has_ended = true;
    }));
    EXPECT_TRUE(has_ended);
}

TEST(BoundedEndTest, ThoseThatHangHoldTheProcessUpOnce) {
    BoundedEnd ends(milliseconds(20), milliseconds(0));
    std::promise<void> at_last;
    auto hang = [until = at_last.get_future().share()] { until.wait(); };
    EXPECT_FALSE(ends.wait_for(hang));
    auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i) EXPECT_FALSE(ends.wait_for(hang));
    EXPECT_LT(std::chrono::steady_clock::now() - began, 200 * milliseconds(20));
    at_last.set_value();
}

}  // namespace
}  // namespace penstock::broker
