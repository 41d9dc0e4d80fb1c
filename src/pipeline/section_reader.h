// Reads one mapping of a pipeline file by the table of its keys (keys.h), and notes what is wrong
// with it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/document.h"
#include "pipeline/keys.h"
#include "pipeline/spec.h"

namespace penstock::pipeline {

/// What is wrong with one file, in the order it was found. Bounded.
class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}
    void add(Place place, std::string text);
    bool empty() const { return list_.empty(); }
    /// Sorted by place, each once.
    std::vector<Problem> take();

private:
    std::string file_;
    std::vector<Problem> list_;
};

/// "the number 4", "a list", "nothing": a node as an error message says it.
std::string describe(const Node& node);

/// Checks on construction: the node is a mapping, no unknown key, no required key missing, exactly
/// one of those of which one must be there. Every getter leaves the value as it is when the key is
/// absent or wrong. A key that is not in the table, or is read as another type than the table says,
/// or is never asked for, is a fault of ours: CHECK.
class SectionReader {
public:
    /// where: said in messages, "source 'users'".
    SectionReader(Problems& problems, const Document& document, const Node& node, Place place,
                  std::string_view section_name, std::string where);
    ~SectionReader();
    SectionReader(const SectionReader&) = delete;

    bool has(std::string_view key);
    /// Where the key's value stands; the section's own place when it is absent.
    Place place(std::string_view key) const;

    void text(std::string_view key, std::string& into);
    void text(std::string_view key, std::string& into, Result<> (*check)(std::string_view));
    void sql(std::string_view key, Text& into);
    template <class T>
    void integer(std::string_view key, T& into) {
        if (auto value = integer_of(key)) into = static_cast<T>(*value);
    }
    void boolean(std::string_view key, bool& into);
    void duration_us(std::string_view key, std::int64_t& into);
    /// With forever: the word 'forever' is allowed too, and said there.
    void duration_us(std::string_view key, std::optional<std::int64_t>& into, bool* forever);
    /// One character; "\\t" in quotes is a tab.
    void delimiter(std::string_view key, char& into);
    void size_bytes(std::string_view key, std::optional<std::int64_t>& into);
    void rate(std::string_view key, std::optional<RateLimit>& into);
    /// The word's position in the table's list.
    template <class T>
    void choice(std::string_view key, T& into) {
        if (auto index = choice_of(key)) into = static_cast<T>(*index);
    }
    void text_map(std::string_view key, std::map<std::string, std::string>& into,
                  Result<> (*check)(std::string_view) = nullptr);
    /// Each text with its place.
    std::vector<std::pair<std::string, Place>> text_list(std::string_view key);
    void query_key(std::string_view key, std::vector<QueryKey>& into, int& partition_columns);
    /// Calls with the section below, when it is there and a mapping.
    void section(std::string_view key, const std::function<void(SectionReader&)>& read);
    /// Calls for each name of the mapping.
    void section_map(std::string_view key,
                     const std::function<void(const std::string& name, Place place, SectionReader&)>& read,
                     std::string_view noun);
    void problem(std::string_view key, std::string text) { problems_.add(place(key), std::move(text)); }

private:
    const Node* find(std::string_view key, KeyType type);
    const Node* text_node(std::string_view key, KeyType type);
    std::optional<std::int64_t> integer_of(std::string_view key);
    std::optional<std::size_t> choice_of(std::string_view key);
    std::optional<std::int64_t> duration_of(std::string_view key);
    bool query_key_part(const Node& node, bool partition, std::vector<QueryKey>& into);
    void wrong(const Node& node, std::string_view key, std::string_view expected);

    Problems& problems_;
    const Document& document_;
    const Node& node_;
    Place place_;
    const Section& section_;
    std::string where_;
    std::set<std::string_view> asked_;
    bool usable_ = true;
};

}  // namespace penstock::pipeline
