// The notations of the native protocol (native_protocol_v5.spec, section 3) read from and appended to bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penstock::wire::cql {

template <class Integer>
void append_integer(std::string& out, Integer value) {
    using Unsigned = std::make_unsigned_t<Integer>;
    auto bits = std::endian::native == std::endian::little ? std::byteswap(Unsigned(value)) : Unsigned(value);
    char bytes[sizeof bits];
    std::memcpy(bytes, &bits, sizeof bits);
    out.append(bytes, sizeof bytes);
}
inline void append_int(std::string& out, std::int32_t value) {
    append_integer(out, value);
}
inline void append_short(std::string& out, std::uint16_t value) {
    append_integer(out, value);
}
/// Texts longer than 65535 bytes are cut: the protocol cannot say them.
inline void append_string(std::string& out, std::string_view text) {
    text = text.substr(0, 65535);
    append_short(out, std::uint16_t(text.size()));
    out += text;
}
inline void append_short_bytes(std::string& out, std::string_view bytes) {
    append_string(out, bytes);
}
inline void append_bytes(std::string& out, std::string_view bytes) {
    append_int(out, std::int32_t(bytes.size()));
    out += bytes;
}
inline void append_null_bytes(std::string& out) {
    append_int(out, -1);
}
inline void append_string_list(std::string& out, const std::vector<std::string>& list) {
    append_short(out, std::uint16_t(list.size()));
    for (const auto& text : list) append_string(out, text);
}

/// Takes values off the front of a body. After the first fault ok() is false and everything read is empty; no
/// value reaches beyond the body, so nothing that is announced can make us allocate more than was sent.
class BodyReader {
public:
    explicit BodyReader(std::string_view body) : rest_(body) {}

    bool ok() const { return ok_; }
    std::string_view rest() const { return rest_; }

    template <class Integer>
    Integer integer() {
        using Unsigned = std::make_unsigned_t<Integer>;
        auto bytes = take(sizeof(Integer));
        if (!ok_) return Integer{};
        Unsigned bits;
        std::memcpy(&bits, bytes.data(), sizeof bits);
        return Integer(std::endian::native == std::endian::little ? std::byteswap(bits) : bits);
    }
    std::uint8_t byte() { return integer<std::uint8_t>(); }
    std::uint16_t short_integer() { return integer<std::uint16_t>(); }
    std::int32_t int_integer() { return integer<std::int32_t>(); }
    std::int64_t long_integer() { return integer<std::int64_t>(); }
    std::string_view string() { return take(short_integer()); }
    std::string_view short_bytes() { return take(short_integer()); }
    std::string_view long_string() {
        auto size = int_integer();
        return size < 0 ? fail() : take(std::size_t(size));
    }
    /// present is false for null.
    std::string_view bytes(bool& present) {
        auto size = int_integer();
        present = ok_ && size >= 0;
        return present ? take(std::size_t(size)) : std::string_view();
    }
    std::vector<std::string> string_list() {
        std::vector<std::string> out;
        for (auto count = short_integer(); count > 0 && ok_; --count) out.emplace_back(string());
        return out;
    }
    std::map<std::string, std::string> string_map() {
        std::map<std::string, std::string> out;
        for (auto count = short_integer(); count > 0 && ok_; --count) {
            std::string key(string());
            out[std::move(key)] = string();
        }
        return out;
    }
    void skip_bytes_map() {
        for (auto count = short_integer(); count > 0 && ok_; --count) {
            bool present = false;
            string();
            bytes(present);
        }
    }

private:
    std::string_view take(std::size_t size) {
        if (!ok_ || rest_.size() < size) return fail();
        auto out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    std::string_view fail() {
        ok_ = false;
        rest_ = {};
        return {};
    }

    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace penstock::wire::cql
