// The settings of one Penstock process: where its data is, what it listens on, and which layers are real
// systems.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace penstock::app {

struct Settings {
    std::vector<std::string> files;  ///< pipeline files and folders of them
    std::string data_directory;      ///< empty: `data` beside the first pipeline file

    std::string host = "127.0.0.1";
    std::uint16_t console_port = 8080;
    std::uint16_t kafka_port = 9092;
    std::string kafka_host;             ///< empty: host
    std::string kafka_password;         ///< of the user admin; not empty: Kafka clients must log in
    std::string kafka_tls_certificate;  ///< a file in PEM; not empty: TLS on the Kafka port
    std::string kafka_tls_key;
    std::string kafka_tls_client_authority;      ///< not empty: Kafka clients must have a certificate of it
    std::vector<std::string> kafka_super_users;  ///< "User:CN=ops": may do everything, as admin may
    std::vector<std::string> kafka_set;          ///< "num.partitions=4": settings of Kafka's brokers
    std::uint16_t cql_port = 9042;
    std::string cql_host;             ///< empty: host
    std::string cql_password;         ///< of the superuser cassandra; not empty: CQL clients must log in
    std::string cql_tls_certificate;  ///< a file in PEM; not empty: TLS on the CQL port
    std::string cql_tls_key;
    std::string cql_tls_client_authority;  ///< not empty: CQL clients must have a certificate of it
    std::uint16_t schemas_port = 8081;
    bool redirect_ports = true;  ///< 9021 and 9090 lead to the console

    /// The seams: "embedded", or the URL of the real system.
    std::string kafka = "embedded";
    std::string schemas = "embedded";
    std::string engine = "embedded";
    std::string tables = "embedded";
    std::string metadata = "embedded";
    std::string coordination = "embedded";

    std::string fsync = "durable";         ///< durable, flushed, memory: see docs/operating.md
    std::string commitlog_sync = "batch";  ///< batch, periodic: of the embedded tables, see docs/cql.md
    bool sasi_indexes = false;             ///< may be made in the embedded tables, see docs/cql.md
    std::string advertised;                ///< host:port given to Kafka clients; empty: what the client used
    std::string log_level = "info";
    std::string log_file;
    int network_threads = 2;
    int block_cache_mb = 0;  ///< of the embedded tables; 0: complete() chooses by the memory of the machine
    bool progress = true;    ///< show the live table
};

/// Declares every setting as an option of `penstock up`, as PENSTOCK_<NAME> in the environment, and as a line
/// of the file given by --config.
void declare_settings(CLI::App& command, Settings& settings);

/// Fills what follows from other settings and refuses what cannot be: a seam's URL of an unknown kind, a host
/// beyond loopback without a password.
Result<> complete(Settings& settings);

}  // namespace penstock::app
