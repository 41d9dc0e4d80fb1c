#include "broker/remote_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "codec/varint.h"

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Readers of one partition at different places at once; one more waits for one of them.
constexpr std::size_t fetchers_max = 4;
constexpr std::size_t messages_at_once = 512;
/// What follows the last value, for parsers that read past its end.
constexpr std::size_t readable_slack = 64;
constexpr int one_wait_ms = 20;
constexpr int short_wait_ms = 5;

/// A message's headers, as librdkafka has taken them apart.
std::vector<Header> headers_of(const rd_kafka_message_t* message) {
    std::vector<Header> found;
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return found;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); ++i)
        found.push_back({name, {static_cast<const char*>(value), value ? size : 0}});
    return found;
}

/// As record batches have them, which is what decode_headers() reads.
void encode_headers(const std::vector<Header>& headers, std::string& out) {
    codec::append_varint(out, codec::zigzag(std::int64_t(headers.size())));
    for (const auto& header : headers) {
        for (auto text : {header.name, header.value}) {
            codec::append_varint(out, codec::zigzag(std::int64_t(text.size())));
            out.append(text);
        }
    }
}

/// Copies messages into one buffer, which the records' views point into.
class RecordSetBuilder {
public:
    void add(const rd_kafka_message_t* message) {
        auto headers = headers_of(message);
        auto start = bytes_.size();
        auto put = [&](const void* bytes, std::size_t size) {
            if (size > 0) bytes_.append(static_cast<const char*>(bytes), size);
        };
        put(message->key, message->key_len);
        put(message->payload, message->len);
        encode_headers(headers, bytes_);
        places_.push_back({start, message->key ? std::int64_t(message->key_len) : -1,
                           message->payload ? std::int64_t(message->len) : -1});
        rd_kafka_timestamp_type_t type{};
        set_.records.push_back(
            {.offset = message->offset, .timestamp_ms = rd_kafka_message_timestamp(message, &type)});
    }
    std::size_t bytes() const { return bytes_.size(); }
    bool is_empty() const { return places_.empty(); }
    void reserve(std::size_t bytes) { bytes_.reserve(bytes); }

    RecordSet finish(std::int64_t next_offset) {
        bytes_.append(readable_slack, '\0');
        auto bytes = std::make_shared<const std::string>(std::move(bytes_));
        std::string_view all(bytes->data(), bytes->size() - readable_slack);
        for (std::size_t i = 0; i < places_.size(); ++i) {
            auto& record = set_.records[i];
            auto at = places_[i].start;
            if (places_[i].key_size >= 0) record.key = all.substr(at, std::size_t(places_[i].key_size));
            at += record.key ? record.key->size() : 0;
            if (places_[i].value_size >= 0) record.value = all.substr(at, std::size_t(places_[i].value_size));
            at += record.value ? record.value->size() : 0;
            auto end = i + 1 < places_.size() ? places_[i + 1].start : all.size();
            record.headers = all.substr(at, end - at);
        }
        set_.next_offset = next_offset;
        set_.bytes = std::move(bytes);
        return std::move(set_);
    }

private:
    struct Place {
        std::size_t start;
        std::int64_t key_size;    ///< -1: null
        std::int64_t value_size;  ///< -1: null
    };
    RecordSet set_;
    std::string bytes_;
    std::vector<Place> places_;
};

}  // namespace

RemoteReader::~RemoteReader() {
    close_idle(steady_clock::duration(0));
}

