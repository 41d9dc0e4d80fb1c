#include "broker/share/share_partition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using enum RecordState;

const ShareLimits limits;

std::vector<AcquiredRange> acquire(SharePartition& partition, const std::string& member,
                                   std::vector<OfferedBatch> batches, std::int32_t records = 500,
                                   bool is_strict = false, const ShareLimits& with = limits,
                                   std::int64_t now_ms = 0) {
    auto from = partition.next_offset(with).value_or(partition.end_offset());
    return partition.acquire({.member = member,
                              .from = from,
                              .records = records,
                              .batch = 500,
                              .is_strict = is_strict,
                              .now_ms = now_ms},
                             batches, with);
}

ErrorCode say(SharePartition& partition, const std::string& member, std::int64_t first, std::int64_t last,
              std::vector<AcknowledgeType> types, const ShareLimits& with = limits) {
    Acknowledgement batch{first, last, {}};
    for (auto type : types) batch.types.push_back(std::int8_t(type));
    auto refused = partition.acknowledge(member, std::span(&batch, 1), with, 0);
    if (!refused) partition.finish(partition.last_mark(), true);
    return refused.error;
}

TEST(SharePartition, GivesEachRecordToOneMemberAndMovesItsStart) {
    SharePartition partition({.start_offset = 10, .ranges = {}});
    EXPECT_EQ(acquire(partition, "a", {{0, 12}, {13, 19}}, 3), (std::vector<AcquiredRange>{{10, 12, 1}}));
    EXPECT_EQ(acquire(partition, "b", {{13, 19}}), (std::vector<AcquiredRange>{{13, 19, 1}}));
    EXPECT_TRUE(acquire(partition, "a", {}).empty());
    EXPECT_EQ(say(partition, "b", 13, 19, {AcknowledgeType::accept}), ErrorCode::none);
    EXPECT_EQ(partition.start_offset(), 10);
    EXPECT_EQ(say(partition, "a", 10, 12, {AcknowledgeType::accept}), ErrorCode::none);
    EXPECT_EQ(partition.start_offset(), 20);
    EXPECT_EQ(partition.ranges(), 0U);
}

TEST(SharePartition, TypesOfEachRecord) {
    SharePartition partition({.start_offset = 0, .ranges = {}});
    acquire(partition, "a", {{0, 4}});
    using enum AcknowledgeType;
    EXPECT_EQ(say(partition, "a", 0, 4, {accept, release, reject, gap, renew}), ErrorCode::none);
    EXPECT_EQ(partition.all(),
              (std::vector<StateRange>{{1, 1, available, 1}, {2, 3, archived, 1}, {4, 4, acquired, 1}}));
    EXPECT_EQ(acquire(partition, "b", {{0, 4}}), (std::vector<AcquiredRange>{{1, 1, 2}}));
}

TEST(SharePartition, RefusesWhatTheMemberDoesNotHave) {
    SharePartition partition({.start_offset = 0, .ranges = {}});
    using enum AcknowledgeType;
    EXPECT_EQ(say(partition, "a", 0, 0, {accept}), ErrorCode::invalid_record_state);
    acquire(partition, "a", {{0, 4}});
    EXPECT_EQ(say(partition, "a", 5, 6, {accept}), ErrorCode::invalid_request);
    EXPECT_EQ(say(partition, "a", 3, 6, {accept}), ErrorCode::invalid_request);
    EXPECT_EQ(say(partition, "b", 0, 4, {accept}), ErrorCode::invalid_record_state);
    std::vector<Acknowledgement> twice{{2, 3, {1}}, {0, 2, {1}}};
    EXPECT_EQ(partition.acknowledge("a", twice, limits, 0).error, ErrorCode::invalid_record_state);
    EXPECT_EQ(say(partition, "a", 3, 3, {accept}), ErrorCode::none);
    EXPECT_EQ(say(partition, "a", 0, 4, {accept}), ErrorCode::invalid_record_state) << "all or none";
    EXPECT_EQ(partition.start_offset(), 0);
    EXPECT_EQ(say(partition, "a", 0, 2, {accept}), ErrorCode::none);
    EXPECT_EQ(say(partition, "a", 0, 2, {accept}), ErrorCode::none) << "before the start nothing is wrong";
    ShareLimits strict{.renews = false};
    EXPECT_EQ(say(partition, "a", 4, 4, {renew}, strict), ErrorCode::invalid_record_state);
}

