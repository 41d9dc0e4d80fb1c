// parse_schedule(): cron in a time zone, presets, and "every 10m".
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "base/floor_divide.h"
#include "base/units.h"
#include "orchestrate/cron.h"
#include "orchestrate/scheduler.h"
#include "orchestrate/time_zone.h"

namespace penstock::orchestrate {
namespace {

constexpr std::int64_t second_us = 1'000'000;
// The years 1 and 9999: beyond them calendars mean nothing.
constexpr std::int64_t earliest_s = -62'135'596'800;
constexpr std::int64_t latest_s = 253'402'300'799;

class CronSchedule final : public Schedule {
public:
    CronSchedule(Cron cron, TimeZone zone) : cron_(cron), zone_(zone) {}

    std::int64_t next_after(std::int64_t us) const override {
        auto after_s = std::max(floor_divide(us, second_us), earliest_s);
        if (after_s >= latest_s) return never;
        auto next_s = cron_.every_hour() ? next_elapsed(after_s) : next_by_the_clock(after_s);
        return next_s && *next_s <= latest_s ? *next_s * second_us : never;
    }

private:
    std::optional<std::int64_t> next_elapsed(std::int64_t after_s) const {
        // A period ends at most when the clock changes, twice a year; nine years hold less than this many.
        auto from_s = after_s + 1;
        for (int periods = 0; periods < 100; ++periods) {
            auto period = zone_.period_at(from_s);
            auto local_s = cron_.next_at_or_after(from_s + period.offset_s);
            if (!local_s) return std::nullopt;
            if (*local_s - period.offset_s < period.end_s) return *local_s - period.offset_s;
            from_s = period.end_s;
        }
        return std::nullopt;
    }

    std::optional<std::int64_t> next_by_the_clock(std::int64_t after_s) const {
        // From the last second that is past, as the gap may begin right after it.
        auto local_s = after_s + zone_.period_at(after_s).offset_s;
        for (;;) {
            auto match_s = cron_.next_at_or_after(local_s);
            if (!match_s) return std::nullopt;
            // In the second pass of a repeated hour the first ones found lie in the first pass.
            auto utc_s = zone_.first_utc(*match_s);
            if (utc_s > after_s) return utc_s;
            local_s = *match_s + 1;
        }
    }

    Cron cron_;
    TimeZone zone_;
};

class EverySchedule final : public Schedule {
public:
    explicit EverySchedule(std::int64_t every_us) : every_us_(every_us) {}
    std::int64_t next_after(std::int64_t us) const override {
        us = std::max(us, earliest_s * second_us);
        if (us >= latest_s * second_us - every_us_) return never;
        return (floor_divide(us, every_us_) + 1) * every_us_;
    }

private:
    std::int64_t every_us_;
};

class SpecialSchedule final : public Schedule {
public:
    explicit SpecialSchedule(Kind kind) : kind_(kind) {}
    std::int64_t next_after(std::int64_t) const override { return never; }
    Kind kind() const override { return kind_; }

private:
    Kind kind_;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> presets{{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@quarterly", "0 0 1 */3 *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

Result<std::string_view> cron_of_preset(std::string_view name) {
    for (const auto& [preset, cron] : presets)
        if (preset == name) return cron;
    return fail(Errc::invalid,
                "'{}' is not a schedule; expected @hourly, @daily, @weekly, "
                "@monthly, @quarterly, @yearly, @once or @continuous",
                name);
}

Result<std::unique_ptr<Schedule>> parse_every(std::string_view text) {
    auto duration = parse_duration_us(text);
    if (!duration) {
        return fail(Errc::invalid,
                    "'every{}': expected every and a duration, for example "
                    "every 10m",
                    text);
    }
    constexpr std::int64_t most_us = 3660LL * 86400 * second_us;
    if (*duration < second_us || *duration > most_us)
        return fail(Errc::invalid, "'every{}' is out of range; expected 1s to 10 years", text);
    return std::make_unique<EverySchedule>(*duration);
}

}  // namespace

Result<std::unique_ptr<Schedule>> parse_schedule(std::string_view text, std::string_view timezone) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    auto zone = TRY(TimeZone::find(timezone));
    if (text.empty()) {
        return fail(Errc::invalid,
                    "the schedule is empty; expected cron (30 6 * * *), a preset "
                    "(@daily) or an interval (every 10m)");
    }
    if (text.size() > 1000) return fail(Errc::invalid, "the schedule is longer than 1000 letters");
    if (text == "@once") return std::make_unique<SpecialSchedule>(Schedule::Kind::once);
    if (text == "@continuous") return std::make_unique<SpecialSchedule>(Schedule::Kind::continuous);
    if (text.starts_with("every") && !text.substr(5).empty() &&
        (text[5] == ' ' || std::isdigit(static_cast<unsigned char>(text[5]))))
        return parse_every(text.substr(5));
    if (text.front() == '@') text = TRY(cron_of_preset(text));
    auto cron = TRY(Cron::parse(text));
    return std::make_unique<CronSchedule>(cron, zone);
}

}  // namespace penstock::orchestrate
