// How operators write their state: little-endian integers, texts with their length before them.
// docs/formats/checkpoint.md.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace penstock::stream {

class StateEncoder {
public:
    void byte(std::uint8_t value) { bytes_ += char(value); }
    void integer(std::int64_t value) { append(&value, sizeof value); }
    void real(double value) { append(&value, sizeof value); }
    void text(std::string_view value) {
        auto size = std::uint32_t(value.size());
        append(&size, sizeof size);
        bytes_ += value;
    }
    std::string take() { return std::move(bytes_); }
    std::string_view view() const { return bytes_; }
    void clear() { bytes_.clear(); }

private:
    void append(const void* from, std::size_t size) { bytes_.append(static_cast<const char*>(from), size); }
    std::string bytes_;
};

/// After the first fault ok() is false and everything reads as zero.
class StateDecoder {
public:
    explicit StateDecoder(std::string_view bytes) : bytes_(bytes) {}
    bool ok() const { return ok_; }
    bool done() const { return bytes_.empty(); }
    std::uint8_t byte() { return read<std::uint8_t>(); }
    std::int64_t integer() { return read<std::int64_t>(); }
    double real() { return read<double>(); }
    std::string_view text() {
        auto size = read<std::uint32_t>();
        if (size > bytes_.size()) ok_ = false;
        if (!ok_) return {};
        auto out = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return out;
    }

private:
    template <class T>
    T read() {
        T value{};
        if (bytes_.size() < sizeof value) ok_ = false;
        if (!ok_) return T{};
        std::memcpy(&value, bytes_.data(), sizeof value);
        bytes_.remove_prefix(sizeof value);
        return value;
    }
    std::string_view bytes_;
    bool ok_ = true;
};

/// Eight bytes whose order as bytes is the numbers' order.
inline std::string ordered_key(std::int64_t value) {
    auto bits = std::uint64_t(value) ^ (std::uint64_t(1) << 63);
    std::string out(8, '\0');
    for (int i = 7; i >= 0; --i, bits >>= 8) out[std::size_t(i)] = char(bits & 0xFF);
    return out;
}
inline std::int64_t value_of_ordered_key(std::string_view key) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(key[i]);
    return std::int64_t(bits ^ (std::uint64_t(1) << 63));
}

}  // namespace penstock::stream
