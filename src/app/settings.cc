#include "app/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/machine_memory.h"
#include "base/service_url.h"
#include "stream/spark/spark_url.h"

namespace penstock::app {
namespace {

namespace fs = std::filesystem;

struct Seam {
    const char* name;
    std::string Settings::* value;
    const char* scheme;
    const char* system;
    bool built = false;  ///< the real system behind the seam
};

constexpr Seam seams[] = {
    {"kafka", &Settings::kafka, "kafka://", "Apache Kafka", true},
    {"schemas", &Settings::schemas, "http", "a Confluent-compatible Schema Registry", true},
    {"engine", &Settings::engine, "sc://", "Apache Spark", true},
    {"tables", &Settings::tables, "cassandra://", "Apache Cassandra", true},
    {"metadata", &Settings::metadata, "postgresql://", "PostgreSQL", true},
    {"coordination", &Settings::coordination, "zookeeper://", "Apache ZooKeeper", true},
};

std::string variable_of(std::string_view name) {
    std::string variable = "PENSTOCK_";
    for (char c : name) variable += c == '-' ? '_' : char(std::toupper(static_cast<unsigned char>(c)));
    return variable;
}

/// Several processes go on with each other's work: what they leave must be where the others find it.
Result<> check_shared(const Settings& settings) {
    if (settings.coordination == "embedded") return {};
    if (settings.engine != "embedded") {
        auto spark = stream::parse_spark_url(settings.engine);
        if (!spark) return fail("--engine", std::move(spark).error());
        if (spark->checkpoints.empty() || settings.tables == "embedded") {
            return fail(
                Errc::unsupported,
                "--coordination with --engine {}: who goes on with a query must find its checkpoint and "
                "its rows; set {} as well (docs/howto/switch_layers.md, Engine)",
                masked_url(settings.engine),
                spark->checkpoints.empty() ? "checkpoints=FOLDER in the engine's URL"
                                           : "--tables cassandra://HOST/KEYSPACE");
        }
    }
    std::string missing;
    if (settings.kafka == "embedded") missing += " --kafka kafka://HOST:9092 (topics)";
    if (settings.metadata == "embedded") missing += " --metadata postgresql://HOST/DATABASE (runs of DAGs)";
    if (missing.empty()) return {};
    return fail(Errc::unsupported,
                "--coordination {}: several processes share what they work on, but with embedded layers each "
                "would have its own; set{} as well (docs/operating.md, Several processes)",
                masked_url(settings.coordination), missing);
}

bool is_loopback(std::string_view host) {
    return host == "127.0.0.1" || host == "localhost" || host == "::1";
}

/// Where a port listens, and what guards it.
struct Guard {
    std::string_view name;  ///< "kafka": how its settings begin
    std::string& host;
    const std::string &password, &certificate, &key, &client_authority;
};

Result<> complete_port(const Settings& settings, const Guard& port) {
    if (port.host.empty()) port.host = settings.host;
    const bool has_tls = !port.certificate.empty();
    if (has_tls != !port.key.empty())
        return fail(Errc::invalid, "--{0}-tls-certificate and --{0}-tls-key belong together", port.name);
    if (!has_tls && !port.client_authority.empty())
        return fail(Errc::invalid, "--{0}-tls-client-authority needs --{0}-tls-certificate and --{0}-tls-key",
                    port.name);
    bool is_open = port.password.empty() && port.client_authority.empty();
    if (is_open && !is_loopback(port.host))
        return fail(
            Errc::invalid,
            "--{}-host {}: beyond loopback only with a password ({}) or with --{}-tls-client-authority",
            port.name, port.host, variable_of(fmt::format("{}-password", port.name)), port.name);
    return {};
}

Result<> complete_ports(Settings& settings) {
    TRY(complete_port(settings,
                      {"kafka", settings.kafka_host, settings.kafka_password, settings.kafka_tls_certificate,
                       settings.kafka_tls_key, settings.kafka_tls_client_authority}));
    return complete_port(settings,
                         {"cql", settings.cql_host, settings.cql_password, settings.cql_tls_certificate,
                          settings.cql_tls_key, settings.cql_tls_client_authority});
}

}  // namespace

void declare_settings(CLI::App& command, Settings& settings) {
    command.add_option("files", settings.files, "Pipeline files, or folders of them [.]");
    command.set_config("--config", "", "A file of these settings, one name=value a line");
    auto option = [&](const char* name, auto& value, const char* help) {
        return command.add_option(std::string("--") + name, value, help)
            ->envname(variable_of(name))
            ->capture_default_str();
    };
    option("data", settings.data_directory,
           "Where topics, tables and runs are kept [data, beside the first file]");
    option("host", settings.host, "Address to listen on");
    option("console-port", settings.console_port, "Console and REST API");
    option("kafka-port", settings.kafka_port, "Kafka protocol");
    option("kafka-host", settings.kafka_host,
           "Address for the Kafka port alone [--host]; beyond loopback only with a password or client "
           "certificates");
    option("kafka-password", settings.kafka_password,
           "Password of the user admin: Kafka clients must log in. Better in the environment than here");
    option("kafka-tls-certificate", settings.kafka_tls_certificate, "TLS on the Kafka port: a file in PEM");
    option("kafka-tls-key", settings.kafka_tls_key, "Its key, a file in PEM");
    option("kafka-tls-client-authority", settings.kafka_tls_client_authority,
           "Kafka clients must have a certificate of this authority: a file in PEM");
    option("kafka-super-users", settings.kafka_super_users,
           "Who may do everything beside User:admin, such as User:CN=ops; permissions hold then, whether "
           "or not clients log in")
        ->delimiter(';');
    option("kafka-set", settings.kafka_set,
           "A setting by its name in Kafka's server.properties, such as num.partitions=4 or "
           "log.retention.ms=3600000")
        ->delimiter(';');
    option("cql-port", settings.cql_port, "CQL native protocol");
    option("cql-host", settings.cql_host,
           "Address for the CQL port alone [--host]; beyond loopback only with a password or client "
           "certificates");
    option("cql-password", settings.cql_password,
           "Password of the superuser cassandra: CQL clients must log in, and roles and permissions hold. "
           "Better in the environment than here");
    option("cql-tls-certificate", settings.cql_tls_certificate, "TLS on the CQL port: a file in PEM");
    option("cql-tls-key", settings.cql_tls_key, "Its key, a file in PEM");
    option("cql-tls-client-authority", settings.cql_tls_client_authority,
           "CQL clients must have a certificate of this authority: a file in PEM");
    option("schemas-port", settings.schemas_port, "Schema registry");
    option("redirect-ports", settings.redirect_ports, "9021 and 9090 lead to the console");
    for (const auto& seam : seams) option(seam.name, settings.*seam.value, seam.system)->group("Layers");
    option("fsync", settings.fsync, "When an append is acknowledged: durable, flushed or memory")
        ->check(CLI::IsMember({"durable", "flushed", "memory"}));
    option("commitlog-sync", settings.commitlog_sync,
           "When a write over CQL is acknowledged: batch (after fsync) or periodic (fsync every 10 s)")
        ->check(CLI::IsMember({"batch", "periodic"}));
    command
        .add_flag("--sasi-indexes,!--no-sasi-indexes", settings.sasi_indexes,
                  "SASI indexes may be made over CQL, for LIKE")
        ->envname(variable_of("sasi-indexes"));
    option("advertised", settings.advertised,
           "host:port that Kafka clients are told [the address they used]");
    option("log-level", settings.log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
    option("log-file", settings.log_file, "Log lines go there instead of to stderr");
    option("network-threads", settings.network_threads, "Threads that serve connections")
        ->check(CLI::Range(1, 64));
    option("block-cache-mb", settings.block_cache_mb,
           "Memory for what is read from tables; 0: a 32nd of the machine's, 32 to 512")
        ->check(CLI::Range(0, 65536));
    command.add_flag("--progress,!--no-progress", settings.progress, "Show live progress");
}

Result<> complete(Settings& settings) {
    if (settings.files.empty()) settings.files.push_back(".");
    for (const auto& file : settings.files)
        if (!fs::exists(file)) return fail(Errc::not_found, "there is no file or folder {}", file);
    if (settings.data_directory.empty()) {
        fs::path first = settings.files.front();
        settings.data_directory = (fs::is_directory(first) ? first : first.parent_path()) / "data";
    }
    if (settings.block_cache_mb == 0)
        settings.block_cache_mb = std::clamp(int(machine_memory() / 32 / (1 << 20)), 32, 512);
    for (const auto& seam : seams) {
        const auto& url = settings.*seam.value;
        if (url == "embedded") continue;
        if (!url.starts_with(seam.scheme)) {
            return fail(Errc::invalid, "--{} is '{}'; expected 'embedded' or a URL of {} ({}...)", seam.name,
                        masked_url(url), seam.system, seam.scheme);
        }
        if (!seam.built) {
            return fail(Errc::unsupported,
                        "--{}: {} behind this seam is not built yet; leave the setting out and the "
                        "embedded layer runs (docs/architecture.md, Seams)",
                        seam.name, seam.system);
        }
    }
    TRY(check_shared(settings));
    if (!is_loopback(settings.host)) {
        return fail(Errc::unsupported,
                    "--host {}: this version listens on loopback only, because not every port has passwords "
                    "yet; the Kafka port has: --kafka-host",
                    settings.host);
    }
    return complete_ports(settings);
}

}  // namespace penstock::app
