// A transaction's life under its id:
//   empty -> ongoing: the first partition is added.
//   ongoing -> prepare_commit or prepare_abort: from here on it is decided, whatever happens.
//   prepare_* -> complete_*: every partition has its marker.
// Each step is in the topic before the next one begins, so that after a crash the last one tells what to do:
// an ending transaction gets its markers (again), an ongoing one its timeout.
#include "broker/transaction/coordinator.h"

#include <atomic>

#include "base/log.h"
#include "broker/group/committed_offsets.h"
#include "broker/local_topics.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::int16_t last_usable_epoch = INT16_MAX - 1;

/// Nobody else writes with it, and nobody who had the epoch before comes back.
TransactionState fenced(TransactionState state) {
    state.epoch = std::int16_t(std::min(state.epoch + 1, INT16_MAX + 0));
    state.last_epoch = -1;
    state.status = TransactionStatus::prepare_abort;
    return state;
}

}  // namespace

std::int64_t TransactionCoordinator::now_ms() const {
    return topics_.options().clock->now_ms();
}

Result<> TransactionCoordinator::make_topic() {
    if (topics_.find(transactions_topic)) return {};
    auto made = topics_.create({.name = std::string(transactions_topic),
                                .partitions = 1,
                                .config = {{"cleanup.policy", "compact"}, {"segment.bytes", "16777216"}}});
    if (!made && made.error().code != Errc::exists) return made;
    return {};
}

Result<> TransactionCoordinator::load() {
    auto topic = topics_.find(transactions_topic);
    if (!topic) return {};
    auto offset = topic->logs[0]->start_offset();
    while (offset < topic->logs[0]->end_offset()) {
        auto set = TRY(topics_.read(transactions_topic, 0, offset, 1 << 20));
        for (const auto& record : set.records) {
            auto id = record.key ? decode_transaction_key(*record.key) : std::nullopt;
            if (!id) continue;
            if (!record.value) {
                entries_.erase(*id);
            } else if (auto state = decode_transaction_value(*id, *record.value)) {
                entries_[*id] = std::make_shared<Entry>(Entry{.now = std::move(*state), .ended = {}});
            }
        }
        offset = set.next_offset;
    }
    std::vector<EntryPointer> ending;
    for (const auto& [id, entry] : entries_)
        if (entry->now.is_ending()) ending.push_back(entry);
    for (const auto& entry : ending) {
        entry->changes = true;
        write_markers(entry);
    }
    return {};
}

void TransactionCoordinator::write(const TransactionState& state, std::function<void(bool)> done) {
    auto key = encode_transaction_key(state.id);
    auto value = encode_transaction_value(state);
    NewRecord record;
    record.key = key;
    record.value = value;
    topics_.append({.topic = transactions_topic, .partition = 0, .records = {&record, 1}},
                   [done = std::move(done)](const Result<std::int64_t>& result) {
                       if (!result)
                           log::warn("a transaction's state could not be written: {}", result.error().text);
                       done(result.has_value());
                   });
}

/// entry->changes has been set by whoever found that nothing else is under way.
void TransactionCoordinator::change(EntryPointer entry, TransactionState next, Done done) {
    next.updated_ms = now_ms();
    write(next, [this, entry, next, done = std::move(done)](bool written) {
        {
            std::lock_guard lock(mutex_);
            if (written) entry->now = next;
            entry->changes = false;
        }
        done(written ? ErrorCode::none : ErrorCode::coordinator_not_available);
    });
}

/// What a producer that begins again gets: Errc::fenced when it is not the newest one.
Result<TransactionState> TransactionCoordinator::next_epoch(const TransactionState& now,
                                                            const TransactionalProducer& known) {
    auto next = now;
    next.status = TransactionStatus::empty;
    next.partitions.clear();
    next.start_ms = -1;
    if (now.producer_id >= 0 && known.epoch >= 0) {
        if (known.epoch != now.epoch && known.epoch != now.last_epoch)
            return fail(Errc::fenced, "epoch {} is not the newest", known.epoch);
        if (known.epoch == now.last_epoch && known.epoch != now.epoch) return next;  // it asks again
    }
    next.last_epoch = now.producer_id >= 0 ? known.epoch : std::int16_t(-1);
    if (now.producer_id >= 0 && now.epoch < last_usable_epoch) {
        ++next.epoch;
        return next;
    }
    next.previous_producer_id = now.producer_id;
    next.producer_id = TRY(topics_.new_producer_id());
    next.epoch = 0;
    return next;
}

