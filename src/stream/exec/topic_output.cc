#include "stream/exec/topic_output.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/units.h"

namespace penstock::stream {

namespace {

constexpr std::string_view version = "1";
/// Appends that are on their way at once; the log refuses what it has no room for.
constexpr std::size_t waiting_bytes_max = 16 << 20;

std::string list_of(const std::vector<std::int64_t>& offsets) {
    return offsets.empty() ? "-" : fmt::format("{}", fmt::join(offsets, ","));
}

Result<std::vector<std::int64_t>> parse_list(std::string_view text) {
    std::vector<std::int64_t> offsets;
    if (text == "-") return offsets;
    for (;;) {
        auto comma = text.find(',');
        offsets.push_back(TRY(parse_int(text.substr(0, comma))));
        if (comma == std::string_view::npos) return offsets;
        text.remove_prefix(comma + 1);
    }
}

Result<std::uint64_t> parse_hash(std::string_view text) {
    std::uint64_t hash = 0;
    if (text.size() != 16) return fail(Errc::invalid, "expected 16 hexadecimal digits");
    for (char c : text) {
        auto digit = std::string_view("0123456789abcdef").find(c);
        if (digit == std::string_view::npos) return fail(Errc::invalid, "expected 16 hexadecimal digits");
        hash = hash << 4 | digit;
    }
    return hash;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (;;) {
        auto blank = text.find(' ');
        words.push_back(text.substr(0, blank));
        if (blank == std::string_view::npos) return words;
        text.remove_prefix(blank + 1);
    }
}

/// Waits for several appends. The log's callbacks may come on any thread.
struct Outcome {
    std::mutex mutex;
    std::condition_variable moved;
    std::size_t open = 0;
    std::optional<Error> error;
};

}  // namespace

std::string OutputPosition::text() const {
    return fmt::format("{} {:016x} {:016x} {} {} {} {} {} {}", version, query_hash, target_hash, int(grouped),
                       topic_id, commits, watermark_us, list_of(from), list_of(to));
}

Result<OutputPosition> OutputPosition::parse(std::string_view text) {
    auto words = words_of(text);
    if (words.size() != 9 || words[0] != version)
        return fail(Errc::corrupt, "the position '{}' kept with the rows is none of a query", text);
    OutputPosition position;
    position.query_hash = TRY(parse_hash(words[1]));
    position.target_hash = TRY(parse_hash(words[2]));
    position.grouped = words[3] == "1";
    position.topic_id = words[4];
    position.commits = TRY(parse_int(words[5]));
    position.watermark_us = TRY(parse_int(words[6]));
    position.from = TRY(parse_list(words[7]));
    position.to = TRY(parse_list(words[8]));
    if (position.from.size() != position.to.size())
        return fail(Errc::corrupt, "the position '{}' kept with the rows is cut off", text);
    return position;
}

TopicOutput::TopicOutput(broker::Topics& topics, const pipeline::QuerySpec& query, std::string topic)
    : topics_(topics), query_(query), topic_(std::move(topic)), producer_("query:" + query.name) {}

Result<> TopicOutput::open() {
    auto info = TRY(topics_.info(topic_));
    positions_.clear();
    for (std::int32_t i = 0; i < std::max(1, info.spec.partitions); ++i) {
        auto text = topics_.position(topic_, i, producer_);
        if (!text) return fail(fmt::format("topic {}", topic_), std::move(text).error());
        // What cannot be read was written by another version, which counted otherwise.
        auto position = OutputPosition::parse(*text);
        positions_.push_back(position ? std::optional(std::move(*position)) : std::nullopt);
    }
    return {};
}

const OutputPosition* TopicOutput::latest() const {
    const OutputPosition* latest = nullptr;
    for (const auto& each : positions_)
        if (each && (!latest || each->commits > latest->commits)) latest = &*each;
    return latest;
}

Result<> TopicOutput::write(const std::vector<Batch>& batches, std::vector<std::vector<std::string>> values,
                            const OutputPosition& position, bool again) {
    auto texts = texts_of(batches, std::move(values), position.commits);
    for (std::size_t i = 0; i < texts.size(); ++i)
        if (again && positions_[i] && positions_[i]->commits == position.commits) texts[i].clear();
    return append(texts, position.text());
}

TopicOutput::Texts TopicOutput::texts_of(const std::vector<Batch>& batches,
                                         std::vector<std::vector<std::string>> values,
                                         std::int64_t commit) const {
    Texts texts(positions_.size());
    auto partitions = std::int32_t(positions_.size());
    auto keyless = std::size_t(commit % partitions);
    for (std::size_t number = 0; number < batches.size(); ++number) {
        const auto& batch = batches[number];
        for (std::size_t row = 0; row < batch.rows; ++row) {
            Text text;
            text.value = std::move(values[number][row]);
            for (const auto& key : query_.key) {
                auto column = std::size_t(batch.column_index(key.column));
                if (query_.key.size() == 1 && batch.columns[column].is_null(row)) continue;
                auto value = value_text(batch.columns[column], row);
                text.key = text.key ? *text.key + "|" + value : std::move(value);
            }
            auto partition =
                text.key ? std::size_t(broker::partition_of_key(*text.key, partitions)) : keyless;
            texts[partition].push_back(std::move(text));
        }
    }
    return texts;
}

Result<> TopicOutput::append(const Texts& texts, const std::string& position) {
    auto outcome = std::make_shared<Outcome>();
    outcome->open = 1;
    auto ended = [outcome](Result<std::int64_t> result) {
        {
            std::lock_guard lock(outcome->mutex);
            --outcome->open;
            if (!result && !outcome->error) outcome->error = std::move(result.error());
        }
        outcome->moved.notify_all();
    };
    std::size_t waiting_bytes = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (texts[i].empty()) continue;
        std::vector<broker::NewRecord> records;
        for (const auto& text : texts[i]) {
            auto& record = records.emplace_back();
            if (text.key) record.key = *text.key;
            record.value = text.value;
            waiting_bytes += text.value.size();
        }
        {
            std::unique_lock lock(outcome->mutex);
            if (waiting_bytes > waiting_bytes_max) {
                outcome->moved.wait(lock, [&] { return outcome->open == 1; });
                waiting_bytes = 0;
            }
            ++outcome->open;
        }
        topics_.append({topic_, std::int32_t(i), records, producer_, position}, ended);
    }
    ended(0);
    std::unique_lock lock(outcome->mutex);
    outcome->moved.wait(lock, [&] { return outcome->open == 0; });
    if (outcome->error) return fail(fmt::format("writing to topic {}", topic_), std::move(*outcome->error));
    return {};
}

}  // namespace penstock::stream
