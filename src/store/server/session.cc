#include "store/server/session.h"

#include <utility>

#include "base/metrics.h"
#include "store/uuid.h"
#include "wire/cql/primitives.h"
#include "wire/cql/response.h"

namespace penstock::store {
namespace {

using wire::cql::ErrorCode;
using wire::cql::Opcode;

metrics::Counter& requests = metrics::counter("penstock_store_cql_requests_total", "CQL requests answered.");
metrics::Counter& request_errors =
    metrics::counter("penstock_store_cql_errors_total", "CQL requests answered by an error.");

metrics::Histogram& request_times =
    metrics::histogram("penstock_store_cql_request_seconds",
                       "From a CQL statement to its answer, without what the client reads.");

// What one connection may keep in memory: answers that its client has not read, requests not yet done (one at
// least), and pages being read.
constexpr std::size_t most_unsent = 64u << 20;
constexpr std::size_t most_unfinished = 64u << 20;
constexpr int most_reading = 8;
constexpr int most_in_a_row = 32;  ///< frames taken before others have their turn

std::string_view name_of(Opcode opcode) {
    switch (opcode) {
        case Opcode::query:
            return "QUERY";
        case Opcode::prepare:
            return "PREPARE";
        case Opcode::execute:
            return "EXECUTE";
        case Opcode::batch:
            return "BATCH";
        case Opcode::register_:
            return "REGISTER";
        case Opcode::startup:
            return "STARTUP";
        case Opcode::auth_response:
            return "AUTH_RESPONSE";
        default:
            return "message";
    }
}

}  // namespace

void Subscribers::add(std::weak_ptr<Session> session) {
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [](const auto& one) { return one.expired(); });
    sessions_.push_back(std::move(session));
}

void Subscribers::publish(const wire::cql::SchemaChange& change) {
    std::string body;
    wire::cql::append_schema_change_event(body, change);
    std::vector<std::shared_ptr<Session>> receivers;
    {
        std::lock_guard lock(mutex_);
        for (const auto& weak : sessions_)
            if (auto session = weak.lock()) receivers.push_back(std::move(session));
    }
    for (const auto& session : receivers) session->post_event(body);
}

struct Session::Statement {
    wire::cql::Frame frame;
    wire::cql::Request request;  ///< its views point into the frame
    cql::CqlService::Work work;
    std::optional<metrics::Timer> timer{std::in_place, request_times};
    std::optional<cql::TraceSession> trace;  ///< when the client asked for one
    std::mutex posting;                      ///< held while another thread posts that its write is done

    void note(const char* activity, const char* thread, const Clock& clock) {
        if (trace) trace->add(activity, thread, clock.now_us());
    }
};

Session::Session(std::shared_ptr<SessionContext> context, net::Connection connection)
    : context_(std::move(context)),
      connection_(std::move(connection)),
      executor_(connection_.executor()),
      reader_(context_->options.max_frame) {}

net::Task<> Session::run() {
    // Small at first: most of ten thousand connections are idle.
    std::vector<char> buffer(4 * 1024);
    bool open = true;
    while (open && !broken_) {
        auto got = co_await connection_.read_some(buffer);
        if (!got) break;
        reader_.feed({buffer.data(), *got});
        wire::cql::Frame frame;
        for (int taken = 1; open && reader_.next(frame); ++taken) {
            open = take(std::move(frame));
            co_await wait_for_room();
            // Answers go out, and other connections have their turn.
            if (taken % most_in_a_row == 0) co_await net::asio::post(executor_, net::asio::use_awaitable);
        }
        if (const auto* fault = reader_.fault()) {
            reply_error(fault->answer_version, fault->stream, ErrorCode::protocol, fault->text);
            open = false;
        }
        // A client that fills a large buffer in one go is likely to do so again.
        if (*got == buffer.size() && buffer.size() < 256 * 1024) buffer.resize(buffer.size() * 4);
    }
    co_await wait_until_idle();
    connection_.close();
}

