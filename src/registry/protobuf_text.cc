#include "registry/protobuf_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>

#include <set>

#include "codec/varint.h"

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

class Indices {
public:
    explicit Indices(std::string_view& value) : value_(value) {}

    /// The message that the indices at the value's begin lead to; they are taken off.
    Result<const pb::Descriptor*> follow(const pb::FileDescriptor& file) {
        auto count = TRY(next());
        if (count == 0) return at(file.message_type_count(), 0, [&](int i) { return file.message_type(i); });
        const pb::Descriptor* message = nullptr;
        for (; count > 0; --count) {
            auto index = TRY(next());
            if (message == nullptr)
                message =
                    TRY(at(file.message_type_count(), index, [&](int i) { return file.message_type(i); }));
            else
                message = TRY(
                    at(message->nested_type_count(), index, [&](int i) { return message->nested_type(i); }));
        }
        return message;
    }

private:
    Result<std::int64_t> next() {
        std::int64_t number = 0;
        const auto* end = value_.data() + value_.size();
        const auto* behind = codec::read_zigzag(value_.data(), end, number);
        if (behind == nullptr || number < 0)
            return fail(Errc::invalid, "does not begin with the index of a message of its schema");
        value_.remove_prefix(std::size_t(behind - value_.data()));
        return number;
    }
    static Result<const pb::Descriptor*> at(int count, std::int64_t index, auto message) {
        if (index < count) return message(int(index));
        return fail(Errc::invalid, "its schema has no message {}; there are {}", index, count);
    }

    std::string_view& value_;
};

}  // namespace

struct ProtobufText::Factory {
    explicit Factory(const pb::DescriptorPool* pool) : messages(pool) {}
    pb::DynamicMessageFactory messages;
};

ProtobufText::ProtobufText(ProtobufSchema schema)
    : schema_(std::move(schema)), factory_(std::make_unique<Factory>(schema_.file().pool())) {}
ProtobufText::~ProtobufText() = default;
ProtobufText::ProtobufText(ProtobufText&&) noexcept = default;

Result<std::string> ProtobufText::json(std::string_view value) {
    pb::LogSilencer quiet;  // the caller is told, not the process's log
    const auto* descriptor = TRY(Indices(value).follow(schema_.file()));
    if (!Depth().is_bounded(*descriptor))
        return fail(Errc::invalid, "messages of its schema are too deep in one another");
    std::unique_ptr<pb::Message> message(factory_->messages.GetPrototype(descriptor)->New());
    if (value.size() > INT_MAX || !message->ParseFromArray(value.data(), int(value.size())))
        return fail(Errc::invalid, "not a {} of its schema", descriptor->full_name());
    pb::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    auto written = pb::util::MessageToJsonString(*message, &json, options);
    if (!written.ok())
        return fail(Errc::invalid, "a {} that is no JSON: {}", descriptor->full_name(),
                    std::string_view(written.message().data(), written.message().size()));
    return json;
}

}  // namespace penstock::registry
