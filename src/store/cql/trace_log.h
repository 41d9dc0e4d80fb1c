// What traced requests did, for system_traces: the last thousand, in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::store::cql {

struct TraceEvent {
    std::string id;  ///< a time uuid
    std::string activity;
    std::string thread;
    std::int64_t elapsed_us = 0;  ///< since the request came
};

struct TraceSession {
    std::string id;       ///< a time uuid
    std::string client;   ///< address
    std::string request;  ///< "Execute CQL3 query"
    std::int64_t started_us = 0;
    std::int64_t duration_us = 0;
    std::map<std::string, std::string> parameters;
    std::vector<TraceEvent> events;

    void add(std::string activity, std::string thread, std::int64_t now_us);
};

/// Thread-safe.
class TraceLog {
public:
    void add(TraceSession session);
    std::vector<TraceSession> sessions() const;

private:
    mutable std::mutex mutex_;
    std::deque<TraceSession> sessions_;
};

}  // namespace penstock::store::cql
