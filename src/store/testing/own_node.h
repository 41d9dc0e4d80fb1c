// Our own CQL port as the node that the client of a Cassandra talks to.
#pragma once

#include <memory>
#include <string>

#include "store/local_tables.h"
#include "store/server/cql_server.h"
#include "store/testing/temporary_directory.h"

namespace penstock::store {

class OwnNode {
public:
    explicit OwnNode(std::string user = "", std::string password = "") {
        options_.user = std::move(user);
        options_.password = std::move(password);
        options_.listen.port = 0;
        start();
    }
    ~OwnNode() { stop(); }

    void start() {
        shards_ = std::make_unique<net::Shards>(1);
        StoreOptions store;
        store.data_directory = directory_.path().string();
        tables_ = std::move(*open_local_tables(store));
        server_ = std::move(*CqlServer::start(*shards_, *tables_, options_));
        options_.listen.port = server_->port();  // the same after a restart
    }
    /// Clients lose their connections, and what was prepared is forgotten.
    void stop() {
        server_.reset();
        if (shards_) shards_->stop();
        tables_.reset();
        shards_.reset();
    }
    std::uint16_t port() const { return options_.listen.port; }
    LocalTables& tables() { return *tables_; }

private:
    TemporaryDirectory directory_;
    CqlServerOptions options_;
    std::unique_ptr<net::Shards> shards_;
    std::unique_ptr<LocalTables> tables_;
    std::unique_ptr<CqlServer> server_;
};

}  // namespace penstock::store
