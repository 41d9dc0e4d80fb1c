#include "registry/protobuf_index.h"

#include <google/protobuf/descriptor.h>

#include "codec/varint.h"

namespace penstock::registry {
namespace {

namespace pb = google::protobuf;

/// Of one value.
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

Result<const pb::Descriptor*> take_message_index(const pb::FileDescriptor& file, std::string_view& value) {
    return Indices(value).follow(file);
}

}  // namespace penstock::registry
