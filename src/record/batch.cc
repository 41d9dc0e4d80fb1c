#include "record/batch.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock {

char* Arena::allocate(std::size_t size) {
    bytes_ += size;
    if (size > left_) {
        auto block = std::max(size, block_size);
        // for_overwrite: the caller fills it, zeroing a block first costs as much as the copy.
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
        next_ = blocks_.back().get();
        left_ = block;
    }
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
}

std::string_view Arena::copy(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
}

std::size_t Column::size() const {
    switch (storage_of(type)) {
        case Storage::integers:
            return integers.size();
        case Storage::floats:
            return floats.size();
        case Storage::strings:
            return strings.size();
    }
    return 0;
}

void Column::reserve(std::size_t rows) {
    switch (storage_of(type)) {
        case Storage::integers:
            integers.reserve(rows);
            break;
        case Storage::floats:
            floats.reserve(rows);
            break;
        case Storage::strings:
            strings.reserve(rows);
            break;
    }
}

void Column::append_null() {
    if (nulls.empty()) nulls.assign(size(), 0);
    nulls.push_back(1);
    switch (storage_of(type)) {
        case Storage::integers:
            integers.push_back(0);
            break;
        case Storage::floats:
            floats.push_back(0);
            break;
        case Storage::strings:
            strings.push_back({});
            break;
    }
}

void Column::append_integer(std::int64_t value) {
    integers.push_back(value);
    if (!nulls.empty()) nulls.push_back(0);
}

void Column::append_float(double value) {
    floats.push_back(value);
    if (!nulls.empty()) nulls.push_back(0);
}

void Column::append_string(std::string_view value) {
    strings.push_back(value);
    if (!nulls.empty()) nulls.push_back(0);
}

void Column::append_from(const Column& other, std::size_t row) {
    if (other.is_null(row)) return append_null();
    switch (storage_of(type)) {
        case Storage::integers:
            append_integer(other.integers[row]);
            break;
        case Storage::floats:
            append_float(other.floats[row]);
            break;
        case Storage::strings:
            append_string(other.strings[row]);
            break;
    }
}

int Batch::column_index(std::string_view name) const {
    for (std::size_t i = 0; i < schema.size(); ++i)
        if (schema[i].name == name) return int(i);
    return -1;
}

Batch make_batch(const Schema& schema) {
    Batch batch;
    batch.schema = schema;
    for (const auto& field : schema) batch.columns.emplace_back().type = field.type;
    return batch;
}

namespace {

std::string date_text(std::int64_t days) {
    std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    return fmt::format("{:04}-{:02}-{:02}", int(date.year()), unsigned(date.month()), unsigned(date.day()));
}

/// As Spark prints it: seconds' fraction only as long as it needs to be.
std::string timestamp_text(std::int64_t us) {
    auto days = us >= 0 ? us / 86'400'000'000 : (us - 86'399'999'999) / 86'400'000'000;
    auto rest = us - days * 86'400'000'000;
    auto text = fmt::format("{} {:02}:{:02}:{:02}", date_text(days), rest / 3'600'000'000,
                            rest / 60'000'000 % 60, rest / 1'000'000 % 60);
    if (auto fraction = rest % 1'000'000) {
        text += fmt::format(".{:06}", fraction);
        while (text.back() == '0') text.pop_back();
    }
    return text;
}

std::string hex_text(std::string_view bytes) {
    std::string out = "0x";
    for (unsigned char c : bytes) out += fmt::format("{:02x}", c);
    return out;
}

}  // namespace

/// As Java's Double.toString, which is what Spark shows: 1.0, 1.0E10, 1.5E-5.
std::string float_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    char buffer[400];
    auto magnitude = std::fabs(value);
    if (magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7)) {
        auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
        std::string text(buffer, end);
        if (text.find('.') == std::string::npos) text += ".0";
        return text;
    }
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string text(buffer, end);
    auto e = text.find('e');
    auto mantissa = text.substr(0, e);
    if (mantissa.find('.') == std::string::npos) mantissa += ".0";
    int exponent = 0;
    const char* digits = text.c_str() + e + 1;
    std::from_chars(*digits == '+' ? digits + 1 : digits, text.c_str() + text.size(), exponent);
    return fmt::format("{}E{}", mantissa, exponent);
}

std::string value_text(const Column& column, std::size_t row) {
    if (column.is_null(row)) return "NULL";
    switch (column.type) {
        case TypeId::boolean:
            return column.integers[row] ? "true" : "false";
        case TypeId::int32:
        case TypeId::int64:
            return std::to_string(column.integers[row]);
        case TypeId::date:
            return date_text(column.integers[row]);
        case TypeId::timestamp:
            return timestamp_text(column.integers[row]);
        case TypeId::float64:
            return float_text(column.floats[row]);
        case TypeId::binary:
            return hex_text(column.strings[row]);
        case TypeId::string:
        case TypeId::json:
            return std::string(column.strings[row]);
    }
    return {};
}

void append_value_json(std::string& out, const Column& column, std::size_t row) {
    if (column.is_null(row)) {
        out += "null";
        return;
    }
    switch (column.type) {
        case TypeId::boolean:
        case TypeId::int32:
        case TypeId::int64:
            out += value_text(column, row);
            break;
        case TypeId::float64:
            out += std::isfinite(column.floats[row]) ? value_text(column, row) : "null";
            break;
        case TypeId::json:
            out += column.strings[row];
            break;
        case TypeId::timestamp:
            out += '"' + format_time_us(column.integers[row]) + '"';
            break;
        case TypeId::date:
            out += '"' + date_text(column.integers[row]) + '"';
            break;
        case TypeId::string:
            codec::append_json_string(out, column.strings[row]);
            break;
        case TypeId::binary:
            codec::append_json_string(out, hex_text(column.strings[row]));
            break;
    }
}

void append_row_json(std::string& out, const Batch& batch, std::size_t row) {
    out += '{';
    for (std::size_t i = 0; i < batch.columns.size(); ++i) {
        if (i > 0) out += ',';
        codec::append_json_string(out, batch.schema[i].name);
        out += ':';
        append_value_json(out, batch.columns[i], row);
    }
    out += '}';
}

}  // namespace penstock
