#include "broker/remote_transactions.h"

#include <algorithm>
#include <atomic>

#include "base/log.h"
#include "broker/remote_positions.h"

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t queued_bytes_max = 64 << 20;  // of one producer
constexpr int one_call_ms = 5'000;
/// Longer than between two positions that one run of a source or query asks for.
constexpr milliseconds idle_after{500};
constexpr int batch_bytes = 900'000;
constexpr milliseconds purge_every{500};
constexpr milliseconds report_within{30'000};  // after a transaction has ended

using KafkaError = std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)>;
KafkaError owned(rd_kafka_error_t* error) {
    return {error, rd_kafka_error_destroy};
}

}  // namespace

struct RemoteTransactions::Queued {
    Queued(const AppendRequest& request, Appended appended)
        : topic(request.topic),
          producer(request.producer),
          position(request.position),
          partition(request.partition),
          done(std::move(appended)) {
        std::size_t total = 0;
        std::size_t header_count = 0;
        for (const auto& record : request.records) {
            total += record.key.value_or("").size() + record.value.value_or("").size();
            header_count += record.headers.size();
            for (const auto& header : record.headers) total += header.name.size() + header.value.size();
        }
        // Reserved at once, so that the views into them stay.
        bytes.reserve(total);
        headers.reserve(header_count);
        for (const auto& record : request.records) add(record);
    }

    AppendRequest request() const {
        return {.topic = topic,
                .partition = partition,
                .records = records,
                .producer = producer,
                .position = position};
    }

    std::string topic, producer, position;
    std::int32_t partition;
    std::string bytes;
    std::vector<Header> headers;
    std::vector<NewRecord> records;
    Appended done;
    Result<std::int64_t> result = 0;

private:
    std::string_view keep(std::string_view text) {
        auto at = bytes.size();
        bytes.append(text);
        return std::string_view(bytes).substr(at);
    }
    void add(const NewRecord& record) {
        NewRecord own{.timestamp_ms = record.timestamp_ms, .headers = {}};
        if (record.key) own.key = keep(*record.key);
        if (record.value) own.value = keep(*record.value);
        auto first = headers.size();
        for (const auto& header : record.headers) headers.push_back({keep(header.name), keep(header.value)});
        own.headers = std::span(headers).subspan(first);
        records.push_back(own);
    }
};

/// The reports of one transaction's appends, two for each: its records and its position.
class RemoteTransactions::Reports {
public:
    explicit Reports(std::vector<std::unique_ptr<Queued>> batch)
        : batch_(std::move(batch)), open_(batch_.size() * 2) {}

    const std::vector<std::unique_ptr<Queued>>& batch() const { return batch_; }

    void told(Queued& queued, Result<std::int64_t> result, bool is_position) {
        {
            std::lock_guard lock(mutex_);
            if (given_up_) return;
            // The first failure counts; of what went well, the records' base offset.
            if (queued.result && (!result || !is_position)) queued.result = std::move(result);
            --open_;
        }
        changed_.notify_all();
    }
    bool wait(milliseconds limit) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, [&] { return open_ == 0; });
    }
    /// Reports that come later are of no interest.
    void give_up() {
        std::lock_guard lock(mutex_);
        given_up_ = true;
    }

private:
    const std::vector<std::unique_ptr<Queued>> batch_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t open_;
    bool given_up_ = false;
};

