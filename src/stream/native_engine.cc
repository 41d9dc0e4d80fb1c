#include "stream/native_engine.h"

#include <map>
#include <mutex>

#include "base/log.h"
#include "registry/wire_format.h"
#include "stream/check.h"
#include "stream/decode/topic_sample.h"
#include "stream/exec/bounded.h"
#include "stream/exec/definition.h"
#include "stream/exec/query_runner.h"
#include "stream/sql/parser.h"

namespace penstock::stream {

std::string_view to_string(QueryState state) {
    switch (state) {
        case QueryState::waiting:
            return "waiting";
        case QueryState::running:
            return "running";
        case QueryState::stopped:
            return "stopped";
        case QueryState::failed:
            return "failed";
    }
    return "?";
}

namespace {

bool same(const pipeline::QuerySpec& a, const pipeline::QuerySpec& b) {
    if (a.sql.text != b.sql.text || a.into != b.into || a.partition_columns != b.partition_columns ||
        a.key.size() != b.key.size() || a.watermark.has_value() != b.watermark.has_value())
        return false;
    for (std::size_t i = 0; i < a.key.size(); ++i)
        if (a.key[i].column != b.key[i].column || a.key[i].descending != b.key[i].descending) return false;
    return !a.watermark ||
           (a.watermark->column == b.watermark->column && a.watermark->delay_us == b.watermark->delay_us);
}

bool same(const std::optional<pipeline::TopicSpec>& a, const pipeline::TopicSpec* b) {
    if (!a || !b) return a.has_value() == (b != nullptr);
    return a->name == b->name && a->format == b->format && a->on_drift == b->on_drift &&
           a->schema.text == b->schema.text;
}

class NativeEngine final : public Engine {
public:
    NativeEngine(broker::Topics& topics, store::Tables& tables, const Clock& clock,
                 const EngineOptions& options)
        : topics_(topics), tables_(tables), clock_(clock), options_(options) {}

    std::string describe() const override { return "embedded streaming SQL"; }

    std::vector<SqlError> check(const pipeline::QuerySpec& query,
                                const std::vector<pipeline::TopicSpec>& topics) override {
        auto problem = check_one(query, topics);
        if (problem) return {std::move(*problem)};
        return {};
    }

    Result<> start(std::string_view pipeline, const pipeline::QuerySpec& query,
                   const std::vector<pipeline::TopicSpec>& topics) override {
        auto problem = check_one(query, topics);
        if (problem) return fail(fmt::format("query {}", query.name), sql_error(*problem, query.sql.text));
        auto select = sql::parse_select(query.sql.text);
        auto topic = select->from->name();
        const auto* spec = find_topic(topics, topic);
        auto into = target_topic(query);
        const auto* target = into ? find_topic(topics, *into) : nullptr;
        std::lock_guard starting(start_mutex_);
        remember(topics);
        auto running = find(query.name);
        if (running && running->alive() && same(running->query(), query) &&
            same(running->topic_spec(), spec) && same(running->target_spec(), target))
            return {};
        if (running) running->stop();
        auto runner = std::make_shared<QueryRunner>(topics_, tables_, clock_, options_, query, topic,
                                                    spec ? std::optional(*spec) : std::nullopt,
                                                    target ? std::optional(*target) : std::nullopt);
        {
            std::lock_guard lock(mutex_);
            runners_[query.name] = runner;
        }
        log::debug("pipeline {}: query {} starts", pipeline, query.name);
        runner->start();
        return {};
    }

    Result<> stop(std::string_view query) override {
        std::lock_guard starting(start_mutex_);
        if (auto runner = find(query)) runner->stop();
        return {};
    }

    std::vector<QueryStatus> status() override {
        std::vector<std::shared_ptr<QueryRunner>> runners;
        {
            std::lock_guard lock(mutex_);
            for (const auto& [name, runner] : runners_) runners.push_back(runner);
        }
        std::vector<QueryStatus> out;
        for (const auto& runner : runners) out.push_back(runner->status());
        return out;
    }

    Result<> wait_caught_up(std::string_view query, std::int64_t timeout_us) override {
        auto runner = find(query);
        if (!runner) return fail(Errc::not_found, "query {} does not run", query);
        return runner->wait_caught_up(timeout_us);
    }

    Result<Batch> select(std::string_view sql) override {
        auto select = sql::parse_select(sql);
        if (!select) return fail(sql_error(select.error(), sql));
        RelationInfo relation;
        std::vector<std::int64_t> none;
        if (select->from) relation = TRY(relation_for(*select->from, sql));
        auto plan = plan_bounded(sql, relation);
        if (!plan) return fail(sql_error(plan.error(), sql));
        BoundedQuery query(std::move(*plan), bounded_options(false));
        switch (relation.kind) {
            case RelationInfo::Kind::none:
                TRY(query.add(one_row()));
                break;
            case RelationInfo::Kind::table:
                TRY(feed_table(query));
                break;
            case RelationInfo::Kind::topic:
                TRY(feed_topic(query, INT64_MAX));
                break;
        }
        return query.finish();
    }

