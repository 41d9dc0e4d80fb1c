// Values of Protobuf messages as JSON and back, for people.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "registry/protobuf_schema.h"

namespace google::protobuf {
class Descriptor;
class Message;
}  // namespace google::protobuf

namespace penstock::registry {

/// For one thread.
class ProtobufText {
public:
    explicit ProtobufText(ProtobufSchema schema);
    ~ProtobufText();
    ProtobufText(ProtobufText&&) noexcept;

    /// value: what follows the schema's id in Confluent's wire format: which of the file's messages it is, as
    /// indices from the outermost message, and the message. Fields have the names of the file, also those
    /// that are not set. Errc::invalid: no such message.
    Result<std::string> json(std::string_view value);
    /// The other way, of the file's first message: what json() takes. Errc::invalid: the text does not fit,
    /// or has fields that the message does not have and refuse_unknown says so.
    Result<std::string> bytes(std::string_view json, bool refuse_unknown);

private:
    struct Factory;
    Result<std::unique_ptr<google::protobuf::Message>> empty(const google::protobuf::Descriptor& descriptor);

    ProtobufSchema schema_;
    std::unique_ptr<Factory> factory_;
};

}  // namespace penstock::registry
