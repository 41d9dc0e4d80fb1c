#include "base/units.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace penstock {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

struct Unit {
    std::string_view name;
    double factor;
};

constexpr std::array duration_units{Unit{"us", 1},      Unit{"ms", 1e3},       Unit{"s", 1e6},
                                    Unit{"min", 60e6},  Unit{"m", 60e6},       Unit{"h", 3600e6},
                                    Unit{"d", 86400e6}, Unit{"w", 7 * 86400e6}};

constexpr double kib = 1024;
constexpr std::array size_units{Unit{"B", 1},
                                Unit{"kB", kib},
                                Unit{"KB", kib},
                                Unit{"KiB", kib},
                                Unit{"MB", kib* kib},
                                Unit{"MiB", kib* kib},
                                Unit{"GB", kib* kib* kib},
                                Unit{"GiB", kib* kib* kib},
                                Unit{"TB", kib* kib* kib* kib},
                                Unit{"TiB", kib* kib* kib* kib}};

/// Takes one number from the front of text.
bool take_number(std::string_view& text, double& number) {
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(number) || number < 0) return false;
    text.remove_prefix(std::size_t(end - text.data()));
    text = trim(text);
    return true;
}

/// Takes the letters at the front of text and returns their factor, or 0.
template <std::size_t N>
double take_unit(std::string_view& text, const std::array<Unit, N>& units) {
    std::size_t length = 0;
    while (length < text.size() && std::isalpha(static_cast<unsigned char>(text[length]))) ++length;
    auto name = text.substr(0, length);
    for (const auto& unit : units) {
        if (unit.name != name) continue;
        text = trim(text.substr(length));
        return unit.factor;
    }
    return 0;
}

constexpr double limit = 9.2e18;

}  // namespace

Result<std::int64_t> parse_duration_us(std::string_view text) {
    auto rest = trim(text);
    double total = 0;
    bool any = false;
    while (!rest.empty()) {
        double number = 0;
        double factor = take_number(rest, number) ? take_unit(rest, duration_units) : 0;
        if (factor == 0) {
            any = false;
            break;
        }
        total += number * factor;
        any = true;
    }
    if (!any || total > limit) {
        return fail(Errc::invalid,
                    "'{}' is not a duration; expected a number and a unit "
                    "(ms, s, m, h, d), for example 30s",
                    text);
    }
    return std::int64_t(std::llround(total));
}

Result<std::int64_t> parse_size_bytes(std::string_view text) {
    auto rest = trim(text);
    double number = 0;
    double factor = 0;
    if (take_number(rest, number)) factor = rest.empty() ? 1 : take_unit(rest, size_units);
    if (factor == 0 || !rest.empty() || number * factor > limit) {
        return fail(Errc::invalid,
                    "'{}' is not a size; expected a number and a unit "
                    "(B, KB, MB, GB), for example 100 MB",
                    text);
    }
    return std::int64_t(std::llround(number * factor));
}

Result<std::int64_t> parse_int(std::string_view text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return fail(Errc::invalid, "'{}' is not a whole number", text);
    return value;
}

Result<double> parse_double(std::string_view text) {
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return fail(Errc::invalid, "'{}' is not a number", text);
    return value;
}

std::string format_duration_us(std::int64_t us) {
    if (us < 1000) return fmt::format("{} us", us);
    if (us < 1'000'000) return fmt::format("{} ms", us / 1000);
    auto seconds = us / 1'000'000;
    if (seconds < 60) return fmt::format("{:.1f} s", double(us) / 1e6);
    if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

std::string format_bytes(std::int64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double value = double(bytes);
    constexpr std::array names{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < names.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, names[unit]);
}

std::string format_count(std::int64_t count) {
    auto digits = std::to_string(count);
    std::size_t first = count < 0 ? 1 : 0;
    for (std::size_t at = digits.size(); at > first + 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string format_time_us(std::int64_t us) {
    using namespace std::chrono;
    auto time = sys_time<microseconds>(microseconds(us));
    auto day = floor<days>(time);
    year_month_day date(day);
    hh_mm_ss clock(floor<milliseconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()), unsigned(date.month()),
                       unsigned(date.day()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count(), clock.subseconds().count());
}

}  // namespace penstock
