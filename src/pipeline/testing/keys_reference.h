// The table of keys as the reference in docs/pipeline.md shows it.
#pragma once

#include <fmt/ranges.h>

#include <string>

#include "pipeline/keys.h"

namespace penstock::pipeline {

inline std::string value_text(const Key& key) {
    switch (key.type) {
        case KeyType::text:
        case KeyType::any_text:
            return "text";
        case KeyType::sql:
            return "SQL";
        case KeyType::integer:
            return key.max == std::numeric_limits<std::int32_t>::max()
                       ? fmt::format("number from {}", key.min)
                       : fmt::format("number, {} to {}", key.min, key.max);
        case KeyType::boolean:
            return "true or false";
        case KeyType::duration:
            return "duration";
        case KeyType::size:
            return "size";
        case KeyType::rate:
            return "rate";
        case KeyType::choice:
            return fmt::format("`{}`", fmt::join(words_of(key.of), "`, `"));
        case KeyType::text_map:
            return "names to values";
        case KeyType::text_list:
            return "list of texts";
        case KeyType::query_key:
            return "list of columns";
        case KeyType::section:
            return fmt::format("[{0}](#keys-of-{0})", key.of);
        case KeyType::section_map:
            return fmt::format("names to [{0}](#keys-of-{0})", key.of);
    }
    return {};
}

inline std::string keys_reference() {
    std::string out;
    for (const auto& section : sections()) {
        out += fmt::format("\n### Keys of {}\n\n{}", section.name, section.help);
        if (!section.exactly_one.empty())
            out += fmt::format(" Exactly one of `{}`.", fmt::join(section.exactly_one, "`, `"));
        out += "\n\n| key | value | default | meaning |\n|---|---|---|---|\n";
        for (const auto& key : section.keys) {
            auto fallback = key.required           ? std::string("**required**")
                            : key.fallback.empty() ? std::string()
                                                   : fmt::format("`{}`", key.fallback);
            auto meaning = std::string(key.help);
            if (!key.example.empty()) meaning += fmt::format(" Example: `{}`.", key.example);
            out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, value_text(key), fallback, meaning);
        }
    }
    return out;
}

}  // namespace penstock::pipeline
