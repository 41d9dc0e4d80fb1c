// Topics in memory, for tests.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/topics.h"
#include "codec/varint.h"

namespace penstock::stream::testing {

class MemoryTopics final : public broker::Topics {
public:
    std::string describe() const override { return "topics in memory"; }

    Result<> create(const broker::TopicSpec& spec) override {
        std::lock_guard lock(mutex_);
        if (topics_.contains(spec.name)) return fail(Errc::exists, "topic {} exists", spec.name);
        auto& topic = topics_[spec.name];
        topic.spec = spec;
        topic.id = "id-" + std::to_string(++next_id_);
        topic.partitions.resize(std::size_t(spec.partitions));
        return {};
    }
    Result<> remove(std::string_view topic) override {
        std::lock_guard lock(mutex_);
        topics_.erase(std::string(topic));
        return {};
    }
    Result<> alter(std::string_view, const std::map<std::string, std::string>&) override { return {}; }

    Result<std::vector<broker::TopicInfo>> list() override {
        std::lock_guard lock(mutex_);
        std::vector<broker::TopicInfo> out;
        for (const auto& [name, topic] : topics_) out.push_back(info_of(topic));
        return out;
    }
    Result<broker::TopicInfo> info(std::string_view topic) override {
        std::lock_guard lock(mutex_);
        auto found = topics_.find(topic);
        if (found == topics_.end()) return fail(Errc::not_found, "no topic {}", topic);
        return info_of(found->second);
    }

    void append(const broker::AppendRequest& request, broker::Appended done) override {
        if (refuse && refuse(request)) return done(fail(Errc::unavailable, "the log is away"));
        Result<std::int64_t> result = fail(Errc::not_found, "no topic {}", request.topic);
        std::vector<std::shared_ptr<std::function<void()>>> listeners;
        {
            std::lock_guard lock(mutex_);
            auto found = topics_.find(request.topic);
            if (found != topics_.end()) {
                auto& partition = found->second.partitions[std::size_t(request.partition)];
                result = partition.start + std::int64_t(partition.records.size());
                for (const auto& record : request.records) partition.records.push_back(stored(record));
                if (!request.producer.empty())
                    partition.positions[std::string(request.producer)] = request.position;
                listeners = live(found->second);
            }
        }
        for (auto& listener : listeners) (*listener)();
        done(std::move(result));
    }
    Result<std::string> position(std::string_view topic, std::int32_t partition,
                                 std::string_view producer) override {
        std::lock_guard lock(mutex_);
        auto found = topics_.find(topic);
        if (found == topics_.end()) return fail(Errc::not_found, "no topic {}", topic);
        return found->second.partitions[std::size_t(partition)].positions[std::string(producer)];
    }

    Result<broker::RecordSet> read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                                   std::int64_t max_bytes) override {
        if (on_read) on_read(partition);
        std::lock_guard lock(mutex_);
        auto found = topics_.find(topic);
        if (found == topics_.end()) return fail(Errc::not_found, "no topic {}", topic);
        const auto& stored = found->second.partitions[std::size_t(partition)];
        auto end = stored.start + std::int64_t(stored.records.size());
        if (offset < stored.start || offset > end) return fail(Errc::out_of_range, "offset {}", offset);
        broker::RecordSet set;
        auto bytes = std::make_shared<std::vector<std::unique_ptr<char[]>>>();
        for (auto at = offset; at < end; ++at) {
            const auto& record = stored.records[std::size_t(at - stored.start)];
            auto keep = [&](std::string_view text) {
                // Exactly as much room as is promised, so that a sanitizer sees who reads further.
                auto copy = std::make_unique<char[]>(text.size() + 64);
                std::memcpy(copy.get(), text.data(), text.size());
                std::string_view out(copy.get(), text.size());
                bytes->push_back(std::move(copy));
                return out;
            };
            broker::Record out;
            out.offset = at;
            out.timestamp_ms = record.timestamp_ms;
            if (record.key) out.key = keep(*record.key);
            if (record.value) out.value = keep(*record.value);
            out.headers = keep(record.headers);
            set.records.push_back(out);
            max_bytes -= std::int64_t(record.value ? record.value->size() : 0) + 1;
            if (max_bytes <= 0) break;
        }
        set.next_offset = set.records.empty() ? offset : set.records.back().offset + 1;
        set.bytes = bytes;
        return set;
    }
    Result<std::int64_t> offset_for_time(std::string_view, std::int32_t, std::int64_t) override { return 0; }

