#include "broker/local_topics.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/units.h"
#include "broker/group/committed_offsets.h"
#include "broker/producing.h"
#include "broker/random_uuid.h"
#include "broker/share/share_states.h"
#include "wire/kafka/filter_batch.h"

namespace penstock::broker {
namespace {

constexpr std::string_view catalogue_file = "topics";
constexpr std::string_view cluster_file = "cluster_id";
constexpr std::string_view producer_ids_file = "producer_ids";
constexpr std::string_view deleted_suffix = ".deleted";
constexpr std::int64_t producer_id_block = 1000;
constexpr std::size_t decompressed_limit = 256 << 20;
constexpr std::size_t readable_slack = 64;

/// As Kafka writes it beside a partition's segments.
std::string partition_metadata(const codec::Uuid& id) {
    return "version: 0\ntopic_id: " + id.text() + "\n";
}

/// What a RecordSet's views point into, when that is more than one thing.
struct ReadBuffers {
    std::shared_ptr<const void> slice;
    std::vector<std::string> decompressed;
};

/// Batches whose buffers go back to their pool.
struct PooledBatches {
    PooledBatches(std::vector<std::string> encoded, std::shared_ptr<BufferPool> from)
        : batches(std::move(encoded)), pool(std::move(from)) {}
    PooledBatches(const PooledBatches&) = delete;
    PooledBatches& operator=(const PooledBatches&) = delete;
    ~PooledBatches() {
        for (auto& batch : batches) pool->give_back(std::move(batch));
    }
    std::vector<std::string> batches;
    std::shared_ptr<BufferPool> pool;
};

std::unexpected<Error> unknown_topic(std::string_view topic) {
    return fail(Errc::not_found, "topic {} does not exist", topic);
}

TopicInfo info_of(const LocalTopics::Topic& topic) {
    TopicInfo info{.spec = topic.spec, .id = topic.id.text(), .internal = topic.internal, .partitions = {}};
    for (const auto& log : topic.logs)
        info.partitions.push_back({log->start_offset(), log->stable_offset(), log->bytes()});
    return info;
}

/// Several at a time when there are many, as each waits for the disk.
void for_each_at_once(std::size_t count, const std::function<void(std::size_t)>& work) {
    constexpr std::size_t many = 32, at_once = 8;
    std::atomic<std::size_t> next = 0;
    auto some = [&] {
        for (auto i = next++; i < count; i = next++) work(i);
    };
    if (count < many) return some();
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < at_once; ++i) threads.emplace_back(some);
}

}  // namespace

LocalTopics::LocalTopics(Private, LocalTopicsOptions options) : options_(std::move(options)) {}

Result<std::unique_ptr<LocalTopics>> LocalTopics::open(LocalTopicsOptions options) {
    auto topics = std::make_unique<LocalTopics>(Private(), std::move(options));
    TRY(topics->open_all());
    return topics;
}

Result<std::unique_ptr<Topics>> make_local_topics(LocalTopicsOptions options) {
    return TRY(LocalTopics::open(std::move(options)));
}

LocalTopics::~LocalTopics() {
    {
        std::lock_guard lock(housekeeping_mutex_);
        housekeeping_stops_ = true;
        housekeeping_wake_.notify_all();
    }
    if (housekeeping_thread_.joinable()) housekeeping_thread_.join();
    if (compacting_thread_.joinable()) compacting_thread_.join();
    if (offsets_ && find(offsets_topic)) offsets_->write_published();
    closing_ = true;
    committer_.reset();  // writes what is queued
    std::vector<std::pair<TopicPointer, std::shared_ptr<Log>>> logs;
    for (const auto& topic : all())
        for (const auto& log : topic->logs) logs.emplace_back(topic, log);
    std::atomic<bool> all_closed = journal_ != nullptr;
    for_each_at_once(logs.size(), [&](std::size_t i) {
        auto closed = logs[i].second->close();
        if (closed) return;
        all_closed = false;
        log::error("cannot close {}: {}", logs[i].first->spec.name, closed.error().text);
    });
    if (all_closed) journal_->close();
}