void TransactionCoordinator::begin(TransactionalProducer known, std::int32_t timeout_ms, Answered done) {
    if (timeout_ms <= 0 || timeout_ms > options_.max_timeout_ms)
        return done({.error = ErrorCode::invalid_transaction_timeout});
    if (auto made = make_topic(); !made) return done({.error = ErrorCode::coordinator_not_available});
    EntryPointer entry;
    TransactionState next;
    auto error = ErrorCode::none;
    bool fences = false;
    {
        std::lock_guard lock(mutex_);
        auto& found = entries_[known.id];
        if (!found) {
            found = std::make_shared<Entry>();
            found->now.id = known.id;
        }
        entry = found;
        const auto& now = entry->now;
        bool is_other = known.producer_id >= 0 && now.producer_id >= 0 &&
                        known.producer_id != now.producer_id && known.producer_id != now.previous_producer_id;
        if (entry->changes || now.is_ending()) {
            error = ErrorCode::concurrent_transactions;
        } else if (is_other) {
            error = ErrorCode::producer_fenced;
        } else if (now.status == TransactionStatus::ongoing) {
            fences = true;
            next = fenced(now);
        } else if (auto made = next_epoch(now, known)) {
            next = std::move(*made);
        } else {
            error = made.error().code == Errc::fenced ? ErrorCode::producer_fenced
                                                      : ErrorCode::coordinator_not_available;
        }
        if (error == ErrorCode::none) entry->changes = true;
    }
    if (error != ErrorCode::none) return done({.error = error});
    if (fences) {  // the client asks again, until the old transaction has ended
        end_now(entry, std::move(next), nullptr);
        return done({.error = ErrorCode::concurrent_transactions});
    }
    next.timeout_ms = timeout_ms;
    change(entry, next,
           [done = std::move(done), id = next.producer_id, epoch = next.epoch](ErrorCode failed) {
               if (failed != ErrorCode::none) return done({.error = failed});
               done({.producer_id = id, .epoch = epoch});
           });
}

/// With mutex_ held.
ErrorCode TransactionCoordinator::check_producer(const TransactionalProducer& producer,
                                                 EntryPointer& entry) const {
    if (producer.id.empty()) return ErrorCode::invalid_request;
    auto found = entries_.find(producer.id);
    if (found == entries_.end() || found->second->now.producer_id != producer.producer_id)
        return ErrorCode::invalid_producer_id_mapping;
    entry = found->second;
    if (entry->now.epoch != producer.epoch) return ErrorCode::producer_fenced;
    return ErrorCode::none;
}

void TransactionCoordinator::add(TransactionalProducer producer, std::vector<TopicPartition> partitions,
                                 bool new_epochs, Done done) {
    EntryPointer entry;
    TransactionState next;
    auto error = ErrorCode::none;
    bool is_known = false;
    {
        std::lock_guard lock(mutex_);
        error = check_producer(producer, entry);
        if (error == ErrorCode::none && (entry->changes || entry->now.is_ending()))
            error = ErrorCode::concurrent_transactions;
        if (error == ErrorCode::none) {
            next = entry->now;
            if (next.status != TransactionStatus::ongoing) {
                next.status = TransactionStatus::ongoing;
                next.partitions.clear();
                next.start_ms = now_ms();
            }
            next.partitions.insert(partitions.begin(), partitions.end());
            next.client_version = new_epochs ? 2 : 0;
            is_known = next == entry->now;
            entry->changes = !is_known;
        }
    }
    if (error != ErrorCode::none || is_known) return done(error);
    change(entry, std::move(next), std::move(done));
}

ErrorCode TransactionCoordinator::check(const TransactionalProducer& producer,
                                        const TopicPartition& partition) const {
    std::lock_guard lock(mutex_);
    EntryPointer entry;
    if (auto error = check_producer(producer, entry); error != ErrorCode::none) return error;
    if (entry->now.is_ending()) return ErrorCode::concurrent_transactions;
    bool writes =
        entry->now.status == TransactionStatus::ongoing && entry->now.partitions.contains(partition);
    return writes ? ErrorCode::none : ErrorCode::transaction_abortable;
}

