// A query's rows as records of a topic.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/spec.h"
#include "record/batch.h"
#include "registry/topic_encoder.h"

namespace penstock::stream {

class RowEncoder {
public:
    /// topic: as its file declares it; none: JSON. schemas: where those of avro, json_schema and protobuf
    /// topics are. Errc::invalid, Errc::unsupported.
    static Result<RowEncoder> make(const std::string& name, const std::optional<pipeline::TopicSpec>& topic,
                                   const Schema& columns, registry::Schemas* schemas);

    /// The value of each row. Errc::invalid when a row does not fit the topic's schema; other errors are the
    /// registry's.
    Result<std::vector<std::string>> encode(const Batch& batch);

private:
    std::string topic_;
    std::shared_ptr<registry::TopicEncoder> encoder_;  ///< null: rows are plain JSON
};

}  // namespace penstock::stream
