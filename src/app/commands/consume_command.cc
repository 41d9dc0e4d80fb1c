// penstock consume: records of a topic, the last ones first of all, as tail does.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/record_format.h"
#include "app/commands/text_table.h"
#include "base/clock.h"
#include "base/units.h"
#include "codec/base64.h"
#include "codec/iso_time.h"

namespace penstock::app {
namespace {

constexpr std::int64_t page_records = 5000;
constexpr auto follow_pause = std::chrono::milliseconds(250);

struct Options {
    std::string topic;
    std::optional<std::int64_t> partition;
    std::string offset = "-10";
    std::int64_t since_ms = -1;
    std::string since;
    std::int64_t count = 0;  ///< 0: no limit
    bool follow = false;
    bool decode = false;
    std::string format = "value";
};

struct Cursor {
    std::int64_t partition = 0;
    std::int64_t start = 0;  ///< of the partition
    std::int64_t next = 0;
    std::int64_t end = 0;  ///< of the partition, when last asked
};

/// The bytes of a key or value.
std::string bytes_of(const JsonValue& record, std::string_view field) {
    auto text = record[field].text();
    if (record[fmt::format("{}_encoding", field)].text() != "base64") return text;
    return codec::decode_base64(text).value_or("");
}

std::string shown(const JsonValue& record, std::string_view field) {
    if (!record[field].there()) return "null";
    if (record[fmt::format("{}_encoding", field)].text() == "base64") return "base64:" + record[field].text();
    return on_one_line(record[field].text());
}

/// Whether it is a format of directives, and no name of one.
bool is_kcats(std::string_view format) {
    return format.contains('%');
}

ShownRecord shown_record(const JsonValue& record, std::string_view topic) {
    auto bytes = [&](std::string_view field) {
        return record[field].there() ? std::optional(bytes_of(record, field)) : std::nullopt;
    };
    ShownRecord out{.topic = topic,
                    .partition = record["partition"].integer(),
                    .offset = record["offset"].integer(),
                    .timestamp_ms = codec::parse_iso_timestamp(record["timestamp"].text()).value_or(0) / 1000,
                    .key = bytes("key"),
                    .value = bytes("value"),
                    .headers = {}};
    for (const auto& [name, value] : record["headers"].fields()) out.headers.emplace_back(name, value.text());
    return out;
}

class Consumer {
public:
    Consumer(ApiClient& api, const CommandContext& context, const Options& options)
        : api_(api),
          context_(context),
          options_(options),
          format_(is_kcats(options.format) ? RecordFormat::parse(options.format) : RecordFormat()),
          path_("/api/v1/topics/" + percent_encoded(options.topic)) {}

    Result<> run() {
        TRY(find_partitions());
        if (options_.since_ms < 0 && options_.offset.starts_with('-')) {
            TRY(show_last());
        } else {
            TRY(find_start());
        }
        while (!done()) {
            TRY(show_to_end());
            if (!options_.follow || done()) break;
            std::fflush(stdout);
            std::this_thread::sleep_for(follow_pause);
            TRY(find_ends());
        }
        if (std::ferror(stdout)) return fail(Errc::io, "cannot write: {}", std::strerror(errno));
        return {};
    }

private:
    bool done() const { return options_.count > 0 && printed_ >= options_.count; }

    Result<> find_partitions() {
        auto topic = TRY(api_.get(path_));
        auto partitions = topic.root()["partitions"].items();
        for (auto partition : partitions) {
            Cursor cursor{.partition = partition["partition"].integer(),
                          .start = partition["start_offset"].integer(),
                          .next = partition["start_offset"].integer(),
                          .end = partition["end_offset"].integer()};
            if (!options_.partition || cursor.partition == *options_.partition) cursors_.push_back(cursor);
        }
        if (cursors_.empty()) {
            return fail(Errc::not_found, "topic {} has no partition {}; it has 0 to {}", options_.topic,
                        options_.partition.value_or(0), std::int64_t(partitions.size()) - 1);
        }
        return {};
    }

    Result<> find_ends() {
        auto topic = TRY(api_.get(path_));
        for (auto partition : topic.root()["partitions"].items())
            for (auto& cursor : cursors_)
                if (cursor.partition == partition["partition"].integer())
                    cursor.end = partition["end_offset"].integer();
        return {};
    }

