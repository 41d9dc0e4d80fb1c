// Consumer groups of a real Kafka: the positions that queries publish, and what tools list.
//
// Not by the admin requests for groups: when the connection to a group's coordinator breaks at the wrong
// moment, librdkafka ends the whole process (rd_kafka_enq_once_del_source_return: Assertion `eonce->refcnt >
// 0' failed; its issue 4605). A consumer that never subscribes commits and reads positions without them.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "broker/remote_admin.h"
#include "broker/remote_client.h"
#include "broker/remote_topics.h"

namespace penstock::broker {

/// Thread-safe. Each call asks the brokers once; Errc::unavailable when they do not answer.
class RemoteGroups {
public:
    RemoteGroups(RemoteSettings settings, RemoteAdmin& admin)
        : settings_(std::move(settings)), admin_(admin) {}

    Result<> commit(const std::string& group, const PartitionOffsets& offsets);
    /// All groups by name, with what they have committed. Waits a few seconds for a coordinator that loads
    /// them.
    Result<std::vector<ConsumerGroup>> list();

private:
    using Client = std::shared_ptr<RemoteClient>;

    /// A member of none: only its group's name counts. The last few are kept, for each has connections of its
    /// own.
    Result<Client> client_of(const std::string& group);
    Result<PartitionOffsets> committed_by(const std::string& group,
                                          const std::vector<RemoteAdmin::Found>& topics);

    const RemoteSettings settings_;
    RemoteAdmin& admin_;
    std::mutex mutex_;
    std::list<std::pair<std::string, Client>> clients_;  ///< the one used last comes first
};

}  // namespace penstock::broker
