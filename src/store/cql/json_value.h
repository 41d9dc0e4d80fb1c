// INSERT JSON: a JSON object as values of a table's columns.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/data_type.h"

namespace penstock::store::cql {

/// Column name to CQL bytes; null has none. Errc::invalid names the column.
Result<std::map<std::string, std::optional<std::string>>> parse_json_columns(const TableDefinition& table,
                                                                             std::string_view json);

/// One value, as fromJson() reads it; nothing for null.
Result<std::optional<std::string>> parse_json_value(const DataType& type, std::string_view json);

}  // namespace penstock::store::cql
