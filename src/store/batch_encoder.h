// Turns batches of the streaming engine into sorted keys and values of one table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/batch.h"
#include "store/catalogue.h"
#include "store/engine_value.h"

namespace penstock::store {

class BatchEncoder {
public:
    /// The table must outlive the encoder. now in seconds since 1970.
    BatchEncoder(const TableDefinition& table, std::int64_t now) : table_(table), now_(now) {}

    /// Errc::invalid names the column (unknown, of another type, missing from the key) or the row and column
    /// whose value is not one (a null key, a text that is not a uuid).
    Result<> add(const Batch& rows, std::int64_t timestamp_us);

    struct Entry {
        std::string_view key;
        std::string_view value;
    };
    /// All rows in key order, each key once: of rows with the same key the one added last stays when the
    /// batches have the same timestamp and columns; otherwise cell by cell.
    std::vector<Entry> take_sorted();
    std::size_t rows() const { return entries_.size(); }

private:
    struct Placed {
        std::uint64_t order;  ///< the token, so that sorting compares integers
        const char* bytes;    ///< key, then value
        std::uint32_t key_size;
        std::uint32_t value_size;
        std::uint32_t write;     ///< which add()
        std::uint32_t sequence;  ///< which row of all
    };
    Result<> add_row(const std::vector<ColumnSource>& sources, std::size_t row, std::int64_t timestamp_us);
    Entry entry_of(const Placed& placed) const {
        return {{placed.bytes, placed.key_size}, {placed.bytes + placed.key_size, placed.value_size}};
    }

    const TableDefinition& table_;
    std::int64_t now_;
    Arena arena_;
    std::vector<Placed> entries_;
    struct Write {
        std::int64_t timestamp_us;
        std::vector<std::uint32_t> columns;
        bool operator==(const Write&) const = default;
    };
    std::vector<Write> writes_;
    std::string key_;
    std::string scratch_;
};

}  // namespace penstock::store
