// What queries remember, in tables of Penstock's own: checkpoints and state. docs/formats/remote_state.md.
//
// The atomic point of a commit is one conditional update of the query's row in `queries`, made when all rows
// of the commit are acknowledged: checkpoint, version, and what the commit changes of the state (its delta;
// large ones lie beside, in `query_deltas`). Then the delta is written to `query_state`, with the version as
// write timestamp, and may be so again by whoever comes next. The condition is the epoch: who opens a query
// raises it, and a process that was paused meanwhile finds that it is not its turn any more.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/remote/remote_schema.h"
#include "store/remote/session.h"
#include "store/tables.h"

namespace penstock::store {

/// Thread-safe; of one query, one commit at a time.
class QueryStore {
public:
    using Entries = std::vector<std::pair<std::string, std::string>>;

    QueryStore(RemoteSession& session, RemoteSchema& schema);

    /// Takes the query over: another process that still commits to it gets Errc::fenced.
    Result<std::string> checkpoint(std::string_view query);
    Result<Entries> state(std::string_view query, std::string_view prefix);
    Result<> commit(std::string_view query, const std::vector<StateWrite>& state,
                    const std::string& checkpoint);
    Result<> forget(std::string_view query);

private:
    struct Claim {
        std::int64_t epoch = 0;
        std::int64_t version = 0;
    };
    struct Row {
        std::int64_t epoch = 0;
        std::int64_t version = 0;
        std::string checkpoint;
        std::string delta;
        std::int32_t chunks = 0;
    };
    Result<> ensure_tables();
    Result<std::optional<Row>> read(std::string_view query);
    Result<Row> claim(std::string_view query);
    Result<Claim> claimed(std::string_view query);
    Result<> advance(std::string_view query, Claim claim, std::int64_t version, const std::string& checkpoint,
                     const std::string& delta, std::int32_t chunks);
    Result<> write_chunks(std::string_view query, std::int64_t version, std::string_view delta);
    Result<std::string> read_chunks(std::string_view query, const Row& row);
    Result<> apply(std::string_view query, std::int64_t version, std::string_view delta);
    Result<> drop_chunks(std::string_view query, std::int64_t version);
    void forget_claim(std::string_view query);

    Result<wire::cql::Frame> run(const std::string& text, const std::vector<wire::cql::BoundValue>& values,
                                 std::optional<std::int64_t> timestamp = {},
                                 std::optional<Consistency> consistency = {});
    /// A conditional statement: whether it was applied.
    Result<bool> run_conditional(const std::string& text, const std::vector<wire::cql::BoundValue>& values);
    std::string table(std::string_view name) const;

    RemoteSession& session_;
    RemoteSchema& schema_;
    std::mutex mutex_;
    bool has_tables_ = false;
    std::map<std::string, Claim, std::less<>> claims_;
};

/// The changes of state as bytes, and back; Errc::corrupt.
std::string encode_delta(const std::vector<StateWrite>& state);
Result<std::vector<StateWrite>> decode_delta(std::string_view bytes);

}  // namespace penstock::store
