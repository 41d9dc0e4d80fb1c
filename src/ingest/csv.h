// Reads CSV (RFC 4180) and writes each row as a JSON object.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::ingest {

struct CsvField {
    std::string text;
    bool quoted = false;  ///< "" is an empty text, nothing at all is null
};
using CsvRow = std::vector<CsvField>;

/// Where the row that begins text ends: one past its line end, which may stand inside quotes only as text.
/// Nothing when the row is not complete; with at_end the text's end ends it, unless it stands inside quotes.
std::optional<std::size_t> csv_row_end(std::string_view text, bool at_end);

/// One row with or without its line end. Errc::invalid for a quote in a field that does not begin with one,
/// and for characters after a closing quote.
Result<CsvRow> parse_csv_row(std::string_view row, char delimiter);

/// {"name":"text",...}; a field without anything is null. Errc::invalid when there are more or fewer fields
/// than names, or the row is not UTF-8.
Result<std::string> csv_row_as_json(const std::vector<std::string>& names, const CsvRow& row);

/// The texts of the header's fields. Errc::invalid when one is empty or there twice.
Result<std::vector<std::string>> csv_names(const CsvRow& header);
/// _c0, _c1, ...: for files without a header.
std::vector<std::string> csv_default_names(std::size_t count);

}  // namespace penstock::ingest