    Result<std::shared_ptr<void>> subscribe(std::string_view topic, std::function<void()> moved) override {
        std::lock_guard lock(mutex_);
        auto found = topics_.find(topic);
        if (found == topics_.end()) return fail(Errc::not_found, "no topic {}", topic);
        auto listener = std::make_shared<std::function<void()>>(std::move(moved));
        found->second.listeners.push_back(listener);
        return std::static_pointer_cast<void>(listener);
    }
    Result<> publish_position(std::string_view group, std::string_view topic, std::int32_t partition,
                              std::int64_t offset) override {
        std::lock_guard lock(mutex_);
        published_[fmt::format("{}/{}/{}", group, topic, partition)] = offset;
        return {};
    }

    // For tests.

    /// Asked for each append.
    std::function<bool(const broker::AppendRequest&)> refuse;
    /// Told of each read, and its partition.
    std::function<void(std::int32_t)> on_read;

    void add(std::string_view topic, std::int32_t partition, std::string_view value,
             std::int64_t timestamp_ms = 0, std::optional<std::string_view> key = {}) {
        broker::NewRecord record;
        record.key = key;
        record.value = value;
        record.timestamp_ms = timestamp_ms;
        broker::AppendRequest request{topic, partition, {&record, 1}, {}, {}};
        append(request, [](Result<std::int64_t>) {});
    }
    /// Deletes the records before the offset, as retention does.
    void truncate(std::string_view topic, std::int32_t partition, std::int64_t before) {
        std::lock_guard lock(mutex_);
        auto& stored = topics_.find(topic)->second.partitions[std::size_t(partition)];
        stored.records.erase(stored.records.begin(), stored.records.begin() + (before - stored.start));
        stored.start = before;
    }
    std::int64_t published(const std::string& name) {
        std::lock_guard lock(mutex_);
        return published_[name];
    }

private:
    struct Stored {
        std::optional<std::string> key;
        std::optional<std::string> value;
        std::int64_t timestamp_ms = 0;
        std::string headers;
    };
    struct Partition {
        std::int64_t start = 0;
        std::vector<Stored> records;
        std::map<std::string, std::string> positions;
    };
    struct Topic {
        broker::TopicSpec spec;
        std::string id;
        std::vector<Partition> partitions;
        std::vector<std::weak_ptr<std::function<void()>>> listeners;
    };

    static Stored stored(const broker::NewRecord& record) {
        Stored out;
        if (record.key) out.key = *record.key;
        if (record.value) out.value = *record.value;
        out.timestamp_ms = record.timestamp_ms;
        auto number = [&](std::int64_t value) {
            char buffer[16];
            out.headers.append(buffer, std::size_t(codec::write_zigzag(buffer, value) - buffer));
        };
        number(std::int64_t(record.headers.size()));
        for (const auto& header : record.headers) {
            number(std::int64_t(header.name.size()));
            out.headers += header.name;
            number(std::int64_t(header.value.size()));
            out.headers += header.value;
        }
        return out;
    }
    static broker::TopicInfo info_of(const Topic& topic) {
        broker::TopicInfo out;
        out.spec = topic.spec;
        out.id = topic.id;
        for (const auto& partition : topic.partitions)
            out.partitions.push_back(
                {partition.start, partition.start + std::int64_t(partition.records.size()), 0});
        return out;
    }
    static std::vector<std::shared_ptr<std::function<void()>>> live(const Topic& topic) {
        std::vector<std::shared_ptr<std::function<void()>>> out;
        for (const auto& listener : topic.listeners)
            if (auto strong = listener.lock()) out.push_back(std::move(strong));
        return out;
    }

    std::mutex mutex_;
    std::map<std::string, Topic, std::less<>> topics_;
    std::map<std::string, std::int64_t> published_;
    int next_id_ = 0;
};

}  // namespace penstock::stream::testing