/// One transactional producer and the thread that runs its transactions.
class RemoteTransactions::Session {
public:
    static Result<std::shared_ptr<Session>> open(const RemoteSettings& settings, std::string_view producer) {
        auto properties = producer_properties(settings, batch_bytes);
        properties["transactional.id"] = fmt::format("penstock.{}", producer);
        properties["transaction.timeout.ms"] = fmt::to_string(settings.deliver_for.count() + 30'000);
        auto client =
            TRY(RemoteClient::open(RD_KAFKA_PRODUCER, settings, properties, {.delivered = Delivery::report}));
        return std::shared_ptr<Session>(new Session(settings, std::move(client)));
    }
    ~Session() {
        {
            std::lock_guard lock(mutex_);
            stops_ = true;
        }
        wake_.notify_all();
        thread_.join();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void append(const AppendRequest& request, Appended done) {
        use();
        auto queued = std::make_unique<Queued>(request, std::move(done));
        std::optional<Error> refused;
        {
            std::lock_guard lock(mutex_);
            if (error_) {
                refused = error_;
            } else if (!queue_.empty() && queued_bytes_ + queued->bytes.size() > queued_bytes_max) {
                refused = Error{Errc::full, fmt::format("producer {}: more than {} bytes wait for Kafka",
                                                        request.producer, queued_bytes_max)};
            } else {
                queued_bytes_ += queued->bytes.size();
                queue_.push_back(std::move(queued));
            }
        }
        wake_.notify_all();
        if (refused) queued->done(fail(std::move(*refused)));
    }

    void use() { used_at_ = steady_clock::now().time_since_epoch().count(); }
    /// Nothing is on its way, and nothing was asked of it lately.
    bool is_idle() {
        std::lock_guard lock(mutex_);
        steady_clock::duration used_at(used_at_.load());
        return is_ready_ && !is_committing_ && queue_.empty() &&
               steady_clock::now().time_since_epoch() - used_at > idle_after;
    }
    /// Waits until whoever had the producer before is fenced, and its transaction is decided.
    Result<> wait_ready() {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return is_ready_ || error_; });
        if (error_) return fail(*error_);
        return {};
    }
    /// Commits these positions once more, which marks the end of what Kafka has left open of the producer in
    /// the positions topic. Nothing is on its way.
    Result<> commit_again(std::string_view producer, std::span<const RemoteLeftover::Appended> positions) {
        return alone([&] { return begin_and_commit(producer, positions); });
    }
    /// Aborts a record in this partition, and with it what Kafka has left open of the producer there. Nothing
    /// is on its way.
    Result<> abort_again(const TopicPartition& place) {
        return alone([&] { return begin_and_abort(place); });
    }
    bool is_broken() {
        std::lock_guard lock(mutex_);
        return error_.has_value();
    }
    bool is_fenced() {
        std::lock_guard lock(mutex_);
        return error_ && error_->code == Errc::fenced;
    }

private:
    Session(const RemoteSettings& settings, std::unique_ptr<RemoteClient> client)
        : retry_for_(settings.retry_for), client_(std::move(client)) {
        thread_ = std::thread([this] { run(); });
    }

