#include "ingest/link_header.h"

namespace penstock::ingest {
namespace {

void skip_blanks(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
    return true;
}

/// A token or a quoted string, off the front of text.
std::string take_value(std::string_view& text) {
    std::string value;
    if (text.empty() || text.front() != '"') {
        auto end = text.find_first_of(" \t;,");
        value = text.substr(0, end);
        text.remove_prefix(value.size());
        return value;
    }
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
        value += text.front();
        text.remove_prefix(1);
    }
    if (!text.empty()) text.remove_prefix(1);
    return value;
}

bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        auto end = list.find(' ');
        if (same_ignoring_case(list.substr(0, end), word)) return true;
        list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    }
    return false;
}

}  // namespace

std::optional<std::string> next_link(std::string_view text) {
    while (true) {
        auto start = text.find('<');
        if (start == std::string_view::npos) return std::nullopt;
        auto end = text.find('>', start);
        if (end == std::string_view::npos) return std::nullopt;
        auto target = text.substr(start + 1, end - start - 1);
        text.remove_prefix(end + 1);
        bool is_next = false;
        bool has_rel = false;
        while (true) {
            skip_blanks(text);
            if (text.empty() || text.front() != ';') break;
            text.remove_prefix(1);
            skip_blanks(text);
            auto name = text.substr(0, text.find_first_of("=;, \t"));
            text.remove_prefix(name.size());
            skip_blanks(text);
            std::string value;
            if (text.starts_with('=')) {
                text.remove_prefix(1);
                skip_blanks(text);
                value = take_value(text);
            }
            // Only the first rel of a link counts.
            if (!has_rel && same_ignoring_case(name, "rel")) {
                has_rel = true;
                is_next = has_word(value, "next");
            }
        }
        if (is_next) return std::string(target);
    }
}

}  // namespace penstock::ingest
