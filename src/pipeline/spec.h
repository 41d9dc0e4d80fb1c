// A pipeline file as values: what the user asked for, with the place where each thing was written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "record/type.h"

namespace penstock::pipeline {

/// Where in the file, from 1, columns in bytes; line 0: the file as a whole. For a block of SQL: where its
/// first character stands.
struct Place {
    int line = 0;
    int column = 0;
};

/// A text with the places of its lines, so that an error inside it is shown where it stands in the file.
struct Text {
    std::string text;
    Place start;
    int indent = 0;  ///< columns that YAML removed from each line after the first
    /// For styles that join lines or hold escapes (folded, quoted): where the characters from each offset on
    /// stand. Sorted by offset; empty when start and indent say it all. See place_in_file() in text_place.h.
    struct Run {
        std::size_t offset = 0;
        Place place;
    };
    std::vector<Run> runs;
};

/// avro, json_schema and protobuf: in Confluent's wire format, with the id of a schema in the registry.
enum class Format { json, json_schema, avro, protobuf, text, raw };

/// How often, or how much: "20000 records per 5m".
struct RateLimit {
    std::int64_t amount = 0;
    bool records = true;  ///< else requests
    std::int64_t per_us = 0;
};

struct Pagination {
    enum class Kind { none, page, cursor, link } kind = Kind::none;
    std::string parameter;       ///< page, cursor: the query parameter to set
    std::int64_t first = 1;      ///< page: the first page's number
    std::string next;            ///< cursor: JSON Pointer to the next cursor in the response
    std::int64_t max_pages = 0;  ///< 0: until a page is empty or has no next
};

struct HttpSource {
    std::string url;
    std::string method = "GET";
    std::string body;
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> headers;  ///< values may hold ${NAME}: from the environment
    std::string records;                         ///< JSON Pointer to the array; empty: the whole response
    std::int64_t every_us = 0;                   ///< pause between the starts of fetches; 0: none
    Pagination pagination;
    std::optional<RateLimit> limit;
    std::int64_t timeout_us = 30'000'000;
    std::int64_t connect_timeout_us = 5'000'000;
    int retries = 5;
    std::int64_t backoff_us = 500'000;
    std::int64_t backoff_max_us = 60'000'000;
    int breaker_failures = 5;  ///< consecutive failures that open the circuit
    std::int64_t breaker_open_us = 30'000'000;
    int max_redirects = 5;
    std::string proxy;
    bool verify_tls = true;
    std::string ca_file;
    std::string replica;  ///< built-in generator that answers when the API cannot be reached: "randomuser"
};

struct FileSource {
    std::string path;  ///< glob allowed
    enum class Kind { json_lines, csv } kind = Kind::json_lines;
    bool follow = false;
    char delimiter = ',';
    bool header = true;
};

struct WebhookSource {
    std::string path;   ///< /ingest/<path> on the console's port
    std::string token;  ///< expected as "Authorization: Bearer <token>"; ${NAME} allowed
    std::string records;
};

struct TopicSpec {
    std::string name;
    Place place;
    std::int32_t partitions = 1;
    std::optional<std::int64_t> retention_us;
    std::optional<std::int64_t> retention_bytes;
    Format format = Format::json;
    enum class Drift { evolve, freeze, dead_letter } on_drift = Drift::evolve;
    /// Declared columns as Spark DDL, empty when inferred: "id STRING, dob STRUCT<date: STRING, age: INT>".
    Text schema;
    std::map<std::string, std::string> config;  ///< Kafka's topic configs
};

struct SourceSpec {
    std::string name;
    Place place;
    std::variant<HttpSource, FileSource, WebhookSource> input;
    std::string key;  ///< JSON Pointer in the record; empty: no key
    std::string topic;
    bool autostart = true;  ///< false: runs only when a task runs it
    /// The topic as it is declared, in this file or another, when its records are written with a schema;
    /// filled in by who starts the source, with the declared columns as a schema of the topic's format.
    std::optional<TopicSpec> encoded_topic;
    std::string encoded_schema;
};

struct QueryKey {
    std::string column;
    bool descending = false;
};

struct QuerySpec {
    std::string name;
    Place place;
    Text sql;
    struct Watermark {
        std::string column;
        std::int64_t delay_us = 0;
    };
    std::optional<Watermark> watermark;
    std::string into;           ///< keyspace.table, or topic:name
    std::vector<QueryKey> key;  ///< first: the partition key; then clustering
    int partition_columns = 1;  ///< how many of key are the partition key
    bool autostart = true;
};

struct RunTask {  ///< run a source or a query
    std::string name;
    std::int64_t for_us = 0;  ///< 0: until caught up
    bool allow_empty = false;
};
struct SqlTask {
    Text sql;
};
struct ShellTask {
    std::string command;
};
struct HttpTask {
    std::string url;
    std::string method = "GET";
    std::string body;
};
struct WaitTask {  ///< a sensor: holds no worker while it waits
    Text until;    ///< SQL whose first value is true
    std::int64_t every_us = 1'000'000;
};

struct TaskSpec {
    std::string name;
    Place place;
    std::variant<RunTask, SqlTask, ShellTask, HttpTask, WaitTask> action;
    std::vector<std::string> after;
    int retries = 0;
    std::int64_t retry_delay_us = 10'000'000;
    std::int64_t timeout_us = 0;  ///< 0: none
};

struct DagSpec {
    std::string name;
    Place place;
    std::string schedule;  ///< cron, @daily, "every 10m"; empty: by hand only
    std::string timezone = "UTC";
    bool catchup = false;
    std::optional<std::int64_t> start_us;
    int max_active_runs = 16;
    std::vector<TaskSpec> tasks;
};

struct Pipeline {
    std::string name;
    std::string file;
    std::string source_text;  ///< the whole file
    std::vector<SourceSpec> sources;
    std::vector<TopicSpec> topics;
    std::vector<QuerySpec> queries;
    std::vector<DagSpec> dags;
};

/// One thing wrong with a file.
struct Problem {
    std::string file;
    Place place;
    std::string text;  ///< what is wrong, what was expected
};

}  // namespace penstock::pipeline
