#include "registry/protobuf_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>

#include <set>

#include "codec/protobuf_binary.h"
#include "registry/protobuf_index.h"

namespace penstock::registry {
namespace {

namespace pb = google::protobuf;

/// The factory goes one call deeper for each message in another.
class Depth {
public:
    bool is_bounded(const pb::Descriptor& message, int depth = 0) {
        constexpr int deepest = 300;
        if (depth > deepest) return false;
        if (!seen_.insert(&message).second) return true;
        for (int i = 0; i < message.field_count(); ++i)
            if (const auto* inner = message.field(i)->message_type())
                if (!is_bounded(*inner, depth + 1)) return false;
        return true;
    }

private:
    std::set<const pb::Descriptor*> seen_;
};

/// What is made of a message, in its bytes and as JSON: each message in it becomes an object with room for
/// all fields of its type, and all are told, also of one that is two bytes.
class Work {
public:
    explicit Work(std::size_t bytes) : left_(100'000 + 16 * std::int64_t(bytes)) {}

    bool is_bounded(const pb::Descriptor& type, std::string_view bytes, int depth = 0) {
        constexpr int deepest = 100;
        if (depth > deepest) return true;  // the parser refuses it
        if (!spend(type, 1)) return false;
        for (int i = 0; i < type.field_count(); ++i)
            if (type.field(i)->type() == pb::FieldDescriptor::TYPE_GROUP)
                if (!spend(*type.field(i)->message_type(), bytes.size() / 2)) return false;
        codec::ProtobufReader in(bytes);
        codec::ProtobufField at;
        while (in.next(at)) {
            if (at.wire != codec::ProtobufField::Wire::bytes) continue;
            const auto* field = type.FindFieldByNumber(at.number);
            if (field == nullptr || field->type() != pb::FieldDescriptor::TYPE_MESSAGE) continue;
            if (!is_bounded(*field->message_type(), at.bytes, depth + 1)) return false;
        }
        return true;  // and what is no message, the parser says
    }

private:
    bool spend(const pb::Descriptor& type, std::size_t messages) {
        left_ -= std::int64_t(messages) * (1 + type.field_count());
        return left_ >= 0;
    }

    std::int64_t left_;
};

std::string text_of(const pb::util::Status& status) {
    return {status.message().data(), status.message().size()};
}

}  // namespace

struct ProtobufText::Factory {
    explicit Factory(const pb::DescriptorPool* pool) : messages(pool) {}
    pb::DynamicMessageFactory messages;
};

ProtobufText::ProtobufText(ProtobufSchema schema)
    : schema_(std::move(schema)), factory_(std::make_unique<Factory>(schema_.file().pool())) {}
ProtobufText::~ProtobufText() = default;
ProtobufText::ProtobufText(ProtobufText&&) noexcept = default;

Result<std::unique_ptr<pb::Message>> ProtobufText::empty(const pb::Descriptor& descriptor) {
    if (!Depth().is_bounded(descriptor))
        return fail(Errc::invalid, "messages of its schema are too deep in one another");
    return std::unique_ptr<pb::Message>(factory_->messages.GetPrototype(&descriptor)->New());
}

Result<std::string> ProtobufText::json(std::string_view value) {
    pb::LogSilencer quiet;  // the caller is told, not the process's log
    const auto* descriptor = TRY(take_message_index(schema_.file(), value));
    auto message = TRY(empty(*descriptor));
    if (!Work(value.size()).is_bounded(*descriptor, value))
        return fail(Errc::invalid, "a {} that says to hold more than its bytes allow for",
                    descriptor->full_name());
    if (value.size() > INT_MAX || !message->ParseFromArray(value.data(), int(value.size())))
        return fail(Errc::invalid, "not a {} of its schema", descriptor->full_name());
    pb::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    auto written = pb::util::MessageToJsonString(*message, &json, options);
    if (!written.ok())
        return fail(Errc::invalid, "a {} that is no JSON: {}", descriptor->full_name(), text_of(written));
    return json;
}

Result<std::string> ProtobufText::bytes(std::string_view json, bool refuse_unknown) {
    pb::LogSilencer quiet;
    if (schema_.file().message_type_count() == 0)
        return fail(Errc::invalid, "its schema has no messages, only what others import");
    auto message = TRY(empty(*schema_.file().message_type(0)));
    pb::util::JsonParseOptions options;
    options.ignore_unknown_fields = !refuse_unknown;
    auto read = pb::util::JsonStringToMessage({json.data(), json.size()}, message.get(), options);
    if (!read.ok()) return fail(Errc::invalid, "{}", text_of(read));
    if (!message->IsInitialized())
        return fail(Errc::invalid, "required, and missing: {}", message->InitializationErrorString());
    std::string out(1, '\0');  // the first message, in short
    if (!message->AppendToString(&out)) return fail(Errc::invalid, "a message of more than 2 GiB");
    return out;
}

}  // namespace penstock::registry
