// One CQL connection.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/connection.h"
#include "store/cql/service.h"
#include "store/server/cql_server.h"
#include "wire/cql/frame.h"
#include "wire/cql/request.h"

namespace penstock::store {

class Session;

/// Who wants to hear of schema changes. Thread-safe.
class Subscribers {
public:
    void add(std::weak_ptr<Session> session);
    void publish(const wire::cql::SchemaChange& change);

private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<Session>> sessions_;
};

/// What all sessions of a server share.
struct SessionContext {
    /// of_roles: null when nobody has to log in.
    SessionContext(Database& of, cql::NodeIdentity identity, CqlServerOptions with,
                   std::unique_ptr<Roles> of_roles = nullptr)
        : database(of),
          roles(std::move(of_roles)),
          service(of, std::move(identity), roles.get()),
          options(std::move(with)),
          pool(options.read_threads) {}
    Database& database;
    std::unique_ptr<Roles> roles;
    std::shared_ptr<net::TlsContext> tls;  ///< null: connections are not encrypted
    cql::CqlService service;
    CqlServerOptions options;
    Subscribers subscribers;
    net::BlockingPool pool;
};

/// Used on its connection's thread only, apart from what says otherwise.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<SessionContext> context, net::Connection connection);
    /// Until the client goes.
    net::Task<> run();
    /// From any thread.
    void post_event(std::string body);

private:
    enum class Phase : std::uint8_t { starting, authenticating, ready };

    /// A request that runs a statement, until its answer is made.
    struct Statement;
    /// Both end() it.
    void write(std::shared_ptr<Statement> statement);
    net::Task<> read(std::shared_ptr<Session> self, std::shared_ptr<Statement> statement);
    void take_outcome(Statement& statement, const Result<>& outcome);
    void end(const Statement& statement);
    /// Sends the answer.
    void finish(Statement& statement, cql::Answer answer);
    cql::TraceSession begin_trace(const wire::cql::Request& request);
    net::Task<> log_in(std::shared_ptr<Session> self, std::int16_t stream, std::string role,
                       std::string password);
    net::Task<> send_event(std::shared_ptr<Session> self, std::string body);
    net::Task<> flush(std::shared_ptr<Session> self);
    net::Task<> wait_for_change();
    net::Task<> wait_for_room();
    net::Task<> wait_until_idle();

    /// False: the connection is to be closed.
    bool take(wire::cql::Frame frame);
    void take_statement(wire::cql::Frame frame);
    bool take_startup(const wire::cql::Frame& frame, const wire::cql::Startup& startup);
    bool take_credentials(const wire::cql::Frame& frame, const wire::cql::AuthResponse& response);
    void reply(int version, std::int16_t stream, wire::cql::Opcode opcode, std::string_view body,
               std::uint8_t flags = 0);
    void reply_answer(std::int16_t stream, const cql::Answer& answer);
    void reply_error(int version, std::int16_t stream, wire::cql::ErrorCode code, std::string text);
    void wake();
    void start_flush();

    std::shared_ptr<SessionContext> context_;
    net::Connection connection_;
    net::asio::any_io_executor executor_;
    wire::cql::FrameReader reader_;
    Phase phase_ = Phase::starting;
    int version_ = 0;  ///< of the first frame
    wire::cql::Compression compression_ = wire::cql::Compression::none;
    bool segmented_ = false;
    std::string keyspace_;
    cql::Caller caller_;
    std::shared_ptr<cql::Client> client_;  ///< from STARTUP on

    bool refuses_overload_ = false;  ///< too much at once is an error, and not left unread

    int in_flight_ = 0;
    std::size_t in_flight_bytes_ = 0;  ///< of their frames
    int reading_ = 0;                  ///< requests that read tables now
    std::string frames_;               ///< to be sent, wrapped into segments when it is their turn
    std::string plain_;                ///< to be sent before, as it is
    bool flushing_ = false;
    bool broken_ = false;
    std::vector<net::Completion<bool>> waiting_;  ///< for something to have changed
};

}  // namespace penstock::store
