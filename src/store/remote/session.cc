#include "store/remote/session.h"

#include <algorithm>
#include <future>

#include "base/log.h"
#include "base/metrics.h"

namespace penstock::store {
namespace {

using std::chrono::milliseconds;
using wire::cql::ErrorResponse;
using wire::cql::Frame;
using wire::cql::Opcode;

constexpr std::size_t most_bytes = 64u << 20;
constexpr milliseconds busy_tick{20};
constexpr milliseconds idle_tick{100};

metrics::Counter& requests =
    metrics::counter("penstock_store_remote_requests_total", "Requests sent to Cassandra.");
metrics::Counter& retries =
    metrics::counter("penstock_store_remote_retries_total", "Requests sent to Cassandra again.");
metrics::Counter& speculations = metrics::counter("penstock_store_remote_speculations_total",
                                                  "Reads asked of a second node because the first was slow.");

}  // namespace

struct RemoteSession::Pending {
    explicit Pending(Call of) : call(std::move(of)) {}
    Call call;
    Clock::time_point give_up;
    Backoff backoff;
    std::vector<ClusterNode*> tried;  ///< in this round
    int under_way = 0;
    bool finished = false;
    int prepared_again = 0;  ///< in this attempt
    Error last;
};

RemoteSession::RemoteSession(RemoteTablesSettings settings)
    : settings_(std::make_shared<const RemoteTablesSettings>(std::move(settings))),
      executor_(shards_.next().get_executor()) {}

Result<std::unique_ptr<RemoteSession>> RemoteSession::open(RemoteTablesSettings settings) {
    std::unique_ptr<RemoteSession> session(new RemoteSession(std::move(settings)));
    auto* self = session.get();
    Cluster::Listener listener;
    listener.ready = [self] {
        std::lock_guard lock(self->ready_mutex_);
        self->ready_ = true;
        self->ready_changed_.notify_all();
    };
    listener.refused = [self](Error why) {
        std::lock_guard lock(self->ready_mutex_);
        self->refused_ = std::move(why);
        self->ready_changed_.notify_all();
    };
    listener.schema_changed = [self] { ++self->schema_changes_; };
    self->cluster_ = std::make_shared<Cluster>(self->settings_, self->executor_, std::move(listener));
    self->ticking_ = true;
    net::asio::post(self->executor_, [self] {
        self->cluster_->start();
        net::spawn(self->executor_, tick(self, self->cluster_), "cassandra");
    });
    TRY(session->wait_ready());
    return session;
}

Result<> RemoteSession::wait_ready() {
    std::unique_lock lock(ready_mutex_);
    ready_changed_.wait_for(lock, settings_->retry_for, [&] { return ready_ || refused_; });
    auto where = fmt::format("Cassandra at {}", settings_->shown);
    if (refused_ && !ready_) return fail(where, *refused_);
    bool ready = ready_;
    lock.unlock();
    std::promise<std::string> trouble;
    net::asio::post(executor_, [&] {
        version_ = cluster_->version();
        local_dc_ = cluster_->local_dc();
        described_ = fmt::format("Apache Cassandra {} ({}) at {}", cluster_->release(), cluster_->name(),
                                 settings_->shown);
        trouble.set_value(cluster_->trouble());
    });
    auto why = trouble.get_future().get();
    if (!ready) return fail(Errc::unavailable, "{}: {}", where, why.empty() ? "no node answers" : why);
    return {};
}

RemoteSession::~RemoteSession() {
    net::asio::post(executor_, [this] { cluster_->stop(); });
    // Coroutines end by themselves before their thread does.
    for (int i = 0; i < 200; ++i) {
        std::promise<bool> ended;
        net::asio::post(executor_, [&] { ended.set_value(cluster_->stopped() && !ticking_); });
        if (ended.get_future().get()) break;
        std::this_thread::sleep_for(milliseconds(5));
    }
    shards_.stop();
}

std::size_t RemoteSession::local_nodes() const {
    std::promise<std::size_t> count;
    net::asio::post(executor_, [&] { count.set_value(cluster_->local_nodes()); });
    return count.get_future().get();
}

Ring RemoteSession::ring() const {
    std::promise<Ring> ring;
    net::asio::post(executor_, [&] { ring.set_value(cluster_->ring()); });
    return ring.get_future().get();
}

// Callers' threads.

void RemoteSession::enter(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] {
        return in_flight_ == 0 ||
               (in_flight_ < settings_->in_flight && in_flight_bytes_ + bytes <= most_bytes);
    });
    ++in_flight_;
    in_flight_bytes_ += bytes;
}