    void run() {
        if (auto ready = call("take the producer over",
                              [&](int ms) { return rd_kafka_init_transactions(client_->handle(), ms); });
            !ready) {
            end_with(ready.error());
        } else {
            std::lock_guard lock(mutex_);
            is_ready_ = true;
        }
        wake_.notify_all();
        for (;;) {
            std::vector<std::unique_ptr<Queued>> batch;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [&] { return !is_committing_ && (stops_ || !queue_.empty()); });
                if (queue_.empty()) return;
                std::move(queue_.begin(), queue_.end(), std::back_inserter(batch));
                queue_.clear();
                queued_bytes_ = 0;
                is_committing_ = true;
            }
            auto reports = std::make_shared<Reports>(std::move(batch));
            auto committed = is_broken() ? Result<>(fail(*error_)) : commit(reports);
            for (const auto& queued : reports->batch()) {
                bool has_own_error = !queued->result && queued->result.error().code != Errc::cancelled;
                if (committed || has_own_error)
                    queued->done(queued->result);
                else
                    queued->done(fail(committed.error()));
            }
            use();
            std::lock_guard lock(mutex_);
            is_committing_ = false;
        }
    }

    Result<> alone(const std::function<Result<>()>& transaction) {
        {
            std::lock_guard lock(mutex_);
            if (error_) return fail(*error_);
            if (is_committing_ || !queue_.empty()) return fail(Errc::unavailable, "the producer is busy");
            is_committing_ = true;
        }
        auto done = transaction();
        if (!done) end_with(done.error());
        {
            std::lock_guard lock(mutex_);
            is_committing_ = false;
        }
        wake_.notify_all();
        return done;
    }

    /// What is queued fails, and what comes later is refused.
    void end_with(const Error& error) {
        std::lock_guard lock(mutex_);
        error_ = error;
    }

    /// Calls again while librdkafka says that it may help.
    Result<> call(std::string_view what, const std::function<rd_kafka_error_t*(int)>& operation) {
        auto deadline = steady_clock::now() + retry_for_;
        for (;;) {
            auto error = owned(operation(one_call_ms));
            if (!error) return {};
            bool again = rd_kafka_error_is_retriable(error.get()) && steady_clock::now() < deadline;
            if (again) continue;
            auto code = rd_kafka_error_code(error.get());
            needs_abort_ = rd_kafka_error_txn_requires_abort(error.get()) != 0;
            auto told = client_->error(code, what, rd_kafka_error_string(error.get()));
            if (rd_kafka_error_is_retriable(error.get())) told.code = Errc::unavailable;
            std::array<char, 256> text{};
            // A fatal error says of itself only that it is fatal.
            if (auto fatal = rd_kafka_fatal_error(client_->handle(), text.data(), text.size()))
                told = client_->error(fatal, what, text.data());
            return fail(told);
        }
    }

    Result<> commit(const std::shared_ptr<Reports>& reports) {
        auto* handle = client_->handle();
        auto begun = owned(rd_kafka_begin_transaction(handle));
        if (begun) {
            auto failed =
                call("begin a transaction", [&](int) { return rd_kafka_begin_transaction(handle); });
            if (!failed) {
                end_with(failed.error());
                return failed;
            }
        }
        for (const auto& queued : reports->batch()) {
            auto told = [reports, &queued = *queued](bool is_position) {
                return [reports, &queued, is_position](Result<std::int64_t> result) {
                    reports->told(queued, std::move(result), is_position);
                };
            };
            send(queued->request(), told(false));
            auto key = position_key(queued->producer, queued->topic, queued->partition);
            NewRecord position{.key = key, .value = queued->position, .headers = {}};
            send({.topic = positions_topic, .records = std::span(&position, 1)}, told(true));
        }
        // Waits for the records' delivery, too.
        auto done =
            call("commit a transaction", [&](int ms) { return rd_kafka_commit_transaction(handle, ms); });
        if (!done) {
            auto why = done.error();
            bool is_over = !needs_abort_;
            if (needs_abort_) {
                auto aborted = call("abort a transaction",
                                    [&](int ms) { return rd_kafka_abort_transaction(handle, ms); });
                if (!aborted) {
                    why = aborted.error();
                    is_over = true;
                }
            }
            // Whether it was committed shows when somebody takes the producer over.
            if (is_over) end_with(why);
            done = fail(why);
        }
        return all_reported(*reports, std::move(done));
    }

    Result<> begin_and_commit(std::string_view producer,
                              std::span<const RemoteLeftover::Appended> positions) {
        auto* handle = client_->handle();
        TRY(call("begin a transaction", [&](int) { return rd_kafka_begin_transaction(handle); }));
        for (const auto& each : positions) {
            auto key = position_key(producer, each.place.topic, each.place.partition);
            NewRecord position{.key = key, .value = each.position, .headers = {}};
            send({.topic = positions_topic, .records = std::span(&position, 1)},
                 [](const Result<std::int64_t>&) {});
        }
        return call("commit a transaction", [&](int ms) { return rd_kafka_commit_transaction(handle, ms); });
    }

    Result<> begin_and_abort(const TopicPartition& place) {
        auto* handle = client_->handle();
        TRY(call("begin a transaction", [&](int) { return rd_kafka_begin_transaction(handle); }));
        NewRecord record{.key = "", .headers = {}};  // a compacted topic wants a key
        auto sent = std::make_shared<std::atomic<bool>>(false);
        send({.topic = place.topic, .partition = place.partition, .records = std::span(&record, 1)},
             [sent](const Result<std::int64_t>& result) { *sent = bool(result); });
        rd_kafka_flush(handle, int(retry_for_.count()));
        TRY(call("abort a transaction", [&](int ms) { return rd_kafka_abort_transaction(handle, ms); }));
        if (*sent) return {};
        return fail(Errc::unavailable, "a transaction that Kafka has left open in {}-{} could not be aborted",
                    place.topic, place.partition);
    }

    /// What failed is purged until all of it is reported: what was on its way to a broker that went away
    /// comes back into the queue after a purge. Reports that do not come are not waited for: the producer is
    /// taken over anew, which shows what was committed.
    Result<> all_reported(Reports& reports, Result<> done) {
        auto deadline = steady_clock::now() + report_within;
        bool is_over = !done && is_broken();
        do {
            if (is_over)
                rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
            if (reports.wait(purge_every)) return done;
        } while (steady_clock::now() < deadline);
        reports.give_up();
        if (done) done = fail(Errc::unavailable, "Kafka's client does not tell what became of a transaction");
        if (!is_broken()) end_with(done.error());
        return done;
    }

    void send(const AppendRequest& request, Appended told) {
        auto* delivery = std::make_unique<Delivery>(std::move(told)).release();
        send_records(*client_, request, *delivery);
        delivery->finish();
    }

    const milliseconds retry_for_;
    std::unique_ptr<RemoteClient> client_;
    bool needs_abort_ = false;  ///< of the thread alone
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stops_ = false;
    bool is_ready_ = false;
    bool is_committing_ = false;
    std::atomic<steady_clock::rep> used_at_{steady_clock::now().time_since_epoch().count()};
    std::optional<Error> error_;
    std::deque<std::unique_ptr<Queued>> queue_;
    std::size_t queued_bytes_ = 0;
    std::thread thread_;
};

