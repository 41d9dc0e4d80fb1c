// Which changes of a .proto file keep what was written readable: the rules of Confluent's Schema Registry.
#pragma once

#include <vector>

#include "registry/compatibility.h"
#include "registry/protobuf_schema.h"

namespace penstock::registry {

/// Why the reader cannot read what the writer wrote; empty: it can. Fields are told by their numbers,
/// messages by their names.
std::vector<Difference> protobuf_differences(const ProtobufSchema& reader, const ProtobufSchema& writer);

}  // namespace penstock::registry
