#include "broker/remote_topics.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "base/log.h"
#include "broker/listeners.h"
#include "broker/remote_admin.h"
#include "broker/remote_glance.h"
#include "broker/remote_groups.h"
#include "broker/remote_producer.h"
#include "broker/remote_reader.h"
#include "broker/remote_transactions.h"
#include "broker/topic_config.h"
#include "codec/uuid.h"

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_every{100};  // at the ends of topics that somebody subscribed to
constexpr milliseconds end_is_fresh{100};
constexpr milliseconds publish_every{500};
constexpr std::chrono::seconds limits_are_fresh{30};
constexpr std::chrono::seconds cursor_idle_for{30};
/// Kafka's default max.message.bytes is 1,048,588.
constexpr std::int64_t batch_bytes_most = 1'000'000;
/// What a batch has beside its records' bytes, and a record beside its key, value and headers.
constexpr std::int64_t batch_overhead = 512;
constexpr std::int64_t record_overhead = 100;

/// Stable for a name in a cluster.
std::string derived_id(std::string_view cluster, std::string_view topic) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t half = 0; half < 2; ++half) {
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
        for (char c : fmt::format("{}/{}/{}", half, cluster, topic))
            hash = (hash ^ std::uint8_t(c)) * 0x100000001b3;
        for (std::size_t i = 0; i < 8; ++i) bytes[half * 8 + i] = std::uint8_t(hash >> (8 * i));
    }
    return codec::Uuid::from_random(bytes).text();
}

std::int64_t size_of(const NewRecord& record) {
    auto size =
        std::size_t(record_overhead) + record.key.value_or("").size() + record.value.value_or("").size();
    for (const auto& header : record.headers) size += header.name.size() + header.value.size() + 10;
    return std::int64_t(size);
}

class RemoteTopics final : public KafkaTopics {
public:
    static Result<std::unique_ptr<RemoteTopics>> open(const std::string& url);
    ~RemoteTopics() override;

    std::string describe() const override { return "Apache Kafka at " + settings_.brokers; }
    Result<> create(const TopicSpec& spec) override;
    Result<> remove(std::string_view topic) override;
    Result<> alter(std::string_view topic, const std::map<std::string, std::string>& config) override;
    Result<std::vector<TopicInfo>> list() override { return infos(TRY(admin_->topics())); }
    Result<TopicInfo> info(std::string_view topic) override;
    Result<std::vector<TopicInfo>> glance_all() override { return glance_->look(""); }
    Result<TopicInfo> glance(std::string_view topic) override;
    void append(const AppendRequest& request, Appended done) override;
    Result<std::string> position(std::string_view topic, std::int32_t partition,
                                 std::string_view producer) override;
    Result<RecordSet> read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                           std::int64_t max_bytes) override;
    Result<std::int64_t> offset_for_time(std::string_view topic, std::int32_t partition,
                                         std::int64_t timestamp_ms) override;
    Result<std::shared_ptr<void>> subscribe(std::string_view topic, std::function<void()> moved) override;
    Result<> publish_position(std::string_view group, std::string_view topic, std::int32_t partition,
                              std::int64_t offset) override;
    Result<std::vector<ConsumerGroup>> groups() override { return groups_->list(); }
    Result<> set_offsets(const std::string& group, const PartitionOffsets& offsets) override {
        return groups_->commit(group, offsets);
    }

