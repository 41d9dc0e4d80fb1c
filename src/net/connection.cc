#include "net/connection.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <list>
#include <mutex>

#include "net/transfer.h"

namespace penstock::net {
namespace {

using Tcp = asio::ip::tcp;

Error error_of(boost::system::error_code code, bool timed_out) {
    if (timed_out) return {Errc::timeout, "the peer took too long"};
    if (code == asio::error::eof || code == asio::ssl::error::stream_truncated)
        return {Errc::unavailable, "the peer closed the connection"};
    return {Errc::unavailable, code.message()};
}

/// What went wrong last in OpenSSL, for people.
std::string openssl_error() {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    return text.data();
}

}  // namespace

class TlsContext {
public:
    TlsContext() : context(asio::ssl::context::tls_server) {}
    asio::ssl::context context;
};

struct Connection::Tls {
    Tls(Tcp::socket socket, std::shared_ptr<TlsContext> of)
        : context(std::move(of)), stream(std::move(socket), context->context) {}
    std::shared_ptr<TlsContext> context;
    asio::ssl::stream<Tcp::socket> stream;
};

Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options) {
    auto made = std::make_shared<TlsContext>();
    auto* native = made->context.native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(native, options.certificate.c_str()) != 1)
        return fail(Errc::invalid, "{} cannot be used as a certificate in PEM: {}", options.certificate,
                    openssl_error());
    if (SSL_CTX_use_PrivateKey_file(native, options.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return fail(Errc::invalid, "{} cannot be used as the key of {}: {}", options.key, options.certificate,
                    openssl_error());
    if (SSL_CTX_check_private_key(native) != 1)
        return fail(Errc::invalid, "{} is not the key of {}", options.key, options.certificate);
    if (options.client_authority.empty()) return made;
    if (SSL_CTX_load_verify_file(native, options.client_authority.c_str()) != 1)
        return fail(Errc::invalid, "{} cannot be used as certificates of authorities: {}",
                    options.client_authority, openssl_error());
    SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(options.client_authority.c_str()));
    made->context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    return made;
}

Connection::Connection(Tcp::socket socket)
    : socket_(std::move(socket)), reads_(socket_.get_executor()), writes_(socket_.get_executor()) {
    boost::system::error_code ignored;
    socket_.set_option(Tcp::no_delay(true), ignored);
}
Connection::Connection(Connection&&) noexcept = default;
Connection::~Connection() = default;

Tcp::socket& Connection::socket() {
    return tls_ ? tls_->stream.next_layer() : socket_;
}
const Tcp::socket& Connection::socket() const {
    return tls_ ? tls_->stream.next_layer() : socket_;
}

Task<Result<>> Connection::start_tls(std::shared_ptr<TlsContext> context) {
    tls_ = std::make_unique<Tls>(std::move(socket_), std::move(context));
    Deadline deadline(socket(), limit_);
    boost::system::error_code error;
    co_await tls_->stream.async_handshake(asio::ssl::stream_base::server,
                                          asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return Result<>{};
}

std::string Connection::peer_subject() const {
    if (!tls_) return {};
    auto* certificate = SSL_get0_peer_certificate(const_cast<Tls&>(*tls_).stream.native_handle());
    if (!certificate) return {};
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    auto size = BIO_get_mem_data(out.get(), &text);
    return {text, std::size_t(size)};
}

Task<Result<std::size_t>> Connection::read_some(std::span<char> into) {
    Watchdog::Guard deadline(reads_, socket().native_handle(), limit_);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    auto buffer = asio::buffer(into.data(), into.size());
    std::size_t size = 0;
    if (tls_)
        size = co_await tls_->stream.async_read_some(buffer, token);
    else
        size = co_await socket_.async_read_some(buffer, token);
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return size;
}

Task<Result<>> Connection::read_exactly(std::span<char> into) {
    Watchdog::Guard deadline(reads_, socket().native_handle(), limit_);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    auto buffer = asio::buffer(into.data(), into.size());
    if (tls_)
        co_await asio::async_read(tls_->stream, buffer, all_of_it, token);
    else
        co_await asio::async_read(socket_, buffer, all_of_it, token);
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return Result<>{};
}

template <class Buffers>
Task<Result<>> Connection::write_all(Buffers buffers) {
    Watchdog::Guard deadline(writes_, socket().native_handle(), limit_);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (tls_)
        co_await asio::async_write(tls_->stream, buffers, all_of_it, token);
    else
        co_await asio::async_write(socket_, buffers, all_of_it, token);
    if (error) co_return std::unexpected(error_of(error, deadline.fired()));
    co_return Result<>{};
}

Task<Result<>> Connection::write(std::string_view bytes) {
    return write_all(asio::buffer(bytes.data(), bytes.size()));
}

Task<Result<>> Connection::write(std::span<const std::string_view> pieces) {
    std::vector<asio::const_buffer> buffers;
    for (auto piece : pieces) buffers.emplace_back(piece.data(), piece.size());
    return write_all(std::move(buffers));
}

void Connection::shut_down() {
    boost::system::error_code ignored;
    socket().shutdown(Tcp::socket::shutdown_both, ignored);
}

void Connection::close() {
    shut_down();
    boost::system::error_code ignored;
    socket().close(ignored);
}

std::string Connection::peer_address() const {
    boost::system::error_code error;
    auto end = socket().remote_endpoint(error);
    return error ? "" : end.address().to_string();
}

std::uint16_t Connection::peer_port() const {
    boost::system::error_code error;
    return socket().remote_endpoint(error).port();
}

std::string Connection::local_address() const {
    boost::system::error_code error;
    auto end = socket().local_endpoint(error);
    return error ? "" : end.address().to_string();
}

std::uint16_t Connection::local_port() const {
    boost::system::error_code error;
    return socket().local_endpoint(error).port();
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
