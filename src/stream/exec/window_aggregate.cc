#include "stream/exec/window_aggregate.h"

#include "base/units.h"
#include "stream/exec/filter.h"

namespace penstock::stream {

namespace {

constexpr std::string_view prefix = "g/";
constexpr std::size_t rows_at_once = 4096;

/// The last window start at or before the time.
std::int64_t start_before(std::int64_t us, std::int64_t slide) {
    auto rest = us % slide;
    return us - (rest < 0 ? rest + slide : rest);
}

void encode_value(StateEncoder& to, const Vector& vector, std::size_t row) {
    if (vector.is_null(row)) return to.byte(0);
    to.byte(1);
    const auto& column = *vector.column;
    auto at = vector.at(row);
    switch (storage_of(column.type)) {
        case Storage::integers:
            to.integer(column.integers[at]);
            break;
        case Storage::floats:
            to.real(column.floats[at] == 0 ? 0.0 : column.floats[at]);
            break;
        case Storage::strings:
            to.text(column.strings[at]);
            break;
    }
}

void decode_value(StateDecoder& from, Column& to, Arena& arena) {
    if (from.byte() == 0) return to.append_null();
    switch (storage_of(to.type)) {
        case Storage::integers:
            to.append_integer(from.integer());
            break;
        case Storage::floats:
            to.append_float(from.real());
            break;
        case Storage::strings:
            to.append_string(arena.copy(from.text()));
            break;
    }
}

}  // namespace

WindowAggregate::Inputs WindowAggregate::evaluate_inputs(Evaluation& evaluation) const {
    Inputs inputs;
    if (plan_.window) inputs.time = evaluate(*plan_.window->time, evaluation);
    for (const auto& key : plan_.keys) inputs.keys.push_back(evaluate(*key, evaluation));
    for (const auto& call : plan_.aggregates)
        inputs.arguments.push_back(call.argument ? evaluate(*call.argument, evaluation) : Vector());
    return inputs;
}

Result<> WindowAggregate::on_batch(Rows rows, Output& out) {
    Arena arena;
    Evaluation evaluation{&rows.batch, rows.batch.rows, &arena, out.context().now_us};
    auto inputs = evaluate_inputs(evaluation);
    std::vector<std::uint8_t> failed(rows.batch.rows);
    for (const auto& error : evaluation.errors) failed[error.row] = 1;
    TRY(reject_failed(evaluation, rows, out));
    for (std::size_t row = 0; row < rows.batch.rows; ++row) {
        if (failed[row]) continue;
        if (!plan_.window) {
            TRY(add(inputs, row, 0, out, rows));
            continue;
        }
        if (inputs.time.is_null(row)) continue;  // in no window, as in Spark
        auto us = inputs.time.column->integers[inputs.time.at(row)];
        bool late = true;
        auto size = plan_.window->size_us;
        for (auto start = start_before(us, plan_.window->slide_us); start > us - size;
             start -= plan_.window->slide_us) {
            if (start + size <= watermark_us_) break;  // this window and all before it have closed
            late = false;
            TRY(add(inputs, row, start, out, rows));
        }
        if (late) ++out.context().late;
    }
    return {};
}

void WindowAggregate::encode_key(const Inputs& inputs, std::size_t row) {
    StateEncoder encoder;
    for (const auto& key : inputs.keys) encode_value(encoder, key, row);
    key_ = encoder.take();
}

Result<> WindowAggregate::add(const Inputs& inputs, std::size_t row, std::int64_t start, Output& out,
                              const Rows& rows) {
    encode_key(inputs, row);
    auto& groups = windows_[start];
    auto found = groups.find(key_);
    if (found == groups.end()) {
        if (group_count_ >= max_groups_)
            return fail(
                Errc::full,
                "more than {} groups at a time; group by fewer values, or by window() with a watermark",
                format_count(std::int64_t(max_groups_)));
        ++group_count_;
        found = groups.try_emplace(key_).first;
        found->second.states.resize(plan_.aggregates.size());
    }
    auto& group = found->second;
    for (std::size_t i = 0; i < plan_.aggregates.size(); ++i) {
        auto why = group.states[i].add(plan_.aggregates[i], inputs.arguments[i], row);
        if (why.empty()) continue;
        if (rows.origins.empty() || !out.context().reject) return fail(Errc::invalid, "{}", why);
        out.context().reject(rows.origins[row], std::move(why));
        break;
    }
    if (!group.dirty) {
        group.dirty = true;
        dirty_.emplace_back(start, &*found);
    }
    return {};
}

Result<> WindowAggregate::on_watermark(std::int64_t us, Output& out) {
    watermark_us_ = std::max(watermark_us_, us);
    return out.watermark(us);
}

Result<> WindowAggregate::emit(const std::vector<std::pair<std::int64_t, const Entry*>>& groups,
                               Output& out) {
    for (std::size_t begin = 0; begin < groups.size(); begin += rows_at_once) {
        Rows rows;
        rows.batch = make_batch(plan_.schema);
        auto arena = std::make_shared<Arena>();
        auto end = std::min(begin + rows_at_once, groups.size());
        for (auto i = begin; i < end; ++i) {
            std::size_t column = 0;
            if (plan_.window) {
                rows.batch.columns[column++].append_integer(groups[i].first);
                rows.batch.columns[column++].append_integer(groups[i].first + plan_.window->size_us);
            }
            StateDecoder key(groups[i].second->first);
            for (std::size_t k = 0; k < plan_.keys.size(); ++k)
                decode_value(key, rows.batch.columns[column++], *arena);
            for (std::size_t a = 0; a < plan_.aggregates.size(); ++a)
                groups[i].second->second.states[a].result(plan_.aggregates[a], rows.batch.columns[column++],
                                                          *arena);
        }
        rows.batch.rows = end - begin;
        rows.batch.keep_alive.push_back(std::move(arena));
        TRY(out.rows(std::move(rows)));
    }
    return {};
}

std::string WindowAggregate::state_key(std::int64_t start, const std::string& key) const {
    return std::string(prefix) + ordered_key(start) + key;
}

void WindowAggregate::close_windows(StateWriter& to) {
    if (!plan_.window || watermark_us_ == INT64_MIN) return;
    while (!windows_.empty() && windows_.begin()->first + plan_.window->size_us <= watermark_us_) {
        auto& [start, groups] = *windows_.begin();
        for (const auto& [key, group] : groups)
            if (group.stored) to.remove(state_key(start, key));
        group_count_ -= groups.size();
        windows_.erase(windows_.begin());
    }
}

Result<> WindowAggregate::on_barrier(StateWriter& to, Output& out) {
    std::vector<std::pair<std::int64_t, const Entry*>> changed(dirty_.begin(), dirty_.end());
    TRY(emit(changed, out));
    for (auto& [start, entry] : dirty_) {
        auto& group = entry->second;
        group.dirty = false;
        bool closing =
            plan_.window && watermark_us_ != INT64_MIN && start + plan_.window->size_us <= watermark_us_;
        if (closing) continue;
        StateEncoder value;
        for (const auto& state : group.states) state.encode(value);
        to.put(state_key(start, entry->first), value.take());
        group.stored = true;
    }
    dirty_.clear();
    close_windows(to);
    return {};
}

Result<> WindowAggregate::on_restore(StateReader& from) {
    for (auto& [key, value] : TRY(from.read(prefix))) {
        if (key.size() < prefix.size() + 8) return fail(Errc::corrupt, "a group's state cannot be read");
        auto start = value_of_ordered_key(std::string_view(key).substr(prefix.size()));
        auto& group = windows_[start][key.substr(prefix.size() + 8)];
        group.states.resize(plan_.aggregates.size());
        group.stored = true;
        StateDecoder decoder(value);
        for (auto& state : group.states) state.decode(decoder);
        if (!decoder.ok() || !decoder.done()) return fail(Errc::corrupt, "a group's state cannot be read");
        ++group_count_;
    }
    return {};
}

Result<> WindowAggregate::on_end(Output& out) {
    std::vector<std::pair<std::int64_t, const Entry*>> all;
    if (windows_.empty() && !plan_.window && plan_.keys.empty()) {
        // SELECT count(*) of nothing is 0.
        auto& group = windows_[0].try_emplace("").first->second;
        group.states.resize(plan_.aggregates.size());
    }
    for (const auto& [start, groups] : windows_)
        for (const auto& entry : groups) all.emplace_back(start, &entry);
    TRY(emit(all, out));
    return out.end();
}

}  // namespace penstock::stream
