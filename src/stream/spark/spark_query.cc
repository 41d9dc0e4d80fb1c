#include "stream/spark/spark_query.h"

#include <xxhash.h>

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "stream/query_group.h"
#include "stream/spark/spark_planning.h"
#include "stream/spark/spark_progress.h"

namespace penstock::stream {

namespace {

constexpr std::int64_t poll_us = 250'000;         ///< while micro-batches end
constexpr std::int64_t idle_poll_us = 1'000'000;  ///< every look costs the server a few milliseconds
constexpr std::int64_t publish_every_us = 1'000'000;
/// A query that ends this often without one micro-batch between is given up.
constexpr int max_failures = 3;
constexpr const char* definition_setting = "spark.penstock.definition";

/// The connector finds an open session with the tables by all settings of the connection. One whose control
/// connection broke while a schema was read never reads a schema again, and whoever asks it to waits without
/// a word (the Java driver's MetadataManager, 4.18). So no start of a query has the session of another: the
/// time for which an idle one is kept, which has no meaning here, is a little different.
void ask_for_own_session(std::map<std::string, std::string>& options, std::string_view start) {
    constexpr std::int64_t least_ms = 3'600;  // the connector's default
    constexpr std::uint64_t spread_ms = 10'000;
    options.try_emplace(
        "spark.cassandra.connection.keepAliveMS",
        std::to_string(least_ms + std::int64_t(XXH3_64bits(start.data(), start.size()) % spread_ms)));
}

bool is_transient(const Error& error) {
    switch (error.code) {
        case Errc::unavailable:
        case Errc::timeout:
        case Errc::fenced:
        case Errc::io:
        case Errc::not_found:
        case Errc::full:
        case Errc::out_of_range:
            return true;
        default:
            return false;
    }
}

/// Between the batch that was counted last and the newest report there are others, to be asked for.
bool skips(const std::string& newest, std::int64_t counted) {
    auto report = parse_spark_progress(newest);
    return report && report->batch > counted + (report->is_idle ? 0 : 1);
}

}  // namespace

SparkQuery::SparkQuery(SparkShared& shared, std::string pipeline, pipeline::QuerySpec query,
                       std::vector<pipeline::TopicSpec> topics)
    : shared_(shared), pipeline_(std::move(pipeline)), query_(std::move(query)), topics_(std::move(topics)) {
    status_.name = query_.name;
    status_.state = QueryState::waiting;
    status_.into = query_.into;
}

SparkQuery::~SparkQuery() {
    stop();
}

void SparkQuery::start() {
    thread_ = std::thread([this] { run(); });
}

void SparkQuery::stop() {
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
        // A call that begins while this is said is cut off by the next time round; those that clean up are
        // not.
        while (thread_.joinable() && !ended_ && !cleaning_) {
            if (session_) session_->interrupt();
            changed_.wait_for(lock, std::chrono::milliseconds(200));
        }
    }
    if (thread_.joinable()) thread_.join();
}

bool SparkQuery::alive() {
    std::lock_guard lock(mutex_);
    return !ended_ && !stopping_;
}

bool SparkQuery::stopping() {
    std::lock_guard lock(mutex_);
    return stopping_;
}

/// False when it is to stop.
bool SparkQuery::wait(std::int64_t us) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::microseconds(us), [&] { return stopping_; });
    return !stopping_;
}

void SparkQuery::set_state(QueryState state, std::string detail) {
    {
        std::lock_guard lock(mutex_);
        status_.state = state;
        status_.detail = std::move(detail);
    }
    changed_.notify_all();
}

