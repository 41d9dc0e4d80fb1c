#include "store/cql/evaluator.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/cql/arithmetic.h"
#include "store/cql/functions.h"
#include "store/row_cursor.h"
#include "store/token.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

bool inside(const DataType& key, const PartRange& range, std::string_view value) {
    return (!range.from || compare(key, value, *range.from) >= 0) &&
           (!range.to || compare(key, value, *range.to) <= 0);
}

OptionalBytes selected_part(const Expression& of, const PartRange& range, std::string_view bytes) {
    const auto& type = of.arguments[0].type;
    bool map = type.kind == Kind::map;
    std::vector<std::string_view> parts;
    split_collection(bytes, map, parts);
    std::size_t step = map ? 2 : 1, count = 0;
    std::string elements;
    for (std::size_t i = 0; i + step <= parts.size(); i += step) {
        if (!inside(type.parameters[0], range, parts[i])) continue;
        if (of.kind == Expression::Kind::element) return OptionalBytes(std::in_place, parts[i + step - 1]);
        for (std::size_t k = 0; k < step; ++k) append_element(elements, parts[i + k]);
        ++count;
    }
    if (of.kind == Expression::Kind::element || (count == 0 && of.arguments[0].type.is_multi_cell()))
        return std::nullopt;
    std::string out;
    begin_collection(out, count);
    return out + elements;
}

std::uint32_t field_number(const Cell& cell) {
    return cell.path.size() == 2 ? load_big_endian<std::uint16_t>(cell.path.data()) : 0;
}

/// The column's cells, of collections in the order of their elements.
std::vector<const Cell*> cells_of(const Row& row, const ColumnDefinition& column,
                                  const std::optional<PartRange>& part) {
    std::vector<const Cell*> out;
    const auto& type = column.type;
    for (const auto& cell : row.cells) {
        if (cell.column != column.id) continue;
        if (part && cell.has_path && !inside(type.parameters[0], *part, cell.path)) continue;
        out.push_back(&cell);
    }
    if (!type.is_multi_cell() || type.kind == Kind::udt) return out;
    DataType path = type.kind == Kind::list ? DataType(Kind::timeuuid) : type.parameters[0];
    std::ranges::sort(out, [&](const Cell* a, const Cell* b) { return compare(path, a->path, b->path) < 0; });
    return out;
}

template <class Answer>
std::string list_of(const ColumnDefinition& column, const std::vector<const Cell*>& cells,
                    const Answer& answer) {
    std::string out;
    if (column.type.kind != Kind::udt) {
        begin_collection(out, cells.size());
        for (const auto* cell : cells) append_component(out, answer(*cell));
        return out;
    }
    begin_collection(out, column.type.parameters.size());
    auto cell = cells.begin();
    for (std::uint32_t field = 0; field < column.type.parameters.size(); ++field) {
        bool here = cell != cells.end() && field_number(**cell) == field;
        append_component(out, here ? answer(**cell) : std::nullopt);
        if (here) ++cell;
    }
    return out;
}

}  // namespace

Result<OptionalBytes> Evaluator::value(const Expression& of, const RowValues* row) {
    switch (of.kind) {
        case Expression::Kind::column:
            if (row == nullptr || !row->values[of.column]) return OptionalBytes{};
            return OptionalBytes(std::in_place, *row->values[of.column]);
        case Expression::Kind::literal: {
            auto value = TRY(evaluate(of.literal, of.type, "[selection]", bindings_));
            return value.is_set() ? OptionalBytes(std::move(value.bytes)) : OptionalBytes{};
        }
        case Expression::Kind::function: {
            std::vector<TypedValue> arguments;
            for (const auto& argument : of.arguments) {
                auto bytes = TRY(value(argument, row));
                arguments.push_back({argument.type, std::move(bytes)});
            }
            auto result = TRY(call_function(of.function, arguments, bindings_.now_us));
            return std::move(result.bytes);
        }
        case Expression::Kind::cast: {
            auto bytes = TRY(value(of.arguments[0], row));
            if (!bytes) return OptionalBytes{};
            return cast_value(of.arguments[0].type, of.type, *bytes);
        }
        case Expression::Kind::writetime:
        case Expression::Kind::ttl: {
            std::optional<PartRange> part;
            bool keyed = !of.arguments.empty() && of.arguments[0].kind != Expression::Kind::field;
            if (keyed) part = TRY(part_of(of.arguments[0]));
            return written_when(of, row, part);
        }
        case Expression::Kind::token:
            if (row == nullptr) return OptionalBytes{};
            if (!of.arguments.empty()) return token(of, row);
            return number_bytes(Kind::bigint, token_of(row->partition_key));
        case Expression::Kind::collect:
            return collected(of, row);
        case Expression::Kind::field: {
            auto bytes = TRY(value(of.arguments[0], row));
            std::vector<std::optional<std::string_view>> fields;
            if (!bytes || !split_tuple(*bytes, fields) || of.column >= fields.size() || !fields[of.column])
                return OptionalBytes{};
            return OptionalBytes(std::in_place, *fields[of.column]);
        }
        case Expression::Kind::operation: {
            auto left = TRY(value(of.arguments[0], row));
            if (!left) return OptionalBytes{};
            if (of.arguments.size() == 1) return TRY(negate(of.type, *left));
            auto right = TRY(value(of.arguments[1], row));
            if (!right) return OptionalBytes{};
            return TRY(calculate(of.function[0], of.arguments[0].type, *left, of.arguments[1].type, *right));
        }
        case Expression::Kind::element:
        case Expression::Kind::slice: {
            auto bytes = TRY(value(of.arguments[0], row));
            if (!bytes) return OptionalBytes{};
            auto range = TRY(part_of(of));
            return selected_part(of, range, *bytes);
        }
        case Expression::Kind::count_rows:
            return number_bytes(Kind::bigint, accumulators_[of.slot].count);
        case Expression::Kind::aggregate:
            return aggregate(of);
    }
    return OptionalBytes{};
}

