#include "pipeline/section_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <tuple>

#include "base/ascii_case.h"
#include "base/check.h"
#include "base/units.h"
#include "pipeline/names.h"
#include "pipeline/syntax.h"

namespace penstock::pipeline {
namespace {

enum class PlainKind { null, boolean, number, text };

/// What a plain scalar is in YAML 1.2's core schema.
PlainKind plain_kind(const Node& node) {
    if (node.kind == Node::Kind::null) return PlainKind::null;
    if (node.style != Node::Style::plain) return PlainKind::text;
    const auto& text = node.value;
    for (auto word : {"null", "Null", "NULL", "~", ""})
        if (text == word) return PlainKind::null;
    for (auto word : {"true", "True", "TRUE", "false", "False", "FALSE"})
        if (text == word) return PlainKind::boolean;
    std::string_view number = text;
    if (number.starts_with('+') || number.starts_with('-')) number.remove_prefix(1);
    if (number == ".inf" || number == ".nan") return PlainKind::number;
    double value = 0;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    bool starts_right = !number.empty() && ((number[0] >= '0' && number[0] <= '9') || number[0] == '.');
    if (starts_right && error == std::errc{} && end == number.data() + number.size())
        return PlainKind::number;
    return PlainKind::text;
}

std::string shortened(std::string_view text) {
    constexpr std::size_t longest = 40;
    auto end = std::min(text.find('\n'), std::min(text.size(), longest));
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end)) + (end < text.size() ? "..." : "");
}

}  // namespace

void Problems::add(Place place, std::string text) {
    constexpr std::size_t most = 200;
    if (list_.size() < most) list_.push_back({file_, place, std::move(text)});
}

std::vector<Problem> Problems::take() {
    auto key = [](const Problem& p) { return std::tie(p.place.line, p.place.column, p.text); };
    std::sort(list_.begin(), list_.end(),
              [&](const Problem& a, const Problem& b) { return key(a) < key(b); });
    auto same = [&](const Problem& a, const Problem& b) { return key(a) == key(b); };
    list_.erase(std::unique(list_.begin(), list_.end(), same), list_.end());
    return std::move(list_);
}

std::string describe(const Node& node) {
    switch (node.kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::sequence:
            return "a list";
        case Node::Kind::mapping:
            return "a mapping";
        case Node::Kind::scalar:
            break;
    }
    switch (plain_kind(node)) {
        case PlainKind::null:
            return "nothing";
        case PlainKind::boolean:
            return node.value;
        case PlainKind::number:
            return "the number " + node.value;
        case PlainKind::text:
            break;
    }
    return fmt::format("the text '{}'", shortened(node.value));
}

SectionReader::SectionReader(Problems& problems, const Document& document, const Node& node, Place place,
                             std::string_view section_name, std::string where)
    : problems_(problems),
      document_(document),
      node_(node),
      place_(place),
      section_(pipeline::section(section_name)),
      where_(std::move(where)) {
    std::vector<std::string_view> names;
    for (const auto& key : section_.keys) names.push_back(key.name);
    if (node.kind != Node::Kind::mapping) {
        bool none = node.kind == Node::Kind::null || plain_kind(node) == PlainKind::null;
        bool all_optional =
            section_.exactly_one.empty() && std::none_of(section_.keys.begin(), section_.keys.end(),
                                                         [](const Key& key) { return key.required; });
        usable_ = none && all_optional;
        if (!usable_) {
            problems_.add(none ? place : node.place,
                          fmt::format("{}: expected a mapping with the keys {}, found {}", where_,
                                      fmt::join(names, ", "), describe(node)));
        }
        return;
    }
    for (const auto& entry : node.entries) {
        if (section_.find(entry.key)) continue;
        problems_.add(entry.place,
                      fmt::format("unknown key '{}'{}", shortened(entry.key), suggestion(entry.key, names)));
    }
    auto is_there = [&](std::string_view name) {
        return std::any_of(node.entries.begin(), node.entries.end(),
                           [&](const Node::Entry& e) { return e.key == name; });
    };
    for (const auto& key : section_.keys) {
        if (key.required && !is_there(key.name))
            problems_.add(place, fmt::format("{}: the key '{}' is missing", where_, key.name));
    }
    if (section_.exactly_one.empty()) return;
    std::vector<std::string_view> chosen;
    for (auto name : section_.exactly_one)
        if (is_there(name)) chosen.push_back(name);
    if (chosen.empty())
        problems_.add(place, fmt::format("{}: expected one of the keys {}", where_,
                                         fmt::join(section_.exactly_one, ", ")));
    if (chosen.size() > 1) {
        problems_.add(place, fmt::format("{}: expected only one of the keys {}, found {}", where_,
                                         fmt::join(section_.exactly_one, ", "), fmt::join(chosen, " and ")));
    }
}

