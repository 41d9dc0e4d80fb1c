#include "store/remote/connection.h"

#include "store/remote/retry.h"
#include "wire/cql/request.h"

namespace penstock::store {
namespace {

using wire::cql::Frame;
using wire::cql::Opcode;

constexpr std::size_t max_response = 256u << 20;
constexpr std::size_t most_streams = 32'767;
/// Answers that never came take numbers away; then a new connection is better.
constexpr int most_abandoned = 4'096;

wire::cql::Compression body_compression(const RemoteTablesSettings& settings, int version) {
    return settings.compress && version < 5 ? wire::cql::Compression::lz4 : wire::cql::Compression::none;
}

bool refuses_version(const wire::cql::ErrorResponse& error) {
    return error.code == wire::cql::ErrorCode::protocol && error.text.find("version") != std::string::npos;
}

}  // namespace

CqlConnection::CqlConnection(std::shared_ptr<const RemoteTablesSettings> settings, net::ClientStream stream,
                             net::Endpoint endpoint, net::asio::any_io_executor executor, int version)
    : settings_(std::move(settings)),
      stream_(std::move(stream)),
      endpoint_(std::move(endpoint)),
      executor_(std::move(executor)),
      version_(version),
      reader_(max_response, wire::cql::Direction::responses),
      heard_(Clock::now()) {}

CqlConnection::~CqlConnection() = default;

net::Task<Result<std::shared_ptr<CqlConnection>>> CqlConnection::open(
    std::shared_ptr<const RemoteTablesSettings> settings, net::Endpoint endpoint, std::string host,
    int version) {
    auto limit = settings->connect_for;
    auto stream = co_await net::ClientStream::connect(endpoint, settings->tls, host, limit);
    if (!stream) co_return fail(std::move(stream).error());
    auto executor = co_await net::this_executor();
    auto connection =
        std::make_shared<CqlConnection>(std::move(settings), std::move(*stream), endpoint, executor, version);
    auto where = fmt::format("{}:{}", endpoint.address, endpoint.port);
    // A node that accepts and then says nothing must not hold this up.
    auto timer = std::make_shared<net::asio::steady_timer>(executor, limit);
    timer->async_wait([weak = std::weak_ptr(connection)](boost::system::error_code error) {
        auto self = weak.lock();
        if (!error && self) self->stream_.close();
    });
    auto started = co_await connection->handshake();
    bool timed_out = timer->expiry() <= Clock::now();
    timer->cancel();
    if (!started && timed_out) co_return fail(Errc::timeout, "{}: the handshake took too long", where);
    if (!started) co_return fail(where, std::move(started).error());
    net::spawn(executor, read_loop(connection), "cassandra");
    co_return connection;
}

net::Task<Result<>> CqlConnection::handshake() {
    wire::cql::Startup startup;
    startup.options["CQL_VERSION"] = "3.0.0";
    startup.options["DRIVER_NAME"] = "Penstock";
    startup.options["DRIVER_VERSION"] = PENSTOCK_VERSION;
    if (settings_->compress) startup.options["COMPRESSION"] = "lz4";
    // Cassandra compresses the answer to STARTUP already.
    reader_.set_compression(body_compression(*settings_, version_));
    auto answer = co_await exchange(wire::cql::Request(std::move(startup)));
    if (!answer) co_return fail(std::move(answer).error());
    if (version_ >= 5 && answer->opcode != Opcode::error) {
        reader_.use_segments(settings_->compress);
        segmented_ = true;
    }
    auto response = wire::cql::decode_response(*answer);
    if (!response) co_return fail(std::move(response).error());
    if (std::holds_alternative<wire::cql::Ready>(*response)) co_return Result<>{};
    if (const auto* error = std::get_if<wire::cql::ErrorResponse>(&*response)) {
        if (refuses_version(*error))
            co_return fail(Errc::unsupported, "protocol version {}: {}", version_, error->text);
        co_return fail(error_of(*error));
    }
    if (!std::holds_alternative<wire::cql::Authenticate>(*response))
        co_return fail(Errc::corrupt, "STARTUP has an answer that is none");
    auto done = co_await authenticate();
    co_return done;
}

/// SASL PLAIN, which is what PasswordAuthenticator and its kin take.
net::Task<Result<>> CqlConnection::authenticate() {
    if (settings_->user.empty())
        co_return fail(Errc::unauthorized,
                       "it asks for user and password: cassandra://user:${{PASSWORD}}@...");
    std::string token('\0' + settings_->user + '\0' + settings_->password);
    auto answer = co_await exchange(wire::cql::Request(wire::cql::AuthResponse{token}));
    if (!answer) co_return fail(std::move(answer).error());
    auto response = wire::cql::decode_response(*answer);
    if (!response) co_return fail(std::move(response).error());
    if (const auto* error = std::get_if<wire::cql::ErrorResponse>(&*response)) {
        auto refused = error_of(*error);
        co_return fail(fmt::format("user {}", settings_->user), std::move(refused));
    }
    if (!std::holds_alternative<wire::cql::AuthSuccess>(*response))
        co_return fail(Errc::unsupported, "it wants more than user and password");
    co_return Result<>{};
}

/// One request and its answer, before the loops run.
net::Task<Result<Frame>> CqlConnection::exchange(wire::cql::Request request) {
    std::string body, out;
    wire::cql::append_request(body, version_, request);
    std::string frame;
    wire::cql::append_request_frame(frame, version_, 0, wire::cql::opcode_of(request), 0, body,
                                    segmented_ || std::holds_alternative<wire::cql::Startup>(request)
                                        ? wire::cql::Compression::none
                                        : body_compression(*settings_, version_));
    if (segmented_)
        wire::cql::append_segments(out, frame, settings_->compress);
    else
        out = std::move(frame);
    auto sent = co_await stream_.write(out);
    if (!sent) co_return fail(std::move(sent).error());
    char buffer[4096];
    Frame answer;
    while (!reader_.next(answer)) {
        if (reader_.fault() != nullptr) co_return fail(Errc::corrupt, "{}", reader_.fault()->text);
        auto got = co_await stream_.read_some(buffer);
        if (!got) co_return fail(std::move(got).error());
        reader_.feed({buffer, *got});
    }
    co_return answer;
}

void CqlConnection::send(Opcode opcode, std::string_view body, Done done) {
    if (!open_) return done(fail(why_closed_));
    std::uint16_t number = 0;
    if (!free_.empty()) {
        number = free_.back();
        free_.pop_back();
    } else if (slots_.size() < most_streams) {
        number = std::uint16_t(slots_.size());
        slots_.emplace_back();
    } else {
        return done(fail(Errc::unavailable, "{}:{} has no room for more requests", endpoint_.address,
                         endpoint_.port));
    }
    slots_[number] = {std::move(done), Clock::now() + settings_->request_for, true};
    if (in_flight_++ == 0) heard_ = Clock::now();
    wire::cql::append_request_frame(frames_, version_, std::int16_t(number), opcode, 0, body,
                                    body_compression(*settings_, version_));
    if (writing_) return;
    writing_ = true;
    net::spawn(executor_, write_loop(shared_from_this()), "cassandra");
}

/// Sends what there is; what comes meanwhile goes together in the next round.
net::Task<> CqlConnection::write_loop(std::shared_ptr<CqlConnection> self) {
    while (self->open_ && !self->frames_.empty()) {
        std::string out;
        if (self->segmented_)
            wire::cql::append_segments(out, self->frames_, self->settings_->compress);
        else
            out.swap(self->frames_);
        self->frames_.clear();
        auto sent = co_await self->stream_.write(out);
        if (!sent) self->close(std::move(sent).error());
    }
    self->writing_ = false;
}

net::Task<> CqlConnection::read_loop(std::shared_ptr<CqlConnection> self) {
    std::vector<char> buffer(64 * 1024);
    while (self->open_) {
        auto got = co_await self->stream_.read_some(buffer);
        if (!got) {
            self->close(std::move(got).error());
            break;
        }
        self->heard_ = Clock::now();
        self->reader_.feed({buffer.data(), *got});
        Frame frame;
        while (self->open_ && self->reader_.next(frame)) self->take(std::move(frame));
        if (const auto* fault = self->reader_.fault()) self->close({Errc::corrupt, fault->text});
    }
}

void CqlConnection::take(Frame frame) {
    if (frame.stream < 0) {
        auto response = wire::cql::decode_response(frame);
        if (!response) return close(std::move(response).error());
        if (const auto* event = std::get_if<wire::cql::Event>(&*response); event != nullptr && on_event_)
            on_event_(*event);
        return;
    }
    auto number = std::size_t(frame.stream);
    if (number >= slots_.size() || !slots_[number].taken)
        return close({Errc::corrupt, fmt::format("an answer to request {}, which was not asked", number)});
    auto done = std::move(slots_[number].done);
    if (!done) --abandoned_;
    release(number);
    if (done) {
        --in_flight_;
        done(std::move(frame));
    }
}

void CqlConnection::release(std::size_t number) {
    slots_[number] = {};
    free_.push_back(std::uint16_t(number));
}

void CqlConnection::sweep(Clock::time_point now) {
    if (!open_ || in_flight_ == 0) return;
    if (now - heard_ > settings_->request_for)
        return close({Errc::timeout, fmt::format("{}:{} says nothing", endpoint_.address, endpoint_.port)});
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (!slots_[i].done || slots_[i].deadline > now) continue;
        auto done = std::move(slots_[i].done);
        slots_[i].done = nullptr;
        ++abandoned_;
        --in_flight_;
        done(fail(Errc::timeout, "{}:{} took too long", endpoint_.address, endpoint_.port));
        if (!open_) return;
    }
    if (abandoned_ > most_abandoned) close({Errc::timeout, "too many requests were never answered"});
}

void CqlConnection::close(Error why) {
    if (!open_) return;
    open_ = false;
    why_closed_ = std::move(why);
    stream_.close();
    auto slots = std::move(slots_);
    slots_.clear();
    in_flight_ = 0;
    for (auto& slot : slots)
        if (slot.done) slot.done(fail(why_closed_));
    for (const auto& one : closing_) one.set(why_closed_);
    closing_.clear();
    on_event_ = nullptr;
}

net::Task<Error> CqlConnection::closed() {
    if (!open_) co_return why_closed_;
    net::Completion<Error> done(executor_);
    closing_.push_back(done);
    auto why = co_await done.wait();
    co_return why;
}

}  // namespace penstock::store
