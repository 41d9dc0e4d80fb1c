// Batches of the streaming engine as requests: each with the rows of one partition, or of a few small ones
// that the same nodes have, to one of these nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/engine_value.h"
#include "store/remote/session.h"
#include "store/tables.h"

namespace penstock::store {

/// All rows of one TableWrite. Of rows with the same key the last stays: the write timestamps are equal, and
/// then the greater value would win.
class RowWriter {
public:
    /// The table must outlive the writer.
    RowWriter(RemoteSession& session, const TableDefinition& table) : session_(session), table_(table) {}

    /// Looks at all keys before anything is sent. Errc::invalid as BatchEncoder has it.
    Result<> add(const Batch& rows, std::int64_t timestamp_us);
    /// Sends them all; done is told of each request. Returns early when one has failed.
    Result<> send(CallGroup& group);
    std::size_t rows() const { return placed_.size(); }

private:
    /// Rows of one batch: written with one timestamp, by one statement.
    struct Part {
        std::vector<ColumnSource> sources;  ///< those that the batch has
        std::int64_t timestamp_us = 0;
        std::string text;
        std::shared_ptr<const Statement> statement;
    };
    struct Placed {
        std::int64_t token;
        const char* key;  ///< the partition key, then the clustering columns, each with its length
        std::uint32_t partition_size;
        std::uint32_t key_size;
        std::uint32_t part;
        std::uint32_t row;

        std::string_view partition() const { return {key, partition_size}; }
        std::string_view whole() const { return {key, key_size}; }
    };
    Result<> place(const Part& part, std::uint32_t number, std::size_t row);
    Result<> append_partition_key(const Part& part, std::size_t row);
    void drop_replaced();
    /// How many rows from here go into one request.
    std::size_t together(std::size_t from, const Ring& ring) const;
    Result<Call> call_of(std::size_t from, std::size_t count);
    Result<> append_values(std::string& out, const Part& part, std::size_t row) const;

    RemoteSession& session_;
    const TableDefinition& table_;
    std::vector<Part> parts_;
    std::vector<Placed> placed_;
    Arena arena_;
    std::string scratch_;
    std::string key_;
};

}  // namespace penstock::store