TEST(SharePartition, ChecksWhatMembersSay) {
    auto check = [](std::vector<Acknowledgement> all, bool may_renew = true) {
        return check_acknowledgements(all, may_renew).error;
    };
    EXPECT_EQ(check({{0, 4, {1}}, {5, 6, {1, 2}}}), ErrorCode::none);
    EXPECT_EQ(check({{0, 0, {4}}}, false), ErrorCode::invalid_request);
    for (const auto& wrong : std::vector<std::vector<Acknowledgement>>{{{3, 2, {1}}},
                                                                       {{-1, 2, {1}}},
                                                                       {{0, 4, {}}},
                                                                       {{0, 4, {1, 1}}},
                                                                       {{0, INT64_MAX, {1, 1}}},
                                                                       {{0, 4, {5}}},
                                                                       {{0, 4, {-1}}}})
        EXPECT_EQ(check(wrong), ErrorCode::invalid_request);
}

TEST(SharePartition, WholeBatchesUnlessTheLimitIsStrict) {
    SharePartition partition({.start_offset = 0, .ranges = {}});
    EXPECT_EQ(acquire(partition, "a", {{0, 9}, {10, 19}, {20, 29}}, 11),
              (std::vector<AcquiredRange>{{0, 19, 1}}));
    EXPECT_EQ(acquire(partition, "a", {{20, 29}}, 4, true), (std::vector<AcquiredRange>{{20, 23, 1}}));
    EXPECT_EQ(acquire(partition, "b", {{20, 29}}, 4, true), (std::vector<AcquiredRange>{{24, 27, 1}}));
}

TEST(SharePartition, HoldsNoMoreThanItsLimit) {
    ShareLimits few{.records = 10};
    SharePartition partition({.start_offset = 0, .ranges = {}});
    EXPECT_EQ(acquire(partition, "a", {{0, 99}}, 500, false, few), (std::vector<AcquiredRange>{{0, 9, 1}}));
    EXPECT_FALSE(partition.next_offset(few));
    EXPECT_EQ(say(partition, "a", 5, 9, {AcknowledgeType::accept}, few), ErrorCode::none);
    EXPECT_FALSE(partition.next_offset(few)) << "what lies between counts";
    EXPECT_EQ(say(partition, "a", 0, 0, {AcknowledgeType::accept}, few), ErrorCode::none);
    EXPECT_EQ(acquire(partition, "a", {{0, 99}}, 500, false, few), (std::vector<AcquiredRange>{{10, 10, 1}}));
}

TEST(SharePartition, WhatIsNotInTheLogIsPassedBy) {
    SharePartition partition({.start_offset = 0, .ranges = {{5, 6, available, 1}}});
    // Offsets 0 to 3, 5 and 10 to 999 are gone; 11 is a marker.
    auto got = acquire(partition, "a", {{4, 4}, {6, 9}, {1000, 1000}, {1001, 1001, false}});
    EXPECT_EQ(got, (std::vector<AcquiredRange>{{4, 4, 1}, {6, 6, 2}, {7, 9, 1}, {1000, 1000, 1}}));
    EXPECT_EQ(partition.start_offset(), 4);
    EXPECT_EQ(partition.end_offset(), 1002);
    EXPECT_EQ(say(partition, "a", 4, 1000, {AcknowledgeType::accept}), ErrorCode::none);
    EXPECT_EQ(partition.start_offset(), 1002);
}

