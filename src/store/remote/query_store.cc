#include "store/remote/query_store.h"

#include <algorithm>
#include <deque>
#include <thread>

#include "base/clock.h"
#include "store/bytes.h"
#include "store/remote/retry.h"

namespace penstock::store {
namespace {

using wire::cql::BoundValue;
using wire::cql::Frame;

/// A delta larger than this lies beside the query's row: conditional updates are for small rows.
constexpr std::size_t most_inline_delta = 128 * 1024;
constexpr std::size_t chunk_bytes = 512 * 1024;
constexpr std::size_t most_batch_rows = 200;
constexpr std::size_t most_batch_bytes = 64 * 1024;
constexpr int most_claims = 50;

/// Bytes of values for one statement.
class Values {
public:
    Values& text(std::string_view value) {
        values_.push_back({BoundValue::State::set, value});
        return *this;
    }
    Values& bigint(std::int64_t value) {
        auto& bytes = kept_.emplace_back();
        append_big_endian(bytes, value);
        return text(bytes);
    }
    Values& integer(std::int32_t value) {
        auto& bytes = kept_.emplace_back();
        append_big_endian(bytes, value);
        return text(bytes);
    }
    Values& null() {
        values_.push_back({BoundValue::State::null, {}});
        return *this;
    }
    const std::vector<BoundValue>& get() const { return values_; }

private:
    std::deque<std::string> kept_;
    std::vector<BoundValue> values_;
};

/// The first key behind all that start with prefix; empty when there is none.
std::string after_prefix_of(std::string_view prefix) {
    std::string out(prefix);
    while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xFF) out.pop_back();
    if (!out.empty()) out.back() = char(static_cast<unsigned char>(out.back()) + 1);
    return out;
}

}  // namespace

std::string encode_delta(const std::vector<StateWrite>& state) {
    std::string out;
    for (const auto& change : state) {
        append_text(out, change.key);
        append_varint(out, change.value ? 1 : 0);
        if (change.value) append_text(out, *change.value);
    }
    return out;
}

Result<std::vector<StateWrite>> decode_delta(std::string_view bytes) {
    std::vector<StateWrite> out;
    ByteReader reader{bytes};
    while (reader.ok && !reader.rest.empty()) {
        StateWrite change;
        change.key = reader.text();
        auto present = reader.varint();
        if (present > 1) reader.ok = false;
        if (present == 1) change.value = reader.text();
        out.push_back(std::move(change));
    }
    if (!reader.ok) return fail(Errc::corrupt, "a query's change of state cannot be read");
    return out;
}

QueryStore::QueryStore(RemoteSession& session, RemoteSchema& schema) : session_(session), schema_(schema) {}

std::string QueryStore::table(std::string_view name) const {
    return fmt::format("{}.{}", in_double_quotes(session_.settings().keyspace), name);
}

Result<> QueryStore::ensure_tables() {
    {
        std::lock_guard lock(mutex_);
        if (has_tables_) return {};
    }
    const auto& keyspace = session_.settings().keyspace;
    TRY(schema_.ensure_own(
        keyspace, "queries",
        fmt::format("CREATE TABLE IF NOT EXISTS {} (query text PRIMARY KEY, epoch bigint, version "
                    "bigint, checkpoint blob, delta blob, chunks int)",
                    table("queries"))));
    TRY(schema_.ensure_own(
        keyspace, "query_deltas",
        fmt::format(
            "CREATE TABLE IF NOT EXISTS {} (query text, version bigint, chunk int, bytes blob, PRIMARY KEY "
            "(query, version, chunk))",
            table("query_deltas"))));
    TRY(schema_.ensure_own(
        keyspace, "query_state",
        fmt::format(
            "CREATE TABLE IF NOT EXISTS {} (query text, key blob, value blob, PRIMARY KEY (query, key))",
            table("query_state"))));
    std::lock_guard lock(mutex_);
    has_tables_ = true;
    return {};
}

