// Requests to answers: statements parsed, prepared and run. Knows no sockets.
#pragma once

#include <rocksdb/write_batch.h>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "store/cql/conditional.h"
#include "store/cql/modify.h"
#include "store/cql/roles_run.h"
#include "store/cql/schema_change.h"
#include "store/cql/select_plan.h"
#include "store/cql/system_tables.h"
#include "store/cql/trace_log.h"
#include "wire/cql/request.h"

namespace penstock::store::cql {

struct Answer {
    wire::cql::Opcode opcode = wire::cql::Opcode::result;
    std::string body;
    std::optional<std::string> keyspace;           ///< the session's from now on
    std::vector<wire::cql::SchemaChange> changes;  ///< for those who asked for events
    std::vector<std::string> warnings;
    std::string tracing_id;  ///< of a request that was traced
};

/// A statement looked up once. Immutable.
struct PreparedStatement;

/// Thread-safe.
class CqlService {
public:
    /// roles: null when nobody has to log in; else what they may do is enforced. They must outlive the
    /// service.
    CqlService(Database& database, NodeIdentity identity, Roles* roles = nullptr);
    ~CqlService();

    /// A write that only has to reach the log: the answer is ready, and counts when the write is done.
    struct PendingWrite {
        rocksdb::WriteBatch batch;
        Answer answer;
    };
    /// Reads, and what must read first: to be called on a thread that may block. The request must live until
    /// then.
    using Blocking = std::function<Answer()>;
    using Work = std::variant<Answer, PendingWrite, Blocking>;

    /// Does what needs no disk (never blocks), short reads among it, and says what is left. QUERY, PREPARE,
    /// EXECUTE and BATCH only.
    Work start(const wire::cql::Request& request, std::string_view session_keyspace, int version,
               const Caller& caller = {});

    /// The port that clients are told, when it is known only after listening.
    void set_port(std::uint16_t port) { system_.set_port(port); }

    static Answer error(const wire::cql::ErrorResponse& error);

    TraceLog& traces() { return traces_; }
    ClientList& clients() { return clients_; }
    /// What a request is called and given in system_traces.
    void describe_for_trace(const wire::cql::Request& request, TraceSession& trace);

private:
    using Prepared = std::shared_ptr<const PreparedStatement>;
    template <class T>
    using Outcome = std::expected<T, wire::cql::ErrorResponse>;

    Outcome<Prepared> statement_of(std::string_view text, std::string_view keyspace);
    Outcome<Prepared> prepared(std::string_view id);
    std::vector<PreparedText> prepared_texts();
    Work query(const wire::cql::Query& query, std::string_view keyspace, int version, const Caller& caller);
    Answer prepare(const wire::cql::Prepare& prepare, std::string_view keyspace, int version);
    Work execute(const wire::cql::Execute& execute, int version, const Caller& caller);
    Work batch(const wire::cql::BatchRequest& batch, std::string_view keyspace, const Caller& caller);
    /// kept: what the statements' plans are in.
    Work run_batch(Batch::Kind kind, std::vector<Prepared> kept, std::vector<ConditionalStatement> statements,
                   const wire::cql::QueryParameters& parameters, const WriteTime& time);
    /// Errc::unauthorized when the caller lacks a permission for it.
    Result<> authorize(const PreparedStatement& statement, std::string_view keyspace,
                       const Caller& caller) const;
    Answer change_roles(const RoleStatement& statement, std::string_view keyspace, int version,
                        const Caller& caller);
    Work run(Prepared statement, const wire::cql::QueryParameters& parameters, std::string_view keyspace,
             int version, std::optional<std::string> new_metadata_id, const Caller& caller);
    /// at_once: nothing when it would take long, or wait for a disk.
    std::optional<Answer> select(const PreparedStatement& statement,
                                 const wire::cql::QueryParameters& parameters, const Bindings& bindings,
                                 int version, const std::optional<std::string>& new_metadata_id,
                                 bool at_once);
    Answer conditional(const std::vector<ConditionalStatement>& statements, bool is_batch,
                       const WriteTime& time);
    Answer read_and_write(const std::vector<ConditionalStatement>& statements, const WriteTime& time);
    std::int64_t next_timestamp_us();
    std::int64_t now_seconds(const wire::cql::QueryParameters& parameters) const;
    WriteTime time_of(const wire::cql::QueryParameters& parameters);

    Database& database_;
    Roles* roles_;
    TraceLog traces_;
    ClientList clients_;
    SystemTables system_;
    std::mutex mutex_;
    /// By id; the list is in the order of their making, and the oldest go first.
    std::unordered_map<std::string, Prepared> prepared_;
    std::list<std::string> prepared_order_;
    std::size_t prepared_bytes_ = 0;        ///< of their texts
    std::array<std::mutex, 64> row_locks_;  ///< conditional statements on one partition go in turn
    std::atomic<std::int64_t> last_timestamp_us_{0};
};

}  // namespace penstock::store::cql
