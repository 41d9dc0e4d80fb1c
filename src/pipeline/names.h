// What things in a pipeline file may be called, and what somebody may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::pipeline {

/// Each says what is wrong with the name, or nothing.
std::optional<std::string> wrong_with_name(
    std::string_view name);  ///< pipelines, sources, queries, DAGs, tasks
std::optional<std::string> wrong_with_topic(std::string_view name);  ///< Kafka's rules
std::optional<std::string> wrong_with_identifier(
    std::string_view name);  ///< CQL, unquoted: keyspaces and tables

/// Where records of the topic go that cannot be read or do not fit: NAME.dlq.
inline constexpr std::string_view dead_letter_suffix = ".dlq";
std::string dead_letter_topic(std::string_view topic);
/// What the status of a source or query says of the last of them.
std::string rejection_notice(std::string_view reason, std::string_view topic);

/// The candidate closest to the word, when it is close enough to be what was meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& candidates);

/// "; did you mean 'x'?", else "; expected one of a, b, c", else nothing when there are no
/// candidates.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace penstock::pipeline
