// The part of QueryRunner that comes before the first record: topic, columns, plan, table, checkpoint.
#include "base/log.h"
#include "stream/decode/topic_sample.h"
#include "stream/exec/definition.h"
#include "stream/exec/query_runner.h"

namespace penstock::stream {

/// False when it was stopped while it waited.
Result<bool> QueryRunner::open() {
    auto info = TRY(wait_for_topic());
    if (!info) return false;
    auto checkpoint = TRY(load_checkpoint());
    TRY(open_output(checkpoint, *info));
    if (!TRY(plan(checkpoint, *info))) return false;
    TRY(settle_checkpoint(checkpoint, *info));
    TRY(ensure_target());
    durable_ = checkpoint;
    TRY(place(checkpoint, *info));
    return true;
}

Result<std::optional<broker::TopicInfo>> QueryRunner::wait_for_topic() {
    while (!stopping()) {
        auto info = topics_.info(topic_);
        if (info) return std::optional(std::move(*info));
        if (info.error().code != Errc::not_found) return fail(std::move(info).error());
        set_state(QueryState::waiting, fmt::format("waiting for the topic {}, which does not exist", topic_));
        wait(200'000);
    }
    return std::optional<broker::TopicInfo>();
}

/// The query is ours before the checkpoint is read: it is the last one of whoever had the query before.
Result<std::optional<Checkpoint>> QueryRunner::load_checkpoint() {
    epoch_ = 0;
    if (options_.ownership) {
        auto epoch = options_.ownership->epoch(query_.name);
        if (!epoch) return fail(Errc::fenced, "another process runs it");
        epoch_ = *epoch;
    }
    auto bytes = TRY(tables_.claim(query_.name, epoch_));
    if (bytes.empty()) return std::optional<Checkpoint>();
    return std::optional(TRY(decode_checkpoint(bytes)));
}

/// Of a query into a topic: finds the commit that may be in the topic in part, or in whole and not in the
/// checkpoint, and goes back to before it.
Result<> QueryRunner::open_output(std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info) {
    again_until_.clear();
    output_.reset();
    auto topic = target_topic(query_);
    if (!topic) return {};
    TRY(ensure_target_topic(*topic));
    output_ = std::make_unique<TopicOutput>(topics_, query_, *topic);
    TRY(output_->open());
    const auto* last = output_->latest();
    bool is_of_us = last && last->query_hash == query_hash(query_) &&
                    last->target_hash == target_hash(query_, topic_) && last->topic_id == info.id;
    if (!is_of_us) return {};
    bool is_known = checkpoint && checkpoint->query_hash == last->query_hash &&
                    checkpoint->target_hash == last->target_hash && checkpoint->topic_id == info.id;
    auto begin_at = [&](const std::vector<std::int64_t>& offsets) {
        checkpoint.emplace();
        checkpoint->query_hash = last->query_hash;
        checkpoint->target_hash = last->target_hash;
        checkpoint->grouped = last->grouped;
        checkpoint->topic = topic_;
        checkpoint->topic_id = info.id;
        checkpoint->offsets = offsets;
    };
    if (last->grouped) {
        // What it counts is in its state alone, which was empty before the first commit.
        if (!checkpoint && last->commits == 1) {
            begin_at(last->from);
            is_known = true;
        }
        bool follows = is_known && checkpoint->offsets == last->from && checkpoint->commits < last->commits;
        if (follows) {
            checkpoint->commits = last->commits - 1;
            again_until_ = last->to;
        }
        return {};
    }
    if (!is_known) begin_at({});
    bool covers = checkpoint->offsets.size() >= last->to.size();
    for (std::size_t i = 0; covers && i < last->to.size(); ++i)
        covers = checkpoint->offsets[i] >= last->to[i];
    if (covers) {
        checkpoint->commits = std::max(checkpoint->commits, last->commits);
        return {};
    }
    checkpoint->offsets = last->from;
    checkpoint->commits = last->commits - 1;
    again_until_ = last->to;
    return {};
}

/// Forgets checkpoint and state, as long as the query is ours.
Result<> QueryRunner::start_anew() {
    if (epoch_ == 0) return tables_.forget(query_.name);
    store::Commit commit;
    commit.query = query_.name;
    commit.epoch = epoch_;
    for (auto& [key, value] : TRY(tables_.state(query_.name, "")))
        commit.state.push_back({std::move(key), std::nullopt});
    return tables_.commit(commit);
}

/// The columns are declared, or those of the checkpoint, or inferred: then it waits for records.
Result<bool> QueryRunner::plan(const std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info) {
    auto relation = topic_relation(topic_, topic_spec_ ? &*topic_spec_ : nullptr);
    if (!relation) return fail(Errc::invalid, "{}", relation.error().text);
    relation_ = std::move(*relation);
    if (relation_.format == pipeline::Format::avro) TRY(find_reader_schema());
    inferred_ = relation_.open;
    if (inferred_ && checkpoint && checkpoint->query_hash == query_hash(query_) &&
        checkpoint->topic_id == info.id && !checkpoint->schema.empty()) {
        auto columns = parse_ddl(checkpoint->schema);
        if (!columns) return fail(Errc::corrupt, "the checkpoint's schema: {}", columns.error().text);
        relation_.columns = std::move(*columns);
        relation_.open = false;
    }
    if (relation_.open) return infer_schema(info);
    auto planned = plan_continuous(query_, relation_);
    if (!planned) return fail(sql_error(planned.error(), query_.sql.text));
    TRY(adopt(std::move(*planned)));
    return true;
}

/// The defaults of the topic's schema are part of what the query reads: without the registry it waits, unless
/// it has asked before.
Result<> QueryRunner::find_reader_schema() {
    auto found = reader_schema(topic_, options_.schemas);
    if (found)
        reader_ = std::move(*found);
    else if (!reader_)
        return fail(std::move(found).error());
    relation_.reader = reader_;
    return {};
}

Result<bool> QueryRunner::infer_schema(const broker::TopicInfo& info) {
    auto subscription = TRY(topics_.subscribe(topic_, wake()));
    while (!stopping()) {
        if (relation_.format == pipeline::Format::avro) TRY(find_reader_schema());
        TopicSample sample(relation_, options_.schemas);
        TRY(sample.begin());
        int seen = 0;
        for (std::size_t i = 0; i < info.partitions.size() && seen < options_.sample_records; ++i) {
            auto now = TRY(topics_.info(topic_));
            if (i >= now.partitions.size() || now.partitions[i].start_offset == now.partitions[i].end_offset)
                continue;
            auto set = TRY(
                topics_.read(topic_, std::int32_t(i), now.partitions[i].start_offset, options_.read_bytes));
            for (const auto& record : set.records) {
                if (seen >= options_.sample_records) break;
                ++seen;
                if (record.value) TRY(sample.add(*record.value));
            }
        }
        relation_.columns = sample.columns();
        relation_.open = false;
        auto planned = plan_continuous(query_, relation_);
        // Columns that the first records lack may come with later ones.
        bool complete = seen >= options_.sample_records;
        if (planned && (sample.documents() > 0 || (seen > 0 && planned->scan.empty()))) {
            TRY(adopt(std::move(*planned)));
            return true;
        }
        if (complete && !planned) return fail(sql_error(planned.error(), query_.sql.text));
        if (sample.documents() == 0)
            set_state(QueryState::waiting,
                      fmt::format("waiting for records: topic {} has {}, so its columns are not known",
                                  topic_, seen == 0 ? "none" : "none that is of its format"));
        else
            set_state(QueryState::waiting, fmt::format("waiting for records: in the first {} of {}: {}", seen,
                                                       topic_, planned.error().text));
        wait(options_.idle_us);
    }
    return false;
}

/// Makes the plan the one that runs, and gives it its state back.
Result<> QueryRunner::adopt(QueryPlan planned) {
    if (auto problem = target_problem(query_, planned)) return fail(Errc::invalid, "{}", *problem);
    if (auto remark = key_remark(query_, planned)) log::warn("query {}: {}", query_.name, *remark);
    bool needs_tables = planned.group.has_value() || !target_topic(query_);
    if (needs_tables && options_.ownership && !options_.ownership->shares_tables) {
        return fail(Errc::invalid,
                    "it {}, and embedded tables are this process's own: the next process to run it would not "
                    "find them; set --tables to a URL (docs/operating.md, Several processes)",
                    planned.group ? "keeps counts in tables" : "writes a table");
    }
    ChainOptions options;
    options.max_groups = options_.max_groups;
    options.schemas = options_.schemas;
    options.strict = topic_spec_ && topic_spec_->on_drift == pipeline::TopicSpec::Drift::dead_letter;
    // A topic takes every row; only a table needs a key, and has one row for each.
    for (const auto& key : query_.key)
        for (std::size_t i = 0; i < planned.schema.size(); ++i)
            if (planned.schema[i].name == key.column && !target_topic(query_)) options.key.push_back(i);
    if (auto target = target_topic(query_))
        row_encoder_ = TRY(RowEncoder::make(*target, target_spec_, planned.schema, options_.schemas));
    auto late = chain_.chain.context().late;
    chain_ = make_query_chain(std::move(planned), options);
    chain_.chain.context().late = late;
    chain_.chain.context().now_us = clock_.now_us();
    // At the first start the checkpoint has not been judged yet: settle_checkpoint() restores.
    if (durable_) {
        StateReader state(&tables_, query_.name);
        TRY(chain_.chain.restore(state));
        if (watermark_us_ != INT64_MIN) TRY(chain_.chain.watermark(watermark_us_));
    }
    return {};
}

/// A checkpoint is gone on from when it is of the same query, or of one that keeps no state and has the same
/// target.
Result<> QueryRunner::settle_checkpoint(std::optional<Checkpoint>& checkpoint,
                                        const broker::TopicInfo& info) {
    if (checkpoint) {
        std::string why;
        bool grouped = chain_.plan->group.has_value();
        if (checkpoint->target_hash != target_hash(query_, topic_))
            why = "its topic, table or key has changed";
        else if (checkpoint->query_hash != query_hash(query_) && (grouped || checkpoint->grouped))
            why = "its SQL has changed and it keeps state";
        else if (checkpoint->topic_id != info.id && grouped)
            why = "its topic was deleted and created again";
        if (!why.empty()) {
            log::warn("query {}: starts from the beginning of {}: {}", query_.name, topic_, why);
            TRY(start_anew());
            // What is kept is what no earlier write's timestamp may exceed.
            timestamp_us_ = std::max(timestamp_us_, checkpoint->reserved_us);
            checkpoint.reset();
        }
    }
    if (!checkpoint) {
        watermark_us_ = INT64_MIN;
        durable_.reset();
        return {};
    }
    if (!durable_) {
        StateReader state(&tables_, query_.name);
        TRY(chain_.chain.restore(state));
    }
    watermark_us_ = checkpoint->watermark_us;
    if (watermark_us_ != INT64_MIN) TRY(chain_.chain.watermark(watermark_us_));
    return {};
}

Result<> QueryRunner::ensure_target_topic(const std::string& topic) {
    auto info = topics_.info(topic);
    if (info || info.error().code != Errc::not_found)
        return info ? Result<>() : fail(std::move(info).error());
    broker::TopicSpec spec;
    spec.name = topic;
    auto created = topics_.create(spec);
    if (!created && created.error().code != Errc::exists) return created;
    return {};
}

Result<> QueryRunner::ensure_target() {
    if (target_topic(query_)) return {};
    auto columns = chain_.plan->schema;
    for (auto& field : columns)
        if (field.type == TypeId::json) field.type = TypeId::string;
    auto ensured = tables_.ensure(table_spec(query_, std::move(columns)));
    if (!ensured) return fail("its table", std::move(ensured).error());
    return {};
}

Result<> QueryRunner::place(const std::optional<Checkpoint>& checkpoint, const broker::TopicInfo& info) {
    topic_id_ = info.id;
    positions_.clear();
    ends_.clear();
    notice_.clear();
    read_bytes_ = processed_ = 0;
    dirty_ = false;
    bool same_topic = checkpoint && checkpoint->topic_id == info.id;
    if (checkpoint && !same_topic) {
        notice_ =
            fmt::format("topic {} was deleted and created again: reading it from its beginning", topic_);
        log::warn("query {}: {}", query_.name, notice_);
    }
    for (std::size_t i = 0; i < info.partitions.size(); ++i) {
        auto start = info.partitions[i].start_offset;
        bool known = same_topic && i < checkpoint->offsets.size();
        positions_.push_back(known ? checkpoint->offsets[i] : start);
        if (!known || checkpoint->offsets[i] >= start) continue;
        notice_ = fmt::format(
            "offsets {} to {} of {}/{} were deleted (retention) before they were read: lost to this query",
            checkpoint->offsets[i], start - 1, topic_, i);
        log::error("query {}: {}", query_.name, notice_);
        positions_[i] = start;
    }
    if (checkpoint) timestamp_us_ = std::max(timestamp_us_, checkpoint->reserved_us);
    dead_letters_ = std::make_unique<DeadLetters>(topics_, topic_, query_.name,
                                                  fmt::format("{:016x}.{}", query_hash(query_), topic_id_));
    if (epoch_ != 0) TRY(dead_letters_->take_over(std::int32_t(positions_.size())));
    std::lock_guard lock(mutex_);
    committed_ = positions_;
    return {};
}

}  // namespace penstock::stream