Result<RemoteReader::Fetcher*> RemoteReader::fetcher_for(std::string_view topic, std::int32_t partition) {
    for (const auto& fetcher : fetchers_) {
        bool is_taken = std::any_of(cursors_.begin(), cursors_.end(), [&](const auto& cursor) {
            return cursor->fetcher == fetcher.get() && cursor->topic == topic &&
                   cursor->partition == partition;
        });
        if (!is_taken) return fetcher.get();
    }
    if (fetchers_.size() >= fetchers_max) return nullptr;
    auto client = TRY(RemoteClient::open(
        RD_KAFKA_CONSUMER, settings_,
        {{"client.id", "penstock"},
         {"enable.partition.eof", "true"},
         {"isolation.level", isolation_ == Isolation::committed ? "read_committed" : "read_uncommitted"},
         {"auto.offset.reset", "error"},
         {"enable.auto.commit", "false"},
         {"auto.commit.enable", "false"},
         {"fetch.wait.max.ms", "100"},
         {"fetch.error.backoff.ms", "50"},
         // Fetched ahead of the reader, for each partition.
         {"queued.max.messages.kbytes", "8192"},
         {"reconnect.backoff.ms", "50"},
         {"reconnect.backoff.max.ms", "1000"},
         {"allow.auto.create.topics", "false"},
         {"socket.keepalive.enable", "true"},
         {"log.connection.close", "false"}},
        {}));
    fetchers_.push_back(std::make_unique<Fetcher>(Fetcher{std::move(client)}));
    return fetchers_.back().get();
}

Result<> RemoteReader::start(Cursor& cursor, std::int64_t offset) {
    auto& client = *cursor.fetcher->client;
    // A handle of its own: one that was kept would go on with a topic that has been deleted since.
    cursor.handle = rd_kafka_topic_new(client.handle(), cursor.topic.c_str(), nullptr);
    if (rd_kafka_consume_start(cursor.handle, cursor.partition, offset) != 0) {
        auto code = rd_kafka_last_error();
        rd_kafka_topic_destroy(cursor.handle);
        return fail(client.error(code, fmt::format("read {}-{}", cursor.topic, cursor.partition)));
    }
    cursor.next_offset = offset;
    return {};
}

void RemoteReader::stop(Cursor& cursor) {
    for (auto* message : cursor.waiting) rd_kafka_message_destroy(message);
    cursor.waiting.clear();
    rd_kafka_consume_stop(cursor.handle, cursor.partition);
    rd_kafka_topic_destroy(cursor.handle);
}

/// A cursor that stands at the offset; else a new one; else, when there are as many as may be, the one that
/// was left alone for longest is moved.
Result<RemoteReader::Cursor*> RemoteReader::take(std::string_view topic, std::int32_t partition,
                                                 std::int64_t offset) {
    std::unique_lock lock(mutex_);
    for (;;) {
        Cursor* oldest = nullptr;
        for (const auto& cursor : cursors_) {
            if (cursor->is_busy || cursor->topic != topic || cursor->partition != partition) continue;
            if (cursor->next_offset == offset) {
                cursor->is_busy = true;
                return cursor.get();
            }
            if (!oldest || cursor->last_used < oldest->last_used) oldest = cursor.get();
        }
        auto* fetcher = TRY(fetcher_for(topic, partition));
        if (fetcher) {
            auto cursor = std::make_unique<Cursor>();
            cursor->fetcher = fetcher;
            cursor->topic = topic;
            cursor->partition = partition;
            TRY(start(*cursor, offset));
            cursor->is_busy = true;
            cursors_.push_back(std::move(cursor));
            return cursors_.back().get();
        }
        if (oldest) {
            stop(*oldest);
            if (auto started = start(*oldest, offset); !started) {
                std::erase_if(cursors_, [&](const auto& each) { return each.get() == oldest; });
                return fail(started.error());
            }
            oldest->is_busy = true;
            return oldest;
        }
        returned_.wait(lock);
    }
}

void RemoteReader::give_back(Cursor& cursor, bool keep) {
    {
        std::lock_guard lock(mutex_);
        cursor.is_busy = false;
        cursor.last_used = steady_clock::now();
        if (!keep) {
            stop(cursor);
            std::erase_if(cursors_, [&](const auto& each) { return each.get() == &cursor; });
        }
    }
    returned_.notify_all();
}

void RemoteReader::close_idle(steady_clock::duration idle_for, std::string_view topic) {
    std::lock_guard lock(mutex_);
    auto now = steady_clock::now();
    std::erase_if(cursors_, [&](const auto& cursor) {
        bool is_meant = topic.empty() || cursor->topic == topic;
        if (cursor->is_busy || !is_meant || now - cursor->last_used < idle_for) return false;
        stop(*cursor);
        return true;
    });
}

