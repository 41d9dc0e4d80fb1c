// A query's rows in a topic, each once: the log keeps, beside the rows and together with them, which stretch
// of the input they came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "pipeline/spec.h"
#include "record/batch.h"

namespace penstock::stream {

/// What a commit wrote into a partition of the topic: rows of the input between from and to. One line of
/// text, as people see it in the header penstock.position.
struct OutputPosition {
    std::uint64_t query_hash = 0;
    std::uint64_t target_hash = 0;
    bool grouped = false;
    std::string topic_id;  ///< of the input
    std::int64_t commits = 0;
    std::int64_t watermark_us = INT64_MIN;
    std::vector<std::int64_t> from, to;  ///< by partition of the input

    std::string text() const;
    static Result<OutputPosition> parse(std::string_view text);
    bool operator==(const OutputPosition&) const = default;
};

/// For one thread. The rows of one commit reach several partitions one by one; cut off in between, some have
/// them and some not. So the commit is made again, of exactly the same input, and only those that lack it get
/// it. For that rows without a key go to one partition, which the commit's number decides.
class TopicOutput {
public:
    TopicOutput(broker::Topics& topics, const pipeline::QuerySpec& query, std::string topic);

    /// Takes the query's name as a producer over, which fences whoever wrote in it before, and asks how far
    /// each partition is.
    Result<> open();
    /// The last commit that any partition has; null: none has.
    const OutputPosition* latest() const;
    /// Appends, to all partitions at once; values: for each batch, of its rows. again: the commit is
    /// latest(), and goes where it is not yet.
    Result<> write(const std::vector<Batch>& batches, std::vector<std::vector<std::string>> values,
                   const OutputPosition& position, bool again);

private:
    struct Text {
        std::optional<std::string> key;
        std::string value;
    };
    using Texts = std::vector<std::vector<Text>>;  ///< by partition

    Texts texts_of(const std::vector<Batch>& batches, std::vector<std::vector<std::string>> values,
                   std::int64_t commit) const;
    Result<> append(const Texts& texts, const std::string& position);

    broker::Topics& topics_;
    const pipeline::QuerySpec& query_;
    const std::string topic_;
    const std::string producer_;
    std::vector<std::optional<OutputPosition>> positions_;  ///< by partition
};

}  // namespace penstock::stream