bool Session::take(wire::cql::Frame frame) {
    if (version_ == 0) version_ = frame.version;
    if (frame.version != version_) {
        reply_error(
            version_, frame.stream, ErrorCode::protocol,
            fmt::format(
                "Invalid message version. Got {0}/v{0} but previous messages on this connection had version "
                "{1}/v{1}",
                frame.version, version_));
        return false;
    }
    bool early = phase_ != Phase::ready;
    bool runs = frame.opcode == Opcode::query || frame.opcode == Opcode::prepare ||
                frame.opcode == Opcode::execute || frame.opcode == Opcode::batch;
    bool too_much = in_flight_ >= context_->options.max_in_flight || in_flight_bytes_ > most_unfinished;
    if (runs && !early && refuses_overload_ && too_much) {
        reply_error(version_, frame.stream, ErrorCode::overloaded,
                    "Server is in overloaded state. Cannot accept more requests at this point");
        return true;
    }
    if (runs && !early) {
        take_statement(std::move(frame));
        return true;
    }
    auto request = wire::cql::decode_request(frame);
    if (!request) {
        reply_error(version_, frame.stream, ErrorCode::protocol, request.error().text);
        return true;
    }
    if (std::holds_alternative<wire::cql::Options>(*request)) {
        std::string body;
        wire::cql::append_supported(body, {{"PROTOCOL_VERSIONS", wire::cql::supported_versions()},
                                           {"COMPRESSION", {"snappy", "lz4"}},
                                           {"CQL_VERSION", {std::string(cql::cql_version)}}});
        reply(version_, frame.stream, Opcode::supported, body);
        return true;
    }
    if (const auto* startup = std::get_if<wire::cql::Startup>(&*request))
        return take_startup(frame, *startup);
    if (const auto* response = std::get_if<wire::cql::AuthResponse>(&*request))
        return take_credentials(frame, *response);
    if (early) {
        reply_error(version_, frame.stream, ErrorCode::protocol,
                    fmt::format("Unexpected message {}, expecting {}", name_of(frame.opcode),
                                phase_ == Phase::starting ? "STARTUP or OPTIONS" : "AUTH_RESPONSE"));
        return true;
    }
    if (const auto* wanted = std::get_if<wire::cql::Register>(&*request)) {
        for (const auto& event : wanted->events) {
            if (event != "SCHEMA_CHANGE" && event != "TOPOLOGY_CHANGE" && event != "STATUS_CHANGE") {
                reply_error(version_, frame.stream, ErrorCode::protocol,
                            "Invalid value '" + event + "' for Event.Type");
                return true;
            }
            // One node's topology and status never change while it can tell.
            if (event == "SCHEMA_CHANGE") context_->subscribers.add(weak_from_this());
        }
        reply(version_, frame.stream, Opcode::ready, {});
    }
    return true;
}

