#include "broker/quota/client_quotas.h"

#include <gtest/gtest.h>

#include "io/memory_files.h"

namespace penstock::broker {
namespace {

const QuotaName any{.is_default = true, .name = {}};

QuotaName named(std::string name) {
    return {.is_default = false, .name = std::move(name)};
}

class ClientQuotasTest : public ::testing::Test {
protected:
    void SetUp() override { open(); }
    void open() {
        auto opened = ClientQuotas::open(files_, "client_quotas", clock_);
        ASSERT_TRUE(opened) << opened.error().text;
        quotas_ = std::move(*opened);
    }
    void set(QuotaEntity entity, std::optional<double> limit, Quota quota = Quota::produce) {
        ASSERT_TRUE(quotas_->change({{std::move(entity), quota, limit}}));
    }
    std::int32_t produce(std::string_view user, std::string_view client, std::int64_t bytes) {
        return quotas_->count(Quota::produce, user, client, bytes);
    }

    io::MemoryFiles files_;
    ManualClock clock_{1'700'000'000'000'000};
    std::unique_ptr<ClientQuotas> quotas_;
};

TEST_F(ClientQuotasTest, WithoutAQuotaNobodyRests) {
    EXPECT_EQ(produce("alice", "app", 1 << 30), 0);
    EXPECT_EQ(quotas_->most_at_once(Quota::fetch, "alice", "app"), std::nullopt);
}

TEST_F(ClientQuotasTest, WhoSendsMoreRestsUntilTheRateIsRight) {
    set({.user = {}, .client_id = named("app")}, 1000);
    EXPECT_EQ(produce("alice", "app", 10'000), 0) << "ten seconds' worth";
    EXPECT_EQ(produce("alice", "app", 5'000), 5'000) << "15 kB are 15 s at that rate";
    EXPECT_EQ(produce("alice", "other", 5'000), 0);
    clock_.advance_us(12'000'000);
    EXPECT_EQ(produce("alice", "app", 10'000), 0) << "what was long ago does not count";
    for (int second = 0; second < 30; ++second) {
        clock_.advance_us(1'000'000);
        produce("alice", "app", 900);
    }
    EXPECT_EQ(produce("alice", "app", 0), 0) << "who keeps to it never rests";
}

TEST_F(ClientQuotasTest, TheClosestQuotaCounts) {
    const std::vector<QuotaEntity> by_rank{{named("alice"), named("app")},
                                           {named("alice"), any},
                                           {named("alice"), std::nullopt},
                                           {any, named("app")},
                                           {any, any},
                                           {any, std::nullopt},
                                           {std::nullopt, named("app")},
                                           {std::nullopt, any}};
    for (std::size_t rank = by_rank.size(); rank-- > 0;) {
        set(by_rank[rank], double(100 + rank), Quota::fetch);
        EXPECT_EQ(quotas_->most_at_once(Quota::fetch, "alice", "app"), std::int64_t(100 + rank) * 10);
    }
    EXPECT_EQ(quotas_->most_at_once(Quota::fetch, "bob", "tool"), 1040) << "the default of both";
    EXPECT_EQ(quotas_->most_at_once(Quota::produce, "alice", "app"), std::nullopt);
}

TEST_F(ClientQuotasTest, AUsersClientsShareAQuotaUnlessItIsForEach) {
    set({.user = named("alice"), .client_id = {}}, 1000);
    EXPECT_EQ(produce("alice", "one", 10'000), 0);
    EXPECT_GT(produce("alice", "two", 1'000), 0);
    set({.user = any, .client_id = any}, 1000);
    EXPECT_EQ(produce("bob", "one", 10'000), 0);
    EXPECT_EQ(produce("bob", "two", 10'000), 0);
    EXPECT_GT(produce("bob", "one", 1'000), 0);
}

TEST_F(ClientQuotasTest, WhatIsAskedForCountsOnlyWhenItIsGiven) {
    set({.user = {}, .client_id = named("app")}, 1000, Quota::fetch);
    EXPECT_EQ(quotas_->ask(Quota::fetch, "", "app", 50'000), 0) << "the first is had, whatever its size";
    const auto rest = quotas_->ask(Quota::fetch, "", "app", 1'000);
    EXPECT_EQ(rest, 41'000);
    EXPECT_EQ(quotas_->ask(Quota::fetch, "", "app", 1'000), rest) << "it was not given, so it did not count";
    clock_.advance_us(11'000'000);
    EXPECT_EQ(quotas_->ask(Quota::fetch, "", "app", 1'000), 0);
}

TEST_F(ClientQuotasTest, QuotasOutliveTheProcess) {
    set({.user = named("al ice\n"), .client_id = any}, 1234);
    set({.user = named("al ice\n"), .client_id = any}, 5e9, Quota::fetch);
    set({.user = {}, .client_id = named("app")}, 7);
    set({.user = {}, .client_id = named("app")}, std::nullopt);
    const auto before = quotas_->all();
    EXPECT_EQ(before.size(), 1U);
    open();
    EXPECT_EQ(quotas_->all(), before);
    EXPECT_EQ(quotas_->most_at_once(Quota::fetch, "al ice\n", "x"), 50'000'000'000);
}

TEST_F(ClientQuotasTest, ADamagedFileIsRefused) {
    set({.user = {}, .client_id = named("app")}, 7);
    auto text = *files_.read_file("client_quotas");
    text[text.size() / 2] ^= 1;
    ASSERT_TRUE(files_.replace_file("client_quotas", text));
    auto opened = ClientQuotas::open(files_, "client_quotas", clock_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
}

using std::chrono::milliseconds;

TEST_F(ClientQuotasTest, RequestsAreTimedAndRestAtMostASecond) {
    EXPECT_FALSE(quotas_->counts_time());
    set({named("alice"), std::nullopt}, 2, Quota::request_time);  // 20 ms of a second
    EXPECT_TRUE(quotas_->counts_time());
    EXPECT_EQ(quotas_->count_time("alice", "app", milliseconds(199)), 0) << "ten seconds' worth are free";
    EXPECT_EQ(quotas_->count_time("bob", "app", milliseconds(5000)), 0);
    auto rests = quotas_->count_time("alice", "app", milliseconds(11));
    EXPECT_GE(rests, 450);
    EXPECT_LE(rests, 550);
    EXPECT_EQ(quotas_->count_time("alice", "app", milliseconds(5000)), 1000);
    set({named("alice"), std::nullopt}, std::nullopt, Quota::request_time);
    EXPECT_FALSE(quotas_->counts_time());
    EXPECT_EQ(quotas_->count_time("alice", "app", milliseconds(5000)), 0);
}

TEST_F(ClientQuotasTest, PartitionsAreMadeUntilTheBucketIsOverdrawn) {
    set({std::nullopt, named("app")}, 2, Quota::mutations);  // 22 at once
    EXPECT_EQ(quotas_->count_mutations("alice", "app", 22, true), 0);
    EXPECT_EQ(quotas_->count_mutations("alice", "app", 6, true), 0) << "it may be overdrawn";
    EXPECT_EQ(quotas_->count_mutations("alice", "app", 1, true), 3000);
    EXPECT_EQ(quotas_->count_mutations("alice", "app", 1, true), 3000) << "what is refused does not count";
    EXPECT_EQ(quotas_->count_mutations("alice", "app", 2, false), 4000) << "old clients rest afterwards";
    EXPECT_EQ(quotas_->count_mutations("alice", "other", 100, true), 0);
    clock_.advance_us(4'000'000);
    EXPECT_EQ(quotas_->count_mutations("alice", "app", 1, true), 0);
}

TEST_F(ClientQuotasTest, ConnectionsAreCountedByAddressAndKept) {
    QuotaEntity everybody{std::nullopt, std::nullopt, any},
        one{std::nullopt, std::nullopt, named("10.0.0.1")};
    set(everybody, 1, Quota::connections);
    set(one, 100, Quota::connections);
    open();
    ASSERT_EQ(quotas_->all().size(), 2U);
    EXPECT_EQ(quotas_->all().at(one).at(Quota::connections), 100);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(quotas_->count_connection("10.0.0.2"), 0) << i;
    EXPECT_EQ(quotas_->count_connection("10.0.0.2"), 1000);
    EXPECT_EQ(quotas_->count_connection("10.0.0.3"), 0) << "each address has a rate of its own";
    for (int i = 0; i < 500; ++i) EXPECT_EQ(quotas_->count_connection("10.0.0.1"), 0);
    clock_.advance_us(12'000'000);
    EXPECT_EQ(quotas_->count_connection("10.0.0.2"), 0);
}

}  // namespace
}  // namespace penstock::broker
