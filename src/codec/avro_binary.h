// Avro's binary encoding (specification 1.11), value by value; what stands where is the schema's business.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "codec/varint.h"

namespace penstock::codec {

/// Reads values one after another. Each read is false when the bytes end within the value, or are none of its
/// kind; then the reader is of no more use. Never reads past the end, and never allocates.
class AvroReader {
public:
    explicit AvroReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    bool read_long(std::int64_t& value) {
        at_ = read_zigzag(at_, end_, value);
        if (at_ != nullptr) return true;
        at_ = end_;
        return false;
    }
    bool read_int(std::int32_t& value) {
        std::int64_t wide = 0;
        if (!read_long(wide) || wide < INT32_MIN || wide > INT32_MAX) return false;
        value = std::int32_t(wide);
        return true;
    }
    bool read_boolean(bool& value) {
        if (at_ == end_ || std::uint8_t(*at_) > 1) return false;
        value = *at_++ == 1;
        return true;
    }
    bool read_float(float& value) {
        std::uint32_t bits = 0;
        if (!read_little_endian(bits)) return false;
        value = std::bit_cast<float>(bits);
        return true;
    }
    bool read_double(double& value) {
        std::uint64_t bits = 0;
        if (!read_little_endian(bits)) return false;
        value = std::bit_cast<double>(bits);
        return true;
    }
    /// bytes and string: a length and as many bytes. The view is into what is read.
    bool read_bytes(std::string_view& value) {
        std::int64_t size = 0;
        return read_long(size) && size >= 0 && read_fixed(std::uint64_t(size), value);
    }
    bool read_fixed(std::uint64_t size, std::string_view& value) {
        if (size > left()) return false;
        value = {at_, std::size_t(size)};
        at_ += size;
        return true;
    }
    /// The head of a block of an array or map: how many items follow; 0: no more blocks. bytes: how many they
    /// take, -1 when that is not said.
    bool read_block(std::int64_t& items, std::int64_t& bytes) {
        bytes = -1;
        if (!read_long(items)) return false;
        if (items >= 0) return true;
        if (items == INT64_MIN || !read_long(bytes) || bytes < 0) return false;
        items = -items;
        return true;
    }
    std::size_t left() const { return std::size_t(end_ - at_); }

private:
    template <class Bits>
    bool read_little_endian(Bits& bits) {
        static_assert(std::endian::native == std::endian::little);
        if (left() < sizeof bits) return false;
        std::memcpy(&bits, at_, sizeof bits);
        at_ += sizeof bits;
        return true;
    }

    const char* at_;
    const char* end_;
};

inline void append_avro_long(std::string& out, std::int64_t value) {
    append_varint(out, zigzag(value));
}
inline void append_avro_boolean(std::string& out, bool value) {
    out += value ? '\1' : '\0';
}
inline void append_avro_float(std::string& out, float value) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
}
inline void append_avro_double(std::string& out, double value) {
    auto bits = std::bit_cast<std::uint64_t>(value);
    out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
}
inline void append_avro_bytes(std::string& out, std::string_view bytes) {
    append_avro_long(out, std::int64_t(bytes.size()));
    out += bytes;
}

}  // namespace penstock::codec
