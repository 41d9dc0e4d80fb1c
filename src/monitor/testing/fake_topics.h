// Topics in memory. For tests.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "broker/topics.h"

namespace penstock::monitor::testing {

class FakeTopics final : public broker::Topics {
public:
    struct Stored {
        std::optional<std::string> key;
        std::optional<std::string> value;
        std::int64_t timestamp_ms = 0;
    };

    std::string describe() const override { return "fake log"; }
    Result<> create(const broker::TopicSpec& spec) override {
        const std::lock_guard lock(mutex_);
        if (topics_.contains(spec.name)) return fail(Errc::exists, "topic '{}' exists", spec.name);
        Topic topic{spec, {}};
        topic.partitions.resize(static_cast<std::size_t>(spec.partitions));
        topics_.emplace(spec.name, std::move(topic));
        return {};
    }
    Result<> remove(std::string_view topic) override {
        const std::lock_guard lock(mutex_);
        if (topics_.erase(std::string(topic)) == 0) return missing(topic);
        return {};
    }
    Result<> alter(std::string_view name, const std::map<std::string, std::string>& config) override {
        const std::lock_guard lock(mutex_);
        const auto found = topics_.find(std::string(name));
        if (found == topics_.end()) return missing(name);
        for (const auto& [setting, value] : config) found->second.spec.config[setting] = value;
        return {};
    }
    Result<std::vector<broker::TopicInfo>> list() override {
        const std::lock_guard lock(mutex_);
        if (!broken_.empty()) return fail(Errc::unavailable, "{}", broken_);
        std::vector<broker::TopicInfo> all;
        for (const auto& [name, topic] : topics_) all.push_back(info_of(topic));
        return all;
    }
    Result<broker::TopicInfo> info(std::string_view name) override {
        const std::lock_guard lock(mutex_);
        const auto found = topics_.find(std::string(name));
        if (found == topics_.end()) return missing(name);
        return info_of(found->second);
    }
    void append(const broker::AppendRequest& request, broker::Appended done) override {
        done(append_now(request));
    }
    Result<std::string> position(std::string_view, std::int32_t, std::string_view) override {
        return std::string();
    }
    Result<broker::RecordSet> read(std::string_view name, std::int32_t partition, std::int64_t offset,
                                   std::int64_t) override {
        const std::lock_guard lock(mutex_);
        const auto found = topics_.find(std::string(name));
        if (found == topics_.end()) return missing(name);
        const auto& all = found->second.partitions.at(static_cast<std::size_t>(partition));
        if (offset < 0 || offset > std::ssize(all)) {
            return fail(Errc::out_of_range, "offset {} is not in 0 to {}", offset, all.size());
        }
        // At most three at once, so that readers have to come again.
        const auto end = std::min<std::int64_t>(std::ssize(all), offset + 3);
        const auto kept = std::make_shared<std::vector<Stored>>(all.begin() + offset, all.begin() + end);
        broker::RecordSet set;
        for (const auto& stored : *kept) {
            broker::Record record;
            record.offset = offset++;
            record.timestamp_ms = stored.timestamp_ms;
            if (stored.key) record.key = *stored.key;
            if (stored.value) record.value = *stored.value;
            set.records.push_back(record);
        }
        set.next_offset = offset;
        set.bytes = kept;
        return set;
    }
    Result<std::int64_t> offset_for_time(std::string_view name, std::int32_t partition,
                                         std::int64_t timestamp_ms) override {
        const std::lock_guard lock(mutex_);
        const auto& topic = topics_.at(std::string(name));
        const auto& all = topic.partitions.at(static_cast<std::size_t>(partition));
        const auto found = std::ranges::find_if(
            all, [&](const Stored& stored) { return stored.timestamp_ms >= timestamp_ms; });
        return found - all.begin();
    }
    Result<std::shared_ptr<void>> subscribe(std::string_view, std::function<void()>) override {
        return std::shared_ptr<void>();
    }
    Result<> publish_position(std::string_view, std::string_view, std::int32_t, std::int64_t) override {
        return {};
    }

    /// Puts a record there without any ceremony.
    void put(const std::string& topic, std::size_t partition, Stored record) {
        const std::lock_guard lock(mutex_);
        topics_.at(topic).partitions.at(partition).push_back(std::move(record));
    }
    /// list() fails with this; empty: it does not.
    void set_broken(std::string why) {
        const std::lock_guard lock(mutex_);
        broken_ = std::move(why);
    }

private:
    struct Topic {
        broker::TopicSpec spec;
        std::vector<std::vector<Stored>> partitions;
    };

    static std::unexpected<Error> missing(std::string_view name) {
        return fail(Errc::not_found, "there is no topic '{}'", name);
    }
    static broker::TopicInfo info_of(const Topic& topic) {
        broker::TopicInfo info;
        info.spec = topic.spec;
        info.id = "00000000-0000-4000-8000-000000000001";
        for (const auto& partition : topic.partitions) {
            std::int64_t bytes = 0;
            for (const auto& stored : partition) bytes += std::ssize(stored.value.value_or(""));
            info.partitions.push_back({0, std::ssize(partition), bytes});
        }
        return info;
    }
    Result<std::int64_t> append_now(const broker::AppendRequest& request) {
        const std::lock_guard lock(mutex_);
        const auto found = topics_.find(std::string(request.topic));
        if (found == topics_.end()) return missing(request.topic);
        auto& all = found->second.partitions.at(static_cast<std::size_t>(request.partition));
        const auto base = std::ssize(all);
        for (const auto& record : request.records) {
            Stored stored;
            if (record.key) stored.key = std::string(*record.key);
            if (record.value) stored.value = std::string(*record.value);
            stored.timestamp_ms = std::max<std::int64_t>(0, record.timestamp_ms);
            all.push_back(std::move(stored));
        }
        return base;
    }

    std::mutex mutex_;
    std::map<std::string, Topic> topics_;
    std::string broken_;
};

}  // namespace penstock::monitor::testing