RemoteTransactions::~RemoteTransactions() {
    // Before what their last callbacks use.
    sessions_.clear();
}

/// A session that has failed is replaced; one that was fenced only when somebody means to take over.
Result<std::shared_ptr<RemoteTransactions::Session>> RemoteTransactions::session(std::string_view producer,
                                                                                 bool take_over) {
    TRY(make_positions_topic());
    std::shared_ptr<Session> old;  // ends after the lock
    std::lock_guard lock(mutex_);
    auto found = sessions_.find(producer);
    if (found != sessions_.end()) {
        // Between two runs here another process may have had the producer, and been killed in the middle of a
        // transaction: only taking it over anew ends that one.
        bool is_left = take_over && found->second->is_idle();
        if (!found->second->is_broken() && !is_left) {
            found->second->use();
            return found->second;
        }
        if (found->second->is_fenced() && !take_over) return found->second;
        old = std::move(found->second);
        sessions_.erase(found);
        forget_committed(producer);
    }
    auto opened = TRY(Session::open(settings_, producer));
    return sessions_.emplace(std::string(producer), std::move(opened)).first->second;
}

/// Somebody else may have gone on from there.
void RemoteTransactions::forget_committed(std::string_view producer) {
    auto start = fmt::format("{}\n", producer);
    std::lock_guard lock(committed_mutex_);
    std::erase_if(committed_, [&](const auto& each) { return each.first.starts_with(start); });
}

Result<> RemoteTransactions::make_positions_topic() {
    if (has_positions_topic_) return {};
    auto made = admin_.create(
        {.name = std::string(positions_topic), .partitions = 1, .config = {{"cleanup.policy", "compact"}}});
    if (!made && made.error().code != Errc::exists) return made;
    has_positions_topic_ = true;
    return {};
}

void RemoteTransactions::append(const AppendRequest& request, Appended done) {
    auto session = this->session(request.producer, false);
    if (!session) return done(fail(session.error()));
    auto key = position_key(request.producer, request.topic, request.partition);
    (*session)->append(request, [this, key = std::move(key), position = std::string(request.position),
                                 done = std::move(done)](Result<std::int64_t> base) {
        if (base) {
            std::lock_guard lock(committed_mutex_);
            committed_[key] = position;
        }
        done(std::move(base));
    });
}

