#include "store/local_tables.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "store/uuid.h"

namespace penstock::store {
namespace {

class LocalTablesTest : public ::testing::Test {
protected:
    LocalTablesTest() {
        static int counter = 0;
        directory_ = std::filesystem::temp_directory_path() /
                     ("penstock_tables_" + std::to_string(::getpid()) + "_" + std::to_string(counter++));
        std::filesystem::create_directories(directory_);
        options_.data_directory = directory_.string();
    }
    ~LocalTablesTest() override {
        tables_.reset();
        std::filesystem::remove_all(directory_);
    }
    LocalTables& open() {
        auto opened = open_local_tables(options_);
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().text);
        tables_ = std::move(*opened);
        return *tables_;
    }
    void close() { tables_.reset(); }

    /// The table as text, one line a row in key order.
    static std::string dump(Tables& tables, std::string_view table,
                            const std::vector<std::string>& columns = {}) {
        auto cursor = tables.scan(table, columns);
        if (!cursor) return cursor.error().text;
        std::string out;
        while (true) {
            auto batch = (*cursor)->next(7);
            if (!batch) return batch.error().text;
            if (batch->rows == 0) return out;
            for (std::size_t row = 0; row < batch->rows; ++row) {
                for (std::size_t i = 0; i < batch->columns.size(); ++i)
                    out += (i > 0 ? " " : "") + value_text(batch->columns[i], row);
                out += "\n";
            }
        }
    }

    std::filesystem::path directory_;
    StoreOptions options_;
    std::unique_ptr<LocalTables> tables_;
};

const TableSpec people{
    "ks", "people", {{"id", TypeId::int64}, {"name", TypeId::string}, {"age", TypeId::int32}}, {"id"}, {}};
const TableSpec events{
    "ks",
    "events",
    {{"device", TypeId::string}, {"at", TypeId::int64}, {"kind", TypeId::string}, {"value", TypeId::float64}},
    {"device"},
    {{"at", true}, {"kind", false}}};

struct Person {
    std::int64_t id;
    std::optional<std::string> name;
    std::optional<int> age;
};
Batch people_batch(const std::vector<Person>& rows) {
    auto batch = make_batch(people.columns);
    auto arena = std::make_shared<Arena>();
    for (const auto& row : rows) {
        batch.columns[0].append_integer(row.id);
        if (row.name)
            batch.columns[1].append_string(arena->copy(*row.name));
        else
            batch.columns[1].append_null();
        if (row.age)
            batch.columns[2].append_integer(*row.age);
        else
            batch.columns[2].append_null();
        ++batch.rows;
    }
    batch.keep_alive.push_back(arena);
    return batch;
}

Result<> commit_people(Tables& tables, const std::vector<Person>& rows, std::int64_t timestamp,
                       std::string checkpoint = "c") {
    auto batch = people_batch(rows);
    return tables.commit({"q", {{"ks.people", &batch, timestamp}}, {}, std::move(checkpoint)});
}

}  // namespace

TEST_F(LocalTablesTest, EnsureCreatesAndAddsColumnsAndSurvivesReopening) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    auto wider = people;
    wider.columns.push_back({"email", TypeId::string});
    ASSERT_TRUE(tables.ensure(wider));
    close();
    auto spec = open().spec("ks.people");
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->columns, wider.columns);
    EXPECT_EQ(spec->partition_key, people.partition_key);
    ASSERT_TRUE(tables_->ensure(people));
    EXPECT_EQ(tables_->spec("ks.people")->columns.size(), 4u);
}

TEST_F(LocalTablesTest, EnsureNamesTheColumnWhoseTypeDiffers) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    auto other = people;
    other.columns[2].type = TypeId::string;
    auto outcome = tables.ensure(other);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::invalid);
    EXPECT_EQ(outcome.error().text, "table ks.people: column age is int, which STRING cannot be written to");
    other = people;
    other.partition_key = {"name"};
    outcome = tables.ensure(other);
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().text.find("has the key (id), not (name)"), std::string::npos)
        << outcome.error().text;
}

TEST_F(LocalTablesTest, UnknownTablesAndColumnsAreNamed) {
    auto& tables = open();
    EXPECT_EQ(tables.spec("ks.nothing").error().code, Errc::not_found);
    ASSERT_TRUE(tables.ensure(people));
    EXPECT_EQ(tables.scan("ks.people", {"nose"}).error().text, "table ks.people has no column nose");
    auto batch = make_batch({{"id", TypeId::int64}, {"nose", TypeId::string}});
    batch.columns[0].append_integer(1);
    batch.columns[1].append_string("x");
    batch.rows = 1;
    EXPECT_EQ(tables.commit({"q", {{"ks.people", &batch, 1}}, {}, "c"}).error().text,
              "table ks.people has no column nose");
}

