// How fields of Kafka's messages are written: classic, or flexible (compact lengths and tagged fields,
// KIP-482).
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "codec/big_endian.h"
#include "codec/uuid.h"
#include "codec/varint.h"
#include "wire/kafka/error_code.h"

namespace penstock::wire::kafka {

using Bytes = std::vector<std::uint8_t>;

/// Record batches: a view into the request when decoded; to encode, into bytes that live as long. Null is
/// empty.
struct Records {
    std::string_view bytes;
    bool operator==(const Records&) const = default;
};

/// Records of a message that are sent from where they are, and not copied into it.
struct Outside {
    std::size_t at;  ///< the bytes come before this byte of the message
    std::string_view bytes;
};

struct ApiInfo {
    std::int16_t key;
    std::string_view name;
    std::int16_t low, high;  ///< versions
    std::int16_t flexible;   ///< the first flexible version
};

/// A field that is written only when it is not `absent`, with its number.
template <class T, class Absent>
struct Tag {
    std::uint32_t number;
    bool present;  ///< in this version
    T& value;
    Absent absent;
};
template <class T, class Absent>
Tag<T, Absent> tag(std::uint32_t number, bool present, T& value, Absent absent) {
    return {number, present, value, std::move(absent)};
}

namespace detail {
enum class Width { two, four };  // bytes of a classic length
template <class T>
constexpr Width width_of = std::is_same_v<T, std::string> ? Width::two : Width::four;
template <class T>
concept Number = std::is_integral_v<T> || std::is_enum_v<T> || std::is_same_v<T, double>;
template <class T, class Codec>
concept Visited = requires(T& x, Codec& codec) { T::visit(x, codec, std::int16_t(0)); };
}  // namespace detail

/// Appends to out. Strings above 32767 bytes are cut in classic versions, as these cannot say their length.
class Encoder {
public:
    /// outside: null when all records are to be copied.
    Encoder(std::string& out, bool flexible, std::vector<Outside>* outside = nullptr)
        : out_(out), flexible_(flexible), outside_(outside) {}

    template <detail::Number T>
    void value(const T& x) {
        if constexpr (std::is_enum_v<T>)
            codec::append_big(out_, std::underlying_type_t<T>(x));
        else if constexpr (std::is_same_v<T, bool>)
            out_ += char(x);
        else if constexpr (std::is_same_v<T, double>)
            codec::append_big(out_, std::bit_cast<std::uint64_t>(x));
        else
            codec::append_big(out_, x);
    }
    void value(const codec::Uuid& x) {
        out_.append(reinterpret_cast<const char*>(x.bytes.data()), x.bytes.size());
    }
    void value(const std::string& x) {
        auto size = flexible_ ? x.size() : std::min<std::size_t>(x.size(), INT16_MAX);
        length(std::int64_t(size), detail::Width::two);
        out_.append(x, 0, size);
    }
    void value(const Bytes& x) {
        length(std::int64_t(x.size()), detail::Width::four);
        out_.append(reinterpret_cast<const char*>(x.data()), x.size());
    }
    void value(const Records& x) {
        length(std::int64_t(x.bytes.size()), detail::Width::four);
        if (outside_ != nullptr && x.bytes.size() >= worth_leaving_outside)
            outside_->push_back({out_.size(), x.bytes});
        else
            out_ += x.bytes;
    }
    template <class T>
        requires(!std::is_same_v<T, std::uint8_t>)
    void value(const std::vector<T>& xs) {
        array(xs, [this](const T& each) { value(each); });
    }
    /// nullable: whether this version can say null; an older one gets an empty value.
    template <class T>
    void value(const std::optional<T>& x, bool nullable = true) {
        if (x)
            value(*x);
        else
            length(nullable ? -1 : 0, detail::width_of<T>);
    }
    template <class T, class Each>
    void array(const std::vector<T>& xs, Each each) {
        length(std::int64_t(xs.size()), detail::Width::four);
        for (const auto& x : xs) each(x);
    }
    template <class T, class Each>
    void array(const std::optional<std::vector<T>>& xs, Each each) {
        array(xs, true, each);
    }
    template <class T, class Each>
    void array(const std::optional<std::vector<T>>& xs, bool nullable, Each each) {
        if (xs)
            array(*xs, each);
        else
            length(nullable ? -1 : 0, detail::Width::four);
    }
    /// A struct that may be absent.
    template <class T, class Each>
    void object(const std::optional<T>& x, Each each) {
        value(std::int8_t(x ? 1 : -1));
        if (x) each(*x);
    }
    /// A struct behind a tag.
    template <detail::Visited<Encoder> T>
    void value(const T& x) {
        T::visit(x, *this, INT16_MAX);
    }
    template <class... Tags>
    void tags(const Tags&... tags) {
        if (!flexible_) return;
        codec::append_varint(out_, std::uint64_t((0 + ... + int(is_written(tags)))));
        (one_tag(tags), ...);
    }

private:
    template <class T>
    static bool is_written(const T& tag) {
        return tag.present && !(tag.value == tag.absent);
    }
    template <class T>
    void one_tag(const T& tag) {
        if (!is_written(tag)) return;
        std::string body;
        Encoder(body, true).value(tag.value);
        codec::append_varint(out_, tag.number);
        codec::append_varint(out_, body.size());
        out_ += body;
    }
    void length(std::int64_t size, detail::Width width) {
        if (flexible_)
            codec::append_varint(out_, std::uint64_t(size + 1));
        else if (width == detail::Width::two)
            codec::append_big(out_, std::int16_t(size));
        else
            codec::append_big(out_, std::int32_t(size));
    }

