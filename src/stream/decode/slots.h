// Columns while they are filled, addressed by row.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "record/batch.h"

namespace penstock::stream {

/// A column with room for a number of rows, all of them null until set.
struct Slot {
    std::uint8_t* nulls = nullptr;
    std::int64_t* integers = nullptr;
    double* floats = nullptr;
    std::string_view* strings = nullptr;

    void clear(std::size_t row) { nulls[row] = 1; }
    void set(std::size_t row, std::int64_t value) {
        nulls[row] = 0;
        integers[row] = value;
    }
    void set(std::size_t row, double value) {
        nulls[row] = 0;
        floats[row] = value;
    }
    void set(std::size_t row, std::string_view value) {
        nulls[row] = 0;
        strings[row] = value;
    }
};

/// Makes room for rows in the column.
inline Slot open_slot(Column& column, std::size_t rows) {
    Slot slot;
    column.nulls.assign(rows, 1);
    slot.nulls = column.nulls.data();
    switch (storage_of(column.type)) {
        case Storage::integers:
            column.integers.resize(rows);
            slot.integers = column.integers.data();
            break;
        case Storage::floats:
            column.floats.resize(rows);
            slot.floats = column.floats.data();
            break;
        case Storage::strings:
            column.strings.resize(rows);
            slot.strings = column.strings.data();
            break;
    }
    return slot;
}

/// Keeps the first rows only; no nulls are kept when no value is null. Null entries become zero or empty.
inline void close_slot(Column& column, std::size_t rows) {
    bool any = false;
    for (std::size_t row = 0; row < rows; ++row) any = any || column.nulls[row];
    switch (storage_of(column.type)) {
        case Storage::integers:
            column.integers.resize(rows);
            break;
        case Storage::floats:
            column.floats.resize(rows);
            break;
        case Storage::strings:
            column.strings.resize(rows);
            break;
    }
    if (!any) {
        column.nulls.clear();
        return;
    }
    column.nulls.resize(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        if (!column.nulls[row]) continue;
        switch (storage_of(column.type)) {
            case Storage::integers:
                column.integers[row] = 0;
                break;
            case Storage::floats:
                column.floats[row] = 0;
                break;
            case Storage::strings:
                column.strings[row] = {};
                break;
        }
    }
}

}  // namespace penstock::stream
