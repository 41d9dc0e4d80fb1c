// The coroutine type, and how work reaches the network threads. net/ is the only folder that names Asio.
//
// Rules: a coroutine that is spawned is a free function or member with parameters by value (or owned by
// something that outlives it), never a lambda with captures; nothing that must not change is held across a
// co_await.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"

namespace penstock::net {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

/// The network threads: one io_context each. A connection lives on one of them for life. They never block.
class Shards {
public:
    explicit Shards(int count);
    ~Shards();  ///< stop()
    Shards(const Shards&) = delete;
    Shards& operator=(const Shards&) = delete;

    /// Takes them in turn.
    asio::io_context& next();
    int count() const { return int(contexts_.size()); }
    /// Ends the threads. What still waits is destroyed with its context.
    void stop();

private:
    std::vector<std::unique_ptr<asio::io_context>> contexts_;
    std::vector<asio::executor_work_guard<asio::io_context::executor_type>> work_;
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> next_{0};
};

/// Runs a task on an executor; an exception that leaves it is logged with what, and ends that task only.
template <class Executor>
void spawn(Executor&& executor, Task<> task, std::string_view what) {
    asio::co_spawn(std::forward<Executor>(executor), std::move(task),
                   [what = std::string(what)](std::exception_ptr error) {
                       if (!error) return;
                       try {
                           std::rethrow_exception(error);
                       } catch (const std::exception& e) {
                           log::warn("{}: {}", what, e.what());
                       }
                   });
}

/// A value that another thread delivers to a coroutine. One set(), one co_await wait().
///   Completion<Result<Offset>> done(co_await this_executor());
///   topics.append(request, [done](auto result) { done.set(std::move(result)); });
///   auto offset = co_await done.wait();
/// Copies may outlive the executor's context, and so may a set() that nobody waits for any more.
template <class T>
class Completion {
public:
    explicit Completion(asio::any_io_executor executor)
        : state_(std::make_shared<State>(std::move(executor))) {}

    /// From any thread, once.
    void set(T value) const {
        // Posting with the mutex held: whoever waits leaves, and lets its context go, only after this.
        std::lock_guard lock(state_->mutex);
        state_->value = std::move(value);
        if (!state_->waiting) return;
        asio::post(state_->executor, [state = state_] {
            std::lock_guard inner(state->mutex);
            if (state->waiting) state->waiting->cancel();
        });
    }

    /// On the executor's thread.
    Task<T> wait() const {
        Waiting waiting(state_);
        while (!waiting.arrived()) co_await waiting.sleep();
        co_return waiting.take();
    }

    /// Waits no longer than this; nothing when it took longer.
    Task<std::optional<T>> wait_for(std::chrono::microseconds limit) const {
        Waiting waiting(state_);
        waiting.timer.expires_after(limit);
        if (!waiting.arrived()) co_await waiting.sleep();
        co_return waiting.arrived() ? std::optional<T>(waiting.take()) : std::nullopt;
    }

private:
    /// Holds nothing of the context: copies are destroyed on other threads, at any time.
    struct State {
        explicit State(asio::any_io_executor on) : executor(std::move(on)) {}
        const asio::any_io_executor executor;
        std::mutex mutex;  // guards the rest
        std::optional<T> value;
        asio::steady_timer* waiting = nullptr;
    };
    /// The waiting coroutine's part: the timer belongs to the context, and goes before it.
    struct Waiting {
        explicit Waiting(std::shared_ptr<State> of)
            : timer(of->executor, asio::steady_timer::time_point::max()), state(std::move(of)) {
            std::lock_guard lock(state->mutex);
            state->waiting = &timer;
        }
        ~Waiting() {
            std::lock_guard lock(state->mutex);
            state->waiting = nullptr;
        }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        bool arrived() const {
            std::lock_guard lock(state->mutex);
            return state->value.has_value();
        }
        Task<> sleep() {
            boost::system::error_code ignored;
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        T take() {
            std::lock_guard lock(state->mutex);
            return std::move(*state->value);
        }
        asio::steady_timer timer;
        std::shared_ptr<State> state;
    };
    std::shared_ptr<State> state_;
};

Task<asio::any_io_executor> this_executor();
Task<> sleep_for(std::chrono::microseconds duration);

/// Threads for what blocks: fsync, scans, SQL.
class BlockingPool {
public:
    explicit BlockingPool(int threads);
    ~BlockingPool();  ///< waits for what runs
    void post(std::function<void()> work);

    /// auto rows = co_await pool.run<Result<Batch>>([&] { return engine.select(sql); });
    template <class T>
    Task<T> run(std::function<T()> work) {
        Completion<T> done(co_await this_executor());
        post([done, work = std::move(work)] { done.set(work()); });
        auto value = co_await done.wait();
        co_return std::move(value);
    }

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::net
