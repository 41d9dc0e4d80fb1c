#include "store/row_value.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "store/bytes.h"

namespace penstock::store {
namespace {

// Row flags.
constexpr std::uint8_t has_marker = 0x01;
constexpr std::uint8_t marker_expires = 0x02;
constexpr std::uint8_t has_deletion = 0x04;
constexpr std::uint8_t marker_elsewhen = 0x08;  // its timestamp is not the row's base
// Cell flags; the lowest two bits are the CellKind.
constexpr std::uint8_t kind_bits = 0x03;
constexpr std::uint8_t cell_elsewhen = 0x04;
constexpr std::uint8_t cell_expires = 0x08;
constexpr std::uint8_t cell_has_path = 0x10;

auto order_of(const Cell& cell) {
    return std::tuple(cell.column, cell.has_path, cell.path);
}

std::int64_t base_of(const Row& row) {
    if (row.marker.present()) return row.marker.timestamp;
    return row.cells.empty() ? 0 : row.cells.front().timestamp;
}

void append_cell(std::string& out, const Cell& cell, std::int64_t base) {
    std::uint8_t flags = std::uint8_t(cell.kind);
    if (cell.timestamp != base) flags |= cell_elsewhen;
    bool expires = cell.ttl > 0 && (cell.kind == CellKind::value || cell.kind == CellKind::counter);
    if (expires) flags |= cell_expires;
    if (cell.has_path) flags |= cell_has_path;
    out += char(flags);
    append_varint(out, cell.column);
    if (cell.timestamp != base) append_big_endian(out, cell.timestamp);
    if (cell.has_path) append_text(out, cell.path);
    if (cell.kind == CellKind::tombstone || cell.kind == CellKind::collection_deletion) {
        append_big_endian(out, cell.expires_at);
        return;
    }
    if (expires) {
        append_big_endian(out, cell.ttl);
        append_big_endian(out, cell.expires_at);
    }
    append_text(out, cell.value);
}

/// Reads the parts of a row value one after the other.
struct Parser {
    ByteReader reader;
    std::int64_t base = 0;

    bool header(Marker& marker, Deletion& deletion) {
        auto flags = reader.fixed<std::uint8_t>();
        base = reader.fixed<std::int64_t>();
        if (flags & has_marker) {
            marker.timestamp = flags & marker_elsewhen ? reader.fixed<std::int64_t>() : base;
            if (flags & marker_expires) {
                marker.ttl = reader.fixed<std::uint32_t>();
                marker.expires_at = reader.fixed<std::uint32_t>();
            }
        }
        if (flags & has_deletion) {
            deletion.timestamp = reader.fixed<std::int64_t>();
            deletion.at = reader.fixed<std::uint32_t>();
        }
        return reader.ok;
    }

