#include "orchestrate/interval.h"

namespace penstock::orchestrate {
namespace {

std::optional<std::int64_t> latest_complete_start(const Schedule& schedule, std::int64_t now_us) {
    auto end = latest_fire(schedule, now_us);
    if (!end) return std::nullopt;
    return latest_fire(schedule, *end - 1);
}

std::int64_t first_start(const Schedule& schedule, std::optional<std::int64_t> last_logical_us,
                         std::optional<std::int64_t> start_us, std::int64_t now_us) {
    if (last_logical_us) {
        // After a change of the schedule the last run may lie inside one of its intervals: that one is next.
        auto fire = latest_fire(schedule, *last_logical_us);
        if (fire && *fire != *last_logical_us) return *fire;
        return schedule.next_after(*last_logical_us);
    }
    if (start_us) return schedule.next_after(*start_us - 1);
    auto latest = latest_complete_start(schedule, now_us);
    return latest ? *latest : schedule.next_after(now_us);
}

}  // namespace

std::optional<std::int64_t> latest_fire(const Schedule& schedule, std::int64_t us) {
    constexpr std::int64_t step_us = 60'000'000;
    constexpr std::int64_t years_us = 30LL * 366 * 86400 * 1'000'000;
    for (auto back = step_us; back < years_us; back *= 2) {
        auto fire = schedule.next_after(us - back);
        if (fire > us) continue;
        for (auto next = schedule.next_after(fire); next <= us; next = schedule.next_after(next)) fire = next;
        return fire;
    }
    return std::nullopt;
}

std::optional<Interval> next_interval(const Schedule& schedule, std::optional<std::int64_t> last_logical_us,
                                      bool catchup, std::optional<std::int64_t> start_us,
                                      std::int64_t now_us) {
    auto start = first_start(schedule, last_logical_us, start_us, now_us);
    if (start_us && start < *start_us) start = schedule.next_after(*start_us - 1);
    if (!catchup) {
        auto latest = latest_complete_start(schedule, now_us);
        if (latest && *latest > start) start = *latest;
    }
    if (start == Schedule::never) return std::nullopt;
    auto end = schedule.next_after(start);
    if (end == Schedule::never) return std::nullopt;
    return Interval{.start_us = start, .end_us = end};
}

}  // namespace penstock::orchestrate
