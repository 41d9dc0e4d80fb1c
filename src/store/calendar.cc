#include "store/calendar.h"

#include <algorithm>
#include <chrono>

#include "base/floor_divide.h"

namespace penstock::store {
namespace {

// The calendar repeats itself: these years are taken for those around 2000.
constexpr std::int64_t cycle_years = 400;
constexpr std::int64_t cycle_days = 146'097;
constexpr std::int64_t cycles_to_2000 = 5;
constexpr std::int64_t days_to_2000 = 10'957;

}  // namespace

unsigned days_in_month(std::int64_t year, unsigned month) {
    auto in_cycle = int(year - floor_divide(year, cycle_years) * cycle_years);
    return unsigned((std::chrono::year(in_cycle) / std::chrono::month(month) / std::chrono::last).day());
}

std::int64_t days_of(const CivilDate& date) {
    auto cycles = floor_divide(date.year, cycle_years) - cycles_to_2000;
    std::chrono::year_month_day same{std::chrono::year(int(date.year - cycles * cycle_years)),
                                     std::chrono::month(date.month), std::chrono::day(date.day)};
    return std::chrono::sys_days(same).time_since_epoch().count() + cycles * cycle_days;
}

CivilDate date_of_days(std::int64_t days) {
    auto cycles = floor_divide(days - days_to_2000, cycle_days);
    std::chrono::year_month_day same{std::chrono::sys_days(std::chrono::days(days - cycles * cycle_days))};
    return {int(same.year()) + cycles * cycle_years, unsigned(same.month()), unsigned(same.day())};
}

std::int64_t add_months(std::int64_t days, std::int64_t months) {
    auto date = date_of_days(days);
    auto month = date.year * 12 + date.month - 1 + months;
    date.year = floor_divide(month, 12);
    date.month = unsigned(month - date.year * 12) + 1;
    date.day = std::min(date.day, days_in_month(date.year, date.month));
    return days_of(date);
}

}  // namespace penstock::store