    Result<JsonDocument> read(const Cursor& cursor, const std::string& from, std::int64_t limit) {
        return api_.get(fmt::format("{}/records?partition={}&{}&limit={}&decode={}", path_, cursor.partition,
                                    from, limit, options_.decode));
    }

    Result<> find_start() {
        if (options_.since_ms >= 0) {
            for (auto& cursor : cursors_) {
                auto first = TRY(read(cursor, fmt::format("timestamp={}", options_.since_ms), 1));
                auto found = first.root().items();
                cursor.next = found.empty() ? cursor.end : found[0]["offset"].integer();
            }
            return {};
        }
        for (auto& cursor : cursors_) {
            if (options_.offset == "latest") cursor.next = cursor.end;
            if (options_.offset == "latest" || options_.offset == "earliest") continue;
            auto number = TRY(parse_int(options_.offset));
            if (cursors_.size() > 1) {
                return fail(Errc::invalid,
                            "offset {} belongs to one partition, and topic {} has "
                            "{}: say which with --partition",
                            number, options_.topic, cursors_.size());
            }
            if (number < cursor.start || number > cursor.end) {
                return fail(Errc::out_of_range, "offset {} is not there; partition {} has {} to {}", number,
                            cursor.partition, cursor.start, cursor.end);
            }
            cursor.next = number;
        }
        return {};
    }

    /// The last records of all partitions together, in the order of their times.
    Result<> show_last() {
        auto wanted = -TRY(parse_int(options_.offset));
        std::vector<JsonDocument> pages;
        std::vector<JsonValue> records;
        for (auto& cursor : cursors_) {
            auto at = std::max(cursor.start, cursor.end - wanted);
            while (at < cursor.end) {
                auto limit = std::min(page_records, cursor.end - at);
                pages.push_back(TRY(read(cursor, fmt::format("offset={}", at), limit)));
                auto found = pages.back().root().items();
                if (found.empty()) break;
                for (const auto& record : found)
                    if (record["offset"].integer() < cursor.end) records.push_back(record);
                at = found.back()["offset"].integer() + 1;
            }
            cursor.next = cursor.end;
        }
        auto order = [](const JsonValue& record) {
            return std::tuple(record["timestamp"].text(), record["partition"].integer(),
                              record["offset"].integer());
        };
        std::sort(records.begin(), records.end(),
                  [&](const auto& a, const auto& b) { return order(a) < order(b); });
        auto skip = std::max<std::int64_t>(std::int64_t(records.size()) - wanted, 0);
        for (auto i = std::size_t(skip); i < records.size() && !done(); ++i) print(records[i]);
        return {};
    }

    /// A page of each partition in turn, until all are at the end that they had.
    Result<> show_to_end() {
        for (bool more = true; more && !done();) {
            more = false;
            for (auto& cursor : cursors_) {
                if (cursor.next >= cursor.end || done()) continue;
                auto page = read(cursor, fmt::format("offset={}", cursor.next), page_records);
                if (!page && page.error().code == Errc::out_of_range) {
                    TRY(skip_removed(cursor));
                    more = true;
                    continue;
                }
                if (!page) return fail(std::move(page).error());
                auto found = page->root().items();
                // Nothing but markers is left there.
                if (found.empty()) cursor.next = cursor.end;
                for (const auto& record : found) {
                    if (done()) break;
                    print(record);
                    cursor.next = record["offset"].integer() + 1;
                }
                more = true;
            }
        }
        return {};
    }

    /// Retention was faster than we are.
    Result<> skip_removed(Cursor& cursor) {
        auto topic = TRY(api_.get(path_));
        for (auto partition : topic.root()["partitions"].items()) {
            if (partition["partition"].integer() != cursor.partition) continue;
            auto start = partition["start_offset"].integer();
            if (start <= cursor.next) {
                return fail(Errc::out_of_range,
                            "partition {} ends before offset {}: was the topic "
                            "deleted and created again?",
                            cursor.partition, cursor.next);
            }
            fmt::print(stderr, "partition {}: {} were removed meanwhile\n", cursor.partition,
                       counted(start - cursor.next, "record"));
            cursor.next = start;
        }
        return {};
    }