private:
    /// What is known of a topic without asking.
    struct Known {
        std::int32_t partitions = 0;
        std::int64_t max_message_bytes = 0;
        steady_clock::time_point asked_at;
    };
    struct End {
        std::int64_t offset = -1;
        steady_clock::time_point seen_at;
        steady_clock::time_point acknowledged_at;
    };

    RemoteTopics(RemoteSettings settings, std::unique_ptr<RemoteAdmin> admin, std::string cluster)
        : settings_(std::move(settings)),
          cluster_(std::move(cluster)),
          admin_(std::move(admin)),
          groups_(std::make_unique<RemoteGroups>(settings_, *admin_)),
          reader_(std::make_unique<RemoteReader>(settings_)),
          transactions_(std::make_unique<RemoteTransactions>(settings_, *admin_, *reader_)) {
        using Answer = Result<std::vector<TopicInfo>>;
        glance_ = std::make_unique<RemoteGlance>([this](const std::string& topic) -> Answer {
            if (topic.empty()) return list();
            return infos({TRY(admin_->topic(topic))});
        });
        thread_ = std::thread([this] { watch(); });
    }

    Result<std::vector<TopicInfo>> infos(const std::vector<RemoteAdmin::Found>& topics);
    Result<Known> known(std::string_view topic);
    Result<Known> known(std::string_view topic, std::int32_t partition);
    void forget(std::string_view topic);
    Result<std::shared_ptr<RemoteProducer>> producer_for(std::int64_t max_message_bytes);
    Result<std::int64_t> end_of(const TopicPartition& place, steady_clock::duration fresh);
    Result<> check_in_range(const TopicPartition& place, std::int64_t offset);
    void acknowledged(const TopicPartition& place, std::int64_t end);
    std::int64_t saw_end(const TopicPartition& place, std::int64_t offset);
    void watch();
    void look_at_ends();
    void publish();

    const RemoteSettings settings_;
    const std::string cluster_;
    std::unique_ptr<RemoteAdmin> admin_;
    std::unique_ptr<RemoteGroups> groups_;
    std::unique_ptr<RemoteReader> reader_;
    std::unique_ptr<RemoteTransactions> transactions_;

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stops_ = false;
    bool has_appended_ = false;  ///< to a topic that somebody subscribed to
    std::map<std::string, Known, std::less<>> known_;
    std::map<TopicPartition, End> ends_;
    PartitionOffsets told_;  ///< the ends that those who subscribed know of
    std::map<std::string, std::weak_ptr<Listeners>, std::less<>> listeners_;
    std::map<std::string, PartitionOffsets> unpublished_;  ///< by group
    std::mutex producers_mutex_;
    std::map<std::int64_t, std::shared_ptr<RemoteProducer>> producers_;  ///< by bytes of a batch
    std::unique_ptr<RemoteGlance> glance_;
    std::thread thread_;
};

Result<std::unique_ptr<RemoteTopics>> RemoteTopics::open(const std::string& url) {
    auto settings = TRY(parse_kafka_url(url));
    auto admin = TRY(RemoteAdmin::open(settings));
    auto cluster = TRY(admin->cluster_id());
    auto* topics = new RemoteTopics(std::move(settings), std::move(admin), std::move(cluster));
    return std::unique_ptr<RemoteTopics>(topics);
}

RemoteTopics::~RemoteTopics() {
    {
        std::lock_guard lock(mutex_);
        stops_ = true;
    }
    wake_.notify_all();
    thread_.join();
    glance_.reset();
    publish();
    // Their callbacks speak to what is destroyed after them.
    transactions_.reset();
    producers_.clear();
}

Result<> RemoteTopics::create(const TopicSpec& spec) {
    TRY(check_topic_name(spec.name));
    if (spec.partitions < 1 || spec.partitions > 10'000) {
        return fail(Errc::invalid, "topic {}: expected 1 to 10000 partitions, got {}", spec.name,
                    spec.partitions);
    }
    TRY(admin_->create(spec));
    forget(spec.name);
    return {};
}

Result<> RemoteTopics::remove(std::string_view topic) {
    reader_->close_idle(milliseconds(0), topic);
    TRY(admin_->remove(topic));
    forget(topic);
    return {};
}

Result<> RemoteTopics::alter(std::string_view topic, const std::map<std::string, std::string>& config) {
    TRY(admin_->alter(topic, config));
    forget(topic);
    return {};
}

