// The part of QueryRunner that makes things durable, and tells how far it is.
//
// Write timestamps. A table takes, cell by cell, the write with the higher timestamp. Rows and checkpoint
// become durable together in our own store, but a remote table is written first and its checkpoint after:
// when that is cut off, rows of a commit may be there that the checkpoint knows nothing of, and the replay
// must win over them, even when it cuts its commits elsewhere. So timestamps rise strictly within a query's
// life, over restarts too: every checkpoint reserves a stretch of timestamps, a commit uses only what an
// earlier, durable checkpoint has reserved, and a restart begins behind the stretch. They are the wall
// clock's as long as that runs forward, so that what people delete or change by CQL is newer than the rows
// before and older than the rows after.
#include <condition_variable>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/names.h"
#include "stream/exec/definition.h"
#include "stream/exec/query_runner.h"
#include "stream/query_group.h"

namespace penstock::stream {

namespace {
constexpr std::int64_t reserve_us = 10'000'000;
constexpr std::int64_t publish_every_us = 1'000'000;
}  // namespace

Checkpoint QueryRunner::checkpoint_now() const {
    Checkpoint out;
    out.query_hash = query_hash(query_);
    out.target_hash = target_hash(query_, topic_);
    out.grouped = chain_.plan->group.has_value();
    out.topic = topic_;
    out.topic_id = topic_id_;
    out.offsets = positions_;
    out.watermark_us = watermark_us_;
    out.reserved_us = durable_ ? durable_->reserved_us : 0;
    out.commits = durable_ ? durable_->commits + 1 : 1;
    if (inferred_) out.schema = ddl_of(relation_.columns);
    return out;
}

/// A timestamp that is greater than every one before it, and reserved.
Result<std::int64_t> QueryRunner::next_timestamp() {
    auto next = std::max(timestamp_us_ + 1, clock_.now_us());
    if (!durable_ || next >= durable_->reserved_us) {
        auto checkpoint = durable_ ? *durable_ : checkpoint_now();
        if (!durable_) {
            // Nothing is committed yet: this one must not say that something was.
            std::lock_guard lock(mutex_);
            checkpoint.offsets = committed_;
            checkpoint.watermark_us = INT64_MIN;
        }
        checkpoint.reserved_us = next + reserve_us;
        store::Commit commit;
        commit.query = query_.name;
        commit.checkpoint = encode(checkpoint);
        commit.epoch = epoch_;
        TRY(tables_.commit(commit));
        durable_ = std::move(checkpoint);
    }
    return next;
}

/// Fencing holds without this; but who knows better need not try.
Result<> QueryRunner::check_ownership() const {
    if (!options_.ownership || options_.ownership->epoch(query_.name) == epoch_) return {};
    return fail(Errc::fenced, "it is no longer this process's to run");
}

/// Everything that belongs to a commit, apart from what goes on meanwhile.
Result<std::unique_ptr<QueryRunner::PendingCommit>> QueryRunner::prepare_commit() {
    TRY(check_ownership());
    auto out = std::make_unique<PendingCommit>();
    StateWriter state;
    auto barrier = chain_.chain.barrier(state);
    if (!barrier) return fail(Errc::invalid, "{}", barrier.error().text);
    auto rejected = dead_letters_->flush(std::int32_t(positions_.size()));
    if (!rejected) return fail("keeping records that do not fit", std::move(rejected).error());
    chain_.sink->drop_replaced();
    out->rows = std::int64_t(chain_.sink->rows());
    out->rejected = *rejected;
    if (out->rejected > 0) reject_notice_ = pipeline::rejection_notice(dead_letters_->last_reason(), topic_);
    out->batches = chain_.sink->take();
    if (output_) {
        TRY(write_topic(out->batches));
        out->batches.clear();
    }
    // A table has no type for what is inside of a value: it keeps the JSON as text.
    for (auto& batch : out->batches) {
        for (auto& field : batch.schema)
            if (field.type == TypeId::json) field.type = TypeId::string;
        for (auto& column : batch.columns)
            if (column.type == TypeId::json) column.type = TypeId::string;
    }
    out->timestamp_us = timestamp_us_;
    if (!out->batches.empty()) out->timestamp_us = TRY(next_timestamp());
    for (const auto& batch : out->batches)
        out->commit.writes.push_back({query_.into, &batch, out->timestamp_us});
    out->checkpoint = checkpoint_now();
    out->checkpoint.reserved_us = std::max(out->checkpoint.reserved_us, out->timestamp_us + reserve_us);
    out->commit.query = query_.name;
    out->commit.state = state.take();
    out->commit.checkpoint = encode(out->checkpoint);
    out->commit.epoch = epoch_;
    out->processed = std::exchange(processed_, 0);
    out->late = std::exchange(chain_.chain.context().late, 0);
    dirty_ = false;
    read_bytes_ = 0;
    auto now = clock_.monotonic_us();
    rows_per_us_ = double(out->rows) / double(std::max<std::int64_t>(now - last_prepared_mono_us_, 1));
    last_prepared_mono_us_ = last_commit_mono_us_ = now;
    return out;
}

Result<> QueryRunner::write_tables(const PendingCommit& pending) {
    StageTimes::Span timed(stages_.write);
    auto written = tables_.commit(pending.commit);
    if (!written) return fail("commit", std::move(written).error());
    return {};
}

Result<> QueryRunner::commit() {
    TRY(finish_commit());
    auto pending = [&] {
        StageTimes::Span timed(stages_.write);
        return prepare_commit();
    }();
    if (!pending) return fail(std::move(pending).error());
    TRY(write_tables(**pending));
    committed(**pending);
    return {};
}

/// With a backlog: the next rows are read and decoded while these are written. One commit is under way at a
/// time, and finish_commit() comes before whatever depends on its end.
Result<> QueryRunner::begin_commit() {
    if (output_) return commit();
    TRY(finish_commit());
    {
        StageTimes::Span timed(stages_.write);
        pending_ = TRY(prepare_commit());
    }
    pending_->written = std::async(std::launch::async, [this, pending = pending_.get()]() -> Result<> {
        try {
            return write_tables(*pending);
        } catch (const std::exception& exception) {
            return fail(Errc::internal, "commit: {}", exception.what());
        }
    });
    return {};
}

Result<> QueryRunner::finish_commit() {
    if (!pending_) return {};
    auto written = pending_->written.get();
    auto pending = std::exchange(pending_, nullptr);
    TRY(std::move(written));
    committed(*pending);
    return {};
}

/// The rows are durable before the checkpoint is; a crash between the two is seen by open_output().
Result<> QueryRunner::write_topic(const std::vector<Batch>& batches) {
    OutputPosition position;
    position.query_hash = query_hash(query_);
    position.target_hash = target_hash(query_, topic_);
    position.grouped = chain_.plan->group.has_value();
    position.topic_id = topic_id_;
    position.commits = durable_ ? durable_->commits + 1 : 1;
    position.watermark_us = watermark_us_;
    {
        std::lock_guard lock(mutex_);
        position.from = committed_;
    }
    position.to = positions_;
    position.from.resize(position.to.size());
    std::vector<std::vector<std::string>> values;
    for (const auto& batch : batches) values.push_back(TRY(row_encoder_->encode(batch)));
    TRY(output_->write(batches, std::move(values), position, !again_until_.empty()));
    again_until_.clear();
    return {};
}

void QueryRunner::committed(const PendingCommit& done) {
    static auto& rows_total =
        metrics::counter("penstock_stream_stored_rows_total", "Rows written by queries.");
    static auto& read_total =
        metrics::counter("penstock_stream_processed_records_total", "Records read by queries.");
    static auto& rejected_total =
        metrics::counter("penstock_stream_rejected_records_total", "Records sent to dead-letter topics.");
    rows_total.add(done.rows);
    read_total.add(done.processed);
    rejected_total.add(done.rejected);
    ++commits_;
    unpublished_ = true;
    timestamp_us_ = done.timestamp_us;
    durable_ = done.checkpoint;
    last_commit_mono_us_ = clock_.monotonic_us();
    {
        std::lock_guard lock(mutex_);
        committed_ = done.checkpoint.offsets;
        status_.processed += done.processed;
        status_.stored += done.rows;
        status_.rejected += done.rejected;
        status_.late += done.late;
        status_.watermark_us = done.checkpoint.watermark_us;
        status_.last_commit_us = clock_.now_us();
        status_.state = QueryState::running;
        status_.detail = notice_.empty() ? reject_notice_ : notice_;
    }
    changed_.notify_all();
    publish_positions();
}

void QueryRunner::publish_positions() {
    auto now = clock_.monotonic_us();
    if (!unpublished_ || (last_publish_mono_us_ != 0 && now - last_publish_mono_us_ < publish_every_us))
        return;
    last_publish_mono_us_ = now;
    unpublished_ = false;
    std::vector<std::int64_t> positions;
    {
        std::lock_guard lock(mutex_);
        positions = committed_;
    }
    for (std::size_t i = 0; i < positions.size(); ++i) {
        auto published =
            topics_.publish_position(group_of_query(query_.name), topic_, std::int32_t(i), positions[i]);
        // For tools only; the checkpoint is what counts.
        if (!published)
            log::debug("query {}: its position was not published: {}", query_.name, published.error().text);
    }
}

QueryStatus QueryRunner::status() {
    auto info = topics_.glance(topic_);
    std::lock_guard lock(mutex_);
    auto out = status_;
    if (!info) return out;
    for (std::size_t i = 0; i < info->partitions.size(); ++i) {
        const auto& partition = info->partitions[i];
        auto from =
            i < committed_.size() ? std::max(committed_[i], partition.start_offset) : partition.start_offset;
        out.lag += std::max<std::int64_t>(0, partition.end_offset - from);
    }
    return out;
}

Result<> QueryRunner::wait_caught_up(std::int64_t timeout_us) {
    auto info = topics_.info(topic_);
    if (!info && info.error().code == Errc::not_found) return {};  // nothing was in it
    if (!info) return fail(std::move(info).error());
    std::unique_lock lock(mutex_);
    auto reached = [&] {
        for (std::size_t i = 0; i < info->partitions.size(); ++i) {
            const auto& partition = info->partitions[i];
            if (partition.start_offset == partition.end_offset) continue;
            if (i >= committed_.size() || committed_[i] < partition.end_offset) return false;
        }
        return true;
    };
    changed_.wait_for(lock, std::chrono::microseconds(timeout_us),
                      [&] { return ended_ || stopping_ || reached(); });
    if (reached()) return {};
    if (status_.state == QueryState::failed)
        return fail(Errc::invalid, "query {} failed: {}", query_.name, status_.detail);
    if (ended_ || stopping_) return fail(Errc::cancelled, "query {} was stopped", query_.name);
    return fail(Errc::timeout, "query {} is {} and has not caught up{}{}", query_.name,
                to_string(status_.state), status_.detail.empty() ? "" : ": ", status_.detail);
}

}  // namespace penstock::stream
