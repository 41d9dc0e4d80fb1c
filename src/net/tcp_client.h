// A blocking TCP connection for the command line: to see whether something answers. Not for network threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::net {

class TcpClient {
public:
    /// Errc::not_found: no such name. Errc::unavailable: nothing listens there. Errc::timeout. The timeout
    /// holds for connecting and for each call after it.
    static Result<TcpClient> connect(const std::string& host, std::uint16_t port,
                                     std::chrono::milliseconds timeout);
    ~TcpClient();
    TcpClient(TcpClient&& other) noexcept;
    TcpClient& operator=(TcpClient&&) = delete;

    Result<> write(std::string_view bytes);
    /// Exactly so many bytes. Errc::unavailable when the other side closes before.
    Result<std::string> read_exactly(std::size_t bytes);
    /// All until the other side closes, at most max bytes.
    Result<std::string> read_all(std::size_t max);

private:
    TcpClient(int socket, std::chrono::milliseconds timeout) : socket_(socket), timeout_(timeout) {}
    Result<> wait(short events);
    Result<std::size_t> read_some(char* into, std::size_t size);

    int socket_ = -1;
    std::chrono::milliseconds timeout_;
};

/// Whether a listener could bind the address. Errc::unavailable: somebody has it.
Result<> check_port_free(const std::string& host, std::uint16_t port);

}  // namespace penstock::net
