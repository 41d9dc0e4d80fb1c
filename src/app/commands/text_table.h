// Columns of text for people: aligned, whatever script the text is in.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::app {

/// How many cells of a terminal the UTF-8 text takes: 2 for East Asian and most emoji, 0 for marks on other
/// letters.
std::size_t display_width(std::string_view text);
/// The text on one line: line breaks become spaces, other control characters (which could take over a
/// terminal) '?'.
std::string on_one_line(std::string_view text);

class TextTable {
public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };

    explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// As many cells as there are columns.
    void add(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }
    /// Titles, then rows; two spaces between columns, none at the ends of lines.
    std::string text() const;
    void print() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// A count of that many things: "1 record", "1,234 records".
std::string counted(std::int64_t count, std::string_view singular);
/// "2026-01-31T12:00:00.123Z" without the parts of a second; "-" when empty.
std::string short_time(std::string_view time);

}  // namespace penstock::app