    bool cell(Cell& out) {
        auto flags = reader.fixed<std::uint8_t>();
        out.kind = CellKind(flags & kind_bits);
        out.column = reader.varint();
        out.timestamp = flags & cell_elsewhen ? reader.fixed<std::int64_t>() : base;
        out.has_path = (flags & cell_has_path) != 0;
        out.path = out.has_path ? reader.text() : std::string_view();
        out.ttl = out.expires_at = 0;
        out.value = {};
        if (out.kind == CellKind::tombstone || out.kind == CellKind::collection_deletion) {
            out.expires_at = reader.fixed<std::uint32_t>();
            return reader.ok;
        }
        if (flags & cell_expires) {
            out.ttl = reader.fixed<std::uint32_t>();
            out.expires_at = reader.fixed<std::uint32_t>();
        }
        out.value = reader.text();
        return reader.ok;
    }
};

std::int64_t counter_of(std::string_view value) {
    return value.size() == 8 ? load_big_endian<std::int64_t>(value.data()) : 0;
}

bool ends(const Cell& cell) {
    return cell.kind == CellKind::tombstone || cell.ttl > 0;
}

/// True when b replaces a.
bool replaces(const Cell& b, const Cell& a) {
    if (a.timestamp != b.timestamp) return b.timestamp > a.timestamp;
    if (ends(a) != ends(b)) return ends(b);
    if (ends(a)) {
        bool a_tombstone = a.kind == CellKind::tombstone, b_tombstone = b.kind == CellKind::tombstone;
        if (a_tombstone != b_tombstone) return b_tombstone;
        if (a.expires_at != b.expires_at) return b.expires_at > a.expires_at;
        if (a_tombstone) return false;
        if (a.ttl != b.ttl) return b.ttl < a.ttl;  // written later with the same end
    }
    return b.value > a.value;
}

void merge_cell(Cell& into, const Cell& other, std::deque<std::string>& sums) {
    if (into.kind == CellKind::counter && other.kind == CellKind::counter) {
        // Unsigned, so that an overflow wraps as Cassandra's does.
        auto sum = std::uint64_t(counter_of(into.value)) + std::uint64_t(counter_of(other.value));
        sums.emplace_back();
        append_big_endian(sums.back(), sum);
        into.value = sums.back();
        into.timestamp = std::max(into.timestamp, other.timestamp);
    } else if (replaces(other, into)) {
        into = other;
    }
}

void merge_marker(Marker& into, const Marker& other) {
    auto rank = [](const Marker& m) { return std::tuple(m.timestamp, m.ttl > 0, m.expires_at, m.ttl); };
    if (rank(other) > rank(into)) into = other;
}

void merge_deletion(Deletion& into, const Deletion& other) {
    if (std::tuple(other.timestamp, other.at) > std::tuple(into.timestamp, into.at)) into = other;
}

/// Drops what the row's deletion and the collections' deletions hide.
void drop_hidden(Row& row) {
    if (row.marker.timestamp <= row.deletion.timestamp) row.marker = {};
    std::int64_t collection = no_timestamp;
    std::uint32_t column = UINT32_MAX;
    std::erase_if(row.cells, [&](const Cell& cell) {
        if (cell.timestamp <= row.deletion.timestamp) return true;
        if (cell.kind == CellKind::collection_deletion) {
            column = cell.column;
            collection = cell.timestamp;
            return false;
        }
        return cell.has_path && cell.column == column && cell.timestamp <= collection;
    });
}

}  // namespace

void append_row(std::string& out, const Row& row) {
    auto base = base_of(row);
    std::uint8_t flags = 0;
    if (row.marker.present()) flags |= has_marker;  // base is its timestamp
    if (row.marker.present() && row.marker.ttl > 0) flags |= marker_expires;
    if (row.deletion.present()) flags |= has_deletion;
    out += char(flags);
    append_big_endian(out, base);
    if (flags & marker_expires) {
        append_big_endian(out, row.marker.ttl);
        append_big_endian(out, row.marker.expires_at);
    }
    if (row.deletion.present()) {
        append_big_endian(out, row.deletion.timestamp);
        append_big_endian(out, row.deletion.at);
    }
    for (const auto& cell : row.cells) append_cell(out, cell, base);
}

bool parse_row(std::string_view bytes, Row& row) {
    row.clear();
    Parser parser{{bytes}};
    if (!parser.header(row.marker, row.deletion)) return false;
    while (!parser.reader.rest.empty())
        if (!parser.cell(row.cells.emplace_back())) return false;
    return true;
}

void merge_rows(Row& into, const Row& other, std::deque<std::string>& sums) {
    merge_marker(into.marker, other.marker);
    merge_deletion(into.deletion, other.deletion);
    std::vector<Cell> merged;
    merged.reserve(into.cells.size() + other.cells.size());
    auto a = into.cells.begin();
    auto b = other.cells.begin();
    while (a != into.cells.end() && b != other.cells.end()) {
        auto order = order_of(*a) <=> order_of(*b);
        if (order < 0)
            merged.push_back(*a++);
        else if (order > 0)
            merged.push_back(*b++);
        else {
            merged.push_back(*a++);
            merge_cell(merged.back(), *b++, sums);
        }
    }
    merged.insert(merged.end(), a, into.cells.end());
    merged.insert(merged.end(), b, other.cells.end());
    into.cells = std::move(merged);
    drop_hidden(into);
}

void normalize(Row& row, std::deque<std::string>& sums) {
    std::vector<std::size_t> order(row.cells.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        return std::tuple(order_of(row.cells[a]), a) < std::tuple(order_of(row.cells[b]), b);
    });
    std::vector<Cell> merged;
    merged.reserve(row.cells.size());
    for (auto i : order) {
        const auto& cell = row.cells[i];
        if (!merged.empty() && order_of(merged.back()) == order_of(cell))
            merge_cell(merged.back(), cell, sums);
        else
            merged.push_back(cell);
    }
    row.cells = std::move(merged);
    drop_hidden(row);
}

bool is_live(std::string_view bytes, std::int64_t now, std::int64_t hidden_until) {
    Parser parser{{bytes}};
    Marker marker;
    Deletion deletion;
    if (!parser.header(marker, deletion)) return false;
    auto hidden = std::max(hidden_until, deletion.timestamp);
    if (marker.timestamp > hidden && (marker.ttl == 0 || std::int64_t(marker.expires_at) > now)) return true;
    Cell cell;
    while (!parser.reader.rest.empty()) {
        if (!parser.cell(cell)) return false;
        if (cell.timestamp > hidden && cell.is_live(now)) return true;
    }
    return false;
}

char* RowEncoder::begin(char* at, std::int64_t timestamp) {
    *at++ = char(has_marker);
    return store_big_endian(at, timestamp);
}

char* RowEncoder::value_head(char* at, std::uint32_t column, std::uint32_t size) {
    *at++ = 0;
    at = store_varint(at, column);
    return store_varint(at, size);
}

char* RowEncoder::value(char* at, std::uint32_t column, std::string_view bytes) {
    at = value_head(at, column, std::uint32_t(bytes.size()));
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return at + bytes.size();
}

char* RowEncoder::tombstone(char* at, std::uint32_t column, std::uint32_t deleted_at) {
    *at++ = char(CellKind::tombstone);
    at = store_varint(at, column);
    return store_big_endian(at, deleted_at);
}

}  // namespace penstock::store
