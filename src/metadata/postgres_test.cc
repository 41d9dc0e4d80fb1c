// What is PostgreSQL's own beyond the suite of metadata_test.cc. The tests with a server run when
// PENSTOCK_TEST_POSTGRES holds its URL and PENSTOCK_TEST_POSTGRES_SCRIPT the script that stops and
// starts it: tests/real sets both.
#include "metadata/postgres.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/service_url.h"
#include "metadata/postgres_pool.h"

namespace penstock::metadata {
namespace {

using std::chrono::milliseconds;

DagRun run_named(std::string_view run_id) {
    return {.dag = "d", .run_id = std::string(run_id), .run_type = "manual", .conf = "{}"};
}

TEST(PostgresUrlTest, MistakesAreNamedAndThePasswordIsNot) {
    for (auto [url, code, why] :
         {std::tuple{"mysql://u:hushhush@h/d", Errc::invalid, "expected postgresql://"},
          std::tuple{"postgresql://u:hushhush@127.0.0.1:1/d?colour=red", Errc::invalid, "colour"},
          std::tuple{"postgresql://u:hushhush@127.0.0.1:1/d?sslmode=x", Errc::invalid, "sslmode"},
          std::tuple{"postgresql://u:hushhush@h/d?connect_timeout=x", Errc::invalid, "600 seconds"},
          std::tuple{"postgresql://u:hushhush@127.0.0.1:1/d", Errc::unavailable, "127.0.0.1:1"}}) {
        auto opened = open_postgres(url, {.retry_for = milliseconds(100)});
        ASSERT_FALSE(opened) << url;
        EXPECT_EQ(opened.error().code, code) << opened.error().text;
        EXPECT_NE(opened.error().text.find(why), std::string::npos) << opened.error().text;
        EXPECT_EQ(opened.error().text.find("hushhush"), std::string::npos) << opened.error().text;
    }
}

/// Between a client and the server: passes all on, but cuts the connection at the COMMITs it was
/// told to cut at.
class CuttingProxy {
public:
    enum class Cut { none, before_commit, after_commit };

    explicit CuttingProxy(std::uint16_t server_port) : server_port_(server_port) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        auto address = loopback(0);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 16), 0);
        socklen_t size = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        accepting_ = std::thread([this] { accept_all(); });
    }
    ~CuttingProxy() {
        ::shutdown(listener_, SHUT_RDWR);
        accepting_.join();
        ::close(listener_);
        for (auto& thread : passing_) thread.join();
    }
    CuttingProxy(const CuttingProxy&) = delete;
    CuttingProxy& operator=(const CuttingProxy&) = delete;

    std::uint16_t port() const { return port_; }
    /// At the next COMMIT, once.
    void cut_next(Cut where) { cut_ = where; }

private:
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    void accept_all() {
        for (;;) {
            int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            passing_.emplace_back([this, client] { pass(client); });
        }
    }

    void pass(int client) {
        int server = ::socket(AF_INET, SOCK_STREAM, 0);
        auto address = loopback(server_port_);
        ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address);
        bool cuts_after = false;
        char buffer[65536];
        for (;;) {
            pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
            ::poll(both, 2, -1);
            int from = both[0].revents ? client : server;
            auto got = ::read(from, buffer, sizeof buffer);
            if (got <= 0) break;
            std::string_view bytes(buffer, std::size_t(got));
            // The server has answered the COMMIT, so it is done; the client shall not hear of it.
            if (from == server && cuts_after) break;
            if (from == client && bytes.find("COMMIT") != std::string_view::npos) {
                auto cut = cut_.exchange(Cut::none);
                if (cut == Cut::before_commit) break;
                cuts_after = cut == Cut::after_commit;
            }
            if (::write(from == client ? server : client, buffer, bytes.size()) != got) break;
        }
        ::close(server);
        ::close(client);
    }

    const std::uint16_t server_port_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<Cut> cut_{Cut::none};
    std::thread accepting_;
    std::vector<std::thread> passing_;
};

