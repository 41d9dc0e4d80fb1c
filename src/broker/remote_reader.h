// Reads partitions of a real Kafka from any offset. A partition that is read on and on is fetched
// ahead, up to a bound; several readers of one partition do not disturb each other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "broker/remote_client.h"
#include "broker/topics.h"

namespace penstock::broker {

/// Thread-safe.
class RemoteReader {
public:
    enum class Isolation {
        committed,    ///< only what is committed is read
        uncommitted,  ///< what was aborted, too
    };
    explicit RemoteReader(RemoteSettings settings, Isolation isolation = Isolation::committed)
        : settings_(std::move(settings)), isolation_(isolation) {}
    ~RemoteReader();
    RemoteReader(const RemoteReader&) = delete;
    RemoteReader& operator=(const RemoteReader&) = delete;

    /// What Topics::read() promises. end_offset: what is known of the partition's end; records
    /// before it are waited for.
    Result<RecordSet> read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                           std::int64_t max_bytes, std::int64_t end_offset);
    /// Stops fetching what nobody has read for a while; forgets the topic when one is named.
    void close_idle(std::chrono::steady_clock::duration idle_for, std::string_view topic = {});

private:
    struct Fetcher;
    /// One partition that a fetcher fetches, read on from next_offset.
    struct Cursor {
        Fetcher* fetcher = nullptr;
        std::string topic;
        std::int32_t partition = 0;
        rd_kafka_topic_t* handle = nullptr;
        std::int64_t next_offset = 0;
        std::deque<rd_kafka_message_t*> waiting;  ///< fetched, and not yet read
        bool is_busy = false;
        std::chrono::steady_clock::time_point last_used;
    };
    /// One librdkafka instance, which can fetch a partition from one place only.
    struct Fetcher {
        std::unique_ptr<RemoteClient> client;
    };

    Result<Cursor*> take(std::string_view topic, std::int32_t partition, std::int64_t offset);
    void give_back(Cursor& cursor, bool keep);
    Result<Fetcher*> fetcher_for(std::string_view topic, std::int32_t partition);
    static Result<> start(Cursor& cursor, std::int64_t offset);
    static void stop(Cursor& cursor);
    Result<RecordSet> read_from(Cursor& cursor, std::int64_t max_bytes, std::int64_t end_offset);
    static bool fetch(Cursor& cursor, int wait_ms);
    static void wake_fetcher(const Cursor& cursor);

    const RemoteSettings settings_;
    const Isolation isolation_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Fetcher>> fetchers_;
    std::vector<std::unique_ptr<Cursor>> cursors_;
};

}  // namespace penstock::broker