Result<std::vector<TopicInfo>> RemoteTopics::infos(const std::vector<RemoteAdmin::Found>& topics) {
    std::vector<std::string> names;
    std::vector<TopicPartition> places;
    for (const auto& topic : topics) {
        names.push_back(topic.name);
        for (std::int32_t i = 0; i < topic.partitions; ++i) places.push_back({topic.name, i});
    }
    auto configs = TRY(admin_->configs(names));
    auto starts = TRY(admin_->offsets_at(places, RemoteAdmin::start_time));
    auto ends = TRY(admin_->offsets_at(places, RemoteAdmin::end_time));
    std::vector<TopicInfo> found;
    std::size_t place = 0;
    for (std::size_t i = 0; i < topics.size(); ++i) {
        TopicInfo info{.spec = {.name = topics[i].name,
                                .partitions = topics[i].partitions,
                                .config = std::move(configs[i].set)},
                       .id = derived_id(cluster_, topics[i].name),
                       .internal = topics[i].name.starts_with("__"),
                       .partitions = {}};
        for (std::int32_t k = 0; k < topics[i].partitions; ++k, ++place) {
            auto end = ends[place] < 0 ? 0 : saw_end(places[place], ends[place]);
            info.partitions.push_back(
                {.start_offset = std::max<std::int64_t>(starts[place], 0), .end_offset = end});
        }
        found.push_back(std::move(info));
    }
    return found;
}

Result<TopicInfo> RemoteTopics::info(std::string_view topic) {
    auto one = TRY(admin_->topic(topic));
    auto found = TRY(infos({one}));
    return std::move(found.front());
}

Result<TopicInfo> RemoteTopics::glance(std::string_view topic) {
    auto found = TRY(glance_->look(std::string(topic)));
    return std::move(found.front());
}

/// Asks once for each topic, and again when what it knows is old.
Result<RemoteTopics::Known> RemoteTopics::known(std::string_view topic) {
    {
        std::lock_guard lock(mutex_);
        auto found = known_.find(topic);
        if (found != known_.end() && steady_clock::now() - found->second.asked_at < limits_are_fresh)
            return found->second;
    }
    auto found = TRY(admin_->topic(topic));
    auto config = TRY(admin_->configs({std::string(topic)})).front();
    Known known{found.partitions, config.max_message_bytes, steady_clock::now()};
    std::lock_guard lock(mutex_);
    known_.insert_or_assign(std::string(topic), known);
    return known;
}

Result<RemoteTopics::Known> RemoteTopics::known(std::string_view topic, std::int32_t partition) {
    auto found = TRY(known(topic));
    if (partition < 0 || partition >= found.partitions) {
        return fail(Errc::not_found, "topic {} has no partition {}; it has {}", topic, partition,
                    found.partitions);
    }
    return found;
}

void RemoteTopics::forget(std::string_view topic) {
    std::lock_guard lock(mutex_);
    if (auto found = known_.find(topic); found != known_.end()) known_.erase(found);
    std::erase_if(ends_, [&](const auto& end) { return end.first.topic == topic; });
}

/// librdkafka fills batches of one size for all topics; a topic that takes only small ones gets a producer of
/// its own.
Result<std::shared_ptr<RemoteProducer>> RemoteTopics::producer_for(std::int64_t max_message_bytes) {
    auto batch_bytes = batch_bytes_most;
    while (batch_bytes > 1000 && batch_bytes + batch_overhead > max_message_bytes) batch_bytes /= 2;
    std::lock_guard lock(producers_mutex_);
    auto& producer = producers_[batch_bytes];
    if (producer && producer->is_broken()) producer.reset();
    if (!producer) producer = TRY(RemoteProducer::open(settings_, int(batch_bytes)));
    return producer;
}

void RemoteTopics::append(const AppendRequest& request, Appended done) {
    auto place = fmt::format("{}-{}", request.topic, request.partition);
    if (request.records.empty()) return done(fail(Errc::invalid, "{}: an append without records", place));
    auto known = this->known(request.topic, request.partition);
    if (!known) return done(fail(known.error()));
    auto position_bytes = std::int64_t(request.producer.size() + request.position.size());
    for (std::size_t i = 0; i < request.records.size(); ++i) {
        bool is_last = i + 1 == request.records.size();
        auto size = size_of(request.records[i]) + (is_last ? position_bytes : 0);
        if (known->max_message_bytes > 0 && size > known->max_message_bytes) {
            return done(fail(Errc::full,
                             "{}: record {} is larger than a batch may be: "
                             "max.message.bytes is {}",
                             place, i, known->max_message_bytes));
        }
    }
    auto acknowledged = [this, place = TopicPartition{std::string(request.topic), request.partition},
                         count = std::int64_t(request.records.size()),
                         done = std::move(done)](Result<std::int64_t> base) {
        if (base) {
            this->acknowledged(place, *base + count);
        } else if (base.error().code == Errc::not_found) {
            forget(place.topic);
        }
        done(std::move(base));
    };
    if (!request.producer.empty()) return transactions_->append(request, std::move(acknowledged));
    auto producer = producer_for(known->max_message_bytes);
    if (!producer) return acknowledged(fail(producer.error()));
    (*producer)->append(request, std::move(acknowledged));
}

