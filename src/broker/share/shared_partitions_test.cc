#include "broker/share/shared_partitions.h"

#include <gtest/gtest.h>

#include <future>

#include "io/memory_files.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

class SharedPartitionsTest : public ::testing::Test {
protected:
    void SetUp() override {
        topics_ = *LocalTopics::open({.data_directory = "data", .files = &files_});
        ASSERT_TRUE(topics_->create({.name = "t", .config = {}}));
        NewRecord records[] = {{.key = {}, .value = "a", .headers = {}},
                               {.key = {}, .value = "b", .headers = {}}};
        ASSERT_TRUE(append_and_wait(*topics_, {.topic = "t", .records = records}));
        key_ = {"g", topics_->find(std::string_view("t"))->id, 0};
        ASSERT_TRUE(states_.emplace(*topics_).make_topic());
        shared_.emplace(*topics_, *states_, configs_);
        std::promise<void> written;
        states_->write({{key_, ShareState{.start_offset = 0, .ranges = {}}}},
                       [&](const Result<>&) { written.set_value(); });
        written.get_future().wait();
    }

    std::future<ErrorCode> accept(std::int64_t offset) {
        auto outcome = std::make_shared<std::promise<ErrorCode>>();
        Acknowledgement batch{offset, offset, {std::int8_t(AcknowledgeType::accept)}};
        shared_->acknowledge(key_, "m", std::span(&batch, 1),
                             [outcome](const ShareRefusal& refusal) { outcome->set_value(refusal.error); });
        return outcome->get_future();
    }

    io::MemoryFiles files_;
    std::unique_ptr<LocalTopics> topics_;
    ShareConfigs configs_{{}};
    std::optional<ShareStates> states_;
    std::optional<SharedPartitions> shared_;
    ShareKey key_;
};

TEST_F(SharedPartitionsTest, WhoWaitsBehindAWriteIsToldWhenItIsClosed) {
    auto got = shared_->acquire(key_, {.member = "m", .max_bytes = 1 << 20, .records = 10, .batch = 10});
    ASSERT_TRUE(got) << got.error().text;
    ASSERT_EQ(got->acquired.size(), 1u);
    // Whatever is written to the topic of states waits behind this append.
    std::promise<void> reached, released;
    NewRecord other[] = {{.key = "other", .value = "", .headers = {}}};
    topics_->append({.topic = share_state_topic, .partition = 0, .records = other},
                    [&](const Result<std::int64_t>&) {
                        reached.set_value();
                        released.get_future().wait();
                    });
    reached.get_future().wait();
    auto first = accept(0), second = accept(1);
    shared_->close(key_);
    released.set_value();
    EXPECT_EQ(first.get(), ErrorCode::none);
    EXPECT_EQ(second.get(), ErrorCode::invalid_record_state);
    auto kept = states_->find(key_);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->start_offset, 1);
}

}  // namespace
}  // namespace penstock::broker
