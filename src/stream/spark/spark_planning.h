// From a query's text to a SparkJob: what it reads, what Spark says of it, where its rows go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/topics.h"
#include "pipeline/spec.h"
#include "store/tables.h"
#include "stream/native_engine.h"
#include "stream/spark/spark_job.h"

namespace penstock::stream {

class SparkPlanner {
public:
    /// All live longer.
    SparkPlanner(broker::Topics& topics, store::Tables& tables, const EngineOptions& options,
                 const pipeline::QuerySpec& query, const std::vector<pipeline::TopicSpec>& specs)
        : topics_(topics), tables_(tables), options_(options), query_(query), specs_(specs) {}

    struct Inputs {
        std::vector<std::string> topics;
        std::string waits_for;  ///< empty: all is known, and job has it
        SparkJob job;
    };
    /// What can be known without Spark: the topics, and their columns as far as the query uses them. What was
    /// inferred is kept, so that it is the same after a restart.
    Result<Inputs> inputs();

    /// Makes the views in the session and asks Spark for the result's columns; makes the target when it is
    /// missing. Errc::invalid with Spark's words when it refuses the SQL.
    Result<> finish(SparkJob& job, SparkSession& session, const std::string& spark_version,
                    const SparkUrl& url);

private:
    Result<std::string> add_input(SparkJob& job, const broker::TopicInfo& info, SparkMemory& memory);
    Result<std::string> narrow(SparkJob& job, const SparkInput& input, int seen);
    Result<> check_target(const SparkJob& job) const;
    Result<> to_topic(SparkJob& job, const std::string& topic);
    Result<> to_table(SparkJob& job, const std::string& spark_version, const SparkUrl& url);
    Result<> relayed(SparkJob& job);
    Result<> letters(SparkJob& job, const SparkUrl& url);
    Result<std::int64_t> first_write_time(const std::string& place);
    std::string state_of(const SparkJob& job) const;

    broker::Topics& topics_;
    store::Tables& tables_;
    const EngineOptions& options_;
    const pipeline::QuerySpec& query_;
    const std::vector<pipeline::TopicSpec>& specs_;
};

/// The embedded engine's query that puts a relayed query's rows into its table.
struct RelayQuery {
    pipeline::QuerySpec query;
    pipeline::TopicSpec topic;
};
RelayQuery relay_query(const pipeline::QuerySpec& query, const SparkJob& job);
std::string relay_name(std::string_view query);
/// The query that the relay of this name is for.
std::string_view relayed_query(std::string_view relay);

/// The first cause in what Spark says when a query has ended, without Java's frames.
std::string spark_reason(std::string_view exception);
/// Kafka, Cassandra or a part of the cluster is away: trying again will help when it is back.
bool is_about_a_neighbour(std::string_view exception);
/// Where Spark says a mistake is: "(line 1, pos 7)" or "line 1 pos 7"; the start otherwise.
SqlError spark_sql_error(std::string_view message);

}  // namespace penstock::stream
