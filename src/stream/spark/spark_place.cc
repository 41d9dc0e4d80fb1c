#include "stream/spark/spark_place.h"

#include "base/service_url.h"

namespace penstock::stream {

namespace {

/// In a JAAS configuration.
std::string jaas_string(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string upper(std::string_view text) {
    std::string out;
    for (char c : text) out += c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
    return out;
}

/// librdkafka's names for security, as Java's client has them.
Result<std::map<std::string, std::string>> kafka_options(const SparkUrl& url, const std::string& kafka_url) {
    std::map<std::string, std::string> out;
    auto kafka = TRY(parse_service_url(kafka_url, "kafka"));
    out["kafka.bootstrap.servers"] = url.kafka.empty() ? kafka.host_list(9092) : url.kafka;
    auto option = [&](const char* name, const char* otherwise) {
        auto found = kafka.options.find(name);
        return found == kafka.options.end() ? std::string(otherwise) : found->second;
    };
    auto protocol = option("security.protocol", kafka.user ? "sasl_plaintext" : "");
    if (!protocol.empty()) out["kafka.security.protocol"] = upper(protocol);
    if (kafka.user) {
        auto mechanism = option("sasl.mechanism", "PLAIN");
        out["kafka.sasl.mechanism"] = mechanism;
        out["kafka.sasl.jaas.config"] =
            fmt::format("org.apache.kafka.common.security.{} required username={} password={};",
                        mechanism.starts_with("SCRAM") ? "scram.ScramLoginModule" : "plain.PlainLoginModule",
                        jaas_string(*kafka.user), jaas_string(kafka.password.value_or("")));
    }
    for (const auto& [name, value] : url.kafka_options) out[name] = value;
    return out;
}

Result<std::map<std::string, std::string>> cassandra_options(const SparkUrl& url,
                                                             const std::string& tables_url) {
    std::map<std::string, std::string> out;
    auto tables = TRY(parse_service_url(tables_url, "cassandra"));
    if (!url.cassandra.empty())
        tables.hosts = TRY(parse_service_url("cassandra://" + url.cassandra, "cassandra")).hosts;
    std::string hosts;
    for (const auto& host : tables.hosts) hosts += (hosts.empty() ? "" : ",") + host.name;
    out["spark.cassandra.connection.host"] = hosts;
    auto port = tables.hosts.empty() ? std::nullopt : tables.hosts[0].port;
    out["spark.cassandra.connection.port"] = std::to_string(port.value_or(9042));
    if (tables.user) out["spark.cassandra.auth.username"] = *tables.user;
    if (tables.password) out["spark.cassandra.auth.password"] = *tables.password;
    for (const auto& [name, value] : url.spark)
        if (name.starts_with("spark.cassandra.")) out[name] = value;
    return out;
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

Result<SparkPlace> spark_place(const SparkUrl& url, const SparkNeighbours& neighbours) {
    SparkPlace place;
    place.kafka = TRY(kafka_options(url, neighbours.kafka));
    place.cassandra = TRY(cassandra_options(url, neighbours.tables));
    place.checkpoints = url.checkpoints;
    if (place.checkpoints.empty()) {
        if (!is_loopback(url.host))
            return fail(Errc::invalid,
                        "--engine: name a folder for checkpoints that the whole cluster sees: "
                        "sc://{}:{}/;checkpoints=hdfs://... (or s3a://..., or a shared folder)",
                        url.host, url.port);
        place.checkpoints = neighbours.checkpoints;
    }
    return place;
}

}  // namespace penstock::stream
