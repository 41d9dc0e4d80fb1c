#include "stream/exec/query_runner.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/units.h"
#include "stream/exec/definition.h"

namespace penstock::stream {

namespace {

/// Trying again may help; everything else is somebody's to repair.
bool is_transient(Errc code) {
    switch (code) {
        case Errc::io:
        case Errc::full:
        case Errc::unavailable:
        case Errc::timeout:
        case Errc::not_found:  // the topic was deleted; it may come back
        case Errc::out_of_range:
        case Errc::fenced:  // a process alone: Kafka itself has given its transaction up
            return true;
        case Errc::invalid:
        case Errc::exists:
        case Errc::corrupt:
        case Errc::unauthorized:
        case Errc::unsupported:
        case Errc::cancelled:
        case Errc::internal:
            return false;
    }
    return false;
}

/// An operator's error is about the query, whatever its kind.
Result<> as_fatal(Result<> result) {
    if (!result) return fail(Errc::invalid, "{}", result.error().text);
    return result;
}

}  // namespace

QueryRunner::QueryRunner(broker::Topics& topics, store::Tables& tables, const Clock& clock,
                         const EngineOptions& options, pipeline::QuerySpec query, std::string topic,
                         std::optional<pipeline::TopicSpec> topic_spec,
                         std::optional<pipeline::TopicSpec> target_spec)
    : topics_(topics),
      tables_(tables),
      clock_(clock),
      options_(options),
      query_(std::move(query)),
      topic_(std::move(topic)),
      topic_spec_(std::move(topic_spec)),
      target_spec_(std::move(target_spec)) {
    status_.name = query_.name;
    status_.state = QueryState::waiting;
    status_.reads = {topic_};
    status_.into = query_.into;
}

QueryRunner::~QueryRunner() {
    stop();
}

void QueryRunner::start() {
    thread_ = std::thread([this] { run(); });
}

void QueryRunner::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool QueryRunner::alive() {
    std::lock_guard lock(mutex_);
    return !ended_ && !stopping_;
}

bool QueryRunner::stopping() {
    std::lock_guard lock(mutex_);
    return stopping_;
}

void QueryRunner::wait(std::int64_t us) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::microseconds(us), [&] { return stopping_ || signal_->moved; });
    signal_->moved = false;
}

std::function<void()> QueryRunner::wake() const {
    return [signal = signal_] {
        {
            std::lock_guard lock(signal->mutex);
            signal->moved = true;
        }
        signal->changed.notify_all();
    };
}

void QueryRunner::set_state(QueryState state, std::string detail) {
    {
        std::lock_guard lock(mutex_);
        status_.state = state;
        status_.detail = std::move(detail);
    }
    changed_.notify_all();
}

void QueryRunner::run() {
    log::info("query {}: started, {} into {}", query_.name, topic_, query_.into);
    auto pause = options_.retry_us;
    while (!stopping()) {
        auto commits_before = commits_;
        Result<> done;
        try {
            done = work();
        } catch (const std::exception& exception) {
            // Libraries throw when memory ends; the other queries go on.
            done = fail(Errc::internal, "{}", exception.what());
        }
        (void)finish_commit();  // what becomes of one that is under way, the checkpoint tells
        if (done) break;
        const auto& error = done.error();
        if (error.code == Errc::fenced && options_.ownership) {
            log::warn("query {}: given up: {}", query_.name, error.text);
            {
                std::lock_guard lock(mutex_);
                ended_ = true;
                status_.state = QueryState::stopped;
                status_.detail = error.text;
            }
            changed_.notify_all();
            if (options_.ownership && options_.ownership->lost) options_.ownership->lost(query_.name);
            return;
        }
        if (!is_transient(error.code)) {
            log::error("query {}: failed: {}", query_.name, error.text);
            std::lock_guard lock(mutex_);
            ended_ = true;
            status_.state = QueryState::failed;
            status_.detail = error.text;
            changed_.notify_all();
            return;
        }
        if (commits_ != commits_before) pause = options_.retry_us;
        log::warn("query {}: {}; trying again in {}", query_.name, error.text, format_duration_us(pause));
        set_state(QueryState::waiting,
                  fmt::format("{}; trying again in {}", error.text, format_duration_us(pause)));
        // Not woken by new records: what failed would fail again.
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::microseconds(pause), [&] { return stopping_; });
        pause = std::min(pause * 2, options_.retry_max_us);
    }
    log::info("query {}: stopped", query_.name);
    std::lock_guard lock(mutex_);
    ended_ = true;
    status_.state = QueryState::stopped;
    status_.detail.clear();
    changed_.notify_all();
}