std::string LocalTopics::path(std::string_view name) const {
    return options_.data_directory + "/" + std::string(name);
}

std::string LocalTopics::partition_path(std::string_view topic, std::int32_t partition) const {
    return path(fmt::format("{}-{}", topic, partition));
}

Result<> LocalTopics::open_all() {
    TRY(check_topic_config(options_.topic_defaults));
    TRY(options_.files->create_directories(options_.data_directory));
    auto lock = options_.files->lock(path(".lock"));
    if (!lock) return fail("the data directory of the log is in use", std::move(lock).error());
    lock_ = std::move(*lock);
    journal_ = TRY(Journal::open(*options_.files, path("journal"), options_.journal));
    const bool is_durable = options_.durability == Durability::durable;
    committer_ = is_durable ? std::make_unique<Committer>(*journal_)
                            : std::make_unique<Committer>(options_.commit_threads);
    configs_ = TRY(DynamicConfigs::open(*options_.files, path("configs")));
    TRY(load_catalogue());
    journal_->restored();
    TRY(remove_leftovers());
    if (options_.files->exists(path(cluster_file))) {
        cluster_id_ = TRY(options_.files->read_file(path(cluster_file)));
        while (cluster_id_.ends_with('\n')) cluster_id_.pop_back();
    } else {
        cluster_id_ = random_uuid().text();
        TRY(options_.files->replace_file(path(cluster_file), cluster_id_ + "\n"));
    }
    if (options_.files->exists(path(producer_ids_file))) {
        auto text = TRY(options_.files->read_file(path(producer_ids_file)));
        while (text.ends_with('\n')) text.pop_back();
        auto reserved = parse_int(text);
        if (!reserved)
            return fail(Errc::corrupt, "{}: expected a number, got '{}'", path(producer_ids_file), text);
        next_producer_id_ = reserved_producer_ids_ = *reserved;
    }
    offsets_ = std::make_unique<CommittedOffsets>(*this);
    if (!find(offsets_topic))
        TRY(create({.name = std::string(offsets_topic),
                    .partitions = 1,
                    .config = {{"cleanup.policy", "compact"}, {"segment.bytes", "16777216"}}}));
    TRY(offsets_->load());
    transactions_ = std::make_unique<TransactionCoordinator>(*this, options_.transactions);
    TRY(transactions_->load());
    housekeeping_thread_ = std::thread([this] { housekeeping(); });
    compacting_thread_ = std::thread([this] { compacting(); });
    return {};
}

Result<> LocalTopics::load_catalogue() {
    auto names = TRY(options_.files->list(options_.data_directory));
    if (!options_.files->exists(path(catalogue_file))) {
        for (const auto& name : names)
            if (options_.files->exists(path(name) + "/partition.metadata") && !name.ends_with(deleted_suffix))
                return fail(Errc::corrupt,
                            "{} is missing, but there are partitions such as {}; "
                            "restore it, or move them away",
                            path(catalogue_file), name);
        return {};
    }
    auto text = TRY(options_.files->read_file(path(catalogue_file)));
    auto entries = decode_catalogue(text);
    if (!entries) return fail(path(catalogue_file), std::move(entries).error());
    std::vector<Result<TopicPointer>> opened(entries->size());
    for_each_at_once(entries->size(), [&](std::size_t i) {
        auto& entry = (*entries)[i];
        // Kafka 4 has no more of these, nor do we: kept, they would refuse every change of the topic's
        // others.
        std::erase_if(entry.spec.config, [](const auto& each) { return !find_topic_setting(each.first); });
        opened[i] = open_topic(entry);
    });
    for (auto& topic : opened) {
        if (!topic) return std::unexpected(std::move(topic).error());
        topics_[(*topic)->spec.name] = std::move(*topic);
    }
    return {};
}

