// What is wrong with a query, found without running it.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/spec.h"
#include "stream/engine.h"

namespace penstock::stream {

/// What already exists under a name that no pipeline file declares.
enum class KnownRelation { none, topic, table };

/// Parses and binds as far as that goes without data; none when the query is right. topics: those that the
/// pipeline files declare.
std::optional<SqlError> check_query(const pipeline::QuerySpec& query,
                                    const std::vector<pipeline::TopicSpec>& topics,
                                    const std::function<KnownRelation(std::string_view)>& exists);

/// The topic of that name, or null.
const pipeline::TopicSpec* find_topic(const std::vector<pipeline::TopicSpec>& topics, std::string_view name);

}  // namespace penstock::stream