class PostgresServerTest : public testing::Test {
protected:
    void SetUp() override {
        const char* url = std::getenv("PENSTOCK_TEST_POSTGRES");
        if (!url) GTEST_SKIP() << "needs a server: run pytest tests/real";
        url_ = url;
        static int number = 0;
        schema_ = fmt::format("test_{}_{}", ::getpid(), ++number);
    }
    std::string url() const { return fmt::format("{}?schema={}", url_, schema_); }
    std::unique_ptr<Metadata> open(milliseconds retry_for = milliseconds(30'000)) const {
        auto opened = open_postgres(url(), {.retry_for = retry_for});
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }
    static void server(std::string_view command) {
        const char* script = std::getenv("PENSTOCK_TEST_POSTGRES_SCRIPT");
        ASSERT_TRUE(script);
        ASSERT_EQ(std::system(fmt::format("{} {}", script, command).c_str()), 0) << command;
    }

    std::string url_;
    std::string schema_;
};

TEST_F(PostgresServerTest, WrongPasswordIsRefusedAtOnceAndNotRepeated) {
    auto wrong = *parse_service_url(url_, "postgresql");
    auto opened =
        open_postgres(fmt::format("postgresql://penstock:hushhush@{}/penstock", wrong.host_list(5432)));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unauthorized) << opened.error().text;
    EXPECT_EQ(opened.error().text.find("hushhush"), std::string::npos);
}

TEST_F(PostgresServerTest, DatabaseThatDoesNotExistIsNamed) {
    auto opened = open_postgres(url_ + "_nowhere");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::not_found) << opened.error().text;
    EXPECT_NE(opened.error().text.find("penstock_nowhere"), std::string::npos);
}

TEST_F(PostgresServerTest, DescriptionNamesServerAndDatabaseOnly) {
    auto text = open()->describe();
    EXPECT_NE(text.find("PostgreSQL at 127.0.0.1:"), std::string::npos) << text;
    EXPECT_EQ(text.find(":penstock@"), std::string::npos) << text;
}

TEST_F(PostgresServerTest, ANewerVersionIsRefusedAndLeftAlone) {
    open();
    auto parsed = *parse_service_url(url_, "postgresql");
    PostgresPool pool({.keywords = {{"host", "127.0.0.1"},
                                    {"port", fmt::to_string(*parsed.hosts[0].port)},
                                    {"user", *parsed.user},
                                    {"password", *parsed.password},
                                    {"dbname", parsed.path}},
                       .schema = schema_,
                       .name = "test"},
                      1, milliseconds(1000));
    ASSERT_TRUE(pool.run([](PostgresConnection& connection) -> Result<> {
        TRY(connection.execute("INSERT INTO migrations (migration) VALUES (999)", {}));
        return {};
    }));
    auto opened = open_postgres(url());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unsupported);
    EXPECT_NE(opened.error().text.find("version 999"), std::string::npos);
}

TEST_F(PostgresServerTest, LogLinesMayHoldAnyBytes) {
    auto metadata = open();
    using namespace std::string_literals;
    ASSERT_TRUE(metadata->append_log(
        "d", "r", "t", 1, {{1, "a\0b\xff \xed\xa0\x80 {\"\\,} NULL"s}, {2, "\xf0\x9f\x9a\xb0 \xe2\x82"s}}));
    auto lines = metadata->log("d", "r", "t", 1);
    ASSERT_TRUE(lines);
    EXPECT_EQ((*lines)[0].text,
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
              " {\"\\,} NULL");
    EXPECT_EQ((*lines)[1].text, "\xf0\x9f\x9a\xb0 \xef\xbf\xbd\xef\xbf\xbd");
}

TEST_F(PostgresServerTest, NamesThatAreNoTextAreRefused) {
    auto metadata = open();
    auto refused = metadata->insert_run(run_named("\xff"), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid) << refused.error().text;
    EXPECT_TRUE(metadata->insert_run(run_named("fine"), {}));
}

