#include "store/remote/row_writer.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/remote/remote_schema.h"
#include "store/row_key.h"
#include "store/token.h"
#include "wire/cql/primitives.h"

namespace penstock::store {
namespace {

constexpr std::size_t most_rows_in_batch = 100;
constexpr std::size_t most_bytes_in_batch = 64 * 1024;
/// Of several partitions: beyond these Cassandra warns by default (batch_size_warn_threshold,
/// unlogged_batch_across_partitions_warn_threshold).
constexpr std::size_t most_partitions_in_batch = 10;
constexpr std::size_t most_bytes_of_several = 5'000;
/// What Cassandra counts of a cell beside its value.
constexpr std::size_t cell_bytes = 20;
/// Calls that are handed over at once.
constexpr std::size_t slice = 64;

std::string insert_text(const TableDefinition& table, const std::vector<ColumnSource>& sources) {
    std::string columns, markers;
    for (const auto& source : sources) {
        columns += (columns.empty() ? "" : ", ") + in_double_quotes(source.column->name);
        markers += markers.empty() ? "?" : ", ?";
    }
    return fmt::format("INSERT INTO {}.{} ({}) VALUES ({})", in_double_quotes(table.keyspace),
                       in_double_quotes(table.name), columns, markers);
}

/// What a value takes at most, for keeping batches small.
std::size_t size_of(const ColumnSource& source, std::size_t row) {
    bool text = storage_of(source.values->type) == Storage::strings;
    return cell_bytes + (text ? source.values->strings[row].size() : 16);
}

}  // namespace

Result<> RowWriter::add(const Batch& rows, std::int64_t timestamp_us) {
    Part part;
    part.sources = TRY(column_sources(table_, rows));
    std::erase_if(part.sources, [](const ColumnSource& source) { return source.values == nullptr; });
    part.timestamp_us = timestamp_us;
    part.text = insert_text(table_, part.sources);
    placed_.reserve(placed_.size() + rows.rows);
    for (std::size_t row = 0; row < rows.rows; ++row) TRY(place(part, std::uint32_t(parts_.size()), row));
    parts_.push_back(std::move(part));
    return {};
}

Result<> RowWriter::append_partition_key(const Part& part, std::size_t row) {
    bool composite = table_.partition_columns > 1;
    for (std::uint32_t i = 0; i < table_.partition_columns; ++i) {
        const auto& source = part.sources[i];
        if (source.values->is_null(row))
            return not_a_value(table_, *source.column, row, "a key may not be null");
        scratch_.clear();
        if (!append_cql_value(scratch_, source.column->type.kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
        if (scratch_.size() > max_partition_key)
            return not_a_value(table_, *source.column, row, "a key has at most 65535 bytes");
        if (composite) wire::cql::append_short(key_, std::uint16_t(scratch_.size()));
        key_ += scratch_;
        if (composite) key_ += '\0';
    }
    if (key_.empty() || key_.size() > max_partition_key)
        return not_a_value(table_, *part.sources[0].column, row,
                           "a partition key has between 1 and 65535 bytes");
    return {};
}

Result<> RowWriter::place(const Part& part, std::uint32_t number, std::size_t row) {
    key_.clear();
    TRY(append_partition_key(part, row));
    auto partition_size = key_.size();
    auto token = token_of(key_);
    for (auto i = table_.partition_columns; i < table_.key_columns(); ++i) {
        const auto& source = part.sources[i];
        if (source.values->is_null(row))
            return not_a_value(table_, *source.column, row, "a key may not be null");
        scratch_.clear();
        if (!append_cql_value(scratch_, source.column->type.kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
        wire::cql::append_int(key_, std::int32_t(scratch_.size()));
        key_ += scratch_;
    }
    // The other values are looked at before anything is sent, too.
    for (auto i = table_.key_columns(); i < part.sources.size(); ++i) {
        const auto& source = part.sources[i];
        auto kind = source.column->type.kind;
        if ((kind != Kind::uuid && kind != Kind::timeuuid) || source.values->is_null(row)) continue;
        scratch_.clear();
        if (!append_cql_value(scratch_, kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
    }
    placed_.push_back({token, arena_.copy(key_).data(), std::uint32_t(partition_size),
                       std::uint32_t(key_.size()), number, std::uint32_t(row)});
    return {};
}

void RowWriter::drop_replaced() {
    std::ranges::sort(placed_, [](const Placed& a, const Placed& b) {
        if (a.token != b.token) return a.token < b.token;
        if (auto order = a.whole() <=> b.whole(); order != 0) return order < 0;
        return std::pair(a.part, a.row) < std::pair(b.part, b.row);
    });
    auto same_write = [&](const Placed& a, const Placed& b) {
        const auto& x = parts_[a.part];
        const auto& y = parts_[b.part];
        return a.part == b.part || (x.timestamp_us == y.timestamp_us && x.text == y.text);
    };
    std::vector<Placed> kept;
    kept.reserve(placed_.size());
    for (const auto& one : placed_) {
        if (!kept.empty() && kept.back().whole() == one.whole() && same_write(kept.back(), one))
            kept.back() = one;
        else
            kept.push_back(one);
    }
    placed_ = std::move(kept);
}

std::size_t RowWriter::together(std::size_t from, const Ring& ring) const {
    std::size_t bytes = 0;
    std::size_t count = 0;
    std::size_t partitions = 1;
    const auto& first = placed_[from];
    // Between two tokens of the ring everything is on the same nodes.
    auto range = ring.token_at_or_after(first.token);
    for (auto i = from; i < placed_.size() && count < most_rows_in_batch; ++i, ++count) {
        const auto& one = placed_[i];
        if (one.part != first.part) break;
        bool is_same = count == 0 ||
                       (one.token == placed_[i - 1].token && one.partition() == placed_[i - 1].partition());
        if (!is_same &&
            (++partitions > most_partitions_in_batch || !range || ring.token_at_or_after(one.token) != range))
            break;
        for (const auto& source : parts_[one.part].sources) bytes += size_of(source, one.row);
        if (count > 0 && bytes > (partitions > 1 ? most_bytes_of_several : most_bytes_in_batch)) break;
    }
    return std::max<std::size_t>(count, 1);
}

Result<> RowWriter::append_values(std::string& out, const Part& part, std::size_t row) const {
    for (const auto& [column, values] : part.sources) {
        if (values->is_null(row)) {
            wire::cql::append_null_bytes(out);
            continue;
        }
        auto start = out.size();
        wire::cql::append_int(out, 0);
        if (!append_cql_value(out, column->type.kind, *values, row))
            return not_a_value(table_, *column, row, "the text is not a uuid");
        store_big_endian(out.data() + start, std::int32_t(out.size() - start - 4));
    }
    return {};
}

Result<Call> RowWriter::call_of(std::size_t from, std::size_t count) {
    const auto& part = parts_[placed_[from].part];
    const auto& prepared = part.statement->prepared;
    wire::cql::QueryParameters parameters;
    parameters.consistency = std::uint16_t(session_.settings().consistency);
    parameters.timestamp_us = part.timestamp_us;
    auto version = session_.version();
    Call call;
    call.statement = part.statement;
    call.token = placed_[from].token;
    if (count == 1) {
        wire::cql::append_execute_head(call.body, version, prepared.id, prepared.result_metadata_id,
                                       parameters, part.sources.size());
        TRY(append_values(call.body, part, placed_[from].row));
        wire::cql::append_execute_tail(call.body, version, parameters);
        return call;
    }
    call.opcode = wire::cql::Opcode::batch;
    wire::cql::append_batch_head(call.body, wire::cql::BatchRequest::Kind::unlogged, count);
    for (auto i = from; i < from + count; ++i) {
        wire::cql::append_batch_item_head(call.body, prepared.id, part.sources.size());
        TRY(append_values(call.body, part, placed_[i].row));
    }
    wire::cql::append_batch_tail(call.body, version, parameters);
    return call;
}

Result<> RowWriter::send(CallGroup& group) {
    drop_replaced();
    for (auto& part : parts_) part.statement = TRY(session_.prepare(part.text));
    auto ring = session_.ring();
    std::vector<Call> calls;
    for (std::size_t i = 0; i < placed_.size();) {
        auto count = together(i, ring);
        auto call = TRY(call_of(i, count));
        call.done = [&group](Result<wire::cql::Frame> answer) { group.done(answer); };
        calls.push_back(std::move(call));
        i += count;
        if (calls.size() < slice && i < placed_.size()) continue;
        group.add(calls.size());
        session_.submit(std::move(calls));
        calls.clear();
        if (group.has_failed()) return {};
    }
    return {};
}

}  // namespace penstock::store
