// Ends what a socket waits for when time is up.
#pragma once

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

}  // namespace penstock::net
