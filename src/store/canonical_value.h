// Values as Cassandra keeps them, whatever clients sent.
#pragma once

#include <string>
#include <string_view>

#include "store/data_type.h"

namespace penstock::store {

/// Elements of sets and keys of maps: in order, each once; of two equal keys the later one's value counts. In
/// nested values too. value is valid for the type.
std::string canonical(const DataType& type, std::string_view value);

/// Whether there may be other bytes than canonical ones: a set or a map is in it.
bool has_other_forms(const DataType& type);

}  // namespace penstock::store
