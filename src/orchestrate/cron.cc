#include "orchestrate/cron.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"

namespace penstock::orchestrate {
namespace {

constexpr std::array<std::string_view, 12> month_names{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
    int number;
    std::string_view name;
    int first;
    int last;
    std::span<const std::string_view> names;
};

constexpr std::array fields{Field{1, "minute", 0, 59, {}}, Field{2, "hour", 0, 23, {}},
                            Field{3, "day of month", 1, 31, {}}, Field{4, "month", 1, 12, month_names},
                            Field{5, "day of week", 0, 7, weekday_names}};
constexpr std::size_t weekday_field = 4;

std::string expected(const Field& field) {
    auto text = fmt::format("expected *, {}-{}", field.first, field.last);
    if (!field.names.empty()) text += fmt::format(", {}-{}", field.names.front(), field.names.back());
    return text + ", a list (1,2), a range (1-5) or a step (*/2)";
}

std::unexpected<Error> refuse(const Field& field, std::string_view part) {
    return fail(Errc::invalid, "cron field {} ({}): '{}' is not valid; {}", field.number, field.name, part,
                expected(field));
}

Result<int> parse_value(const Field& field, std::string_view text) {
    std::string upper(text);
    for (auto& letter : upper) letter = char(std::toupper(static_cast<unsigned char>(letter)));
    for (std::size_t i = 0; i < field.names.size(); ++i)
        if (field.names[i] == upper) return field.first + int(i);
    bool digits = !text.empty() &&
                  std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    auto number = parse_int(text);
    if (!digits || !number || *number < field.first || *number > field.last) return refuse(field, text);
    return int(*number);
}

/// One part of a list: a bit for each value.
Result<std::uint64_t> parse_part(const Field& field, std::string_view part) {
    auto slash = part.find('/');
    auto range = part.substr(0, slash);
    std::int64_t step = 1;
    if (slash != std::string_view::npos) {
        auto number = parse_int(part.substr(slash + 1));
        if (!number || *number < 1 || *number > 1000) return refuse(field, part);
        step = *number;
    }
    int first = field.first;
    int last = field.last;
    if (range == "*") {
        if (field.number == 5) last = 6;  // 7 is Sunday once more
    } else if (auto dash = range.find('-'); dash != std::string_view::npos) {
        first = TRY(parse_value(field, range.substr(0, dash)));
        last = TRY(parse_value(field, range.substr(dash + 1)));
        // FRI-MON passes Sunday; nobody writes 22-2 and means the same by it everywhere.
        if (last < first && field.number == 5) last += 7;
        if (last < first) {
            return fail(Errc::invalid,
                        "cron field {} ({}): the range '{}' runs backwards; write "
                        "it as two: {}-{},{}-{}",
                        field.number, field.name, range, first, field.last, field.first, last);
        }
    } else {
        first = TRY(parse_value(field, range));
        if (slash == std::string_view::npos) last = first;
    }
    std::uint64_t bits = 0;
    for (std::int64_t value = first; value <= last; value += step)
        bits |= 1ULL << (field.number == 5 ? value % 7 : value);
    return bits;
}

Result<std::uint64_t> parse_field(const Field& field, std::string_view text) {
    std::uint64_t bits = 0;
    for (;;) {
        auto comma = text.find(',');
        bits |= TRY(parse_part(field, text.substr(0, comma)));
        if (comma == std::string_view::npos) return bits;
        text.remove_prefix(comma + 1);
    }
}

std::vector<std::string_view> split_at_blanks(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0;;) {
        at = text.find_first_not_of(" \t", at);
        if (at == std::string_view::npos) return parts;
        auto end = std::min(text.find_first_of(" \t", at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end;
    }
}

constexpr std::uint64_t bits_between(int first, int last) {
    std::uint64_t bits = 0;
    for (int value = first; value <= last; ++value) bits |= 1ULL << value;
    return bits;
}

constexpr bool has(std::uint64_t bits, unsigned value) {
    return (bits >> value & 1) != 0;
}

std::chrono::year_month_day date_of(std::int64_t day) {
    return std::chrono::sys_days(std::chrono::days(day));
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
    auto parts = split_at_blanks(text);
    if (parts.size() != fields.size()) {
        return fail(Errc::invalid,
                    "'{}' has {} fields; expected 5: minute, hour, day of month, "
                    "month, day of week, for example 30 6 * * MON-FRI",
                    text, parts.size());
    }
    Cron cron;
    cron.minutes_ = TRY(parse_field(fields[0], parts[0]));
    cron.hours_ = TRY(parse_field(fields[1], parts[1]));
    cron.days_ = TRY(parse_field(fields[2], parts[2]));
    cron.months_ = TRY(parse_field(fields[3], parts[3]));
    cron.weekdays_ = TRY(parse_field(fields[weekday_field], parts[weekday_field]));
    cron.any_day_ = cron.days_ == bits_between(1, 31);
    cron.any_weekday_ = cron.weekdays_ == bits_between(0, 6);
    cron.every_hour_ = parts[1].starts_with('*');
    if (!cron.next_at_or_after(0)) {
        return fail(Errc::invalid,
                    "cron '{}' never fires: no month of field 4 has a day of "
                    "field 3",
                    text);
    }
    return cron;
}

bool Cron::matches_day(std::int64_t day) const {
    auto date = date_of(day);
    if (!has(months_, unsigned(date.month()))) return false;
    bool by_day = has(days_, unsigned(date.day()));
    bool by_weekday = has(weekdays_, std::chrono::weekday(std::chrono::sys_days(date)).c_encoding());
    if (any_day_ || any_weekday_) return by_day && by_weekday;
    return by_day || by_weekday;
}

std::optional<std::int64_t> Cron::next_at_or_after(std::int64_t local_s) const {
    constexpr std::int64_t day_s = 86400;
    // 29 February is eight years away around the turn of most centuries.
    constexpr std::int64_t days_max = 9 * 366;
    auto day = local_s >= 0 ? local_s / day_s : -((-local_s + day_s - 1) / day_s);
    auto minute = (local_s - day * day_s + 59) / 60;  // rounded up; 1440 is the next day's first
    for (std::int64_t tried = 0; tried < days_max; ++tried, ++day, minute = 0) {
        if (!matches_day(day)) continue;
        for (; minute < 24 * 60; ++minute) {
            if (!has(hours_, unsigned(minute / 60))) {
                minute += 59 - minute % 60;
                continue;
            }
            if (has(minutes_, unsigned(minute % 60))) return day * day_s + minute * 60;
        }
    }
    return std::nullopt;
}

}  // namespace penstock::orchestrate
