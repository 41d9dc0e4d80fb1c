// The fields of a Protobuf message as they stand in its bytes, and what their types make of them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "codec/protobuf_binary.h"
#include "record/batch.h"
#include "stream/decode/schema_value.h"

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace penstock::stream {

/// Nothing is made of the bytes but a list of where fields are: what a producer sends cannot cost more memory
/// than a few times its size, whatever the schema says of each message. Points into the bytes.
class ProtobufMessage {
public:
    using Field = google::protobuf::FieldDescriptor;
    using Occurrences = std::span<const codec::ProtobufField>;

    /// False: the bytes are no fields. Fields that the type does not know, or of another wire type than it
    /// says, are left out, and so is what another member of a oneof has replaced.
    bool read(const google::protobuf::Descriptor& type, std::string_view bytes);
    /// In their order. Of a field that is not repeated the last one counts, of a message all together.
    Occurrences of(const Field& field) const;

private:
    std::vector<codec::ProtobufField> found_;  ///< by number, in their order
};

/// Messages that stand for one value.
enum class WellKnown { none, timestamp, duration, wrapper, value, list, object };
WellKnown well_known(const google::protobuf::Descriptor& type);

/// Every item of a repeated field, packed or not; false when one of visit's answers was, or bytes end within
/// an item.
template <class Visit>
bool for_each_item(const ProtobufMessage::Field& field, ProtobufMessage::Occurrences all, Visit visit);

/// What the occurrence means, by the field's type, which is no message. False: a string that is not UTF-8.
bool scalar_of(const ProtobufMessage::Field& field, const codec::ProtobufField& at, Arena& arena,
               SchemaValue& out);
/// The value of a field that is not there, and whose type is no message.
SchemaValue default_of(const ProtobufMessage::Field& field, Arena& arena);
/// Of a message of that kind (timestamp, duration or wrapper). False: it is none.
bool well_known_scalar(const google::protobuf::Descriptor& type, std::string_view bytes, Arena& arena,
                       SchemaValue& out);
/// Several occurrences of one message are one message.
std::string_view joined(ProtobufMessage::Occurrences all, Arena& arena);

/// How the field is encoded when it is not packed.
codec::ProtobufField::Wire wire_of(const ProtobufMessage::Field& field);

template <class Visit>
bool for_each_item(const ProtobufMessage::Field& field, ProtobufMessage::Occurrences all, Visit visit) {
    const auto wire = wire_of(field);
    for (const auto& each : all) {
        if (each.wire == wire) {
            if (!visit(each)) return false;
            continue;
        }
        codec::ProtobufReader packed(each.bytes);
        codec::ProtobufField item;
        while (packed.next_packed(wire, item))
            if (!visit(item)) return false;
        if (!packed.ok()) return false;
    }
    return true;
}

}  // namespace penstock::stream
