#include "store/cql/row_builder.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/cql/term_value.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store::cql {

DataType operand_type(const Operation& operation) {
    const auto& type = operation.column->type;
    switch (operation.kind) {
        case Operation::Kind::set_element:
            return type.kind == Kind::map ? type.parameters[1] : type.parameters[0];
        case Operation::Kind::set_field:
            return type.parameters[operation.field];
        case Operation::Kind::subtract:
            if (type.kind == Kind::map) return DataType(Kind::set, {type.parameters[0]}, true);
            break;
        default:
            break;
    }
    if (type.kind == Kind::counter) return Kind::bigint;
    return type;
}

DataType element_key_type(const DataType& type) {
    return type.kind == Kind::list ? DataType(Kind::int_) : type.parameters[0];
}

bool reads_list(const Operation& operation) {
    return operation.column->type.kind == Kind::list &&
           (operation.kind == Operation::Kind::set_element || operation.kind == Operation::Kind::subtract ||
            operation.kind == Operation::Kind::remove_element);
}

std::string operand_name(const Operation& operation) {
    const auto& column = *operation.column;
    if (operation.kind == Operation::Kind::set_element) return "value(" + column.name + ")";
    if (operation.kind == Operation::Kind::set_field)
        return column.name + "." + column.type.user->fields[operation.field];
    return column.name;
}

std::string_view RowBuilder::keep(std::string bytes) {
    return kept.emplace_back(std::move(bytes));
}

std::uint32_t RowBuilder::expiry() const {
    // As in Cassandra, whose greatest time is one less.
    constexpr auto last = std::int64_t(UINT32_MAX) - 1;
    return std::uint32_t(std::min(now + ttl, last));
}

Cell RowBuilder::cell_of(const ColumnDefinition& column) const {
    Cell cell;
    cell.column = column.id;
    cell.timestamp = timestamp_us;
    if (ttl > 0) {
        cell.ttl = std::uint32_t(ttl);
        cell.expires_at = expiry();
    }
    return cell;
}

void RowBuilder::remove(const ColumnDefinition& column, std::int64_t at, std::optional<std::string> path) {
    auto cell = cell_of(column);
    cell.ttl = 0;
    cell.timestamp = at;
    cell.expires_at = std::uint32_t(now);
    cell.kind = column.type.is_multi_cell() && !path ? CellKind::collection_deletion : CellKind::tombstone;
    if (path) {
        cell.has_path = true;
        cell.path = keep(std::move(*path));
    }
    row.cells.push_back(cell);
}

void RowBuilder::put(const ColumnDefinition& column, std::string bytes) {
    auto cell = cell_of(column);
    cell.value = keep(std::move(bytes));
    row.cells.push_back(cell);
}

void RowBuilder::put_element(const ColumnDefinition& column, std::string path, std::string_view bytes) {
    auto cell = cell_of(column);
    cell.has_path = true;
    cell.path = keep(std::move(path));
    cell.value = keep(std::string(bytes));
    row.cells.push_back(cell);
}

std::string RowBuilder::field_path(std::uint16_t field) {
    std::string out;
    append_big_endian(out, field);
    return out;
}

void RowBuilder::put_fields(const ColumnDefinition& column, std::string_view bytes) {
    std::vector<std::optional<std::string_view>> fields;
    split_tuple(bytes, fields);
    for (std::size_t i = 0; i < fields.size(); ++i)
        if (fields[i]) put_element(column, field_path(std::uint16_t(i)), *fields[i]);
}

void RowBuilder::put_elements(const ColumnDefinition& column, std::string_view collection, bool in_front) {
    std::vector<std::string_view> elements;
    bool map = column.type.kind == Kind::map;
    split_collection(collection, map, elements);
    if (column.type.kind == Kind::list) {
        if (!in_front) {
            for (auto element : elements) put_element(column, time_uuid(bindings.now_us), element);
            return;
        }
        for (auto i = elements.size(); i-- > 0;) put_element(column, reversed_time_uuid(), elements[i]);
        return;
    }
    for (std::size_t i = 0; i < elements.size(); i += map ? 2 : 1)
        put_element(column, std::string(elements[i]), map ? elements[i + 1] : std::string_view());
}