SectionReader::~SectionReader() {
    if (std::uncaught_exceptions() > 0) return;
    for (const auto& key : section_.keys) CHECK(asked_.contains(key.name));
}

const Node* SectionReader::find(std::string_view name, KeyType type) {
    const auto* key = section_.find(name);
    CHECK(key != nullptr && key->type == type);
    asked_.insert(key->name);
    for (const auto& entry : node_.entries)
        if (entry.key == name) return entry.value;
    return nullptr;
}

bool SectionReader::has(std::string_view name) {
    return std::any_of(node_.entries.begin(), node_.entries.end(),
                       [&](const Node::Entry& e) { return e.key == name; });
}

Place SectionReader::place(std::string_view name) const {
    for (const auto& entry : node_.entries) {
        if (entry.key != name) continue;
        bool shown = entry.value->kind == Node::Kind::scalar || entry.value->kind == Node::Kind::sequence;
        return shown ? entry.value->place : entry.place;
    }
    return place_;
}

void SectionReader::wrong(const Node& node, std::string_view key, std::string_view expected) {
    auto place = node.place;
    if (node.kind == Node::Kind::null || node.kind == Node::Kind::mapping) {  // shown at their key
        for (const auto& entry : node_.entries)
            if (entry.value == &node) place = entry.place;
    }
    problems_.add(place, fmt::format("{}: expected {}, found {}", key, expected, describe(node)));
}

const Node* SectionReader::text_node(std::string_view key, KeyType type) {
    const auto* node = find(key, type);
    if (node == nullptr) return nullptr;
    auto kind = node->kind == Node::Kind::scalar ? plain_kind(*node) : PlainKind::null;
    if (kind == PlainKind::text) {
        bool blank = node->value.find_first_not_of(" \t\r\n") == std::string::npos;
        if (!blank || type == KeyType::any_text) return node;
        problems_.add(node->place, fmt::format("{}: expected a text, found an empty one", key));
        return nullptr;
    }
    bool quotes = kind == PlainKind::number || kind == PlainKind::boolean;
    wrong(*node, key, quotes ? "a text (write it in quotes)" : "a text");
    return nullptr;
}

void SectionReader::text(std::string_view name, std::string& into) {
    const auto* key = section_.find(name);
    CHECK(key != nullptr);
    auto type = key->type == KeyType::any_text ? KeyType::any_text : KeyType::text;
    if (const auto* node = text_node(name, type)) into = node->value;
}

void SectionReader::text(std::string_view key, std::string& into, Result<> (*check)(std::string_view)) {
    std::string value;
    text(key, value);
    if (value.empty()) return;
    if (auto checked = check(value); !checked) {
        problem(key, fmt::format("{}: {}", key, checked.error().text));
        return;
    }
    into = std::move(value);
}

void SectionReader::sql(std::string_view key, Text& into) {
    if (const auto* node = text_node(key, KeyType::sql)) into = document_.text_of(*node);
}

std::optional<std::int64_t> SectionReader::integer_of(std::string_view name) {
    const auto* node = find(name, KeyType::integer);
    if (node == nullptr) return std::nullopt;
    const auto& key = *section_.find(name);
    bool number = node->kind == Node::Kind::scalar && plain_kind(*node) == PlainKind::number;
    std::string_view digits = node->value;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    auto value = parse_int(digits);
    if (!number || !value || *value < key.min || *value > key.max) {
        auto most = key.max == std::numeric_limits<std::int32_t>::max();
        wrong(*node, name,
              most ? fmt::format("a whole number of {} or more", key.min)
                   : fmt::format("a whole number from {} to {}", key.min, key.max));
        return std::nullopt;
    }
    return *value;
}