TEST_F(LocalTablesTest, TheHigherTimestampWinsCellByCell) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    ASSERT_TRUE(commit_people(tables, {{1, "new", 5}}, 10));
    ASSERT_TRUE(commit_people(tables, {{1, "old", 4}}, 9));
    auto names = make_batch({{"id", TypeId::int64}, {"name", TypeId::string}});
    names.columns[0].append_integer(1);
    names.columns[1].append_string("newest");
    names.rows = 1;
    ASSERT_TRUE(tables.commit({"q", {{"ks.people", &names, 11}}, {}, "c"}));
    EXPECT_EQ(dump(tables, "ks.people"), "1 newest 5\n");
}

TEST_F(LocalTablesTest, NullDeletesTheCell) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    ASSERT_TRUE(commit_people(tables, {{1, "a", 5}}, 10));
    ASSERT_TRUE(commit_people(tables, {{1, {}, 6}}, 11));
    EXPECT_EQ(dump(tables, "ks.people"), "1 NULL 6\n");
}

TEST_F(LocalTablesTest, OfOneCommitTheLastRowOfAKeyStays) {
    for (std::size_t run_rows : {std::size_t(1), std::size_t(1000)}) {
        close();
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        options_.sorted_run_rows = run_rows;
        auto& tables = open();
        ASSERT_TRUE(tables.ensure(people));
        ASSERT_TRUE(commit_people(tables, {{1, "z", 9}, {2, "b", 1}, {1, "a", 1}}, 10));
        auto rows = dump(tables, "ks.people");
        EXPECT_NE(rows.find("1 a 1\n"), std::string::npos) << rows;
        EXPECT_NE(rows.find("2 b 1\n"), std::string::npos) << rows;
        EXPECT_EQ(rows.find("z"), std::string::npos) << rows;
    }
}

TEST_F(LocalTablesTest, ClusteringOrderIsTheScansOrder) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(events));
    auto batch = make_batch(events.columns);
    for (auto [at, kind] :
         std::initializer_list<std::pair<int, const char*>>{{-5, "b"}, {7, "a"}, {7, "B"}, {0, ""}}) {
        batch.columns[0].append_string("d1");
        batch.columns[1].append_integer(at);
        batch.columns[2].append_string(kind);
        batch.columns[3].append_float(at / 2.0);
        ++batch.rows;
    }
    ASSERT_TRUE(tables.commit({"q", {{"ks.events", &batch, 1}}, {}, "c"}));
    EXPECT_EQ(dump(tables, "ks.events"), "d1 7 B 3.5\nd1 7 a 3.5\nd1 0  0.0\nd1 -5 b -2.5\n");
    EXPECT_EQ(dump(tables, "ks.events", {"value", "device"}), "3.5 d1\n3.5 d1\n0.0 d1\n-2.5 d1\n");
}

TEST_F(LocalTablesTest, StateAndCheckpointBelongToTheirQuery) {
    auto& tables = open();
    EXPECT_EQ(*tables.checkpoint("q"), "");
    ASSERT_TRUE(tables.commit({"q", {}, {{"a1", "x"}, {"a2", "y"}, {"b", std::string("\0z", 2)}}, "c1"}));
    ASSERT_TRUE(tables.commit({"qq", {}, {{"a1", "other"}}, "c9"}));
    ASSERT_TRUE(tables.commit({"q", {}, {{"a1", std::nullopt}, {"a3", "w"}}, "c2"}));
    using Entries = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(*tables.state("q", "a"), (Entries{{"a2", "y"}, {"a3", "w"}}));
    EXPECT_EQ(tables.state("q", "")->size(), 3u);
    EXPECT_EQ(*tables.checkpoint("q"), "c2");
    ASSERT_TRUE(tables.forget("q"));
    EXPECT_EQ(*tables.checkpoint("q"), "");
    EXPECT_TRUE(tables.state("q", "")->empty());
    EXPECT_EQ(*tables.checkpoint("qq"), "c9");
    EXPECT_EQ(tables.state("qq", "")->size(), 1u);
}

