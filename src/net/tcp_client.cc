#include "net/tcp_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace penstock::net {
namespace {

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

std::string reason(int code) {
    return std::system_category().message(code);
}

Result<Addresses> resolve(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    auto code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (code != 0) return fail(Errc::not_found, "{}: {}", host, gai_strerror(code));
    return Addresses(list);
}

}  // namespace

Result<TcpClient> TcpClient::connect(const std::string& host, std::uint16_t port,
                                     std::chrono::milliseconds timeout) {
    auto addresses = TRY(resolve(host, port, 0));
    Error last{Errc::unavailable, fmt::format("{} has no address", host)};
    for (auto* at = addresses.get(); at != nullptr; at = at->ai_next) {
        TcpClient client(
            ::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol),
            timeout);
        if (client.socket_ < 0) continue;
        if (::connect(client.socket_, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) {
            last = {Errc::unavailable, fmt::format("{}:{}: {}", host, port, reason(errno))};
            continue;
        }
        auto ready = client.wait(POLLOUT);
        int code = 0;
        socklen_t size = sizeof code;
        ::getsockopt(client.socket_, SOL_SOCKET, SO_ERROR, &code, &size);
        if (ready && code == 0) return client;
        if (!ready)
            last = {ready.error().code, fmt::format("{}:{}: {}", host, port, ready.error().text)};
        else
            last = {Errc::unavailable, fmt::format("{}:{}: {}", host, port, reason(code))};
    }
    return fail(std::move(last));
}

TcpClient::~TcpClient() {
    if (socket_ >= 0) ::close(socket_);
}
TcpClient::TcpClient(TcpClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), timeout_(other.timeout_) {}

Result<> TcpClient::wait(short events) {
    pollfd ready{.fd = socket_, .events = events, .revents = 0};
    int count = ::poll(&ready, 1, int(timeout_.count()));
    while (count < 0 && errno == EINTR) count = ::poll(&ready, 1, int(timeout_.count()));
    if (count == 0) return fail(Errc::timeout, "no answer within {} ms", timeout_.count());
    if (count < 0) return fail(Errc::io, "{}", reason(errno));
    return {};
}

Result<> TcpClient::write(std::string_view bytes) {
    while (!bytes.empty()) {
        auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            TRY(wait(POLLOUT));
            continue;
        }
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return fail(Errc::unavailable, "{}", reason(errno));
        bytes.remove_prefix(std::size_t(sent));
    }
    return {};
}

Result<std::size_t> TcpClient::read_some(char* into, std::size_t size) {
    while (true) {
        auto got = ::recv(socket_, into, size, 0);
        if (got >= 0) return std::size_t(got);
        if (errno == EAGAIN)
            TRY(wait(POLLIN));
        else if (errno != EINTR)
            return fail(Errc::unavailable, "{}", reason(errno));
    }
}

Result<std::string> TcpClient::read_exactly(std::size_t bytes) {
    std::string out(bytes, '\0');
    for (std::size_t at = 0; at < bytes;) {
        auto got = TRY(read_some(out.data() + at, bytes - at));
        if (got == 0)
            return fail(Errc::unavailable, "the connection was closed after {} of {} bytes", at, bytes);
        at += got;
    }
    return out;
}

Result<std::string> TcpClient::read_all(std::size_t max) {
    std::string out(max, '\0');
    std::size_t at = 0;
    while (at < max) {
        auto got = TRY(read_some(out.data() + at, max - at));
        if (got == 0) break;
        at += got;
    }
    out.resize(at);
    return out;
}

Result<> check_port_free(const std::string& host, std::uint16_t port) {
    auto addresses = TRY(resolve(host, port, AI_PASSIVE));
    auto* at = addresses.get();
    int handle = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (handle < 0) return fail(Errc::io, "{}", reason(errno));
    int on = 1;
    ::setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int code = ::bind(handle, at->ai_addr, at->ai_addrlen) == 0 && ::listen(handle, 1) == 0 ? 0 : errno;
    ::close(handle);
    if (code != 0) return fail(Errc::unavailable, "{}:{}: {}", host, port, reason(code));
    return {};
}

}  // namespace penstock::net
