// The tables seam: what queries, SQL and the console need of tables. Below it stand our own store over
// RocksDB (LocalTables) and a real Apache Cassandra (RemoteTables).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "record/batch.h"

namespace penstock::store {

struct KeyColumn {
    std::string name;
    bool descending = false;  ///< clustering columns only
    bool operator==(const KeyColumn&) const = default;
};

/// A table as the streaming engine sees it. Key columns are among the columns.
struct TableSpec {
    std::string keyspace;
    std::string name;
    Schema columns;
    std::vector<std::string> partition_key;
    std::vector<KeyColumn> clustering;
    std::string full_name() const { return keyspace + "." + name; }
};

struct TableStatus {
    std::string keyspace;
    std::string name;
    std::int64_t rows_estimate = 0;
    std::int64_t bytes = 0;
};

/// Rows to upsert. The batch's columns are named as the table's; missing columns are left as they are, null
/// values delete the cell. When two writes meet, the higher timestamp wins, cell by cell.
struct TableWrite {
    std::string_view table;  ///< keyspace.name
    const Batch* rows = nullptr;
    std::int64_t timestamp_us = 0;  ///< Cassandra's write timestamp, for all rows
};

struct StateWrite {
    std::string key;
    std::optional<std::string> value;  ///< none: delete
};

/// What a query did with a stretch of its input: becomes durable and visible as a whole, or not at all.
struct Commit {
    std::string_view query;
    std::vector<TableWrite> writes;
    std::vector<StateWrite> state;
    std::string checkpoint;  ///< the query's input offsets and watermark, in its own format
    /// Of whoever runs the query: Coordinator::epoch(). Errc::fenced, with checkpoint and state as they were,
    /// when a higher one has claimed the query. 0: nobody else can run it; not compared.
    std::int64_t epoch = 0;
};

/// Rows in key order, a batch at a time.
class Cursor {
public:
    virtual ~Cursor() = default;
    /// An empty batch at the end.
    virtual Result<Batch> next(std::size_t max_rows) = 0;
};

/// Thread-safe.
class Tables {
public:
    virtual ~Tables() = default;

    virtual std::string describe() const = 0;

    /// Creates keyspace and table when missing, adds missing regular columns; Errc::invalid, naming the
    /// column, when the key or a type differs.
    virtual Result<> ensure(const TableSpec& spec) = 0;
    virtual Result<TableSpec> spec(std::string_view table) = 0;  ///< keyspace.name; Errc::not_found
    virtual Result<std::vector<TableStatus>> list() = 0;

    /// One commit at a time for each query; different queries may commit at once.
    virtual Result<> commit(const Commit& commit) = 0;
    /// From when this returns, commits of the query by lower epochs are fenced, whoever makes them and
    /// however long they have been on their way. Returns the checkpoint as it is then, as checkpoint() does:
    /// it will change by commits of this epoch only. Errc::fenced when a higher epoch has claimed it. Tables
    /// that count epochs themselves take the last one to claim for the highest. Epoch 0 with others does
    /// nothing but read.
    virtual Result<std::string> claim(std::string_view query, std::int64_t epoch) = 0;
    /// The checkpoint of the query's last commit; empty when it never did.
    virtual Result<std::string> checkpoint(std::string_view query) = 0;
    /// All state of the query whose key starts with prefix, in key order.
    virtual Result<std::vector<std::pair<std::string, std::string>>> state(std::string_view query,
                                                                           std::string_view prefix) = 0;
    /// Forgets checkpoint and state: the query starts anew.
    virtual Result<> forget(std::string_view query) = 0;

    /// All rows, the named columns of them (all when empty).
    virtual Result<std::unique_ptr<Cursor>> scan(std::string_view table,
                                                 const std::vector<std::string>& columns) = 0;
    /// Makes every commit so far survive a power cut, and not just a crash of the process.
    virtual Result<> flush() = 0;
};

}  // namespace penstock::store
