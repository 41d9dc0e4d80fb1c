// Rows as columns: what a query works on and what a table is written with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "record/type.h"

namespace penstock {

/// Keeps the bytes of strings that a batch's columns point into. Grows in blocks; earlier views stay valid.
class Arena {
public:
    /// Copies text into the arena; the view lives as long as the arena.
    std::string_view copy(std::string_view text);
    /// size uninitialised bytes, as long-lived.
    char* allocate(std::size_t size);
    std::size_t bytes() const { return bytes_; }

private:
    static constexpr std::size_t block_size = 256 * 1024;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* next_ = nullptr;
    std::size_t left_ = 0;
    std::size_t bytes_ = 0;
};

/// One column of values. Exactly one of integers, floats and strings is used, as storage_of(type) says, and
/// holds one entry for each row, also for nulls (whose entry is zero or empty).
struct Column {
    TypeId type = TypeId::string;
    std::vector<std::uint8_t> nulls;  ///< 1 = null, one a row; empty when no value is null
    std::vector<std::int64_t> integers;
    std::vector<double> floats;
    std::vector<std::string_view> strings;  ///< point into the batch's keep_alive

    bool is_null(std::size_t row) const { return !nulls.empty() && nulls[row] != 0; }
    std::size_t size() const;
    void reserve(std::size_t rows);
    void append_null();
    void append_integer(std::int64_t value);
    void append_float(double value);
    void append_string(std::string_view value);  ///< the caller keeps the bytes alive
    /// Takes one value of another column of the same type.
    void append_from(const Column& other, std::size_t row);
};

/// Rows [0, rows) of columns as schema names them. Append-only input has no deletes; results that replace
/// earlier ones (a window's newer count) are written as upserts by key.
struct Batch {
    Schema schema;
    std::vector<Column> columns;
    std::size_t rows = 0;
    /// Arenas and input buffers that the string columns point into.
    std::vector<std::shared_ptr<const void>> keep_alive;

    /// Index of the column, or -1.
    int column_index(std::string_view name) const;
};

Batch make_batch(const Schema& schema);

/// A DOUBLE as Spark shows it: 1.0, 1.0E10, NaN, -Infinity.
std::string float_text(double value);
/// A value as text for people and tests: NULL, true, 12, 1.5, text, 2026-01-31, 2026-01-31 23:59:59.123,
/// 0xCAFE.
std::string value_text(const Column& column, std::size_t row);
/// A value as JSON: null, true, 12, "text", "2026-01-31T23:59:59.123Z"; json columns as they are.
void append_value_json(std::string& out, const Column& column, std::size_t row);
/// One row as a JSON object.
void append_row_json(std::string& out, const Batch& batch, std::size_t row);

}  // namespace penstock