TEST(SharePartition, LocksEndAndTheLastDeliveryIsTheLast) {
    ShareLimits twice{.delivery_count = 2, .lock_ms = 100};
    SharePartition partition({.start_offset = 0, .ranges = {}});
    acquire(partition, "a", {{0, 1}}, 500, false, twice, 0);
    partition.expire(99, twice);
    EXPECT_FALSE(partition.has_marks());
    partition.expire(100, twice);
    EXPECT_TRUE(partition.has_marks());
    EXPECT_EQ(say(partition, "a", 0, 1, {AcknowledgeType::accept}, twice), ErrorCode::invalid_record_state);
    partition.finish(partition.last_mark(), true);
    EXPECT_EQ(acquire(partition, "b", {{0, 1}}, 500, false, twice, 100),
              (std::vector<AcquiredRange>{{0, 1, 2}}));
    partition.expire(200, twice);
    partition.finish(partition.last_mark(), true);
    EXPECT_EQ(partition.start_offset(), 2) << "given up";
}

TEST(SharePartition, WhatAMemberHasIsFreeWhenItGoes) {
    SharePartition partition({.start_offset = 0, .ranges = {}});
    acquire(partition, "a", {{0, 1}}, 1, true);
    acquire(partition, "b", {{0, 1}}, 1, true);
    partition.release("a", limits);
    EXPECT_EQ(partition.all(), (std::vector<StateRange>{{0, 0, acquired, 1}, {1, 1, acquired, 1}}))
        << "not before it is written";
    partition.finish(partition.last_mark(), true);
    EXPECT_EQ(partition.all(), (std::vector<StateRange>{{0, 0, available, 1}, {1, 1, acquired, 1}}));
}

TEST(SharePartition, WhatCouldNotBeWrittenIsTakenBack) {
    SharePartition partition({.start_offset = 0, .ranges = {}});
    acquire(partition, "a", {{0, 9}});
    Acknowledgement some{0, 4, {1}};
    EXPECT_FALSE(partition.acknowledge("a", std::span(&some, 1), limits, 0));
    EXPECT_EQ(partition.prepared(), (ShareState{5, {}}));
    auto mark = partition.last_mark();
    Acknowledgement more{5, 9, {1}};
    EXPECT_FALSE(partition.acknowledge("a", std::span(&more, 1), limits, 0));
    partition.finish(mark, false);
    EXPECT_EQ(partition.start_offset(), 0);
    EXPECT_FALSE(partition.acknowledge("a", std::span(&some, 1), limits, 0)) << "again";
    partition.finish(partition.last_mark(), true);
    EXPECT_EQ(partition.start_offset(), 10);
}

/// What is given out, time after time, when it is always given back.
std::vector<AcquiredRange> deliveries(std::vector<OfferedBatch> log, int times, const ShareLimits& with,
                                      std::int32_t records = 500, bool is_strict = false) {
    SharePartition partition({.start_offset = 0, .ranges = {}});
    std::vector<AcquiredRange> all;
    for (int i = 0; i < times; ++i)
        for (const auto& each : acquire(partition, "a", log, records, is_strict, with)) {
            all.push_back(each);
            say(partition, "a", each.first, each.last, {AcknowledgeType::release}, with);
        }
    return all;
}