TEST_F(LocalTablesTest, AnOlderEpochIsFenced) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    EXPECT_EQ(*tables.claim("q", 0), "");
    EXPECT_EQ(*tables.claim("q", 5), "");
    ASSERT_TRUE(tables.commit({"q", {}, {{"s", "v5"}}, "c5", 5}));
    EXPECT_EQ(*tables.claim("q", 5), "c5") << "the same once more, after a restart of the query";
    EXPECT_EQ(*tables.claim("q", 7), "c5");
    auto batch = people_batch({{2, "b", 2}});
    auto late = tables.commit({"q", {{"ks.people", &batch, 2}}, {{"s", "late"}}, "late", 5});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::fenced);
    EXPECT_EQ(tables.claim("q", 6).error().code, Errc::fenced);
    EXPECT_EQ(*tables.checkpoint("q"), "c5");
    EXPECT_EQ(tables.state("q", "")->front().second, "v5");
    EXPECT_EQ(dump(tables, "ks.people"), "");
    ASSERT_TRUE(tables.commit({"q", {}, {}, "c7", 7}));
    ASSERT_TRUE(tables.commit({"other", {}, {}, "c1", 1})) << "each query has its own";
    EXPECT_EQ(*tables.checkpoint("q"), "c7");
}

TEST_F(LocalTablesTest, ARejectedCommitChangesNothing) {
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    ASSERT_TRUE(commit_people(tables, {{1, "a", 1}}, 1, "c1"));
    auto batch = people_batch({{2, "b", 2}});
    batch.columns[0].nulls = {1};
    auto outcome = tables.commit({"q", {{"ks.people", &batch, 2}}, {{"s", "v"}}, "c2"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().text, "table ks.people: column id of row 1: a key may not be null");
    EXPECT_EQ(*tables.checkpoint("q"), "c1");
    EXPECT_TRUE(tables.state("q", "")->empty());
    EXPECT_EQ(dump(tables, "ks.people"), "1 a 1\n");
}

TEST_F(LocalTablesTest, EngineValuesRoundTrip) {
    auto& tables = open();
    Schema schema{{"k", TypeId::string}, {"b", TypeId::boolean},   {"i", TypeId::int32},
                  {"l", TypeId::int64},  {"f", TypeId::float64},   {"x", TypeId::binary},
                  {"d", TypeId::date},   {"t", TypeId::timestamp}, {"j", TypeId::json}};
    ASSERT_TRUE(tables.ensure({"ks", "all", schema, {"k"}, {}}));
    auto batch = make_batch(schema);
    batch.columns[0].append_string("key");
    batch.columns[1].append_integer(1);
    batch.columns[2].append_integer(-7);
    batch.columns[3].append_integer(INT64_MIN);
    batch.columns[4].append_float(-0.5);
    batch.columns[5].append_string(std::string_view("\0\xFF", 2));
    batch.columns[6].append_integer(-1);
    batch.columns[7].append_integer(-1'000);  // CQL's timestamps have milliseconds
    batch.columns[8].append_string("{\"a\":1}");
    batch.rows = 1;
    ASSERT_TRUE(tables.commit({"q", {{"ks.all", &batch, 1}}, {}, "c"}));
    EXPECT_EQ(dump(tables, "ks.all"),
              "key true -7 -9223372036854775808 -0.5 0x00ff 1969-12-31 1969-12-31 23:59:59.999 {\"a\":1}\n");
}

TEST_F(LocalTablesTest, CommitsOfEverySizeAreTheSame) {
    options_.sorted_run_rows = 500;
    auto& tables = open();
    ASSERT_TRUE(tables.ensure(people));
    std::map<std::int64_t, int> expected;
    std::mt19937 random(7);
    for (int commit = 1; commit <= 40; ++commit) {
        std::vector<Person> rows;
        for (auto count = random() % 1200; count > 0; --count) {
            auto id = std::int64_t(random() % 3000);
            rows.push_back({id, "n" + std::to_string(id), commit});
            expected[id] = commit;
        }
        ASSERT_TRUE(commit_people(tables, rows, commit, std::to_string(commit)));
        EXPECT_EQ(*tables.checkpoint("q"), std::to_string(commit));
    }
    auto check = [&](Tables& in) {
        auto cursor = in.scan("ks.people", {"id", "age"});
        std::size_t seen = 0;
        for (auto batch = (*cursor)->next(1000); batch && batch->rows > 0; batch = (*cursor)->next(1000)) {
            for (std::size_t row = 0; row < batch->rows; ++row, ++seen)
                ASSERT_EQ(batch->columns[1].integers[row], expected[batch->columns[0].integers[row]]);
        }
        EXPECT_EQ(seen, expected.size());
    };
    check(tables);
    close();
    check(open());
    EXPECT_EQ(*tables_->checkpoint("q"), "40");
}

namespace {

/// Commits number 1, 2, 3, ... for ever: commit n writes rows, state and checkpoint that name n.
[[noreturn]] void commit_until_killed(const StoreOptions& options, unsigned seed) {
    auto tables = open_local_tables(options);
    if (!tables) _exit(2);
    std::mt19937 random(seed);
    auto from = (*tables)->checkpoint("q");
    for (auto n = from->empty() ? 1 : std::stoll(*from) + 1;; ++n) {
        std::vector<Person> rows;
        for (int i = 0; i < int(n % 7 == 0 ? 300 : 10); ++i) rows.push_back({n * 1000 + i, "n", int(n)});
        rows.push_back({-1, "last", int(n)});
        auto batch = people_batch(rows);
        auto done = (*tables)->commit(
            {"q", {{"ks.people", &batch, n}}, {{"n", std::to_string(n)}}, std::to_string(n)});
        if (!done) _exit(3);
        if (random() % 50 == 0 && !(*tables)->flush()) _exit(4);
        // A CQL write through the write-ahead log now and then, as they mix in real life.
        if (random() % 20 == 0 && !(*tables)->database().write(rocksdb::WriteBatch())) _exit(5);
    }
}

void small_and_often(StoreOptions& options) {
    options.sorted_run_rows = 200;
    options.memtable_bytes = 256 << 10;
    options.flush_every_us = 50'000;
}

/// A new process, and not just a fork: RocksDB's threads do not survive that.
pid_t start_child(const std::string& directory, int seed) {
    auto child = ::fork();
    if (child != 0) return child;
    ::setenv("PENSTOCK_CHILD_DIRECTORY", directory.c_str(), 1);
    ::setenv("PENSTOCK_CHILD_SEED", std::to_string(seed).c_str(), 1);
    ::execl("/proc/self/exe", "store_test", "--gtest_also_run_disabled_tests",
            "--gtest_filter=LocalTablesTest.DISABLED_CommitsUntilKilled", nullptr);
    _exit(127);
}

}  // namespace

/// The other process of the test below.
TEST_F(LocalTablesTest, DISABLED_CommitsUntilKilled) {
    const char* directory = std::getenv("PENSTOCK_CHILD_DIRECTORY");
    if (directory == nullptr) GTEST_SKIP() << "runs as a child only";
    std::filesystem::remove_all(directory_);  // nobody removes it after the kill
    options_.data_directory = directory;
    small_and_often(options_);
    commit_until_killed(options_, unsigned(std::atoi(std::getenv("PENSTOCK_CHILD_SEED"))));
}

/// After kill -9 the rows and the state are exactly those of the checkpoint that is found.
TEST_F(LocalTablesTest, KilledWhileCommittingRowsMatchTheCheckpoint) {
    small_and_often(options_);
    ASSERT_TRUE(open().ensure(people));
    close();
    std::mt19937 random(std::random_device{}());
    std::int64_t before = 0;
    for (int round = 0; round < 8; ++round) {
        auto child = start_child(options_.data_directory, round);
        ASSERT_GT(child, 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(150 + random() % 300));  // a random moment
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);

        auto& tables = open();
        auto text = *tables.checkpoint("q");
        auto last = text.empty() ? 0 : std::stoll(text);
        EXPECT_GE(last, before);
        before = last;
        std::size_t wanted = last > 0 ? 1 : 0;
        for (std::int64_t n = 1; n <= last; ++n) wanted += n % 7 == 0 ? 300 : 10;
        auto cursor = tables.scan("ks.people", {"id", "age"});
        std::size_t seen = 0;
        for (auto batch = (*cursor)->next(1000); batch && batch->rows > 0; batch = (*cursor)->next(1000)) {
            for (std::size_t row = 0; row < batch->rows; ++row, ++seen) {
                auto id = batch->columns[0].integers[row];
                EXPECT_EQ(batch->columns[1].integers[row], id == -1 ? last : id / 1000);
                EXPECT_LE(id, last * 1000 + 999);
            }
        }
        EXPECT_EQ(seen, wanted) << "checkpoint " << text;
        auto state = *tables.state("q", "");
        if (last > 0) {
            ASSERT_EQ(state.size(), 1u);
            EXPECT_EQ(state[0].second, text);
        }
        cursor->reset();
        close();
    }
    EXPECT_GT(before, 0);
}

}  // namespace penstock::store