Result<> Evaluator::add(const Expression& of, const RowValues& row) {
    if (of.kind == Expression::Kind::count_rows) {
        ++accumulators_[of.slot].count;
        return {};
    }
    if (of.kind != Expression::Kind::aggregate) {
        for (const auto& argument : of.arguments) TRY(add(argument, row));
        return {};
    }
    auto bytes = TRY(value(of.arguments[0], &row));
    if (!bytes) return {};
    auto& to = accumulators_[of.slot];
    ++to.count;
    const auto& type = of.arguments[0].type;
    bool exact = type.kind == Kind::varint || type.kind == Kind::decimal;
    if ((of.function == "sum" || of.function == "avg") && exact) {
        to.exact = to.count == 1 ? std::move(*bytes) : TRY(calculate('+', type, to.exact, type, *bytes));
    } else if (of.function == "sum" || of.function == "avg") {
        // Unsigned, so that an overflow wraps as Java's does.
        to.integer = std::int64_t(std::uint64_t(to.integer) + std::uint64_t(integer_value(type, *bytes)));
        to.number += float_value(type, *bytes);
    } else if (of.function != "count") {
        bool better = !to.extreme || (of.function == "min") == (compare(type, *bytes, *to.extreme) < 0);
        if (better) to.extreme = std::move(bytes);
    }
    return {};
}

Result<OptionalBytes> Evaluator::token(const Expression& of, const RowValues* row) {
    std::vector<std::string> values;
    for (const auto& argument : of.arguments) {
        auto bytes = TRY(value(argument, row));
        if (!bytes) return OptionalBytes{};
        values.push_back(std::move(*bytes));
    }
    std::vector<std::string_view> views(values.begin(), values.end());
    auto key = join_partition_key(plan_.table(), views);
    if (!key) return OptionalBytes{};
    return OptionalBytes(number_bytes(Kind::bigint, token_of(*key)));
}

Result<OptionalBytes> Evaluator::collected(const Expression& of, const RowValues* row) {
    std::vector<OptionalBytes> values;
    for (const auto& argument : of.arguments) values.push_back(TRY(value(argument, row)));
    std::string out;
    if (of.type.kind == Kind::tuple) {
        for (const auto& one : values) append_component(out, one);
        return OptionalBytes(std::move(out));
    }
    if (of.type.kind == Kind::set) {
        const auto& type = of.type.parameters[0];
        std::erase_if(values, [](const OptionalBytes& one) { return !one; });
        std::ranges::sort(values, [&](const auto& a, const auto& b) { return compare(type, *a, *b) < 0; });
        values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    begin_collection(out, values.size());
    for (const auto& one : values) append_component(out, one);
    return OptionalBytes(std::move(out));
}

Result<PartRange> Evaluator::part_of(const Expression& of) const {
    const auto& key = of.arguments[0].type.parameters[0];
    PartRange out;
    auto from = TRY(evaluate(of.literal, key, "[selection]", bindings_));
    if (from.is_set()) out.from = std::move(from.bytes);
    if (of.kind == Expression::Kind::element) {
        if (!out.from) return fail(Errc::invalid, "Invalid null value for element selection");
        out.to = out.from;
        return out;
    }
    auto to = TRY(evaluate(of.literal_to, key, "[selection]", bindings_));
    if (to.is_set()) out.to = std::move(to.bytes);
    return out;
}

Result<OptionalBytes> Evaluator::aggregate(const Expression& of) const {
    const auto& from = accumulators_[of.slot];
    if (of.function == "count") return number_bytes(Kind::bigint, from.count);
    if (of.function == "min" || of.function == "max") return from.extreme;
    if (of.type.kind == Kind::varint || of.type.kind == Kind::decimal) {
        if (from.count == 0) return number_bytes(of.type, std::int64_t(0));
        if (of.function == "sum") return from.exact;
        return TRY(average(of.type, from.exact, from.count));
    }
    bool floating = of.type.kind == Kind::float_ || of.type.kind == Kind::double_;
    auto divisor = of.function == "avg" ? std::max<std::int64_t>(from.count, 1) : 1;
    if (floating) return number_bytes(of.type, from.number / double(divisor));
    return number_bytes(of.type, from.integer / divisor);
}

OptionalBytes Evaluator::written_when(const Expression& of, const RowValues* row,
                                      const std::optional<PartRange>& part) const {
    if (row == nullptr) return std::nullopt;
    const auto& column = plan_.table().columns[of.column];
    const auto* stored = column.role == ColumnRole::static_ ? row->static_row : row->row;
    if (stored == nullptr) return std::nullopt;
    auto answer = [&](const Cell& cell) -> OptionalBytes {
        if (of.kind == Expression::Kind::writetime) return number_bytes(Kind::bigint, cell.timestamp);
        if (cell.ttl == 0) return std::nullopt;
        return number_bytes(Kind::int_, std::int64_t(cell.expires_at) - now_);
    };
    auto cells = cells_of(*stored, column, part);
    if (of.arguments.size() == 1 && of.arguments[0].kind == Expression::Kind::field)
        std::erase_if(cells, [&](const Cell* cell) {
            return column.type.is_multi_cell() && field_number(*cell) != of.arguments[0].column;
        });
    if (cells.empty()) return std::nullopt;
    if (of.latest)
        return answer(
            **std::ranges::max_element(cells, {}, [](const Cell* cell) { return cell->timestamp; }));
    if (of.type.kind != Kind::list) return answer(*cells.front());
    return list_of(column, cells, answer);
}

}  // namespace penstock::store::cql
