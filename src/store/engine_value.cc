#include "store/engine_value.h"

#include <algorithm>

#include "base/floor_divide.h"
#include "store/bytes.h"
#include "store/uuid.h"

namespace penstock::store {

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
        case Kind::vector:
        case Kind::udt:
            return false;
    }
    return false;
}

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

namespace {

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

}  // namespace

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

bool append_cql_value(std::string& out, Kind kind, const Column& column, std::size_t row) {
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

Result<std::vector<ColumnSource>> column_sources(const TableDefinition& table, const Batch& rows) {
    std::vector<ColumnSource> sources;
    for (const auto& column : table.columns) sources.push_back({&column, nullptr});
    for (std::size_t i = 0; i < rows.schema.size(); ++i) {
        const auto& field = rows.schema[i];
        auto at = std::ranges::find_if(sources,
                                       [&](const ColumnSource& s) { return s.column->name == field.name; });
        if (at == sources.end())
            return fail(Errc::invalid, "table {} has no column {}", table.full_name(), field.name);
        if (!can_write(field.type, at->column->type))
            return fail(Errc::invalid, "table {}: column {} is {}, which {} cannot be written to",
                        table.full_name(), field.name, to_string(at->column->type),
                        penstock::to_string(field.type));
        at->values = &rows.columns[i];
    }
    for (const auto& source : sources) {
        bool key =
            source.column->role == ColumnRole::partition_key || source.column->role == ColumnRole::clustering;
        if (key && source.values == nullptr)
            return fail(Errc::invalid, "table {}: key column {} is missing from the rows", table.full_name(),
                        source.column->name);
        if (source.column->role == ColumnRole::static_ && source.values != nullptr)
            return fail(Errc::invalid, "table {}: column {} is static, which queries cannot write",
                        table.full_name(), source.column->name);
    }
    return sources;
}

}  // namespace penstock::store