/// The next state, or nothing when the transaction has ended so already. Errc::cancelled: while it ends;
/// Errc::fenced; Errc::invalid: it cannot end so.
Result<std::optional<TransactionState>> TransactionCoordinator::after_end(
    const TransactionState& now, const TransactionalProducer& producer, bool commits, bool new_epochs) const {
    // Whoever got no answer asks again with the epoch before.
    bool asks_again =
        new_epochs && producer.producer_id == now.producer_id && producer.epoch + 1 == now.epoch;
    asks_again |= new_epochs && producer.producer_id == now.previous_producer_id && now.epoch == 0;
    if (!asks_again && producer.epoch != now.epoch) return fail(Errc::fenced, "not the newest epoch");
    auto next = now;
    next.status = commits ? TransactionStatus::prepare_commit : TransactionStatus::prepare_abort;
    if (new_epochs) {
        next.last_epoch = now.epoch;
        ++next.epoch;
        next.client_version = 2;
    }
    bool may_abort_nothing = new_epochs && !commits && !asks_again;
    switch (now.status) {
        case TransactionStatus::ongoing:
            if (asks_again) return fail(Errc::fenced, "not the newest epoch");
            return next;
        case TransactionStatus::prepare_commit:
        case TransactionStatus::prepare_abort:
            if (commits == (now.status == TransactionStatus::prepare_commit))
                return fail(Errc::cancelled, "it is ending");
            return fail(Errc::invalid, "it ends otherwise");
        case TransactionStatus::complete_commit:
        case TransactionStatus::complete_abort: {
            bool same = commits == (now.status == TransactionStatus::complete_commit);
            if (same && (asks_again || !new_epochs)) return std::optional<TransactionState>();
            break;
        }
        case TransactionStatus::empty:
            break;
    }
    if (!may_abort_nothing) return fail(Errc::invalid, "no transaction is open");
    next.partitions.clear();
    return next;
}

void TransactionCoordinator::end(TransactionalProducer producer, bool commits, bool new_epochs,
                                 Answered done) {
    EntryPointer entry;
    TransactionAnswer answer;
    std::optional<TransactionState> next;
    {
        std::lock_guard lock(mutex_);
        auto found = entries_.find(producer.id);
        bool known = found != entries_.end() && producer.producer_id >= 0 &&
                     (found->second->now.producer_id == producer.producer_id ||
                      found->second->now.previous_producer_id == producer.producer_id);
        if (producer.id.empty()) {
            answer.error = ErrorCode::invalid_request;
        } else if (!known) {
            answer.error = ErrorCode::invalid_producer_id_mapping;
        } else {
            entry = found->second;
            auto after = after_end(entry->now, producer, commits, new_epochs);
            if (!after && after.error().code == Errc::fenced)
                answer.error = ErrorCode::producer_fenced;
            else if (entry->changes || (!after && after.error().code == Errc::cancelled))
                answer.error = ErrorCode::concurrent_transactions;
            else if (!after)
                answer.error = ErrorCode::invalid_txn_state;
            else
                next = std::move(*after);
            answer.producer_id = entry->now.producer_id;
            answer.epoch = entry->now.epoch;
            if (next) entry->changes = true;
        }
    }
    if (!next) return done(answer);
    end_now(entry, std::move(*next), std::move(done));
}

/// Writes the decision, and then the markers.
void TransactionCoordinator::end_now(EntryPointer entry, TransactionState next, Answered ended) {
    next.updated_ms = now_ms();
    write(next, [this, entry, next, ended = std::move(ended)](bool written) {
        {
            std::lock_guard lock(mutex_);
            if (written) {
                entry->now = next;
                entry->ended = ended;
            } else {
                entry->changes = false;
            }
        }
        if (written)
            write_markers(entry);
        else if (ended)
            ended({.error = ErrorCode::coordinator_not_available});
    });
}

