// End what a socket waits for when time is up.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "net/task.h"

namespace penstock::net {

/// Shuts the socket down after limit, unless destroyed before. The socket must outlive it; used on its
/// thread. Shutting down, and not cancelling, also ends an operation that is between two of its steps when
/// time is up.
class Deadline {
public:
    /// Zero: no limit.
    Deadline(asio::ip::tcp::socket& socket, std::chrono::milliseconds limit) {
        if (limit.count() == 0) return;
        state_ = std::make_shared<State>(State{&socket, false});
        timer_.emplace(socket.get_executor(), limit);
        timer_->async_wait([state = state_](boost::system::error_code error) {
            // The wait may have ended, and this call be queued already, when the deadline is destroyed.
            if (error || state->socket == nullptr) return;
            state->fired = true;
            boost::system::error_code ignored;
            state->socket->shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
        });
    }
    ~Deadline() {
        if (state_) state_->socket = nullptr;
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    bool fired() const { return state_ && state_->fired; }

private:
    struct State {
        asio::ip::tcp::socket* socket;
        bool fired;
    };
    std::shared_ptr<State> state_;
    std::optional<asio::steady_timer> timer_;
};

/// The same for operations that follow each other by the thousand: the timer is not set for each of them, but
/// looks, when it fires, how long the one that is under way then has left. Used on the socket's thread.
class Watchdog {
    using Time = std::chrono::steady_clock::time_point;
    static constexpr Time never = Time::max();
    struct State {
        explicit State(const asio::any_io_executor& executor) : timer(executor) {}
        asio::steady_timer timer;
        Time fires_at = never;
        Time due = never;  // of the operation under way
        int descriptor = -1;
        bool fired = false;
    };

public:
    explicit Watchdog(const asio::any_io_executor& executor) : state_(std::make_shared<State>(executor)) {}
    Watchdog(Watchdog&&) noexcept = default;
    ~Watchdog() {
        if (!state_) return;
        state_->due = never;
        state_->timer.cancel();
    }

    /// As long as it lives, its operation is under way; one at a time.
    class Guard {
    public:
        /// Shuts the socket down after limit. Zero: no limit.
        Guard(Watchdog& watchdog, int descriptor, std::chrono::milliseconds limit) : state_(watchdog.state_) {
            state_->fired = false;
            state_->descriptor = descriptor;
            if (limit.count() == 0) return;
            state_->due = std::chrono::steady_clock::now() + limit;
            if (state_->due < state_->fires_at) set(state_, state_->due);
        }
        ~Guard() { state_->due = never; }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        bool fired() const { return state_->fired; }

    private:
        std::shared_ptr<State> state_;
    };

private:
    static void set(const std::shared_ptr<State>& state, Time when) {
        state->fires_at = when;
        state->timer.expires_at(when);
        state->timer.async_wait([state](boost::system::error_code error) {
            if (error) return;  // set for an earlier time
            state->fires_at = never;
            if (state->due == never) return;
            if (std::chrono::steady_clock::now() < state->due) return set(state, state->due);
            state->fired = true;
            state->due = never;
            ::shutdown(state->descriptor, SHUT_RDWR);
        });
    }
    std::shared_ptr<State> state_;
};

}  // namespace penstock::net