void SparkQuery::run() {
    log::info("query {}: started on {}:{}, into {}", query_.name, shared_.url.host, shared_.url.port,
              query_.into);
    auto pause = shared_.options.retry_us;
    int failures = 0;
    while (!stopping()) {
        auto batches_before = batches_;
        Result<> done;
        try {
            done = work();
        } catch (const std::exception& exception) {
            done = fail(Errc::internal, "{}", exception.what());
        }
        if (done || stopping()) break;
        auto error = std::move(done).error();
        if (batches_ != batches_before) {
            pause = shared_.options.retry_us;
            failures = 0;
        }
        bool lasting = !is_transient(error) && !is_about_a_neighbour(error.text);
        // What Spark says while a query runs may be a record that can never be read, or a machine that is
        // gone.
        if (error.code == Errc::cancelled) lasting = ++failures >= max_failures;
        if (lasting) {
            log::error("query {}: failed: {}", query_.name, error.text);
            stop_streams();
            std::lock_guard lock(mutex_);
            ended_ = true;
            status_.state = QueryState::failed;
            status_.detail = error.text;
            changed_.notify_all();
            return;
        }
        log::warn("query {}: {}; trying again in {}", query_.name, error.text, format_duration_us(pause));
        set_state(QueryState::waiting,
                  fmt::format("{}; trying again in {}", error.text, format_duration_us(pause)));
        if (!wait(pause)) break;
        pause = std::min(pause * 2, shared_.options.retry_max_us);
    }
    stop_streams();
    log::info("query {}: stopped", query_.name);
    std::lock_guard lock(mutex_);
    ended_ = true;
    status_.state = QueryState::stopped;
    status_.detail.clear();
    changed_.notify_all();
}

Result<> SparkQuery::work() {
    SparkJob job;
    if (!TRY(prepare(job))) return {};
    TRY(find_or_start(job));
    TRY(start_relay(job));
    set_state(QueryState::running, "");
    return watch();
}

/// Until the topics are there and their columns are known; false when it is to stop.
Result<bool> SparkQuery::prepare(SparkJob& job) {
    while (!stopping()) {
        SparkPlanner planner(shared_.topics, shared_.tables, shared_.options, query_, topics_);
        auto inputs = TRY(planner.inputs());
        {
            std::lock_guard lock(mutex_);
            status_.reads = inputs.topics;
        }
        if (inputs.waits_for.empty()) {
            job = std::move(inputs.job);
            return true;
        }
        set_state(QueryState::waiting, inputs.waits_for);
        if (!wait(shared_.options.idle_us)) break;
    }
    return false;
}

/// The session that follows from the checkpoint's place: the first of its ids that the server has not closed.
Result<> SparkQuery::find_or_start(SparkJob& job) {
    constexpr int most = 100;
    job.place = TRY(spark_place(shared_.url, shared_.neighbours()));
    job.checkpoint = fmt::format("{}/{}/{}", job.place.checkpoints, pipeline_, query_.name);
    for (int generation = 0; generation < most; ++generation) {
        auto id = uuid_of(fmt::format("{}#{}", job.checkpoint, generation));
        {
            std::lock_guard lock(mutex_);
            session_ = shared_.server->session(id);
            if (stopping_) return {};
        }
        auto version = session_->version();
        if (!version && version.error().code == Errc::fenced) continue;  // closed after an hour of silence
        if (!version) return fail(std::move(version).error());
        TRY(session_->configure(session_settings(shared_.url, job.place)));
        SparkPlanner planner(shared_.topics, shared_.tables, shared_.options, query_, topics_);
        TRY(planner.finish(job, *session_, *version, shared_.url));
        rows_.reset();
        letters_.reset();
        auto known = TRY(session_->setting(definition_setting));
        if (known == job.definition) {
            for (auto& stream : TRY(session_->active())) {
                if (stream.name == job.rows.name) rows_ = stream;
                if (job.letters && stream.name == job.letters->name) letters_ = stream;
            }
        }
        if (rows_ && (letters_ || !job.letters)) {
            log::info("query {}: runs on Spark already, id {}", query_.name, rows_->id);
            if (rows_->run_id == run_) return {};  // only the connection was lost
            run_ = rows_->run_id;
            last_batch_ = last_letters_batch_ = -1;
            // What it did before was counted by another process.
            for (auto* stream : {&*rows_, letters_ ? &*letters_ : nullptr}) {
                if (!stream) continue;
                auto reports = TRY(session_->progress(*stream, false));
                auto newest = reports.empty() ? Result<SparkProgress>(SparkProgress())
                                              : parse_spark_progress(reports.back());
                if (!newest) continue;
                (stream == &*rows_ ? last_batch_ : last_letters_batch_) = newest->batch;
                if (stream != &*rows_ || newest->ends.empty()) continue;
                std::lock_guard lock(mutex_);
                committed_ = newest->ends;
            }
            return {};
        }
        return start_streams(job);
    }
    return fail(Errc::unavailable,
                "Spark has closed every session of this query; restart its Connect server");
}

