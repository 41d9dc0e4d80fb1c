#include "store/cql/time_floor.h"

#include <algorithm>

#include "base/floor_divide.h"
#include "store/bytes.h"
#include "store/calendar.h"
#include "store/number.h"

namespace penstock::store::cql {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t day_ns = day_ms * 1'000'000;
constexpr std::int64_t ms_ns = 1'000'000;
using Wide = __int128;  ///< milliseconds that may be beyond what a timestamp holds

/// start + duration * times, by the calendar: months first, the 31st becomes the last day where there is
/// none. Nothing when that is beyond the calendar.
std::optional<Wide> after(std::int64_t start, const Duration& duration, std::int64_t times) {
    constexpr std::int64_t most_months = std::int64_t(1) << 40;
    auto months = Wide(duration.months) * times;
    if (months > most_months) return std::nullopt;
    auto day = floor_divide(start, day_ms);
    return Wide(add_months(day, std::int64_t(months))) * day_ms + (start - day * day_ms) +
           Wide(duration.days) * times * day_ms + Wide(duration.nanoseconds / ms_ns) * times;
}

/// Cassandra's Duration.floorTimestamp.
Result<std::int64_t> floor_ms(std::int64_t time, const Duration& duration, std::int64_t start) {
    if (start > time)
        return fail(Errc::invalid, "The floor function starting time is greater than the provided time");
    if (duration.months < 0 || duration.days < 0 || duration.nanoseconds < 0)
        return fail(Errc::invalid, "Negative durations are not supported by the floor function");
    auto fixed = Wide(duration.days) * day_ms + duration.nanoseconds / ms_ns;
    auto since = Wide(time) - start;
    if (duration.months == 0) return fixed == 0 ? time : std::int64_t(time - since % fixed);
    constexpr std::int64_t longest_month_days = 31;
    auto longest = fixed + Wide(duration.months) * longest_month_days * day_ms;
    std::int64_t times = 0;
    Wide found = start;
    // Never too far, as no duration is longer; then one by one.
    for (auto step = since / longest; step > 0; step = (time - found) / longest) {
        auto next = after(start, duration, times + std::int64_t(step));
        if (!next) return fail(Errc::invalid, "the time is out of range");
        times += std::int64_t(step);
        found = *next;
    }
    for (auto next = after(start, duration, times + 1); next && *next <= time;
         next = after(start, duration, times + 1)) {
        found = *next;
        ++times;
    }
    return std::int64_t(found);
}

Result<std::int64_t> floor_time(std::int64_t time, const Duration& duration) {
    if (duration.months < 0 || duration.days < 0 || duration.nanoseconds < 0)
        return fail(Errc::invalid, "Negative durations are not supported by the floor function");
    if (duration.months != 0 || duration.days != 0 || duration.nanoseconds > day_ns)
        return fail(Errc::invalid,
                    "For time values, the floor can only be computed for durations smaller that a day");
    return duration.nanoseconds == 0 ? time : time - time % duration.nanoseconds;
}

}  // namespace

bool is_floor(std::string_view name) {
    return name == "floor";
}

DataType floor_start_type(const DataType& time) {
    return time.kind == Kind::timeuuid ? DataType(Kind::timestamp) : time;
}

Result<DataType> floor_type(const std::vector<DataType>& arguments) {
    bool right = (arguments.size() == 2 || arguments.size() == 3) && arguments[1].kind == Kind::duration;
    if (right) {
        auto kind = arguments[0].kind;
        auto start = floor_start_type(arguments[0]);
        right = kind == Kind::time ? arguments.size() == 2
                                   : (start.kind == Kind::timestamp || start.kind == Kind::date) &&
                                         (arguments.size() == 2 || arguments[2].kind == start.kind);
        if (right) return start;
    }
    return fail(Errc::invalid,
                "Invalid call to function floor, none of its type signatures match (known type signatures: "
                "system.floor : (timeuuid, duration[, timestamp]) -> timestamp, "
                "system.floor : (timestamp, duration[, timestamp]) -> timestamp, "
                "system.floor : (date, duration[, date]) -> date, system.floor : (time, duration) -> time)");
}

Result<TypedValue> call_floor(const std::vector<TypedValue>& arguments) {
    std::vector<DataType> types;
    for (const auto& argument : arguments) types.push_back(argument.type);
    TypedValue out{TRY(floor_type(types)), std::nullopt};
    for (const auto& argument : arguments)
        if (!argument.bytes || argument.bytes->empty()) return out;
    auto duration = parse_duration_bytes(*arguments[1].bytes);
    if (!duration) return fail(Errc::invalid, "not a duration");
    if (out.type.kind == Kind::time) {
        auto time = load_big_endian<std::int64_t>(arguments[0].bytes->data());
        append_big_endian(out.bytes.emplace(), TRY(floor_time(time, *duration)));
        return out;
    }
    if (out.type.kind == Kind::date && duration->nanoseconds != 0)
        return fail(Errc::invalid,
                    "The floor on date values cannot be computed for the {} duration as precision is below 1 "
                    "day",
                    duration_text(*duration));
    if (duration->nanoseconds % ms_ns != 0)
        return fail(Errc::invalid,
                    "The floor cannot be computed for the {} duration as precision is below 1 millisecond",
                    duration_text(*duration));
    auto ms = ms_of(arguments[0]);
    auto start = arguments.size() > 2 ? ms_of(arguments[2]) : std::optional<std::int64_t>(0);
    if (!ms || !start) return fail(Errc::invalid, "not a time");
    out.bytes = time_bytes(out.type, TRY(floor_ms(*ms, *duration, *start)));
    return out;
}

}  // namespace penstock::store::cql
