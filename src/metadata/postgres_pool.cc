#include "metadata/postgres_pool.h"

#include <algorithm>
#include <random>
#include <thread>

#include "base/log.h"

namespace penstock::metadata {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds first_pause{20};
constexpr milliseconds longest_pause{1'000};
constexpr std::uint64_t tokens_between_cleanings = 1'000;

std::string random_text() {
    std::random_device device;
    return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
}

}  // namespace

PostgresPool::PostgresPool(PostgresTarget target, int connections_max, milliseconds retry_for)
    : target_(std::move(target)),
      connections_max_(connections_max),
      retry_for_(retry_for),
      token_start_(random_text()) {}

Result<std::unique_ptr<PostgresConnection>> PostgresPool::take(Deadline deadline) {
    {
        std::unique_lock lock(mutex_);
        bool is_free = returned_.wait_until(
            lock, deadline, [&] { return !idle_.empty() || connections_ < connections_max_; });
        if (!is_free) {
            return fail(Errc::unavailable, "{}: all {} connections are busy", target_.name, connections_max_);
        }
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return connection;
        }
        ++connections_;
    }
    auto opened = PostgresConnection::open(target_);
    if (!opened) give_back(nullptr);
    return opened;
}

void PostgresPool::give_back(std::unique_ptr<PostgresConnection> connection) {
    std::vector<std::unique_ptr<PostgresConnection>> broken;
    {
        std::lock_guard lock(mutex_);
        if (connection && connection->alive()) {
            idle_.push_back(std::move(connection));
        } else {
            // What breaks one connection (a restart) has broken the idle ones as well.
            broken.swap(idle_);
            connections_ -= 1 + int(broken.size());
        }
    }
    returned_.notify_all();
}

Result<> PostgresPool::run(const Work& work) {
    auto deadline = steady_clock::now() + retry_for_;
    auto pause = first_pause;
    for (bool is_first = true;; is_first = false) {
        Result<> done;
        bool conflicted = false;
        auto connection = take(deadline);
        if (!connection) {
            done = fail(connection.error());
        } else {
            done = work(**connection);
            conflicted = (*connection)->conflicted();
            give_back(std::move(*connection));
        }
        if (done || done.error().code != Errc::unavailable) {
            std::lock_guard lock(mutex_);
            if (is_lost_) log::info("{}: answers again", target_.name);
            is_lost_ = false;
            return done;
        }
        if (!conflicted && !is_first) {
            std::lock_guard lock(mutex_);
            if (!is_lost_) log::warn("{}; trying again", done.error().text);
            is_lost_ = true;
        }
        if (steady_clock::now() + pause >= deadline) {
            return fail(Errc::unavailable, "{} (tried for {} ms)", done.error().text, retry_for_.count());
        }
        // A connection that broke while it lay idle is replaced at once.
        if (!is_first) std::this_thread::sleep_for(pause);
        pause = is_first ? first_pause : std::min(pause * 2, longest_pause);
    }
}

Result<> PostgresPool::transaction(const Work& work) {
    auto token = next_token();
    auto done =
        run([&](PostgresConnection& connection) { return attempt_transaction(connection, token, work); });
    if (done) forget_old_tokens();
    return done;
}

Result<> PostgresPool::attempt_transaction(PostgresConnection& connection, const std::string& token,
                                           const Work& work) {
    auto begun = connection.script(fmt::format(
        "BEGIN; INSERT INTO transactions (token) VALUES ('{}') ON CONFLICT (token) DO NOTHING", token));
    Result<> worked;
    if (!begun) {
        worked = fail(begun.error());
    } else if (begun->changed() == 0) {
        (void)connection.script("ROLLBACK");
        return {};
    } else {
        worked = work(connection);
    }
    if (worked) {
        auto committed = connection.script("COMMIT");
        if (!committed) return fail(committed.error());
        return {};
    }
    bool conflicted = connection.conflicted();
    if (connection.alive()) (void)connection.script("ROLLBACK");
    auto error = worked.error();
    if (conflicted) error.code = Errc::unavailable;
    return fail(error);
}

std::string PostgresPool::next_token() {
    std::lock_guard lock(mutex_);
    return fmt::format("{}-{}", token_start_, ++tokens_);
}

void PostgresPool::forget_old_tokens() {
    {
        std::lock_guard lock(mutex_);
        if (tokens_ % tokens_between_cleanings != 0) return;
    }
    // Nobody tries anything again for that long. What is left for now goes the next time.
    (void)run([](PostgresConnection& connection) -> Result<> {
        TRY(connection.execute("DELETE FROM transactions WHERE committed_at < now() - interval '1 day'", {}));
        return {};
    });
}

}  // namespace penstock::metadata