Result<Frame> QueryStore::run(const std::string& text, const std::vector<BoundValue>& values,
                              std::optional<std::int64_t> timestamp, std::optional<Consistency> consistency) {
    auto statement = TRY(session_.prepare(text));
    wire::cql::Execute execute;
    execute.id = statement->prepared.id;
    execute.result_metadata_id = statement->prepared.result_metadata_id;
    execute.parameters.values = values;
    execute.parameters.consistency = std::uint16_t(consistency.value_or(session_.settings().consistency));
    execute.parameters.serial_consistency = std::uint16_t(session_.settings().serial_consistency);
    execute.parameters.timestamp_us = timestamp;
    Call call;
    call.statement = statement;
    wire::cql::append_request(call.body, session_.version(), wire::cql::Request(execute));
    auto answer = session_.run(std::move(call));
    // The tables are looked for again when somebody has dropped one.
    if (!answer && answer.error().code == Errc::not_found) {
        std::lock_guard lock(mutex_);
        has_tables_ = false;
        claims_.clear();
    }
    return answer;
}

Result<bool> QueryStore::run_conditional(const std::string& text, const std::vector<BoundValue>& values) {
    auto frame = TRY(run(text, values));
    auto response = TRY(wire::cql::decode_response(frame));
    const auto* rows = std::get_if<wire::cql::RowsResult>(&response);
    if (rows == nullptr) return fail(Errc::corrupt, "a conditional statement has an answer without rows");
    auto read = TRY(system_rows(*rows));
    return !read.empty() && read.front().text("[applied]") == std::string(1, '\1');
}

Result<std::optional<QueryStore::Row>> QueryStore::read(std::string_view query) {
    auto text = fmt::format("SELECT epoch, version, checkpoint, delta, chunks FROM {} WHERE query = ?",
                            table("queries"));
    // Serial: it sees, or ends, what a conditional update has begun.
    auto frame = TRY(run(text, Values().text(query).get(), {}, session_.settings().serial_consistency));
    auto response = TRY(wire::cql::decode_response(frame));
    const auto* rows = std::get_if<wire::cql::RowsResult>(&response);
    if (rows == nullptr) return fail(Errc::corrupt, "a SELECT has an answer without rows");
    auto read = TRY(system_rows(*rows));
    if (read.empty()) return std::optional<Row>();
    const auto& row = read.front();
    return std::optional(Row{row.long_integer("epoch"), row.long_integer("version"), row.text("checkpoint"),
                             row.text("delta"), row.integer("chunks")});
}

/// Raises the epoch, and brings the state to what the row says.
Result<QueryStore::Row> QueryStore::claim(std::string_view query) {
    TRY(ensure_tables());
    Backoff backoff;
    for (int i = 0; i < most_claims; ++i) {
        auto row = TRY(read(query));
        bool taken = false;
        if (!row) {
            // Versions are write timestamps: a row that was deleted by hand must not begin before the old
            // state.
            taken = TRY(run_conditional(
                fmt::format("INSERT INTO {} (query, epoch, version) VALUES (?, ?, ?) IF NOT EXISTS",
                            table("queries")),
                Values().text(query).bigint(1).bigint(system_clock().now_us()).get()));
        } else {
            taken = TRY(run_conditional(
                fmt::format("UPDATE {} SET epoch = ? WHERE query = ? IF epoch = ?", table("queries")),
                Values().bigint(row->epoch + 1).text(query).bigint(row->epoch).get()));
        }
        if (!taken) {
            std::this_thread::sleep_for(backoff.next());
            continue;
        }
        // No older epoch can commit any more: what is there now is the last.
        auto now = TRY(read(query));
        if (!now) continue;
        auto delta = now->chunks > 0 ? TRY(read_chunks(query, *now)) : now->delta;
        TRY(apply(query, now->version, delta));
        std::lock_guard lock(mutex_);
        claims_[std::string(query)] = {now->epoch, now->version};
        return *now;
    }
    return fail(Errc::unavailable, "query {}: other processes keep taking it over", query);
}

Result<QueryStore::Claim> QueryStore::claimed(std::string_view query) {
    {
        std::lock_guard lock(mutex_);
        if (auto known = claims_.find(query); known != claims_.end()) return known->second;
    }
    auto row = TRY(claim(query));
    return Claim{row.epoch, row.version};
}

