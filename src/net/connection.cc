#include "net/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <list>
#include <mutex>

#include "net/deadline.h"

namespace penstock::net {
namespace {

using Tcp = asio::ip::tcp;

Error error_of(boost::system::error_code code, bool timed_out) {
    if (timed_out) return {Errc::timeout, "the peer took too long"};
    if (code == asio::error::eof) return {Errc::unavailable, "the peer closed the connection"};
    return {Errc::unavailable, code.message()};
}

}  // namespace

Connection::Connection(Tcp::socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;
    socket_.set_option(Tcp::no_delay(true), ignored);
}

Task<Result<std::size_t>> Connection::read_some(std::span<char> into) {
    Deadline deadline(socket_, limit_);
    boost::system::error_code error;
    auto size = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()),
                                                 asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return size;
}

Task<Result<>> Connection::read_exactly(std::span<char> into) {
    Deadline deadline(socket_, limit_);
    boost::system::error_code error;
    co_await asio::async_read(socket_, asio::buffer(into.data(), into.size()),
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return Result<>{};
}

Task<Result<>> Connection::write(std::string_view bytes) {
    Deadline deadline(socket_, limit_);
    boost::system::error_code error;
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return Result<>{};
}

Task<Result<>> Connection::write(std::span<const std::string_view> pieces) {
    Deadline deadline(socket_, limit_);
    std::vector<asio::const_buffer> buffers;
    for (auto piece : pieces) buffers.emplace_back(piece.data(), piece.size());
    boost::system::error_code error;
    co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return Result<>{};
}

void Connection::close() {
    boost::system::error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

std::string Connection::peer_address() const {
    boost::system::error_code error;
    auto end = socket_.remote_endpoint(error);
    return error ? "" : end.address().to_string();
}

std::uint16_t Connection::peer_port() const {
    boost::system::error_code error;
    return socket_.remote_endpoint(error).port();
}

std::string Connection::local_address() const {
    boost::system::error_code error;
    auto end = socket_.local_endpoint(error);
    return error ? "" : end.address().to_string();
}

std::uint16_t Connection::local_port() const {
    boost::system::error_code error;
    return socket_.local_endpoint(error).port();
}

/// Shared by the accept loop and the sessions, so that whoever is last frees it.
struct Listener::State {
    State(asio::io_context& context, ListenOptions asked)
        : options(std::move(asked)), acceptor(context), context(context) {}

    ListenOptions options;
    Session session;
    Tcp::acceptor acceptor;
    asio::io_context& context;
    std::mutex mutex;
    std::condition_variable all_ended;
    bool stopping = false;
    struct Open {
        asio::any_io_executor executor;
        int descriptor = -1;
    };
    std::list<Open> open;
};

namespace {

template <class State, class Iterator>
Task<> serve(std::shared_ptr<State> state, Connection connection, Iterator entry) {
    try {
        co_await state->session(std::move(connection));
    } catch (const std::exception& e) {
        // Terminates only the affected session, instead of crashing the server.
        log::warn("{}: a session ended with: {}", state->options.name, e.what());
    }
    std::lock_guard lock(state->mutex);
    state->open.erase(entry);
    state->all_ended.notify_all();
}

template <class State>
Task<> accept_loop(std::shared_ptr<State> state, Shards* shards) {
    while (true) {
        auto& home = shards->next();
        Tcp::socket socket(home);
        boost::system::error_code error;
        co_await state->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
        if (error) {  // out of descriptors: wait for some to close
            log::warn("{}: cannot accept: {}", state->options.name, error.message());
            co_await sleep_for(std::chrono::milliseconds(100));
            continue;
        }
        std::lock_guard lock(state->mutex);
        if (state->stopping) co_return;
        if (int(state->open.size()) >= state->options.max_connections) continue;
        auto entry = state->open.insert(state->open.end(), {home.get_executor(), socket.native_handle()});
        Connection connection(std::move(socket));
        spawn(home, serve(state, std::move(connection), entry), state->options.name);
    }
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::start(Shards& shards, ListenOptions options, Session session) {
    boost::system::error_code error;
    auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
    if (error) return fail(Errc::invalid, "'{}' is not an IP address to listen on", options.host);
    auto& context = shards.next();
    auto state = std::make_shared<State>(context, std::move(options));
    state->session = std::move(session);
    Tcp::endpoint endpoint(address, state->options.port);
    state->acceptor.open(endpoint.protocol(), error);
    if (!error) state->acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) state->acceptor.bind(endpoint, error);
    if (!error) state->acceptor.listen(1024, error);
    if (error) {
        return fail(Errc::unavailable, "cannot listen on {}:{} for {} (setting {}): {}", state->options.host,
                    state->options.port, state->options.name, state->options.setting, error.message());
    }
    auto listener = std::unique_ptr<Listener>(new Listener);
    listener->port_ = state->acceptor.local_endpoint().port();
    listener->state_ = state;
    spawn(context, accept_loop(state, &shards), state->options.name);
    return listener;
}

Listener::~Listener() {
    stop();
}

void Listener::stop() {
    auto state = state_;
    std::unique_lock lock(state->mutex);
    if (!state->stopping) {
        state->stopping = true;
        asio::post(state->context, [state] {
            boost::system::error_code ignored;
            state->acceptor.close(ignored);
        });
        // Shutting the descriptor down, and not closing it, lets the session's own read or write return.
        for (auto& open : state->open) ::shutdown(open.descriptor, SHUT_RDWR);
    }
    state->all_ended.wait_for(lock, std::chrono::seconds(5), [&] { return state->open.empty(); });
}

int Listener::connections() const {
    std::lock_guard lock(state_->mutex);
    return int(state_->open.size());
}

}  // namespace penstock::net
