// Records -> the columns that a query needs of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "record/batch.h"
#include "registry/schemas.h"
#include "stream/plan/plan.h"

namespace penstock::stream {

/// A record that does not fit, and why.
struct Misfit {
    std::size_t record = 0;  ///< its index in what was decoded
    std::string reason;
    bool other_type = false;  ///< the value at path is of another type than the schema says
    Path path;
};

/// One for each chain, and used by its thread only.
class Decoder {
public:
    virtual ~Decoder() = default;
    /// Appends a row for each record that fits to batch (made of the plan's scan_schema, empty), with the
    /// record's index in origins, and a Misfit for each of the others. Columns point into the records' bytes
    /// and into arena: the caller keeps both alive. At least 64 readable bytes must follow every value.
    /// An error is the registry's: the batch is of no use, and the same records may be tried again.
    virtual Result<> decode(std::span<const broker::Record> records, std::int32_t partition, Arena& arena,
                            Batch& batch, std::vector<std::uint32_t>& origins,
                            std::vector<Misfit>& misfits) = 0;
};

/// strict: a field that the schema does not know is a misfit. schemas: for avro, json_schema and protobuf;
/// outlives the decoder.
std::unique_ptr<Decoder> make_decoder(const QueryPlan& plan, bool strict,
                                      registry::Schemas* schemas = nullptr);

}  // namespace penstock::stream
