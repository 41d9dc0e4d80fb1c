// A connection's requests and their answers: what waits for the disk runs beside the requests behind it, and
// the answers leave in the order of the requests.
//
// Kafka's broker takes a connection's next request when it has answered the one before, so that a producer
// with five requests under way waits for five syncs. Here one may do for all five.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "broker/server/session.h"
#include "net/connection.h"
#include "net/task.h"

namespace penstock::broker {

/// For the rest of a request, or for answers.
inline constexpr std::chrono::milliseconds transfer_timeout{60'000};

/// Used on the connection's shard only, by whoever reads the requests and those that answer them; all of
/// these own it, so that the connection is there as long as one of them uses it.
class Pipeline {
public:
    /// A request under way.
    struct Place {
        RequestPointer request;
        std::optional<Answer> answer;
    };

    explicit Pipeline(net::Connection of) : connection(std::move(of)) {}

    /// The next request. Its answer leaves when all before it have left.
    std::shared_ptr<Place> begin(RequestPointer request);
    /// Sends what is ready and has its turn. The connection is closed when an answer says so, or cannot be
    /// sent.
    net::Task<> finish(std::shared_ptr<Place> place, Answer answer);

    // For whoever reads, who alone waits here.
    /// Until a request of that size may be read: so little is under way that one connection's requests do
    /// not fill the memory of all.
    net::Task<> room(std::int64_t bytes);
    /// Until nothing is under way.
    net::Task<> all_answered();

    /// Since an answer was sent, how long the client has to rest yet, for its quotas; 0: not at all.
    std::int32_t rest_ms() const;
    bool is_closed() const { return closed_; }

    net::Connection connection;

private:
    std::size_t count_ready() const;
    net::Task<> send(std::size_t ready);
    net::Task<> change();

    std::deque<std::shared_ptr<Place>> places_;  // until their answers have been sent
    std::int64_t bytes_ = 0;                     // of their requests
    bool sending_ = false, closed_ = false;
    std::optional<net::Completion<bool>> reader_;  // waits until fewer are under way
    std::chrono::steady_clock::time_point rests_until_;
};

}  // namespace penstock::broker
