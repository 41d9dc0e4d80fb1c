// Big-endian integers and length-prefixed bytes, as keys, cells and CQL values use them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace penstock::store {

template <class Integer>
Integer big_endian(Integer value) {
    using Unsigned = std::make_unsigned_t<Integer>;
    if constexpr (std::endian::native == std::endian::little)
        return Integer(std::byteswap(Unsigned(value)));
    else
        return value;
}

template <class Integer>
char* store_big_endian(char* at, Integer value) {
    value = big_endian(value);
    std::memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

template <class Integer>
void append_big_endian(std::string& out, Integer value) {
    char bytes[sizeof(Integer)];
    store_big_endian(bytes, value);
    out.append(bytes, sizeof bytes);
}

template <class Integer>
Integer load_big_endian(const char* at) {
    Integer value;
    std::memcpy(&value, at, sizeof value);
    return big_endian(value);
}

/// Little-endian base 128, at most 5 bytes.
inline char* store_varint(char* at, std::uint32_t value) {
    while (value >= 0x80) {
        *at++ = char(value | 0x80);
        value >>= 7;
    }
    *at++ = char(value);
    return at;
}
inline void append_varint(std::string& out, std::uint32_t value) {
    char bytes[5];
    out.append(bytes, std::size_t(store_varint(bytes, value) - bytes));
}

/// Takes values off the front of a view. After the first fault ok is false and everything read is zero or
/// empty.
struct ByteReader {
    std::string_view rest;
    bool ok = true;

    template <class Integer>
    Integer fixed() {
        if (!ok || rest.size() < sizeof(Integer)) return failed<Integer>();
        auto value = load_big_endian<Integer>(rest.data());
        rest.remove_prefix(sizeof(Integer));
        return value;
    }
    std::uint32_t varint() {
        // Most are numbers of columns and short lengths.
        if (ok && !rest.empty() && static_cast<unsigned char>(rest.front()) < 0x80) {
            auto small = static_cast<unsigned char>(rest.front());
            rest.remove_prefix(1);
            return small;
        }
        std::uint32_t value = 0;
        for (int shift = 0; shift < 35; shift += 7) {
            if (!ok || rest.empty()) return failed<std::uint32_t>();
            auto byte = static_cast<unsigned char>(rest.front());
            rest.remove_prefix(1);
            value |= std::uint32_t(byte & 0x7F) << shift;
            if (byte < 0x80) return value;
        }
        return failed<std::uint32_t>();
    }
    std::string_view bytes(std::size_t size) {
        if (!ok || rest.size() < size) {
            ok = false;
            rest = {};
            return {};
        }
        auto out = rest.substr(0, size);
        rest.remove_prefix(size);
        return out;
    }
    std::string_view text() { return bytes(varint()); }

private:
    template <class Integer>
    Integer failed() {
        ok = false;
        rest = {};
        return Integer{};
    }
};

inline void append_text(std::string& out, std::string_view text) {
    append_varint(out, std::uint32_t(text.size()));
    out += text;
}

}  // namespace penstock::store
