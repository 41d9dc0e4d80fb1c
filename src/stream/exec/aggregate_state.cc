#include "stream/exec/aggregate_state.h"

#include <cmath>

namespace penstock::stream {

namespace {

std::string bytes_of(const Column& column, std::size_t row) {
    switch (storage_of(column.type)) {
        case Storage::integers:
            return ordered_key(column.integers[row]);
        case Storage::floats: {
            auto value = column.floats[row] == 0 ? 0.0 : column.floats[row];
            return {reinterpret_cast<const char*>(&value), sizeof value};
        }
        case Storage::strings:
            return std::string(column.strings[row]);
    }
    return {};
}

/// NaN is greater than every other number, as Spark has it.
int compare(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return int(std::isnan(a)) - int(std::isnan(b));
    return a < b ? -1 : a > b;
}

}  // namespace

std::string AggregateState::add(const AggregateCall& call, const Vector& argument, std::size_t row) {
    if (call.kind == AggregateKind::count_all) {
        ++count;
        return {};
    }
    auto at = argument.at(row);
    const auto& column = *argument.column;
    bool is_null = column.is_null(at);
    bool ordered = call.kind == AggregateKind::first || call.kind == AggregateKind::last;
    if (is_null && !ordered) return {};
    if (is_null || ordered) {
        if (call.kind == AggregateKind::first && any) return {};
        any = true;
        null = is_null;
        if (is_null) return {};
    }
    auto storage = storage_of(column.type);
    switch (call.kind) {
        case AggregateKind::count_all:
            break;
        case AggregateKind::count:
            ++count;
            break;
        case AggregateKind::count_distinct: {
            if (!distinct) distinct = std::make_unique<std::set<std::string, std::less<>>>();
            auto bytes = bytes_of(column, at);
            if (distinct->contains(bytes)) break;
            if (distinct->size() >= max_distinct)
                return fmt::format("count(DISTINCT) keeps at most {} values for a group", max_distinct);
            distinct->insert(std::move(bytes));
            break;
        }
        case AggregateKind::sum:
        case AggregateKind::avg:
            if (storage == Storage::integers) {
                if (call.kind == AggregateKind::avg)
                    real += double(column.integers[at]);
                else if (std::int64_t total = 0; __builtin_add_overflow(integer, column.integers[at], &total))
                    return "sum overflows BIGINT";
                else
                    integer = total;
            } else {
                real += column.floats[at];
            }
            ++count;
            break;
        case AggregateKind::variance:
        case AggregateKind::variance_of_all:
        case AggregateKind::deviation:
        case AggregateKind::deviation_of_all:
            add_to_spread(storage == Storage::integers ? double(column.integers[at]) : column.floats[at]);
            break;
        case AggregateKind::min:
        case AggregateKind::max: {
            int sign = call.kind == AggregateKind::min ? -1 : 1;
            int order = storage == Storage::integers
                            ? (column.integers[at] > integer) - (column.integers[at] < integer)
                        : storage == Storage::floats ? compare(column.floats[at], real)
                                                     : column.strings[at].compare(text);
            if (any && order * sign <= 0) break;
            any = true;
            [[fallthrough]];
        }
        case AggregateKind::first:
        case AggregateKind::last:
            if (storage == Storage::integers)
                integer = column.integers[at];
            else if (storage == Storage::floats)
                real = column.floats[at];
            else
                text = column.strings[at];
            break;
    }
    return {};
}

/// Welford's method: no difference of large sums.
void AggregateState::add_to_spread(double value) {
    auto distance = value - real;
    real += distance / double(++count);
    spread += distance * (value - real);
}

void AggregateState::append_spread(AggregateKind kind, Column& to) const {
    bool of_sample = kind == AggregateKind::variance || kind == AggregateKind::deviation;
    auto divisor = of_sample ? count - 1 : count;
    if (divisor <= 0) return to.append_null();
    auto variance = spread / double(divisor);
    bool is_variance = kind == AggregateKind::variance || kind == AggregateKind::variance_of_all;
    to.append_float(is_variance ? variance : std::sqrt(variance));
}

void AggregateState::result(const AggregateCall& call, Column& to, Arena& arena) const {
    switch (call.kind) {
        case AggregateKind::count_all:
        case AggregateKind::count:
            to.append_integer(count);
            return;
        case AggregateKind::count_distinct:
            to.append_integer(distinct ? std::int64_t(distinct->size()) : 0);
            return;
        case AggregateKind::avg:
            if (count == 0)
                to.append_null();
            else
                to.append_float(real / double(count));
            return;
        case AggregateKind::sum:
            if (count == 0)
                to.append_null();
            else if (to.type == TypeId::float64)
                to.append_float(real);
            else
                to.append_integer(integer);
            return;
        case AggregateKind::variance:
        case AggregateKind::variance_of_all:
        case AggregateKind::deviation:
        case AggregateKind::deviation_of_all:
            append_spread(call.kind, to);
            return;
        case AggregateKind::min:
        case AggregateKind::max:
        case AggregateKind::first:
        case AggregateKind::last:
            break;
    }
    if (!any || null) return to.append_null();
    switch (storage_of(to.type)) {
        case Storage::integers:
            to.append_integer(integer);
            break;
        case Storage::floats:
            to.append_float(real);
            break;
        case Storage::strings:
            to.append_string(arena.copy(text));
            break;
    }
}

void AggregateState::encode(StateEncoder& to) const {
    to.integer(count);
    to.integer(integer);
    to.real(real);
    to.text(text);
    bool has_spread = spread != 0;
    to.byte(std::uint8_t(any) | std::uint8_t(null << 1) | std::uint8_t(has_spread << 2));
    if (has_spread) to.real(spread);
    to.integer(distinct ? std::int64_t(distinct->size()) : 0);
    if (distinct)
        for (const auto& value : *distinct) to.text(value);
}

void AggregateState::decode(StateDecoder& from) {
    count = from.integer();
    integer = from.integer();
    real = from.real();
    text = from.text();
    auto flags = from.byte();
    any = flags & 1;
    null = flags & 2;
    if (flags & 4) spread = from.real();
    auto values = from.integer();
    for (std::int64_t i = 0; i < values && from.ok(); ++i) {
        if (!distinct) distinct = std::make_unique<std::set<std::string, std::less<>>>();
        distinct->emplace(from.text());
    }
}

}  // namespace penstock::stream
