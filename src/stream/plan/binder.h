// Select -> QueryPlan: names become columns, functions kernels, and every type is known.
#pragma once

#include <optional>
#include <string>

#include "stream/plan/plan.h"
#include "stream/sql/ast.h"

namespace penstock::stream {

struct BindOptions {
    bool continuous = false;  ///< ORDER BY, LIMIT and DISTINCT are refused
    std::optional<pipeline::QuerySpec::Watermark> watermark;
};

/// The first error has the place where it stands in the text. relation.column becomes column in select
/// itself.
SqlResult<QueryPlan> bind(sql::Select& select, const RelationInfo& relation, const BindOptions& options);

}  // namespace penstock::stream
