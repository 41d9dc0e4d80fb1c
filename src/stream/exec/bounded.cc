#include "stream/exec/bounded.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "stream/exec/state_codec.h"

namespace penstock::stream {

namespace {

Rows concatenate(std::vector<Batch> batches, const Schema& schema) {
    Rows out;
    out.batch = make_batch(schema);
    std::unordered_set<const void*> kept;
    for (auto& batch : batches) {
        for (std::size_t i = 0; i < batch.columns.size(); ++i)
            for (std::size_t row = 0; row < batch.rows; ++row)
                out.batch.columns[i].append_from(batch.columns[i], row);
        out.batch.rows += batch.rows;
        for (auto& bytes : batch.keep_alive)
            if (kept.insert(bytes.get()).second) out.batch.keep_alive.push_back(std::move(bytes));
    }
    return out;
}

int compare_values(const Column& column, std::size_t a, std::size_t b) {
    switch (storage_of(column.type)) {
        case Storage::integers:
            return (column.integers[a] > column.integers[b]) - (column.integers[a] < column.integers[b]);
        case Storage::floats: {
            auto x = column.floats[a], y = column.floats[b];
            if (std::isnan(x) || std::isnan(y)) return int(std::isnan(x)) - int(std::isnan(y));
            return (x > y) - (x < y);
        }
        case Storage::strings:
            return column.strings[a].compare(column.strings[b]);
    }
    return 0;
}

bool before(const Batch& batch, const std::vector<SortKey>& order, std::size_t a, std::size_t b) {
    for (const auto& key : order) {
        const auto& column = batch.columns[key.column];
        bool null_a = column.is_null(a), null_b = column.is_null(b);
        if (null_a || null_b) {
            if (null_a == null_b) continue;
            return null_a == key.nulls_first;
        }
        auto compared = compare_values(column, a, b);
        if (compared != 0) return (compared < 0) != key.descending;
    }
    return false;
}

std::string row_key(const Batch& batch, std::size_t columns, std::size_t row) {
    StateEncoder key;
    for (std::size_t i = 0; i < columns; ++i) {
        const auto& column = batch.columns[i];
        key.byte(column.is_null(row));
        switch (storage_of(column.type)) {
            case Storage::integers:
                key.integer(column.integers[row]);
                break;
            case Storage::floats:
                key.real(column.floats[row] == 0 ? 0.0 : column.floats[row]);
                break;
            case Storage::strings:
                key.text(column.strings[row]);
                break;
        }
    }
    return key.take();
}

/// More than the limit, so that not every batch is sorted.
constexpr std::size_t top_slack = 20'000;

}  // namespace

BoundedQuery::BoundedQuery(QueryPlan plan, const BoundedOptions& options) : options_(options) {
    ChainOptions chain;
    chain.max_groups = options.max_groups;
    chain.bounded = true;
    chain.schemas = options.schemas;
    chain.max_rows = options.max_rows;
    chain.max_bytes = options.max_bytes;
    // With LIMIT alone reading stops in time; what the last batch has too much is cut off.
    bool cut =
        plan.limit && plan.order.empty() && !plan.distinct && std::size_t(*plan.limit) <= options.max_rows;
    if (cut) chain.max_rows = 0;
    chain_ = make_query_chain(std::move(plan), chain);
    chain_.chain.context().now_us = options.now_us;
    if (options.skip_failed) chain_.chain.context().reject = [](std::uint32_t, std::string) {};
}

bool BoundedQuery::keeps_top() const {
    const auto& plan = *chain_.plan;
    return plan.limit && !plan.order.empty() && !plan.distinct && !plan.group;
}

Result<> BoundedQuery::add(Rows rows) {
    TRY(chain_.chain.batch(std::move(rows)));
    // ORDER BY with LIMIT needs the first rows only, however many there are.
    if (!keeps_top() ||
        chain_.sink->rows() < std::size_t(*chain_.plan->limit) + std::min(top_slack, options_.max_rows / 2))
        return {};
    auto top = sorted();
    if (top.rows == 0) return {};
    return chain_.sink->put(std::move(top));
}

bool BoundedQuery::satisfied() const {
    const auto& plan = *chain_.plan;
    return plan.limit && plan.order.empty() && !plan.group && !plan.distinct &&
           chain_.sink->rows() >= std::size_t(*plan.limit);
}

/// Of the shown outputs and those that are for sorting only.
Schema BoundedQuery::sorted_schema() const {
    auto schema = chain_.plan->schema;
    for (auto i = schema.size(); i < chain_.plan->outputs.size(); ++i)
        schema.push_back({fmt::format("order{}", i), chain_.plan->outputs[i]->type});
    return schema;
}

Batch BoundedQuery::sorted() {
    const auto& plan = *chain_.plan;
    auto rows = concatenate(chain_.sink->take(), sorted_schema());
    std::vector<std::uint32_t> places(rows.batch.rows);
    std::iota(places.begin(), places.end(), 0u);
    if (plan.distinct) {
        std::unordered_set<std::string> seen;
        std::erase_if(places, [&](auto row) {
            return !seen.insert(row_key(rows.batch, plan.schema.size(), row)).second;
        });
    }
    if (!plan.order.empty())
        std::sort(places.begin(), places.end(), [&](auto a, auto b) {
            if (before(rows.batch, plan.order, a, b)) return true;
            return a < b && !before(rows.batch, plan.order, b, a);  // equal rows stay in their order
        });
    if (plan.limit && places.size() > std::size_t(*plan.limit)) places.resize(std::size_t(*plan.limit));
    return gather(rows, places).batch;
}

Result<Batch> BoundedQuery::finish() {
    TRY(chain_.chain.end());
    auto out = sorted();
    out.columns.resize(chain_.plan->schema.size());
    out.schema = chain_.plan->schema;
    return out;
}

}  // namespace penstock::stream
