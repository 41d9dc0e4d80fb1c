// The tests with a ZooKeeper run when PENSTOCK_TEST_ZOOKEEPER holds its URL and
// PENSTOCK_TEST_ZOOKEEPER_SCRIPT the script that stops and starts it: tests/real sets both.
#include "coordinate/zookeeper.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/units.h"

namespace penstock::coordinate {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(ZookeeperUrlTest, MistakesAreNamedAndThePasswordIsNot) {
    for (auto [url, why] : {std::pair{"kafka://u:hushhush@h", "expected zookeeper://"},
                            std::pair{"zookeeper://u:hushhush@", "expected zookeeper://host:2181"},
                            std::pair{"zookeeper://u:hushhush@h?colour=red", "colour"},
                            std::pair{"zookeeper://u:hushhush@h?session=soon", "session=6s"}}) {
        auto opened = open_zookeeper(url);
        ASSERT_FALSE(opened) << url;
        EXPECT_EQ(opened.error().code, Errc::invalid) << opened.error().text;
        EXPECT_NE(opened.error().text.find(why), std::string::npos) << opened.error().text;
        EXPECT_EQ(opened.error().text.find("hushhush"), std::string::npos) << opened.error().text;
    }
}

TEST(ZookeeperUrlTest, AServerThatIsNotThereIsNamedInTime) {
    auto opened = open_zookeeper("zookeeper://127.0.0.1:1", {.connect_timeout = milliseconds(200)});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unavailable) << opened.error().text;
    EXPECT_NE(opened.error().text.find("127.0.0.1:1"), std::string::npos) << opened.error().text;
}

constexpr milliseconds session{2'000};
const std::vector<std::string> work{"source/a", "source/b", "query/c", "query/d", "dag/e", "dag/f", "dag/g"};
using Epochs = std::map<std::string, std::int64_t>;

std::int64_t boot_time_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

/// A process of its own that offers all work, and tells of each change on a pipe, a line each:
/// "state LEADS WORK=EPOCH ...", and "woke COUNT": what mine() held just after it had been stopped
/// for a while.
class Member {
public:
    explicit Member(const std::string& url) {
        int told[2];
        EXPECT_EQ(::pipe(told), 0);
        process_ = ::fork();
        if (process_ == 0) {
            serve(url, told[1]);
            ::_exit(1);
        }
        ::close(told[1]);
        told_ = told[0];
    }
    ~Member() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        ::close(told_);
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    void signal(int number) { ::kill(process_, number); }
    /// Takes in what it has told since.
    void listen() {
        pollfd pipe{told_, POLLIN, 0};
        char buffer[4096];
        while (::poll(&pipe, 1, 0) > 0) {
            auto got = ::read(told_, buffer, sizeof buffer);
            if (got <= 0) return;
            text_.append(buffer, std::size_t(got));
        }
        for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
            take(text_.substr(0, end));
            text_.erase(0, end + 1);
        }
    }
    const Epochs& mine() const { return mine_; }
    bool leads() const { return leads_; }
    int woke_with() const { return woke_with_; }

private:
    static void serve(const std::string& url, int out) {
        auto coordinator = open_zookeeper(url, {.session = session});
        if (!coordinator) return;
        (*coordinator)->offer(work, nullptr);
        std::string last;
        auto before = boot_time_ms();
        for (;;) {
            auto now = boot_time_ms();
            auto mine = (*coordinator)->mine();
            std::string line;
            if (now - before > session.count()) line = fmt::format("woke {}\n", mine.size());
            before = now;
            std::string state = fmt::format("state {}", (*coordinator)->leads() ? 1 : 0);
            for (const auto& each : mine) state += fmt::format(" {}={}", each, (*coordinator)->epoch(each));
            if (state != last) line += state + "\n";
            last = state;
            if (!line.empty() && ::write(out, line.data(), line.size()) < 0) return;
            std::this_thread::sleep_for(milliseconds(5));
        }
    }
    void take(const std::string& line) {
        if (line.starts_with("woke ")) {
            woke_with_ = int(parse_int(std::string_view(line).substr(5)).value_or(-1));
            return;
        }
        leads_ = line.starts_with("state 1");
        mine_.clear();
        for (auto at = line.find(' ', 6); at != std::string::npos; at = line.find(' ', at + 1)) {
            auto equals = line.find('=', at);
            mine_[line.substr(at + 1, equals - at - 1)] = std::atoll(line.c_str() + equals + 1);
        }
    }

    pid_t process_ = -1;
    int told_ = -1;
    std::string text_;
    Epochs mine_;
    bool leads_ = false;
    int woke_with_ = -1;
};