void SectionReader::boolean(std::string_view key, bool& into) {
    const auto* node = find(key, KeyType::boolean);
    if (node == nullptr) return;
    if (node->kind == Node::Kind::scalar && plain_kind(*node) == PlainKind::boolean)
        into = node->value[0] == 't' || node->value[0] == 'T';
    else
        wrong(*node, key, "true or false");
}

std::optional<std::int64_t> SectionReader::duration_of(std::string_view key) {
    const auto* node = find(key, KeyType::duration);
    if (node == nullptr) return std::nullopt;
    if (node->kind != Node::Kind::scalar || plain_kind(*node) != PlainKind::text) {
        wrong(*node, key, "a duration such as 30s");
        return std::nullopt;
    }
    auto value = parse_duration_us(node->value);
    if (!value) {
        problems_.add(node->place, fmt::format("{}: {}", key, value.error().text));
        return std::nullopt;
    }
    return *value;
}

void SectionReader::duration_us(std::string_view key, std::int64_t& into) {
    if (auto value = duration_of(key)) into = *value;
}
void SectionReader::duration_us(std::string_view key, std::optional<std::int64_t>& into, bool* forever) {
    const auto* node = find(key, KeyType::duration);
    if (node != nullptr && node->kind == Node::Kind::scalar && node->value == "forever") {
        *forever = true;
        return;
    }
    if (auto value = duration_of(key)) into = *value;
}

void SectionReader::delimiter(std::string_view key, char& into) {
    const auto* node = find(key, KeyType::text);
    if (node == nullptr) return;
    if (node->kind == Node::Kind::scalar && node->value.size() == 1 && node->value != "\n" &&
        node->value != "\"")
        into = node->value[0];
    else
        wrong(*node, key, "one character such as ';' or \"\\t\"");
}

void SectionReader::size_bytes(std::string_view key, std::optional<std::int64_t>& into) {
    const auto* node = find(key, KeyType::size);
    if (node == nullptr) return;
    auto kind = node->kind == Node::Kind::scalar ? plain_kind(*node) : PlainKind::null;
    if (kind != PlainKind::text && kind != PlainKind::number)
        return wrong(*node, key, "a size such as 100 MB");
    auto value = parse_size_bytes(node->value);
    if (value)
        into = *value;
    else
        problems_.add(node->place, fmt::format("{}: {}", key, value.error().text));
}

void SectionReader::rate(std::string_view key, std::optional<RateLimit>& into) {
    const auto* node = text_node(key, KeyType::rate);
    if (node == nullptr) return;
    auto value = parse_rate(node->value);
    if (value)
        into = *value;
    else
        problems_.add(node->place, fmt::format("{}: {}", key, value.error().text));
}

std::optional<std::size_t> SectionReader::choice_of(std::string_view key) {
    const auto* node = text_node(key, KeyType::choice);
    if (node == nullptr) return std::nullopt;
    auto words = words_of(section_.find(key)->of);
    for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i] == node->value) return i;
    problems_.add(node->place, fmt::format("{}: '{}' is not known here{}", key, shortened(node->value),
                                           suggestion(node->value, words)));
    return std::nullopt;
}

void SectionReader::text_map(std::string_view key, std::map<std::string, std::string>& into,
                             Result<> (*check)(std::string_view)) {
    const auto* node = find(key, KeyType::text_map);
    if (node == nullptr) return;
    if (node->kind != Node::Kind::mapping) return wrong(*node, key, "a mapping of names to texts");
    for (const auto& entry : node->entries) {
        const auto& value = *entry.value;
        bool text = value.kind == Node::Kind::scalar && plain_kind(value) != PlainKind::null;
        if (!text) {
            problems_.add(
                value.kind == Node::Kind::scalar ? value.place : entry.place,
                fmt::format("{}.{}: expected a text or a number, found {}", key, entry.key, describe(value)));
            continue;
        }
        if (check != nullptr) {
            if (auto checked = check(value.value); !checked) {
                problems_.add(value.place, fmt::format("{}.{}: {}", key, entry.key, checked.error().text));
                continue;
            }
        }
        into[entry.key] = value.value;
    }
}

