// GET /metrics in Prometheus' text format: what every folder counts, and what is known of sources, queries,
// topics, tables, groups, DAGs, the disk and the process.
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/metrics.h"
#include "broker/remote_topics.h"
#include "monitor/api.h"

namespace penstock::monitor {

namespace {

std::string label_value(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || c == '"') escaped += '\\';
        if (c == '\n')
            escaped += "\\n";
        else
            escaped += c;
    }
    return escaped;
}

double seconds(std::int64_t us) {
    return double(us) / 1e6;
}

/// One metric with a value for each of several things.
class Family {
public:
    Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
        : out_(out), name_(name) {
        fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    template <class Number>
    void add(std::initializer_list<std::pair<std::string_view, std::string_view>> labels, Number value) {
        out_ += name_;
        auto separator = '{';
        for (const auto& [label, of] : labels) {
            fmt::format_to(std::back_inserter(out_), "{}{}=\"{}\"", separator, label, label_value(of));
            separator = ',';
        }
        fmt::format_to(std::back_inserter(out_), "{} {}\n", labels.size() == 0 ? "" : "}", value);
    }
    void add(std::string_view label, std::string_view of, std::int64_t value) { add({{label, of}}, value); }

    /// One series for each state that there is: 1 for the one it is in.
    template <class State>
    void add_state(std::string_view label, std::string_view of, State state,
                   std::initializer_list<State> states) {
        for (const auto one : states) add({{label, of}, {"state", to_string(one)}}, int(one == state));
    }

private:
    std::string& out_;
    std::string_view name_;
};

void append_sources(std::string& out, const Snapshot& now) {
    using Count = std::int64_t ingest::SourceCounts::*;
    const auto family = [&](std::string_view name, std::string_view help, Count count) {
        Family all(out, name, "counter", help);
        for (const auto& source : now.sources) all.add("source", source.name, source.counts.*count);
    };
    family("penstock_source_fetched_records_total", "Records in responses.", &ingest::SourceCounts::fetched);
    family("penstock_source_acknowledged_records_total", "Records that the log has made durable.",
           &ingest::SourceCounts::acknowledged);
    family("penstock_source_rejected_records_total", "Records sent to the dead-letter topic.",
           &ingest::SourceCounts::rejected);
    family("penstock_source_requests_total", "Requests sent.", &ingest::SourceCounts::requests);
    family("penstock_source_failures_total", "Requests that failed.", &ingest::SourceCounts::failures);
    Family replica(out, "penstock_source_replica", "gauge",
                   "1 when the built-in replica answers instead of the real API.");
    for (const auto& source : now.sources) replica.add("source", source.name, source.replica);
    Family state(out, "penstock_source_state", "gauge", "1 for the state that the source is in.");
    using enum ingest::SourceState;
    for (const auto& source : now.sources) {
        state.add_state("source", source.name, source.state,
                        {waiting, running, backing_off, circuit_open, stopped, finished, failed});
    }
}

void append_queries(std::string& out, const Snapshot& now) {
    using Count = std::int64_t stream::QueryStatus::*;
    const auto family = [&](std::string_view name, std::string_view type, std::string_view help,
                            Count count) {
        Family all(out, name, type, help);
        for (const auto& query : now.queries) all.add("query", query.name, query.*count);
    };
    family("penstock_query_processed_records_total", "counter", "Records read.",
           &stream::QueryStatus::processed);
    family("penstock_query_stored_rows_total", "counter", "Rows written.", &stream::QueryStatus::stored);
    family("penstock_query_rejected_records_total", "counter", "Records sent to the dead-letter topic.",
           &stream::QueryStatus::rejected);
    family("penstock_query_late_records_total", "counter", "Records behind the watermark.",
           &stream::QueryStatus::late);
    family("penstock_query_lag_records", "gauge", "Records in the topics not yet committed.",
           &stream::QueryStatus::lag);
    Family running(out, "penstock_query_running", "gauge", "1 when the query runs.");
    for (const auto& query : now.queries) {
        running.add("query", query.name, query.state == stream::QueryState::running);
    }
    Family state(out, "penstock_query_state", "gauge", "1 for the state that the query is in.");
    using State = stream::QueryState;
    for (const auto& query : now.queries) {
        state.add_state("query", query.name, query.state,
                        {State::waiting, State::running, State::stopped, State::failed});
    }
    Family watermark(out, "penstock_query_watermark_timestamp_seconds", "gauge",
                     "The query's watermark; missing while it has none.");
    for (const auto& query : now.queries) {
        if (query.watermark_us != INT64_MIN)
            watermark.add({{"query", query.name}}, seconds(query.watermark_us));
    }
    Family commit(out, "penstock_query_last_commit_timestamp_seconds", "gauge",
                  "When the query last committed; missing until then.");
    for (const auto& query : now.queries) {
        if (query.last_commit_us != 0) commit.add({{"query", query.name}}, seconds(query.last_commit_us));
    }
}

void append_topics(std::string& out, const Snapshot& now) {
    Family appended(out, "penstock_topic_end_offset", "gauge",
                    "End offsets of the topic's partitions, added up.");
    for (const auto& topic : now.topics) appended.add("topic", topic.spec.name, end_offsets(topic));
    Family bytes(out, "penstock_topic_bytes", "gauge", "Bytes on disk.");
    for (const auto& topic : now.topics) {
        std::int64_t sum = 0;
        for (const auto& partition : topic.partitions) sum += partition.bytes;
        bytes.add("topic", topic.spec.name, sum);
    }
}

void append_tables(std::string& out, const Snapshot& now) {
    Family bytes(out, "penstock_table_bytes", "gauge", "Bytes on disk, estimated.");
    for (const auto& table : now.tables)
        bytes.add({{"keyspace", table.keyspace}, {"table", table.name}}, table.bytes);
    Family rows(out, "penstock_table_rows", "gauge", "Rows, estimated.");
    for (const auto& table : now.tables)
        rows.add({{"keyspace", table.keyspace}, {"table", table.name}}, table.rows_estimate);
}

/// The lag of each group on each topic: the sum of its partitions' end offsets less what was committed.
void append_groups(std::string& out, const Api& api, const Snapshot& now) {
    // A real Kafka has exporters of its own, and asking it at every scrape costs requests for each group.
    if (!api.parts.groups || dynamic_cast<broker::KafkaTopics*>(&api.parts.topics)) return;
    std::map<std::pair<std::string_view, std::int32_t>, std::int64_t> ends;
    for (const auto& topic : now.topics) {
        for (std::size_t i = 0; i < topic.partitions.size(); ++i)
            ends[{topic.spec.name, std::int32_t(i)}] = topic.partitions[i].end_offset;
    }
    const auto told = api.parts.groups();
    if (!told) return;
    const auto& groups = *told;
    Family lag(out, "penstock_group_lag_records", "gauge",
               "Records that a consumer group has not committed yet, by topic.");
    for (const auto& group : groups) {
        std::map<std::string_view, std::int64_t> by_topic;
        for (const auto& [place, committed] : group.committed) {
            const auto end = ends.find({place.topic, place.partition});
            if (end == ends.end()) continue;
            by_topic[place.topic] += std::max<std::int64_t>(end->second - committed, 0);
        }
        for (const auto& [topic, records] : by_topic)
            lag.add({{"group", group.name}, {"topic", topic}}, records);
    }
    Family members(out, "penstock_group_members", "gauge", "Members of a consumer group.");
    for (const auto& group : groups) members.add({{"group", group.name}}, group.members);
}

void append_dags(std::string& out, const Api& api, const Snapshot& now) {
    Family paused(out, "penstock_dag_paused", "gauge", "1 when the DAG is paused.");
    for (const auto& dag : now.dags) paused.add("dag", dag.name, dag.paused);
    Family next(out, "penstock_dag_next_run_timestamp_seconds", "gauge",
                "When the DAG is due; missing when never.");
    for (const auto& dag : now.dags) {
        if (dag.next_run_us) next.add({{"dag", dag.name}}, seconds(*dag.next_run_us));
    }
    using enum metadata::RunState;
    Family last(out, "penstock_dag_last_run_state", "gauge", "1 for the state that the newest run is in.");
    for (const auto& [dag, run] : now.last_runs)
        last.add_state("dag", dag, run.state, {queued, running, success, failed});
    Family ended(out, "penstock_dag_last_run_ended_timestamp_seconds", "gauge",
                 "When the newest run ended; missing while it runs.");
    for (const auto& [dag, run] : now.last_runs) {
        if (run.ended_us != 0) ended.add({{"dag", dag}}, seconds(run.ended_us));
    }
    const auto unfinished = api.parts.metadata.unfinished_runs();
    if (!unfinished) return;  // then it is among the faults
    std::map<std::string_view, std::int64_t> counts{{"queued", 0}, {"running", 0}};
    for (const auto& run : *unfinished) ++counts[to_string(run.state)];
    Family unended(out, "penstock_dag_unfinished_runs", "gauge", "Runs that have not ended, by state.");
    for (const auto& [state, count] : counts) unended.add({{"state", state}}, count);
}

void append_single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
                   double value) {
    Family(out, name, type, help).add({}, value);
}

