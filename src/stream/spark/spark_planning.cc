#include "stream/spark/spark_planning.h"

#include <algorithm>

#include "base/log.h"
#include "base/units.h"
#include "pipeline/names.h"
#include "registry/topic_encoder.h"
#include "stream/check.h"
#include "stream/exec/definition.h"
#include "stream/query_group.h"

namespace penstock::stream {

namespace {

/// How much of a table's name a Kafka topic's may hold.
std::string relay_topic_name(std::string_view query, std::string_view hash) {
    std::string out = "penstock.rows.";
    for (char c : query) out += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ? c : '_';
    return fmt::format("{}.{}", out.substr(0, 200), hash.substr(0, 8));
}

TypeId table_type(const SparkColumn& column) {
    return column.type() == TypeId::json ? TypeId::string : column.type();
}

Result<> ensure_topic(broker::Topics& topics, const std::string& name, std::int32_t partitions) {
    broker::TopicSpec spec;
    spec.name = name;
    spec.partitions = partitions;
    auto info = topics.info(name);
    if (info || info.error().code != Errc::not_found)
        return info ? Result<>() : fail(std::move(info).error());
    auto created = topics.create(spec);
    if (!created && created.error().code != Errc::exists) return created;
    return {};
}

constexpr std::string_view relay_suffix = ".spark";

/// Spark's own words about the query's SQL, with our caret where it says where.
Error with_place(const Error& error, std::string_view sql) {
    if (error.code != Errc::invalid) return error;
    auto at = spark_sql_error(error.text);
    return sql_error(at, sql);
}

}  // namespace

std::string relay_name(std::string_view query) {
    return fmt::format("{}{}", query, relay_suffix);
}

std::string_view relayed_query(std::string_view relay) {
    if (relay.ends_with(relay_suffix)) relay.remove_suffix(relay_suffix.size());
    return relay;
}

Result<SparkPlanner::Inputs> SparkPlanner::inputs() {
    Inputs out;
    auto is_topic = [&](const std::string& name) {
        return find_topic(specs_, name) != nullptr || topics_.info(name).has_value();
    };
    auto text = read_spark_text(query_.sql.text, is_topic);
    if (!text) return fail(sql_error(text.error(), query_.sql.text));
    out.topics = text->topics;
    if (out.topics.empty()) return fail(Errc::invalid, "the query reads no topic");
    auto& job = out.job;
    job.sql = query_.sql.text;
    job.text = std::move(*text);
    job.watermark = query_.watermark;
    auto memory = TRY(load_spark_memory(tables_, query_.name));
    auto before = memory;
    for (const auto& name : out.topics) {
        auto info = topics_.info(name);
        if (!info && info.error().code == Errc::not_found) {
            out.waits_for = fmt::format("waiting for the topic {}, which does not exist", name);
            return out;
        }
        if (!info) return fail(std::move(info).error());
        out.waits_for = TRY(add_input(job, *info, memory));
        if (!out.waits_for.empty()) return out;
    }
    if (memory != before) TRY(save_spark_memory(tables_, query_.name, memory));
    return out;
}

/// What it waits for, or nothing.
Result<std::string> SparkPlanner::add_input(SparkJob& job, const broker::TopicInfo& info,
                                            SparkMemory& memory) {
    const auto& name = info.spec.name;
    const auto* spec = find_topic(specs_, name);
    if (spec && registry::schema_kind_of(spec->format))
        return fail(
            Errc::unsupported,
            "topic {} has records with schemas (in Confluent's wire format), which Spark does not read "
            "here; expected format json, text or raw, or the embedded engine",
            name);
    auto columns =
        TRY(columns_of_topic(topics_, info, spec, memory, options_.sample_records, options_.read_bytes));
    if (!columns.known)
        return fmt::format("waiting for records: topic {} has {}, so its columns are not known", name,
                           columns.seen == 0 ? "none" : "none that is a JSON object");
    SparkInput input;
    input.info = info;
    input.all = columns.all;
    input.inferred = columns.inferred;
    input.relation.name = name;
    input.relation.format = spec ? spec->format : pipeline::Format::json;
    input.relation.columns = columns.all;
    input.relation.metadata = job.text.metadata;
    if (job.watermark && job.watermark->column.starts_with('_'))
        input.relation.metadata.insert(job.watermark->column);
    input.relation.dead_letter_partitions = std::max(1, info.spec.partitions);
    job.inputs.push_back(std::move(input));
    job.stateful = job.text.has_group_by;
    if (job.text.topics.size() == 1 && job.text.understood) {
        auto waits = TRY(narrow(job, job.inputs.back(), columns.inferred ? columns.seen : 0));
        if (!waits.empty()) {
            job.inputs.pop_back();
            return waits;
        }
    }
    if (columns.inferred) memory.topics[name] = {info.id, ddl_of(columns.all)};
    return std::string();
}

/// Our own plan tells which columns are used, and whether rows are grouped; what it does not understand may
/// still be good for Spark, which then gets all columns.
Result<std::string> SparkPlanner::narrow(SparkJob& job, const SparkInput& input, int seen) {
    RelationInfo relation;
    relation.kind = RelationInfo::Kind::topic;
    relation.name = input.relation.name;
    relation.format = input.relation.format;
    relation.columns = input.all;
    auto plan = plan_continuous(query_, relation);
    if (!plan) {
        // Columns that the first records lack may come with later ones.
        bool is_column = plan.error().text.starts_with("unknown column");
        if (seen > 0 && seen < options_.sample_records && is_column)
            return fmt::format("waiting for records: in the first {} of {}: {}", seen, relation.name,
                               plan.error().text);
        if (is_column) return fail(sql_error(plan.error(), query_.sql.text));
        job.text.understood = false;
        return std::string();
    }
    job.stateful = plan->group.has_value();
    if (relation.format == pipeline::Format::json)
        job.inputs.back().relation.columns = spark_columns(input.all, plan->scan, !target_topic(query_));
    return std::string();
}

/// What a checkpoint of Spark's belongs to: with another of these it would not fit, or start in the wrong
/// place.
std::string SparkPlanner::state_of(const SparkJob& job) const {
    auto out = fmt::format("{}\n{}", query_.into, query_.partition_columns);
    for (const auto& key : query_.key) out += fmt::format("\n{} {}", key.column, key.descending);
    for (const auto& input : job.inputs) out += fmt::format("\n{} {}", input.info.spec.name, input.info.id);
    if (!job.stateful) return out;
    out += "\n" + query_.sql.text;
    if (job.watermark) out += fmt::format("\n{} {}", job.watermark->column, job.watermark->delay_us);
    for (const auto& input : job.inputs) out += "\n" + spark_ddl(input.relation.columns);
    return out;
}

Result<> SparkPlanner::finish(SparkJob& job, SparkSession& session, const std::string& spark_version,
                              const SparkUrl& url) {
    auto group = group_of_query(query_.name);
    auto mark = job.watermark;
    if (mark && mark->column.find('.') != std::string::npos)
        return fail(Errc::invalid, "watermark: on Spark it must be a column of the topic, not {}",
                    mark->column);
    auto views = [&] {
        return create_input_views(session, job.inputs, job.place, group, url.max_offsets, mark, nullptr);
    };
    TRY(views());
    auto row = session.schema(sql_relation(job.sql));
    if (!row) return fail(with_place(row.error(), query_.sql.text));
    job.columns = spark_columns_of(*row);
    TRY(check_target(job));
    job.rows.name = query_.name;
    job.rows.mode = job.stateful ? "update" : "append";
    job.rows.trigger = url.trigger;
    if (auto topic = target_topic(query_)) {
        TRY(to_topic(job, *topic));
    } else {
        TRY(to_table(job, spark_version, url));
        if (job.rows.options.contains("writetime")) {
            for (auto& input : job.inputs) input.relation.metadata.insert("_offset");
            TRY(views());
        }
    }
    TRY(session.create_view(rows_view, sql_relation(job.sql)));
    TRY(letters(job, url));
    job.definition.clear();
    for (std::size_t i = 0; i < job.inputs.size(); ++i)
        job.definition += topic_sql(job.inputs[i].relation, raw_view(i)) + "\n";
    job.definition += job.sql + "\n";
    if (mark) job.definition += fmt::format("{} {}\n", mark->column, mark->delay_us);
    for (const auto& [name, value] : session_settings(url, job.place))
        job.definition += name + "=" + value + "\n";
    for (const auto& [name, value] : job.place.kafka) job.definition += name + "=" + value + "\n";
    for (const auto* sink : {&job.rows, job.letters ? &*job.letters : nullptr}) {
        if (!sink) continue;
        job.definition += sink->name + "\n" + sink->format + "\n" + sink->mode + "\n" + sink->trigger + "\n" +
                          sink->rows + "\n";
        for (const auto& [name, value] : sink->options) job.definition += name + "=" + value + "\n";
    }
    job.definition = short_hash(job.definition);
    return {};
}

/// The same as the embedded engine says.
Result<> SparkPlanner::check_target(const SparkJob& job) const {
    QueryPlan plan;
    for (const auto& column : job.columns) plan.schema.push_back({column.name, column.type()});
    if (auto problem = target_problem(query_, plan)) return fail(Errc::invalid, "{}", *problem);
    return {};
}

namespace {

std::vector<std::string> key_names(const pipeline::QuerySpec& query) {
    std::vector<std::string> out;
    for (const auto& key : query.key) out.push_back(key.column);
    return out;
}

/// For Kafka's producer; what only consumers know is left out.
void producer_options(SparkSink& sink, const SparkPlace& place) {
    for (const auto& [name, value] : place.kafka)
        if (name != "kafka.isolation.level") sink.options[name] = value;
    sink.format = "kafka";
}

}  // namespace

Result<> SparkPlanner::to_topic(SparkJob& job, const std::string& topic) {
    TRY(ensure_topic(topics_, topic, 1));
    producer_options(job.rows, job.place);
    job.rows.options["topic"] = topic;
    job.rows.options["checkpointLocation"] = fmt::format("{}/{}", job.checkpoint, short_hash(state_of(job)));
    job.rows.rows = topic_rows_sql(job.columns, key_names(query_), false, false, rows_view);
    return {};
}

Result<> SparkPlanner::to_table(SparkJob& job, const std::string& spark_version, const SparkUrl& url) {
    Schema columns;
    for (const auto& column : job.columns) columns.push_back({column.name, table_type(column)});
    auto spec = table_spec(query_, std::move(columns));
    auto ensured = tables_.ensure(spec);
    if (!ensured) return fail("its table", std::move(ensured).error());
    // The connector writes new rows only: it takes no results that replace earlier ones. And rows of one key
    // must keep their order, for which they need write times.
    bool has_connector = spark_version.starts_with("3.");
    bool wants_connector = url.tables.value_or(has_connector ? SparkTables::connector : SparkTables::relay) ==
                           SparkTables::connector;
    bool is_plain = !job.stateful && job.text.understood && job.text.is_simple && job.inputs.size() == 1;
    if (!wants_connector || !is_plain) return relayed(job);
    auto place = fmt::format("{}/{}", job.checkpoint, short_hash(state_of(job)));
    auto first_us = TRY(first_write_time(place));
    job.sql = with_write_time(query_.sql.text, job.text, first_us);
    job.rows.format = cassandra_format;
    job.rows.options = job.place.cassandra;
    job.rows.options["keyspace"] = spec.keyspace;
    job.rows.options["table"] = spec.name;
    job.rows.options["writetime"] = write_time_column;
    job.rows.options["checkpointLocation"] = place;
    job.rows.rows =
        table_rows_sql(job.columns, key_names(query_), {std::string(write_time_column)}, rows_view);
    return {};
}

/// Rows' write times count from when the query first ran from this checkpoint: newer than what was in the
/// table then, rising with the offsets, and the same again after a crash.
Result<std::int64_t> SparkPlanner::first_write_time(const std::string& place) {
    auto memory = TRY(load_spark_memory(tables_, query_.name));
    if (memory.place == place && memory.first_us != 0) return memory.first_us;
    memory.place = place;
    memory.first_us = std::max(memory.first_us + 1, system_clock().now_us());
    TRY(save_spark_memory(tables_, query_.name, memory));
    return memory.first_us;
}

Result<> SparkPlanner::relayed(SparkJob& job) {
    auto state = state_of(job) + "\nrelay";
    for (const auto& column : job.columns) {
        if (column.type() == TypeId::binary)
            return fail(Errc::unsupported, "column {} is BINARY, which does not go through a topic of JSON",
                        column.name);
        state += fmt::format("\n{} {}", column.name, to_string(table_type(column)));
    }
    auto hash = short_hash(state);
    job.relay_topic = relay_topic_name(query_.name, hash);
    TRY(ensure_topic(topics_, job.relay_topic, job.inputs[0].info.spec.partitions));
    // Those of earlier definitions hold nothing that this one does not write again.
    auto prefix = job.relay_topic.substr(0, job.relay_topic.rfind('.') + 1);
    for (const auto& topic : TRY(topics_.list())) {
        const auto& name = topic.spec.name;
        if (name.starts_with(prefix) && name != job.relay_topic &&
            name.find('.', prefix.size()) == std::string::npos)
            TRY(topics_.remove(name));
    }
    producer_options(job.rows, job.place);
    job.rows.options["topic"] = job.relay_topic;
    job.rows.options["checkpointLocation"] = fmt::format("{}/{}", job.checkpoint, hash);
    auto columns = job.columns;
    job.rows.rows = topic_rows_sql(columns, key_names(query_), true, true, rows_view);
    return {};
}

RelayQuery relay_query(const pipeline::QuerySpec& query, const SparkJob& job) {
    RelayQuery out;
    out.topic.name = job.relay_topic;
    out.topic.on_drift = pipeline::TopicSpec::Drift::freeze;
    DataType columns;
    columns.shape = DataType::Shape::object;
    out.query = query;
    out.query.name = relay_name(query.name);
    out.query.watermark.reset();
    std::string list;
    for (const auto& column : job.columns) {
        columns.fields.push_back({column.name, scalar_type(table_type(column))});
        list += (list.empty() ? "" : ", ") + spark_name(column.name);
    }
    out.topic.schema.text = ddl_of(columns);
    out.query.sql = {};
    out.query.sql.text = fmt::format("SELECT {} FROM {}", list, spark_name(job.relay_topic));
    return out;
}

Result<> SparkPlanner::letters(SparkJob& job, const SparkUrl& url) {
    job.letters.reset();
    if (!url.dead_letters || job.inputs.size() != 1) return {};
    std::vector<std::string> keys;
    if (!target_topic(query_) && !job.stateful && job.text.understood)
        for (const auto& key : key_names(query_))
            if (job.text.items.contains(key)) keys.push_back(key);
    const auto& input = job.inputs[0];
    auto sql = dead_letters_sql(input.relation, raw_view(0), query_.name, job.text, keys);
    if (!sql) return {};
    auto topic = pipeline::dead_letter_topic(input.info.spec.name);
    TRY(ensure_topic(topics_, topic, input.relation.dead_letter_partitions));
    auto dead_letters = TRY(topics_.info(topic));
    auto relation = input.relation;
    relation.dead_letter_partitions = dead_letters.spec.partitions;
    SparkSink sink;
    sink.name = query_.name + ".dlq";
    sink.mode = "append";
    // Nobody waits for them: fewer, larger micro-batches cost the cluster less.
    sink.trigger = url.trigger.empty() ? "2 seconds" : url.trigger;
    sink.rows = *dead_letters_sql(relation, raw_view(0), query_.name, job.text, keys);
    producer_options(sink, job.place);
    sink.options["topic"] = topic;
    sink.options["checkpointLocation"] = job.rows.options.at("checkpointLocation") + ".dlq";
    job.letters = std::move(sink);
    return {};
}

// What Spark says.

std::string spark_reason(std::string_view exception) {
    // "Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent failure: Lost task
    // 0.3 ... (executor 0): org.apache.spark.SparkNumberFormatException: [CAST_INVALID_INPUT] ..."
    auto text = exception;
    constexpr std::string_view cut[] = {"\n\tat ", "\nDriver stacktrace", "\n\nDriver stacktrace",
                                        "\nJVM stacktrace", "\n=== Streaming Query ==="};
    for (auto mark : cut) text = text.substr(0, text.find(mark));
    // The named kind of a cause is what people look for.
    auto bracket = text.rfind(": [");
    if (bracket != std::string_view::npos) text = text.substr(bracket + 2);
    std::string out(text.substr(0, 1000));
    while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
    return out;
}

bool is_about_a_neighbour(std::string_view exception) {
    constexpr std::string_view words[] = {
        "TimeoutException",
        "ConnectException",
        "NoNodeAvailableException",
        "AllNodesFailedException",
        "Failed to open native",
        "Failed to connect",
        "UnknownTopicOrPartition",
        "DisconnectException",
        "NotLeaderOrFollower",
        "ExecutorLostFailure",
        "SparkContext was shut",
        "SparkContext has been shut",
        "stopped SparkContext",
        "SparkEnv$.get()\" is null",  // while it stops
        "BrokerNotAvailable",
        "Connection refused",
        "Could not find a leader",
        "BusyConnectionException",
        "WriteTimeout",
        "UnavailableException",
        "KafkaStorageException",
        "Failed to write statements",
        "NetworkException",
        "ClosedChannelException",
        "Connection reset",
        "ConcurrentModificationException: Multiple streaming queries",
    };
    return std::ranges::any_of(words,
                               [&](auto word) { return exception.find(word) != std::string_view::npos; });
}

SqlError spark_sql_error(std::string_view message) {
    SqlError out;
    auto line_at = message.rfind("line ");
    if (line_at != std::string_view::npos) {
        auto rest = message.substr(line_at + 5);
        auto digits = [&]() -> int {
            int value = 0;
            std::size_t count = 0;
            while (count < rest.size() && count < 6 && rest[count] >= '0' && rest[count] <= '9')
                value = value * 10 + (rest[count++] - '0');
            rest.remove_prefix(count);
            return count == 0 ? -1 : value;
        };
        int line = digits();
        auto pos_at = rest.find("pos ");
        if (line >= 1 && pos_at != std::string_view::npos && pos_at <= 3) {
            rest.remove_prefix(pos_at + 4);
            // Spark counts columns from 0.
            if (int column = digits(); column >= 0) {
                out.line = line;
                out.column = column + 1;
            }
        }
    }
    // Spark draws the text and a caret of its own.
    auto end = message.find("\n== SQL");
    auto text = message.substr(0, end);
    if (auto place = text.rfind("; line "); place != std::string_view::npos) text = text.substr(0, place);
    if (auto place = text.rfind("(line "); place != std::string_view::npos) text = text.substr(0, place);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '.'))
        text.remove_suffix(1);
    out.text = std::string(text);
    return out;
}

}  // namespace penstock::stream
