// Incremental fetches (KIP-227): a consumer names its partitions once, and is told only of those that have
// news.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "wire/kafka/fetch.h"

namespace penstock::broker {

struct FetchSessionLimits {
    std::size_t sessions = 1000;          ///< max.incremental.fetch.session.cache.slots
    std::size_t partitions = 200'000;     ///< of all of them together
    std::int64_t kept_idle_ms = 120'000;  ///< before another one may take its place
};

/// Thread-safe. When there is no room for another session, its client is served full fetches.
class FetchSessions {
public:
    using Request = wire::kafka::FetchRequest;
    using Response = wire::kafka::FetchResponse;

    FetchSessions(const Clock& clock, FetchSessionLimits limits) : clock_(clock), limits_(limits) {}

    /// Makes, continues or ends what the request says. Afterwards its topics are all that are to be read.
    /// by_id: the request names topics by id (version 13 and newer).
    wire::kafka::ErrorCode open(Request& request, bool by_id);
    /// Leaves out of the response what the client knows already; names the session in it.
    void close(const Request& request, Response& response);
    /// Instead of close(), when the response says nothing but that the client has to wait.
    void put_off(const Request& request, Response& response);

    std::size_t sessions() const;

private:
    using Key =
        std::pair<std::string, std::int32_t>;  // a topic's name, or the bytes of its id; the partition
    struct Entry {
        Key key;
        std::string topic;
        codec::Uuid topic_id;
        Request::Topic::Partition asked;
        std::int64_t high_watermark = -1, log_start_offset = -1, last_stable_offset = -1;  // as told
    };
    struct Session {
        std::int32_t epoch = 1;  // that the next request has
        bool by_id = false;
        std::int64_t used_ms = 0;
        std::list<Entry> order;  // those that had records go to the end, so that each gets its turn
        std::map<Key, std::list<Entry>::iterator> entries;
    };

    static Key key_of(const std::string& topic, const codec::Uuid& id, bool by_id, std::int32_t partition);
    static bool has_news(Entry& entry, const Response::Topic::Partition& answer);
    void put(Session& session, const Request& request);
    void create(Request& request, bool by_id);
    bool make_room(std::size_t partitions);
    void remove(std::int32_t id);
    std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    const Clock& clock_;
    const FetchSessionLimits limits_;
    mutable std::mutex mutex_;  // guards the rest
    std::map<std::int32_t, Session> sessions_;
    std::size_t partitions_ = 0;
};

}  // namespace penstock::broker
