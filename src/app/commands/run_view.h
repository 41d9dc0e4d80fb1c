// A DAG run as the API tells it, shown to people.
#pragma once

#include <string>

#include "app/commands/json_document.h"

namespace penstock::app {

/// Of a run or a task: from its start to its end, or until now; "-" when it has not started.
std::string duration_of(const JsonValue& what);
/// "3 of 4", and what went wrong.
std::string tasks_summary(const JsonValue& run);
void print_run(const JsonValue& run);
bool has_ended(const JsonValue& run);
/// "2 rows, 3 rejected" of a task's counts.
std::string counts_text(const JsonValue& counts);

}  // namespace penstock::app