Result<std::string> RemoteTopics::position(std::string_view topic, std::int32_t partition,
                                           std::string_view producer) {
    TRY(known(topic, partition));
    return transactions_->position(topic, partition, producer);
}

/// Readers may read what was acknowledged, and those who subscribed are told, without asking the broker.
void RemoteTopics::acknowledged(const TopicPartition& place, std::int64_t offset) {
    {
        std::lock_guard lock(mutex_);
        auto& end = ends_[place];
        end.seen_at = end.acknowledged_at = steady_clock::now();
        end.offset = std::max(end.offset, offset);
        has_appended_ = has_appended_ || listeners_.contains(place.topic);
    }
    wake_.notify_all();
}

/// What a broker said; returns what holds.
std::int64_t RemoteTopics::saw_end(const TopicPartition& place, std::int64_t offset) {
    // An answer may be older than the last acknowledgement. A topic that was made anew has a lower end for
    // good.
    constexpr std::chrono::seconds answer_takes{5};
    std::lock_guard lock(mutex_);
    auto& end = ends_[place];
    auto now = steady_clock::now();
    end.seen_at = now;
    if (offset > end.offset || now - end.acknowledged_at > answer_takes) end.offset = offset;
    return end.offset;
}

Result<std::int64_t> RemoteTopics::end_of(const TopicPartition& place, steady_clock::duration fresh) {
    {
        std::lock_guard lock(mutex_);
        auto found = ends_.find(place);
        if (found != ends_.end() && steady_clock::now() - found->second.seen_at < fresh)
            return found->second.offset;
    }
    auto offset = TRY(admin_->offsets_at({place}, RemoteAdmin::end_time)).front();
    if (offset < 0) return fail(Errc::not_found, "topic {} does not exist", place.topic);
    return saw_end(place, offset);
}

Result<> RemoteTopics::check_in_range(const TopicPartition& place, std::int64_t offset) {
    auto start = TRY(admin_->offsets_at({place}, RemoteAdmin::start_time)).front();
    auto end = TRY(end_of(place, milliseconds(0)));
    if (offset >= start && offset <= end) return {};
    return fail(Errc::out_of_range, "{}-{} has offsets {} to {}, not {}", place.topic, place.partition, start,
                end, offset);
}

Result<RecordSet> RemoteTopics::read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                                     std::int64_t max_bytes) {
    TRY(known(topic, partition));
    TopicPartition place{std::string(topic), partition};
    auto end = TRY(end_of(place, end_is_fresh));
    if (offset > end) end = TRY(end_of(place, milliseconds(0)));
    if (offset < 0 || offset > end) return fail(check_in_range(place, offset).error());
    if (offset == end) {
        RecordSet nothing;
        nothing.next_offset = offset;
        // Retention may have moved the start; a reader at the very end is not hurt by it.
        return nothing;
    }
    auto set = reader_->read(topic, partition, offset, max_bytes, end);
    if (!set && set.error().code == Errc::out_of_range) TRY(check_in_range(place, offset));
    if (!set && set.error().code == Errc::not_found) forget(topic);
    return set;
}

Result<std::int64_t> RemoteTopics::offset_for_time(std::string_view topic, std::int32_t partition,
                                                   std::int64_t timestamp_ms) {
    TRY(known(topic, partition));
    std::vector<TopicPartition> places{{std::string(topic), partition}};
    // Below 0 are Kafka's special times.
    auto offset = TRY(admin_->offsets_at(places, std::max<std::int64_t>(timestamp_ms, 0))).front();
    if (offset >= 0) return offset;
    return end_of(places.front(), milliseconds(0));
}

