#include "stream/exec/operator.h"

#include "base/check.h"

namespace penstock::stream {

Result<> Output::rows(Rows rows) {
    if (rows.batch.rows == 0 || next_ >= operators_.size()) return {};
    Output after(operators_, next_ + 1, context_);
    return operators_[next_]->on_batch(std::move(rows), after);
}

Result<> Output::watermark(std::int64_t us) {
    if (next_ >= operators_.size()) return {};
    Output after(operators_, next_ + 1, context_);
    return operators_[next_]->on_watermark(us, after);
}

Result<> Output::end() {
    if (next_ >= operators_.size()) return {};
    Output after(operators_, next_ + 1, context_);
    return operators_[next_]->on_end(after);
}

Result<> Chain::barrier(StateWriter& to) {
    for (std::size_t i = 0; i < operators_.size(); ++i) {
        Output after(operators_, i + 1, context_);
        TRY(operators_[i]->on_barrier(to, after));
    }
    return {};
}

Result<> Chain::restore(StateReader& from) {
    for (auto& step : operators_) TRY(step->on_restore(from));
    return {};
}

namespace {

template <class T>
void pick(std::vector<T>& to, const std::vector<T>& from, const std::vector<std::uint32_t>& places) {
    to.reserve(places.size());
    for (auto place : places) to.push_back(from[place]);
}

}  // namespace

Rows gather(const Rows& from, const std::vector<std::uint32_t>& places) {
    Rows out;
    out.partition = from.partition;
    out.batch = make_batch(from.batch.schema);
    out.batch.rows = places.size();
    out.batch.keep_alive = from.batch.keep_alive;
    for (std::size_t i = 0; i < from.batch.columns.size(); ++i) {
        const auto& column = from.batch.columns[i];
        auto& to = out.batch.columns[i];
        if (!column.nulls.empty()) pick(to.nulls, column.nulls, places);
        switch (storage_of(column.type)) {
            case Storage::integers:
                pick(to.integers, column.integers, places);
                break;
            case Storage::floats:
                pick(to.floats, column.floats, places);
                break;
            case Storage::strings:
                pick(to.strings, column.strings, places);
                break;
        }
    }
    if (!from.origins.empty()) pick(out.origins, from.origins, places);
    return out;
}

}  // namespace penstock::stream
