#include "app/commands/text_table.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/units.h"

namespace penstock::app {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

constexpr std::array narrow_marks{Range{0x300, 0x36f},   Range{0x483, 0x489},   Range{0x591, 0x5bd},
                                  Range{0x610, 0x61a},   Range{0x64b, 0x65f},   Range{0x1ab0, 0x1aff},
                                  Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200f}, Range{0x20d0, 0x20ff},
                                  Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}};
constexpr std::array wide{Range{0x1100, 0x115f},   Range{0x2e80, 0x303e},   Range{0x3041, 0x4dbf},
                          Range{0x4e00, 0xa4cf},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},
                          Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},
                          Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1f9ff},
                          Range{0x20000, 0x3fffd}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, char32_t c) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [c](Range range) { return c >= range.first && c <= range.last; });
}

/// Takes one character; a byte that begins none counts as one.
char32_t take_character(std::string_view& text) {
    auto lead = static_cast<unsigned char>(text[0]);
    std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (length > text.size()) length = 1;
    char32_t c = length == 1 ? lead : char32_t(lead & (0x7f >> length));
    for (std::size_t i = 1; i < length; ++i)
        c = c << 6 | char32_t(static_cast<unsigned char>(text[i]) & 0x3f);
    text.remove_prefix(length);
    return c;
}

}  // namespace

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        auto c = take_character(text);
        width += within(narrow_marks, c) ? 0 : within(wide, c) ? 2 : 1;
    }
    return width;
}

std::string on_one_line(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '\n' || c == '\r' || c == '\t')
            c = ' ';
        else if (byte < 0x20 || byte == 0x7f)
            c = '?';
    }
    return out;
}

void TextTable::add(std::vector<std::string> cells) {
    CHECK(cells.size() == columns_.size());
    for (auto& cell : cells) cell = on_one_line(cell);
    rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        auto width = display_width(columns_[i].title);
        for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
        widths.push_back(width);
    }
    std::string out;
    auto add_line = [&](auto cell_of) {
        std::string line;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string& cell = cell_of(i);
            auto padding = std::string(widths[i] - display_width(cell), ' ');
            if (i > 0) line += "  ";
            line += columns_[i].align == Align::right ? padding + cell : cell + padding;
        }
        while (line.ends_with(' ')) line.pop_back();
        out += line + "\n";
    };
    add_line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
    for (const auto& row : rows_) add_line([&](std::size_t i) -> const std::string& { return row[i]; });
    return out;
}

void TextTable::print() const {
    auto all = text();
    std::fwrite(all.data(), 1, all.size(), stdout);
}

std::string counted(std::int64_t count, std::string_view singular) {
    return fmt::format("{} {}{}", format_count(count), singular, count == 1 ? "" : "s");
}

std::string short_time(std::string_view time) {
    if (time.empty()) return "-";
    auto dot = time.find('.');
    if (dot == std::string_view::npos) return std::string(time);
    return std::string(time.substr(0, dot)) + "Z";
}

}  // namespace penstock::app
