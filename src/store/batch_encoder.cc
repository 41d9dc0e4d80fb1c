#include "store/batch_encoder.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/row_key.h"
#include "store/row_value.h"
#include "store/token.h"
#include "store/uuid.h"

namespace penstock::store {

struct BatchEncoder::Source {
    const ColumnDefinition* column = nullptr;
    const Column* values = nullptr;  ///< null: the batch does not have it
};

bool can_write(TypeId from, const DataType& to) {
    switch (to.kind) {
        case Kind::uuid:
        case Kind::timeuuid:
        case Kind::ascii:
        case Kind::text:
            return from == TypeId::string || from == TypeId::json;
        case Kind::tinyint:
        case Kind::smallint:
        case Kind::int_:
            return from == TypeId::int32;
        case Kind::bigint:
            return from == TypeId::int64 || from == TypeId::int32;
        case Kind::float_:
        case Kind::double_:
            return from == TypeId::float64;
        case Kind::boolean:
            return from == TypeId::boolean;
        case Kind::blob:
            return from == TypeId::binary;
        case Kind::date:
            return from == TypeId::date;
        case Kind::timestamp:
            return from == TypeId::timestamp;
        case Kind::counter:
        case Kind::decimal:
        case Kind::varint:
        case Kind::inet:
        case Kind::time:
        case Kind::duration:
        case Kind::list:
        case Kind::map:
        case Kind::set:
        case Kind::tuple:
            return false;
    }
    return false;
}

namespace {

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

/// Bytes that any value of the type takes, or 0 when it depends on the value.
std::uint32_t fixed_value_size(Kind kind) {
    switch (kind) {
        case Kind::boolean:
        case Kind::tinyint:
            return 1;
        case Kind::smallint:
            return 2;
        case Kind::int_:
        case Kind::float_:
        case Kind::date:
            return 4;
        case Kind::bigint:
        case Kind::double_:
        case Kind::timestamp:
            return 8;
        case Kind::uuid:
        case Kind::timeuuid:
            return 16;
        default:
            return 0;
    }
}

char* store_integer(char* at, Kind kind, std::int64_t value) {
    switch (kind) {
        case Kind::boolean:
        case Kind::tinyint:
            *at = char(value);
            return at + 1;
        case Kind::smallint:
            return store_big_endian(at, std::int16_t(value));
        case Kind::int_:
            return store_big_endian(at, std::int32_t(value));
        case Kind::date:
            return store_big_endian(at, std::uint32_t(value + (std::int64_t(1) << 31)));
        case Kind::timestamp:
            return store_big_endian(at, floor_divide(value, 1000));  // CQL has milliseconds
        default:
            return store_big_endian(at, value);
    }
}

char* store_float(char* at, Kind kind, double value) {
    if (kind == Kind::float_) return store_big_endian(at, std::bit_cast<std::uint32_t>(float(value)));
    return store_big_endian(at, std::bit_cast<std::uint64_t>(value));
}

/// The CQL bytes of a value of fixed size; false when a text is not a uuid.
bool store_fixed(char* at, Kind kind, const Column& column, std::size_t row) {
    switch (storage_of(column.type)) {
        case Storage::integers:
            store_integer(at, kind, column.integers[row]);
            return true;
        case Storage::floats:
            store_float(at, kind, column.floats[row]);
            return true;
        case Storage::strings: {
            auto uuid = parse_uuid(column.strings[row]);
            if (uuid) std::memcpy(at, uuid->data(), 16);
            return uuid.has_value();
        }
    }
    return false;
}

/// Appends the CQL bytes of any value.
bool append_value(std::string& out, Kind kind, const Column& column, std::size_t row) {
    if (auto size = fixed_value_size(kind)) {
        char bytes[16];
        if (!store_fixed(bytes, kind, column, row)) return false;
        out.append(bytes, size);
        return true;
    }
    out += column.strings[row];
    return true;
}

std::unexpected<Error> not_a_value(const TableDefinition& table, const ColumnDefinition& column,
                                   std::size_t row, std::string_view what) {
    return fail(Errc::invalid, "table {}: column {} of row {}: {}", table.full_name(), column.name, row + 1,
                what);
}

}  // namespace

Result<std::vector<BatchEncoder::Source>> BatchEncoder::sources_of(const Batch& rows) const {
    std::vector<Source> sources;
    for (const auto& column : table_.columns) sources.push_back({&column, nullptr});
    for (std::size_t i = 0; i < rows.schema.size(); ++i) {
        const auto& field = rows.schema[i];
        auto at =
            std::ranges::find_if(sources, [&](const Source& s) { return s.column->name == field.name; });
        if (at == sources.end())
            return fail(Errc::invalid, "table {} has no column {}", table_.full_name(), field.name);
        if (!can_write(field.type, at->column->type))
            return fail(Errc::invalid, "table {}: column {} is {}, which {} cannot be written to",
                        table_.full_name(), field.name, to_string(at->column->type),
                        penstock::to_string(field.type));
        at->values = &rows.columns[i];
    }
    for (const auto& source : sources)
        if (source.column->role != ColumnRole::regular && source.values == nullptr)
            return fail(Errc::invalid, "table {}: key column {} is missing from the rows", table_.full_name(),
                        source.column->name);
    return sources;
}

Result<> BatchEncoder::add(const Batch& rows, std::int64_t timestamp_us) {
    auto sources = TRY(sources_of(rows));
    // A million rows take long to count up one by one; vectors double, so only the first batch reserves.
    if (entries_.empty()) entries_.reserve(rows.rows);
    Write write{timestamp_us, {}};
    for (const auto& source : sources)
        if (source.values != nullptr) write.columns.push_back(source.column->id);
    writes_.push_back(std::move(write));
    for (std::size_t row = 0; row < rows.rows; ++row) TRY(add_row(sources, row, timestamp_us));
    return {};
}

Result<> BatchEncoder::add_row(const std::vector<Source>& sources, std::size_t row,
                               std::int64_t timestamp_us) {
    // The partition key.
    scratch_.clear();
    for (std::uint32_t i = 0; i < table_.partition_columns; ++i) {
        const auto& source = sources[i];
        if (source.values->is_null(row))
            return not_a_value(table_, *source.column, row, "a key may not be null");
        auto start = scratch_.size();
        if (table_.partition_columns > 1) scratch_.append(2, '\0');
        if (!append_value(scratch_, source.column->type.kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
        if (table_.partition_columns > 1) {
            auto size = scratch_.size() - start - 2;
            if (size > max_partition_key)
                return not_a_value(table_, *source.column, row, "a key has at most 65535 bytes");
            store_big_endian(scratch_.data() + start, std::uint16_t(size));
            scratch_ += '\0';
        }
    }
    if (scratch_.empty() || scratch_.size() > max_partition_key)
        return not_a_value(table_, *sources[0].column, row, "a partition key has between 1 and 65535 bytes");
    auto token = token_of(scratch_);
    key_.clear();
    append_partition_prefix(key_, table_.id, token, scratch_);
    key_ += row_tag;
    for (auto i = table_.partition_columns; i < table_.key_columns(); ++i) {
        const auto& source = sources[i];
        if (source.values->is_null(row))
            return not_a_value(table_, *source.column, row, "a key may not be null");
        scratch_.clear();
        if (!append_value(scratch_, source.column->type.kind, *source.values, row))
            return not_a_value(table_, *source.column, row, "the text is not a uuid");
        append_clustering(key_, source.column->type, source.column->descending, scratch_);
    }

    // The value: how much room at most, then the bytes in place.
    std::size_t room = key_.size() + RowEncoder::header_size;
    for (auto i = table_.key_columns(); i < sources.size(); ++i) {
        const auto& source = sources[i];
        if (source.values == nullptr) continue;
        room += RowEncoder::cell_overhead + 16;
        if (fixed_value_size(source.column->type.kind) == 0) room += source.values->strings[row].size();
    }
    char* start = arena_.allocate(room);
    std::memcpy(start, key_.data(), key_.size());
    char* at = RowEncoder::begin(start + key_.size(), timestamp_us);
    for (auto i = table_.key_columns(); i < sources.size(); ++i) {
        const auto& [column, values] = sources[i];
        if (values == nullptr) continue;
        if (values->is_null(row)) {
            at = RowEncoder::tombstone(at, column->id, std::uint32_t(now_));
        } else if (auto size = fixed_value_size(column->type.kind)) {
            at = RowEncoder::value_head(at, column->id, size);
            if (!store_fixed(at, column->type.kind, *values, row))
                return not_a_value(table_, *column, row, "the text is not a uuid");
            at += size;
        } else {
            at = RowEncoder::value(at, column->id, values->strings[row]);
        }
    }
    entries_.push_back({std::uint64_t(token) ^ (1ULL << 63), start, std::uint32_t(key_.size()),
                        std::uint32_t(std::size_t(at - start) - key_.size()),
                        std::uint32_t(writes_.size() - 1), std::uint32_t(entries_.size())});
    return {};
}

std::vector<BatchEncoder::Entry> BatchEncoder::take_sorted() {
    std::ranges::sort(entries_, [&](const Placed& a, const Placed& b) {
        if (a.order != b.order) return a.order < b.order;
        auto by_key = entry_of(a).key <=> entry_of(b).key;
        return by_key != 0 ? by_key < 0 : a.sequence < b.sequence;
    });
    std::vector<Entry> out;
    out.reserve(entries_.size());
    std::uint32_t last_write = 0;
    for (const auto& placed : entries_) {
        auto entry = entry_of(placed);
        if (out.empty() || out.back().key != entry.key) {
            out.push_back(entry);
        } else if (placed.write == last_write || writes_[placed.write] == writes_[last_write]) {
            out.back() = entry;
        } else {
            Row into, other;
            std::deque<std::string> sums;
            parse_row(out.back().value, into);
            parse_row(entry.value, other);
            merge_rows(into, other, sums);
            std::string merged;
            append_row(merged, into);
            out.back().value = arena_.copy(merged);
        }
        last_write = placed.write;
    }
    return out;
}

}  // namespace penstock::store
