// Clustering values of types whose bytes have parts: decimals, frozen collections, tuples, user-defined
// types. Used by clustering.cc, which has the others. docs/formats/table_key.md has the table.
#pragma once

#include <string>
#include <string_view>

#include "store/data_type.h"

namespace penstock::store {

/// Whether values of the type have an order of bytes (decimals, and what has parts that can cluster).
bool can_cluster_nested(const DataType& type);

/// As append_clustering and take_clustering, never descending.
void append_nested(std::string& out, const DataType& type, std::string_view value);
/// flip: FF when the bytes are those of a descending column, all inverted; else 0.
bool take_nested(std::string_view& encoded, const DataType& type, char flip, std::string& value);

}  // namespace penstock::store
