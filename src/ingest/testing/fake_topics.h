// Topics in memory, for tests: acknowledges from a thread of its own, and fails when told to.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "broker/topics.h"

namespace penstock::ingest::testing {

struct StoredRecord {
    std::optional<std::string> key;
    std::string value;
    std::map<std::string, std::string> headers;
};

class FakeTopics final : public broker::Topics {
public:
    FakeTopics() : worker_([this] { work(); }) {}
    ~FakeTopics() override {
        {
            std::lock_guard lock(mutex_);
            ended_ = true;
            moved_.notify_all();
        }
        worker_.join();
    }

    std::string describe() const override { return "topics in memory"; }
    Result<> create(const broker::TopicSpec& spec) override {
        std::lock_guard lock(mutex_);
        if (topics_.contains(spec.name)) return fail(Errc::exists, "topic {} exists", spec.name);
        auto& topic = topics_[spec.name];
        topic.spec = spec;
        topic.partitions.resize(std::size_t(spec.partitions));
        return {};
    }
    Result<> remove(std::string_view topic) override {
        std::lock_guard lock(mutex_);
        topics_.erase(std::string(topic));
        return {};
    }
    Result<> alter(std::string_view, const std::map<std::string, std::string>&) override { return {}; }
    Result<std::vector<broker::TopicInfo>> list() override { return std::vector<broker::TopicInfo>(); }
    Result<broker::TopicInfo> info(std::string_view name) override {
        std::lock_guard lock(mutex_);
        auto found = topics_.find(std::string(name));
        if (found == topics_.end()) return fail(Errc::not_found, "there is no topic {}", name);
        broker::TopicInfo info{.spec = found->second.spec};
        for (auto& partition : found->second.partitions)
            info.partitions.push_back({0, std::int64_t(partition.records.size()), 0});
        return info;
    }

    void append(const broker::AppendRequest& request, broker::Appended done) override {
        std::lock_guard lock(mutex_);
        ++appends_;
        Work work{std::string(request.topic),
                  std::size_t(request.partition),
                  {},
                  std::string(request.producer),
                  std::string(request.position),
                  std::move(done),
                  {}};
        if (fail_next_ > 0 && --fail_next_ >= 0) work.refused = fail_with_;
        for (auto& record : request.records) {
            if (discard_) break;
            StoredRecord stored{record.key ? std::optional<std::string>(*record.key) : std::nullopt,
                                std::string(record.value.value_or("")),
                                {}};
            for (auto& header : record.headers) stored.headers[std::string(header.name)] = header.value;
            work.records.push_back(std::move(stored));
        }
        work.count = std::int64_t(request.records.size());
        queue_.push_back(std::move(work));
        moved_.notify_all();
    }
    Result<std::string> position(std::string_view topic, std::int32_t partition,
                                 std::string_view producer) override {
        std::lock_guard lock(mutex_);
        ++positions_asked_;
        if (unknown_positions_ > 0 && --unknown_positions_ >= 0)
            return fail(unknown_because_, "the log is away");
        auto found = topics_.find(std::string(topic));
        if (found == topics_.end()) return fail(Errc::not_found, "there is no topic {}", topic);
        auto& positions = found->second.partitions.at(std::size_t(partition)).positions;
        auto position = positions.find(std::string(producer));
        return position == positions.end() ? "" : position->second;
    }
    Result<broker::RecordSet> read(std::string_view, std::int32_t, std::int64_t, std::int64_t) override {
        return fail(Errc::unsupported, "not in this fake");
    }
    Result<std::int64_t> offset_for_time(std::string_view, std::int32_t, std::int64_t) override {
        return fail(Errc::unsupported, "not in this fake");
    }
    Result<std::shared_ptr<void>> subscribe(std::string_view, std::function<void()>) override {
        return std::shared_ptr<void>();
    }
    Result<> publish_position(std::string_view, std::string_view, std::int32_t, std::int64_t) override {
        return {};
    }

    /// Refuses the next appends.
    void fail_next(int appends, Error error) {
        std::lock_guard lock(mutex_);
        fail_next_ = appends;
        fail_with_ = std::move(error);
    }
    /// The next positions cannot be told.
    void lose_positions(int times, Errc because = Errc::unavailable) {
        std::lock_guard lock(mutex_);
        unknown_because_ = because;
        unknown_positions_ = times;
    }
    int positions_asked() const {
        std::lock_guard lock(mutex_);
        return positions_asked_;
    }
    /// Appends are acknowledged and remembered no longer: as a crash would, from the next append on.
    void crash_after(int appends) {
        std::lock_guard lock(mutex_);
        crash_after_ = appends;
    }
    /// After this what is appended counts again.
    void recover() {
        std::lock_guard lock(mutex_);
        crash_after_ = -1;
    }
    void discard_records() { discard_ = true; }
    int appends() const {
        std::lock_guard lock(mutex_);
        return appends_;
    }
    std::vector<StoredRecord> records(std::string_view topic, int partition = -1) const {
        std::lock_guard lock(mutex_);
        std::vector<StoredRecord> all;
        auto found = topics_.find(std::string(topic));
        if (found == topics_.end()) return all;
        auto& partitions = found->second.partitions;
        for (std::size_t i = 0; i < partitions.size(); ++i)
            if (partition < 0 || i == std::size_t(partition))
                all.insert(all.end(), partitions[i].records.begin(), partitions[i].records.end());
        return all;
    }

private:
    struct Partition {
        std::vector<StoredRecord> records;
        std::map<std::string, std::string> positions;
    };
    struct Topic {
        broker::TopicSpec spec;
        std::vector<Partition> partitions;
    };
    struct Work {
        std::string topic;
        std::size_t partition;
        std::vector<StoredRecord> records;
        std::string producer, position;
        broker::Appended done;
        std::optional<Error> refused;
        std::int64_t count = 0;
    };

    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            moved_.wait(lock, [this] { return ended_ || !queue_.empty(); });
            if (queue_.empty()) return;
            Work next = std::move(queue_.front());
            queue_.pop_front();
            auto topic = topics_.find(next.topic);
            if (!next.refused && topic == topics_.end())
                next.refused = Error{Errc::not_found, "there is no topic " + next.topic};
            if (!next.refused && crash_after_ == 0) {
                next.refused = Error{Errc::unavailable, "crashed"};
            } else if (!next.refused) {
                if (crash_after_ > 0) --crash_after_;
                auto& partition = topic->second.partitions.at(next.partition);
                for (auto& record : next.records) partition.records.push_back(std::move(record));
                if (!next.producer.empty()) partition.positions[next.producer] = next.position;
            }
            lock.unlock();
            if (next.refused)
                next.done(fail(*next.refused));
            else
                next.done(next.count);
            lock.lock();
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable moved_;
    std::map<std::string, Topic> topics_;
    std::deque<Work> queue_;
    bool ended_ = false;
    bool discard_ = false;
    int appends_ = 0;
    int fail_next_ = 0;
    int unknown_positions_ = 0;
    Errc unknown_because_ = Errc::unavailable;
    int positions_asked_ = 0;
    int crash_after_ = -1;
    Error fail_with_;
    std::thread worker_;
};

}  // namespace penstock::ingest::testing
