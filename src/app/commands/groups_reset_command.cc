// penstock groups reset GROUP, with the scenarios of kafka-consumer-groups.sh --reset-offsets.
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/clock.h"
#include "base/units.h"
#include "codec/iso_time.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

struct Options {
    std::string group;
    std::vector<std::string> topics;
    bool to_earliest = false;
    bool to_latest = false;
    bool to_current = false;
    std::optional<std::int64_t> to_offset;
    std::optional<std::int64_t> shift_by;
    std::string to_datetime;
    std::string by_duration;
    bool execute = false;
};

/// "orders" or "orders:0,2".
Result<> write_scope(codec::JsonWriter& json, const std::string& text) {
    auto colon = text.find(':');
    auto topic = text.substr(0, colon);
    if (colon == std::string::npos) {
        json.begin_object().field("topic", topic).end_object();
        return {};
    }
    for (std::size_t at = colon; at != std::string::npos;) {
        auto next = text.find(',', at + 1);
        auto number = parse_int(text.substr(at + 1, next == std::string::npos ? next : next - at - 1));
        if (!number || *number < 0) {
            return fail(Errc::invalid, "--topic {}: expected a topic's name, or with partitions {}:0,1", text,
                        topic);
        }
        json.begin_object().field("topic", topic).field("partition", *number).end_object();
        at = next;
    }
    return {};
}

Result<> write_target(codec::JsonWriter& json, const Options& options) {
    if (options.to_earliest) json.field("to", "earliest");
    if (options.to_latest) json.field("to", "latest");
    if (options.to_current) json.field("to", "current");
    if (options.to_offset) json.field("offset", *options.to_offset);
    if (options.shift_by) json.field("shift", *options.shift_by);
    if (!options.to_datetime.empty()) {
        auto us = codec::parse_iso_timestamp(options.to_datetime);
        if (!us || *us < 0) {
            return fail(Errc::invalid, "--to-datetime {}: expected a time as 2026-01-31T23:59:59[.123][Z]",
                        options.to_datetime);
        }
        json.field("timestamp", *us / 1000);
    }
    if (!options.by_duration.empty()) {
        auto us = TRY(parse_duration_us(options.by_duration));
        json.field("timestamp", std::max<std::int64_t>(system_clock().now_ms() - us / 1000, 0));
    }
    return {};
}

void print(const JsonValue& answer) {
    TextTable table({{"TOPIC"},
                     {"PARTITION", Align::right},
                     {"COMMITTED", Align::right},
                     {"NEW", Align::right},
                     {"END", Align::right},
                     {"AGAIN", Align::right},
                     {"SKIPPED", Align::right}});
    std::int64_t again = 0;
    std::int64_t skipped = 0;
    for (auto each : answer["partitions"].items()) {
        again += each["again"].integer();
        skipped += each["skipped"].integer();
        table.add({each["topic"].text(), format_count(each["partition"].integer()),
                   each["committed"].there() ? format_count(each["committed"].integer()) : "-",
                   format_count(each["offset"].integer()), format_count(each["end_offset"].integer()),
                   format_count(each["again"].integer()), format_count(each["skipped"].integer())});
    }
    table.print();
    bool done = answer["executed"].flag();
    fmt::print("\n{} {} read again, {} {}\n", counted(again, "record"), done ? "will be" : "would be",
               format_count(skipped), done ? "skipped" : "skipped; nothing has changed: --execute does it");
}

Result<> reset(ApiClient& api, const CommandContext& context, const Options& options) {
    codec::JsonWriter body;
    body.begin_object().field("execute", options.execute);
    TRY(write_target(body, options));
    if (!options.topics.empty()) {
        body.key("topics").begin_array();
        for (const auto& topic : options.topics) TRY(write_scope(body, topic));
        body.end_array();
    }
    auto answer = TRY(api.post(fmt::format("/api/v1/groups/{}/offsets", percent_encoded(options.group)),
                               body.end_object().take()));
    if (context.json())
        fmt::print("{}\n", answer.root().json());
    else
        print(answer.root());
    return {};
}

}  // namespace

void add_groups_reset_command(CLI::App& groups, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command =
        groups.add_subcommand("reset", "Let a group without members go on from elsewhere; first shows what");
    command->add_option("group", options->group, "Its name; it need not be there yet")->required();
    command
        ->add_option(
            "-t,--topic", options->topics,
            "A topic, or partitions of it: orders:0,2. Without: every topic in which the group has committed")
        ->allow_extra_args(false);
    auto* to = command->add_option_group("Where to");
    to->add_flag("--to-earliest", options->to_earliest, "The first records that are there");
    to->add_flag("--to-latest", options->to_latest, "What comes from now on");
    to->add_flag("--to-current", options->to_current, "As it is; the end where nothing is committed");
    to->add_option("--to-offset", options->to_offset, "An offset")->check(CLI::NonNegativeNumber);
    to->add_option("--shift-by", options->shift_by, "Records forward, or back: -100");
    to->add_option("--to-datetime", options->to_datetime,
                   "Records of that time and newer: 2026-01-31T08:00:00Z");
    to->add_option("--by-duration", options->by_duration, "Records of that long ago and newer: 10m, 2h, 1d")
        ->check([](const std::string& text) {
            auto parsed = parse_duration_us(text);
            return parsed ? std::string() : parsed.error().text;
        });
    to->require_option(1);
    command->add_flag("--execute", options->execute, "Do it");
    command->footer(
        "Offsets before a partition's start become that, and those behind its end the end.\n\n"
        "Examples:\n  penstock groups reset billing --to-earliest\n"
        "  penstock groups reset billing --topic orders:0,2 --by-duration 2h --execute");
    add_common_options(*command, context);
    command->callback(
        [options, &context] { context.run([&](ApiClient& api) { return reset(api, context, *options); }); });
}

}  // namespace penstock::app