Result<> SparkQuery::start_streams(SparkJob& job) {
    // Others of that name are of an earlier definition.
    for (const auto& stream : TRY(session_->active())) TRY(session_->stop(stream));
    TRY(session_->configure({{definition_setting, job.definition}}));
    auto start = [&](const SparkSink& sink) -> Result<SparkStream> {
        connect::WriteStreamOperationStart stream;
        *stream.mutable_input() = sql_relation(sink.rows);
        stream.set_format(sink.format);
        stream.set_output_mode(sink.mode);
        stream.set_query_name(sink.name);
        if (!sink.trigger.empty()) stream.set_processing_time_interval(sink.trigger);
        auto options = sink.options;
        if (sink.format == cassandra_format)
            ask_for_own_session(options, fmt::format("{} {}", sink.name, shared_.clock.now_us()));
        for (const auto& [name, value] : options) (*stream.mutable_options())[name] = value;
        return session_->start(stream);
    };
    last_batch_ = last_letters_batch_ = -1;
    {
        std::lock_guard lock(mutex_);
        committed_.clear();
    }
    if (job.letters) letters_ = TRY(start(*job.letters));
    rows_ = TRY(start(job.rows));
    run_ = rows_->run_id;
    log::info("query {}: started on Spark, id {}, checkpoint {}", query_.name, rows_->id,
              job.rows.options.at("checkpointLocation"));
    return {};
}

Result<> SparkQuery::start_relay(const SparkJob& job) {
    relay_.clear();
    {
        std::lock_guard lock(mutex_);
        relayed_ = !job.relay_topic.empty();
    }
    if (job.relay_topic.empty()) return {};
    auto relay = relay_query(query_, job);
    TRY(shared_.relays.start(pipeline_, relay.query, {relay.topic}));
    relay_ = relay.query.name;
    return {};
}

// While it runs.

Result<SparkQuery::Offsets> SparkQuery::ends() {
    std::vector<std::string> topics;
    {
        std::lock_guard lock(mutex_);
        topics = status_.reads;
    }
    Offsets out;
    for (const auto& topic : topics) {
        auto info = TRY(shared_.topics.info(topic));
        for (std::size_t i = 0; i < info.partitions.size(); ++i)
            out[topic][std::int32_t(i)] = info.partitions[i].end_offset;
    }
    return out;
}

Result<> SparkQuery::watch() {
    Offsets ends_before;
    bool kafka_away = false;
    while (!stopping()) {
        auto before = batches_;
        TRY(look(ends_before));
        if (letters_) TRY(look_at_letters());
        publish_positions();
        auto now = ends();
        // Spark itself waits for a Kafka that is away without a word.
        if (bool is_away = !now; is_away != kafka_away) {
            set_state(is_away ? QueryState::waiting : QueryState::running, is_away ? now.error().text : "");
            kafka_away = is_away;
        }
        if (now) ends_before = std::move(*now);
        bool behind = false;
        {
            std::lock_guard lock(mutex_);
            behind = committed_ != ends_before;
        }
        wait(batches_ != before || behind ? poll_us : idle_poll_us);
    }
    return {};
}

Result<> SparkQuery::look(const Offsets& ends_before) {
    auto state = TRY(session_->state(*rows_));
    auto reports = TRY(session_->progress(*rows_, false));
    if (!reports.empty()) {
        if (skips(reports.back(), last_batch_)) reports = TRY(session_->progress(*rows_, true));
        count(reports);
    } else if (state.waiting_for_data && !ends_before.empty()) {
        // After a restart with nothing new there is no report: it has read what there was.
        std::lock_guard lock(mutex_);
        if (committed_.empty()) committed_ = ends_before;
    }
    changed_.notify_all();
    if (state.active) return {};
    return why_it_ended(*rows_);
}

