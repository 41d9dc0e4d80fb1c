// Protobuf messages straight into columns, by the schema that they were written with.
//
// The paths that a query uses are looked up in the message's type; of each message the fields are found where
// they stand in its bytes, and only those that somebody asked for are read. A field that is not there is
// null, but of one whose presence the schema does not follow (a plain field of proto3) it is the type's
// default. Bounded in depth, and in work by the size of what was sent.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "registry/protobuf_schema.h"
#include "stream/decode/path_tree.h"
#include "stream/decode/protobuf_message.h"
#include "stream/decode/slots.h"

namespace penstock::stream {

/// The decoder of what one schema has written. For one thread; the tree outlives it.
class ProtobufColumns {
public:
    using Failure = Misread;

    /// declared: a message with a field that is none of its columns does not fit; null: any may have more.
    ProtobufColumns(const PathTree& tree, registry::ProtobufSchema schema, const DataType* declared);

    /// value: what follows the schema's id in Confluent's wire format. Writes its columns to row of the
    /// slots, all of which are null there; false with why() when it does not fit, and then the row's values
    /// are of no meaning.
    bool decode(std::string_view value, std::span<Slot> slots, std::size_t row, Arena& arena);
    const Failure& why() const { return why_; }

private:
    using Type = google::protobuf::Descriptor;
    using Field = google::protobuf::FieldDescriptor;
    using Occurrences = ProtobufMessage::Occurrences;

    const std::string& unknown_field(const Type& type);
    bool take_message(const Type& type, std::string_view bytes, std::size_t node, int depth);
    bool take_field(const Field& field, Occurrences all, std::size_t node, int depth);
    bool take_one(const Field& field, const codec::ProtobufField& at, std::size_t node, int depth);
    bool take_inner(const Type& type, std::string_view bytes, std::size_t node, int depth);
    bool take_items(const Field& field, Occurrences all, std::size_t node, int depth);
    bool take_entries(const Field& field, Occurrences all, std::size_t node, int depth);
    bool take_scalar(const SchemaValue& value, std::size_t node);
    bool take_text(std::string_view json, std::size_t node);

    bool render_message(const Type& type, std::string_view bytes, std::string& out, int depth);
    bool render_field(const Field& field, Occurrences all, std::string& out, int depth);
    bool render_one(const Field& field, const codec::ProtobufField& at, std::string& out, int depth);
    bool render_entries(const Field& field, Occurrences all, std::string& out, int depth);
    bool render_value(const Type& type, std::string_view bytes, std::string& out, int depth);

    bool read_key(const Field& map, std::string_view entry, std::string_view& text, int depth);
    bool read(ProtobufMessage& message, const Type& type, std::string_view bytes, int depth);
    bool fail(std::string reason);
    bool fail_type(std::size_t node, std::string_view expected, std::string_view found);

    const PathTree& tree_;
    const registry::ProtobufSchema schema_;
    const DataType* declared_;
    std::map<const Type*, std::string> unknown_;  ///< by message; empty: all its fields are declared

    std::span<Slot> slots_;
    std::size_t row_ = 0;
    Arena* arena_ = nullptr;
    std::int64_t work_left_ = 0;
    Failure why_;
};

/// The columns that the messages have: of the one that a value in Confluent's wire format is, or of the
/// file's first. No fields when there is no such message.
DataType columns_of(const registry::ProtobufSchema& schema, std::string_view value);
DataType columns_of(const registry::ProtobufSchema& schema);

}  // namespace penstock::stream