/// Directories of topics that were deleted while a crash was near.
Result<> LocalTopics::remove_leftovers() {
    for (const auto& name : TRY(options_.files->list(options_.data_directory)))
        if (name.ends_with(deleted_suffix)) TRY(options_.files->remove_all(path(name)));
    return {};
}

Result<> LocalTopics::save_catalogue(const std::map<std::string, TopicPointer, std::less<>>& topics) {
    std::vector<CatalogueEntry> entries;
    for (const auto& [name, topic] : topics) entries.push_back({topic->spec, topic->id});
    TRY(options_.files->replace_file(path(catalogue_file), encode_catalogue(entries)));
    ++changes_;
    return {};
}

Result<LocalTopics::TopicPointer> LocalTopics::open_topic(const CatalogueEntry& entry) {
    auto topic = std::make_shared<Topic>();
    topic->spec = entry.spec;
    topic->id = entry.id;
    topic->internal = entry.spec.name == offsets_topic || entry.spec.name == transactions_topic ||
                      entry.spec.name == share_state_topic;
    topic->moved = std::make_shared<Listeners>();
    TRY(open_logs(*topic, 0));
    return topic;
}

/// Those from `first` on.
Result<> LocalTopics::open_logs(Topic& topic, std::int32_t first) {
    topic.logs.resize(std::size_t(topic.spec.partitions));
    const auto options = log_options(topic.spec.config, topic_defaults());
    std::atomic<bool> is_new = false;
    std::mutex mutex;
    Result<> outcome;  // guarded by mutex
    for_each_at_once(std::size_t(topic.spec.partitions - first), [&](std::size_t i) {
        bool made = false;
        const auto partition = first + std::int32_t(i);
        auto log = open_log(topic, partition, options, made);
        if (made) is_new = true;
        if (log) {
            topic.logs[std::size_t(partition)] = std::move(*log);
            return;
        }
        std::lock_guard lock(mutex);
        outcome = std::unexpected(std::move(log).error());
    });
    if (outcome && is_new) TRY(options_.files->sync_directory(options_.data_directory));
    return outcome;
}

/// made: whether the partition was not there; then the data directory is to be synced.
Result<std::shared_ptr<Log>> LocalTopics::open_log(const Topic& topic, std::int32_t partition,
                                                   const LogOptions& options, bool& made) {
    auto& files = *options_.files;
    auto directory = partition_path(topic.spec.name, partition);
    auto metadata = directory + "/partition.metadata";
    // A directory of an older topic of that name, which a crash has left, must not come to life again.
    if (files.exists(metadata) && TRY(files.read_file(metadata)) != partition_metadata(topic.id)) {
        auto away = directory + "." + random_uuid().text() + std::string(deleted_suffix);
        TRY(files.rename(directory, away));
        TRY(files.remove_all(away));
    }
    TRY(files.create_directories(directory));
    if (!files.exists(metadata)) {
        made = true;
        TRY(files.replace_file(metadata, partition_metadata(topic.id)));
    }
    Log::Place place{.files = &files,
                     .clock = options_.clock,
                     .committer = committer_.get(),
                     .journal = journal_.get(),
                     .id = {topic.id, partition},
                     .directory = directory,
                     .name = fmt::format("{}-{}", topic.spec.name, partition),
                     .durability = options_.durability};
    return Log::open(std::move(place), options, [moved = topic.moved] { moved->notify(); });
}

LocalTopics::TopicPointer LocalTopics::find(std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : found->second;
}

LocalTopics::TopicPointer LocalTopics::find(const codec::Uuid& id) const {
    std::lock_guard lock(mutex_);
    for (const auto& [name, topic] : topics_)
        if (topic->id == id) return topic;
    return nullptr;
}

std::vector<LocalTopics::TopicPointer> LocalTopics::all() const {
    std::lock_guard lock(mutex_);
    std::vector<TopicPointer> topics;
    for (const auto& [name, topic] : topics_) topics.push_back(topic);
    return topics;
}

