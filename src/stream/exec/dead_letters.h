// Records that do not fit, kept with their origin and the reason in the topic NAME.dlq.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"

namespace penstock::stream {

/// Each rejected record is kept once: the dead-letter topic remembers, together with the records, how far in
/// the input it is, so that after a crash what is there already is left out.
class DeadLetters {
public:
    /// epoch: another one when the same input may be rejected for other reasons (the SQL changed).
    DeadLetters(broker::Topics& topics, std::string topic, std::string query, std::string epoch)
        : topics_(topics), topic_(std::move(topic)), query_(std::move(query)), epoch_(std::move(epoch)) {}

    /// Fences whoever wrote letters of these partitions before. What it left half done ends here, and no
    /// sooner: a transaction that nobody ends hides what others write.
    Result<> take_over(std::int32_t source_partitions);
    /// bytes is what the record points into.
    void add(std::int32_t partition, const broker::Record& record, std::shared_ptr<const void> bytes,
             std::string reason);
    std::size_t waiting() const { return waiting_; }
    /// Of the record that was added last.
    const std::string& last_reason() const { return last_reason_; }
    /// Waits until all are durable. Their number.
    Result<std::int64_t> flush(std::int32_t source_partitions);

private:
    struct Letter {
        broker::Record record;
        std::shared_ptr<const void> bytes;
        std::string reason;
    };
    Result<std::int32_t> partitions(std::int32_t wanted);
    Result<> append(std::int32_t source, const std::map<std::int64_t, Letter>& letters,
                    std::int32_t partition);
    Result<> read_position(std::int32_t source, std::int32_t partition);
    std::string producer(std::int32_t source) const;

    broker::Topics& topics_;
    std::string topic_;
    std::string query_;
    std::string epoch_;
    std::map<std::int32_t, std::map<std::int64_t, Letter>> letters_;  ///< by partition and offset
    std::size_t waiting_ = 0;
    std::string last_reason_;
    std::map<std::int32_t, std::int64_t> written_;  ///< by source partition: the last offset that is there
};

}  // namespace penstock::stream