void RemoteSession::leave(std::size_t bytes) {
    bool was_full = false;
    {
        std::lock_guard lock(mutex_);
        // A caller that waits goes on when there is room for several, not at each answer.
        auto enough = settings_->in_flight - std::max(1, settings_->in_flight / 8);
        --in_flight_;
        in_flight_bytes_ -= bytes;
        was_full = in_flight_ <= enough;
    }
    if (was_full) room_.notify_one();
}

void RemoteSession::submit(std::vector<Call> calls) {
    std::vector<Call> sending;
    auto flush = [&] {
        if (sending.empty()) return;
        net::asio::post(executor_, [this, batch = std::move(sending)]() mutable {
            for (auto& call : batch) begin(std::move(call));
        });
        sending.clear();
    };
    for (auto& call : calls) {
        bool full = false;
        {
            std::lock_guard lock(mutex_);
            full = in_flight_ >= settings_->in_flight || in_flight_bytes_ + call.body.size() > most_bytes;
        }
        // What was counted must be on its way before this waits for it.
        if (full) flush();
        enter(call.body.size());
        sending.push_back(std::move(call));
    }
    flush();
}

Result<Frame> RemoteSession::run(Call call) {
    auto promise = std::make_shared<std::promise<Result<Frame>>>();
    auto answer = promise->get_future();
    call.done = [promise](Result<Frame> frame) { promise->set_value(std::move(frame)); };
    std::vector<Call> calls;
    calls.push_back(std::move(call));
    submit(std::move(calls));
    return answer.get();
}

Result<Frame> RemoteSession::run_text(std::string_view text, std::optional<Consistency> consistency,
                                      std::optional<milliseconds> retry_for) {
    wire::cql::Query query;
    query.text = text;
    query.parameters.consistency = std::uint16_t(consistency.value_or(settings_->consistency));
    query.parameters.serial_consistency = std::uint16_t(settings_->serial_consistency);
    Call call;
    call.opcode = Opcode::query;
    call.of_schema = true;
    call.retry_for = retry_for;
    wire::cql::append_request(call.body, version_, wire::cql::Request(query));
    return run(std::move(call));
}

Result<std::vector<SystemRow>> RemoteSession::rows_of_text(std::string_view text,
                                                           std::optional<milliseconds> retry_for) {
    auto frame = TRY(run_text(text, Consistency::one, retry_for));
    auto response = TRY(wire::cql::decode_response(frame));
    const auto* rows = std::get_if<wire::cql::RowsResult>(&response);
    if (rows == nullptr) return fail(Errc::corrupt, "a SELECT has an answer without rows");
    return system_rows(*rows);
}

Result<std::shared_ptr<const Statement>> RemoteSession::prepare(const std::string& text) {
    {
        std::lock_guard lock(mutex_);
        if (auto known = statements_.find(text); known != statements_.end()) return known->second;
    }
    Call call;
    call.opcode = Opcode::prepare;
    wire::cql::append_request(call.body, version_, wire::cql::Request(wire::cql::Prepare{text, {}}));
    auto frame = TRY(run(std::move(call)));
    auto response = TRY(wire::cql::decode_response(frame));
    auto* prepared = std::get_if<wire::cql::PreparedResponse>(&response);
    if (prepared == nullptr) return fail(Errc::corrupt, "PREPARE has an answer that is none");
    auto statement = std::make_shared<Statement>();
    statement->text = text;
    statement->prepared = std::move(*prepared);
    const auto& columns =
        statement->prepared.variables.empty() ? statement->prepared.result : statement->prepared.variables;
    if (!columns.empty()) statement->keyspace = columns[0].keyspace;
    std::lock_guard lock(mutex_);
    statements_[text] = statement;
    return std::shared_ptr<const Statement>(statement);
}

