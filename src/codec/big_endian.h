// Integers as network protocols and our files write them: most significant byte first.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace penstock::codec {

template <class T>
    requires std::is_integral_v<T>
T load_big(const char* from) {
    std::make_unsigned_t<T> value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::little && sizeof value > 1)
        value = std::byteswap(value);
    return T(value);
}

template <class T>
    requires std::is_integral_v<T>
void store_big(char* to, T value) {
    auto raw = std::make_unsigned_t<T>(value);
    if constexpr (std::endian::native == std::endian::little && sizeof raw > 1) raw = std::byteswap(raw);
    std::memcpy(to, &raw, sizeof raw);
}

template <class T>
    requires std::is_integral_v<T>
void append_big(std::string& out, T value) {
    char bytes[sizeof value];
    store_big(bytes, value);
    out.append(bytes, sizeof bytes);
}

}  // namespace penstock::codec