    Result<Batch> preview(const pipeline::QuerySpec& query, const std::vector<pipeline::TopicSpec>& topics,
                          std::int64_t max_records) override {
        auto problem = check_one(query, topics);
        if (problem) return fail(sql_error(*problem, query.sql.text));
        auto select = sql::parse_select(query.sql.text);
        auto topic = select->from->name();
        auto relation = TRY(relation_of_topic(topic, find_topic(topics, topic)));
        auto plan = plan_continuous(query, relation);
        if (!plan) return fail(sql_error(plan.error(), query.sql.text));
        BoundedQuery bounded(std::move(*plan), bounded_options(true));
        TRY(feed_topic(bounded, std::max<std::int64_t>(max_records, 1)));
        return bounded.finish();
    }

private:
    std::shared_ptr<QueryRunner> find(std::string_view query) {
        std::lock_guard lock(mutex_);
        auto found = runners_.find(query);
        return found == runners_.end() ? nullptr : found->second;
    }

    /// Topics as their pipelines declare them, for select().
    void remember(const std::vector<pipeline::TopicSpec>& topics) {
        std::lock_guard lock(mutex_);
        for (const auto& topic : topics) declared_.insert_or_assign(topic.name, topic);
    }

    BoundedOptions bounded_options(bool skip_failed) const {
        BoundedOptions out;
        out.max_rows = options_.select_max_rows;
        out.max_groups = options_.max_groups;
        out.now_us = clock_.now_us();
        out.skip_failed = skip_failed;
        out.schemas = options_.schemas;
        return out;
    }

    /// The first thing that is wrong with the query, as far as that can be told without data.
    std::optional<SqlError> check_one(const pipeline::QuerySpec& query,
                                      const std::vector<pipeline::TopicSpec>& topics) {
        return check_query(query, topics, [this](std::string_view name) {
            if (topics_.info(name)) return KnownRelation::topic;
            return tables_.spec(name) ? KnownRelation::table : KnownRelation::none;
        });
    }

    Result<RelationInfo> relation_for(const sql::Relation& from, std::string_view sql) {
        auto name = from.name();
        auto table = tables_.spec(name);
        if (table) {
            RelationInfo relation;
            relation.kind = RelationInfo::Kind::table;
            relation.name = name;
            for (const auto& column : table->columns)
                relation.columns.fields.push_back({column.name, scalar_type(column.type)});
            return relation;
        }
        if (!topics_.info(name)) {
            std::vector<std::string> names;
            if (auto topics = topics_.list())
                for (const auto& topic : *topics) names.push_back(topic.spec.name);
            if (auto tables = tables_.list())
                for (const auto& each : *tables) names.push_back(each.keyspace + "." + each.name);
            return fail(sql_error({from.at.line, from.at.column,
                                   fmt::format("unknown topic or table {}{}", name, suggestion(name, names))},
                                  sql));
        }
        std::optional<pipeline::TopicSpec> declared;
        {
            std::lock_guard lock(mutex_);
            auto found = declared_.find(name);
            if (found != declared_.end()) declared = found->second;
        }
        return relation_of_topic(name, declared ? &*declared : nullptr);
    }

    /// Of a value in Confluent's wire format whose schema the registry has.
    std::optional<pipeline::Format> registered_format(std::string_view value) {
        auto id = registry::wire_schema_id(value);
        if (!id || options_.schemas == nullptr) return std::nullopt;
        auto schema = options_.schemas->by_id(*id);
        if (!schema) return std::nullopt;
        switch (schema->kind) {
            case registry::SchemaKind::avro:
                return pipeline::Format::avro;
            case registry::SchemaKind::json:
                return pipeline::Format::json_schema;
            case registry::SchemaKind::protobuf:
                return pipeline::Format::protobuf;
        }
        return std::nullopt;
    }

