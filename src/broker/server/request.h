// One request on its way through the server.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/committed_offsets.h"
#include "broker/group/consumer_groups.h"
#include "broker/group/coordinator.h"
#include "broker/listeners.h"
#include "broker/local_topics.h"
#include "broker/quota/client_quotas.h"
#include "broker/security/acls.h"
#include "broker/security/credentials.h"
#include "broker/security/sasl.h"
#include "broker/server/features.h"
#include "broker/server/fetch_sessions.h"
#include "broker/server/fresh_topics.h"
#include "broker/server/kafka_server.h"
#include "broker/server/memory_budget.h"
#include "broker/share/sharing.h"
#include "net/task.h"

namespace penstock::broker {

/// What all requests share. Outlives them.
struct ServerState {
    ServerState(LocalTopics& local_topics, KafkaServerOptions server_options)
        : topics(local_topics),
          options(std::move(server_options)),
          groups(*local_topics.options().clock, options.groups),
          consumer_groups(*local_topics.options().clock, options.consumer_groups,
                          [&local_topics] { return topics_by_name(local_topics); }),
          share(Sharing::make(local_topics, options.share_groups,
                              [&local_topics] { return topics_by_name(local_topics); })),
          features(local_topics),
          fetch_sessions(*local_topics.options().clock, options.fetch_sessions),
          memory(options.max_buffered_bytes) {}

    static ConsumerGroups::TopicsByName topics_by_name(const LocalTopics& topics) {
        ConsumerGroups::TopicsByName all;
        for (const auto& topic : topics.all())
            all[topic->spec.name] = {topic->id, std::int32_t(topic->logs.size())};
        return all;
    }

    /// Reads who may log in and who may do what. Before anything is served.
    Result<> open_security();
    /// What clients have set of groups holds from now on. Before anything is served.
    void apply_group_configs();
    std::int32_t node_id() const { return topics.options().node_id; }
    /// Whether the member may commit offsets now, whichever protocol its group has.
    wire::kafka::ErrorCode check_commit(const MemberIdentity& member, bool knows_epochs);
    /// Changes offsets and waits until that is durable.
    Result<> commit_and_wait(OffsetChanges changes);
    /// Removes a group of any kind with what it has committed, and waits for the disk: non_empty_group,
    /// group_id_not_found, or what the disk said.
    wire::kafka::ErrorCode delete_group(const std::string& name);
    /// Whether clients are asked who they are, and held to their permissions.
    bool enforces() const {
        return options.security.enforces_acls() || !options.listen.tls.client_authority.empty();
    }

    LocalTopics& topics;
    const KafkaServerOptions options;
    std::unique_ptr<Credentials> credentials;
    std::unique_ptr<Acls> acls;
    std::unique_ptr<ClientQuotas> quotas;
    std::shared_ptr<net::TlsContext> tls;  ///< nullptr: without TLS
    GroupCoordinator groups;
    ConsumerGroups consumer_groups;
    std::shared_ptr<Sharing> share;
    std::mutex config_changes;  ///< one at a time
    std::mutex group_kinds;     ///< held while a request finds its group, which is in one of both
    FeatureLevels features;
    FetchSessions fetch_sessions;
    FreshTopics fresh_topics;
    MemoryBudget memory;
    net::BlockingPool blocking{2};  ///< for what waits for the disk
    std::atomic<bool> stopping{false};
    Listeners stops;  ///< told when stopping is set
};

/// Who a connection's client is. Used by one request at a time.
struct Login {
    std::string principal{anonymous};
    bool is_done = false;
    std::unique_ptr<SaslExchange> exchange;
    std::string mechanism;
    bool sends_bare_tokens = false;  ///< until it has logged in: requests are tokens without header
};

struct Request {
    ServerState& server;
    std::shared_ptr<Login> login = std::make_shared<Login>();
    std::int16_t api = 0, version = 0;
    std::int32_t correlation_id = 0;
    std::string client_id;
    std::string_view body;  ///< into buffer
    std::shared_ptr<std::string> buffer;
    std::string client_host;  ///< "/127.0.0.1", as Kafka writes it
    std::string host;         ///< what clients shall connect to
    std::uint16_t port = 0;
    /// What the response's views point into; lives until it is encoded.
    std::vector<std::shared_ptr<const void>> keep;
    std::array<MemoryBudget::Share, 2> memory;  ///< for the request's first bytes, and the others
    MemoryBudget::Share response_memory;
    bool close_after = false;      ///< the connection cannot go on
    std::int32_t throttle_ms = 0;  ///< of quotas; nothing more is read from the connection for so long
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();  ///< to be answered
    std::chrono::nanoseconds waited{};  ///< for others: no time of the client's
    bool has_counted_time = false;
    std::optional<net::Completion<bool>> begun;  ///< told once, by let_next_begin()

    /// The connection's next request may begin, as this one has only to wait.
    void let_next_begin() {
        if (auto told = std::exchange(begun, std::nullopt)) told->set(true);
    }
    // The client's quotas, see ClientQuotas.
    std::int32_t count(Quota quota, std::int64_t bytes) const;
    std::int32_t ask(Quota quota, std::int64_t bytes) const;
    std::int32_t count_mutations(std::int64_t partitions, bool is_strict) const;
    std::int32_t count_time();  ///< once; 0 afterwards
    std::optional<std::int64_t> most_at_once(Quota quota) const;
    bool may(Operation operation, ResourceType resource, std::string_view name) const;
    bool may_any(Operation operation, ResourceType resource) const;
    /// What the client may do with the resource, a bit for each operation by Kafka's number (KIP-430).
    std::int32_t operations_on(ResourceType resource, std::string_view name) const;
    bool may_with_topic(Operation operation, std::string_view topic) const {
        return may(operation, ResourceType::topic, topic);
    }
    bool may_with_group(Operation operation, std::string_view group) const {
        return may(operation, ResourceType::group, group);
    }
    bool may_with_cluster(Operation operation) const {
        return may(operation, ResourceType::cluster, cluster_name);
    }
};

/// Owned by the session's coroutine and those that it awaits.
using RequestPointer = std::shared_ptr<Request>;

/// For as long as it lives, the request waits for others.
class Waits {
public:
    explicit Waits(Request& request) : request_(request), since_(std::chrono::steady_clock::now()) {}
    ~Waits() { request_.waited += std::chrono::steady_clock::now() - since_; }
    Waits(const Waits&) = delete;
    Waits& operator=(const Waits&) = delete;

private:
    Request& request_;
    const std::chrono::steady_clock::time_point since_;
};

}  // namespace penstock::broker
