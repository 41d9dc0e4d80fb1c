// Avro's schema resolution (specification 1.11, "Schema Resolution"): can the reader's schema read
// the writer's data?
#pragma once

#include <vector>

#include "registry/avro_schema.h"
#include "registry/compatibility.h"

namespace penstock::registry {

std::vector<Difference> avro_differences(const AvroSchema& reader, const AvroSchema& writer);

}  // namespace penstock::registry