void RemoteSession::forget(const Statement& statement) {
    std::lock_guard lock(mutex_);
    auto known = statements_.find(statement.text);
    if (known != statements_.end() && known->second.get() == &statement) statements_.erase(known);
}

// The session's thread.

/// Time passes: requests that take too long, retries that are due, reads to be asked of a second node.
net::Task<> RemoteSession::tick(RemoteSession* self, std::shared_ptr<Cluster> cluster) {
    auto due = [](auto& waiting, Clock::time_point now) {
        std::vector<PendingPtr> out;
        while (!waiting.empty() && waiting.begin()->first <= now) {
            out.push_back(std::move(waiting.begin()->second));
            waiting.erase(waiting.begin());
        }
        return out;
    };
    while (true) {
        bool busy = !self->delayed_.empty() || !self->speculative_.empty();
        bool going_on = co_await cluster->pause(busy ? busy_tick : idle_tick);
        if (!going_on) break;
        auto now = Clock::now();
        cluster->sweep(now);
        for (const auto& pending : due(self->delayed_, now))
            if (!pending->finished) self->route(pending);
        for (const auto& pending : due(self->speculative_, now)) {
            if (pending->finished || pending->under_way != 1) continue;
            auto node = self->choose(*pending);
            if (node == nullptr) continue;
            speculations.add();
            self->send(pending, node);
        }
    }
    self->ticking_ = false;
}

void RemoteSession::begin(Call call) {
    auto pending = std::make_shared<Pending>(std::move(call));
    auto now = Clock::now();
    pending->give_up = now + pending->call.retry_for.value_or(settings_->retry_for);
    route(pending);
    if (pending->call.is_read && !pending->finished && settings_->speculate_after.count() > 0)
        speculative_.emplace(now + settings_->speculate_after, pending);
}

/// Of those that have the partition, or of all: the one with the fewest requests under way that was not
/// tried.
std::shared_ptr<ClusterNode> RemoteSession::choose(const Pending& pending) {
    std::shared_ptr<ClusterNode> best;
    int fewest = 0;
    auto consider = [&](const std::shared_ptr<ClusterNode>& node) {
        if (!node->local || std::ranges::find(pending.tried, node.get()) != pending.tried.end()) return;
        auto* connection = node->connection();
        if (connection == nullptr || (best != nullptr && connection->in_flight() >= fewest)) return;
        best = node;
        fewest = connection->in_flight();
    };
    // Begins with another one each time, so that nodes with as few are taken in turn.
    auto consider_all = [&](std::span<const std::shared_ptr<ClusterNode>> nodes) {
        ++turn_;
        for (std::size_t i = 0; i < nodes.size(); ++i) consider(nodes[(i + turn_) % nodes.size()]);
    };
    const auto& call = pending.call;
    if (call.of_schema) {
        auto is_free = [&](const std::shared_ptr<ClusterNode>& node) {
            return node->local && node->connection() != nullptr &&
                   std::ranges::find(pending.tried, node.get()) == pending.tried.end();
        };
        const auto& nodes = cluster_->nodes();
        auto first = std::ranges::find_if(nodes, is_free);
        return first == nodes.end() ? nullptr : *first;
    }
    if (call.token && call.statement) consider_all(cluster_->replicas(call.statement->keyspace, *call.token));
    if (best == nullptr) consider_all(cluster_->nodes());
    return best;
}

void RemoteSession::route(const PendingPtr& pending) {
    if (auto node = choose(*pending)) return send(pending, node);
    retry(pending, {}, false);
}

void RemoteSession::send(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node) {
    pending->tried.push_back(node.get());
    ++pending->under_way;
    requests.add();
    node->connection()->send(pending->call.opcode, pending->call.body,
                             [this, pending, node](Result<Frame> answer) {
                                 --pending->under_way;
                                 answered(pending, node, std::move(answer));
                             });
}

void RemoteSession::answered(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node,
                             Result<Frame> answer) {
    if (pending->finished) return;
    if (!answer) return retry(pending, std::move(answer).error(), true);
    if (answer->opcode != Opcode::error) return finish(pending, std::move(answer));
    auto response = wire::cql::decode_response(*answer);
    if (!response) return finish(pending, fail(std::move(response).error()));
    failed(pending, node, std::get<ErrorResponse>(*response));
}