// Children start together on a database without our tables; every run is inserted by exactly one of
// them.
TEST_F(PostgresServerTest, ProcessesStartAndWriteAtOnce) {
    constexpr int processes = 3;
    constexpr int runs = 40;
    int won[2];
    ASSERT_EQ(::pipe(won), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < processes; ++i) {
        children.push_back(::fork());
        if (children.back() != 0) continue;
        auto opened = open_postgres(url());
        if (!opened) ::_exit(1);
        for (int run = 0; run < runs; ++run) {
            auto inserted = (*opened)->insert_run(run_named(fmt::format("r{}", run)), {});
            if (!inserted && inserted.error().code != Errc::exists) ::_exit(2);
            if (inserted && ::write(won[1], "x", 1) != 1) ::_exit(3);
            if (!(*opened)->append_log("d", "r", "t", 1, {{run, "one"}, {run, "two"}})) ::_exit(4);
        }
        ::_exit(0);
    }
    ::close(won[1]);
    for (auto child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
    char bytes[processes * runs + 1];
    EXPECT_EQ(::read(won[0], bytes, sizeof bytes), runs);
    ::close(won[0]);
    auto metadata = open();
    EXPECT_EQ(metadata->runs("d", 1000)->size(), std::size_t(runs));
    auto lines = *metadata->log("d", "r", "t", 1);
    ASSERT_EQ(lines.size(), std::size_t(processes * runs * 2));
    for (std::size_t i = 0; i < lines.size(); i += 2) {
        EXPECT_EQ(lines[i].text, "one");
        EXPECT_EQ(lines[i + 1].text, "two");
    }
}

TEST_F(PostgresServerTest, WhoLedBeforeWritesNoMoreRuns) {
    auto before = open();
    auto after = open();
    auto by_coordinator = Metadata::Election::by_coordinator;
    ASSERT_TRUE(before->lead(by_coordinator));
    auto run = run_named("r");
    TaskInstance task{.dag = "d", .run_id = "r", .task = "t", .counts = "{}"};
    ASSERT_TRUE(before->insert_run(run, {task}));
    ASSERT_TRUE(after->lead(by_coordinator));
    run.state = RunState::failed;
    task.state = TaskState::failed;
    for (auto late : {before->update_run(run), before->update_task(task), before->update(run, {task}),
                      before->insert_run(run_named("r2"), {})}) {
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error().code, Errc::fenced) << late.error().text;
    }
    EXPECT_EQ((*after->run("d", "r"))->state, RunState::queued);
    EXPECT_EQ(after->tasks("d", "r")->front().state, TaskState::none);
    run.state = RunState::running;
    ASSERT_TRUE(after->update(run, {task}));
    // Elected again, it may.
    ASSERT_TRUE(before->lead(by_coordinator));
    ASSERT_TRUE(before->update_run(run));
    EXPECT_FALSE(after->update_run(run));
}

TEST_F(PostgresServerTest, OfTwoProcessesWithoutACoordinatorOneHasTheLock) {
    auto by_lock = Metadata::Election::by_lock;
    auto first = open();
    auto second = open();
    ASSERT_TRUE(first->lead(by_lock));
    ASSERT_TRUE(first->lead(by_lock)) << "it has it already";
    auto refused = second->lead(by_lock);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::fenced);
    ASSERT_TRUE(first->insert_run(run_named("r"), {}));
    first.reset();
    // The server hears of the end of a connection a little later.
    Result<> led = fail(Errc::fenced, "");
    for (int i = 0; i < 1000 && !led; ++i) {
        led = second->lead(by_lock);
        if (!led) std::this_thread::sleep_for(milliseconds(10));
    }
    ASSERT_TRUE(led) << led.error().text;
    ASSERT_TRUE(second->update_run(run_named("r")));
}

