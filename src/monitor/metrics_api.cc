// GET /metrics in Prometheus' text format: what every folder counts, and the counters of sources, queries and
// topics.
#include "base/metrics.h"
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

/// One metric with a value for each of several things.
class Family {
public:
    Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
        : out_(out), name_(name) {
        fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    void add(std::string_view label, std::string_view of, std::int64_t value) {
        fmt::format_to(std::back_inserter(out_), "{}{{{}=\"{}\"}} {}\n", name_, label, label_value(of),
                       value);
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

Result<net::HttpResponse> get_metrics(Api& api, const net::HttpRequest&) {
    const auto now = api.sampler.latest();
    auto text = metrics::prometheus_text();
    append_sources(text, *now);
    append_queries(text, *now);
    append_topics(text, *now);
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
