#include "store/server/cql_server.h"

#include "base/log.h"
#include "store/server/session.h"
#include "store/uuid.h"

namespace penstock::store {

struct CqlServer::State {
    std::shared_ptr<SessionContext> context;
};

namespace {

/// The same for the data directory's life, so that clients know the node again.
std::string host_id_of(const Database& database) {
    return name_uuid("host " + database.options().data_directory);
}

constexpr std::chrono::milliseconds handshake_limit{30'000};

/// The roles, with the superuser of the settings among them.
Result<std::unique_ptr<Roles>> open_roles(Database& database, const CqlServerOptions& options) {
    auto roles = TRY(Roles::open(database));
    auto now = roles->get();
    const auto* found = now->find(options.user);
    bool as_wanted = found != nullptr && found->superuser && found->login &&
                     roles->check_password(options.user, options.password);
    if (as_wanted) return roles;
    auto hash = TRY(Roles::hash_password(options.password));
    TRY(roles->change([&](RoleSet& set) -> Result<> {
        auto& role = set.roles[options.user];
        role.superuser = role.login = true;
        role.hash = hash;
        return {};
    }));
    return roles;
}

net::Task<> serve(std::shared_ptr<SessionContext> context, net::Connection connection) {
    if (context->tls) {
        connection.set_timeout(handshake_limit);
        auto started = co_await connection.start_tls(context->tls);
        if (!started) {
            log::warn("cql client {}: no TLS: {}", connection.peer_address(), started.error().text);
            co_return;
        }
        connection.set_timeout(std::chrono::milliseconds(0));
    }
    auto session = std::make_shared<Session>(std::move(context), std::move(connection));
    co_await session->run();
}

}  // namespace

Result<std::unique_ptr<CqlServer>> CqlServer::start(net::Shards& shards, LocalTables& tables,
                                                    CqlServerOptions options) {
    cql::NodeIdentity identity;
    // Clients are told to come where they came: an address of the machine, not the one that stands for all.
    identity.address =
        options.listen.host == "localhost" || options.listen.host == "0.0.0.0" || options.listen.host == "::"
            ? "127.0.0.1"
            : options.listen.host;
    identity.port = options.listen.port;
    identity.host_id = host_id_of(tables.database());
    identity.cluster_name = options.cluster_name;
    auto server = std::unique_ptr<CqlServer>(new CqlServer);
    auto listen = options.listen;
    std::unique_ptr<Roles> roles;
    if (!options.password.empty()) roles = TRY(open_roles(tables.database(), options));
    std::shared_ptr<net::TlsContext> tls;
    if (!listen.tls.certificate.empty()) tls = TRY(net::make_tls_context(listen.tls));
    auto context = std::make_shared<SessionContext>(tables.database(), std::move(identity),
                                                    std::move(options), std::move(roles));
    context->tls = std::move(tls);
    server->state_ = std::make_shared<State>(State{context});
    server->listener_ =
        TRY(net::Listener::start(shards, std::move(listen), [context](net::Connection connection) {
            return serve(context, std::move(connection));
        }));
    context->service.set_port(server->listener_->port());
    log::info("cql: listening on {}:{}", context->options.listen.host, server->listener_->port());
    return server;
}

CqlServer::~CqlServer() {
    stop();
}

void CqlServer::stop() {
    if (listener_) listener_->stop();
}

std::uint16_t CqlServer::port() const {
    return listener_->port();
}

}  // namespace penstock::store
