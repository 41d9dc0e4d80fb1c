#include "pipeline/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace penstock::pipeline {
namespace {

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<std::string> only_name_characters(std::string_view what, std::string_view name,
                                                std::size_t longest) {
    if (name.empty()) return fmt::format("a {} cannot be empty", what);
    if (name.size() > longest)
        return fmt::format("the {} is {} characters long; at most {} are allowed", what, name.size(),
                           longest);
    for (char c : name) {
        if (is_alnum(c) || c == '_' || c == '-' || c == '.') continue;
        return fmt::format("'{}' is not a {}; expected letters, digits, '_', '-' and '.' only", name, what);
    }
    return std::nullopt;
}

/// Edits (insert, delete, replace, swap of neighbours) from a to b, case ignored.
std::size_t distance(std::string_view a, std::string_view b) {
    auto same = [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    };
    std::vector<std::size_t> before, last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), 0u);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] =
                std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0u : 1u)});
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = last;
        std::swap(last, row);
    }
    return last[b.size()];
}

constexpr std::size_t longest_compared = 64;

}  // namespace

std::optional<std::string> wrong_with_name(std::string_view name) {
    return only_name_characters("name", name, 250);
}

std::optional<std::string> wrong_with_topic(std::string_view name) {
    if (auto wrong = only_name_characters("topic name", name, 249)) return wrong;
    if (name == "." || name == "..") return fmt::format("'{}' is not a topic name", name);
    if (name == "__consumer_offsets" || name == "__transaction_state")
        return fmt::format("topic '{}' is Kafka's own", name);
    return std::nullopt;
}

std::optional<std::string> wrong_with_identifier(std::string_view name) {
    auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    bool right = !name.empty() && name.size() <= 48 && name[0] >= 'a' && name[0] <= 'z' &&
                 std::all_of(name.begin(), name.end(), is_word);
    if (right) return std::nullopt;
    return fmt::format(
        "'{}' is not a CQL name; expected a lower-case letter, then lower-case letters, digits and "
        "'_', 48 at most",
        name);
}

std::string dead_letter_topic(std::string_view topic) {
    return std::string(topic) + std::string(dead_letter_suffix);
}

std::string rejection_notice(std::string_view reason, std::string_view topic) {
    return fmt::format("last rejected: {}; in topic {}", reason, dead_letter_topic(topic));
}

std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& candidates) {
    if (word.size() > longest_compared) return std::nullopt;
    std::optional<std::string_view> best;
    auto best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (auto candidate : candidates) {
        if (candidate.size() > longest_compared) continue;
        auto edits = distance(word, candidate);
        if (edits < best_distance && edits < std::max(word.size(), candidate.size())) {
            best_distance = edits;
            best = candidate;
        }
    }
    return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
    if (auto meant = nearest(word, candidates)) return fmt::format("; did you mean '{}'?", *meant);
    if (candidates.empty()) return {};
    constexpr std::size_t most = 20;
    auto count = std::min(candidates.size(), most);
    auto list =
        fmt::format("{}", fmt::join(candidates.begin(), candidates.begin() + std::ptrdiff_t(count), ", "));
    return fmt::format("; expected {}{}{}", count == 1 ? "" : "one of ", list,
                       count < candidates.size() ? ", ..." : "");
}

}  // namespace penstock::pipeline
