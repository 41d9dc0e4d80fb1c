#include "broker/remote_session.h"

#include <algorithm>
#include <array>

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
constexpr milliseconds look_after_kept_every{500};

using KafkaError = std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)>;
KafkaError owned(rd_kafka_error_t* error) {
    return {error, rd_kafka_error_destroy};
}

}  // namespace

/// The reports of one transaction's appends: one for the records of each, one for its position.
class RemoteSession::Reports {
public:
    explicit Reports(std::vector<RemoteAppendPart> parts) : parts_(std::move(parts)) {
        for (const auto& part : parts_)
            open_ += std::size_t(part.has_records) + std::size_t(part.has_position);
    }

    const std::vector<RemoteAppendPart>& parts() const { return parts_; }

    void told(RemoteAppend& append, Result<std::int64_t> result, bool is_position) {
        {
            std::lock_guard lock(mutex_);
            if (given_up_) return;
            if (result && is_position) append.position_offset = *result;
            if (result && !is_position) append.offset = *result;
            // The first failure counts; of what went well, the records' base offset.
            if (append.result && (!result || !is_position)) append.result = std::move(result);
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
    const std::vector<RemoteAppendPart> parts_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t open_ = 0;
    bool given_up_ = false;
};

Result<std::shared_ptr<RemoteSession>> RemoteSession::open(const RemoteSettings& settings,
                                                           std::string_view producer,
                                                           const std::shared_ptr<RemoteKept>& kept,
                                                           RemoteAdmin& committed) {
    auto properties = producer_properties(settings, batch_bytes);
    properties["transactional.id"] = fmt::format("penstock.{}", producer);
    properties["transaction.timeout.ms"] = fmt::to_string(settings.deliver_for.count() + 30'000);
    auto client =
        TRY(RemoteClient::open(RD_KAFKA_PRODUCER, settings, properties, {.delivered = Delivery::report}));
    return std::shared_ptr<RemoteSession>(new RemoteSession(settings, std::move(client), kept, committed));
}

RemoteSession::RemoteSession(const RemoteSettings& settings, std::unique_ptr<RemoteClient> client,
                             std::shared_ptr<RemoteKept> kept, RemoteAdmin& committed)
    : retry_for_(settings.retry_for),
      kept_(std::move(kept)),
      committed_(committed),
      client_(std::move(client)) {
    thread_ = std::thread([this] { run(); });
}

RemoteSession::~RemoteSession() {
    {
        std::lock_guard lock(mutex_);
        stops_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void RemoteSession::append(const AppendRequest& request, Appended done) {
    use();
    auto queued = std::make_unique<RemoteAppend>(request, std::move(done));
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

bool RemoteSession::is_idle() {
    std::lock_guard lock(mutex_);
    steady_clock::duration used_at(used_at_.load());
    return is_ready_ && !is_committing_ && queue_.empty() &&
           steady_clock::now().time_since_epoch() - used_at > idle_after;
}

Result<> RemoteSession::wait_ready() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return is_ready_ || error_; });
    if (error_) return fail(*error_);
    return {};
}

Result<> RemoteSession::commit_again(std::string_view producer,
                                     std::span<const RemoteLeftover::Appended> positions) {
    return alone([&] { return begin_and_commit(producer, positions); });
}

Result<> RemoteSession::abort_again(const TopicPartition& place) {
    return alone([&] {
        kept_->suspect();
        return begin_and_abort(place);
    });
}

Result<> RemoteSession::append_again(std::vector<RemoteAppendPart> parts) {
    for (auto& part : parts) part.append->result = 0;
    auto reports = std::make_shared<Reports>(std::move(parts));
    return alone([&] { return commit(reports); });
}

bool RemoteSession::is_broken() {
    std::lock_guard lock(mutex_);
    return error_.has_value();
}

bool RemoteSession::is_fenced() {
    std::lock_guard lock(mutex_);
    return error_ && error_->code == Errc::fenced;
}

void RemoteSession::run() {
    auto ready = call("take the producer over",
                      [&](int ms) { return rd_kafka_init_transactions(client_->handle(), ms); });
    if (ready) {
        std::lock_guard lock(mutex_);
        is_ready_ = true;
    } else {
        end_with(ready.error());
    }
    wake_.notify_all();
    for (;;) {
        std::deque<std::unique_ptr<RemoteAppend>> queued;
        {
            auto is_awaited = [&] { return !is_committing_ && (stops_ || !queue_.empty()); };
            std::unique_lock lock(mutex_);
            if (kept_->is_empty() || error_)
                wake_.wait(lock, is_awaited);
            else
                wake_.wait_for(lock, look_after_kept_every, is_awaited);
            if (is_awaited()) {
                if (queue_.empty()) return;
                queued = std::exchange(queue_, {});
                queued_bytes_ = 0;
                is_committing_ = true;
            }
        }
        if (!queued.empty()) run_transaction(std::move(queued));
        if (!is_broken()) kept_->forget_marked(committed_);
    }
}

void RemoteSession::run_transaction(std::deque<std::unique_ptr<RemoteAppend>> queued) {
    RemoteKept::Appends appends(std::move_iterator(queued.begin()), std::move_iterator(queued.end()));
    std::vector<RemoteAppendPart> parts;
    for (const auto& append : appends) parts.push_back({append});
    auto reports = std::make_shared<Reports>(std::move(parts));
    auto committed = is_broken() ? Result<>(fail(*error_)) : commit(reports);
    std::vector<std::pair<Appended, Result<std::int64_t>>> outcomes;
    for (const auto& append : appends) {
        append->first_offset = append->offset;
        bool has_own_error = !append->result && append->result.error().code != Errc::cancelled;
        Result<std::int64_t> outcome = append->result;
        if (!committed && !has_own_error) outcome = fail(committed.error());
        outcomes.emplace_back(std::exchange(append->done, nullptr), std::move(outcome));
    }
    // Before anybody is told, as whoever is may ask for the position at once.
    if (committed)
        kept_->add(appends);
    else
        kept_->add_uncertain(std::move(appends));
    for (auto& [done, outcome] : outcomes) done(std::move(outcome));
    use();
    std::lock_guard lock(mutex_);
    is_committing_ = false;
}

Result<> RemoteSession::alone(const std::function<Result<>()>& transaction) {
    {
        std::lock_guard lock(mutex_);
        if (error_) return fail(*error_);
        if (is_committing_ || !queue_.empty()) return fail(Errc::unavailable, "the producer is busy");
        is_committing_ = true;
    }
    auto done = transaction();
    if (!done) {
        kept_->suspect();
        end_with(done.error());
    }
    {
        std::lock_guard lock(mutex_);
        is_committing_ = false;
    }
    wake_.notify_all();
    return done;
}

/// What is queued fails, and what comes later is refused.
void RemoteSession::end_with(const Error& error) {
    std::lock_guard lock(mutex_);
    error_ = error;
}

/// Calls again while librdkafka says that it may help.
Result<> RemoteSession::call(std::string_view what, const std::function<rd_kafka_error_t*(int)>& operation) {
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

Result<> RemoteSession::commit(const std::shared_ptr<Reports>& reports) {
    auto* handle = client_->handle();
    auto begun = owned(rd_kafka_begin_transaction(handle));
    if (begun) {
        auto failed = call("begin a transaction", [&](int) { return rd_kafka_begin_transaction(handle); });
        if (!failed) {
            end_with(failed.error());
            return failed;
        }
    }
    for (const auto& part : reports->parts()) {
        auto& append = *part.append;
        auto told = [reports, &append](bool is_position) {
            return [reports, &append, is_position](Result<std::int64_t> result) {
                reports->told(append, std::move(result), is_position);
            };
        };
        if (part.has_records) send(append.request(), told(false));
        if (!part.has_position) continue;
        auto key = append.key();
        NewRecord position{.key = key, .value = append.position, .headers = {}};
        send({.topic = positions_topic, .records = std::span(&position, 1)}, told(true));
    }
    // Waits for the records' delivery, too.
    auto done = call("commit a transaction", [&](int ms) { return rd_kafka_commit_transaction(handle, ms); });
    if (!done) done = fail(aborted(done.error()));
    return all_reported(*reports, std::move(done));
}

/// What is to be told of a transaction that could not be committed, after it was aborted if it can be.
Error RemoteSession::aborted(Error why) {
    // Whether it was committed shows when somebody takes the producer over.
    bool is_over = !needs_abort_;
    if (needs_abort_) {
        auto aborted = call("abort a transaction",
                            [&](int ms) { return rd_kafka_abort_transaction(client_->handle(), ms); });
        if (!aborted) {
            why = aborted.error();
            is_over = true;
        }
    }
    // Of what was committed before, nobody knows whether it was aborted as well, until the abort is done; who
    // takes the producer over waits for that.
    if (is_over)
        end_with(why);
    else if (!kept_->is_empty())
        end_with({Errc::unavailable, why.text});
    return why;
}

Result<> RemoteSession::begin_and_commit(std::string_view producer,
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

Result<> RemoteSession::begin_and_abort(const TopicPartition& place) {
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

/// What failed is purged until all of it is reported: what was on its way to a broker that went away comes
/// back into the queue after a purge. Reports that do not come are not waited for: the producer is taken over
/// anew, which shows what was committed.
Result<> RemoteSession::all_reported(Reports& reports, Result<> done) {
    auto deadline = steady_clock::now() + report_within;
    bool is_over = !done && is_broken();
    do {
        if (is_over) rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        if (reports.wait(purge_every)) return done;
    } while (steady_clock::now() < deadline);
    reports.give_up();
    if (done) done = fail(Errc::unavailable, "Kafka's client does not tell what became of a transaction");
    if (!is_broken()) end_with(done.error());
    return done;
}

void RemoteSession::send(const AppendRequest& request, Appended told) {
    auto* delivery = std::make_unique<Delivery>(std::move(told)).release();
    send_records(*client_, request, *delivery);
    delivery->finish();
}

}  // namespace penstock::broker
