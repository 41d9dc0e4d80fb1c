// A connection to a server, TCP or TLS, as a client of its protocol uses it.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/task.h"

namespace penstock::net {

/// What a client trusts, and shows of itself. Made once, used by all its connections.
struct TlsClientOptions {
    std::string authorities;  ///< PEM file of whom to trust; empty: those of the system
    std::string certificate;  ///< PEM file, its own first; empty: none is shown
    std::string key;          ///< PEM file
    bool verify_chain = true;
    bool verify_host = true;  ///< the certificate must be the host's
};

/// Thread-safe once made.
class TlsClient {
public:
    /// Errc::invalid names the file that cannot be used.
    static Result<std::shared_ptr<const TlsClient>> make(const TlsClientOptions& options);
    ~TlsClient();

    struct Impl;
    const Impl& impl() const { return *impl_; }

private:
    TlsClient();
    std::unique_ptr<Impl> impl_;
};

/// One address of a host name, as connect() takes it.
struct Endpoint {
    std::string address;  ///< 127.0.0.1, ::1
    std::uint16_t port = 0;
    bool operator==(const Endpoint&) const = default;
};
/// Errc::unavailable when the name is not known now.
Task<Result<std::vector<Endpoint>>> resolve_host(std::string host, std::uint16_t port);

/// Used on one thread only. One read and one write may be under way at once; an error of one closes for both.
class ClientStream {
public:
    ClientStream();
    ClientStream(ClientStream&&) noexcept;
    ClientStream& operator=(ClientStream&&) noexcept;
    ~ClientStream();

    /// tls may be null: plain TCP. host is what the certificate must be for. Errc::unavailable,
    /// Errc::timeout; Errc::unauthorized: the server's certificate is not trusted, or it refuses ours.
    static Task<Result<ClientStream>> connect(Endpoint endpoint, std::shared_ptr<const TlsClient> tls,
                                              std::string host, std::chrono::milliseconds limit);

    /// At least one byte. Errc::unavailable at the end of the stream.
    Task<Result<std::size_t>> read_some(std::span<char> into);
    /// All of it; the bytes must live until this returns.
    Task<Result<>> write(std::string_view bytes);
    /// Ends what is under way.
    void close();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::net