Result<std::string> RemoteTransactions::position(std::string_view topic, std::int32_t partition,
                                                 std::string_view producer) {
    auto session = TRY(this->session(producer, true));
    TRY(session->wait_ready());
    session->use();
    auto key = position_key(producer, topic, partition);
    {
        std::lock_guard lock(committed_mutex_);
        if (auto found = committed_.find(key); found != committed_.end()) return found->second;
    }
    std::lock_guard lock(positions_mutex_);
    TRY(read_positions(*session, producer));
    session->use();
    auto found = positions_.find(key);
    auto position = found == positions_.end() ? std::string() : found->second;
    TRY(abort_what_is_left(*session, producer, {{std::string(topic), partition}, position}));
    return position;
}

/// Of the producer, in the partition where it is about to go on: its next commit would commit that, too.
Result<> RemoteTransactions::abort_what_is_left(Session& session, std::string_view producer,
                                                const RemoteLeftover::Appended& committed) {
    if (!TRY(leftover().is_undone(committed, producer))) return {};
    log::warn("Kafka at {} hides records of {} in {}-{} that it has aborted: they are aborted once more",
              settings_.brokers, producer, committed.place.topic, committed.place.partition);
    return session.abort_again(committed.place);
}

RemoteLeftover& RemoteTransactions::leftover() {
    if (!leftover_) leftover_ = std::make_unique<RemoteLeftover>(settings_, admin_, *all_written_);
    return *leftover_;
}

/// Of positions that were read before, nobody knows whether they still hold when the topic cannot be seen.
Result<std::int64_t> RemoteTransactions::end_of_positions(RemoteAdmin& admin) {
    auto end = admin.end({std::string(positions_topic), 0});
    if (end || end.error().code != Errc::not_found) return end;
    has_positions_topic_ = false;
    return fail(Errc::unavailable, "{}", end.error().text);
}

/// Reads all that was written before now. Readers see nothing behind the first transaction that is open,
/// whoever's it is: one that a killed process has left behind hides what the others have committed since. It
/// ends when somebody takes its producer over, or by Kafka's own time limit. One that Kafka itself has left
/// open of the producer that was just taken over is committed.
Result<> RemoteTransactions::read_positions(Session& session, std::string_view producer) {
    if (!all_written_) all_written_ = TRY(RemoteAdmin::open(settings_, RemoteAdmin::Ends::of_written));
    auto end = TRY(end_of_positions(*all_written_));
    TRY(wait_until_decided(end, session, producer));
    if (positions_next_ < 0)
        positions_next_ =
            TRY(admin_.offsets_at({{std::string(positions_topic), 0}}, RemoteAdmin::start_time)).front();
    while (positions_next_ < end) {
        constexpr std::int64_t most = 4 << 20;
        auto set = reader_.read(positions_topic, 0, positions_next_, most, end);
        if (!set) {
            positions_next_ = -1;
            return fail(set.error());
        }
        for (const auto& record : set->records)
            if (record.key) positions_[std::string(*record.key)] = record.value.value_or("");
        positions_next_ = set->next_offset;
    }
    return {};
}

Result<> RemoteTransactions::wait_until_decided(std::int64_t end, Session& session,
                                                std::string_view producer) {
    constexpr milliseconds look_again{20};
    auto deadline = steady_clock::now() + settings_.retry_for;
    bool is_committed = false;
    for (;;) {
        auto decided = TRY(end_of_positions(admin_));
        if (decided >= end) return {};
        if (steady_clock::now() < deadline) {
            std::this_thread::sleep_for(look_again);
            continue;
        }
        if (is_committed) {
            return fail(Errc::unavailable, "Kafka at {}: a transaction in {} stays open at offset {}",
                        settings_.brokers, positions_topic, decided);
        }
        auto left_open = leftover().find(producer, decided, end);
        if (!left_open) {
            return fail(left_open.error().code, "{} (tried for {} ms)", left_open.error().text,
                        settings_.retry_for.count());
        }
        log::warn(
            "Kafka at {} has left a transaction of {} open that it says is over: it is committed once more",
            settings_.brokers, producer);
        TRY(session.commit_again(producer, *left_open));
        is_committed = true;
        deadline = steady_clock::now() + settings_.retry_for;
    }
}

}  // namespace penstock::broker
