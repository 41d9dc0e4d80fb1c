// SQL text -> Select. Spark SQL's dialect, as far as docs/sql.md says; hand-written, precedence climbing.
#pragma once

#include <string>
#include <string_view>

#include "stream/sql/ast.h"

namespace penstock::stream::sql {

/// One SELECT, with an optional ; at its end. Errors name the place and what was expected there.
SqlResult<Select> parse_select(std::string_view sql);

/// "1 minute", "2 hours 30 seconds", "INTERVAL 1 DAY": what window() and INTERVAL take.
SqlResult<Interval> parse_interval_text(std::string_view text, Position at);

}  // namespace penstock::stream::sql
