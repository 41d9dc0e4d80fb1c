#include "stream/sql/error.h"

#include <algorithm>

namespace penstock::stream {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
}

std::string_view line_of(std::string_view text, int number) {
    for (int line = 1; line < number; ++line) {
        auto end = text.find('\n');
        if (end == text.npos) return {};
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row[b.size()];
}

}  // namespace

std::string render(const SqlError& error, std::string_view sql) {
    auto line = line_of(sql, error.line);
    auto number = std::to_string(error.line);
    std::string caret;
    int column = 1;
    for (std::size_t i = 0; i < line.size() && column < error.column; ++i) {
        if ((static_cast<unsigned char>(line[i]) & 0xC0) == 0x80) continue;
        caret += line[i] == '\t' ? '\t' : ' ';
        ++column;
    }
    return fmt::format("{}\n  {} | {}\n  {} | {}^", error.text, number, line, std::string(number.size(), ' '),
                       caret);
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
    if (name.size() > 100) return {};
    std::string best;
    std::size_t best_distance = name.size() / 3 + 2;
    for (const auto& candidate : candidates) {
        if (candidate.size() > 100) continue;
        auto distance = edit_distance(name, candidate);
        if (distance < best_distance && distance < std::max(name.size(), candidate.size())) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
    auto best = nearest(name, candidates);
    return best.empty() ? std::string() : fmt::format("; did you mean {}?", best);
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace penstock::stream
