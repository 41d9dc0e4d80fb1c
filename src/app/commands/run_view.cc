#include "app/commands/run_view.h"

#include <chrono>

#include "app/commands/text_table.h"
#include "base/clock.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

/// Microseconds of "2026-01-31T12:00:00.123Z"; nothing when it is none.
std::optional<std::int64_t> parse_time(std::string_view text) {
    if (text.size() < 20 || text[10] != 'T' || text.back() != 'Z') return std::nullopt;
    auto part = [&](std::size_t at, std::size_t length) {
        return parse_int(text.substr(at, length)).value_or(-1);
    };
    std::chrono::year_month_day day(std::chrono::year(int(part(0, 4))),
                                    std::chrono::month(unsigned(part(5, 2))),
                                    std::chrono::day(unsigned(part(8, 2))));
    if (!day.ok()) return std::nullopt;
    auto seconds = std::chrono::sys_days(day).time_since_epoch().count() * 86400LL + part(11, 2) * 3600 +
                   part(14, 2) * 60 + part(17, 2);
    auto millis = text.size() >= 24 && text[19] == '.' ? part(20, 3) : 0;
    return (seconds * 1000 + millis) * 1000;
}

}  // namespace

std::string duration_of(const JsonValue& what) {
    auto started = parse_time(what["started"].text());
    if (!started) return "-";
    auto ended = parse_time(what["ended"].text()).value_or(system_clock().now_us());
    return format_duration_us(std::max<std::int64_t>(ended - *started, 0));
}

std::string tasks_summary(const JsonValue& run) {
    auto tasks = run["tasks"].items();
    std::int64_t done = 0;
    std::string wrong;
    for (const auto& task : tasks) {
        auto state = task["state"].text();
        done += state == "success" ? 1 : 0;
        if (state == "failed" || state == "up_for_retry")
            wrong += fmt::format("; {} {}", task["task"].text(), state);
    }
    return fmt::format("{} of {}{}", done, tasks.size(), wrong);
}

std::string counts_text(const JsonValue& counts) {
    std::string text;
    for (const auto& [name, value] : counts.fields()) {
        auto number = value.is_number() ? format_count(value.integer()) : value.text();
        text += (text.empty() ? "" : ", ") + fmt::format("{} {}", name, number);
    }
    return text;
}

bool has_ended(const JsonValue& run) {
    auto state = run["state"].text();
    return state == "success" || state == "failed";
}

void print_run(const JsonValue& run) {
    fmt::print("dag      {}\nrun      {}\nstate    {}\nlogical  {}\nstarted  {}\ntook     {}\n",
               run["dag"].text(), run["run_id"].text(), run["state"].text(),
               short_time(run["logical"].text()), short_time(run["started"].text()), duration_of(run));
    auto conf = run["conf"].json();
    if (run["conf"].there() && conf != "{}") fmt::print("conf     {}\n", conf);
    fmt::print("\n");
    TextTable table({{"TASK"},
                     {"STATE"},
                     {"TRY", Align::right},
                     {"STARTED"},
                     {"TOOK", Align::right},
                     {"COUNTS"},
                     {"NOTE"}});
    for (auto task : run["tasks"].items()) {
        table.add({task["task"].text(), task["state"].text(), task["try_number"].text(),
                   short_time(task["started"].text()), duration_of(task), counts_text(task["counts"]),
                   task["note"].text()});
    }
    table.print();
}

}  // namespace penstock::app
