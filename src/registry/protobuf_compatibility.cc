#include "registry/protobuf_compatibility.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <map>
#include <set>

namespace penstock::registry {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptor;

enum class ScalarKind {
    general_number,
    signed_number,
    text_or_bytes,
    fixed32,
    fixed64,
    real32,
    real64,
    none
};

/// Types of a group are read as each other (protobuf.dev, "Updating A Message Type").
ScalarKind scalar_kind(const FieldDescriptor& field) {
    switch (field.type()) {
        case FieldDescriptor::TYPE_INT32:
        case FieldDescriptor::TYPE_INT64:
        case FieldDescriptor::TYPE_UINT32:
        case FieldDescriptor::TYPE_UINT64:
        case FieldDescriptor::TYPE_BOOL:
        case FieldDescriptor::TYPE_ENUM:
            return ScalarKind::general_number;
        case FieldDescriptor::TYPE_SINT32:
        case FieldDescriptor::TYPE_SINT64:
            return ScalarKind::signed_number;
        case FieldDescriptor::TYPE_STRING:
        case FieldDescriptor::TYPE_BYTES:
            return ScalarKind::text_or_bytes;
        case FieldDescriptor::TYPE_FIXED32:
        case FieldDescriptor::TYPE_SFIXED32:
            return ScalarKind::fixed32;
        case FieldDescriptor::TYPE_FIXED64:
        case FieldDescriptor::TYPE_SFIXED64:
            return ScalarKind::fixed64;
        case FieldDescriptor::TYPE_FLOAT:
            return ScalarKind::real32;
        case FieldDescriptor::TYPE_DOUBLE:
            return ScalarKind::real64;
        case FieldDescriptor::TYPE_GROUP:
        case FieldDescriptor::TYPE_MESSAGE:
            return ScalarKind::none;
    }
    return ScalarKind::none;
}

/// Nothing where the file says none: a field of proto3.
std::optional<FieldDescriptor::Label> written_label(const FieldDescriptor& field) {
    if (field.label() == FieldDescriptor::LABEL_OPTIONAL && !field.has_optional_keyword())
        return std::nullopt;
    return field.label();
}

/// Without its package, which may differ.
std::string_view local_name(const pb::Descriptor& message) {
    std::string_view name = message.full_name(), package = message.file()->package();
    if (!package.empty()) name.remove_prefix(package.size() + 1);
    return name;
}

class Comparison {
public:
    std::vector<Difference> compare(const pb::FileDescriptor& reader, const pb::FileDescriptor& writer) {
        if (reader.package() != writer.package())
            add("PACKAGE_CHANGED", "#/",
                "The package at '{path}' in the {reader} schema does not match the package in the {writer} "
                "schema");
        for (int i = 0; i < writer.message_type_count(); ++i) {
            const auto& old = *writer.message_type(i);
            message(reader.FindMessageTypeByName(old.name()), old, "#/" + old.name());
        }
        return std::move(found_);
    }

private:
    void add(std::string type, const std::string& path, std::string text) {
        text.replace(text.find("{path}"), 6, path);
        found_.push_back({std::move(type), path, std::move(text), ""});
    }

    void message(const pb::Descriptor* reader, const pb::Descriptor& writer, const std::string& path) {
        if (reader == nullptr)
            return add(
                "MESSAGE_REMOVED", path,
                "The {reader} schema is missing a MESSAGE type at path '{path}' in the {writer} schema");
        if (!compared_.emplace(reader, &writer).second) return;
        if (depth_ == deepest)
            return add("TOO_LARGE", path,
                       "The messages at path '{path}' are too deep in one another to compare");
        ++depth_;
        members(*reader, writer, path);
        --depth_;
    }

    void members(const pb::Descriptor& reader, const pb::Descriptor& writer, const std::string& path) {
        oneofs(reader, writer, path);
        std::set<int> numbers;
        for (const auto* message : {&reader, &writer})
            for (int i = 0; i < message->field_count(); ++i) numbers.insert(message->field(i)->number());
        for (int number : numbers) {
            const auto* mine = reader.FindFieldByNumber(number);
            const auto* theirs = writer.FindFieldByNumber(number);
            auto at = field_path(path, mine != nullptr ? *mine : *theirs);
            if (theirs == nullptr) {
                if (mine->is_required())
                    add("REQUIRED_FIELD_ADDED", at,
                        "A required field at path '{path}' in the {reader} schema is missing in the {writer} "
                        "schema");
            } else if (mine == nullptr) {
                removed(reader, *theirs, at);
            } else {
                field(*mine, *theirs, at);
            }
        }
        for (int i = 0; i < writer.nested_type_count(); ++i) {
            const auto& old = *writer.nested_type(i);
            if (!old.options().map_entry())
                message(reader.FindNestedTypeByName(old.name()), old, path + "/" + old.name());
        }
    }

