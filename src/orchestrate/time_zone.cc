#include "orchestrate/time_zone.h"

#include <date/tz.h>

#include <chrono>
#include <exception>
#include <string>

namespace penstock::orchestrate {

Result<TimeZone> TimeZone::find(std::string_view name) {
    if (name == "UTC" || name == "Etc/UTC" || name == "Z") return TimeZone(nullptr);
    try {
        TimeZone zone(date::locate_zone(std::string(name)));
        (void)zone.period_at(0);  // reads the zone's file, which nobody expects to fail later
        return zone;
    } catch (const std::exception&) {
        return fail(Errc::invalid,
                    "time zone '{}' is not known; expected UTC or a name such as "
                    "Europe/Berlin",
                    name);
    }
}

TimeZone::Period TimeZone::period_at(std::int64_t utc_s) const {
    if (!zone_) return {};
    auto info = zone_->get_info(date::sys_seconds(std::chrono::seconds(utc_s)));
    return {.end_s = info.end.time_since_epoch().count(), .offset_s = info.offset.count()};
}

std::int64_t TimeZone::first_utc(std::int64_t local_s) const {
    if (!zone_) return local_s;
    auto info = zone_->get_info(date::local_seconds(std::chrono::seconds(local_s)));
    if (info.result == date::local_info::nonexistent) return info.first.end.time_since_epoch().count();
    return local_s - info.first.offset.count();
}

}  // namespace penstock::orchestrate
