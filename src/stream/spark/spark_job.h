// A query as it is given to Spark: views, sinks and settings, all known before anything is started.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "store/tables.h"
#include "stream/spark/spark_memory.h"
#include "stream/spark/spark_place.h"
#include "stream/spark/spark_plan.h"
#include "stream/spark/spark_session.h"

namespace penstock::stream {

/// A topic that a query reads, as it is now.
struct SparkInput {
    SparkTopic relation;
    broker::TopicInfo info;
    bool inferred = false;
    DataType all;  ///< every column that is known
};

inline constexpr std::string_view cassandra_format = "org.apache.spark.sql.cassandra";

struct SparkSink {
    std::string name;
    std::string format;
    std::string mode;     ///< append or update
    std::string trigger;  ///< pause between micro-batches, as Spark writes it; empty: none
    std::string rows;     ///< SQL over the session's views
    std::map<std::string, std::string> options;
};

struct SparkJob {
    std::string sql;  ///< the query's, perhaps with a write time
    SparkText text;
    std::vector<SparkInput> inputs;
    std::optional<pipeline::QuerySpec::Watermark> watermark;
    bool stateful = false;
    SparkPlace place;
    std::string checkpoint;  ///< folder of this query's checkpoints
    std::vector<SparkColumn> columns;
    SparkSink rows;
    std::optional<SparkSink> letters;
    std::string relay_topic;  ///< empty: Spark writes the target itself
    /// Of everything that Spark was told: the same text means the same query.
    std::string definition;
};

/// Names of the views in a session.
std::string raw_view(std::size_t input);
inline constexpr std::string_view rows_view = "_penstock_rows";

/// Kafka's columns of a topic. offsets: a bounded read between them, as JSON; none: a stream from the
/// beginning.
struct OffsetRange {
    std::string from = "earliest";
    std::string to = "latest";
};
connect::Relation kafka_relation(const SparkTopic& topic, const SparkPlace& place, const std::string& group,
                                 std::int64_t max_offsets, const std::optional<OffsetRange>& bounded);
connect::Relation sql_relation(const std::string& sql);

/// Makes the views that the query's SQL reads.
Result<> create_input_views(SparkSession& session, const std::vector<SparkInput>& inputs,
                            const SparkPlace& place, const std::string& group, std::int64_t max_offsets,
                            const std::optional<pipeline::QuerySpec::Watermark>& watermark,
                            const std::map<std::string, OffsetRange>* bounded);

/// A struct's columns.
std::vector<SparkColumn> spark_columns_of(const connect::DataType& row);

/// A name of 16 hexadecimal digits for a text.
std::string short_hash(std::string_view text);
/// A UUID that follows from the text.
std::string uuid_of(std::string_view text);

/// The columns of a topic: declared, or remembered, or inferred from its first records. all is empty and
/// false is returned when there are none to infer from; seen says how many records were looked at.
struct TopicColumns {
    DataType all{DataType::Shape::object};
    bool inferred = false;
    bool known = false;
    int seen = 0;
};
Result<TopicColumns> columns_of_topic(broker::Topics& topics, const broker::TopicInfo& info,
                                      const pipeline::TopicSpec* spec, const SparkMemory& memory,
                                      int sample_records, std::int64_t read_bytes);

/// Settings that make Spark's answers those of the embedded engine.
std::map<std::string, std::string> session_settings(const SparkUrl& url, const SparkPlace& place);

}  // namespace penstock::stream