class ZookeeperTest : public testing::Test {
protected:
    void SetUp() override {
        const char* url = std::getenv("PENSTOCK_TEST_ZOOKEEPER");
        if (!url) GTEST_SKIP() << "needs a ZooKeeper: run pytest tests/real";
        static int number = 0;
        server_ = url;
        url_ = fmt::format("{}/test-{}-{}", url, ::getpid(), ++number);
    }
    static void zookeeper(std::string_view command) {
        const char* script = std::getenv("PENSTOCK_TEST_ZOOKEEPER_SCRIPT");
        ASSERT_TRUE(script);
        ASSERT_EQ(std::system(fmt::format("{} {}", script, command).c_str()), 0) << command;
    }
    template <class Condition>
    static bool wait_until(Condition condition) {
        auto deadline = steady_clock::now() + std::chrono::seconds(60);
        while (steady_clock::now() < deadline) {
            if (condition()) return true;
            std::this_thread::sleep_for(milliseconds(10));
        }
        return false;
    }
    /// All work is run, each by one of them, in even shares, and one leads.
    static bool is_shared(const std::vector<Member*>& members) {
        std::set<std::string> all;
        std::size_t sum = 0;
        int leaders = 0;
        std::size_t least = work.size(), most = 0;
        for (auto* member : members) {
            member->listen();
            for (const auto& [name, epoch] : member->mine()) all.insert(name);
            sum += member->mine().size();
            least = std::min(least, member->mine().size());
            most = std::max(most, member->mine().size());
            leaders += member->leads();
        }
        return all.size() == work.size() && sum == work.size() && leaders == 1 && most - least <= 1;
    }
    static std::unique_ptr<Coordinator> open(const std::string& url) {
        auto opened = open_zookeeper(url, {.session = session});
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }

    std::string server_;
    std::string url_;
};

TEST_F(ZookeeperTest, OneProcessLeadsAndHasAllThatItOffers) {
    std::atomic<int> calls{0};
    auto coordinator = open(url_);
    EXPECT_NE(coordinator->describe().find("ZooKeeper at 127.0.0.1:"), std::string::npos);
    coordinator->offer({"source/a b/ü", "dag/x"}, [&] { ++calls; });
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().size() == 2 && calls > 0; }));
    EXPECT_TRUE(coordinator->leads());
    auto members = coordinator->members();
    ASSERT_EQ(members.size(), 1u);
    EXPECT_EQ(members[0].id, coordinator->member_id());
    EXPECT_TRUE(members[0].leads);
    EXPECT_EQ(members[0].runs, (std::vector<std::string>{"dag/x", "source/a b/ü"}));
    auto epoch = coordinator->epoch("source/a b/ü");
    EXPECT_GT(epoch, 0);
    EXPECT_EQ(coordinator->epoch("source/unknown"), 0);
    coordinator->offer({"dag/x"}, [&] { ++calls; });
    ASSERT_TRUE(wait_until([&] { return coordinator->mine() == std::vector<std::string>{"dag/x"}; }));
    coordinator->offer({"dag/x", "source/a b/ü"}, [&] { ++calls; });
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().size() == 2; }));
    EXPECT_GT(coordinator->epoch("source/a b/ü"), epoch);
}

