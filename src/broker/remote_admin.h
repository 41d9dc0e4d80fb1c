// Topics of a real Kafka: which there are, their settings, where they start and end; and groups' positions.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
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
    struct Place {
        std::string topic;
        std::int32_t partition = 0;
        bool operator==(const Place&) const = default;
        auto operator<=>(const Place&) const = default;
    };
    /// A partition that the brokers do not know (any more) gets -1, and so does a time after its last record.
    Result<std::vector<std::int64_t>> offsets_at(const std::vector<Place>& places, std::int64_t timestamp_ms);

    /// By a consumer of the group that reads nothing. (librdkafka 2.0's AlterConsumerGroupOffsets ends the
    /// process by an assertion when the group's coordinator goes away.)
    Result<> commit(const std::string& group, const std::map<Place, std::int64_t>& offsets);
    /// All consumer groups, by name: those with members, and those with committed offsets.
    Result<std::vector<ConsumerGroup>> groups();

    /// Changes when the cluster is another one.
    Result<std::string> cluster_id();
    RemoteClient& client() { return *client_; }

private:
    using Clock = std::chrono::steady_clock;
    using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;
    using Start = std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;

    RemoteAdmin(std::unique_ptr<RemoteClient> client, const RemoteSettings& settings)
        : client_(std::move(client)), settings_(settings), retry_for_(settings.retry_for) {}
    Result<RemoteClient*> committer(const std::string& group);
    Result<> until_answered(const std::function<rd_kafka_resp_err_t(int timeout_ms)>& ask,
                            std::string_view what);
    /// Starts an admin request, again while the brokers are away; then judge looks at its result.
    Result<> request(rd_kafka_admin_op_t operation, std::string_view what, const Start& start,
                     const std::function<Error(const rd_kafka_event_t*)>& judge);
    Result<std::vector<Found>> metadata(const std::string* only);
    Result<> wait_until_known(const std::string& topic, std::int32_t partitions);
    Result<std::vector<std::string>> group_names();
    Result<std::vector<ConsumerGroup>> describe_groups(const std::vector<std::string>& names);
    Result<std::vector<ConsumerGroup::Position>> positions_of_group(const std::string& name);

    std::unique_ptr<RemoteClient> client_;
    const RemoteSettings settings_;
    const std::chrono::milliseconds retry_for_;
    std::mutex committers_mutex_;
    std::map<std::string, std::unique_ptr<RemoteClient>> committers_;  ///< by group
};

}  // namespace penstock::broker