    /// With columns: declared, or inferred from the first records. Of a topic that no file declares they may
    /// name a schema of the registry; others that are not JSON have one column, value.
    Result<RelationInfo> relation_of_topic(const std::string& name, const pipeline::TopicSpec* spec) {
        auto relation = topic_relation(name, spec);
        if (!relation) return fail(Errc::invalid, "{}", relation.error().text);
        if (relation->format == pipeline::Format::avro)
            relation->reader = TRY(reader_schema(name, options_.schemas));
        if (!relation->open) return std::move(*relation);
        relation->open = false;
        auto info = TRY(topics_.info(name));
        TopicSample sample(*relation, options_.schemas);
        TRY(sample.begin());
        int seen = 0;
        std::string first;
        for (std::size_t i = 0; i < info.partitions.size() && seen < options_.sample_records; ++i) {
            if (info.partitions[i].start_offset == info.partitions[i].end_offset) continue;
            auto set = TRY(
                topics_.read(name, std::int32_t(i), info.partitions[i].start_offset, options_.read_bytes));
            for (const auto& record : set.records) {
                if (!record.value || seen++ >= options_.sample_records) continue;
                if (first.empty()) first = *record.value;
                TRY(sample.add(*record.value));
            }
        }
        relation->columns = sample.columns();
        bool plain = relation->format == pipeline::Format::json;
        if (plain && seen > 0 && sample.documents() == 0) {
            if (auto format = spec ? std::nullopt : registered_format(first)) {
                pipeline::TopicSpec as_written;
                as_written.name = name;
                as_written.format = *format;
                return relation_of_topic(name, &as_written);
            }
            relation->format = pipeline::Format::text;
            relation->columns.fields.push_back({"value", scalar_type(TypeId::string)});
        }
        return std::move(*relation);
    }

    static Rows one_row() {
        Rows rows;
        rows.batch.rows = 1;
        return rows;
    }

    Result<> feed_table(BoundedQuery& query) {
        std::vector<std::string> columns;
        for (const auto& column : query.plan().scan) columns.push_back(column.path[0].name);
        // count(*) reads no column, but rows it must read.
        auto wanted = columns;
        auto spec = TRY(tables_.spec(query.plan().relation.name));
        if (wanted.empty()) wanted = spec.partition_key;
        auto cursor = TRY(tables_.scan(query.plan().relation.name, wanted));
        while (!query.satisfied()) {
            auto batch = TRY(cursor->next(options_.batch_rows));
            if (batch.rows == 0) break;
            Rows rows;
            rows.batch = make_batch(query.plan().scan_schema);
            rows.batch.rows = batch.rows;
            for (std::size_t i = 0; i < columns.size(); ++i) {
                auto index = batch.column_index(columns[i]);
                if (index < 0) return fail(Errc::internal, "the table gave no column {}", columns[i]);
                rows.batch.columns[i] = batch.columns[std::size_t(index)];
            }
            rows.batch.keep_alive = std::move(batch.keep_alive);
            TRY(query.add(std::move(rows)));
        }
        return {};
    }

    /// The topic as it is now; of each partition the last records only when there are more than max_records.
    Result<> feed_topic(BoundedQuery& query, std::int64_t max_records) {
        const auto& topic = query.plan().relation.name;
        auto info = TRY(topics_.info(topic));
        auto share = std::max<std::int64_t>(
            1, max_records / std::max<std::int64_t>(1, std::int64_t(info.partitions.size())));
        for (std::size_t i = 0; i < info.partitions.size() && !query.satisfied(); ++i) {
            auto end = info.partitions[i].end_offset;
            auto next = info.partitions[i].start_offset;
            if (end - next > share) next = end - share;
            while (next < end && !query.satisfied()) {
                auto set = TRY(topics_.read(topic, std::int32_t(i), next, options_.read_bytes));
                while (!set.records.empty() && set.records.back().offset >= end) set.records.pop_back();
                TRY(feed_records(query, std::int32_t(i), set));
                if (set.next_offset <= next) break;
                next = set.next_offset;
            }
        }
        return {};
    }

    Result<> feed_records(BoundedQuery& query, std::int32_t partition, const broker::RecordSet& set) {
        std::span records(set.records);
        for (std::size_t begin = 0; begin < records.size() && !query.satisfied();
             begin += options_.batch_rows) {
            auto chunk = records.subspan(begin, std::min(options_.batch_rows, records.size() - begin));
            Rows rows;
            rows.partition = partition;
            rows.batch = make_batch(query.plan().scan_schema);
            auto arena = std::make_shared<Arena>();
            std::vector<Misfit> misfits;  // left out: they are in the dead-letter topic
            TRY(query.decoder().decode(chunk, partition, *arena, rows.batch, rows.origins, misfits));
            rows.batch.keep_alive = {set.bytes, arena};
            TRY(query.add(std::move(rows)));
        }
        return {};
    }

    broker::Topics& topics_;
    store::Tables& tables_;
    const Clock& clock_;
    const EngineOptions options_;
    std::mutex start_mutex_;  ///< one start or stop at a time
    std::mutex mutex_;        ///< guards what is below
    std::map<std::string, std::shared_ptr<QueryRunner>, std::less<>> runners_;
    std::map<std::string, pipeline::TopicSpec, std::less<>> declared_;
};

}  // namespace

std::unique_ptr<Engine> make_native_engine(broker::Topics& topics, store::Tables& tables, const Clock& clock,
                                           const EngineOptions& options) {
    return std::make_unique<NativeEngine>(topics, tables, clock, options);
}

}  // namespace penstock::stream
