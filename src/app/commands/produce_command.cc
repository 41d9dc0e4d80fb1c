// penstock produce: each line of stdin is a record.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <span>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/clock.h"
#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

constexpr std::size_t batch_records_max = 1000;
constexpr std::size_t batch_bytes_max = 1024 * 1024;
constexpr std::size_t line_bytes_max = 16 * 1024 * 1024;

struct Options {
    std::string topic;
    std::string key_delimiter;
    std::vector<std::string> headers;
    std::optional<std::int32_t> partition;
    std::string value_schema;  ///< an id, or latest
    std::string key_schema;
    bool empty_is_null = false;
    bool quiet = false;
};

/// Lines of a file as they come: what is there is sent, and only then more is waited for.
class LineReader {
public:
    explicit LineReader(int descriptor) : descriptor_(descriptor) {}

    /// The next lines, about a batch of them; none at the end.
    Result<std::vector<std::string>> next() {
        std::vector<std::string> lines;
        std::size_t bytes = 0;
        for (;;) {
            for (auto end = buffer_.find('\n', at_); end != std::string::npos;
                 end = buffer_.find('\n', at_)) {
                auto length = end - at_;
                if (length > 0 && buffer_[end - 1] == '\r') --length;
                lines.push_back(buffer_.substr(at_, length));
                bytes += length;
                at_ = end + 1;
                if (lines.size() >= batch_records_max || bytes >= batch_bytes_max) return lines;
            }
            buffer_.erase(0, at_);
            at_ = 0;
            if (ended_ && !buffer_.empty()) lines.push_back(std::exchange(buffer_, {}));
            if (ended_ || (!lines.empty() && !more_is_there())) return lines;
            if (buffer_.size() > line_bytes_max) {
                return fail(Errc::invalid, "a line is longer than {}", format_bytes(line_bytes_max));
            }
            TRY(read_more());
        }
    }

private:
    bool more_is_there() const {
        pollfd wait{descriptor_, POLLIN, 0};
        return ::poll(&wait, 1, 0) > 0;
    }
    Result<> read_more() {
        std::array<char, 64 * 1024> part;
        for (;;) {
            auto got = ::read(descriptor_, part.data(), part.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail(Errc::io, "cannot read stdin: {}", std::strerror(errno));
            if (got == 0) ended_ = true;
            buffer_.append(part.data(), std::size_t(got));
            return {};
        }
    }

    int descriptor_;
    std::string buffer_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

class Producer {
public:
    Producer(ApiClient& api, const Options& options)
        : api_(api),
          options_(options),
          path_("/api/v1/topics/" + percent_encoded(options.topic) + "/records") {}

    /// Asks which schemas are meant.
    Result<> find_schemas() {
        value_schema_ = TRY(schema_id("--schema", options_.value_schema, "value"));
        key_schema_ = TRY(schema_id("--key-schema", options_.key_schema, "key"));
        return {};
    }

    /// Sends the lines; those before a bad one are sent.
    Result<> send(const std::vector<std::string>& lines) {
        std::vector<std::string> records;
        Result<> fine;
        for (const auto& line : lines) {
            auto record = record_of(line, acknowledged_ + std::int64_t(records.size()) + 1);
            if (record) {
                records.push_back(std::move(*record));
                continue;
            }
            fine = fail(std::move(record.error()));
            break;
        }
        if (!records.empty()) TRY(post(records));
        return fine;
    }
    std::int64_t acknowledged() const { return acknowledged_; }
    const std::map<std::int64_t, std::int64_t>& next_offsets() const { return next_offsets_; }

private:
    Result<std::optional<std::int64_t>> schema_id(std::string_view option, const std::string& given,
                                                  std::string_view part) {
        if (given.empty()) return std::nullopt;
        if (given != "latest") return TRY(parse_int(given));
        auto subject = fmt::format("{}-{}", options_.topic, part);
        auto schema = api_.get(fmt::format("/api/v1/schemas/{}/latest", percent_encoded(subject)));
        if (!schema) return fail(fmt::format("{} latest", option), std::move(schema.error()));
        return schema->root()["id"].integer();
    }

    Result<std::string> record_of(std::string_view line, std::int64_t number) const {
        std::optional<std::string_view> key;
        if (!options_.key_delimiter.empty()) {
            auto at = line.find(options_.key_delimiter);
            if (at == std::string_view::npos) {
                return fail(Errc::invalid, "line {}: there is no '{}' in it, and so no key",
                            format_count(number), options_.key_delimiter);
            }
            key = line.substr(0, at);
            line.remove_prefix(at + options_.key_delimiter.size());
        }
        auto is_null = [&](std::string_view bytes) { return options_.empty_is_null && bytes.empty(); };
        codec::JsonWriter body;
        body.begin_object();
        if (!is_null(line)) body.field("value", line);
        if (value_schema_) body.field("value_schema_id", *value_schema_);
        if (key && !is_null(*key)) body.field("key", *key);
        if (key_schema_) body.field("key_schema_id", *key_schema_);
        if (options_.partition) body.field("partition", *options_.partition);
        if (!options_.headers.empty()) {
            body.key("headers").begin_object();
            for (const auto& header : options_.headers) {
                auto equals = header.find('=');
                body.field(header.substr(0, equals), header.substr(equals + 1));
            }
            body.end_object();
        }
        return body.end_object().take();
    }

    Result<> post(std::span<const std::string> records) {
        auto answer = api_.post(path_, fmt::format(R"({{"records":[{}]}})", fmt::join(records, ",")));
        bool may_not_fit = value_schema_ || key_schema_;
        if (!answer && answer.error().code == Errc::invalid && may_not_fit) {
            if (records.size() == 1) return stopped(misfit(std::move(answer.error())));
            // Nothing of it was appended. One by one tells which it is.
            for (const auto& record : records) TRY(post({&record, 1}));
            return {};
        }
        if (!answer) return stopped(std::move(answer.error()));
        acknowledged_ += answer->root()["acknowledged"].integer();
        for (auto offset : answer->root()["offsets"].items()) {
            auto& next = next_offsets_[offset["partition"].integer()];
            next = std::max(next, offset["offset"].integer() + 1);
        }
        return {};
    }

    Error misfit(Error error) const {
        constexpr std::string_view only_one = "records[0].";
        if (error.text.starts_with(only_one)) error.text.erase(0, only_one.size());
        error.text = fmt::format("line {}: {}", format_count(acknowledged_ + 1), error.text);
        return error;
    }
    std::unexpected<Error> stopped(Error why) const {
        if (acknowledged_ == 0) return fail(std::move(why));
        return fail(fmt::format("after {} acknowledged", counted(acknowledged_, "record")), std::move(why));
    }

    ApiClient& api_;
    const Options& options_;
    const std::string path_;
    std::optional<std::int64_t> value_schema_;
    std::optional<std::int64_t> key_schema_;
    std::int64_t acknowledged_ = 0;  ///< so many lines
    std::map<std::int64_t, std::int64_t> next_offsets_;
};

void print_summary(const CommandContext& context, const Producer& producer, std::int64_t took_us) {
    if (!context.json()) {
        fmt::print("{} acknowledged in {}\n", counted(producer.acknowledged(), "record"),
                   format_duration_us(took_us));
        return;
    }
    codec::JsonWriter json;
    json.begin_object().field("acknowledged", producer.acknowledged());
    json.key("next_offsets").begin_array();
    for (auto [partition, offset] : producer.next_offsets())
        json.begin_object().field("partition", partition).field("offset", offset).end_object();
    fmt::print("{}\n", json.end_array().end_object().take());
}

Result<> produce(ApiClient& api, const CommandContext& context, const Options& options) {
    // A name that is wrong shows before anything is typed.
    TRY(api.get("/api/v1/topics/" + percent_encoded(options.topic)));
    LineReader reader(::fileno(context.input));
    Producer producer(api, options);
    TRY(producer.find_schemas());
    bool progress = ::isatty(STDERR_FILENO) != 0 && ::isatty(::fileno(context.input)) == 0;
    auto start_us = system_clock().monotonic_us();
    auto shown_us = start_us;
    for (;;) {
        auto lines = TRY(reader.next());
        if (lines.empty()) break;
        TRY(producer.send(lines));
        auto now_us = system_clock().monotonic_us();
        if (!progress || now_us - shown_us < 1'000'000) continue;
        shown_us = now_us;
        fmt::print(stderr, "\r{} acknowledged", counted(producer.acknowledged(), "record"));
    }
    if (shown_us != start_us) fmt::print(stderr, "\r\x1b[K");
    if (!options.quiet) print_summary(context, producer, system_clock().monotonic_us() - start_us);
    return {};
}

}  // namespace

void add_produce_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand("produce", "Append each line of stdin to a topic");
    command->add_option("topic", options->topic, "Where to")->required();
    command->add_option("-k,--key-delimiter", options->key_delimiter,
                        "What stands between key and value in a line; without it there are no keys");
    command->add_option("-H,--header", options->headers, "A header of every record, name=value")
        ->allow_extra_args(false)
        ->check([](const std::string& text) {
            return text.find('=') == std::string::npos ? "expected name=value" : std::string();
        });
    command->add_option("-p,--partition", options->partition, "Where to, whatever the key says")
        ->check(CLI::NonNegativeNumber);
    auto check_schema = [](const std::string& text) {
        auto id = parse_int(text);
        return text == "latest" || (id && *id > 0) ? std::string() : "expected latest, or the id of a schema";
    };
    command
        ->add_option("--schema", options->value_schema,
                     "Lines are JSON, written as this schema says (Avro, Protobuf, JSON Schema): its id, or "
                     "latest for what is registered as TOPIC-value")
        ->check(check_schema);
    command->add_option("--key-schema", options->key_schema, "The same for keys, which are JSON: TOPIC-key")
        ->check(check_schema);
    command->add_flag("-Z,--null", options->empty_is_null,
                      "Empty values and keys are null, as by kcat: a key with a null value is deleted by "
                      "compaction");
    command->add_flag("-q,--quiet", options->quiet, "Say nothing when all went well");
    command->footer(
        "A record counts once the log has acknowledged it.\n\nExamples:\n"
        "  echo '{\"id\": 1}' | penstock produce orders\n"
        "  penstock produce orders -k ';' -H origin=import < orders.txt\n"
        "  echo '{\"id\": 1}' | penstock produce orders_avro --schema latest\n"
        "  seq 1 100000 | penstock produce numbers");
    add_common_options(*command, context);
    command->callback([options, &context] {
        context.run([&](ApiClient& api) { return produce(api, context, *options); });
    });
}

}  // namespace penstock::app
