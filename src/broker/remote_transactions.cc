#include "broker/remote_transactions.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "broker/remote_positions.h"

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_again{20};

/// -1 are those that Kafka has not said.
std::int64_t first_offset(const RemoteKept::Appends& appends, std::int64_t RemoteAppend::* of) {
    auto first = INT64_MAX;
    for (const auto& each : appends)
        if ((*each).*of >= 0) first = std::min(first, (*each).*of);
    return first;
}

}  // namespace

RemoteTransactions::~RemoteTransactions() {
    // Before what their last callbacks use.
    sessions_.clear();
}

/// A session that has failed is replaced; one that was fenced only when somebody means to take over.
Result<std::shared_ptr<RemoteSession>> RemoteTransactions::session(std::string_view producer,
                                                                   bool take_over) {
    TRY(make_positions_topic());
    std::shared_ptr<RemoteSession> old;  // ends after the lock
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
    auto& kept = kept_[std::string(producer)];
    if (!kept) kept = std::make_shared<RemoteKept>();
    kept->suspect();  // taking over aborts what Kafka takes for open
    auto opened = TRY(RemoteSession::open(settings_, producer, kept, admin_));
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
    if (!(*session)->is_fenced() && (*session)->kept().is_suspect()) {
        return done(fail(Errc::unavailable,
                         "producer {}: what became of its earlier appends is to be asked first",
                         request.producer));
    }
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
    if (!session->kept().is_suspect()) {
        std::lock_guard lock(committed_mutex_);
        if (auto found = committed_.find(key); found != committed_.end()) return found->second;
    }
    std::lock_guard lock(positions_mutex_);
    TRY(read_positions(*session, producer));
    session->use();
    TRY(append_what_was_undone(*session, producer));
    RemoteLeftover::Appended committed{{std::string(topic), partition}, positions_[key]};
    if (TRY(abort_what_is_left(*session, producer, committed))) {
        TRY(wait_until_decided(committed.place));
        TRY(append_what_was_undone(*session, producer));
    }
    TRY(keep_if_hidden(session->kept(), key, committed));
    return committed.position;
}

/// Of the producer, in the partition where it is about to go on: its next commit would commit that, too.
Result<bool> RemoteTransactions::abort_what_is_left(RemoteSession& session, std::string_view producer,
                                                    const RemoteLeftover::Appended& committed) {
    if (!TRY(leftover().is_undone(committed, producer, session.kept()))) return false;
    log::warn("Kafka at {} hides records of {} in {}-{} that it has aborted: they are aborted once more",
              settings_.brokers, producer, committed.place.topic, committed.place.partition);
    TRY(session.abort_again(committed.place));
    return true;
}

/// What was committed and kept, and has been aborted since, is appended once more. The producer was taken
/// over after whatever may have aborted it, or that is decided.
Result<> RemoteTransactions::append_what_was_undone(RemoteSession& session, std::string_view producer) {
    auto& kept = session.kept();
    if (!kept.is_suspect()) return {};
    using Fate = RemoteLeftover::Fate;
    auto appends = kept.all();
    auto positions = TRY(leftover().positions_since(first_offset(appends, &RemoteAppend::position_offset)));
    std::map<TopicPartition, RemoteLeftover::Written> written;
    for (const auto& each : appends)
        if (!written.contains(each->place))
            written[each->place] = TRY(written_of(kept, each->place, producer));
    std::set<std::string> later;
    std::vector<RemoteAppendPart> undone;
    for (auto each = appends.rbegin(); each != appends.rend(); ++each) {
        const auto& append = **each;
        RemoteAppendPart part{*each, false, false};
        part.has_records = written[append.place].fate(append.position, append.first_offset) == Fate::aborted;
        // Of several positions of a partition the last one counts.
        bool is_last = later.insert(append.key()).second;
        part.has_position = is_last && positions.fate(append.key(), append.position_offset) == Fate::aborted;
        if (part.has_records || part.has_position) undone.push_back(std::move(part));
    }
    if (undone.empty()) {
        kept.trust();
        return {};
    }
    std::ranges::reverse(undone);
    log::warn("Kafka at {} has aborted {} appends of {} that it had committed: they are appended once more",
              settings_.brokers, undone.size(), producer);
    TRY(session.append_again(std::move(undone)));
    kept.trust();
    return read_positions(session, producer);
}

