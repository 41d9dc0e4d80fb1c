// Kafka's protocol over LocalTopics, so that every Kafka client can use the embedded log. docs/kafka.md.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "broker/group/consumer_groups.h"
#include "broker/group/coordinator.h"
#include "broker/local_topics.h"
#include "broker/server/fetch_sessions.h"
#include "broker/share/share_options.h"
#include "net/connection.h"
#include "net/task.h"

namespace penstock::broker {

/// With neither a password nor client certificates every client may do everything, as User:ANONYMOUS.
struct SecurityOptions {
    /// Of the user admin, who may do everything. Not empty: clients must log in, by SASL.
    std::string admin_password;
    /// "User:CN=ops,O=Example": may do everything as well.
    std::set<std::string, std::less<>> super_users{"User:admin"};
    /// Permissions hold although nobody logs in: all are User:ANONYMOUS.
    bool is_authorized = false;
    /// Permissions hold, and everybody may use what no permission speaks of.
    bool allows_without_acl = false;
    bool requires_login() const { return !admin_password.empty(); }
    bool enforces_acls() const { return requires_login() || is_authorized || allows_without_acl; }
};

struct KafkaServerOptions {
    /// With listen.tls.client_authority a client is who its certificate says: User:<subject>.
    net::ListenOptions listen{.port = 9092, .name = "kafka", .setting = "ports.kafka"};
    /// What clients are told to connect to; empty: the address and port that they have connected to.
    std::string advertised_host;
    std::uint16_t advertised_port = 0;
    bool auto_create_topics = true;
    std::int32_t default_partitions = 1;
    std::int64_t max_request_bytes = 100 << 20;   ///< larger: the connection is closed
    std::int64_t max_buffered_bytes = 512 << 20;  ///< of all requests and responses; more: they wait
    std::int64_t max_fetch_bytes = 55 << 20;
    std::int64_t idle_timeout_ms = 600'000;
    /// Members that start together shall be together in the first generation, and one alone not wait for
    /// long.
    CoordinatorOptions groups{.initial_delay_ms = 500};
    ConsumerGroupOptions consumer_groups;
    ShareGroupOptions share_groups;
    FetchSessionLimits fetch_sessions;
    SecurityOptions security;
    /// Settings that whoever started the broker has named, by Kafka's names.
    std::set<std::string, std::less<>> given;
};

class KafkaServer {
    struct Impl;

public:
    explicit KafkaServer(std::unique_ptr<Impl> impl);  ///< see start()
    /// Binds and serves. topics and shards must outlive it. Errc::unavailable when the port is in use.
    static Result<std::unique_ptr<KafkaServer>> start(net::Shards& shards, LocalTopics& topics,
                                                      KafkaServerOptions options);
    ~KafkaServer();  ///< stop()
    /// Ends every connection and waits for what is being handled.
    void stop();
    std::uint16_t port() const;
    int connections() const;
    /// For the console.
    GroupCoordinator& groups();
    ConsumerGroups& consumer_groups();
    /// As a client commits that is no member, and waits until it is durable. Errc::exists: the group has
    /// members, or is one of the other kind (share). Not on a network thread.
    Result<> set_offsets(const std::string& group, const PartitionOffsets& offsets);
    /// With what it has committed, and waits until that is durable. Errc::not_found; Errc::exists: it has
    /// members. Not on a network thread.
    Result<> delete_group(const std::string& group);

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::broker
