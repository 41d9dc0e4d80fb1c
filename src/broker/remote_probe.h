// What a real Kafka says of itself, for people who look for what is wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace penstock::broker {

struct KafkaReport {
    struct Broker {
        std::int32_t id = 0;
        std::string host;  ///< as it is advertised to clients
        std::uint16_t port = 0;
        std::string problem;  ///< why the advertised address cannot be reached; empty: it can
        std::string version;  ///< "4.1 or newer", from the requests that it knows; empty: it was not asked
    };
    struct Topic {
        std::int32_t partitions = 0;
        std::string problem;  ///< what the broker says; empty: nothing
    };
    std::vector<Broker> brokers;
    std::int32_t controller = -1;
    std::map<std::string, Topic> topics;
};

/// Asks the brokers of a kafka:// URL. Errors as those of open_remote_topics().
Result<KafkaReport> probe_kafka(const std::string& url, std::chrono::milliseconds timeout);

/// Whether what listens there speaks Kafka, and how new it is ("4.1 or newer").
Result<std::string> probe_kafka_version(const std::string& host, std::uint16_t port,
                                        std::chrono::milliseconds timeout);

}  // namespace penstock::broker
