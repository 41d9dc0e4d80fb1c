#include "net/client_stream.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <optional>

#include "net/deadline.h"
#include "net/transfer.h"

namespace penstock::net {
namespace {

using Tcp = asio::ip::tcp;
namespace ssl = asio::ssl;

Error error_of(boost::system::error_code code, std::string_view what) {
    if (code == asio::error::eof || code == ssl::error::stream_truncated)
        return {Errc::unavailable, "the peer closed the connection"};
    // A failed handshake: whom we do not trust, or who does not trust us.
    bool refused = code.category() == asio::error::get_ssl_category();
    return {refused ? Errc::unauthorized : Errc::unavailable, fmt::format("{}: {}", what, code.message())};
}

}  // namespace

struct TlsClient::Impl {
    // OpenSSL's context is shared by connections; making one changes its reference count only.
    mutable ssl::context context{ssl::context::tls_client};
    bool verify_chain = true;
    bool verify_host = true;
};

TlsClient::TlsClient() : impl_(std::make_unique<Impl>()) {}
TlsClient::~TlsClient() = default;

Result<std::shared_ptr<const TlsClient>> TlsClient::make(const TlsClientOptions& options) {
    std::shared_ptr<TlsClient> client(new TlsClient);
    auto& context = client->impl_->context;
    client->impl_->verify_chain = options.verify_chain;
    client->impl_->verify_host = options.verify_chain && options.verify_host;
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    boost::system::error_code error;
    auto use = [&](const std::string& file, const char* what) -> Result<> {
        if (error) return fail(Errc::invalid, "cannot use {} as {}: {}", file, what, error.message());
        return {};
    };
    if (options.authorities.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(options.authorities, error);
    TRY(use(options.authorities, "certificates to trust"));
    if (!options.certificate.empty()) {
        context.use_certificate_chain_file(options.certificate, error);
        TRY(use(options.certificate, "a certificate"));
        context.use_private_key_file(options.key, ssl::context::pem, error);
        TRY(use(options.key, "the certificate's key"));
    }
    context.set_verify_mode(options.verify_chain ? ssl::verify_peer : ssl::verify_none, error);
    return std::shared_ptr<const TlsClient>(std::move(client));
}

Task<Result<std::vector<Endpoint>>> resolve_host(std::string host, std::uint16_t port) {
    Tcp::resolver resolver(co_await this_executor());
    boost::system::error_code error;
    auto found = co_await resolver.async_resolve(host, std::to_string(port),
                                                 asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(Errc::unavailable, "the host {} is not known: {}", host, error.message());
    std::vector<Endpoint> out;
    for (const auto& one : found) {
        Endpoint endpoint{one.endpoint().address().to_string(), one.endpoint().port()};
        if (std::find(out.begin(), out.end(), endpoint) == out.end()) out.push_back(std::move(endpoint));
    }
    co_return out;
}

struct ClientStream::Impl {
    explicit Impl(Tcp::socket connected) : socket(std::move(connected)) {}
    Tcp::socket& tcp() { return tls ? tls->next_layer() : socket; }

    Tcp::socket socket;
    std::shared_ptr<const TlsClient> client;  ///< outlives its streams
    std::optional<ssl::stream<Tcp::socket>> tls;
};

ClientStream::ClientStream() = default;
ClientStream::ClientStream(ClientStream&&) noexcept = default;
ClientStream& ClientStream::operator=(ClientStream&&) noexcept = default;
ClientStream::~ClientStream() = default;

Task<Result<ClientStream>> ClientStream::connect(Endpoint endpoint, std::shared_ptr<const TlsClient> tls,
                                                 std::string host, std::chrono::milliseconds limit) {
    auto executor = co_await this_executor();
    boost::system::error_code error;
    auto address = asio::ip::make_address(endpoint.address, error);
    if (error) co_return fail(Errc::invalid, "'{}' is not an address", endpoint.address);
    Tcp::socket socket(executor);
    Tcp::endpoint peer(address, endpoint.port);
    socket.open(peer.protocol(), error);
    if (error) co_return fail(error_of(error, "cannot open a socket"));
    auto what = fmt::format("cannot connect to {}:{}", endpoint.address, endpoint.port);
    {
        Deadline deadline(socket, limit);
        co_await socket.async_connect(peer, asio::redirect_error(asio::use_awaitable, error));
        if (error && deadline.fired()) co_return fail(Errc::timeout, "{}: it took too long", what);
    }
    if (error) co_return fail(error_of(error, what));
    socket.set_option(Tcp::no_delay(true), error);
    socket.set_option(asio::socket_base::keep_alive(true), error);
    ClientStream stream;
    stream.impl_ = std::make_unique<Impl>(std::move(socket));
    if (!tls) co_return stream;

    auto& impl = *stream.impl_;
    impl.client = tls;
    impl.tls.emplace(std::move(impl.socket), tls->impl().context);
    // A name only: an address is not something that server_name may say.
    boost::system::error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    if (not_an_address) SSL_set_tlsext_host_name(impl.tls->native_handle(), host.c_str());
    if (tls->impl().verify_host) impl.tls->set_verify_callback(ssl::host_name_verification(host), error);
    {
        Deadline deadline(impl.tls->next_layer(), limit);
        co_await impl.tls->async_handshake(ssl::stream_base::client,
                                           asio::redirect_error(asio::use_awaitable, error));
        if (error && deadline.fired()) co_return fail(Errc::timeout, "{}: TLS took too long", what);
    }
    if (error) co_return fail(error_of(error, what + " by TLS"));
    co_return stream;
}

Task<Result<std::size_t>> ClientStream::read_some(std::span<char> into) {
    boost::system::error_code error;
    std::size_t size = 0;
    asio::mutable_buffer buffer(into.data(), into.size());
    if (impl_->tls)
        size = co_await impl_->tls->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
    else
        size =
            co_await impl_->socket.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(error_of(error, "cannot read"));
    co_return size;
}

Task<Result<>> ClientStream::write(std::string_view bytes) {
    boost::system::error_code error;
    asio::const_buffer buffer(bytes.data(), bytes.size());
    if (impl_->tls)
        co_await asio::async_write(*impl_->tls, buffer, all_of_it,
                                   asio::redirect_error(asio::use_awaitable, error));
    else
        co_await asio::async_write(impl_->socket, buffer, all_of_it,
                                   asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(error_of(error, "cannot write"));
    co_return Result<>{};
}

void ClientStream::close() {
    if (!impl_) return;
    boost::system::error_code ignored;
    impl_->tcp().shutdown(Tcp::socket::shutdown_both, ignored);
}

}  // namespace penstock::net
