// The client of a Cassandra where the network, the node or another process gets in its way. The node is our
// own CQL port; a real one is named by PENSTOCK_TEST_CASSANDRA, and started and stopped by
// PENSTOCK_TEST_CASSANDRA_SCRIPT.
#include "store/remote_tables.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "store/testing/own_node.h"

namespace penstock::store {
namespace {

const TableSpec counts{"ks", "counts", {{"id", TypeId::int64}, {"n", TypeId::int64}}, {"id"}, {}};

Batch count_rows(std::int64_t from, std::int64_t to, std::int64_t n) {
    auto batch = make_batch(counts.columns);
    for (auto id = from; id < to; ++id) {
        batch.columns[0].append_integer(id);
        batch.columns[1].append_integer(n);
        ++batch.rows;
    }
    return batch;
}

std::unique_ptr<Tables> open(const OwnNode& node, const std::string& options = "retry.for=1s") {
    auto opened = open_remote_tables(fmt::format("cassandra://127.0.0.1:{}?{}", node.port(), options));
    EXPECT_TRUE(opened) << opened.error().text;
    return opened ? std::move(*opened) : nullptr;
}

std::int64_t sum(Tables& tables) {
    std::int64_t out = 0;
    auto cursor = tables.scan("ks.counts", {"n"});
    EXPECT_TRUE(cursor) << cursor.error().text;
    for (auto batch = (*cursor)->next(1000); batch && batch->rows > 0; batch = (*cursor)->next(1000))
        for (auto n : batch->columns[0].integers) out += n;
    return out;
}

TEST(RemoteTablesTest, NobodyThere) {
    auto opened = open_remote_tables("cassandra://127.0.0.1:1?retry.for=300ms");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unavailable);
    EXPECT_NE(opened.error().text.find("Cassandra at 127.0.0.1:1: cannot connect"), std::string::npos)
        << opened.error().text;
}

TEST(RemoteTablesTest, PasswordsAreAskedForAndChecked) {
    OwnNode node("me", "s3cret");
    for (const char* user : {"", "me:wrong@"}) {
        auto refused = open_remote_tables(fmt::format("cassandra://{}127.0.0.1:{}", user, node.port()));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::unauthorized) << refused.error().text;
        EXPECT_EQ(refused.error().text.find("wrong"), std::string::npos);
    }
    for (const char* version : {"4", "5"}) {
        auto opened = open_remote_tables(fmt::format(
            "cassandra://me:s3cret@127.0.0.1:{}?compression=lz4&protocol={}", node.port(), version));
        ASSERT_TRUE(opened) << opened.error().text;
        EXPECT_TRUE((*opened)->ensure(counts));
        EXPECT_EQ((*opened)->describe().find("s3cret"), std::string::npos);
    }
}

TEST(RemoteTablesTest, ARestartOfTheNodeIsGotOver) {
    OwnNode node;
    auto tables = open(node, "retry.for=20s");
    ASSERT_TRUE(tables->ensure(counts));
    auto before = count_rows(0, 100, 1);
    ASSERT_TRUE(tables->commit({"q", {{"ks.counts", &before, 1}}, {{"k", "v"}}, "c1"}));
    // Statements that were prepared are forgotten; a commit that comes meanwhile waits.
    node.stop();
    std::atomic<bool> done{false};
    Result<> outcome;
    std::thread committer([&] {
        auto rows = count_rows(100, 300, 1);
        outcome = tables->commit({"q", {{"ks.counts", &rows, 2}}, {{"k", "w"}}, "c2"});
        done = true;
    });
    EXPECT_FALSE(done);
    node.start();
    committer.join();
    ASSERT_TRUE(outcome) << outcome.error().text;
    EXPECT_EQ(sum(*tables), 300);
    EXPECT_EQ(*tables->checkpoint("q"), "c2");
    EXPECT_EQ(tables->state("q", "")->front().second, "w");
}