/// The names that every client library of Prometheus uses.
void append_process(std::string& out, const Api& api) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto cpu = double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    append_single(out, "process_cpu_seconds_total", "counter", "User and system CPU time.", cpu);
    append_single(out, "process_resident_memory_bytes", "gauge", "Resident memory.", double(memory_bytes()));
    append_single(out, "process_start_time_seconds", "gauge", "When the process started.",
                  seconds(api.started_us));
    std::error_code error;
    const auto descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd", error), {});
    append_single(out, "process_open_fds", "gauge", "Open file descriptors.", double(descriptors));
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        append_single(out, "process_max_fds", "gauge", "File descriptors allowed.", double(limit.rlim_cur));
}

void append_disk(std::string& out, const Api& api) {
    std::error_code error;
    const auto space = std::filesystem::space(api.options.data_directory, error);
    if (error) return;
    append_single(out, "penstock_disk_size_bytes", "gauge", "Size of the file system of the data directory.",
                  double(space.capacity));
    append_single(out, "penstock_disk_free_bytes", "gauge", "What of it is free for Penstock.",
                  double(space.available));
}

void append_health(std::string& out, const Api& api, const Snapshot& now) {
    auto problems = now.pipelines.problems.size();
    for (const auto& pipeline : now.pipelines.pipelines) problems += pipeline.problems.size();
    append_single(out, "penstock_pipeline_problems", "gauge", "Problems in pipeline files.",
                  double(problems));
    append_single(out, "penstock_faults", "gauge", "Layers that cannot be asked.", double(now.faults.size()));
    append_single(out, "penstock_leads", "gauge", "1 when this process schedules DAGs.",
                  double(api.parts.coordinator.leads()));
}

Result<net::HttpResponse> get_metrics(Api& api, const net::HttpRequest&) {
    const auto now = api.sampler.latest();
    auto text = metrics::prometheus_text();
    append_sources(text, *now);
    append_queries(text, *now);
    append_topics(text, *now);
    append_tables(text, *now);
    append_groups(text, api, *now);
    append_dags(text, api, *now);
    append_disk(text, api);
    append_process(text, api);
    append_health(text, api, *now);
    fmt::format_to(std::back_inserter(text),
                   "# HELP penstock_build_info The version that runs.\n"
                   "# TYPE penstock_build_info gauge\npenstock_build_info{{version=\"{}\"}} 1\n",
                   PENSTOCK_VERSION);
    net::HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = std::move(text);
    return response;
}

}  // namespace

void add_metrics_routes(ApiRoutes& routes) {
    routes.on("GET", "/metrics", get_metrics);
}

}  // namespace penstock::monitor