std::string RowBuilder::reversed_time_uuid() {
    constexpr std::int64_t pivot_us = 1'262'304'000'000'000;  // 2010-01-01, as in Cassandra
    auto now = time_uuid(system_clock().now_us());
    auto high = load_big_endian<std::uint64_t>(now.data());
    auto ticks = ((high & 0xFFF) << 48) | ((high << 16) & 0x0000'FFFF'0000'0000ULL) | (high >> 32);
    constexpr std::uint64_t pivot = (std::uint64_t(pivot_us) + 12'219'292'800'000'000ULL) * 10;
    ticks = 2 * pivot - ticks;
    std::string out;
    append_big_endian(out,
                      (ticks << 32) | ((ticks >> 16) & 0xFFFF'0000ULL) | 0x1000 | ((ticks >> 48) & 0xFFF));
    return out + now.substr(8);
}

void RowBuilder::set(const ColumnDefinition& column, std::optional<std::string> bytes) {
    if (!column.type.is_multi_cell()) {
        if (bytes)
            put(column, std::move(*bytes));
        else
            remove(column, timestamp_us);
        return;
    }
    // The elements that were there before go; those written now, at the same time by others too, stay. Null
    // is a collection without elements.
    remove(column, timestamp_us - 1);
    if (!bytes) return;
    if (column.type.kind == Kind::udt)
        put_fields(column, *bytes);
    else
        put_elements(column, *bytes, false);
}

Result<> RowBuilder::apply(const Operation& operation) {
    const auto& column = *operation.column;
    Value value;
    if (operation.value != nullptr)
        value = TRY(evaluate(*operation.value, operand_type(operation), operand_name(operation), bindings));
    if (value.state == Value::State::unset) return {};
    std::string element;
    if (operation.element != nullptr) {
        auto path = TRY(evaluate(*operation.element, element_key_type(column.type), column.name, bindings));
        bool list = column.type.kind == Kind::list;
        bool unset = path.state == Value::State::unset;
        // Of a map that is an error, as in Cassandra.
        bool removes = operation.kind == Operation::Kind::remove_element;
        if (unset && removes && column.type.kind != Kind::map) return {};
        if (unset) return fail(Errc::invalid, "Invalid unset {}", list ? "value for list index" : "map key");
        if (!path.is_set())
            return fail(Errc::invalid, "Invalid null {}", list ? "value for list index" : "map key");
        element = std::move(path.bytes);
    }
    if (reads_list(operation)) return change_list(operation, value, element);
    switch (operation.kind) {
        case Operation::Kind::set:
            set(column, value.is_set() ? std::optional(std::move(value.bytes)) : std::nullopt);
            return {};
        case Operation::Kind::remove:
            remove(column, timestamp_us);
            return {};
        case Operation::Kind::remove_element:
            remove(column, timestamp_us, std::move(element));
            return {};
        case Operation::Kind::set_field:
            if (value.is_set())
                put_element(column, field_path(operation.field), value.bytes);
            else
                remove(column, timestamp_us, field_path(operation.field));
            return {};
        case Operation::Kind::remove_field:
            remove(column, timestamp_us, field_path(operation.field));
            return {};
        case Operation::Kind::set_element:
            if (value.is_set())
                put_element(column, std::move(element), value.bytes);
            else
                remove(column, timestamp_us, std::move(element));
            return {};
        case Operation::Kind::add:
        case Operation::Kind::prepend:
        case Operation::Kind::subtract:
            return change(operation, value);
    }
    return {};
}

Result<> RowBuilder::change_list(const Operation& operation, const Value& value, const std::string& element) {
    const auto& column = *operation.column;
    std::vector<Cell*> cells;
    for (auto& cell : existing.cells)
        if (cell.column == column.id && cell.has_path) cells.push_back(&cell);
    std::ranges::sort(cells, [](const Cell* a, const Cell* b) {
        return compare(DataType(Kind::timeuuid), a->path, b->path) < 0;
    });
    // What comes behind in the statement sees the list without it. The cell is not of this column any more.
    auto take_out = [&](Cell& cell) {
        remove(column, timestamp_us, std::string(cell.path));
        cell.has_path = false;
    };
    if (operation.kind == Operation::Kind::subtract) {
        std::vector<std::string_view> gone;
        if (value.is_set()) split_collection(value.bytes, false, gone);
        for (auto* cell : cells)
            if (std::ranges::find(gone, cell->value) != gone.end()) take_out(*cell);
        return {};
    }
    bool removes = operation.kind == Operation::Kind::remove_element;
    auto index = element.size() == 4 ? load_big_endian<std::int32_t>(element.data()) : -1;
    if (cells.empty())
        return fail(Errc::invalid, "Attempted to {} an element {} a list which is null",
                    removes ? "delete" : "set", removes ? "from" : "on");
    if (index < 0 || std::size_t(index) >= cells.size())
        return fail(Errc::invalid, "List index {} out of bound, list has size {}", index, cells.size());
    auto& cell = *cells[std::size_t(index)];
    if (removes || !value.is_set()) {
        take_out(cell);
        return {};
    }
    put_element(column, std::string(cell.path), value.bytes);
    cell.value = row.cells.back().value;
    return {};
}

Result<> RowBuilder::change(const Operation& operation, const Value& value) {
    const auto& column = *operation.column;
    bool subtract = operation.kind == Operation::Kind::subtract;
    if (column.type.kind == Kind::counter) {
        if (!value.is_set() || value.bytes.size() != 8)
            return fail(Errc::invalid, "Invalid null value for counter increment/decrement");
        auto delta = load_big_endian<std::uint64_t>(value.bytes.data());
        auto cell = cell_of(column);
        cell.kind = CellKind::counter;
        cell.ttl = cell.expires_at = 0;
        std::string bytes;
        append_big_endian(bytes, subtract ? std::uint64_t(0) - delta : delta);
        cell.value = keep(std::move(bytes));
        row.cells.push_back(cell);
        return {};
    }
    if (!value.is_set()) return {};
    if (!subtract) {
        auto before = row.cells.size();
        put_elements(column, value.bytes, operation.kind == Operation::Kind::prepend);
        // What comes behind in the statement finds them in the list.
        if (plan.reads_lists && column.type.kind == Kind::list)
            existing.cells.insert(existing.cells.end(), row.cells.begin() + std::ptrdiff_t(before),
                                  row.cells.end());
        return {};
    }
    std::vector<std::string_view> elements;
    split_collection(value.bytes, false, elements);
    for (auto gone : elements) remove(column, timestamp_us, std::string(gone));
    return {};
}

}  // namespace penstock::store::cql