TEST_F(ZookeeperTest, WorkGoesToWhoOffersIt) {
    auto first = open(url_);
    auto second = open(url_);
    first->offer({"a", "b"}, nullptr);
    second->offer({"b", "c"}, nullptr);
    ASSERT_TRUE(wait_until([&] { return first->mine().size() + second->mine().size() == 3; }));
    EXPECT_EQ(first->mine().front(), "a");
    EXPECT_EQ(second->mine().back(), "c");
    // Each sees who runs what.
    for (auto* each : {first.get(), second.get()}) {
        auto members = each->members();
        ASSERT_EQ(members.size(), 2u);
        EXPECT_EQ(members[0].id, first->member_id());
        EXPECT_TRUE(members[0].leads);
        EXPECT_FALSE(members[1].leads);
        EXPECT_EQ(members[0].runs, first->mine());
        EXPECT_EQ(members[1].runs, second->mine());
    }
}

TEST_F(ZookeeperTest, WorkIsGivenWhenItHasBeenStopped) {
    std::atomic<bool> may_stop{false}, is_asked{false};
    auto first = open(url_);
    first->offer({"a", "b"}, [&] {
        if (first->mine().size() != 1) return;
        is_asked = true;
        while (!may_stop) std::this_thread::sleep_for(milliseconds(1));
    });
    ASSERT_TRUE(wait_until([&] { return first->mine().size() == 2; }));
    auto second = open(url_);
    second->offer({"a", "b"}, nullptr);
    ASSERT_TRUE(wait_until([&] { return is_asked.load(); }));
    // However long that takes, the session is kept, and what was not given goes on.
    std::this_thread::sleep_for(session * 2);
    EXPECT_EQ(first->mine().size(), 1u);
    EXPECT_TRUE(first->leads());
    EXPECT_TRUE(second->mine().empty());
    may_stop = true;
    ASSERT_TRUE(wait_until([&] { return second->mine().size() == 1; }));
    first->offer({}, nullptr);
    ASSERT_TRUE(wait_until([&] { return second->mine().size() == 2; }));
}

TEST_F(ZookeeperTest, TheLeadersWorkGoesWithTheLead) {
    auto first = open(url_);
    auto second = open(url_);
    for (auto* each : {first.get(), second.get()}) each->offer({"lead/a", "lead/b", "c"}, nullptr);
    ASSERT_TRUE(wait_until([&] { return first->mine().size() == 2 && second->mine().size() == 1; }));
    EXPECT_EQ(first->mine(), (std::vector<std::string>{"lead/a", "lead/b"}));
    first.reset();
    ASSERT_TRUE(wait_until([&] { return second->mine().size() == 3 && second->leads(); }));
}

TEST_F(ZookeeperTest, AHigherGenerationCountsForMoreThanAnyEpochBefore) {
    auto before = open(url_);
    before->offer({"a"}, nullptr);
    ASSERT_TRUE(wait_until([&] { return before->epoch("a") > 0; }));
    auto epoch = before->epoch("a");
    before.reset();
    auto after = open(url_ + "?generation=1");
    after->offer({"a"}, nullptr);
    ASSERT_TRUE(wait_until([&] { return after->mine().size() == 1; }));
    EXPECT_GT(after->epoch("a"), epoch + (std::int64_t(1) << 55));
}

TEST_F(ZookeeperTest, WhoLeavesHandsOverAtOnce) {
    auto first = open(url_);
    first->offer(work, nullptr);
    ASSERT_TRUE(wait_until([&] { return first->mine().size() == work.size(); }));
    auto epoch = first->epoch("dag/e");
    auto second = open(url_);
    second->offer(work, nullptr);
    ASSERT_TRUE(wait_until([&] { return second->mine().size() == work.size() / 2; }));
    EXPECT_TRUE(first->leads());
    EXPECT_FALSE(second->leads());
    first.reset();
    ASSERT_TRUE(wait_until([&] { return second->mine().size() == work.size() && second->leads(); }));
    EXPECT_GT(second->epoch("dag/e"), epoch);
}

