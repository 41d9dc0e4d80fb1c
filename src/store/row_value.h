// The value of a row's key: when the row was inserted, what was deleted, and its cells. docs/formats/cell.md
// has the byte table. Two values of one row merge cell by cell, in any order, to the same result.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::store {

/// Smaller than every write timestamp.
inline constexpr std::int64_t no_timestamp = INT64_MIN;

/// Says that the row exists although all of its regular columns may be null: an INSERT writes it.
struct Marker {
    std::int64_t timestamp = no_timestamp;
    std::uint32_t ttl = 0;         ///< seconds; 0: for ever
    std::uint32_t expires_at = 0;  ///< seconds since 1970, when ttl > 0
    bool present() const { return timestamp != no_timestamp; }
    bool operator==(const Marker&) const = default;
};

/// Hides what was written at or before timestamp.
struct Deletion {
    std::int64_t timestamp = no_timestamp;
    std::uint32_t at = 0;  ///< seconds since 1970, our clock: when the tombstone may begin to be forgotten
    bool present() const { return timestamp != no_timestamp; }
    bool operator==(const Deletion&) const = default;
};

enum class CellKind : std::uint8_t {
    value = 0,
    tombstone = 1,
    collection_deletion = 2,  ///< hides the elements at or before its timestamp
    counter = 3,              ///< value is an 8-byte sum; merging adds
};

/// One column of a row, or one element of a collection. Views point into the row value.
struct Cell {
    std::uint32_t column = 0;
    CellKind kind = CellKind::value;
    bool has_path = false;
    std::int64_t timestamp = no_timestamp;
    std::uint32_t ttl = 0;  ///< seconds; 0: for ever
    std::uint32_t expires_at =
        0;  ///< with ttl: when it ends; of tombstones: when it was written. Seconds since 1970
    std::string_view path;  ///< which element
    std::string_view value;

    /// Now in seconds since 1970.
    bool is_live(std::int64_t now) const {
        return (kind == CellKind::value || kind == CellKind::counter) &&
               (ttl == 0 || std::int64_t(expires_at) > now);
    }
    bool operator==(const Cell&) const = default;
};

/// A row value taken apart, or under construction. Cells are ordered by column, then the collection's
/// deletion, then path.
struct Row {
    Marker marker;
    Deletion deletion;
    std::vector<Cell> cells;
    void clear() {
        marker = {};
        deletion = {};
        cells.clear();
    }
};

/// Appends the row's bytes.
void append_row(std::string& out, const Row& row);
/// Views in `row` point into bytes. False when the bytes are not a row value.
bool parse_row(std::string_view bytes, Row& row);

/// The winner of two cells of the same column and path; Cassandra's rules: the later; at the same time a
/// tombstone, then an expiring one, then the greater value. Counters add up. `sums` keeps the bytes of added
/// counters and must outlive the result.
void merge_rows(Row& into, const Row& other, std::deque<std::string>& sums);

/// Brings cells into the order that the format wants, merging those of the same column and path.
void normalize(Row& row, std::deque<std::string>& sums);

/// True when something of the row can be seen at `now` (seconds), apart from what `hidden_until` deletes.
bool is_live(std::string_view bytes, std::int64_t now, std::int64_t hidden_until);

/// Writes a row that is one INSERT, without the detour over Row: marker and every cell at one timestamp.
class RowEncoder {
public:
    /// Room needed at most, apart from the values' bytes.
    static constexpr std::size_t header_size = 1 + 8;
    static constexpr std::size_t cell_overhead = 1 + 5 + 5;

    static char* begin(char* at, std::int64_t timestamp);
    static char* value(char* at, std::uint32_t column, std::string_view bytes);
    /// For values whose bytes the caller writes itself: returns where they go.
    static char* value_head(char* at, std::uint32_t column, std::uint32_t size);
    static char* tombstone(char* at, std::uint32_t column, std::uint32_t deleted_at);
};

}  // namespace penstock::store
