// A TCP connection, with or without TLS, and a listener that serves each one by a coroutine.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/deadline.h"
#include "net/task.h"

namespace penstock::net {

/// What a listener needs for TLS: files in PEM.
struct TlsOptions {
    std::string certificate;  ///< with those that lead to the authority behind it; empty: no TLS
    std::string key;
    std::string client_authority;  ///< clients must have a certificate of it; empty: they need none
};

/// Certificate, key and rules of a listener; shared by its connections.
class TlsContext;
/// Errc::invalid, naming the file, when something of it cannot be used.
Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options);

/// Owned by the coroutine that serves it; used on its shard only. One read and one write may be under way at
/// once.
class Connection {
public:
    explicit Connection(asio::ip::tcp::socket socket);
    Connection(Connection&&) noexcept;
    ~Connection();

    /// From here on everything is encrypted. Errc::unavailable, saying why, when the client and we do not
    /// agree.
    Task<Result<>> start_tls(std::shared_ptr<TlsContext> context);
    /// Of the client's certificate, as "CN=alice,O=Example"; empty: it has none.
    std::string peer_subject() const;

    /// Reads what there is, at least one byte. Errc::unavailable at the end of the stream, Errc::timeout.
    Task<Result<std::size_t>> read_some(std::span<char> into);
    /// Fills all of into.
    Task<Result<>> read_exactly(std::span<char> into);
    /// Writes all of it; the bytes must live until this returns.
    Task<Result<>> write(std::string_view bytes);
    /// Several pieces in one system call.
    Task<Result<>> write(std::span<const std::string_view> pieces);

    /// A read or write that takes longer ends with Errc::timeout and closes. Zero: no limit.
    void set_timeout(std::chrono::milliseconds limit) { limit_ = limit; }
    void close();
    /// Ends what is read and written now or later, and keeps the descriptor's number: for when others still
    /// use the connection.
    void shut_down();
    bool is_open() const { return socket().is_open(); }

    std::string peer_address() const;  ///< "127.0.0.1"
    std::uint16_t peer_port() const;
    std::string local_address() const;  ///< the address the client used to reach us
    std::uint16_t local_port() const;
    asio::any_io_executor executor() { return socket().get_executor(); }
    asio::ip::tcp::socket& socket();
    const asio::ip::tcp::socket& socket() const;

private:
    template <class Buffers>
    Task<Result<>> write_all(Buffers buffers);
    struct Tls;
    asio::ip::tcp::socket socket_;  // moves into tls_
    std::unique_ptr<Tls> tls_;
    std::chrono::milliseconds limit_{0};
    Watchdog reads_, writes_;
};

struct ListenOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;        ///< 0: any free one
    int max_connections = 10'000;  ///< more are closed at once
    std::string name;              ///< "kafka": in log lines and errors
    std::string setting;           ///< "ports.kafka": named by the error when the port is in use
    TlsOptions tls;                ///< for sessions that begin with start_tls()
};

/// Accepts connections and spreads them over the shards.
class Listener {
public:
    using Session = std::function<Task<>(Connection)>;

    /// Binds and starts. Errc::unavailable, naming port and setting, when the port is in use.
    static Result<std::unique_ptr<Listener>> start(Shards& shards, ListenOptions options, Session session);
    ~Listener();  ///< stop()
    /// Accepts no more, closes the connections that are open and waits until their sessions have ended.
    void stop();
    std::uint16_t port() const { return port_; }
    int connections() const;

private:
    struct State;
    Listener() = default;
    std::shared_ptr<State> state_;
    std::uint16_t port_ = 0;
};

}  // namespace penstock::net
