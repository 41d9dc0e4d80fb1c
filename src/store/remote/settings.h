// What the URL of a Cassandra says.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/client_stream.h"
#include "wire/cql/request.h"

namespace penstock::store {

using wire::cql::Consistency;

struct RemoteTablesSettings {
    struct Host {
        std::string name;
        std::uint16_t port = 9042;
    };
    std::vector<Host> hosts;  ///< where to ask first; the others are learnt
    std::string user;         ///< empty: none is sent
    std::string password;
    std::string keyspace = "penstock";  ///< of checkpoints and state

    Consistency consistency = Consistency::local_quorum;
    Consistency serial_consistency = Consistency::local_serial;
    std::string local_dc;  ///< empty: that of the host which answers first
    int replication = 0;   ///< of keyspaces that are made; 0: as many as the data centre has nodes, at most 3
    bool create = true;    ///< make missing keyspaces, tables and columns
    int protocol = 5;      ///< the newest version to speak
    bool compress = false;
    int connections = 1;   ///< to each node
    int in_flight = 1024;  ///< requests sent and not answered, of all queries together
    int page_rows = 2000;
    std::chrono::milliseconds connect_for{5'000};
    std::chrono::milliseconds request_for{12'000};   ///< one attempt
    std::chrono::milliseconds retry_for{15'000};     ///< all attempts; also the first connection
    std::chrono::milliseconds speculate_after{250};  ///< a read is asked of a second node; 0: never
    std::shared_ptr<const net::TlsClient> tls;       ///< null: plain TCP
    std::string shown;                               ///< "h1:9042,h2:9042"
};

/// cassandra://[user[:password]@]h1[:9042],h2/[keyspace][?option=value&...], docs/operating.md. Errc::invalid
/// says, with the URL masked, what is wrong.
Result<RemoteTablesSettings> parse_cassandra_url(const std::string& url);

}  // namespace penstock::store