    static std::string field_path(const std::string& path, const FieldDescriptor& field) {
        const auto* oneof = field.real_containing_oneof();
        return fmt::format("{}/{}{}{}", path, oneof != nullptr ? oneof->name() : "",
                           oneof != nullptr ? "/" : "", field.number());
    }

    /// A field of a oneof may go only with the whole oneof.
    void removed(const pb::Descriptor& reader, const FieldDescriptor& writer, const std::string& path) {
        if (writer.is_required())
            return add(
                "REQUIRED_FIELD_REMOVED", path,
                "The {reader} schema is missing a required field at path: '{path}' in the {writer} schema");
        const auto* oneof = writer.real_containing_oneof();
        if (oneof == nullptr) return;
        bool stays = reader.FindOneofByName(oneof->name()) != nullptr;
        for (int i = 0; i < oneof->field_count(); ++i)
            stays = stays || reader.FindFieldByNumber(oneof->field(i)->number()) != nullptr;
        if (stays)
            add("ONEOF_FIELD_REMOVED", path,
                "The {reader} schema is missing a oneof field at path '{path}' in the {writer} schema");
    }

    /// Fields that could be set together must not exclude each other now.
    void oneofs(const pb::Descriptor& reader, const pb::Descriptor& writer, const std::string& path) {
        for (int i = 0; i < reader.real_oneof_decl_count(); ++i) {
            const auto& oneof = *reader.oneof_decl(i);
            std::set<const void*> origins;  // oneofs, and fields outside of any
            int outside = 0;
            for (int k = 0; k < oneof.field_count(); ++k) {
                const auto* old = writer.FindFieldByNumber(oneof.field(k)->number());
                if (old == nullptr) continue;
                const auto* together = old->real_containing_oneof();
                origins.insert(together != nullptr ? static_cast<const void*>(together) : old);
                outside += together == nullptr ? 1 : 0;
            }
            if (origins.size() < 2) continue;
            auto at = path + "/" + oneof.name();
            if (outside > 1)
                add("MULTIPLE_FIELDS_MOVED_TO_ONEOF", at,
                    "Multiple fields in the oneof at path '{path}' in the {reader} schema are outside a "
                    "oneof in the {writer} schema");
            else
                add("FIELD_MOVED_TO_EXISTING_ONEOF", at,
                    "A field in the oneof at path '{path}' in the {reader} schema is outside an existing "
                    "oneof in the {writer} schema");
        }
    }

    void field(const FieldDescriptor& reader, const FieldDescriptor& writer, const std::string& path) {
        if (reader.is_map() && writer.is_map()) {
            types(*reader.message_type()->map_key(), *writer.message_type()->map_key(), path);
            types(*reader.message_type()->map_value(), *writer.message_type()->map_value(), path);
            return;
        }
        if (reader.is_map() != writer.is_map())
            return add("FIELD_KIND_CHANGED", path,
                       "The type of a field at path '{path}' in the {reader} schema does not match the "
                       "{writer} schema");
        if (!types(reader, writer, path)) return;
        auto mine = written_label(reader), theirs = written_label(writer);
        auto kind = scalar_kind(reader);
        // One string, or the last of several.
        if (mine && theirs && mine != theirs && kind != ScalarKind::none && kind != ScalarKind::text_or_bytes)
            add("FIELD_NUMERIC_LABEL_CHANGED", path,
                "The label for a NUMERIC field at path '{path}' in the {reader} schema does not match its "
                "label in the {writer} schema");
    }

    bool types(const FieldDescriptor& reader, const FieldDescriptor& writer, const std::string& path) {
        auto mine = scalar_kind(reader), theirs = scalar_kind(writer);
        if ((mine == ScalarKind::none) != (theirs == ScalarKind::none)) {
            add("FIELD_KIND_CHANGED", path,
                "The type of a field at path '{path}' in the {reader} schema does not match the {writer} "
                "schema");
            return false;
        }
        if (mine != theirs) {
            add("FIELD_SCALAR_KIND_CHANGED", path,
                "The kind of a SCALAR field at path '{path}' in the {reader} schema does not match its kind "
                "in the {writer} schema");
            return false;
        }
        if (mine != ScalarKind::none) return true;
        auto before = found_.size();
        bool same = local_name(*reader.message_type()) == local_name(*writer.message_type());
        if (same) message(reader.message_type(), *writer.message_type(), path);
        if (!same || found_.size() > before)
            add("FIELD_NAMED_TYPE_CHANGED", path,
                "The type of a MESSAGE field at path '{path}' in the {reader} schema does not match its type "
                "in the {writer} schema");
        return same;
    }

    static constexpr int deepest = 300;

    std::vector<Difference> found_;
    int depth_ = 0;
    std::set<std::pair<const pb::Descriptor*, const pb::Descriptor*>> compared_;  // or being compared
};

}  // namespace

std::vector<Difference> protobuf_differences(const ProtobufSchema& reader, const ProtobufSchema& writer) {
    return Comparison().compare(reader.file(), writer.file());
}

}  // namespace penstock::registry