bool Session::take_startup(const wire::cql::Frame& frame, const wire::cql::Startup& startup) {
    if (phase_ != Phase::starting) {
        reply_error(version_, frame.stream, ErrorCode::protocol,
                    "Unexpected message STARTUP: the connection is started");
        return true;
    }
    if (!startup.options.contains("CQL_VERSION")) {
        reply_error(version_, frame.stream, ErrorCode::protocol,
                    "Missing value CQL_VERSION in STARTUP message");
        return true;
    }
    if (auto asked = startup.options.find("COMPRESSION"); asked != startup.options.end()) {
        auto name = asked->second;
        for (auto& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
        if (name == "lz4")
            compression_ = wire::cql::Compression::lz4;
        else if (name == "snappy" && version_ < 5)
            compression_ = wire::cql::Compression::snappy;
        else {
            reply_error(version_, frame.stream, ErrorCode::protocol,
                        version_ >= 5 ? "Unsupported compression type " + name + ": version 5 has lz4"
                                      : "Unknown compression algorithm: " + name);
            return true;
        }
    }
    if (auto asked = startup.options.find("THROW_ON_OVERLOAD"); asked != startup.options.end())
        refuses_overload_ = asked->second == "1" || asked->second == "true";
    bool authenticate = context_->roles != nullptr;
    client_ = context_->service.clients().add({.address = connection_.peer_address(),
                                               .port = connection_.peer_port(),
                                               .options = startup.options,
                                               .version = version_,
                                               .encrypted = context_->tls != nullptr,
                                               .ready = !authenticate});
    if (authenticate) {
        std::string body;
        wire::cql::append_string(body, "org.apache.cassandra.auth.PasswordAuthenticator");
        reply(version_, frame.stream, Opcode::authenticate, body);
    } else {
        reply(version_, frame.stream, Opcode::ready, {});
    }
    phase_ = authenticate ? Phase::authenticating : Phase::ready;
    // What follows this answer, in both directions, is compressed, and in version 5 in segments.
    if (version_ >= 5) {
        plain_ += frames_;
        frames_.clear();
        segmented_ = true;
        reader_.use_segments(compression_ == wire::cql::Compression::lz4);
    } else {
        reader_.set_compression(compression_);
    }
    return true;
}

bool Session::take_credentials(const wire::cql::Frame& frame, const wire::cql::AuthResponse& response) {
    if (phase_ != Phase::authenticating) {
        reply_error(version_, frame.stream, ErrorCode::protocol, "Unexpected message AUTH_RESPONSE");
        return true;
    }
    // SASL PLAIN: who to act as (empty), user, password, with zeros between.
    auto token = response.token.value_or("");
    auto first = token.find('\0');
    auto second = first == std::string_view::npos ? first : token.find('\0', first + 1);
    if (second == std::string_view::npos) {
        reply_error(version_, frame.stream, ErrorCode::bad_credentials, "Password must not be null");
        return true;
    }
    auto role = token.substr(first + 1, second - first - 1);
    ++in_flight_;
    net::spawn(
        executor_,
        log_in(shared_from_this(), frame.stream, std::string(role), std::string(token.substr(second + 1))),
        "cql login");
    return true;
}

/// Comparing with a hash takes long on purpose, so not on this thread.
net::Task<> Session::log_in(std::shared_ptr<Session> self, std::int16_t stream, std::string role,
                            std::string password) {
    std::function<bool()> check = [context = context_, &role, &password] {
        return context->roles->check_password(role, password);
    };
    bool right = co_await context_->pool.run<bool>(check);
    auto roles = context_->roles->get();
    const auto* found = roles->find(role);
    if (!right || found == nullptr) {
        self->reply_error(version_, stream, ErrorCode::bad_credentials,
                          fmt::format("Provided username {} and/or password are incorrect", role));
    } else if (!found->login) {
        self->reply_error(version_, stream, ErrorCode::bad_credentials,
                          fmt::format("{} is not permitted to log in", role));
    } else {
        self->phase_ = Phase::ready;
        self->caller_.role = role;
        client_->log_in(role);
        std::string body;
        wire::cql::append_null_bytes(body);
        self->reply(version_, stream, Opcode::auth_success, body);
    }
    --self->in_flight_;
    self->wake();
}

/// What is known at once, as most reads by key are, is answered at once: a task of its own costs more than
/// such a read's own work.
void Session::take_statement(wire::cql::Frame frame) {
    auto statement = std::make_shared<Statement>();
    statement->frame = std::move(frame);
    auto decoded = wire::cql::decode_request(statement->frame);
    if (!decoded) {
        reply_error(version_, statement->frame.stream, ErrorCode::protocol, decoded.error().text);
        return;
    }
    statement->request = std::move(*decoded);
    if ((statement->frame.flags & wire::cql::frame_flag::tracing) != 0)
        statement->trace = begin_trace(statement->request);
    statement->note("Preparing statement", "cql network", context_->database.clock());
    statement->work = context_->service.start(statement->request, keyspace_, version_, caller_);
    if (auto* answer = std::get_if<cql::Answer>(&statement->work)) {
        finish(*statement, std::move(*answer));
        return;
    }
    ++in_flight_;
    in_flight_bytes_ += statement->frame.body.size();
    if (std::holds_alternative<cql::CqlService::PendingWrite>(statement->work))
        write(std::move(statement));
    else
        net::spawn(executor_, read(shared_from_this(), std::move(statement)), "cql");
}

void Session::write(std::shared_ptr<Statement> statement) {
    statement->note("Appending to the write-ahead log", "cql network", context_->database.clock());
    auto& pending = std::get<cql::CqlService::PendingWrite>(statement->work);
    auto batch = std::move(pending.batch);
    // The writer's thread keeps no session alive, nor anything else of a context that could go before it.
    context_->database.write(
        std::move(batch), [weak = weak_from_this(), executor = executor_, statement](Result<> outcome) {
            // With the mutex held: whoever gets the outcome lets the context go, if at all, only after this.
            std::lock_guard lock(statement->posting);
            auto self = weak.lock();
            if (!self) return;
            net::asio::post(executor, [self = std::move(self), statement, outcome = std::move(outcome)] {
                {
                    std::lock_guard posted(statement->posting);
                }
                self->take_outcome(*statement, outcome);
            });
        });
}

void Session::take_outcome(Statement& statement, const Result<>& outcome) {
    statement.note("The write is durable", "store writer", context_->database.clock());
    if (outcome)
        finish(statement, std::move(std::get<cql::CqlService::PendingWrite>(statement.work).answer));
    else
        finish(statement, cql::CqlService::error(cql::error_response(outcome.error())));
    end(statement);
}

net::Task<> Session::read(std::shared_ptr<Session> self, std::shared_ptr<Statement> statement) {
    auto& blocking = std::get<cql::CqlService::Blocking>(statement->work);
    while (!broken_ && (reading_ >= most_reading || frames_.size() > most_unsent)) co_await wait_for_change();
    ++reading_;
    std::function<cql::Answer()> noted = [&] {
        const auto& clock = context_->database.clock();
        statement->note("Executing on a reading thread", "cql read", clock);
        auto made = blocking();
        statement->note("Read what was asked for", "cql read", clock);
        return made;
    };
    auto answer = co_await context_->pool.run<cql::Answer>(statement->trace ? noted : blocking);
    --reading_;
    finish(*statement, std::move(answer));
    end(*statement);
}

void Session::end(const Statement& statement) {
    --in_flight_;
    in_flight_bytes_ -= statement.frame.body.size();
    wake();
}

void Session::finish(Statement& statement, cql::Answer answer) {
    statement.timer.reset();
    if (statement.trace) {
        auto& trace = *statement.trace;
        auto now = context_->database.clock().now_us();
        trace.add("Request complete", "cql network", now);
        trace.duration_us = now - trace.started_us;
        answer.tracing_id = trace.id;
        context_->service.traces().add(std::move(trace));
    }
    requests.add();
    if (answer.opcode == Opcode::error) request_errors.add();
    client_->count_request();
    if (answer.keyspace) {
        keyspace_ = *answer.keyspace;
        client_->use(keyspace_);
    }
    for (const auto& change : answer.changes) context_->subscribers.publish(change);
    reply_answer(statement.frame.stream, answer);
}

cql::TraceSession Session::begin_trace(const wire::cql::Request& request) {
    cql::TraceSession trace;
    trace.started_us = context_->database.clock().now_us();
    trace.id = time_uuid(trace.started_us);
    trace.client = connection_.peer_address();
    context_->service.describe_for_trace(request, trace);
    if (auto query = trace.parameters.find("query"); query != trace.parameters.end())
        trace.add("Parsing " + query->second, "cql network", trace.started_us);
    return trace;
}

void Session::post_event(std::string body) {
    net::spawn(executor_, send_event(shared_from_this(), std::move(body)), "cql event");
}

net::Task<> Session::send_event(std::shared_ptr<Session> self, std::string body) {
    self->reply(self->version_, -1, Opcode::event, body);
    co_return;
}

/// With what stands before an answer's body: the trace's id, warnings.
void Session::reply_answer(std::int16_t stream, const cql::Answer& answer) {
    bool warns = !answer.warnings.empty() && version_ >= 4;
    if (!warns && answer.tracing_id.empty()) {
        reply(version_, stream, answer.opcode, answer.body);
        return;
    }
    auto body = answer.tracing_id;
    std::uint8_t flags = body.empty() ? 0 : wire::cql::frame_flag::tracing;
    if (warns) {
        wire::cql::append_string_list(body, answer.warnings);
        flags |= wire::cql::frame_flag::warning;
    }
    body += answer.body;
    reply(version_, stream, answer.opcode, body, flags);
}

void Session::reply(int version, std::int16_t stream, Opcode opcode, std::string_view body,
                    std::uint8_t flags) {
    if (broken_) return;
    // The answer to STARTUP itself is not compressed.
    bool started = phase_ != Phase::starting;
    wire::cql::append_frame(frames_, version, stream, opcode, flags, body,
                            started ? compression_ : wire::cql::Compression::none);
    start_flush();
}

void Session::reply_error(int version, std::int16_t stream, ErrorCode code, std::string text) {
    std::string body;
    wire::cql::append_error(body, {code, std::move(text), {}, {}, {}});
    reply(version, stream, Opcode::error, body);
}

void Session::start_flush() {
    if (flushing_) return;
    flushing_ = true;
    net::spawn(executor_, flush(shared_from_this()), "cql answer");
}

/// Sends what there is; answers that come meanwhile go together in the next round.
net::Task<> Session::flush(std::shared_ptr<Session> self) {
    while (!self->broken_ && (!self->plain_.empty() || !self->frames_.empty())) {
        auto out = std::exchange(self->plain_, {});
        auto frames = std::exchange(self->frames_, {});
        if (self->segmented_)
            wire::cql::append_segments(out, frames, self->compression_ == wire::cql::Compression::lz4);
        else if (out.empty())
            out = std::move(frames);
        else
            out += frames;
        auto sent = co_await self->connection_.write(out);
        if (!sent) self->broken_ = true;
        self->wake();
    }
    self->flushing_ = false;
    self->wake();
}

void Session::wake() {
    auto waiting = std::move(waiting_);
    waiting_.clear();
    for (const auto& one : waiting) one.set(true);
}

net::Task<> Session::wait_for_change() {
    net::Completion<bool> change(executor_);
    waiting_.push_back(change);
    co_await change.wait();
}

net::Task<> Session::wait_for_room() {
    auto is_full = [&] {
        bool too_much = in_flight_ >= context_->options.max_in_flight || in_flight_bytes_ > most_unfinished;
        return (too_much && !refuses_overload_) || frames_.size() > most_unsent;
    };
    while (!broken_ && is_full()) co_await wait_for_change();
}

net::Task<> Session::wait_until_idle() {
    while (in_flight_ > 0 || flushing_) co_await wait_for_change();
}

}  // namespace penstock::store