Result<> QueryRunner::work() {
    if (!TRY(open())) return {};
    auto subscription = TRY(topics_.subscribe(topic_, wake()));
    set_state(QueryState::running, notice_);
    last_prepared_mono_us_ = last_commit_mono_us_ = clock_.monotonic_us();
    rows_per_us_ = 0;
    while (!stopping()) {
        {
            std::lock_guard lock(mutex_);
            signal_->moved = false;
        }
        auto any = TRY(round());
        if (!caught_up() && !stopping()) {
            if (commit_is_due()) TRY(begin_commit());
            if (any) continue;
        }
        if (!stopping() && more_will_come()) {
            TRY(finish_commit());
            wait(last_commit_mono_us_ + options_.linger_us - clock_.monotonic_us());
            continue;
        }
        if (dirty_ || !again_until_.empty()) TRY(commit());
        TRY(finish_commit());
        publish_positions();
        if (!stopping()) wait(options_.idle_us);
    }
    if (dirty_ && again_until_.empty()) TRY(commit());
    TRY(finish_commit());
    unpublished_ = unpublished_ || commits_ > 0;
    last_publish_mono_us_ = 0;
    publish_positions();
    return {};
}

// With records.

Result<> QueryRunner::refresh() {
    auto info = TRY(topics_.info(topic_));
    if (info.id != topic_id_)
        return fail(Errc::unavailable, "topic {} was deleted and created again", topic_);
    ends_.resize(info.partitions.size());
    for (std::size_t i = 0; i < ends_.size(); ++i) {
        if (i >= positions_.size()) positions_.push_back(info.partitions[i].start_offset);
        ends_[i] = info.partitions[i].end_offset;
        if (!again_until_.empty())
            ends_[i] = i < again_until_.size() ? std::min(ends_[i], again_until_[i]) : positions_[i];
    }
    return {};
}

bool QueryRunner::caught_up() const {
    for (std::size_t i = 0; i < ends_.size(); ++i)
        if (positions_[i] < ends_[i]) return false;
    return true;
}

bool QueryRunner::commit_is_due() const {
    if (!dirty_ || !again_until_.empty()) return false;
    return chain_.sink->rows() >= options_.commit_rows || read_bytes_ >= options_.commit_bytes ||
           clock_.monotonic_us() - last_commit_mono_us_ >= options_.commit_interval_us;
}

/// The rows of a fast stream wait for others: a commit of many is a sorted file, at a third of the cost of
/// rows one by one. Where it would not become many in time, nobody waits.
bool QueryRunner::more_will_come() const {
    if (!dirty_ || !again_until_.empty() || chain_.sink->rows() >= options_.commit_rows) return false;
    return rows_per_us_ * double(options_.linger_us) >= double(options_.linger_rows) &&
           clock_.monotonic_us() - last_commit_mono_us_ < options_.linger_us;
}

Result<bool> QueryRunner::round() {
    TRY(refresh());
    chain_.chain.context().now_us = clock_.now_us();
    bool any = false;
    for (std::size_t i = 0; i < positions_.size() && !stopping(); ++i) {
        if (i >= ends_.size() || positions_[i] >= ends_[i]) continue;
        auto before = positions_[i];
        TRY(read_partition(i));
        any = any || positions_[i] != before;
        if (commit_is_due()) TRY(begin_commit());
    }
    TRY(advance_watermark());
    return any;
}

Result<> QueryRunner::read_partition(std::size_t partition) {
    auto set = [&] {
        StageTimes::Span timed(stages_.read);
        return topics_.read(topic_, std::int32_t(partition), positions_[partition], options_.read_bytes);
    }();
    if (!set) {
        if (set.error().code == Errc::out_of_range) return out_of_range(partition);
        return fail(fmt::format("reading {}/{} from {}", topic_, partition, positions_[partition]),
                    std::move(set).error());
    }
    if (partition < again_until_.size()) {
        auto end = again_until_[partition];
        while (!set->records.empty() && set->records.back().offset >= end) set->records.pop_back();
        set->next_offset = std::min(set->next_offset, end);
    }
    return process(partition, *set);
}

/// Retention was faster than the query, or the log was cut: goes on where records are, and says what is lost.
Result<> QueryRunner::out_of_range(std::size_t partition) {
    auto info = TRY(topics_.info(topic_));
    if (info.id != topic_id_ || partition >= info.partitions.size())
        return fail(Errc::unavailable, "topic {} was deleted and created again", topic_);
    auto start = info.partitions[partition].start_offset;
    auto end = info.partitions[partition].end_offset;
    auto position = positions_[partition];
    if (position >= start && position <= end) return {};  // it has moved meanwhile; the next round reads it
    if (position < start)
        notice_ = fmt::format(
            "offsets {} to {} of {}/{} were deleted (retention) before they were read: lost to this query",
            position, start - 1, topic_, partition);
    else
        notice_ =
            fmt::format("{}/{} ends at {} but was read up to {}: it was cut; going on from its start at {}",
                        topic_, partition, end, position, start);
    log::error("query {}: {}", query_.name, notice_);
    set_state(QueryState::running, notice_);
    positions_[partition] = start;
    dirty_ = true;
    return {};
}