TEST_F(PostgresServerTest, ACommitWhoseAnswerIsLostIsNotRepeated) {
    auto parsed = *parse_service_url(url_, "postgresql");
    CuttingProxy proxy(*parsed.hosts[0].port);
    auto opened = open_postgres(fmt::format("postgresql://{}:{}@127.0.0.1:{}/penstock?schema={}",
                                            *parsed.user, *parsed.password, proxy.port(), schema_));
    ASSERT_TRUE(opened) << opened.error().text;
    auto& metadata = **opened;
    for (auto cut : {CuttingProxy::Cut::after_commit, CuttingProxy::Cut::before_commit}) {
        auto run = run_named(cut == CuttingProxy::Cut::after_commit ? "after" : "before");
        proxy.cut_next(cut);
        auto inserted = metadata.insert_run(run, {});
        EXPECT_TRUE(inserted) << inserted.error().text;
        proxy.cut_next(cut);
        EXPECT_TRUE(metadata.append_log("d", run.run_id, "t", 1, {{1, "once"}}));
        EXPECT_EQ(metadata.log("d", run.run_id, "t", 1)->size(), 1u);
        EXPECT_EQ(metadata.insert_run(run, {}).error().code, Errc::exists);
    }
    opened->reset();
}

TEST_F(PostgresServerTest, AStatementWithoutAnAnswerEndsInTime) {
    auto parsed = *parse_service_url(url_, "postgresql");
    PostgresTarget target{.keywords = {{"host", "127.0.0.1"},
                                       {"port", fmt::to_string(*parsed.hosts[0].port)},
                                       {"user", *parsed.user},
                                       {"password", *parsed.password},
                                       {"dbname", parsed.path}},
                          .schema = "public",
                          .name = "test",
                          .statement_timeout = milliseconds(100)};
    auto connection = PostgresConnection::open(target);
    ASSERT_TRUE(connection) << connection.error().text;
    auto slept = (*connection)->execute("SELECT pg_sleep(3600)", {});
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().code, Errc::unavailable);
    EXPECT_FALSE((*connection)->alive());
}

/// Writers from several threads while the server goes and comes back: every call succeeds, once.
class PostgresAwayTest : public PostgresServerTest {
protected:
    void write_while(const std::vector<std::string_view>& commands) {
        auto metadata = open();
        std::atomic<bool> stop{false};
        std::atomic<int> lines{0};
        std::atomic<int> failed{0};
        std::vector<std::thread> writers;
        for (int t = 0; t < 3; ++t) {
            writers.emplace_back([&, t] {
                for (int i = 0; !stop; ++i) {
                    if (!metadata->insert_run(run_named(fmt::format("{}-{}", t, i)), {})) ++failed;
                    auto put = metadata->append_log("d", "r", "t", 1, {{i, fmt::to_string(t)}});
                    put ? ++lines : ++failed;
                }
            });
        }
        auto wait_for_more = [&] {
            for (int target = lines + 50; lines < target && failed == 0;)
                std::this_thread::sleep_for(milliseconds(5));
        };
        wait_for_more();
        for (auto command : commands) server(command);
        wait_for_more();
        stop = true;
        for (auto& writer : writers) writer.join();
        EXPECT_EQ(failed, 0);
        EXPECT_EQ(metadata->log("d", "r", "t", 1)->size(), std::size_t(lines));
        EXPECT_EQ(metadata->runs("d", 1'000'000)->size(), std::size_t(lines));
    }
};

TEST_F(PostgresAwayTest, ARestartIsWaitedFor) {
    write_while({"restart"});
}

TEST_F(PostgresAwayTest, AKillLosesNothingAndRepeatsNothing) {
    write_while({"kill", "start"});
}

TEST_F(PostgresAwayTest, CallsFailInTimeWhileTheServerIsAwayAndWorkAgainAfter) {
    auto metadata = open(milliseconds(300));
    ASSERT_TRUE(metadata->put_setting("s", "1"));
    server("stop");
    auto read = metadata->setting("s");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::unavailable);
    EXPECT_NE(read.error().text.find("tried for 300 ms"), std::string::npos) << read.error().text;
    EXPECT_EQ(metadata->put_setting("s", "2").error().code, Errc::unavailable);
    server("start");
    EXPECT_EQ(*metadata->setting("s"), "1");
}

}  // namespace
}  // namespace penstock::metadata