Result<RecordSet> RemoteReader::read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                                     std::int64_t max_bytes, std::int64_t end_offset) {
    auto* cursor = TRY(take(topic, partition, offset));
    auto set = read_from(*cursor, max_bytes, end_offset);
    give_back(*cursor, set.has_value());
    return set;
}

/// Moves what has arrived to cursor.waiting; waits for the first message. False: nothing came.
bool RemoteReader::fetch(Cursor& cursor, int wait_ms) {
    std::array<rd_kafka_message_t*, messages_at_once> messages;
    auto take_some = [&](int timeout_ms, std::size_t most) {
        auto got = rd_kafka_consume_batch(cursor.handle, cursor.partition, timeout_ms, messages.data(), most);
        for (ssize_t i = 0; i < got; ++i) cursor.waiting.push_back(messages[std::size_t(i)]);
        return got > 0;
    };
    if (take_some(0, messages.size())) return true;
    // librdkafka waits until it has as many as asked for.
    if (wait_ms == 0 || !take_some(wait_ms, 1)) return false;
    take_some(0, messages.size());
    return true;
}

/// When the queue was full, librdkafka's thread looks at it again after a second, or when something wakes it
/// (fetch.queue.backoff.ms, which is for this, is not in 2.0). A request to the partition's leader does. Not
/// rd_kafka_query_watermark_offsets(): once it knows the leader it waits for it, however long that is away.
void RemoteReader::wake_fetcher(const Cursor& cursor) {
    auto* asked = rd_kafka_topic_partition_list_new(1);
    auto* place = rd_kafka_topic_partition_list_add(asked, cursor.topic.c_str(), cursor.partition);
    place->offset = RD_KAFKA_OFFSET_END;  // as the time that is asked for: the newest
    (void)rd_kafka_offsets_for_times(cursor.fetcher->client->handle(), asked, one_wait_ms);
    rd_kafka_topic_partition_list_destroy(asked);
}

Result<RecordSet> RemoteReader::read_from(Cursor& cursor, std::int64_t max_bytes, std::int64_t end_offset) {
    RecordSetBuilder builder;
    builder.reserve(std::size_t(std::clamp<std::int64_t>(max_bytes, 0, 1 << 20)));
    auto deadline = steady_clock::now() + settings_.retry_for;
    auto what = [&] {
        return fmt::format("read {}-{} at offset {}", cursor.topic, cursor.partition, cursor.next_offset);
    };
    bool is_woken = false;
    for (bool is_full = false; !is_full;) {
        if (cursor.waiting.empty() && !fetch(cursor, 0)) {
            if (!builder.is_empty() || cursor.next_offset >= end_offset) break;
            // There are records, and they have not come yet.
            if (!fetch(cursor, is_woken ? one_wait_ms : short_wait_ms)) {
                if (!std::exchange(is_woken, true)) wake_fetcher(cursor);
                if (steady_clock::now() < deadline) continue;
                return fail(cursor.fetcher->client->error(RD_KAFKA_RESP_ERR__TIMED_OUT, what()));
            }
        }
        auto* message = cursor.waiting.front();
        auto code = message->err;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            is_full = !builder.is_empty() && std::int64_t(builder.bytes() + message->len) > max_bytes;
            if (is_full) break;
            builder.add(message);
            cursor.next_offset = message->offset + 1;
            is_full = std::int64_t(builder.bytes()) >= max_bytes;
        } else if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            // Behind the last record there may be marks of transactions.
            cursor.next_offset = std::max(cursor.next_offset, message->offset);
        } else if (!is_passing(code)) {
            if (!builder.is_empty()) break;  // told at the next read
            return fail(cursor.fetcher->client->error(code, what()));
        }
        cursor.waiting.pop_front();
        rd_kafka_message_destroy(message);
    }
    return builder.finish(cursor.next_offset);
}

}  // namespace penstock::broker