TEST(RemoteTablesTest, WhatTakesTooLongIsGivenUpAndTriedAgainByTheCaller) {
    OwnNode node;
    auto tables = open(node, "retry.for=400ms");
    ASSERT_TRUE(tables->ensure(counts));
    auto rows = count_rows(0, 2000, 1);
    Commit commit{"q", {{"ks.counts", &rows, 1}}, {}, "c1"};
    ASSERT_TRUE(tables->commit({"q", {}, {}, "c0"}));
    node.stop();
    auto refused = tables->commit(commit);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().code == Errc::unavailable || refused.error().code == Errc::timeout)
        << refused.error().text;
    EXPECT_FALSE(tables->checkpoint("q"));
    node.start();
    Result<> again;
    for (int i = 0; i < 50 && !(again = tables->commit(commit)); ++i) {
    }
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(*tables->checkpoint("q"), "c1");
    EXPECT_EQ(sum(*tables), 2000);
}

/// Who opens a query last may commit to it; the other finds out before it does harm.
TEST(RemoteTablesTest, AProcessThatWasPausedIsFenced) {
    OwnNode node;
    auto first = open(node);
    auto second = open(node);
    ASSERT_TRUE(first->ensure(counts));
    ASSERT_TRUE(first->commit({"q", {}, {{"a", "1"}}, "c1"}));
    EXPECT_EQ(*second->checkpoint("q"), "c1");
    auto late = first->commit({"q", {}, {{"a", "late"}, {"b", "late"}}, "late"});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::fenced);
    EXPECT_EQ(*second->state("q", ""), (std::vector<std::pair<std::string, std::string>>{{"a", "1"}}));
    ASSERT_TRUE(second->commit({"q", {}, {{"a", "2"}}, "c2"}));
    EXPECT_EQ(*second->checkpoint("q"), "c2");
    // Other queries of the first are its own still.
    EXPECT_TRUE(first->commit({"other", {}, {}, "c1"}));
}

/// Cut off behind the conditional update: the state that it stands for is brought in by whoever comes next.
TEST(RemoteTablesTest, AStateThatWasNotWrittenIsWrittenByTheNextOwner) {
    OwnNode node;
    auto tables = open(node);
    ASSERT_TRUE(tables->commit({"q", {}, {{"a", "1"}, {"b", "2"}}, "c1"}));
    auto outcome = node.tables().scan("penstock.query_state", {});
    ASSERT_TRUE(outcome);
    // As if it had been killed there: the rows are gone, the checkpoint and its delta are not.
    auto definition = node.tables().database().catalogue()->table("penstock", "query_state");
    ASSERT_TRUE(definition);
    outcome->reset();
    tables.reset();
    ASSERT_TRUE(node.tables().database().change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto fresh = *definition;
        fresh.id = catalogue.next_table++;
        catalogue.keyspaces["penstock"].tables["query_state"] =
            std::make_shared<const TableDefinition>(std::move(fresh));
        return {};
    }));
    auto next = open(node);
    EXPECT_TRUE(next->state("q", "")->empty());
    EXPECT_EQ(*next->checkpoint("q"), "c1");
    EXPECT_EQ(*next->state("q", ""),
              (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}}));
}

TEST(RemoteTablesTest, NothingIsMadeWhenItMayNot) {
    OwnNode node;
    auto tables = open(node, "create=false");
    auto refused = tables->ensure(counts);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("create=false"), std::string::npos) << refused.error().text;
    auto checkpoint = tables->checkpoint("q");
    ASSERT_FALSE(checkpoint);
    EXPECT_NE(checkpoint.error().text.find("CREATE TABLE"), std::string::npos) << checkpoint.error().text;
}

TEST(RemoteTablesTest, ManyQueriesCommitAtOnceWithinTheBound) {
    OwnNode node;
    auto tables = open(node, "in_flight=8&retry.for=20s");
    ASSERT_TRUE(tables->ensure(counts));
    std::vector<std::thread> queries;
    std::atomic<int> failures{0};
    for (int q = 0; q < 6; ++q) {
        queries.emplace_back([&, q] {
            for (int i = 0; i < 5; ++i) {
                auto rows = count_rows(q * 1000, q * 1000 + 200, i);
                auto name = "q" + std::to_string(q);
                auto done = tables->commit(
                    {name, {{"ks.counts", &rows, i + 1}}, {{"n", std::to_string(i)}}, std::to_string(i)});
                if (!done) ++failures;
            }
        });
    }
    for (auto& query : queries) query.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(sum(*tables), 6 * 200 * 4);
    for (int q = 0; q < 6; ++q) EXPECT_EQ(*tables->checkpoint("q" + std::to_string(q)), "4");
}

}  // namespace
}  // namespace penstock::store