std::vector<std::pair<std::string, Place>> SectionReader::text_list(std::string_view key) {
    std::vector<std::pair<std::string, Place>> list;
    const auto* node = find(key, KeyType::text_list);
    if (node == nullptr) return list;
    if (node->kind != Node::Kind::sequence) {
        wrong(*node, key, "a list such as [a, b]");
        return list;
    }
    for (const auto* item : node->items) {
        if (item->kind == Node::Kind::scalar && plain_kind(*item) != PlainKind::null)
            list.emplace_back(item->value, item->place);
        else
            problems_.add(item->place, fmt::format("{}: expected a text, found {}", key, describe(*item)));
    }
    return list;
}

bool SectionReader::query_key_part(const Node& node, bool partition, std::vector<QueryKey>& into) {
    constexpr std::string_view expected = "a column, and for clustering columns ASC or DESC";
    if (node.kind != Node::Kind::scalar || plain_kind(node) == PlainKind::null) {
        problems_.add(node.place, fmt::format("key: expected {}, found {}", expected, describe(node)));
        return false;
    }
    auto blank = node.value.find(' ');
    QueryKey part{node.value.substr(0, blank), false};
    std::string order;
    if (blank != std::string::npos) {
        auto start = node.value.find_first_not_of(' ', blank);
        if (start != std::string::npos) order = node.value.substr(start);
    }
    order = upper_case(order);
    std::string wrong;
    if (!order.empty() && order != "ASC" && order != "DESC")
        wrong = fmt::format("key: '{}': expected {}", shortened(node.value), expected);
    else if (!order.empty() && partition)
        wrong = fmt::format("key: '{}': a partition key has no order; only clustering columns have",
                            shortened(node.value));
    else if (std::any_of(into.begin(), into.end(),
                         [&](const QueryKey& k) { return k.column == part.column; }))
        wrong = fmt::format("key: the column '{}' stands there twice", part.column);
    if (!wrong.empty()) {
        problems_.add(node.place, std::move(wrong));
        return false;
    }
    part.descending = order == "DESC";
    into.push_back(std::move(part));
    return true;
}

void SectionReader::query_key(std::string_view key, std::vector<QueryKey>& into, int& partition_columns) {
    const auto* node = find(key, KeyType::query_key);
    if (node == nullptr) return;
    if (node->kind != Node::Kind::sequence)
        return wrong(*node, key, "a list of columns such as [id] or [nat, minute DESC]");
    if (node->items.empty())
        return problems_.add(node->place, "key: expected one column at least, found an empty list");
    const auto& first = *node->items.front();
    bool composite = first.kind == Node::Kind::sequence;
    if (composite && first.items.empty())
        return problems_.add(first.place, "key: expected one column at least, found an empty list");
    if (composite) {
        for (const auto* item : first.items)
            if (!query_key_part(*item, true, into)) return;
        partition_columns = int(first.items.size());
    }
    for (std::size_t i = composite ? 1 : 0; i < node->items.size(); ++i)
        if (!query_key_part(*node->items[i], i == 0, into)) return;
}

void SectionReader::section(std::string_view key, const std::function<void(SectionReader&)>& read) {
    const auto* node = find(key, KeyType::section);
    if (node == nullptr) return;
    Place at = place_;
    for (const auto& entry : node_.entries)
        if (entry.key == key) at = entry.place;
    SectionReader reader(problems_, document_, *node, at, section_.find(key)->of, std::string(key));
    read(reader);
}

void SectionReader::section_map(std::string_view key,
                                const std::function<void(const std::string&, Place, SectionReader&)>& read,
                                std::string_view noun) {
    const auto* node = find(key, KeyType::section_map);
    if (node == nullptr || node->kind == Node::Kind::null) return;
    if (node->kind != Node::Kind::mapping)
        return wrong(*node, key, fmt::format("a mapping of names to what each {} is", noun));
    for (const auto& entry : node->entries) {
        SectionReader reader(problems_, document_, *entry.value, entry.place, section_.find(key)->of,
                             fmt::format("{} '{}'", noun, shortened(entry.key)));
        read(entry.key, entry.place, reader);
    }
}

}  // namespace penstock::pipeline
