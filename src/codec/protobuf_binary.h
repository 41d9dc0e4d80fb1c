// Fields of a message in Protobuf's binary encoding (protobuf.dev, "Encoding"). Only reads; nothing is
// copied.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "codec/varint.h"

namespace penstock::codec {

/// One occurrence of a field: what it means its type says.
struct ProtobufField {
    enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

    std::int32_t number = 0;
    Wire wire = Wire::varint;
    std::uint64_t value = 0;   ///< varint, fixed64, fixed32
    std::string_view bytes;    ///< bytes
    std::size_t position = 0;  ///< where in the message it begins
};

class ProtobufReader {
public:
    explicit ProtobufReader(std::string_view message) : begin_(message.data()), left_(message) {}

    /// The next occurrence; groups are passed over. False: the message has ended, or ok() is false.
    bool next(ProtobufField& field) {
        while (ok_ && !left_.empty()) {
            field.position = std::size_t(left_.data() - begin_);
            std::uint64_t tag = 0;
            ok_ = read(tag) && number_of(tag) != 0 && tag <= UINT32_MAX;
            if (!ok_) return false;
            field.number = number_of(tag);
            if ((tag & 7) == start_group) {
                ok_ = pass_group(field.number);
                continue;
            }
            ok_ = read_payload(tag & 7, field);
            return ok_;
        }
        return false;
    }
    /// One value of a packed field.
    bool next_packed(ProtobufField::Wire wire, ProtobufField& field) {
        if (left_.empty() || !ok_) return false;
        ok_ = read_payload(std::uint64_t(wire), field);
        return ok_;
    }
    /// Whether everything so far was fields.
    bool ok() const { return ok_; }

private:
    static constexpr std::uint64_t start_group = 3, end_group = 4;

    static std::int32_t number_of(std::uint64_t tag) { return std::int32_t(tag >> 3); }

    bool read(std::uint64_t& value) {
        const auto* end = left_.data() + left_.size();
        const auto* behind = read_varint(left_.data(), end, value);
        if (behind == nullptr) return false;
        left_ = {behind, std::size_t(end - behind)};
        return true;
    }
    template <class Number>
    bool read_fixed(std::uint64_t& value) {
        static_assert(std::endian::native == std::endian::little);
        Number number = 0;
        if (left_.size() < sizeof number) return false;
        std::memcpy(&number, left_.data(), sizeof number);
        left_.remove_prefix(sizeof number);
        value = number;
        return true;
    }
    bool read_payload(std::uint64_t wire, ProtobufField& field) {
        field.wire = ProtobufField::Wire(wire);
        switch (field.wire) {
            case ProtobufField::Wire::varint:
                return read(field.value);
            case ProtobufField::Wire::fixed64:
                return read_fixed<std::uint64_t>(field.value);
            case ProtobufField::Wire::fixed32:
                return read_fixed<std::uint32_t>(field.value);
            case ProtobufField::Wire::bytes:
                break;
            default:
                return false;
        }
        std::uint64_t size = 0;
        if (!read(size) || size > left_.size()) return false;
        field.bytes = left_.substr(0, size);
        left_.remove_prefix(size);
        return true;
    }
    /// To the end of the group with that number, past those in it.
    bool pass_group(std::int32_t number) {
        constexpr int deepest = 100;
        std::int32_t open[deepest] = {number};
        for (int depth = 1; depth > 0;) {
            std::uint64_t tag = 0;
            ProtobufField passed;
            if (!read(tag) || number_of(tag) == 0) return false;
            if ((tag & 7) == start_group) {
                if (depth == deepest) return false;
                open[depth++] = number_of(tag);
            } else if ((tag & 7) == end_group) {
                if (open[--depth] != number_of(tag)) return false;
            } else if (!read_payload(tag & 7, passed)) {
                return false;
            }
        }
        return true;
    }

    const char* begin_;
    std::string_view left_;
    bool ok_ = true;
};

}  // namespace penstock::codec