void QueryStore::forget_claim(std::string_view query) {
    std::lock_guard lock(mutex_);
    if (auto known = claims_.find(query); known != claims_.end()) claims_.erase(known);
}

Result<std::string> QueryStore::checkpoint(std::string_view query) {
    // Also when it is ours already: a commit whose outcome is not known may be on its way.
    auto row = TRY(claim(query));
    return row.checkpoint;
}

Result<> QueryStore::advance(std::string_view query, Claim claim, std::int64_t version,
                             const std::string& checkpoint, const std::string& delta, std::int32_t chunks) {
    Values values;
    values.bigint(version);
    checkpoint.empty() ? values.null() : values.text(checkpoint);
    delta.empty() ? values.null() : values.text(delta);
    values.integer(chunks).text(query).bigint(claim.epoch);
    bool applied =
        TRY(run_conditional(fmt::format("UPDATE {} SET version = ?, checkpoint = ?, delta = ?, chunks = ? "
                                        "WHERE query = ? IF epoch = ?",
                                        table("queries")),
                            values.get()));
    if (!applied) {
        forget_claim(query);
        return fail(Errc::fenced, "query {} was taken over by another process", query);
    }
    std::lock_guard lock(mutex_);
    claims_[std::string(query)] = {claim.epoch, version};
    return {};
}

Result<> QueryStore::commit(std::string_view query, const std::vector<StateWrite>& state,
                            const std::string& checkpoint) {
    auto claim = TRY(claimed(query));
    auto version = std::max(claim.version + 1, system_clock().now_us());
    auto delta = encode_delta(state);
    if (delta.size() <= most_inline_delta) {
        TRY(advance(query, claim, version, checkpoint, delta, 0));
        return apply(query, version, delta);
    }
    TRY(write_chunks(query, version, delta));
    auto chunks = std::int32_t((delta.size() + chunk_bytes - 1) / chunk_bytes);
    TRY(advance(query, claim, version, checkpoint, {}, chunks));
    TRY(apply(query, version, delta));
    // Chunks stay when this is cut off; the next large commit drops them.
    return drop_chunks(query, version - 1);
}

Result<> QueryStore::write_chunks(std::string_view query, std::int64_t version, std::string_view delta) {
    auto text = fmt::format("INSERT INTO {} (query, version, chunk, bytes) VALUES (?, ?, ?, ?)",
                            table("query_deltas"));
    for (std::int32_t chunk = 0; !delta.empty(); ++chunk) {
        auto bytes = delta.substr(0, chunk_bytes);
        delta.remove_prefix(bytes.size());
        TRY(run(text, Values().text(query).bigint(version).integer(chunk).text(bytes).get(), version));
    }
    return {};
}

Result<std::string> QueryStore::read_chunks(std::string_view query, const Row& row) {
    std::string out;
    auto text = fmt::format("SELECT bytes FROM {} WHERE query = ? AND version = ? AND chunk = ?",
                            table("query_deltas"));
    for (std::int32_t chunk = 0; chunk < row.chunks; ++chunk) {
        auto frame = TRY(run(text, Values().text(query).bigint(row.version).integer(chunk).get()));
        auto response = TRY(wire::cql::decode_response(frame));
        const auto* rows = std::get_if<wire::cql::RowsResult>(&response);
        auto read = rows != nullptr ? TRY(system_rows(*rows)) : std::vector<SystemRow>();
        if (read.size() != 1)
            return fail(Errc::corrupt, "query {}: part {} of {} of its last change of state is missing",
                        query, chunk + 1, row.chunks);
        out += read.front().text("bytes");
    }
    return out;
}

Result<> QueryStore::drop_chunks(std::string_view query, std::int64_t version) {
    TRY(run(fmt::format("DELETE FROM {} WHERE query = ? AND version <= ?", table("query_deltas")),
            Values().text(query).bigint(version).get(), version));
    return {};
}

