// One connection to a Cassandra node: the handshake, and many requests under way at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/client_stream.h"
#include "store/remote/settings.h"
#include "wire/cql/frame.h"
#include "wire/cql/request.h"
#include "wire/cql/response_decoding.h"

namespace penstock::store {

/// On one network thread only.
class CqlConnection : public std::enable_shared_from_this<CqlConnection> {
public:
    using Clock = std::chrono::steady_clock;
    /// The answer, of any opcode but ERROR's meaning to be judged; or why there is none. Must not block.
    using Done = std::move_only_function<void(Result<wire::cql::Frame>)>;

    /// Connects, starts and logs in. Errc::unsupported: the node does not speak this version;
    /// Errc::unauthorized: it refuses the password, or wants one.
    static net::Task<Result<std::shared_ptr<CqlConnection>>> open(
        std::shared_ptr<const RemoteTablesSettings> settings, net::Endpoint endpoint, std::string host,
        int version);
    /// Of a stream that is connected; open() is what makes it one that is started.
    CqlConnection(std::shared_ptr<const RemoteTablesSettings> settings, net::ClientStream stream,
                  net::Endpoint endpoint, net::asio::any_io_executor executor, int version);
    ~CqlConnection();

    /// done is called once, perhaps before this returns.
    void send(wire::cql::Opcode opcode, std::string_view body, Done done);
    /// Asks the node to tell of changes; only one may listen.
    void listen(std::function<void(const wire::cql::Event&)> on_event) { on_event_ = std::move(on_event); }

    /// Requests that took too long are answered with Errc::timeout; a node that says nothing at all for that
    /// long is given up.
    void sweep(Clock::time_point now);
    void close(Error why);
    bool is_open() const { return open_; }
    /// Until it is closed, by whom ever.
    net::Task<Error> closed();

    int in_flight() const { return in_flight_; }
    int version() const { return version_; }
    const net::Endpoint& endpoint() const { return endpoint_; }

private:
    struct Slot {
        Done done;  ///< empty: nobody waits any more, the number is taken until the node answers
        Clock::time_point deadline;
        bool taken = false;
    };

    net::Task<Result<>> handshake();
    net::Task<Result<>> authenticate();
    net::Task<Result<wire::cql::Frame>> exchange(wire::cql::Request request);
    static net::Task<> read_loop(std::shared_ptr<CqlConnection> self);
    static net::Task<> write_loop(std::shared_ptr<CqlConnection> self);
    void take(wire::cql::Frame frame);
    void release(std::size_t number);

    std::shared_ptr<const RemoteTablesSettings> settings_;
    net::ClientStream stream_;
    net::Endpoint endpoint_;
    net::asio::any_io_executor executor_;
    int version_;
    wire::cql::FrameReader reader_;
    bool segmented_ = false;
    bool open_ = true;
    bool writing_ = false;
    std::string frames_;  ///< to be sent
    std::vector<Slot> slots_;
    std::vector<std::uint16_t> free_;
    int in_flight_ = 0;
    int abandoned_ = 0;
    Clock::time_point heard_;
    Error why_closed_;
    std::vector<net::Completion<Error>> closing_;
    std::function<void(const wire::cql::Event&)> on_event_;
};

}  // namespace penstock::store
