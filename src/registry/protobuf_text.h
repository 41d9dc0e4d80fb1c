// Values of Protobuf messages as JSON, for people.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "registry/protobuf_schema.h"

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

private:
    struct Factory;
    ProtobufSchema schema_;
    std::unique_ptr<Factory> factory_;
};

}  // namespace penstock::registry
