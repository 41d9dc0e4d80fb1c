#include "pipeline/syntax.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/units.h"

namespace penstock::pipeline {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> parts;
    for (auto part : split(text, ' '))
        for (auto word : split(part, '\t')) parts.push_back(word);
    std::erase_if(parts, [](std::string_view part) { return part.empty(); });
    return parts;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool same_word(std::string_view a, std::string_view b) {
    auto same = [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

struct CronField {
    std::string_view name;
    int min;
    int max;
    std::string_view names;  // split by ' ', the first stands for min
};
constexpr std::array cron_fields{CronField{"minute", 0, 59, ""}, CronField{"hour", 0, 23, ""},
                                 CronField{"day of month", 1, 31, ""},
                                 CronField{"month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"},
                                 CronField{"day of week", 0, 7, "sun mon tue wed thu fri sat"}};

Result<int> cron_value(const CronField& field, std::string_view text) {
    int at = field.min;
    if (!field.names.empty()) {
        for (auto name : split(field.names, ' ')) {
            if (same_word(name, text)) return at;
            ++at;
        }
    }
    auto number = parse_int(text);
    if (!number || *number < field.min || *number > field.max) {
        return fail(Errc::invalid, "'{}' is not a {}; expected {} to {}{}", text, field.name, field.min,
                    field.max,
                    field.names.empty() ? "" : " or a name such as " + std::string(field.names.substr(0, 3)));
    }
    return int(*number);
}

/// Returns the smallest value that the part stands for.
Result<int> check_cron_part(const CronField& field, std::string_view part) {
    auto slash = part.find('/');
    if (slash != std::string_view::npos) {
        constexpr int longest_step = 1000;
        auto step = parse_int(part.substr(slash + 1));
        if (!step || *step < 1 || *step > longest_step) {
            return fail(Errc::invalid, "'{}' is not a step of {}; expected 1 to {}", part.substr(slash + 1),
                        field.name, longest_step);
        }
        part = part.substr(0, slash);
    }
    if (part == "*") return field.min;
    auto dash = part.find('-');
    auto first = TRY(cron_value(field, part.substr(0, dash)));
    if (dash == std::string_view::npos) return first;
    auto last = TRY(cron_value(field, part.substr(dash + 1)));
    // fri-mon passes Sunday.
    if (first > last && field.name != cron_fields.back().name) {
        return fail(Errc::invalid, "the range '{}' of {} runs backwards; write it as two: {}-{},{}-{}", part,
                    field.name, first, field.max, field.min, last);
    }
    return first;
}

/// "0 0 30 feb *": a day that none of the months has.
Result<> check_day_exists(std::string_view text, const std::vector<std::string_view>& fields, int first_day) {
    constexpr std::array longest{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (fields[4] != "*" || fields[3].find_first_of("*-/") != std::string_view::npos) return {};
    for (auto part : split(fields[3], ',')) {
        auto month = TRY(cron_value(cron_fields[3], part));
        if (first_day <= longest[std::size_t(month - 1)]) return {};
    }
    return fail(Errc::invalid, "'{}' never comes: none of the months has a day {}", text, first_day);
}

Result<> check_cron(std::string_view text) {
    auto fields = words(text);
    if (fields.size() != cron_fields.size()) {
        return fail(Errc::invalid,
                    "'{}' is not a schedule: {} field{}, a cron line has 5 (minute, hour, day of month, "
                    "month, day of week); expected a cron line such as '0 6 * * mon', @daily or 'every "
                    "10m'",
                    text, fields.size(), fields.size() == 1 ? "" : "s");
    }
    int first_day = 31;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        for (auto part : split(fields[i], ',')) {
            auto first = TRY(check_cron_part(cron_fields[i], part));
            if (i == 2) first_day = std::min(first_day, first);
        }
    }
    return check_day_exists(text, fields, first_day);
}

bool take_number(std::string_view& text, std::size_t digits, int& number) {
    if (text.size() < digits || !std::all_of(text.begin(), text.begin() + std::ptrdiff_t(digits), is_digit))
        return false;
    std::from_chars(text.data(), text.data() + digits, number);
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

bool take_offset(std::string_view& text, int& minutes) {
    if (take(text, 'Z') || text.empty()) return true;
    int sign = text[0] == '-' ? -1 : 1;
    int hours = 0, rest = 0;
    if (!take(text, '+') && !take(text, '-')) return false;
    if (!take_number(text, 2, hours)) return false;
    take(text, ':');
    if (!take_number(text, 2, rest) || hours > 18 || rest > 59) return false;
    minutes = sign * (hours * 60 + rest);
    return true;
}

}  // namespace

Result<RateLimit> parse_rate(std::string_view text) {
    auto parts = words(text);
    auto wrong = [&] {
        return fail(Errc::invalid,
                    "'{}' is not a limit; expected a number, 'records' or 'requests', 'per' and a time, "
                    "for example 20000 records per 5m",
                    text);
    };
    if (parts.size() < 4 || parts[2] != "per") return wrong();
    auto amount = parse_int(parts[0]);
    bool records = parts[1] == "records" || parts[1] == "record";
    bool requests = parts[1] == "requests" || parts[1] == "request";
    if (!amount || *amount < 1 || (!records && !requests)) return wrong();
    std::string_view time = text.substr(std::size_t(parts[3].data() - text.data()));
    while (time.ends_with(' ')) time.remove_suffix(1);
    std::string per(time);
    if (time == "second" || time == "minute" || time == "hour" || time == "day")
        per = "1" + std::string(time == "minute" ? "m" : time.substr(0, 1));
    auto per_us = parse_duration_us(per);
    if (!per_us || *per_us < 1) return wrong();
    return RateLimit{*amount, records, *per_us};
}

Result<> check_schedule(std::string_view text) {
    if (text.size() > 1000) return fail(Errc::invalid, "the schedule is longer than 1000 characters");
    if (text.starts_with('@')) {
        for (auto preset : {"@once", "@continuous", "@hourly", "@daily", "@midnight", "@weekly", "@monthly",
                            "@quarterly", "@yearly", "@annually"})
            if (text == preset) return {};
        return fail(Errc::invalid,
                    "'{}' is not a schedule; expected @once, @continuous, @hourly, @daily, @weekly, "
                    "@monthly, @quarterly or @yearly",
                    text);
    }
    if (text.starts_with("every") && text.size() > 5 && (text[5] == ' ' || is_digit(text[5]))) {
        constexpr std::int64_t shortest_us = 1'000'000, longest_us = 3660LL * 86'400 * 1'000'000;
        auto us = TRY(parse_duration_us(text.substr(5)));
        if (us < shortest_us || us > longest_us)
            return fail(Errc::invalid, "'{}': expected 1s to 10 years", text);
        return {};
    }
    return check_cron(text);
}

Result<std::int64_t> parse_time_us(std::string_view text) {
    using namespace std::chrono;
    auto rest = text;
    int y = 0, m = 0, d = 0, hour = 0, minute = 0, second = 0, offset = 0;
    bool right = take_number(rest, 4, y) && take(rest, '-') && take_number(rest, 2, m) && take(rest, '-') &&
                 take_number(rest, 2, d);
    if (right && !rest.empty()) {
        right = (take(rest, 'T') || take(rest, ' ')) && take_number(rest, 2, hour) && take(rest, ':') &&
                take_number(rest, 2, minute);
        if (right && take(rest, ':')) right = take_number(rest, 2, second);
        right = right && take_offset(rest, offset) && rest.empty();
    }
    auto date = year(y) / month(unsigned(m)) / day(unsigned(d));
    if (!right || !date.ok() || hour > 23 || minute > 59 || second > 59) {
        return fail(Errc::invalid,
                    "'{}' is not a date or time; expected for example 2026-01-31 or "
                    "2026-01-31T12:00:00Z",
                    text);
    }
    auto time = sys_days(date) + hours(hour) + minutes(minute - offset) + seconds(second);
    return duration_cast<microseconds>(time.time_since_epoch()).count();
}

Result<> check_json_pointer(std::string_view text) {
    if (!text.empty() && text[0] != '/') {
        std::string meant = "/" + std::string(text);
        std::replace(meant.begin(), meant.end(), '.', '/');
        return fail(Errc::invalid,
                    "'{}' is not a JSON Pointer; expected it to start with '/', for example {}", text, meant);
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')))
            return fail(Errc::invalid, "'{}' is not a JSON Pointer: '~' is written ~0, '/' in a name ~1",
                        text);
    }
    return {};
}

Result<> check_environment(std::string_view text) {
    for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
        auto end = text.find('}', at);
        auto name = text.substr(at + 2, end == std::string_view::npos ? end : end - at - 2);
        auto is_word = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
        if (end == std::string_view::npos || name.empty() || is_digit(name[0]) ||
            !std::all_of(name.begin(), name.end(), is_word))
            return fail(Errc::invalid,
                        "expected ${{NAME}} with the name of an environment variable, found '{}'",
                        text.substr(at, 40));
    }
    return {};
}

Result<> check_url(std::string_view text) {
    TRY(check_environment(text));
    if (text.starts_with("${")) return {};
    auto scheme = text.find("://");
    auto name = text.substr(0, scheme == std::string_view::npos ? 0 : scheme);
    if (name != "http" && name != "https")
        return fail(Errc::invalid, "'{}' is not a URL; expected http:// or https://", text);
    auto host = text.substr(scheme + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    if (host.empty() || host.ends_with('@')) return fail(Errc::invalid, "'{}' names no host", text);
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; }))
        return fail(Errc::invalid, "'{}' holds white space; write %20", text);
    return {};
}

Result<> check_timezone(std::string_view text) {
    auto is_word = [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '+' || c == '/';
    };
    if (!text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), is_word)) return {};
    return fail(Errc::invalid, "'{}' is not a time zone; expected a name such as UTC or Europe/Amsterdam",
                text);
}

}  // namespace penstock::pipeline