    static constexpr std::size_t worth_leaving_outside = 2048;

    std::string& out_;
    bool flexible_;
    std::vector<Outside>* outside_;
};

/// Never throws and never reads past the end: after the first fault ok() is false and every value is empty.
/// Takes at most a million array elements from one message, so that a small message cannot ask for much
/// memory.
class Decoder {
public:
    Decoder(std::string_view in, bool flexible)
        : at_(in.data()), end_(in.data() + in.size()), flexible_(flexible) {}
    bool ok() const { return ok_; }
    std::string_view left() const { return {at_, std::size_t(end_ - at_)}; }

    template <detail::Number T>
    void value(T& x) {
        if constexpr (std::is_enum_v<T>)
            x = T(number<std::underlying_type_t<T>>());
        else if constexpr (std::is_same_v<T, bool>)
            x = number<std::int8_t>() != 0;
        else if constexpr (std::is_same_v<T, double>)
            x = std::bit_cast<double>(number<std::uint64_t>());
        else
            x = number<T>();
    }
    void value(codec::Uuid& x) {
        auto bytes = take(std::int64_t(x.bytes.size()));
        if (bytes.size() == x.bytes.size()) std::memcpy(x.bytes.data(), bytes.data(), bytes.size());
    }
    void value(std::string& x) { x = take(length(detail::Width::two)); }
    void value(Bytes& x) {
        auto bytes = take(length(detail::Width::four));
        x.assign(bytes.begin(), bytes.end());
    }
    void value(Records& x) { x.bytes = take(length(detail::Width::four)); }
    template <class T>
        requires(!std::is_same_v<T, std::uint8_t>)
    void value(std::vector<T>& xs) {
        array(xs, [this](T& each) { value(each); });
    }
    template <class T>
        requires(std::is_same_v<T, std::string> || std::is_same_v<T, Bytes>)
    void value(std::optional<T>& x, bool = true) {
        auto size = length(detail::width_of<T>);
        x.reset();
        if (size < 0) return;
        auto bytes = take(size);
        x.emplace(bytes.begin(), bytes.end());
    }
    template <class T>
        requires(!std::is_same_v<T, std::uint8_t>)
    void value(std::optional<std::vector<T>>& xs, bool = true) {
        array(xs, [this](T& each) { value(each); });
    }
    template <class T, class Each>
    void array(std::vector<T>& xs, Each each) {
        elements(xs, length(detail::Width::four), each);
    }
    template <class T, class Each>
    void array(std::optional<std::vector<T>>& xs, Each each) {
        auto size = length(detail::Width::four);
        xs.reset();
        if (size >= 0) elements(xs.emplace(), size, each);
    }
    template <class T, class Each>
    void array(std::optional<std::vector<T>>& xs, bool, Each each) {
        array(xs, each);
    }
    template <class T, class Each>
    void object(std::optional<T>& x, Each each) {
        x.reset();
        if (number<std::int8_t>() >= 0 && ok_)
            each(x.emplace(T{}));  // T is not complete where its emplace() is
    }
    template <detail::Visited<Decoder> T>
    void value(T& x) {
        T::visit(x, *this, INT16_MAX);
    }
    template <class... Tags>
    void tags(Tags... tags) {
        if (!flexible_) return;
        for (auto count = varint(); ok_ && count > 0; --count) {
            [[maybe_unused]] auto number = varint();
            [[maybe_unused]] auto body = take(std::int64_t(varint()));
            (one_tag(tags, number, body), ...);
        }
    }

private:
    template <class T>
    void one_tag(T& tag, std::uint32_t number, std::string_view body) {
        if (tag.number != number) return;
        Decoder inner(body, true);
        inner.value(tag.value);
        if (!inner.ok_) fail();
    }
    template <class T, class Each>
    void elements(std::vector<T>& xs, std::int64_t count, Each each) {
        xs.clear();
        if (count > end_ - at_ || count > elements_left_) return fail();  // each takes a byte
        if (count > 0) elements_left_ -= count;
        for (std::int64_t i = 0; ok_ && i < count; ++i) each(xs.emplace_back());
    }
    template <class T>
    T number() {
        auto bytes = take(sizeof(T));
        return bytes.size() == sizeof(T) ? codec::load_big<T>(bytes.data()) : T(0);
    }
    std::int64_t length(detail::Width width) {
        if (flexible_) return std::int64_t(varint()) - 1;
        return width == detail::Width::two ? number<std::int16_t>() : number<std::int32_t>();
    }
    std::uint32_t varint() {
        std::uint64_t x = 0;
        const char* next = codec::read_varint(at_, end_, x);
        if (!next || x > UINT32_MAX) {
            fail();
            return 0;
        }
        at_ = next;
        return std::uint32_t(x);
    }
    std::string_view take(std::int64_t size) {
        if (size <= 0) return {};
        if (size > end_ - at_) {
            fail();
            return {};
        }
        std::string_view bytes(at_, std::size_t(size));
        at_ += size;
        return bytes;
    }
    void fail() {
        ok_ = false;
        at_ = end_;
    }

    const char* at_;
    const char* end_;
    std::int64_t elements_left_ = 1'000'000;
    bool flexible_;
    bool ok_ = true;
};

/// Decodes a message from the front of bytes; false when it is damaged or too short. Bytes behind it are left
/// alone, as Kafka leaves them: librdkafka 2.16 sends three too many behind a Metadata 13 request for all
/// topics.
template <class Message>
bool decode_front(std::string_view bytes, std::int16_t version, Message& message) {
    Decoder decoder(bytes, version >= Message::api.flexible);
    message.decode(decoder, version);
    return decoder.ok();
}

/// Decodes a whole message; false when it is damaged, too short or has bytes left.
template <class Message>
bool decode(std::string_view bytes, std::int16_t version, Message& message) {
    Decoder decoder(bytes, version >= Message::api.flexible);
    message.decode(decoder, version);
    return decoder.ok() && decoder.left().empty();
}

template <class Message>
void encode(const Message& message, std::int16_t version, std::string& out,
            std::vector<Outside>* outside = nullptr) {
    Encoder encoder(out, version >= Message::api.flexible, outside);
    message.encode(encoder, version);
}

}  // namespace penstock::wire::kafka