void SparkQuery::count(const std::vector<std::string>& reports) {
    static auto& rows_total =
        metrics::counter("penstock_stream_stored_rows_total", "Rows written by queries.");
    static auto& read_total =
        metrics::counter("penstock_stream_processed_records_total", "Records read by queries.");
    for (const auto& json : reports) {
        auto report = parse_spark_progress(json);
        if (!report) {
            log::warn("query {}: {}", query_.name, report.error().text);
            continue;
        }
        if (report->is_idle) {
            // After a restart with nothing new there is no batch to tell how far it is.
            std::lock_guard lock(mutex_);
            if (committed_.empty()) committed_ = report->ends;
            continue;
        }
        if (report->batch <= last_batch_) continue;
        last_batch_ = report->batch;
        ++batches_;
        read_total.add(report->input_rows);
        rows_total.add(std::max<std::int64_t>(0, report->output_rows));
        std::lock_guard lock(mutex_);
        status_.processed += report->input_rows;
        if (!relayed_) status_.stored += std::max<std::int64_t>(0, report->output_rows);
        status_.late += report->late_rows;
        status_.watermark_us = report->watermark_us;
        status_.last_commit_us = report->time_us + report->duration_us;
        for (const auto& [topic, partitions] : report->ends)
            for (const auto& [partition, offset] : partitions) committed_[topic][partition] = offset;
    }
}

Result<> SparkQuery::look_at_letters() {
    static auto& rejected_total =
        metrics::counter("penstock_stream_rejected_records_total", "Records sent to dead-letter topics.");
    auto reports = TRY(session_->progress(*letters_, false));
    if (!reports.empty() && skips(reports.back(), last_letters_batch_))
        reports = TRY(session_->progress(*letters_, true));
    for (const auto& json : reports) {
        auto report = parse_spark_progress(json);
        if (!report || report->is_idle || report->batch <= last_letters_batch_) continue;
        last_letters_batch_ = report->batch;
        auto rejected = std::max<std::int64_t>(0, report->output_rows);
        rejected_total.add(rejected);
        std::lock_guard lock(mutex_);
        status_.rejected += rejected;
    }
    auto state = TRY(session_->state(*letters_));
    if (state.active) return {};
    return why_it_ended(*letters_);
}

/// As an error: unavailable when something around Spark is away, cancelled for everything else.
Result<> SparkQuery::why_it_ended(const SparkStream& stream) {
    auto why = TRY(session_->exception(stream));
    if (why.empty()) return fail(Errc::unavailable, "the query was stopped on Spark by somebody else");
    auto short_text = spark_reason(why);
    return fail(is_about_a_neighbour(why) ? Errc::unavailable : Errc::cancelled, "{}", short_text);
}

/// For tools that show consumer groups; Spark itself commits none.
void SparkQuery::publish_positions() {
    auto now = shared_.clock.monotonic_us();
    if (last_publish_us_ != 0 && now - last_publish_us_ < publish_every_us) return;
    last_publish_us_ = now;
    Offsets committed;
    {
        std::lock_guard lock(mutex_);
        committed = committed_;
    }
    for (const auto& [topic, partitions] : committed)
        for (const auto& [partition, offset] : partitions)
            (void)shared_.topics.publish_position(group_of_query(query_.name), topic, partition, offset);
}

void SparkQuery::stop_streams() {
    {
        std::lock_guard lock(mutex_);
        cleaning_ = true;
    }
    changed_.notify_all();
    rows_.reset();
    letters_.reset();
    // Whoever has the query now may have found its streams already, and goes on with them.
    const auto& ownership = shared_.options.ownership;
    bool is_ours = !ownership || ownership->epoch(query_.name);
    if (session_ && is_ours) {
        // A start that was cut off may have begun there all the same.
        auto stopped = [&]() -> Result<> {
            for (const auto& stream : TRY(session_->active())) TRY(session_->stop(stream));
            return {};
        }();
        if (!stopped && stopped.error().code != Errc::fenced)
            log::warn("query {}: could not be stopped on Spark, where it may go on: {}", query_.name,
                      stopped.error().text);
    }
    if (!relay_.empty()) (void)shared_.relays.stop(relay_);
    relay_.clear();
}

