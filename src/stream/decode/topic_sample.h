// The columns of a topic that declares none: of its registered schema and of its first records.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/schemas.h"
#include "stream/decode/schema_inference.h"
#include "stream/plan/plan.h"

namespace penstock::stream {

class TopicSample {
public:
    /// schemas: where those of avro and protobuf topics are; may be null for other formats.
    TopicSample(const RelationInfo& relation, registry::Schemas* schemas)
        : relation_(relation), schemas_(schemas) {}

    /// Asks for the topic's schema. Errors are the registry's.
    Result<> begin();
    /// One record's value. Errors are the registry's; a value that is none of the format is left out.
    Result<> add(std::string_view value);
    /// What the columns are known from, documents and schemas.
    int documents() const { return documents_ + inference_.documents(); }
    DataType columns() const;

private:
    Result<> add_schema(const registry::RegisteredSchema& schema, std::string_view value);
    void merge(DataType columns);

    const RelationInfo& relation_;
    registry::Schemas* schemas_;
    SchemaInference inference_;
    DataType merged_{DataType::Shape::object};
    std::set<std::int32_t> seen_;  ///< ids of schemas
    int documents_ = 0;
};

/// The topic's registered schema, whose defaults stand in for what a record's own lacks; null when there is
/// none, or its text is no Avro schema.
Result<std::shared_ptr<const registry::AvroSchema>> reader_schema(std::string_view topic,
                                                                  registry::Schemas* schemas);

}  // namespace penstock::stream
