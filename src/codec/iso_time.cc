#include "codec/iso_time.h"

#include <chrono>

namespace penstock::codec {
namespace {

/// Takes a number of exactly so many digits from the front; -1: there is none.
int take_digits(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return -1;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> take_date(std::string_view& text) {
    auto year = take_digits(text, 4);
    if (year < 0 || !take(text, '-')) return std::nullopt;
    auto month = take_digits(text, 2);
    if (month < 0 || !take(text, '-')) return std::nullopt;
    auto day = take_digits(text, 2);
    if (day < 0) return std::nullopt;
    std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                                     std::chrono::day(unsigned(day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
}

/// Minutes east of Greenwich; none: no zone.
std::optional<int> take_zone(std::string_view& text) {
    if (text.empty() || take(text, 'Z')) return 0;
    bool west = text.starts_with('-');
    if (!west && !text.starts_with('+')) return std::nullopt;
    text.remove_prefix(1);
    auto hours = take_digits(text, 2);
    take(text, ':');
    auto minutes = text.empty() ? 0 : take_digits(text, 2);
    if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return std::nullopt;
    return (west ? -1 : 1) * (hours * 60 + minutes);
}

}  // namespace

std::optional<std::int64_t> parse_iso_date(std::string_view text) {
    auto days = take_date(text);
    return text.empty() ? days : std::nullopt;
}

std::optional<std::int64_t> parse_iso_timestamp(std::string_view text) {
    auto days = take_date(text);
    if (!days || !(take(text, 'T') || take(text, ' ') || take(text, 't'))) return std::nullopt;
    auto hour = take_digits(text, 2);
    if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
    auto minute = take_digits(text, 2);
    if (minute < 0 || minute > 59) return std::nullopt;
    int second = take(text, ':') ? take_digits(text, 2) : 0;
    if (second < 0 || second > 59) return std::nullopt;
    std::int64_t us = 0;
    if (take(text, '.')) {
        int digits = 0;
        for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits)
            if (digits < 6) us = us * 10 + (text[0] - '0');
        if (digits == 0) return std::nullopt;
        for (; digits < 6; ++digits) us *= 10;
    }
    auto zone = take_zone(text);
    if (!zone || !text.empty()) return std::nullopt;
    auto seconds = *days * 86'400 + hour * 3600 + minute * 60 + second - *zone * 60;
    return seconds * 1'000'000 + us;
}

}  // namespace penstock::codec
