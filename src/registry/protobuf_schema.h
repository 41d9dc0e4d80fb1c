// A Protobuf schema: one .proto file with what it imports, read by libprotobuf.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/references.h"

namespace google::protobuf {
class DescriptorPool;
class FileDescriptor;
}  // namespace google::protobuf

namespace penstock::registry {

class ProtobufSchema {
public:
    /// The text of a .proto file, or a FileDescriptorProto in base64, as clients without the text send it.
    /// Imports are the referenced schemas by their names; google/protobuf/*.proto and Confluent's own are
    /// known. Errc::invalid says in which line what was expected.
    static Result<ProtobufSchema> parse(std::string_view text, const ReferencedSchemas& referenced = {});

    /// The .proto file without comments and with everything in one order.
    std::string text() const;
    /// Its FileDescriptorProto in base64.
    std::string serialized() const;
    const google::protobuf::FileDescriptor& file() const { return *file_; }

    ProtobufSchema(ProtobufSchema&&) noexcept;
    ProtobufSchema& operator=(ProtobufSchema&&) noexcept;
    ~ProtobufSchema();

private:
    ProtobufSchema();
    std::unique_ptr<google::protobuf::DescriptorPool> pool_;
    const google::protobuf::FileDescriptor* file_ = nullptr;
};

/// Of a schema of that registry, with what it refers to. Also what the registry says.
Result<ProtobufSchema> protobuf_schema(Schemas& schemas, const RegisteredSchema& schema);

}  // namespace penstock::registry
