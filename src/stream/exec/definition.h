// A query as the pipeline wrote it, and the plan that comes of it once its topic's columns are known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/spec.h"
#include "store/tables.h"
#include "stream/plan/plan.h"
#include "stream/sql/ast.h"

namespace penstock::stream {

/// What is known of a topic without reading it: its declared columns, or that they are open.
SqlResult<RelationInfo> topic_relation(std::string_view name, const pipeline::TopicSpec* spec);

/// Parses and binds. The SQL is taken from its text each time.
SqlResult<QueryPlan> plan_continuous(const pipeline::QuerySpec& query, const RelationInfo& relation);
SqlResult<QueryPlan> plan_bounded(std::string_view sql, const RelationInfo& relation);

/// What is wrong with the target: a missing key, a key column that is not selected, two columns of one name.
std::optional<std::string> target_problem(const pipeline::QuerySpec& query, const QueryPlan& plan);

/// What the query's rows lose by its key, which may be meant: groups that the key does not tell apart.
std::optional<std::string> key_remark(const pipeline::QuerySpec& query, const QueryPlan& plan);

/// "topic:NAME" without the prefix, or none.
std::optional<std::string> target_topic(const pipeline::QuerySpec& query);

/// The table that the query writes into, with these columns and the query's key.
store::TableSpec table_spec(const pipeline::QuerySpec& query, Schema columns);

std::uint64_t query_hash(const pipeline::QuerySpec& query);
std::uint64_t target_hash(const pipeline::QuerySpec& query, std::string_view topic);

/// An SQL error as an Error for people, with the line and a caret.
Error sql_error(const SqlError& error, std::string_view sql);

}  // namespace penstock::stream
