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

net::Task<> serve(std::shared_ptr<SessionContext> context, net::Connection connection) {
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
    auto context =
        std::make_shared<SessionContext>(tables.database(), std::move(identity), std::move(options));
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