    void print(const JsonValue& record) {
        ++printed_;
        if (context_.json()) {
            fmt::print("{}\n", record.json());
        } else if (is_kcats(options_.format)) {
            auto text = format_->text(shown_record(record, options_.topic));
            std::fwrite(text.data(), 1, text.size(), stdout);
        } else if (options_.format == "full") {
            fmt::print("{}:{}\t{}\t{}\t{}", record["partition"].integer(), record["offset"].integer(),
                       record["timestamp"].text(), shown(record, "key"), shown(record, "value"));
            for (const auto& [name, value] : record["headers"].fields())
                fmt::print("\t{}={}", on_one_line(name), on_one_line(value.text()));
            fmt::print("\n");
        } else {
            std::string line;
            if (options_.format == "key-value") line = bytes_of(record, "key") + "\t";
            line += bytes_of(record, "value") + "\n";
            std::fwrite(line.data(), 1, line.size(), stdout);
        }
    }

    ApiClient& api_;
    const CommandContext& context_;
    const Options& options_;
    const Result<RecordFormat> format_;  ///< checked with the arguments
    const std::string path_;
    std::vector<Cursor> cursors_;
    std::int64_t printed_ = 0;
};

std::string check_offset(const std::string& text) {
    auto number = parse_int(text);
    if (text == "earliest" || text == "latest" || (number && *number > -1'000'001)) return {};
    return "expected earliest, latest, an offset, or -N for the last N records";
}

std::string check_format(const std::string& text) {
    if (text == "value" || text == "key-value" || text == "full") return {};
    if (!is_kcats(text)) return "expected value, key-value, full, or a format such as '%o %k %s\\n'";
    auto parsed = RecordFormat::parse(text);
    return parsed ? std::string() : parsed.error().text;
}

}  // namespace

void add_consume_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand("consume", "Show records of a topic: the last 10, as tail does");
    command->add_option("topic", options->topic, "Where from")->required();
    command->add_option("-p,--partition", options->partition, "This one only")->check(CLI::NonNegativeNumber);
    auto* offset = command->add_option("--offset", options->offset,
                                       "earliest, latest, an offset (of one partition), or -N: the last N");
    offset->check(check_offset)->capture_default_str();
    command->add_option("--since", options->since, "Records of that long ago and newer: 10m, 2h, 1d")
        ->check([](const std::string& text) {
            auto parsed = parse_duration_us(text);
            return parsed ? std::string() : parsed.error().text;
        });
    command
        ->add_option("-n,--count", options->count,
                     "End after that many; without an offset the last that many")
        ->check(CLI::PositiveNumber);
    command->add_flag("-f,--follow", options->follow, "Go on with what comes in");
    command->add_flag("--decode", options->decode,
                      "Keys and values of a registered schema (Avro, JSON Schema, Protobuf) as JSON");
    command
        ->add_option(
            "--format", options->format,
            "value, key-value, full (partition, offset, time, key, value, headers), or as kcat's -f: "
            "%t %p %o %T %k %s %h, sizes %K %S")
        ->check(check_format)
        ->capture_default_str();
    command->footer(
        "With --output json each record is one line of JSON, with everything it has.\n\n"
        "Examples:\n  penstock consume users_created\n"
        "  penstock consume users_created --follow --format full\n"
        "  penstock consume users_created --format '%p:%o %k %S\\n'\n"
        "  penstock consume orders_avro --decode\n"
        "  penstock consume users_created --partition 0 --offset 1000 --count 5\n"
        "  penstock consume users_created --offset earliest -o json > all.jsonl");
    add_common_options(*command, context);
    command->callback([options, offset, &context] {
        if (options->count > 0 && offset->count() == 0 && !options->follow)
            options->offset = fmt::format("-{}", options->count);
        if (!options->since.empty()) {
            auto ago_ms = parse_duration_us(options->since).value_or(0) / 1000;
            options->since_ms = std::max<std::int64_t>(system_clock().now_ms() - ago_ms, 0);
        }
        context.run([&](ApiClient& api) { return Consumer(api, context, *options).run(); });
    });
}

}  // namespace penstock::app