Result<> LocalTopics::check(const TopicSpec& spec) const {
    TRY(check_topic_name(spec.name));
    if (spec.partitions < 1 || spec.partitions > 10'000)
        return fail(Errc::invalid, "topic {}: expected 1 to 10000 partitions, got {}", spec.name,
                    spec.partitions);
    TRY(check_topic_config(spec.config));
    for (const auto& topic : all()) {
        if (topic->spec.name == spec.name) return fail(Errc::exists, "Topic '{}' already exists.", spec.name);
        if (topic_names_collide(topic->spec.name, spec.name))
            return fail(Errc::invalid, "Topic '{}' collides with existing topic: {}", spec.name,
                        topic->spec.name);
    }
    return {};
}

Result<> LocalTopics::create(const TopicSpec& spec) {
    std::lock_guard change(change_mutex_);
    TRY(check(spec));
    CatalogueEntry entry{spec, random_uuid()};
    auto topic = TRY(open_topic(entry));
    auto topics = topics_;  // changed under change_mutex_ only
    topics[spec.name] = topic;
    if (auto saved = save_catalogue(topics); !saved) {
        for (std::int32_t i = 0; i < spec.partitions; ++i)
            (void)options_.files->remove_all(partition_path(spec.name, i));
        return saved;
    }
    std::lock_guard lock(mutex_);
    topics_ = std::move(topics);
    return {};
}

Result<> LocalTopics::remove(std::string_view name) {
    TopicPointer topic;
    {
        std::lock_guard change(change_mutex_);
        topic = find(name);
        if (!topic) return unknown_topic(name);
        if (topic->internal) return fail(Errc::invalid, "topic {} is internal", name);
        auto topics = topics_;
        topics.erase(std::string(name));
        TRY(save_catalogue(topics));
        {
            std::lock_guard lock(mutex_);
            topics_ = std::move(topics);
        }
        for (std::size_t i = 0; i < topic->logs.size(); ++i) {
            topic->logs[i]->stop(unknown_topic(name).error());
            auto directory = partition_path(name, std::int32_t(i));
            auto away = directory + "." + topic->id.text() + std::string(deleted_suffix);
            TRY(options_.files->rename(directory, away));
            TRY(options_.files->remove_all(away));
        }
    }
    offsets_->forget_topic(name);
    topic->moved->notify();
    return {};
}

void LocalTopics::set_options_of(const Topic& topic, const TopicConfig& defaults) {
    auto options = log_options(topic.spec.config, defaults);
    for (const auto& log : topic.logs) log->set_options(options);
}

Result<> LocalTopics::change_config(std::string_view name,
                                    const std::function<TopicConfig(TopicConfig)>& change) {
    std::lock_guard guard(change_mutex_);
    auto topic = find(name);
    if (!topic) return unknown_topic(name);
    auto changed = std::make_shared<Topic>(*topic);
    changed->spec.config = change(topic->spec.config);
    TRY(check_topic_config(changed->spec.config));
    auto topics = topics_;
    topics[changed->spec.name] = changed;
    TRY(save_catalogue(topics));
    set_options_of(*changed, topic_defaults());
    std::lock_guard lock(mutex_);
    topics_ = std::move(topics);
    return {};
}

Result<> LocalTopics::alter(std::string_view topic, const TopicConfig& config) {
    return change_config(topic, [&](TopicConfig now) {
        for (const auto& [name, value] : config) now[name] = value;
        return now;
    });
}

Result<> LocalTopics::replace_config(std::string_view topic, const TopicConfig& config) {
    return change_config(topic, [&](const TopicConfig&) { return config; });
}

TopicConfig LocalTopics::topic_defaults() const {
    auto defaults = options_.topic_defaults;
    auto overlay = [&](std::string_view broker) {
        for (auto& [name, value] : configs_->of(ConfigOwner::broker, broker))
            if (const auto* setting = find_topic_setting_of_broker(name))
                defaults[std::string(setting->name)] = value;
    };
    overlay("");
    overlay(std::to_string(options_.node_id));
    return defaults;
}

Result<> LocalTopics::set_config(ConfigOwner owner, const std::string& name, TopicConfig config) {
    std::lock_guard guard(change_mutex_);
    TRY(configs_->replace(owner, name, std::move(config)));
    ++changes_;
    if (owner != ConfigOwner::broker) return {};
    auto defaults = topic_defaults();
    for (const auto& topic : all()) set_options_of(*topic, defaults);
    return {};
}

Result<> LocalTopics::add_partitions(std::string_view name, std::int32_t total) {
    std::lock_guard guard(change_mutex_);
    auto topic = find(name);
    if (!topic) return unknown_topic(name);
    if (total <= topic->spec.partitions || total > 10'000)
        return fail(Errc::invalid,
                    "topic {} has {} partitions; expected more than that and at most "
                    "10000, got {}",
                    name, topic->spec.partitions, total);
    auto changed = std::make_shared<Topic>(*topic);
    changed->spec.partitions = total;
    TRY(open_logs(*changed, topic->spec.partitions));
    auto topics = topics_;
    topics[changed->spec.name] = changed;
    TRY(save_catalogue(topics));
    std::lock_guard lock(mutex_);
    topics_ = std::move(topics);
    return {};
}

Result<std::vector<TopicInfo>> LocalTopics::list() {
    std::vector<TopicInfo> infos;
    for (const auto& topic : all()) infos.push_back(info_of(*topic));
    return infos;
}

Result<TopicInfo> LocalTopics::info(std::string_view name) {
    auto topic = find(name);
    if (!topic) return unknown_topic(name);
    return info_of(*topic);
}

Result<std::shared_ptr<Log>> LocalTopics::log_of(std::string_view name, std::int32_t partition) const {
    auto topic = find(name);
    if (!topic) return unknown_topic(name);
    if (!topic->has(partition))
        return fail(Errc::not_found, "topic {} has no partition {}; it has {}", name, partition,
                    topic->logs.size());
    return topic->logs[std::size_t(partition)];
}

void LocalTopics::append(const AppendRequest& request, Appended done) {
    auto log = log_of(request.topic, request.partition);
    if (!log) return done(std::unexpected(log.error()));
    if (closing_) return done(fail(Errc::cancelled, "the log is closing"));
    auto options = (*log)->options();
    bool has_all_keys =
        std::ranges::all_of(request.records, [](const NewRecord& each) { return each.key.has_value(); });
    if (options.compacts && !has_all_keys)
        return done(fail(Errc::invalid, "topic {} is compacted, so every record needs a key", request.topic));
    auto encoded = encode_batches(request, options.max_message_bytes, options_.clock->now_ms(), *buffers_);
    if (!encoded)
        return done(fail(fmt::format("{}-{}", request.topic, request.partition), std::move(encoded).error()));
    if (options.compression)
        for (auto& batch : *encoded)
            if (auto header = wire::kafka::parse_batch_header(batch))
                if (auto other = wire::kafka::recompress_batch(batch, *header, *options.compression))
                    batch = std::move(*other);
    auto batches = std::make_shared<PooledBatches>(std::move(*encoded), buffers_);
    std::int64_t bytes = 0;
    Append append;
    for (auto& batch : batches->batches) {
        append.batches.emplace_back(batch);
        bytes += std::int64_t(batch.size());
    }
    auto pending = pending_bytes_;
    if (pending->fetch_add(bytes) + bytes > options_.max_pending_bytes && pending->load() > bytes) {
        pending->fetch_sub(bytes);
        return done(fail(Errc::full, "{} of records wait to be written; try again when they are",
                         format_bytes(pending->load())));
    }
    append.owner = std::move(batches);
    append.producer = request.producer;
    append.position = request.position;
    append.done = [pending, bytes, done = std::move(done)](Result<std::int64_t> result) {
        pending->fetch_sub(bytes);
        done(std::move(result));
    };
    (*log)->append(std::move(append));
}

void LocalTopics::append_marker(const TopicPartition& partition, std::int64_t producer_id, std::int16_t epoch,
                                TransactionMarker marker, std::function<void(Result<>)> done) {
    auto log = log_of(partition.topic, partition.partition);
    if (!log) return done(std::unexpected(log.error()));
    if (closing_) return done(fail(Errc::cancelled, "the log is closing"));
    auto batch =
        std::make_shared<std::string>(encode_marker(producer_id, epoch, marker, options_.clock->now_ms()));
    Append append;
    append.batches.emplace_back(*batch);
    append.owner = batch;
    append.done = [done = std::move(done)](const Result<std::int64_t>& result) {
        done(result ? Result<>() : std::unexpected(result.error()));
    };
    (*log)->append(std::move(append));
}

Result<std::string> LocalTopics::position(std::string_view topic, std::int32_t partition,
                                          std::string_view producer) {
    return TRY(log_of(topic, partition))->position(producer);
}

namespace {

/// Adds the batch's records from offset on. decompressed: what the set's views point into, beside the slice.
Result<> add_records(std::string_view batch, const wire::kafka::BatchHeader& header, std::int64_t offset,
                     std::vector<std::string>& decompressed, RecordSet& set) {
    auto bytes = batch.substr(std::size_t(wire::kafka::batch_header_size));
    if (header.compression() != codec::Compression::none) {
        std::string scratch;
        TRY(batch_records(batch, header, scratch, decompressed_limit));
        auto size = scratch.size();
        scratch.resize(size + readable_slack);
        bytes = std::string_view(decompressed.emplace_back(std::move(scratch))).substr(0, size);
    }
    bool append_time = header.has(wire::kafka::attribute::log_append_time);
    auto wanted = set.records.size() + std::size_t(header.record_count);
    if (set.records.capacity() < wanted) set.records.reserve(std::max(wanted, 2 * set.records.capacity()));
    wire::kafka::RecordCursor cursor(bytes);
    for (wire::kafka::RecordView view; cursor.next(view);) {
        auto at = header.base_offset + view.offset_delta;
        if (at < offset) continue;
        auto time = append_time ? header.max_timestamp : header.base_timestamp + view.timestamp_delta;
        set.records.push_back({at, time, view.key, view.value, view.headers});
    }
    if (!cursor.ok()) return fail(Errc::corrupt, "a record of the batch cannot be read");
    return {};
}

bool is_aborted(const std::vector<AbortedTransaction>& aborted, const wire::kafka::BatchHeader& header) {
    if (aborted.empty() || !header.has(wire::kafka::attribute::transactional)) return false;
    return std::ranges::any_of(aborted, [&](const AbortedTransaction& each) {
        return each.producer_id == header.producer_id && each.first_offset <= header.base_offset &&
               header.base_offset <= each.last_offset;
    });
}

}  // namespace

Result<RecordSet> LocalTopics::read(std::string_view topic, std::int32_t partition, std::int64_t offset,
                                    std::int64_t max_bytes) {
    auto log = TRY(log_of(topic, partition));
    RecordSet set;
    set.next_offset = offset;
    // Again when all that was found is of aborted transactions, or markers.
    while (set.records.empty()) {
        auto slice = TRY(log->read_stable(set.next_offset, max_bytes));
        if (slice.bytes.empty()) {
            set.next_offset = slice.next_offset;
            break;
        }
        auto aborted = log->aborted_transactions(set.next_offset, slice.next_offset);
        auto buffers = std::make_shared<ReadBuffers>(ReadBuffers{slice.owner, {}});
        for (auto left = slice.bytes; !left.empty();) {
            auto header = TRY(wire::kafka::parse_batch_header(left));
            auto batch = left.substr(0, std::size_t(header.size()));
            left.remove_prefix(batch.size());
            if (header.has(wire::kafka::attribute::control) || is_aborted(aborted, header)) continue;
            if (auto added = add_records(batch, header, offset, buffers->decompressed, set); !added)
                return fail(fmt::format("{}-{} offset {}", topic, partition, header.base_offset),
                            std::move(added).error());
        }
        set.next_offset = slice.next_offset;
        set.bytes = buffers->decompressed.empty() ? slice.owner : buffers;
    }
    return set;
}

Result<std::int64_t> LocalTopics::offset_for_time(std::string_view topic, std::int32_t partition,
                                                  std::int64_t timestamp_ms) {
    auto log = TRY(log_of(topic, partition));
    auto end = log->stable_offset();
    auto found = TRY(log->find_time(timestamp_ms));
    return found ? std::min(found->offset, end) : end;
}

Result<std::shared_ptr<void>> LocalTopics::subscribe(std::string_view name, std::function<void()> moved) {
    auto topic = find(name);
    if (!topic) return unknown_topic(name);
    return topic->moved->add(std::move(moved));
}

Result<> LocalTopics::publish_position(std::string_view group, std::string_view topic, std::int32_t partition,
                                       std::int64_t offset) {
    TRY(log_of(topic, partition));
    offsets_->publish({std::string(group), std::string(topic), partition}, offset);
    return {};
}

Result<std::int64_t> LocalTopics::new_producer_id() {
    std::lock_guard lock(producer_ids_mutex_);
    if (next_producer_id_ == reserved_producer_ids_) {
        auto reserved = reserved_producer_ids_ + producer_id_block;
        TRY(options_.files->replace_file(path(producer_ids_file), fmt::format("{}\n", reserved)));
        reserved_producer_ids_ = reserved;
    }
    return next_producer_id_++;
}

void LocalTopics::clean() {
    for (const auto& topic : all())
        for (const auto& log : topic->logs)
            if (auto done = log->clean(); !done)
                log::error("retention of {}: {}", topic->spec.name, done.error().text);
}

void LocalTopics::compact() {
    std::lock_guard one_at_a_time(compact_mutex_);
    for (const auto& topic : all())
        for (const auto& log : topic->logs) {
            if (closing_) return;
            if (auto done = log->compact(); !done)
                log::error("compaction of {}: {}", topic->spec.name, done.error().text);
        }
}

std::chrono::milliseconds LocalTopics::compact_interval() const {
    for (const auto& broker : {std::to_string(options_.node_id), std::string()}) {
        const auto set = configs_->of(ConfigOwner::broker, broker);
        if (auto found = set.find("log.cleaner.backoff.ms"); found != set.end())
            if (auto number = parse_int(found->second)) return std::chrono::milliseconds(*number);
    }
    return std::chrono::milliseconds(options_.compact_interval_ms);
}

void LocalTopics::compacting() {
    std::unique_lock lock(housekeeping_mutex_);
    while (!housekeeping_wake_.wait_for(lock, compact_interval(), [this] { return housekeeping_stops_; })) {
        lock.unlock();
        compact();
        lock.lock();
    }
}

/// Flushes, applies retention and writes published positions, until the log closes.
void LocalTopics::housekeeping() {
    auto next_clean = options_.clock->monotonic_us() + options_.clean_interval_us;
    while (true) {
        {
            std::unique_lock lock(housekeeping_mutex_);
            housekeeping_wake_.wait_for(lock, std::chrono::microseconds(options_.flush_interval_us),
                                        [this] { return housekeeping_stops_; });
            if (housekeeping_stops_) return;
        }
        offsets_->write_published();
        transactions_->tick();
        if (options_.durability == Durability::flushed)
            for (const auto& topic : all())
                for (const auto& log : topic->logs) (void)log->flush();
        if (options_.clock->monotonic_us() < next_clean) continue;
        next_clean = options_.clock->monotonic_us() + options_.clean_interval_us;
        clean();
    }
}

}  // namespace penstock::broker
