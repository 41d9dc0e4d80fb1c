// Every key of a pipeline file: its type, limits, default and meaning. The loader reads by this
// table and refuses what is not in it; the JSON Schema for editors (docs/pipeline.schema.json) is
// written from it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::pipeline {

enum class KeyType {
    text,      ///< a string that is not empty
    any_text,  ///< a string, may be empty
    sql,       ///< a string, with the places of its lines
    integer,
    boolean,
    duration,     ///< "30s", "1h30m"
    size,         ///< "100 MB", or a number of bytes
    rate,         ///< "20000 records per 5m"
    choice,       ///< one of several words
    text_map,     ///< names to strings, numbers or booleans
    text_list,    ///< a list of strings
    query_key,    ///< [id], [nat, minute DESC], [[a, b], c]
    section,      ///< a mapping with keys of its own
    section_map,  ///< names to such mappings
};

struct Key {
    std::string_view name;
    KeyType type = KeyType::text;
    std::string_view help;
    std::string_view fallback = {};  ///< the default as JSON; empty: none
    bool required = false;
    std::string_view of = {};  ///< section, section_map: which; choice: the words, split by '|'
    std::int64_t min = 0;      ///< integer
    std::int64_t max = std::numeric_limits<std::int32_t>::max();
    std::string_view example = {};  ///< as JSON
};

struct Section {
    std::string_view name;
    std::string_view help;
    std::vector<Key> keys;
    std::vector<std::string_view> exactly_one = {};  ///< of these keys exactly one must be there

    const Key* find(std::string_view key) const;
};

/// All sections; the first is the file itself.
std::span<const Section> sections();
/// Stops the process when there is none of that name.
const Section& section(std::string_view name);

/// The words of "a|b|c".
std::vector<std::string_view> words_of(std::string_view choices);

/// The JSON Schema (2020-12) of a pipeline file.
std::string json_schema();

}  // namespace penstock::pipeline