// What others ask.

QueryStatus SparkQuery::status() {
    std::vector<std::string> topics;
    {
        std::lock_guard lock(mutex_);
        topics = status_.reads;
    }
    std::map<std::string, broker::TopicInfo> infos;
    for (const auto& topic : topics)
        if (auto info = shared_.topics.glance(topic)) infos.emplace(topic, std::move(*info));
    std::optional<QueryStatus> relay;
    for (auto& one : shared_.relays.status())
        if (one.name == relay_name(query_.name)) relay = std::move(one);
    std::lock_guard lock(mutex_);
    auto out = status_;
    if (!infos.empty()) infos_ = std::move(infos);
    for (const auto& [topic, info] : infos_) {
        auto committed = committed_.find(topic);
        for (std::size_t i = 0; i < info.partitions.size(); ++i) {
            auto from = info.partitions[i].start_offset;
            if (committed != committed_.end())
                if (auto found = committed->second.find(std::int32_t(i)); found != committed->second.end())
                    from = std::max(from, found->second);
            out.lag += std::max<std::int64_t>(0, info.partitions[i].end_offset - from);
        }
    }
    if (relayed_ && relay) {
        out.stored = relay->stored;
        out.rejected += relay->rejected;
        out.lag += relay->lag;
        if (relay->state == QueryState::failed && out.state == QueryState::running) {
            out.state = QueryState::failed;
            out.detail = relay->detail;
        } else if (out.state == QueryState::running && relay->state == QueryState::waiting &&
                   out.detail.empty()) {
            out.detail = relay->detail;
        }
    }
    return out;
}

Result<> SparkQuery::wait_caught_up(std::int64_t timeout_us) {
    auto began = shared_.clock.monotonic_us();
    Offsets wanted;
    std::vector<std::string> topics;
    {
        std::unique_lock lock(mutex_);
        // Which topics it reads is known once it has looked at its text.
        changed_.wait_for(lock, std::chrono::microseconds(timeout_us),
                          [&] { return ended_ || stopping_ || !status_.reads.empty(); });
        topics = status_.reads;
    }
    for (const auto& topic : topics) {
        auto info = shared_.topics.info(topic);
        if (!info && info.error().code == Errc::not_found) continue;
        if (!info) return fail(std::move(info).error());
        for (std::size_t i = 0; i < info->partitions.size(); ++i)
            if (info->partitions[i].end_offset > info->partitions[i].start_offset)
                wanted[topic][std::int32_t(i)] = info->partitions[i].end_offset;
    }
    bool relayed = false;
    {
        std::unique_lock lock(mutex_);
        auto reached = [&] {
            for (const auto& [topic, partitions] : wanted) {
                auto committed = committed_.find(topic);
                if (committed == committed_.end()) return false;
                for (const auto& [partition, offset] : partitions) {
                    auto found = committed->second.find(partition);
                    if (found == committed->second.end() || found->second < offset) return false;
                }
            }
            return true;
        };
        auto left = timeout_us - (shared_.clock.monotonic_us() - began);
        changed_.wait_for(lock, std::chrono::microseconds(std::max<std::int64_t>(0, left)),
                          [&] { return ended_ || stopping_ || reached(); });
        if (!reached()) {
            if (status_.state == QueryState::failed)
                return fail(Errc::invalid, "query {} failed: {}", query_.name, status_.detail);
            if (ended_ || stopping_) return fail(Errc::cancelled, "query {} was stopped", query_.name);
            return fail(Errc::timeout, "query {} is {} and has not caught up{}{}", query_.name,
                        to_string(status_.state), status_.detail.empty() ? "" : ": ", status_.detail);
        }
        relayed = relayed_;
    }
    if (!relayed) return {};
    auto left = timeout_us - (shared_.clock.monotonic_us() - began);
    return shared_.relays.wait_caught_up(relay_name(query_.name), std::max<std::int64_t>(0, left));
}

}  // namespace penstock::stream