void TransactionCoordinator::write_markers(EntryPointer entry) {
    TransactionState state;
    {
        std::lock_guard lock(mutex_);
        state = entry->now;
    }
    struct Outstanding {
        std::atomic<std::size_t> left;
        std::atomic<bool> failed{false};
    };
    auto outstanding = std::make_shared<Outstanding>(state.partitions.size() + 1);
    auto one_is_done = [this, entry, outstanding](const Result<>& result) {
        bool is_gone =
            !result && (result.error().code == Errc::not_found || result.error().code == Errc::fenced);
        if (!result && !is_gone) outstanding->failed = true;
        if (--outstanding->left > 0) return;
        if (!outstanding->failed) return complete(entry);
        std::lock_guard lock(mutex_);
        entry->retries = true;
    };
    TransactionMarker marker{.commits = state.status == TransactionStatus::prepare_commit,
                             .coordinator_epoch = 0};
    for (const auto& [topic_name, partition] : state.partitions) {
        if (topic_name == offsets_topic)
            topics_.offsets().end_transaction(state.producer_id, state.epoch, marker, one_is_done);
        else
            topics_.append_marker({topic_name, partition}, state.producer_id, state.epoch, marker,
                                  one_is_done);
    }
    one_is_done({});
}

void TransactionCoordinator::complete(EntryPointer entry) {
    TransactionState next;
    {
        std::lock_guard lock(mutex_);
        next = entry->now;
    }
    bool commits = next.status == TransactionStatus::prepare_commit;
    next.status = commits ? TransactionStatus::complete_commit : TransactionStatus::complete_abort;
    next.partitions.clear();
    next.updated_ms = now_ms();
    if (next.client_version >= 2 && next.epoch > last_usable_epoch) {
        if (auto id = topics_.new_producer_id()) {
            next.previous_producer_id = std::exchange(next.producer_id, *id);
            next.epoch = 0;
        } else {
            log::warn("transactional id {}: {}", next.id, id.error().text);
        }
    }
    // Nobody waits for this record: when it is lost, the markers are written once more. It stands before
    // whatever follows under this id.
    write(next, [](bool) {});
    Answered ended;
    {
        std::lock_guard lock(mutex_);
        entry->now = next;
        entry->changes = false;
        ended = std::exchange(entry->ended, nullptr);
    }
    if (ended) ended({.producer_id = next.producer_id, .epoch = next.epoch});
}

std::vector<TransactionState> TransactionCoordinator::all() const {
    std::lock_guard lock(mutex_);
    std::vector<TransactionState> states;
    for (const auto& [id, entry] : entries_)
        if (entry->now.producer_id >= 0) states.push_back(entry->now);
    return states;
}

std::optional<TransactionState> TransactionCoordinator::find(std::string_view id) const {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end() || found->second->now.producer_id < 0) return std::nullopt;
    return found->second->now;
}

void TransactionCoordinator::tick() {
    std::vector<std::pair<EntryPointer, TransactionState>> late;
    std::vector<EntryPointer> again;
    std::vector<std::string> unused;
    auto now = now_ms();
    {
        std::lock_guard lock(mutex_);
        for (const auto& [id, entry] : entries_) {
            const auto& state = entry->now;
            if (std::exchange(entry->retries, false)) {
                again.push_back(entry);
            } else if (entry->changes) {
                continue;
            } else if (state.status == TransactionStatus::ongoing &&
                       now - state.start_ms > state.timeout_ms) {
                entry->changes = true;
                late.emplace_back(entry, fenced(state));
            } else if (state.status != TransactionStatus::ongoing &&
                       now - state.updated_ms > options_.id_expiration_ms) {
                unused.push_back(id);
            }
        }
        for (const auto& id : unused) entries_.erase(id);
    }
    for (const auto& entry : again) write_markers(entry);
    for (auto& [entry, next] : late) {
        log::info("transactional id {}: its transaction is aborted after {} ms", next.id, next.timeout_ms);
        end_now(entry, std::move(next), nullptr);
    }
    for (const auto& id : unused) {
        auto key = encode_transaction_key(id);
        NewRecord record;
        record.key = key;
        topics_.append({.topic = transactions_topic, .partition = 0, .records = {&record, 1}},
                       [](const Result<std::int64_t>&) {});
    }
}

}  // namespace penstock::broker
