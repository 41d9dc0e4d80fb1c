// One request on its way through the server.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/coordinator.h"
#include "broker/listeners.h"
#include "broker/local_topics.h"
#include "broker/server/kafka_server.h"
#include "broker/server/memory_budget.h"
#include "net/task.h"

namespace penstock::broker {

/// What all requests share. Outlives them.
struct ServerState {
    ServerState(LocalTopics& local_topics, KafkaServerOptions server_options)
        : topics(local_topics),
          options(std::move(server_options)),
          groups(*local_topics.options().clock, options.groups),
          memory(options.max_buffered_bytes) {}

    LocalTopics& topics;
    const KafkaServerOptions options;
    GroupCoordinator groups;
    MemoryBudget memory;
    net::BlockingPool blocking{2};  ///< for what waits for the disk
    std::atomic<bool> stopping{false};
    Listeners stops;  ///< told when stopping is set
};

struct Request {
    ServerState& server;
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
    MemoryBudget::Share response_memory;
    bool close_after = false;  ///< the connection cannot go on
};

/// Owned by the session's coroutine and those that it awaits.
using RequestPointer = std::shared_ptr<Request>;

}  // namespace penstock::broker
