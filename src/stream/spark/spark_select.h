// Bounded SELECTs on Spark: topics as they are now, tables by the Cassandra connector.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stream/spark/spark_job.h"
#include "stream/spark/spark_query.h"

namespace penstock::stream {

/// Thread-safe.
class SparkSelect {
public:
    /// shared lives longer.
    explicit SparkSelect(SparkShared& shared) : shared_(shared) {}

    /// Topics as their pipelines declare them.
    void remember(const std::vector<pipeline::TopicSpec>& topics);
    /// False when the SELECT reads a table and Spark has no connector to tables.
    Result<bool> takes(std::string_view sql);
    Result<Batch> select(std::string_view sql);
    /// The query's SQL on the last max_records of its topics.
    Result<Batch> preview(const pipeline::QuerySpec& query, const std::vector<pipeline::TopicSpec>& topics,
                          std::int64_t max_records);

private:
    class Borrowed;
    Result<std::string> version();
    Result<SparkText> read(std::string_view sql);
    Result<std::vector<SparkInput>> inputs(const SparkText& text, std::string_view sql,
                                           const std::vector<pipeline::TopicSpec>& specs);
    Result<Batch> run(std::string_view sql, const std::vector<SparkInput>& inputs,
                      const std::map<std::string, OffsetRange>& ranges);

    SparkShared& shared_;
    std::mutex mutex_;
    std::map<std::string, pipeline::TopicSpec, std::less<>> declared_;
    std::vector<std::unique_ptr<SparkSession>> idle_;  ///< sessions that nobody uses now
    std::int64_t sessions_ = 0;
    std::string version_;
};

}  // namespace penstock::stream