Result<> QueryStore::apply(std::string_view query, std::int64_t version, std::string_view delta) {
    if (delta.empty()) return {};
    auto changes = TRY(decode_delta(delta));
    auto insert = TRY(session_.prepare(
        fmt::format("INSERT INTO {} (query, key, value) VALUES (?, ?, ?)", table("query_state"))));
    auto remove = TRY(
        session_.prepare(fmt::format("DELETE FROM {} WHERE query = ? AND key = ?", table("query_state"))));
    wire::cql::BatchRequest batch;
    batch.kind = wire::cql::BatchRequest::Kind::unlogged;
    batch.parameters.consistency = std::uint16_t(session_.settings().consistency);
    batch.parameters.timestamp_us = version;
    CallGroup group;
    std::size_t bytes = 0;
    auto send = [&] {
        Call call;
        call.opcode = wire::cql::Opcode::batch;
        call.statement = insert;
        call.also = remove;
        wire::cql::append_request(call.body, session_.version(), wire::cql::Request(batch));
        call.done = [&group](Result<Frame> answer) { group.done(answer); };
        std::vector<Call> calls;
        calls.push_back(std::move(call));
        group.add();
        session_.submit(std::move(calls));
        batch.items.clear();
        bytes = 0;
    };
    for (const auto& change : changes) {
        auto& item = batch.items.emplace_back();
        item.prepared = true;
        item.text_or_id = change.value ? insert->prepared.id : remove->prepared.id;
        item.values = {{BoundValue::State::set, query}, {BoundValue::State::set, change.key}};
        if (change.value) item.values.push_back({BoundValue::State::set, *change.value});
        bytes += query.size() + change.key.size() + (change.value ? change.value->size() : 0);
        if (batch.items.size() >= most_batch_rows || bytes >= most_batch_bytes) send();
        if (group.has_failed()) break;
    }
    if (!batch.items.empty()) send();
    return group.wait();
}

Result<QueryStore::Entries> QueryStore::state(std::string_view query, std::string_view prefix) {
    TRY(ensure_tables());
    Entries out;
    auto upper = after_prefix_of(prefix);
    std::string text = fmt::format("SELECT key, value FROM {} WHERE query = ?", table("query_state"));
    Values values;
    values.text(query);
    if (!prefix.empty()) {
        text += " AND key >= ?";
        values.text(prefix);
    }
    if (!upper.empty()) {
        text += " AND key < ?";
        values.text(upper);
    }
    auto statement = TRY(session_.prepare(text));
    wire::cql::Execute execute;
    execute.id = statement->prepared.id;
    execute.result_metadata_id = statement->prepared.result_metadata_id;
    execute.parameters.values = values.get();
    execute.parameters.consistency = std::uint16_t(session_.settings().consistency);
    execute.parameters.page_size = session_.settings().page_rows;
    std::string paging_state;
    while (true) {
        Call call;
        call.statement = statement;
        call.is_read = true;
        wire::cql::append_request(call.body, session_.version(), wire::cql::Request(execute));
        auto frame = TRY(session_.run(std::move(call)));
        auto response = TRY(wire::cql::decode_response(frame));
        const auto* rows = std::get_if<wire::cql::RowsResult>(&response);
        if (rows == nullptr) return fail(Errc::corrupt, "a SELECT has an answer without rows");
        wire::cql::RowReader reader(*rows);
        std::vector<std::optional<std::string_view>> cells;
        while (reader.next(cells))
            if (cells.size() == 2 && cells[0] && cells[1]) out.emplace_back(*cells[0], *cells[1]);
        if (!reader.ok()) return fail(Errc::corrupt, "rows end before their count does");
        if (!rows->paging_state) return out;
        paging_state = *rows->paging_state;
        execute.parameters.paging_state = paging_state;
    }
}

Result<> QueryStore::forget(std::string_view query) {
    auto claim = TRY(claimed(query));
    auto version = std::max(claim.version + 1, system_clock().now_us());
    // First the checkpoint: without it the state is of no meaning, and the query begins anew.
    TRY(advance(query, claim, version, {}, {}, 0));
    TRY(run(fmt::format("DELETE FROM {} WHERE query = ?", table("query_state")), Values().text(query).get(),
            version));
    return drop_chunks(query, version);
}

}  // namespace penstock::store
