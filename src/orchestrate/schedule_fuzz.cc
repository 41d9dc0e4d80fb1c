// parse_schedule() on any text: no crash, and the times it gives always grow.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "orchestrate/interval.h"
#include "orchestrate/scheduler.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::orchestrate;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    // The part after a line break is the time zone.
    auto split = text.find('\n');
    auto zone = split == std::string_view::npos ? "UTC" : text.substr(split + 1);
    auto schedule = parse_schedule(text.substr(0, split), zone);
    if (!schedule) {
        CHECK(!schedule.error().text.empty());
        return 0;
    }
    for (std::int64_t start : {std::int64_t(INT64_MIN), std::int64_t(0), std::int64_t(1'774'745'999'000'000),
                               std::int64_t(INT64_MAX)}) {
        auto at = start;
        for (int i = 0; i < 4 && at != Schedule::never; ++i) {
            auto next = (*schedule)->next_after(at);
            CHECK(next > at || next == Schedule::never);
            at = next;
        }
    }
    std::int64_t now = 1'774'745'999'000'000;
    if (auto interval = next_interval(**schedule, std::nullopt, false, std::nullopt, now))
        CHECK(interval->end_us > interval->start_us);
    return 0;
}