TEST(SharePartition, RecordsGivenOutOftenComeFewerAtATimeAndAloneInTheEnd) {
    using Ranges = std::vector<AcquiredRange>;
    const ShareLimits ten{.delivery_count = 10}, three{.delivery_count = 3}, two{.delivery_count = 2};
    const std::vector<OfferedBatch> one{{0, 9}}, several{{0, 4}, {5, 9}};
    const Ranges five_times{{0, 9, 1}, {0, 9, 2}, {0, 9, 3}, {0, 4, 4}, {0, 0, 5}, {1, 1, 5}, {2, 2, 5}};
    EXPECT_EQ(deliveries(one, 7, limits), five_times);
    EXPECT_EQ(deliveries(several, 7, limits), five_times) << "what came together at first";
    EXPECT_EQ(deliveries(one, 3, two), (Ranges{{0, 9, 1}, {0, 9, 2}}));
    EXPECT_EQ(deliveries(one, 4, three), (Ranges{{0, 9, 1}, {0, 9, 2}, {0, 0, 3}, {1, 1, 3}}));
    EXPECT_EQ(deliveries({{0, 19}}, 12, ten), (Ranges{{0, 19, 1},
                                                      {0, 19, 2},
                                                      {0, 19, 3},
                                                      {0, 19, 4},
                                                      {0, 19, 5},
                                                      {0, 9, 6},
                                                      {0, 4, 7},
                                                      {0, 1, 8},
                                                      {0, 0, 9},
                                                      {0, 0, 10},
                                                      {1, 1, 9},
                                                      {1, 1, 10}}));
    EXPECT_EQ(deliveries(one, 5, limits, 4, true),
              (Ranges{{0, 3, 1}, {0, 3, 2}, {0, 3, 3}, {0, 3, 4}, {0, 0, 5}}))
        << "a part of a batch of ten";
}

TEST(SharePartition, OthersComeNeitherWithThoseGivenOutOftenNorBeforeThem) {
    using Ranges = std::vector<AcquiredRange>;
    const ShareState state{.start_offset = 0, .ranges = {{0, 3, available, 1}, {4, 11, available, 3}}};
    SharePartition partition(state);
    EXPECT_EQ(acquire(partition, "a", {{0, 20}}), (Ranges{{0, 3, 2}}));
    EXPECT_EQ(acquire(partition, "a", {{0, 20}}), (Ranges{{4, 7, 4}}));
    EXPECT_EQ(acquire(partition, "a", {{0, 20}}), (Ranges{{8, 11, 4}}));
    EXPECT_EQ(acquire(partition, "a", {{0, 20}}), (Ranges{{12, 20, 1}}));
    SharePartition rest({.start_offset = 0, .ranges = {{0, 0, available, 3}}});
    EXPECT_EQ(acquire(rest, "a", {{0, 20}}), (Ranges{{0, 0, 4}}));
}

TEST(SharePartition, IsMadeFromAnyState) {
    SharePartition partition({.start_offset = 5,
                              .ranges = {{0, 3, available, 1},
                                         {4, 6, archived, 1},
                                         {9, 9, acknowledged, 2},
                                         {9, 8, available, 1},
                                         {8, 12, available, 1}}});
    EXPECT_EQ(partition.start_offset(), 7);
    EXPECT_EQ(partition.all(), (std::vector<StateRange>{
                                   {7, 8, available, 0}, {9, 9, acknowledged, 2}, {10, 12, available, 1}}));
}

/// The same, one record at a time.
struct Model {
    struct Record {
        RecordState state = available;
        int count = 0;
        std::string member;
        std::int64_t lock_ends_ms = 0;
        bool is_gap = false;
    };
    std::int64_t start = 0;
    std::map<std::int64_t, Record> records;  // from start to the end
    std::vector<OfferedBatch> log;

    std::int64_t end() const { return records.empty() ? start : records.rbegin()->first + 1; }
    bool is_there(std::int64_t offset) const {
        return std::ranges::any_of(log, [&](const auto& batch) {
            return batch.is_delivered && batch.first <= offset && offset <= batch.last;
        });
    }
    void tidy() {
        while (!records.empty()) {
            auto first = records.begin();
            if (first->second.state != acknowledged && first->second.state != archived) break;
            start = first->first + 1;
            records.erase(first);
        }
    }
};

class Play {
public:
    explicit Play(unsigned seed) : random_(seed) {
        limits_ = {.delivery_count = std::int16_t(2 + pick(4)), .lock_ms = 50, .records = 20 + pick(40)};
    }
    void step() {
        now_ms_ += pick(20);
        switch (pick(8)) {
            case 0:
            case 1:
                grow();
                break;
            case 2:
            case 3:
                take();
                break;
            case 4:
            case 5:
                acknowledge();
                break;
            case 6:
                leave();
                break;
            default:
                pick(4) == 0 ? drop() : restart_or_expire();
        }
        model_.tidy();
        compare();
    }

private:
    int pick(int below) { return int(random_() % unsigned(below)); }
    std::string member() { return std::string(1, char('a' + pick(3))); }

