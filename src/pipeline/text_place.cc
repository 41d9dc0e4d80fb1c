#include "pipeline/text_place.h"

#include <algorithm>

namespace penstock::pipeline {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t leading_spaces(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

/// Follows the source of a scalar and says where each of its characters stands.
class Follower {
public:
    Follower(std::string_view source, std::size_t offset, Place place, bool escapes)
        : source_(source), at_(offset), place_(place), escapes_(escapes) {}

    void step() {
        if (at_ >= source_.size()) return;
        if (source_[at_] == '\n') {
            ++place_.line;
            place_.column = 1;
        } else {
            ++place_.column;
        }
        ++at_;
    }
    void skip_line() {
        auto line = place_.line;
        while (at_ < source_.size() && place_.line == line) step();
    }
    void skip_blanks() {
        while (at_ < source_.size() && (is_blank(source_[at_]) || (escapes_ && is_line_continuation())))
            step();
    }
    bool at(char c) const { return at_ < source_.size() && source_[at_] == c; }
    bool at_escape() const { return escapes_ && at('\\'); }
    char escape() const { return at_ + 1 < source_.size() ? source_[at_ + 1] : '\0'; }
    Place place() const { return place_; }

private:
    bool is_line_continuation() const {
        return at('\\') && at_ + 1 < source_.size() && (source_[at_ + 1] == '\n' || source_[at_ + 1] == '\r');
    }

    std::string_view source_;
    std::size_t at_;
    Place place_;
    bool escapes_;
};

/// How many characters of source and bytes of text an escape sequence in double quotes stands for.
std::size_t escape_length(char kind) {
    return kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
}
std::size_t utf8_length(char lead) {
    auto byte = static_cast<unsigned char>(lead);
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

std::size_t offset_in(std::string_view text, int line, int column) {
    std::size_t at = 0;
    for (int i = 1; i < line; ++i) {
        auto end = text.find('\n', at);
        if (end == std::string_view::npos) return text.size();
        at = end + 1;
    }
    return std::min(at + std::size_t(std::max(column, 1) - 1), text.size());
}

}  // namespace

Place place_in_file(const Text& text, int line, int column) {
    line = std::max(line, 1);
    column = std::max(column, 1);
    if (text.runs.empty()) {
        if (line == 1) return {text.start.line, text.start.column + column - 1};
        return {text.start.line + line - 1, text.indent + column};
    }
    auto offset = offset_in(text.text, line, column);
    auto run = std::upper_bound(text.runs.begin(), text.runs.end(), offset,
                                [](std::size_t at, const Text::Run& r) { return at < r.offset; });
    if (run != text.runs.begin()) --run;
    auto behind = offset > run->offset ? offset - run->offset : 0;
    return {run->place.line, run->place.column + int(behind)};
}

std::string_view line_of(std::string_view source, int line) {
    if (line < 1) return {};
    std::size_t at = 0;
    for (int i = 1; i < line; ++i) {
        at = source.find('\n', at);
        if (at == std::string_view::npos) return {};
        ++at;
    }
    auto text = source.substr(at, source.find('\n', at) - at);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (line == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    return text;
}

std::string render(const Problem& problem, std::string_view source_text) {
    if (problem.place.line < 1) return fmt::format("{}: error: {}\n", problem.file, problem.text);
    auto out = fmt::format("{}:{}:{}: error: {}\n", problem.file, problem.place.line, problem.place.column,
                           problem.text);
    auto line = line_of(source_text, problem.place.line);
    auto before = line.substr(0, std::min(line.size(), std::size_t(std::max(problem.place.column, 1) - 1)));
    if (line.empty()) return out;
    constexpr std::size_t widest = 160;  // a longer line is shown around the caret
    constexpr std::size_t shown_before = 60;
    if (line.size() > widest && before.size() > shown_before) {
        auto cut = before.size() - shown_before;
        while (cut < before.size() && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) ++cut;
        line.remove_prefix(cut);
        before.remove_prefix(cut);
    }
    auto end = std::min(line.size(), widest);
    while (end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) ++end;
    std::string padding;
    for (char c : before) {
        if (c == '\t')
            padding += '\t';
        else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)
            padding += ' ';
    }
    out += fmt::format("{:>5} | {}\n", problem.place.line, line.substr(0, end));
    out += fmt::format("{:>5} | {}^\n", "", padding);
    return out;
}

Text place_literal(std::string value, std::string_view source, std::size_t offset, Place place) {
    Text text{std::move(value), {place.line + 1, 1}, 0, {}};
    // YAML took the same number of spaces from each line: see how many on the first that is not
    // blank.
    auto first = text.text.find_first_not_of(" \n");
    if (first == std::string::npos) return text;
    auto line_start = text.text.rfind('\n', first);
    line_start = line_start == std::string::npos ? 0 : line_start + 1;
    auto blank_lines = std::count(text.text.begin(), text.text.begin() + std::ptrdiff_t(line_start), '\n');
    auto at = source.find('\n', offset);
    for (auto i = blank_lines; i > 0 && at != std::string_view::npos; --i) at = source.find('\n', at + 1);
    if (at == std::string_view::npos) return text;
    auto in_source = leading_spaces(source.substr(at + 1));
    auto in_text = leading_spaces(std::string_view(text.text).substr(line_start));
    text.indent = int(in_source - std::min(in_source, in_text));
    text.start.column = text.indent + 1;
    return text;
}

Text place_flow(std::string value, std::string_view source, std::size_t offset, bool escapes, Place place) {
    Text text{std::move(value), place, 0, {}};
    Follower follower(source, offset, place, escapes);
    bool single = follower.at('\'') && !escapes;
    if (follower.at('>'))
        follower.skip_line();
    else if (follower.at('\'') || follower.at('"'))
        follower.step();

    // Folding changes white space only, so the other characters stand in the source in the same
    // order.
    for (std::size_t i = 0; i < text.text.size();) {
        if (is_blank(text.text[i]) && !follower.at_escape()) {
            if (follower.at(text.text[i]) && text.text[i] != '\n') follower.step();
            ++i;
            continue;
        }
        follower.skip_blanks();
        if (text.runs.empty() ||
            i - text.runs.back().offset !=
                std::size_t(follower.place().column - text.runs.back().place.column) ||
            follower.place().line != text.runs.back().place.line) {
            text.runs.push_back({i, follower.place()});
        }
        if (follower.at_escape()) {
            auto length = escape_length(follower.escape());
            for (std::size_t n = 0; n < length; ++n) follower.step();
            i += utf8_length(text.text[i]);
        } else {
            if (single && follower.at('\'')) follower.step();  // '' stands for '
            follower.step();
            ++i;
        }
    }
    if (!text.runs.empty()) text.start = text.runs.front().place;
    if (text.runs.size() == 1 && text.runs.front().offset == 0) text.runs.clear();
    return text;
}

}  // namespace penstock::pipeline
