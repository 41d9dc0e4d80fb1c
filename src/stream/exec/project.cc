#include "stream/exec/project.h"

#include "stream/exec/filter.h"

namespace penstock::stream {

Column materialise(Vector vector, std::size_t rows) {
    if (vector.owned && !vector.constant) return std::move(*vector.owned);
    if (!vector.constant) return *vector.column;
    const auto& one = *vector.column;
    Column out;
    out.type = one.type;
    if (one.is_null(0)) out.nulls.assign(rows, 1);
    switch (storage_of(one.type)) {
        case Storage::integers:
            out.integers.assign(rows, one.integers[0]);
            break;
        case Storage::floats:
            out.floats.assign(rows, one.floats[0]);
            break;
        case Storage::strings:
            out.strings.assign(rows, one.strings[0]);
            break;
    }
    return out;
}

Result<> Project::on_batch(Rows rows, Output& out) {
    auto arena = std::make_shared<Arena>();
    Evaluation evaluation{&rows.batch, rows.batch.rows, arena.get(), out.context().now_us};
    Rows result;
    result.partition = rows.partition;
    result.batch.schema = schema_;
    result.batch.rows = rows.batch.rows;
    for (const auto& output : outputs_) {
        auto column = materialise(evaluate(*output, evaluation), rows.batch.rows);
        if (output->is_constant() && storage_of(column.type) == Storage::strings && !column.strings.empty()) {
            // The rows outlive the plan that holds the constant.
            auto text = arena->copy(column.strings[0]);
            std::fill(column.strings.begin(), column.strings.end(), text);
        }
        column.type = output->type;
        result.batch.columns.push_back(std::move(column));
    }
    result.batch.keep_alive = rows.batch.keep_alive;
    result.batch.keep_alive.push_back(arena);
    auto kept = TRY(reject_failed(evaluation, rows, out));
    result.origins = std::move(rows.origins);
    if (kept) return out.rows(gather(result, *kept));
    return out.rows(std::move(result));
}

}  // namespace penstock::stream