void RemoteSession::failed(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node,
                           const ErrorResponse& error) {
    switch (remedy_for(error.code)) {
        case Remedy::none:
            return finish(pending, fail(error_of(error)));
        case Remedy::prepare:
            return prepare_again(pending, node, error.id);
        case Remedy::other_node:
            return retry(pending, error_of(error), true);
        case Remedy::wait:
            return retry(pending, error_of(error), false);
    }
}

/// On that node, then the request again there. A statement that is another one now is its caller's to
/// prepare.
void RemoteSession::prepare_again(const PendingPtr& pending, const std::shared_ptr<ClusterNode>& node,
                                  std::string_view id) {
    const auto& call = pending->call;
    auto statement = call.also && call.also->prepared.id == id ? call.also : call.statement;
    auto* connection = node->connection();
    if (!statement || connection == nullptr || pending->prepared_again >= 2)
        return retry(pending, {Errc::unavailable, "the node does not keep prepared statements"}, true);
    ++pending->prepared_again;
    std::string body;
    wire::cql::append_request(body, version_, wire::cql::Request(wire::cql::Prepare{statement->text, {}}));
    ++pending->under_way;
    connection->send(Opcode::prepare, body, [this, pending, node, statement](Result<Frame> answer) {
        --pending->under_way;
        if (pending->finished) return;
        if (!answer) return retry(pending, std::move(answer).error(), true);
        auto response = wire::cql::decode_response(*answer);
        if (!response) return finish(pending, fail(std::move(response).error()));
        if (const auto* error = std::get_if<ErrorResponse>(&*response)) return failed(pending, node, *error);
        const auto* prepared = std::get_if<wire::cql::PreparedResponse>(&*response);
        if (prepared == nullptr || prepared->id != statement->prepared.id) {
            forget(*statement);
            return finish(pending, fail(Errc::unavailable, "the table of this statement has changed: {}",
                                        statement->text));
        }
        if (node->connection() == nullptr) return retry(pending, {Errc::unavailable, "it has gone"}, true);
        send(pending, node);
    });
}

void RemoteSession::retry(const PendingPtr& pending, Error why, bool other_node) {
    if (!why.text.empty()) pending->last = std::move(why);
    // A read that was asked twice is not over with the first refusal.
    if (pending->under_way > 0) return;
    auto now = Clock::now();
    if (now >= pending->give_up) return finish(pending, fail(give_up(*pending)));
    retries.add();
    pending->prepared_again = 0;
    if (other_node)
        if (auto node = choose(*pending)) return send(pending, node);
    pending->tried.clear();
    delayed_.emplace(now + pending->backoff.next(), pending);
}

Error RemoteSession::give_up(const Pending& pending) const {
    auto why = pending.last;
    if (why.text.empty()) why = {Errc::unavailable, cluster_->trouble()};
    if (why.text.empty()) why.text = "no node is connected";
    why.text = fmt::format("Cassandra at {}: {}", settings_->shown, why.text);
    // Whatever the last attempt met, later ones may not.
    if (why.code != Errc::timeout) why.code = Errc::unavailable;
    return why;
}

void RemoteSession::finish(const PendingPtr& pending, Result<Frame> answer) {
    if (pending->finished) return;
    pending->finished = true;
    leave(pending->call.body.size());
    auto done = std::move(pending->call.done);
    done(std::move(answer));
}

// Groups of calls.

CallGroup::~CallGroup() {
    (void)wait();
}

void CallGroup::add(std::size_t calls) {
    std::lock_guard lock(mutex_);
    open_ += calls;
}

void CallGroup::done(const Result<Frame>& answer) {
    std::lock_guard lock(mutex_);
    if (!answer && !error_) error_ = answer.error();
    if (--open_ == 0) changed_.notify_all();
}

bool CallGroup::has_failed() {
    std::lock_guard lock(mutex_);
    return error_.has_value();
}

Result<> CallGroup::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_ == 0; });
    if (error_) return fail(*error_);
    return {};
}

}  // namespace penstock::store
