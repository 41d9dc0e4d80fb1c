#include "stream/decode/protobuf_message.h"

#include <google/protobuf/descriptor.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <map>

namespace penstock::stream {
namespace {

namespace pb = google::protobuf;
using codec::ProtobufField;
using Kind = SchemaValue::Kind;
using Wire = ProtobufField::Wire;

SchemaValue integer(std::int64_t value) {
    return {.kind = Kind::integer, .integer = value};
}
SchemaValue unsigned_integer(std::uint64_t value, Arena& arena) {
    if (value <= std::uint64_t(INT64_MAX)) return integer(std::int64_t(value));
    return {.kind = Kind::decimal, .text = arena.copy(std::to_string(value))};
}
SchemaValue real(double value) {
    return {.kind = Kind::real, .real = value};
}
SchemaValue symbol(const pb::EnumDescriptor& type, int number, Arena& arena) {
    const auto* known = type.FindValueByNumber(number);
    return {.kind = Kind::text, .text = known ? known->name() : arena.copy(std::to_string(number))};
}

/// Seconds and nanoseconds, of a Timestamp or a Duration.
struct Time {
    std::int64_t seconds = 0;
    std::int32_t nanos = 0;
};
bool read_time(std::string_view bytes, Time& time) {
    codec::ProtobufReader in(bytes);
    ProtobufField field;
    while (in.next(field)) {
        if (field.wire != Wire::varint) continue;
        if (field.number == 1) time.seconds = std::int64_t(field.value);
        if (field.number == 2) time.nanos = std::int32_t(field.value);
    }
    return in.ok() && time.nanos > -1'000'000'000 && time.nanos < 1'000'000'000;
}

/// "-1.500s", with as many digits as it takes, as in Protobuf's JSON.
std::string duration_text(const Time& time) {
    auto text = fmt::format("{}{}", time.seconds < 0 || time.nanos < 0 ? "-" : "",
                            time.seconds < 0 ? 0 - std::uint64_t(time.seconds) : std::uint64_t(time.seconds));
    if (auto nanos = time.nanos < 0 ? -time.nanos : time.nanos; nanos != 0) {
        auto digits = fmt::format("{:09}", nanos);
        while (digits.ends_with("000")) digits.resize(digits.size() - 3);
        text += "." + digits;
    }
    return text + "s";
}

}  // namespace

bool ProtobufMessage::read(const pb::Descriptor& type, std::string_view bytes) {
    found_.clear();
    std::map<const pb::OneofDescriptor*, int> chosen;
    codec::ProtobufReader in(bytes);
    ProtobufField at;
    while (in.next(at)) {
        const auto* field = type.FindFieldByNumber(at.number);
        if (field == nullptr) continue;
        bool packed = field->is_packable() && at.wire == Wire::bytes;
        if (at.wire != wire_of(*field) && !packed) continue;
        if (const auto* one_of = field->real_containing_oneof()) {
            auto& member = chosen[one_of];
            if (member != 0 && member != at.number)
                std::erase_if(found_, [&](const auto& each) { return each.number == member; });
            member = at.number;
        }
        found_.push_back(at);
    }
    std::ranges::sort(found_, {}, [](const auto& each) { return std::pair(each.number, each.position); });
    return in.ok();
}

ProtobufMessage::Occurrences ProtobufMessage::of(const Field& field) const {
    auto range = std::ranges::equal_range(found_, field.number(), {}, &ProtobufField::number);
    return {range.begin(), range.end()};
}

Wire wire_of(const pb::FieldDescriptor& field) {
    using Type = pb::FieldDescriptor;
    switch (field.type()) {
        case Type::TYPE_DOUBLE:
        case Type::TYPE_FIXED64:
        case Type::TYPE_SFIXED64:
            return Wire::fixed64;
        case Type::TYPE_FLOAT:
        case Type::TYPE_FIXED32:
        case Type::TYPE_SFIXED32:
            return Wire::fixed32;
        case Type::TYPE_STRING:
        case Type::TYPE_BYTES:
        case Type::TYPE_MESSAGE:
        case Type::TYPE_GROUP:
            return Wire::bytes;
        default:
            return Wire::varint;
    }
}

bool scalar_of(const pb::FieldDescriptor& field, const ProtobufField& at, Arena& arena, SchemaValue& out) {
    using Type = pb::FieldDescriptor;
    switch (field.type()) {
        case Type::TYPE_INT32:
        case Type::TYPE_SFIXED32:
            out = integer(std::int32_t(at.value));
            return true;
        case Type::TYPE_INT64:
        case Type::TYPE_SFIXED64:
            out = integer(std::int64_t(at.value));
            return true;
        case Type::TYPE_UINT32:
        case Type::TYPE_FIXED32:
            out = integer(std::uint32_t(at.value));
            return true;
        case Type::TYPE_UINT64:
        case Type::TYPE_FIXED64:
            out = unsigned_integer(at.value, arena);
            return true;
        case Type::TYPE_SINT32:
            out = integer(std::int32_t(codec::unzigzag(std::uint32_t(at.value))));
            return true;
        case Type::TYPE_SINT64:
            out = integer(codec::unzigzag(at.value));
            return true;
        case Type::TYPE_BOOL:
            out = {.kind = Kind::boolean, .integer = at.value != 0};
            return true;
        case Type::TYPE_ENUM:
            out = symbol(*field.enum_type(), int(at.value), arena);
            return true;
        case Type::TYPE_FLOAT:
            out = real(double(std::bit_cast<float>(std::uint32_t(at.value))));
            return true;
        case Type::TYPE_DOUBLE:
            out = real(std::bit_cast<double>(at.value));
            return true;
        case Type::TYPE_BYTES:
            out = {.kind = Kind::bytes, .text = at.bytes};
            return true;
        case Type::TYPE_STRING:
            out = {.kind = Kind::text, .text = at.bytes};
            return simdjson::validate_utf8(at.bytes.data(), at.bytes.size());
        case Type::TYPE_MESSAGE:
        case Type::TYPE_GROUP:
            break;
    }
    return false;
}

SchemaValue default_of(const pb::FieldDescriptor& field, Arena& arena) {
    using Type = pb::FieldDescriptor;
    switch (field.cpp_type()) {
        case Type::CPPTYPE_INT32:
            return integer(field.default_value_int32());
        case Type::CPPTYPE_INT64:
            return integer(field.default_value_int64());
        case Type::CPPTYPE_UINT32:
            return integer(field.default_value_uint32());
        case Type::CPPTYPE_UINT64:
            return unsigned_integer(field.default_value_uint64(), arena);
        case Type::CPPTYPE_DOUBLE:
            return real(field.default_value_double());
        case Type::CPPTYPE_FLOAT:
            return real(double(field.default_value_float()));
        case Type::CPPTYPE_BOOL:
            return {.kind = Kind::boolean, .integer = field.default_value_bool()};
        case Type::CPPTYPE_ENUM:
            return {.kind = Kind::text, .text = field.default_value_enum()->name()};
        case Type::CPPTYPE_STRING:
        case Type::CPPTYPE_MESSAGE:
            break;
    }
    bool is_bytes = field.type() == Type::TYPE_BYTES;
    return {.kind = is_bytes ? Kind::bytes : Kind::text, .text = field.default_value_string()};
}

WellKnown well_known(const pb::Descriptor& type) {
    switch (type.well_known_type()) {
        case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP:
            return WellKnown::timestamp;
        case pb::Descriptor::WELLKNOWNTYPE_DURATION:
            return WellKnown::duration;
        case pb::Descriptor::WELLKNOWNTYPE_VALUE:
            return WellKnown::value;
        case pb::Descriptor::WELLKNOWNTYPE_LISTVALUE:
            return WellKnown::list;
        case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
            return WellKnown::object;
        case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
        case pb::Descriptor::WELLKNOWNTYPE_FLOATVALUE:
        case pb::Descriptor::WELLKNOWNTYPE_INT64VALUE:
        case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
        case pb::Descriptor::WELLKNOWNTYPE_INT32VALUE:
        case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
        case pb::Descriptor::WELLKNOWNTYPE_STRINGVALUE:
        case pb::Descriptor::WELLKNOWNTYPE_BYTESVALUE:
        case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE:
            return WellKnown::wrapper;
        default:
            return WellKnown::none;
    }
}

bool well_known_scalar(const pb::Descriptor& type, std::string_view bytes, Arena& arena, SchemaValue& out) {
    auto kind = well_known(type);
    if (kind == WellKnown::wrapper) {
        ProtobufMessage message;
        const auto& field = *type.field(0);
        if (!message.read(type, bytes)) return false;
        auto all = message.of(field);
        out = default_of(field, arena);
        return all.empty() || scalar_of(field, all.back(), arena, out);
    }
    Time time;
    if (!read_time(bytes, time)) return false;
    if (kind == WellKnown::duration) {
        out = {.kind = Kind::text, .text = arena.copy(duration_text(time))};
        return true;
    }
    out.kind = Kind::timestamp;
    auto us = time.nanos / 1000 - (time.nanos % 1000 < 0 ? 1 : 0);
    return !__builtin_mul_overflow(time.seconds, std::int64_t(1'000'000), &out.integer) &&
           !__builtin_add_overflow(out.integer, std::int64_t(us), &out.integer);
}

std::string_view joined(ProtobufMessage::Occurrences all, Arena& arena) {
    if (all.size() == 1) return all[0].bytes;
    std::string whole;
    for (const auto& each : all) whole += each.bytes;
    return arena.copy(whole);
}

}  // namespace penstock::stream