Result<std::shared_ptr<void>> RemoteTopics::subscribe(std::string_view topic, std::function<void()> moved) {
    auto known = TRY(this->known(topic));
    for (std::int32_t i = 0; i < known.partitions; ++i) TRY(end_of({std::string(topic), i}, end_is_fresh));
    std::lock_guard lock(mutex_);
    auto listeners = listeners_[std::string(topic)].lock();
    if (!listeners) {
        listeners = std::make_shared<Listeners>();
        listeners_[std::string(topic)] = listeners;
        for (std::int32_t i = 0; i < known.partitions; ++i)
            told_[{std::string(topic), i}] = ends_[{std::string(topic), i}].offset;
    }
    // The handle keeps the list alive: without handles the topic is not looked at any more.
    auto handle = listeners->add(std::move(moved));
    return std::make_shared<std::pair<std::shared_ptr<Listeners>, std::shared_ptr<void>>>(listeners, handle);
}

Result<> RemoteTopics::publish_position(std::string_view group, std::string_view topic,
                                        std::int32_t partition, std::int64_t offset) {
    TRY(known(topic, partition));
    std::lock_guard lock(mutex_);
    unpublished_[std::string(group)][{std::string(topic), partition}] = offset;
    return {};
}

void RemoteTopics::publish() {
    decltype(unpublished_) groups;
    {
        std::lock_guard lock(mutex_);
        groups.swap(unpublished_);
    }
    for (const auto& [group, offsets] : groups) {
        auto done = groups_->commit(group, offsets);
        if (done) continue;
        // Only tools look at them; the next position replaces this one, unless none comes.
        log::debug("{}", done.error().text);
        std::lock_guard lock(mutex_);
        for (const auto& [place, offset] : offsets) unpublished_[group].try_emplace(place, offset);
    }
}

/// The ends of all topics that somebody subscribed to, in one request.
void RemoteTopics::look_at_ends() {
    std::vector<TopicPartition> places;
    std::map<std::string, std::shared_ptr<Listeners>> live;
    {
        std::lock_guard lock(mutex_);
        std::erase_if(listeners_, [](const auto& each) { return each.second.expired(); });
        for (const auto& [topic, weak] : listeners_)
            if (auto listeners = weak.lock()) live.emplace(topic, std::move(listeners));
        for (const auto& [place, end] : ends_) {
            if (!live.contains(place.topic)) continue;
            places.push_back(place);
        }
    }
    if (places.empty()) return;
    auto offsets = admin_->offsets_at(places, RemoteAdmin::end_time);
    if (!offsets) return;  // the brokers are away, which the client has logged
    for (std::size_t i = 0; i < places.size(); ++i)
        if ((*offsets)[i] >= 0) saw_end(places[i], (*offsets)[i]);
}

void RemoteTopics::watch() {
    auto next_look = steady_clock::now();
    auto next_publish = next_look;
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait_until(lock, next_look, [&] { return stops_ || has_appended_; });
            if (stops_) return;
            has_appended_ = false;
        }
        if (steady_clock::now() >= next_look) {
            look_at_ends();
            next_look = steady_clock::now() + look_every;
        }
        std::vector<std::shared_ptr<Listeners>> moved;
        {
            std::lock_guard lock(mutex_);
            for (const auto& [topic, weak] : listeners_) {
                auto listeners = weak.lock();
                if (!listeners) continue;
                bool has_moved = false;
                for (auto at = ends_.lower_bound({topic, 0}); at != ends_.end() && at->first.topic == topic;
                     ++at) {
                    auto& last = told_[at->first];
                    has_moved = has_moved || last != at->second.offset;
                    last = at->second.offset;
                }
                if (has_moved) moved.push_back(std::move(listeners));
            }
        }
        for (const auto& listeners : moved) listeners->notify();
        if (steady_clock::now() < next_publish) continue;
        next_publish = steady_clock::now() + publish_every;
        publish();
        reader_->close_idle(cursor_idle_for);
    }
}

}  // namespace

Result<std::unique_ptr<KafkaTopics>> open_remote_topics(const std::string& url) {
    return TRY(RemoteTopics::open(url));
}

}  // namespace penstock::broker
