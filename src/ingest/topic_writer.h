// Appends pages to a topic and its dead-letter topic, each exactly once where the input can be read again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "ingest/page.h"
#include "ingest/run_control.h"
#include "ingest/sources.h"
#include "registry/topic_encoder.h"

namespace penstock::ingest {

/// SourceCounts that several threads add to.
struct LiveCounts {
    std::atomic<std::int64_t> fetched{0}, acknowledged{0}, rejected{0}, requests{0}, failures{0}, bytes{0};
    SourceCounts read() const;

    void note_reject(std::string reason);
    /// Why the last record went to the dead-letter topic, and to which; empty: none did.
    std::string last_reject(std::string_view topic) const;

private:
    mutable std::mutex mutex_;
    std::string last_reject_;
};

/// How far in its input a source is. Written as "<page> <records> <token>" beside the records, see cursor().
struct InputPosition {
    std::int64_t page = -1;     ///< pages are counted from 0; -1: nothing yet
    std::uint32_t records = 0;  ///< of that page
    std::string token;  ///< where that page begins: a page's number, a cursor, a URL, a place in a file

    std::string text() const;
    static Result<InputPosition> parse(std::string_view text);
};

/// What has been appended under one producer's name: the latest position, and how far each partition is.
struct InputCursor {
    std::string producer;
    InputPosition latest;
    std::vector<InputPosition> partitions;  ///< the last one is the dead-letter topic
};

/// A page on its way. Must live and stay as it is until settle() has returned.
struct OutgoingPage {
    std::string body;                        ///< what the page's views point into,
    std::string raw;                         ///< and this (what CSV was made of),
    std::unique_ptr<PageSplitter> splitter;  ///< and this, when there is one
    Page page;
    std::int64_t number = 0;  ///< InputPosition::page; without a cursor: anything that changes
    std::string token;
    std::string url;  ///< for people, with masked credentials
    bool from_replica = false;
    std::string replica;  ///< its name
    std::string run_id;   ///< of the task's run, when one runs the source

private:
    friend class TopicWriter;
    struct Batch {
        std::size_t target = 0;
        std::vector<broker::NewRecord> records;
        std::int64_t rejected = 0;
    };
    struct Pending;
    std::vector<std::array<char, 32>> ids;
    std::vector<std::array<broker::Header, 8>> headers;
    std::string origin;
    std::string position;
    std::vector<std::string> encoded;  ///< by record, when the topic has a schema
    std::vector<Batch> batches;
    std::shared_ptr<Pending> pending;
};

/// For one thread at a time.
class TopicWriter {
public:
    /// encoder: writes the records as the topic's format says; null: as they are.
    TopicWriter(broker::Topics& topics, std::string source, std::string topic,
                std::shared_ptr<LiveCounts> counts,
                std::shared_ptr<registry::TopicEncoder> encoder = nullptr);

    /// Asked before anything is written or a producer is taken over; an error is passed on.
    void set_right(std::function<Result<>()> right) { right_ = std::move(right); }

    /// Creates the topic, with one partition, when there is none.
    Result<> open();
    /// Asks the log what a producer has appended. Pages go out one after another, a page only when the one
    /// before has been acknowledged in all partitions: so all pages before the latest are everywhere, and of
    /// the latest itself a partition has either what its own position says or nothing.
    Result<InputCursor> cursor(std::string producer);

    /// Encodes the page's records; those that do not fit the topic's schema become rejects. Before send(),
    /// once. An error is of the registry: the page is as it was, and may be tried again.
    Result<> encode(OutgoingPage& page);
    /// encode() until it succeeds or the run is ending, with back-off; waiting(text) hears of it.
    Result<> encode(OutgoingPage& page, RunControl& control,
                    const std::function<void(const std::string&)>& waiting);

    /// Appends, one append for each partition, what the cursor says is not there yet. Returns when the log
    /// has the bytes. cursor: null when the input cannot be read again; else the same until settle() has
    /// returned.
    void send(OutgoingPage& page, InputCursor* cursor);
    /// Waits until all is acknowledged. What the log refuses is tried again until it takes it or the run is
    /// ending; waiting(text) hears of it. With a right, Errc::fenced: somebody else has taken the producer
    /// over; it is not taken back.
    Result<> settle(OutgoingPage& page, InputCursor* cursor, RunControl& control,
                    const std::function<void(const std::string&)>& waiting);

    /// For an input that cannot be read again: calls done, from any thread, when everything is acknowledged,
    /// or with the first error. The page must live until then.
    void send_and_tell(OutgoingPage& page, std::function<void(Result<>)> done);

    const std::string& topic() const { return topic_; }
    const std::string& dead_letter_topic() const { return dead_letter_topic_; }

private:
    void make_batches(OutgoingPage& page, const InputCursor* cursor);
    std::span<const broker::Header> describe(OutgoingPage& page, std::size_t slot, std::string_view key,
                                             std::string_view value, const Page::Reject* reject);
    void append(OutgoingPage& page, std::size_t batch, std::string_view producer);
    Result<> create_dead_letter_topic();
    std::string_view topic_of(std::size_t target) const;
    std::int32_t partition_of(std::size_t target) const;

    broker::Topics& topics_;
    std::string source_;
    std::string topic_;
    std::string dead_letter_topic_;
    std::shared_ptr<LiveCounts> counts_;
    std::shared_ptr<registry::TopicEncoder> encoder_;
    std::int32_t partitions_ = 1;
    std::size_t max_bytes_ = max_record_bytes;  ///< of a record with its headers, as the topic allows
    bool has_dead_letter_topic_ = false;
    std::function<Result<>()> right_;
};

}  // namespace penstock::ingest
