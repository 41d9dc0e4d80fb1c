#include "stream/expr/datetime.h"

#include <fmt/format.h>

#include <array>

#include "stream/sql/error.h"

namespace penstock::stream {

// Civil-day arithmetic: eras of 400 years (146097 days), years that begin in March.

std::int64_t days_of(std::int64_t year, int month, int day) {
    year -= month <= 2;
    auto era = (year >= 0 ? year : year - 399) / 400;
    auto year_of_era = year - era * 400;
    auto day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    auto day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

Civil civil_of(std::int64_t days) {
    days += 719'468;
    auto era = (days >= 0 ? days : days - 146'096) / 146'097;
    auto day_of_era = days - era * 146'097;
    auto year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    auto day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    auto month = (5 * day_of_year + 2) / 153;
    Civil out;
    out.day = int(day_of_year - (153 * month + 2) / 5 + 1);
    out.month = int(month < 10 ? month + 3 : month - 9);
    out.year = year_of_era + era * 400 + (out.month <= 2);
    return out;
}

int days_in_month(std::int64_t year, int month) {
    static constexpr std::array<int, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : lengths[std::size_t(month - 1)];
}

std::int64_t day_of_us(std::int64_t us) {
    return us >= 0 ? us / us_per_day : (us + 1) / us_per_day - 1;
}

TimeOfDay time_of_us(std::int64_t us) {
    auto rest = us - day_of_us(us) * us_per_day;
    return {int(rest / 3'600'000'000), int(rest / 60'000'000 % 60), int(rest / 1'000'000 % 60),
            int(rest % 1'000'000)};
}

std::int64_t add_months(std::int64_t days, std::int64_t months) {
    auto date = civil_of(days);
    auto total = date.year * 12 + date.month - 1 + months;
    auto year = total >= 0 ? total / 12 : (total - 11) / 12;
    auto month = int(total - year * 12) + 1;
    return days_of(year, month, std::min(date.day, days_in_month(year, month)));
}

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Reads text from the left; a failed read leaves ok false.
struct Scanner {
    std::string_view text;
    std::size_t next = 0;

    bool done() const { return next >= text.size(); }
    char peek() const { return done() ? '\0' : text[next]; }
    bool accept(char c) {
        if (peek() != c) return false;
        ++next;
        return true;
    }
    /// min to max digits.
    std::optional<int> number(int min, int max) {
        int value = 0, digits = 0;
        while (digits < max && is_digit(peek())) {
            value = value * 10 + (text[next++] - '0');
            ++digits;
        }
        if (digits < min) return std::nullopt;
        return value;
    }
};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

std::optional<std::int64_t> scan_date(Scanner& in) {
    bool negative = in.peek() == '-';
    if (negative || in.peek() == '+') ++in.next;
    auto year = in.number(4, 6);
    if (!year) return std::nullopt;
    if (negative) *year = -*year;
    int month = 1, day = 1;
    if (in.accept('-')) {
        auto m = in.number(1, 2);
        if (!m || *m < 1 || *m > 12) return std::nullopt;
        month = *m;
        if (in.accept('-')) {
            auto d = in.number(1, 2);
            if (!d || *d < 1 || *d > days_in_month(*year, month)) return std::nullopt;
            day = *d;
        }
    }
    return days_of(*year, month, day);
}

/// Microseconds to subtract for the zone at the text's end.
std::optional<std::int64_t> scan_zone(Scanner& in) {
    while (in.accept(' ')) {
    }
    if (in.done()) return 0;
    auto rest = in.text.substr(in.next);
    if (rest == "Z" || rest == "z") return 0;
    if (rest.starts_with("UTC") || rest.starts_with("GMT"))
        in.next += 3;
    else if (rest.starts_with("UT"))
        in.next += 2;
    if (in.done()) return 0;
    bool minus = in.peek() == '-';
    if (!minus && in.peek() != '+') return std::nullopt;
    ++in.next;
    auto hours = in.number(1, 2);
    if (!hours || *hours > 18) return std::nullopt;
    int minutes = 0;
    if (in.accept(':') || is_digit(in.peek())) {
        auto m = in.number(1, 2);
        if (!m || *m > 59) return std::nullopt;
        minutes = *m;
    }
    if (!in.done()) return std::nullopt;
    auto us = (std::int64_t(*hours) * 60 + minutes) * 60'000'000;
    return minus ? -us : us;
}

std::optional<std::int64_t> scan_time(Scanner& in) {
    auto hour = in.number(1, 2);
    if (!hour || *hour > 23 || !in.accept(':')) return std::nullopt;
    auto minute = in.number(1, 2);
    if (!minute || *minute > 59) return std::nullopt;
    std::int64_t us = (std::int64_t(*hour) * 60 + *minute) * 60'000'000;
    if (in.accept(':')) {
        auto second = in.number(1, 2);
        if (!second || *second > 59) return std::nullopt;
        us += *second * std::int64_t(1'000'000);
        if (in.accept('.')) {
            std::int64_t scale = 100'000;
            while (is_digit(in.peek())) {
                us += (in.text[in.next++] - '0') * scale;
                scale /= 10;
            }
        }
    }
    return us;
}

constexpr std::array<std::string_view, 12> month_names{"January",   "February", "March",    "April",
                                                       "May",       "June",     "July",     "August",
                                                       "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> day_names{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                    "Friday", "Saturday", "Sunday"};

/// 0 is Monday.
std::size_t weekday(std::int64_t days) {
    return std::size_t(((days + 3) % 7 + 7) % 7);
}

/// One piece of a pattern: a run of one letter, or literal text (letter 0).
struct Piece {
    char letter = 0;
    std::size_t count = 0;
    std::string text;
};

std::optional<std::vector<Piece>> pieces_of(std::string_view pattern) {
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < pattern.size();) {
        char c = pattern[i];
        if (c == '\'') {
            auto end = pattern.find('\'', i + 1);
            if (end == pattern.npos) return std::nullopt;
            auto text = pattern.substr(i + 1, end - i - 1);
            pieces.push_back({0, 0, std::string(text.empty() ? "'" : text)});
            i = end + 1;
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            std::size_t end = i;
            while (end < pattern.size() && pattern[end] == c) ++end;
            pieces.push_back({c, end - i, {}});
            i = end;
        } else {
            pieces.push_back({0, 0, std::string(1, c)});
            ++i;
        }
    }
    return pieces;
}

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
    auto digits = std::to_string(value);
    if (digits.size() < width) out.append(width - digits.size(), '0');
    out += digits;
}

bool append_piece(std::string& out, const Piece& piece, std::int64_t us) {
    auto days = day_of_us(us);
    auto date = civil_of(days);
    auto time = time_of_us(us);
    auto name = [&](std::string_view full) { out += piece.count >= 4 ? full : full.substr(0, 3); };
    switch (piece.letter) {
        case 0:
            out += piece.text;
            return true;
        case 'y':
        case 'u':
            if (piece.count == 2)
                append_padded(out, date.year % 100, 2);
            else
                append_padded(out, date.year, piece.count);
            return true;
        case 'M':
        case 'L':
            if (piece.count >= 3)
                name(month_names[std::size_t(date.month - 1)]);
            else
                append_padded(out, date.month, piece.count);
            return true;
        case 'd':
            append_padded(out, date.day, piece.count);
            return true;
        case 'D':
            append_padded(out, days - days_of(date.year, 1, 1) + 1, piece.count);
            return true;
        case 'Q':
        case 'q':
            append_padded(out, (date.month + 2) / 3, piece.count);
            return true;
        case 'E':
            name(day_names[weekday(days)]);
            return true;
        case 'H':
            append_padded(out, time.hour, piece.count);
            return true;
        case 'h':
            append_padded(out, (time.hour + 11) % 12 + 1, piece.count);
            return true;
        case 'm':
            append_padded(out, time.minute, piece.count);
            return true;
        case 's':
            append_padded(out, time.second, piece.count);
            return true;
        case 'S': {
            auto digits = fmt::format("{:06}", time.us);
            digits.resize(piece.count, '0');
            out += digits;
            return true;
        }
        case 'a':
            out += time.hour < 12 ? "AM" : "PM";
            return true;
        case 'z':
        case 'V':
            out += "UTC";
            return true;
        case 'X':
            out += 'Z';
            return true;
        case 'x':
        case 'Z':
            out += piece.count == 3 ? "+00:00" : "+0000";
            return true;
    }
    return false;
}

struct Parsed {
    std::int64_t year = 1970;
    int month = 1, day = 1, hour = 0, minute = 0, second = 0;
    std::int64_t us = 0, zone = 0;
    int half = -1;
};

bool scan_month_name(Scanner& in, Parsed& out, bool full) {
    for (std::size_t i = 0; i < month_names.size(); ++i) {
        auto name = full ? month_names[i] : month_names[i].substr(0, 3);
        if (!equals_ignoring_case(in.text.substr(in.next, name.size()), name)) continue;
        in.next += name.size();
        out.month = int(i) + 1;
        return true;
    }
    return false;
}

bool scan_piece(Scanner& in, const Piece& piece, Parsed& out) {
    auto read = [&](int& to, int low, int high) {
        auto value = in.number(int(piece.count), 2);
        if (!value || *value < low || *value > high) return false;
        to = *value;
        return true;
    };
    switch (piece.letter) {
        case 0:
            if (!in.text.substr(in.next).starts_with(piece.text)) return false;
            in.next += piece.text.size();
            return true;
        case 'y':
        case 'u': {
            auto year = piece.count == 2 ? in.number(2, 2) : in.number(int(piece.count), 6);
            if (!year) return false;
            out.year = piece.count == 2 ? 2000 + *year : *year;
            return true;
        }
        case 'M':
        case 'L':
            if (piece.count >= 3) return scan_month_name(in, out, piece.count >= 4);
            return read(out.month, 1, 12);
        case 'd':
            return read(out.day, 1, 31);
        case 'H':
            return read(out.hour, 0, 23);
        case 'h':
            return read(out.hour, 1, 12);
        case 'm':
            return read(out.minute, 0, 59);
        case 's':
            return read(out.second, 0, 59);
        case 'S': {
            std::int64_t scale = 100'000;
            for (std::size_t i = 0; i < piece.count; ++i) {
                if (!is_digit(in.peek())) return false;
                out.us += (in.text[in.next++] - '0') * scale;
                scale /= 10;
            }
            return true;
        }
        case 'a':
            if (equals_ignoring_case(in.text.substr(in.next, 2), "am"))
                out.half = 0;
            else if (equals_ignoring_case(in.text.substr(in.next, 2), "pm"))
                out.half = 12;
            else
                return false;
            in.next += 2;
            return true;
        case 'X':
        case 'x':
        case 'Z':
        case 'z':
        case 'V': {
            auto zone = scan_zone(in);
            if (!zone) return false;
            in.next = in.text.size();
            out.zone = *zone;
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<std::int64_t> parse_date(std::string_view text) {
    Scanner in{trimmed(text)};
    auto days = scan_date(in);
    if (!days) return std::nullopt;
    if (!in.done() && in.peek() != 'T' && in.peek() != ' ') return std::nullopt;
    return days;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
    Scanner in{trimmed(text)};
    auto days = scan_date(in);
    if (!days || *days > 100'000'000 || *days < -100'000'000) return std::nullopt;
    if (in.done()) return *days * us_per_day;
    if (!in.accept('T') && !in.accept(' ')) return std::nullopt;
    auto time = scan_time(in);
    if (!time) return std::nullopt;
    auto zone = scan_zone(in);
    if (!zone) return std::nullopt;
    return *days * us_per_day + *time - *zone;
}

std::string check_pattern(std::string_view pattern) {
    auto pieces = pieces_of(pattern);
    if (!pieces) return "a quote in the pattern is never closed";
    for (const auto& piece : *pieces) {
        std::string out;
        if (piece.count > 9) return fmt::format("too many {} in the pattern", piece.letter);
        if (!append_piece(out, piece, 0))
            return fmt::format("pattern letter {} is not offered; known are y M d D Q E H h m s S a X Z",
                               piece.letter);
    }
    return {};
}

std::optional<std::string> format_datetime(std::int64_t us, std::string_view pattern) {
    auto pieces = pieces_of(pattern);
    if (!pieces) return std::nullopt;
    std::string out;
    for (const auto& piece : *pieces)
        if (piece.count > 9 || !append_piece(out, piece, us)) return std::nullopt;
    return out;
}

std::optional<std::int64_t> parse_datetime(std::string_view text, std::string_view pattern) {
    auto pieces = pieces_of(pattern);
    if (!pieces) return std::nullopt;
    Scanner in{text};
    Parsed out;
    for (const auto& piece : *pieces)
        if (!scan_piece(in, piece, out)) return std::nullopt;
    if (!in.done() || out.day > days_in_month(out.year, out.month)) return std::nullopt;
    if (out.half >= 0) out.hour = out.hour % 12 + out.half;
    auto days = days_of(out.year, out.month, out.day);
    return days * us_per_day + ((std::int64_t(out.hour) * 60 + out.minute) * 60 + out.second) * 1'000'000 +
           out.us - out.zone;
}

std::optional<std::int64_t> truncate_us(std::int64_t us, std::string_view unit) {
    auto name = lower_case(unit);
    auto days = day_of_us(us);
    auto date = civil_of(days);
    auto down_to = [&](std::int64_t size) {
        auto rest = us % size;
        return us - (rest < 0 ? rest + size : rest);
    };
    if (name == "year" || name == "yyyy" || name == "yy") return days_of(date.year, 1, 1) * us_per_day;
    if (name == "quarter") return days_of(date.year, (date.month - 1) / 3 * 3 + 1, 1) * us_per_day;
    if (name == "month" || name == "mon" || name == "mm")
        return days_of(date.year, date.month, 1) * us_per_day;
    if (name == "week") return (days - std::int64_t(weekday(days))) * us_per_day;
    if (name == "day" || name == "dd") return days * us_per_day;
    if (name == "hour") return down_to(3'600'000'000);
    if (name == "minute") return down_to(60'000'000);
    if (name == "second") return down_to(1'000'000);
    if (name == "millisecond") return down_to(1000);
    if (name == "microsecond") return us;
    return std::nullopt;
}

}  // namespace penstock::stream
