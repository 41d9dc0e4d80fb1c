// Days of the proleptic Gregorian calendar, of any year that a date or a timestamp can have: std::chrono's
// years end with 32767.
#pragma once

#include <cstdint>

namespace penstock::store {

struct CivilDate {
    std::int64_t year = 1970;
    unsigned month = 1;  ///< from 1
    unsigned day = 1;    ///< from 1
};

unsigned days_in_month(std::int64_t year, unsigned month);
/// Days since 1970-01-01. The day is one that its month has.
std::int64_t days_of(const CivilDate& date);
CivilDate date_of_days(std::int64_t days);
/// The 31st becomes the month's last day where there is none.
std::int64_t add_months(std::int64_t days, std::int64_t months);

}  // namespace penstock::store
