// Topics of a real Kafka: which there are, their settings, where they start and end.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/remote_client.h"
#include "broker/remote_topics.h"
#include "broker/topics.h"

namespace penstock::broker {

/// Thread-safe. Each call asks the broker, waiting for one that is away for RemoteSettings::retry_for.
class RemoteAdmin {
public:
    /// What end_time is: behind the last record whose transaction is decided, or behind all that is written.
    enum class Ends { of_committed, of_written };
    static Result<std::unique_ptr<RemoteAdmin>> open(const RemoteSettings& settings,
                                                     Ends ends = Ends::of_committed);

    Result<> create(const TopicSpec& spec);
    Result<> remove(std::string_view topic);
    /// Sets these; the others that were set stay.
    Result<> alter(std::string_view topic, const std::map<std::string, std::string>& config);

    struct Found {
        std::string name;
        std::int32_t partitions = 0;
    };
    Result<std::vector<Found>> topics();
    Result<Found> topic(std::string_view name);  ///< Errc::not_found
    struct Config {
        std::map<std::string, std::string> set;  ///< what was set for the topic itself
        std::int64_t max_message_bytes = 0;
    };
    /// In the order of the names.
    Result<std::vector<Config>> configs(const std::vector<std::string>& topics);

    /// At each partition the first offset whose record is at least that old; start and end are the two
    /// special times.
    static constexpr std::int64_t start_time = -2, end_time = -1;
    /// A partition that the brokers do not know (any more) gets -1, and so does a time after its last record.
    Result<std::vector<std::int64_t>> offsets_at(const std::vector<TopicPartition>& places,
                                                 std::int64_t timestamp_ms);
    /// The offset behind its last record. Errc::not_found: the brokers do not know the partition, and have
    /// not for two seconds: one that has just come back knows no topics for a moment.
    Result<std::int64_t> end(const TopicPartition& place);

    /// Changes when the cluster is another one.
    Result<std::string> cluster_id();
    RemoteClient& client() { return *client_; }

private:
    using Clock = std::chrono::steady_clock;
    using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;
    using Start = std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;

    RemoteAdmin(std::unique_ptr<RemoteClient> client, std::chrono::milliseconds retry_for)
        : client_(std::move(client)), retry_for_(retry_for) {}
    Result<> until_answered(const std::function<rd_kafka_resp_err_t(int timeout_ms)>& ask,
                            std::string_view what);
    /// Starts an admin request, again while the brokers are away; then judge looks at its result.
    Result<> request(rd_kafka_admin_op_t operation, std::string_view what, const Start& start,
                     const std::function<Error(const rd_kafka_event_t*)>& judge);
    Result<std::vector<Found>> metadata(const std::string* only);
    Result<> wait_until_known(const std::string& topic, std::int32_t partitions);

    std::unique_ptr<RemoteClient> client_;
    const std::chrono::milliseconds retry_for_;
};

}  // namespace penstock::broker
