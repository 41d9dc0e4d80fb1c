// What every implementation of Tables promises: one suite for the embedded tables, for the client of a
// Cassandra on our own CQL port, and, when PENSTOCK_TEST_CASSANDRA holds the URL of a Cassandra, for that one
// as well (tests/real starts it).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "store/local_tables.h"
#include "store/remote_tables.h"
#include "store/testing/own_node.h"

namespace penstock::store {
namespace {

/// Tables that outlive being closed and opened again.
class Subject {
public:
    virtual ~Subject() = default;
    virtual Result<std::unique_ptr<Tables>> open() = 0;
};

class LocalSubject final : public Subject {
public:
    Result<std::unique_ptr<Tables>> open() override {
        StoreOptions options;
        options.data_directory = directory_.path().string();
        options.sorted_run_rows = 500;
        return TRY(open_local_tables(options));
    }

private:
    TemporaryDirectory directory_;
};

template <int version>
class OwnPortSubject final : public Subject {
public:
    Result<std::unique_ptr<Tables>> open() override {
        return open_remote_tables(fmt::format("cassandra://127.0.0.1:{}?protocol={}&page=7&compression={}",
                                              node_.port(), version, version == 4 ? "lz4" : "none"));
    }

private:
    OwnNode node_;
};

class CassandraSubject final : public Subject {
public:
    Result<std::unique_ptr<Tables>> open() override {
        return open_remote_tables(std::getenv("PENSTOCK_TEST_CASSANDRA"));
    }
};

struct Implementation {
    std::string name;
    std::unique_ptr<Subject> (*make)();
};

template <class T>
Implementation implementation(std::string name) {
    return {std::move(name), [] { return std::unique_ptr<Subject>(std::make_unique<T>()); }};
}

std::vector<Implementation> implementations() {
    std::vector<Implementation> all{implementation<LocalSubject>("Local"),
                                    implementation<OwnPortSubject<4>>("OwnPortV4"),
                                    implementation<OwnPortSubject<5>>("OwnPortV5")};
    if (std::getenv("PENSTOCK_TEST_CASSANDRA")) all.push_back(implementation<CassandraSubject>("Cassandra"));
    return all;
}

struct Person {
    std::int64_t id;
    std::optional<std::string> name;
    std::optional<int> age;
};

class TablesContractTest : public testing::TestWithParam<Implementation> {
protected:
    void SetUp() override {
        // Names that no other test has: a Cassandra is shared by all.
        static int number = 0;
        keyspace_ = fmt::format("c{}_{}", ::getpid(), ++number);
        query_ = "query " + keyspace_;
        people_ = {keyspace_,
                   "people",
                   {{"id", TypeId::int64}, {"name", TypeId::string}, {"age", TypeId::int32}},
                   {"id"},
                   {}};
        subject_ = GetParam().make();
        reopen();
    }
    void reopen() {
        tables_.reset();
        auto opened = subject_->open();
        ASSERT_TRUE(opened) << opened.error().text;
        tables_ = std::move(*opened);
    }
    void ensure(const TableSpec& spec) {
        auto made = tables_->ensure(spec);
        ASSERT_TRUE(made) << made.error().text;
    }
    Batch people_batch(const std::vector<Person>& rows) const {
        auto batch = make_batch(people_.columns);
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
    Result<> commit_rows(const Batch& rows, std::int64_t timestamp, std::string_view table = "people",
                         std::string checkpoint = "c") {
        auto name = keyspace_ + "." + std::string(table);
        return tables_->commit({query_, {{name, &rows, timestamp}}, {}, std::move(checkpoint)});
    }
    Result<> commit_people(const std::vector<Person>& rows, std::int64_t timestamp,
                           std::string checkpoint = "c") {
        return commit_rows(people_batch(rows), timestamp, "people", std::move(checkpoint));
    }
    void expect_done(const Result<>& result) { EXPECT_TRUE(result) << result.error().text; }

    /// The table's rows as text, in the scan's order.
    std::vector<std::string> rows(std::string_view table, const std::vector<std::string>& columns,
                                  std::size_t at_once = 7) {
        std::vector<std::string> out;
        auto cursor = tables_->scan(keyspace_ + "." + std::string(table), columns);
        EXPECT_TRUE(cursor) << cursor.error().text;
        while (cursor) {
            auto batch = (*cursor)->next(at_once);
            EXPECT_TRUE(batch) << batch.error().text;
            if (!batch || batch->rows == 0) break;
            EXPECT_LE(batch->rows, at_once);
            for (std::size_t row = 0; row < batch->rows; ++row) {
                auto& line = out.emplace_back();
                for (std::size_t i = 0; i < batch->columns.size(); ++i)
                    line += (i > 0 ? " " : "") + value_text(batch->columns[i], row);
            }
        }
        return out;
    }
    std::vector<std::string> people() { return rows("people", {"id", "name", "age"}); }
    std::vector<std::string> sorted(std::vector<std::string> lines) {
        std::ranges::sort(lines);
        return lines;
    }

    std::string keyspace_;
    std::string query_;
    TableSpec people_;
    std::unique_ptr<Subject> subject_;
    std::unique_ptr<Tables> tables_;
};

INSTANTIATE_TEST_SUITE_P(All, TablesContractTest, testing::ValuesIn(implementations()),
                         [](const auto& about) { return about.param.name; });

using Lines = std::vector<std::string>;
using Entries = std::vector<std::pair<std::string, std::string>>;

TEST_P(TablesContractTest, EnsureCreatesAndAddsColumnsAndSurvivesReopening) {
    ensure(people_);
    auto wider = people_;
    wider.columns.push_back({"email", TypeId::string});
    wider.columns.push_back({"Shoe Size", TypeId::float64});
    ensure(wider);
    reopen();
    auto spec = tables_->spec(people_.full_name());
    ASSERT_TRUE(spec) << spec.error().text;
    auto by_name = [](const Field& a, const Field& b) { return a.name < b.name; };
    auto columns = spec->columns;
    std::ranges::sort(columns, by_name);
    std::ranges::sort(wider.columns, by_name);
    EXPECT_EQ(columns, wider.columns);
    EXPECT_EQ(spec->partition_key, people_.partition_key);
    ensure(people_);
    EXPECT_EQ(tables_->spec(people_.full_name())->columns.size(), 5u);
}

TEST_P(TablesContractTest, EnsureNamesTheColumnWhoseTypeDiffers) {
    ensure(people_);
    auto other = people_;
    other.columns[2].type = TypeId::string;
    auto outcome = tables_->ensure(other);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::invalid);
    EXPECT_EQ(outcome.error().text,
              "table " + people_.full_name() + ": column age is int, which STRING cannot be written to");
    other = people_;
    other.partition_key = {"name"};
    outcome = tables_->ensure(other);
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().text.find("has the key (id), not (name)"), std::string::npos)
        << outcome.error().text;
}

TEST_P(TablesContractTest, UnknownTablesAndColumnsAreNamed) {
    auto nothing = keyspace_ + ".nothing";
    EXPECT_EQ(tables_->spec(nothing).error().code, Errc::not_found);
    EXPECT_EQ(tables_->scan(nothing, {}).error().text, "there is no table " + nothing);
    ensure(people_);
    EXPECT_EQ(tables_->scan(people_.full_name(), {"nose"}).error().text,
              "table " + people_.full_name() + " has no column nose");
    auto batch = make_batch({{"id", TypeId::int64}, {"nose", TypeId::string}});
    batch.columns[0].append_integer(1);
    batch.columns[1].append_string("x");
    batch.rows = 1;
    EXPECT_EQ(commit_rows(batch, 1).error().text, "table " + people_.full_name() + " has no column nose");
    EXPECT_EQ(commit_rows(batch, 1, "nothing").error().code, Errc::not_found);
}

TEST_P(TablesContractTest, AllTablesOfPeopleAreListed) {
    ensure(people_);
    auto list = tables_->list();
    ASSERT_TRUE(list) << list.error().text;
    auto is_ours = [&](const TableStatus& table) {
        return table.keyspace == keyspace_ && table.name == "people";
    };
    EXPECT_EQ(std::ranges::count_if(*list, is_ours), 1);
    for (const auto& table : *list) EXPECT_FALSE(table.keyspace.starts_with("system")) << table.keyspace;
}

TEST_P(TablesContractTest, TheHigherTimestampWinsCellByCell) {
    ensure(people_);
    expect_done(commit_people({{1, "new", 5}}, 10));
    expect_done(commit_people({{1, "old", 4}}, 9));
    auto names = make_batch({{"id", TypeId::int64}, {"name", TypeId::string}});
    names.columns[0].append_integer(1);
    names.columns[1].append_string("newest");
    names.rows = 1;
    expect_done(commit_rows(names, 11));
    EXPECT_EQ(people(), (Lines{"1 newest 5"}));
}

TEST_P(TablesContractTest, NullDeletesTheCell) {
    ensure(people_);
    expect_done(commit_people({{1, "a", 5}}, 10));
    expect_done(commit_people({{1, {}, 6}}, 11));
    EXPECT_EQ(people(), (Lines{"1 NULL 6"}));
}

TEST_P(TablesContractTest, OfOneCommitTheLastRowOfAKeyStays) {
    ensure(people_);
    expect_done(commit_people({{1, "z", 9}, {2, "b", 1}, {1, "a", 1}}, 10));
    EXPECT_EQ(sorted(people()), (Lines{"1 a 1", "2 b 1"}));
    // From whatever batch of it.
    auto first = people_batch({{1, "y", 8}, {3, "c", 3}});
    auto second = people_batch({{1, "b", 2}});
    auto name = people_.full_name();
    expect_done(tables_->commit({query_, {{name, &first, 11}, {name, &second, 11}}, {}, "c"}));
    EXPECT_EQ(sorted(people()), (Lines{"1 b 2", "2 b 1", "3 c 3"}));
}

TEST_P(TablesContractTest, TheSameCommitAgainChangesNothing) {
    ensure(people_);
    for (int i = 0; i < 3; ++i) expect_done(commit_people({{1, "a", 1}, {2, {}, 2}}, 10, "c1"));
    EXPECT_EQ(sorted(people()), (Lines{"1 a 1", "2 NULL 2"}));
    EXPECT_EQ(*tables_->checkpoint(query_), "c1");
}

TEST_P(TablesContractTest, ClusteringOrderIsTheScansOrder) {
    TableSpec events{keyspace_,
                     "events",
                     {{"Device", TypeId::string},
                      {"at", TypeId::int64},
                      {"kind", TypeId::string},
                      {"value", TypeId::float64}},
                     {"Device"},
                     {{"at", true}, {"kind", false}}};
    ensure(events);
    EXPECT_EQ(tables_->spec(events.full_name())->clustering, events.clustering);
    auto batch = make_batch(events.columns);
    for (auto [at, kind] :
         std::initializer_list<std::pair<int, const char*>>{{-5, "b"}, {7, "a"}, {7, "B"}, {0, ""}}) {
        batch.columns[0].append_string("d'1");
        batch.columns[1].append_integer(at);
        batch.columns[2].append_string(kind);
        batch.columns[3].append_float(at / 2.0);
        ++batch.rows;
    }
    expect_done(commit_rows(batch, 1, "events"));
    EXPECT_EQ(rows("events", {"Device", "at", "kind", "value"}),
              (Lines{"d'1 7 B 3.5", "d'1 7 a 3.5", "d'1 0  0.0", "d'1 -5 b -2.5"}));
    EXPECT_EQ(rows("events", {"value", "Device"}), (Lines{"3.5 d'1", "3.5 d'1", "0.0 d'1", "-2.5 d'1"}));
}

TEST_P(TablesContractTest, LargePartitionsWithKeysOfSeveralColumns) {
    TableSpec parts{
        keyspace_,
        "parts",
        {{"a", TypeId::string}, {"b", TypeId::int32}, {"n", TypeId::int32}, {"text", TypeId::string}},
        {"a", "b"},
        {{"n", false}}};
    ensure(parts);
    auto batch = make_batch(parts.columns);
    auto arena = std::make_shared<Arena>();
    for (int n = 0; n < 1500; ++n) {
        batch.columns[0].append_string(n % 3 == 0 ? "x" : "");
        batch.columns[1].append_integer(n % 2);
        batch.columns[2].append_integer(n);
        batch.columns[3].append_string(arena->copy(std::string(std::size_t(n), 'a')));
        ++batch.rows;
    }
    batch.keep_alive.push_back(arena);
    expect_done(commit_rows(batch, 1, "parts"));
    auto cursor = tables_->scan(parts.full_name(), {"a", "b", "n", "text"});
    ASSERT_TRUE(cursor);
    std::map<std::pair<std::string, std::int64_t>, std::int64_t> last;
    std::size_t seen = 0;
    for (auto got = (*cursor)->next(100); got && got->rows > 0; got = (*cursor)->next(100)) {
        for (std::size_t row = 0; row < got->rows; ++row, ++seen) {
            auto n = got->columns[2].integers[row];
            EXPECT_EQ(got->columns[3].strings[row].size(), std::size_t(n));
            std::pair key(std::string(got->columns[0].strings[row]), got->columns[1].integers[row]);
            auto [at, fresh] = last.try_emplace(key, n);
            if (!fresh) {
                EXPECT_LT(at->second, n);
            }
            at->second = n;
        }
    }
    EXPECT_EQ(seen, 1500u);
    EXPECT_EQ(last.size(), 4u);
}

TEST_P(TablesContractTest, StateAndCheckpointBelongToTheirQuery) {
    auto other = query_ + "q";
    EXPECT_EQ(*tables_->checkpoint(query_), "");
    expect_done(
        tables_->commit({query_, {}, {{"a1", "x"}, {"a2", "y"}, {"b", std::string("\0z", 2)}}, "c1"}));
    expect_done(tables_->commit({other, {}, {{"a1", "other"}}, "c9"}));
    expect_done(tables_->commit({query_, {}, {{"a1", std::nullopt}, {"a3", "w"}}, "c2"}));
    EXPECT_EQ(*tables_->state(query_, "a"), (Entries{{"a2", "y"}, {"a3", "w"}}));
    EXPECT_EQ(tables_->state(query_, "")->size(), 3u);
    EXPECT_EQ(*tables_->checkpoint(query_), "c2");
    reopen();
    EXPECT_EQ(*tables_->checkpoint(query_), "c2");
    EXPECT_EQ(*tables_->state(query_, "a"), (Entries{{"a2", "y"}, {"a3", "w"}}));
    expect_done(tables_->forget(query_));
    EXPECT_EQ(*tables_->checkpoint(query_), "");
    EXPECT_TRUE(tables_->state(query_, "")->empty());
    EXPECT_EQ(*tables_->checkpoint(other), "c9");
    EXPECT_EQ(tables_->state(other, "")->size(), 1u);
    // What is remembered anew is not held to be old.
    expect_done(tables_->commit({query_, {}, {{"a2", "again"}}, "c3"}));
    EXPECT_EQ(*tables_->state(query_, ""), (Entries{{"a2", "again"}}));
}

TEST_P(TablesContractTest, StateOfEverySizeAndAnyBytes) {
    std::map<std::string, std::string> expected;
    std::mt19937 random(5);
    for (int commit = 0; commit < 6; ++commit) {
        std::vector<StateWrite> state;
        // The last ones change more than a megabyte at once.
        auto count = commit < 3 ? 40 : 3000;
        for (int i = 0; i < count; ++i) {
            std::string key(1, char(random() % 256));
            key += std::to_string(random() % 5000);
            if (random() % 4 == 0) {
                state.push_back({key, std::nullopt});
                expected.erase(key);
            } else {
                std::string value(random() % 800, char(random() % 256));
                state.push_back({key, value});
                expected[key] = value;
            }
        }
        // Each key once: which of two changes of one commit wins is not promised.
        std::map<std::string, std::optional<std::string>> last;
        for (auto& change : state) last[change.key] = std::move(change.value);
        state.clear();
        for (auto& [key, value] : last) state.push_back({key, std::move(value)});
        expect_done(tables_->commit({query_, {}, std::move(state), std::to_string(commit)}));
    }
    reopen();
    EXPECT_EQ(*tables_->checkpoint(query_), "5");
    auto state = tables_->state(query_, "");
    ASSERT_TRUE(state) << state.error().text;
    EXPECT_EQ(*state, Entries(expected.begin(), expected.end()));
    std::string prefix(1, '\xFF');
    auto last = tables_->state(query_, prefix);
    ASSERT_TRUE(last);
    EXPECT_EQ(*last, Entries(expected.lower_bound(prefix), expected.end()));
}

TEST_P(TablesContractTest, ARejectedCommitChangesNothing) {
    ensure(people_);
    expect_done(commit_people({{1, "a", 1}}, 1, "c1"));
    auto batch = people_batch({{2, "b", 2}, {3, "c", 3}});
    batch.columns[0].nulls = {0, 1};
    auto outcome = tables_->commit({query_, {{people_.full_name(), &batch, 2}}, {{"s", "v"}}, "c2"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::invalid);
    EXPECT_EQ(outcome.error().text,
              "table " + people_.full_name() + ": column id of row 2: a key may not be null");
    EXPECT_EQ(*tables_->checkpoint(query_), "c1");
    EXPECT_TRUE(tables_->state(query_, "")->empty());
    EXPECT_EQ(people(), (Lines{"1 a 1"}));
}

TEST_P(TablesContractTest, EngineValuesRoundTrip) {
    Schema schema{{"k", TypeId::string}, {"b", TypeId::boolean},   {"i", TypeId::int32},
                  {"l", TypeId::int64},  {"f", TypeId::float64},   {"x", TypeId::binary},
                  {"d", TypeId::date},   {"t", TypeId::timestamp}, {"j", TypeId::json}};
    ensure({keyspace_, "all", schema, {"k"}, {}});
    auto batch = make_batch(schema);
    batch.columns[0].append_string("key ü");
    batch.columns[1].append_integer(1);
    batch.columns[2].append_integer(-7);
    batch.columns[3].append_integer(INT64_MIN);
    batch.columns[4].append_float(-0.5);
    batch.columns[5].append_string(std::string_view("\0\xFF", 2));
    batch.columns[6].append_integer(-1);
    batch.columns[7].append_integer(-1'000);  // CQL's timestamps have milliseconds
    batch.columns[8].append_string("{\"a\":1}");
    batch.rows = 1;
    expect_done(commit_rows(batch, 1, "all"));
    EXPECT_EQ(rows("all", {"k", "b", "i", "l", "f", "x", "d", "t", "j"}),
              (Lines{"key ü true -7 -9223372036854775808 -0.5 0x00ff 1969-12-31 1969-12-31 23:59:59.999 "
                     "{\"a\":1}"}));
}

TEST_P(TablesContractTest, CommitsOfEverySizeAreTheSame) {
    ensure(people_);
    std::map<std::int64_t, int> expected;
    std::mt19937 random(7);
    for (int commit = 1; commit <= 12; ++commit) {
        std::vector<Person> rows;
        for (auto count = random() % 1200; count > 0; --count) {
            auto id = std::int64_t(random() % 3000);
            rows.push_back({id, "n" + std::to_string(id), commit});
            expected[id] = commit;
        }
        expect_done(commit_people(rows, commit, std::to_string(commit)));
    }
    auto check = [&] {
        auto cursor = tables_->scan(people_.full_name(), {"id", "age"});
        ASSERT_TRUE(cursor) << cursor.error().text;
        std::size_t seen = 0;
        for (auto batch = (*cursor)->next(1000); batch && batch->rows > 0; batch = (*cursor)->next(1000)) {
            for (std::size_t row = 0; row < batch->rows; ++row, ++seen)
                ASSERT_EQ(batch->columns[1].integers[row], expected[batch->columns[0].integers[row]]);
        }
        EXPECT_EQ(seen, expected.size());
    };
    check();
    expect_done(tables_->flush());
    reopen();
    check();
    EXPECT_EQ(*tables_->checkpoint(query_), "12");
}

}  // namespace
}  // namespace penstock::store
