// Which of a file's messages a value is: the indices behind the schema's id in Confluent's wire format, from
// the outermost message on (docs.confluent.io, "Wire format").
#pragma once

#include <string_view>

#include "base/result.h"

namespace google::protobuf {
class Descriptor;
class FileDescriptor;
}  // namespace google::protobuf

namespace penstock::registry {

/// The message that the indices at the value's begin lead to; they are taken off. Errc::invalid: no such one.
Result<const google::protobuf::Descriptor*> take_message_index(const google::protobuf::FileDescriptor& file,
                                                               std::string_view& value);

}  // namespace penstock::registry