/// Since the first that is kept. Hidden are those that Kafka has left open; behind another producer's
/// transaction nobody can tell.
Result<RemoteLeftover::Written> RemoteTransactions::written_of(const RemoteKept& kept,
                                                               const TopicPartition& place,
                                                               std::string_view producer) {
    auto appends = kept.all();
    std::erase_if(appends, [&](const auto& each) { return each->place != place; });
    auto from = first_offset(appends, &RemoteAppend::first_offset);
    auto deadline = steady_clock::now() + settings_.retry_for;
    for (;;) {
        auto written = TRY(leftover().appends_since(from, place, producer));
        bool is_hidden = std::ranges::any_of(appends, [&](const auto& each) {
            return written.fate(each->position, each->first_offset) == RemoteLeftover::Fate::hidden;
        });
        auto decided = is_hidden ? TRY(admin_.end(place)) : 0;
        if (!is_hidden || kept.is_hiding(place, decided)) return written;
        if (steady_clock::now() >= deadline) {
            return fail(
                Errc::unavailable,
                "Kafka at {}: another producer's transaction in {}-{} is open at offset {}, and whether "
                "records behind it were aborted cannot be seen yet",
                settings_.brokers, place.topic, place.partition, decided);
        }
        std::this_thread::sleep_for(look_again);
    }
}

/// Nothing of the partition that is written now is hidden any more.
Result<> RemoteTransactions::wait_until_decided(const TopicPartition& place) {
    auto deadline = steady_clock::now() + settings_.retry_for;
    auto written = TRY(all_written_->end(place));
    while (TRY(admin_.end(place)) < written) {
        if (steady_clock::now() >= deadline) {
            return fail(Errc::unavailable, "Kafka at {}: a transaction in {}-{} stays open",
                        settings_.brokers, place.topic, place.partition);
        }
        std::this_thread::sleep_for(look_again);
    }
    return {};
}

/// Whoever asks learns now that the position holds: what is of it must hold, too.
Result<> RemoteTransactions::keep_if_hidden(RemoteKept& kept, const std::string& key,
                                            const RemoteLeftover::Appended& committed) {
    auto append = kept.settle(key, committed.position);
    if (!append) return {};
    auto decided = TRY(admin_.end(committed.place));
    if (!TRY(leftover().is_hidden(committed, append->producer))) return {};
    if (append->first_offset < 0) append->first_offset = append->offset = decided;
    kept.add_settled(append);
    return {};
}

RemoteLeftover& RemoteTransactions::leftover() {
    if (!leftover_) leftover_ = std::make_unique<RemoteLeftover>(settings_, admin_, *all_written_, reader_);
    return *leftover_;
}

/// Of positions that were read before, nobody knows whether they still hold when the topic cannot be seen.
Result<std::int64_t> RemoteTransactions::end_of_positions(RemoteAdmin& admin) {
    auto end = admin.end(positions_place());
    if (end || end.error().code != Errc::not_found) return end;
    has_positions_topic_ = false;
    return fail(Errc::unavailable, "{}", end.error().text);
}

/// Reads all that was written before now. Readers see nothing behind the first transaction that is open,
/// whoever's it is: one that a killed process has left behind hides what the others have committed since. It
/// ends when somebody takes its producer over, or by Kafka's own time limit. One that Kafka itself has left
/// open of the producer that was just taken over is committed.
Result<> RemoteTransactions::read_positions(RemoteSession& session, std::string_view producer) {
    if (!all_written_) all_written_ = TRY(RemoteAdmin::open(settings_, RemoteAdmin::Ends::of_written));
    auto end = TRY(end_of_positions(*all_written_));
    TRY(wait_until_positions_are_decided(end, session, producer));
    if (positions_next_ < 0)
        positions_next_ = TRY(admin_.offsets_at({positions_place()}, RemoteAdmin::start_time)).front();
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

Result<> RemoteTransactions::wait_until_positions_are_decided(std::int64_t end, RemoteSession& session,
                                                              std::string_view producer) {
    auto& kept = session.kept();
    auto deadline = steady_clock::now() + settings_.retry_for;
    bool is_committed = false;
    for (;;) {
        auto decided = TRY(end_of_positions(admin_));
        if (decided >= end) return {};
        // Of what is kept it is known that Kafka is done with it.
        bool is_known = !is_committed && kept.is_suspect() && kept.is_hiding(positions_place(), decided);
        if (!is_known && steady_clock::now() < deadline) {
            std::this_thread::sleep_for(look_again);
            continue;
        }
        if (is_committed) {
            return fail(Errc::unavailable, "Kafka at {}: a transaction in {} stays open at offset {}",
                        settings_.brokers, positions_topic, decided);
        }
        auto left_open = leftover().find(producer, decided, end, kept);
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
