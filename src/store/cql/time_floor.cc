#include "store/cql/time_floor.h"

#include <algorithm>
#include <chrono>

#include "store/bytes.h"
#include "store/number.h"
#include "store/uuid.h"

namespace penstock::store::cql {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t day_ns = day_ms * 1'000'000;
constexpr std::int64_t ms_ns = 1'000'000;
constexpr std::int64_t date_of_1970 = std::int64_t(1) << 31;
using Wide = __int128;  ///< milliseconds that may be beyond what a timestamp holds

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

/// start + duration * times, by the calendar: months first, the 31st becomes the last day where there is
/// none. Nothing when that is beyond the calendar.
std::optional<Wide> after(std::int64_t start, const Duration& duration, std::int64_t times) {
    using namespace std::chrono;
    auto day = floor<days>(milliseconds(start));
    year_month_day date{sys_days(day)};
    auto months_on = Wide(duration.months) * times + Wide(int(date.year())) * 12 + unsigned(date.month()) - 1;
    auto in_range = [](Wide at) { return at > int(year::min()) && at < int(year::max()); };
    auto year_on = (months_on - (months_on < 0 ? 11 : 0)) / 12;
    if (!date.ok() || !in_range(year_on)) return std::nullopt;
    year_month month(year(int(year_on)), std::chrono::month(unsigned(months_on - year_on * 12) + 1));
    auto moved = sys_days(month / std::min(date.day(), (month / last).day()));
    auto rest = milliseconds(start) - day;
    return Wide(milliseconds(moved.time_since_epoch()).count()) + rest.count() +
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

std::int64_t days_of(std::string_view date) {
    return std::int64_t(load_big_endian<std::uint32_t>(date.data())) - date_of_1970;
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
    const auto& value = *arguments[0].bytes;
    std::int64_t start = 0;
    out.bytes.emplace();
    if (out.type.kind == Kind::time) {
        append_big_endian(*out.bytes,
                          TRY(floor_time(load_big_endian<std::int64_t>(value.data()), *duration)));
    } else if (out.type.kind == Kind::date) {
        if (duration->nanoseconds != 0)
            return fail(Errc::invalid,
                        "The floor on date values cannot be computed for the {} duration as precision is "
                        "below 1 day",
                        duration_text(*duration));
        if (arguments.size() > 2) start = days_of(*arguments[2].bytes) * day_ms;
        auto ms = TRY(floor_ms(days_of(value) * day_ms, *duration, start));
        append_big_endian(*out.bytes, std::uint32_t(floor_divide(ms, day_ms) + date_of_1970));
    } else {
        if (duration->nanoseconds % ms_ns != 0)
            return fail(Errc::invalid,
                        "The floor cannot be computed for the {} duration as precision is below 1 "
                        "millisecond",
                        duration_text(*duration));
        std::int64_t ms = 0;
        if (arguments[0].type.kind == Kind::timeuuid) {
            auto us = uuid_time_us(value);
            if (!us) return fail(Errc::invalid, "not a timeuuid");
            ms = floor_divide(*us, 1000);
        } else {
            ms = load_big_endian<std::int64_t>(value.data());
        }
        if (arguments.size() > 2) start = load_big_endian<std::int64_t>(arguments[2].bytes->data());
        append_big_endian(*out.bytes, TRY(floor_ms(ms, *duration, start)));
    }
    return out;
}

}  // namespace penstock::store::cql