    void grow() {
        auto first = log_end_ + (pick(6) == 0 ? 1 + pick(5) : 0);  // compaction leaves holes
        OfferedBatch batch{first, first + pick(12), pick(8) != 0};
        model_.log.push_back(batch);
        log_end_ = batch.last + 1;
    }

    void take() {
        auto from = partition_.next_offset(limits_);
        std::int64_t in_flight = 0, free = 0;
        for (const auto& [offset, record] : model_.records) {
            in_flight += !record.is_gap;
            free += record.state == available;
        }
        ASSERT_EQ(from.has_value(), free > 0 || in_flight < limits_.records);
        if (!from) return;
        AcquireRequest request{.member = member(),
                               .from = *from,
                               .records = 1 + pick(15),
                               .batch = 1 + pick(10),
                               .is_strict = pick(2) == 0,
                               .now_ms = now_ms_};
        std::vector<OfferedBatch> seen;
        for (const auto& batch : model_.log)
            if (batch.last >= *from) seen.push_back(batch);
        auto got = partition_.acquire(request, seen, limits_);
        std::int64_t count = 0, before = -1, longest = 0;
        for (const auto& each : got) {
            ASSERT_LT(before, each.first);
            ASSERT_LE(each.first, each.last);
            before = each.last;
            for (auto offset = each.first; offset <= each.last; ++offset, ++count) {
                auto& record = model_.records[offset];
                ASSERT_TRUE(model_.is_there(offset));
                ASSERT_EQ(record.state, available);
                ASSERT_EQ(++record.count, each.delivery_count);
                ASSERT_LE(record.count, limits_.delivery_count);
                record.state = acquired;
                record.member = request.member;
                record.lock_ends_ms = now_ms_ + limits_.lock_ms;
            }
        }
        for (const auto& batch : seen) longest = std::max(longest, batch.last - batch.first + 1);
        ASSERT_LE(count, request.is_strict ? request.records : request.records + longest - 1);
        // Offsets that are not there, or that nobody shall get, are done with as they are passed by.
        for (auto offset = model_.start; offset < partition_.end_offset(); ++offset) {
            auto& record = model_.records[offset];
            if (record.state == available && !model_.is_there(offset) && is_passed_by(offset)) {
                record.state = archived;
                record.is_gap = true;
            }
        }
        if (count == 0) {
            for (auto offset = *from; offset < log_end_; ++offset) {
                auto found = model_.records.find(offset);
                bool is_free = found != model_.records.end() ? found->second.state == available
                                                             : in_flight < limits_.records;
                ASSERT_FALSE(is_free && model_.is_there(offset)) << offset;
            }
        }
        std::int64_t held = 0;
        for (const auto& [offset, record] : model_.records) held += !record.is_gap;
        ASSERT_LE(held, std::max<std::int64_t>(limits_.records, in_flight));
    }
    bool is_passed_by(std::int64_t offset) {
        for (const auto& range : partition_.all())
            if (range.first <= offset && offset <= range.last) return range.state == archived;
        return offset < partition_.start_offset();
    }