TEST_F(ZookeeperTest, AKilledProcessIsReplaced) {
    auto first = std::make_unique<Member>(url_);
    Member second(url_), third(url_);
    ASSERT_TRUE(wait_until([&] { return is_shared({first.get(), &second, &third}); }));
    auto before = first->mine();
    auto of_second = second.mine();
    first.reset();  // kill -9
    ASSERT_TRUE(wait_until([&] { return is_shared({&second, &third}); }));
    for (const auto& [name, epoch] : before) {
        auto now = second.mine().contains(name) ? second.mine().at(name) : third.mine().at(name);
        EXPECT_GT(now, epoch) << name;
    }
    for (const auto& [name, epoch] : of_second)
        EXPECT_EQ(second.mine().count(name), 1u) << name << " moved without need";
}

TEST_F(ZookeeperTest, AProcessThatSleptLongerThanItsSessionWakesUpWithNothing) {
    Member first(url_), second(url_), third(url_);
    ASSERT_TRUE(wait_until([&] { return is_shared({&first, &second, &third}); }));
    auto& sleeper = first.leads() ? first : second.leads() ? second : third;
    std::vector<Member*> others;
    for (auto* member : {&first, &second, &third})
        if (member != &sleeper) others.push_back(member);
    auto before = sleeper.mine();
    ASSERT_FALSE(before.empty());
    sleeper.signal(SIGSTOP);
    ASSERT_TRUE(wait_until([&] { return is_shared(others); }));
    sleeper.signal(SIGCONT);
    ASSERT_TRUE(wait_until([&] {
        sleeper.listen();
        return sleeper.woke_with() >= 0;
    }));
    EXPECT_EQ(sleeper.woke_with(), 0);
    ASSERT_TRUE(wait_until([&] { return is_shared({&first, &second, &third}); }));
    for (const auto& [name, epoch] : sleeper.mine())
        EXPECT_GT(epoch, before.contains(name) ? before.at(name) : 0) << name;
}

TEST_F(ZookeeperTest, ARestartOfTheServerIsNoticedAndSurvived) {
    std::atomic<int> calls{0};
    auto coordinator = open(url_);
    coordinator->offer(work, [&] { ++calls; });
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().size() == work.size() && calls > 0; }));
    auto calls_before = calls.load();
    zookeeper("kill");
    // Nobody knows any more whether the session lives: nothing is ours, and nobody leads.
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().empty() && calls > calls_before; }));
    EXPECT_FALSE(coordinator->leads());
    zookeeper("start");
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().size() == work.size(); }));
    ASSERT_TRUE(wait_until([&] { return coordinator->leads(); }));
}

TEST_F(ZookeeperTest, AFrozenServerIsNoticed) {
    auto coordinator = open(url_);
    coordinator->offer(work, nullptr);
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().size() == work.size(); }));
    zookeeper("freeze");
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().empty() && !coordinator->leads(); }));
    zookeeper("thaw");
    ASSERT_TRUE(wait_until([&] { return coordinator->mine().size() == work.size(); }));
}

TEST_F(ZookeeperTest, AnothersPathIsRefused) {
    auto host = server_.substr(server_.find("://") + 3);
    auto path = url_.substr(server_.size());
    auto first = open(fmt::format("zookeeper://ann:pw1@{}{}", host, path));
    auto second = open_zookeeper(fmt::format("zookeeper://bob:hushhush@{}{}", host, path));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::unauthorized) << second.error().text;
    EXPECT_EQ(second.error().text.find("hushhush"), std::string::npos);
}

}  // namespace
}  // namespace penstock::coordinate
