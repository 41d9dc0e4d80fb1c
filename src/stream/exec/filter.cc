#include "stream/exec/filter.h"

namespace penstock::stream {

Result<std::optional<std::vector<std::uint32_t>>> reject_failed(Evaluation& evaluation, const Rows& rows,
                                                                Output& out) {
    if (evaluation.errors.empty()) return std::nullopt;
    std::vector<std::uint8_t> failed(rows.batch.rows);
    for (auto& error : evaluation.errors) {
        if (failed[error.row]) continue;
        failed[error.row] = 1;
        if (rows.origins.empty() || !out.context().reject) return fail(Errc::invalid, "{}", error.reason);
        out.context().reject(rows.origins[error.row], std::move(error.reason));
    }
    std::vector<std::uint32_t> kept;
    for (std::uint32_t row = 0; row < rows.batch.rows; ++row)
        if (!failed[row]) kept.push_back(row);
    return kept;
}

Result<> Filter::on_batch(Rows rows, Output& out) {
    auto arena = std::make_shared<Arena>();
    Evaluation evaluation{&rows.batch, rows.batch.rows, arena.get(), out.context().now_us};
    auto keep = evaluate(condition_, evaluation);
    std::vector<std::uint32_t> places;
    places.reserve(rows.batch.rows);
    for (std::uint32_t row = 0; row < rows.batch.rows; ++row)
        if (!keep.is_null(row) && keep.column->integers[keep.at(row)]) places.push_back(row);
    // A row that failed has no value, so it is not among the kept ones.
    TRY(reject_failed(evaluation, rows, out));
    if (places.size() == rows.batch.rows) return out.rows(std::move(rows));
    return out.rows(gather(rows, places));
}

}  // namespace penstock::stream