    void acknowledge() {
        auto who = member();
        if (model_.records.empty()) return;
        auto first = model_.start - 2 + pick(int(model_.end() - model_.start) + 3);
        first = std::max<std::int64_t>(first, 0);
        Acknowledgement batch{first, first + pick(8), {}};
        if (pick(2) == 0)
            batch.types = {std::int8_t(pick(5))};
        else
            for (auto at = batch.first; at <= batch.last; ++at) batch.types.push_back(std::int8_t(pick(5)));
        auto expected = ErrorCode::none;
        auto from = std::max(batch.first, model_.start);
        if (batch.last >= model_.start && batch.last >= model_.end()) expected = ErrorCode::invalid_request;
        if (expected == ErrorCode::none)
            for (auto at = from; at <= batch.last; ++at) {
                const auto& record = model_.records[at];
                if (!record.is_gap && (record.state != acquired || record.member != who))
                    expected = ErrorCode::invalid_record_state;
            }
        auto refused = partition_.acknowledge(who, std::span(&batch, 1), limits_, now_ms_);
        ASSERT_EQ(refused.error, expected) << refused.text;
        if (refused) return;
        bool is_written = pick(4) != 0;
        partition_.finish(partition_.last_mark(), is_written);
        for (auto at = from; at <= batch.last; ++at) {
            auto& record = model_.records[at];
            if (record.is_gap) continue;
            auto type = AcknowledgeType(batch.types.size() == 1 ? batch.types[0]
                                                                : batch.types[std::size_t(at - batch.first)]);
            if (type == AcknowledgeType::renew) {
                record.lock_ends_ms = now_ms_ + limits_.lock_ms;
                continue;
            }
            if (!is_written) continue;
            if (type == AcknowledgeType::accept) record.state = acknowledged;
            if (type == AcknowledgeType::reject || type == AcknowledgeType::gap) record.state = archived;
            if (type == AcknowledgeType::release)
                record.state = record.count >= limits_.delivery_count ? archived : available;
        }
    }
    void leave() {
        auto who = member();
        partition_.release(who, limits_);
        partition_.finish(partition_.last_mark(), true);
        for (auto& [offset, record] : model_.records)
            if (record.state == acquired && record.member == who)
                record.state = record.count >= limits_.delivery_count ? archived : available;
    }
    void restart_or_expire() {
        if (pick(2) == 0) {
            auto end = partition_.end_offset();
            partition_ = SharePartition(partition_.prepared());
            for (auto& [offset, record] : model_.records) {
                record.is_gap = false;  // as anything else that is done with
                if (record.state != acquired) continue;
                record.state = available;
                --record.count;
            }
            // Those that nobody ever had are as if they had never been looked at.
            while (!model_.records.empty() && model_.records.rbegin()->second.state == available &&
                   model_.records.rbegin()->second.count == 0)
                model_.records.erase(std::prev(model_.records.end()));
            model_.tidy();
            ASSERT_LE(partition_.end_offset(), end);
            return;
        }
        partition_.expire(now_ms_, limits_);
        partition_.finish(partition_.last_mark(), true);
        for (auto& [offset, record] : model_.records)
            if (record.state == acquired && now_ms_ >= record.lock_ends_ms)
                record.state = record.count >= limits_.delivery_count ? archived : available;
    }
    void drop() {
        if (log_end_ == 0) return;
        auto before = std::min(log_end_, model_.start + pick(10));
        partition_.drop_before(before);
        model_.records.erase(model_.records.begin(), model_.records.lower_bound(before));
        model_.start = std::max(model_.start, before);
    }

    void compare() {
        ASSERT_EQ(partition_.start_offset(), model_.start);
        ASSERT_EQ(partition_.end_offset(), model_.end());
        auto at = model_.start;
        for (const auto& range : partition_.all()) {
            ASSERT_EQ(range.first, at);
            for (; at <= range.last; ++at) {
                ASSERT_EQ(range.state, model_.records[at].state) << at;
                if (!model_.records[at].is_gap)
                    ASSERT_EQ(range.delivery_count, model_.records[at].count) << at;
            }
        }
        ASSERT_EQ(at, model_.end());
        ASSERT_LE(partition_.ranges(), model_.records.size());
    }

    std::mt19937 random_;
    ShareLimits limits_;
    SharePartition partition_{ShareState{.start_offset = 0, .ranges = {}}};
    Model model_;
    std::int64_t log_end_ = 0, now_ms_ = 0;
};

TEST(SharePartition, BehavesAsOneThatKeepsEveryRecord) {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        Play play(seed);
        for (int i = 0; i < 200 && !testing::Test::HasFatalFailure(); ++i) play.step();
        ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
    }
}

}  // namespace
}  // namespace penstock::broker