Result<> QueryRunner::process(std::size_t partition, const broker::RecordSet& set) {
    auto number = std::int32_t(partition);
    std::span records(set.records);
    for (std::size_t begin = 0; begin < records.size();) {
        auto chunk = records.subspan(begin, std::min(options_.batch_rows, records.size() - begin));
        Rows rows;
        rows.partition = number;
        rows.batch = make_batch(chain_.plan->scan_schema);
        auto arena = std::make_shared<Arena>();
        std::vector<Misfit> misfits;
        {
            StageTimes::Span timed(stages_.decode);
            auto decoded = chain_.decoder->decode(chunk, number, *arena, rows.batch, rows.origins, misfits);
            if (!decoded) {
                // What came before it need not wait for the registry.
                TRY(dirty_ ? commit() : finish_commit());
                return decoded;
            }
        }
        if (!misfits.empty() && TRY(widen(misfits))) continue;  // the same records, by the wider schema
        for (auto& misfit : misfits)
            dead_letters_->add(number, chunk[misfit.record], set.bytes, std::move(misfit.reason));
        rows.batch.keep_alive = {set.bytes, arena};
        chain_.chain.context().reject = [&](std::uint32_t record, std::string reason) {
            dead_letters_->add(number, chunk[record], set.bytes, std::move(reason));
        };
        {
            StageTimes::Span timed(stages_.evaluate);
            TRY(as_fatal(chain_.chain.batch(std::move(rows))));
        }
        for (const auto& record : chunk) {
            read_bytes_ += 64;
            if (record.value) read_bytes_ += std::int64_t(record.value->size());
        }
        processed_ += std::int64_t(chunk.size());
        begin += chunk.size();
        positions_[partition] = chunk.back().offset + 1;
        dirty_ = true;
        if (commit_is_due()) TRY(begin_commit());
    }
    positions_[partition] = std::max(positions_[partition], set.next_offset);
    dirty_ = true;
    return {};
}

/// on_drift: evolve. A column whose values turn out to be of several types becomes STRING, when the query's
/// result has the same types then as now. True: the chain is a new one, decode again.
Result<bool> QueryRunner::widen(const std::vector<Misfit>& misfits) {
    if (!inferred_ || (topic_spec_ && topic_spec_->on_drift != pipeline::TopicSpec::Drift::evolve))
        return false;
    for (const auto& misfit : misfits) {
        if (!misfit.other_type || not_widened_.contains(to_string(misfit.path))) continue;
        auto relation = relation_;
        DataType* type = &relation.columns;
        for (const auto& step : misfit.path) {
            if (type->shape != DataType::Shape::object) {
                type = &type->elements[0];
                continue;
            }
            for (auto& field : type->fields)
                if (field.name == step.name) {
                    type = &field.type;
                    break;
                }
        }
        bool scalar = type->shape == DataType::Shape::scalar && type->scalar != TypeId::string;
        *type = scalar_type(TypeId::string);
        auto plan = plan_continuous(query_, relation);
        bool same_groups = plan && plan->group.has_value() == chain_.plan->group.has_value() &&
                           (!plan->group || plan->group->schema == chain_.plan->group->schema);
        if (!scalar || !plan || plan->schema != chain_.plan->schema || !same_groups) {
            not_widened_.insert(to_string(misfit.path));
            continue;
        }
        log::info("query {}: {} of {} is STRING from now on: {}", query_.name, to_string(misfit.path), topic_,
                  misfit.reason);
        if (dirty_ && !again_until_.empty()) return false;  // that commit must be of the same stretch
        TRY(dirty_ ? commit() : finish_commit());
        relation_ = std::move(relation);
        TRY(adopt(std::move(*plan)));
        return true;
    }
    return false;
}

Result<> QueryRunner::advance_watermark() {
    if (!chain_.watermark) return {};
    std::vector<bool> unread(positions_.size());
    for (std::size_t i = 0; i < unread.size(); ++i) unread[i] = i < ends_.size() && positions_[i] < ends_[i];
    auto watermark = chain_.watermark->advance(unread, clock_.now_us());
    if (watermark <= watermark_us_) return {};
    watermark_us_ = watermark;
    dirty_ = true;
    return as_fatal(chain_.chain.watermark(watermark));
}

}  // namespace penstock::stream
