#include "store/clustering.h"

#include <algorithm>
#include <bit>

#include "store/bytes.h"
#include "store/nested_clustering.h"

namespace penstock::store {
namespace {

/// Number of bytes of a fixed-size encoding, or 0.
std::size_t fixed_size(Kind kind) {
    switch (kind) {
        case Kind::boolean:
        case Kind::tinyint:
            return 1;
        case Kind::smallint:
            return 2;
        case Kind::int_:
        case Kind::float_:
        case Kind::date:
            return 4;
        case Kind::bigint:
        case Kind::double_:
        case Kind::timestamp:
        case Kind::time:
            return 8;
        case Kind::uuid:
        case Kind::timeuuid:
            return 16;
        case Kind::ascii:
        case Kind::blob:
        case Kind::counter:
        case Kind::decimal:
        case Kind::text:
        case Kind::varint:
        case Kind::inet:
        case Kind::duration:
        case Kind::list:
        case Kind::map:
        case Kind::set:
        case Kind::tuple:
        case Kind::udt:
        case Kind::vector:
            return 0;
    }
    return 0;
}

/// Zero bytes become 00 FF, the end is 00 01: a shorter string sorts before its extensions.
void append_escaped(std::string& out, std::string_view bytes) {
    for (std::size_t start = 0;;) {
        auto zero = bytes.find('\0', start);
        out += bytes.substr(start, zero - start);
        if (zero == std::string_view::npos) break;
        out.append("\0\xFF", 2);
        start = zero + 1;
    }
    out.append("\0\x01", 2);
}

/// `flip` is FF for descending columns, whose bytes are all inverted.
bool take_escaped(std::string_view& encoded, char flip, std::string& value) {
    for (std::size_t at = 0; at + 1 < encoded.size(); ++at) {
        char c = char(encoded[at] ^ flip);
        if (c != 0) {
            value += c;
            continue;
        }
        char next = char(encoded[++at] ^ flip);
        if (next == '\x01') {
            encoded.remove_prefix(at + 1);
            return true;
        }
        if (next != '\xFF') return false;
        value += '\0';
    }
    return false;
}

/// IEEE numbers: positive ones get their sign bit set, negative ones are inverted; NaN is the greatest, as in
/// Java.
template <class Integer>
Integer ordered_float(Integer bits) {
    constexpr Integer sign = Integer(1) << (sizeof(Integer) * 8 - 1);
    return bits & sign ? Integer(~bits) : Integer(bits | sign);
}
template <class Integer>
Integer float_of_ordered(Integer ordered) {
    constexpr Integer sign = Integer(1) << (sizeof(Integer) * 8 - 1);
    return ordered & sign ? Integer(ordered ^ sign) : Integer(~ordered);
}

/// The time of a version 1 uuid as a number that sorts: high, middle and low part in this order.
std::uint64_t time_first(std::uint64_t high_bits) {
    return (high_bits << 48) | ((high_bits << 16) & 0x0000'FFFF'0000'0000ULL) | (high_bits >> 32);
}
std::uint64_t time_last(std::uint64_t ordered) {
    return (ordered << 32) | ((ordered >> 16) & 0xFFFF'0000ULL) | (ordered >> 48);
}

constexpr std::uint64_t signed_bytes = 0x8080'8080'8080'8080ULL;

/// timeuuid: by time, then by the lower half's bytes as signed numbers (as Cassandra's TimeUUIDType).
/// uuid: by version first; version 1 by time, the others by their bytes (as its UUIDType).
void encode_uuid(char* at, Kind kind, std::string_view value) {
    auto high = load_big_endian<std::uint64_t>(value.data());
    auto low = load_big_endian<std::uint64_t>(value.data() + 8);
    auto version = (high >> 12) & 0xF;
    if (kind == Kind::timeuuid) {
        store_big_endian(at, time_first(high));
        store_big_endian(at + 8, low ^ signed_bytes);
    } else {
        // The version nibble moves to the front; the rest follows without it.
        auto ordered = version == 1 ? time_first(high) : high;
        auto rest = version == 1 ? ordered & 0x0FFF'FFFF'FFFF'FFFFULL
                                 : ((ordered >> 4) & 0x0FFF'FFFF'FFFF'F000ULL) | (ordered & 0xFFF);
        store_big_endian(at, (version << 60) | rest);
        store_big_endian(at + 8, low);
    }
}

void decode_uuid(char* at, Kind kind, const char* encoded) {
    auto high = load_big_endian<std::uint64_t>(encoded);
    auto low = load_big_endian<std::uint64_t>(encoded + 8);
    if (kind == Kind::timeuuid) {
        store_big_endian(at, time_last(high));
        store_big_endian(at + 8, low ^ signed_bytes);
        return;
    }
    auto version = high >> 60;
    auto rest = high & 0x0FFF'FFFF'FFFF'FFFFULL;
    if (version == 1)
        high = time_last(rest | (version << 60));
    else
        high = ((rest & 0x0FFF'FFFF'FFFF'F000ULL) << 4) | (version << 12) | (rest & 0xFFF);
    store_big_endian(at, high);
    store_big_endian(at + 8, low);
}

void encode_fixed(char* at, Kind kind, std::string_view value) {
    switch (kind) {
        case Kind::uuid:
        case Kind::timeuuid:
            return encode_uuid(at, kind, value);
        case Kind::float_: {
            auto bits = load_big_endian<std::uint32_t>(value.data());
            if ((bits & 0x7FFF'FFFFU) > 0x7F80'0000U) bits = 0x7FC0'0000U;
            store_big_endian(at, ordered_float(bits));
            return;
        }
        case Kind::double_: {
            auto bits = load_big_endian<std::uint64_t>(value.data());
            if ((bits & 0x7FFF'FFFF'FFFF'FFFFULL) > 0x7FF0'0000'0000'0000ULL) bits = 0x7FF8'0000'0000'0000ULL;
            store_big_endian(at, ordered_float(bits));
            return;
        }
        default:
            std::memcpy(at, value.data(), value.size());
            // Signed numbers: the sign bit inverted. A date is unsigned and a boolean 0 or 1 as they are.
            if (kind != Kind::date && kind != Kind::boolean) at[0] = char(at[0] ^ 0x80);
    }
}

void decode_fixed(char* at, Kind kind, const char* encoded, std::size_t size) {
    switch (kind) {
        case Kind::uuid:
        case Kind::timeuuid:
            return decode_uuid(at, kind, encoded);
        case Kind::float_:
            store_big_endian(at, float_of_ordered(load_big_endian<std::uint32_t>(encoded)));
            return;
        case Kind::double_:
            store_big_endian(at, float_of_ordered(load_big_endian<std::uint64_t>(encoded)));
            return;
        default:
            std::memcpy(at, encoded, size);
            if (kind != Kind::date && kind != Kind::boolean) at[0] = char(at[0] ^ 0x80);
    }
}

/// sign (0 negative, 1 not), length (inverted when negative), minimal two's complement.
void append_varint_key(std::string& out, std::string_view value) {
    while (value.size() > 1 && ((value[0] == 0 && value[1] >= 0) || (value[0] == -1 && value[1] < 0)))
        value.remove_prefix(1);
    bool negative = !value.empty() && value[0] < 0;
    auto size = std::uint32_t(value.size());
    out += negative ? '\0' : '\x01';
    append_big_endian(out, negative ? ~size : size);
    out += value;
}

bool take_varint_key(std::string_view& encoded, char flip, std::string& value) {
    if (encoded.size() < 5) return false;
    bool negative = char(encoded[0] ^ flip) == 0;
    auto size = load_big_endian<std::uint32_t>(encoded.data() + 1);
    if (flip != 0) size = ~size;
    if (negative) size = ~size;
    if (encoded.size() - 5 < size) return false;
    for (char c : encoded.substr(5, size)) value += char(c ^ flip);
    encoded.remove_prefix(5 + size);
    return true;
}

constexpr char no_value = '\x00';
constexpr char some_value = '\x01';

}  // namespace

std::size_t fixed_size_of(const DataType& type) {
    return fixed_size(type.kind);
}

bool can_cluster(const DataType& type) {
    return fixed_size(type.kind) > 0 || type.kind == Kind::ascii || type.kind == Kind::text ||
           type.kind == Kind::blob || type.kind == Kind::inet || type.kind == Kind::varint ||
           can_cluster_nested(type);
}

void append_clustering(std::string& out, const DataType& type, bool descending, std::string_view value) {
    auto start = out.size();
    // Old clients may write empty bytes where a number is expected; such a value sorts as zero.
    if (auto size = fixed_size(type.kind)) {
        char zeros[16] = {};
        if (value.size() != size) value = {zeros, size};
        char encoded[16];
        encode_fixed(encoded, type.kind, value);
        out.append(encoded, size);
    } else if (type.kind == Kind::varint) {
        append_varint_key(out, value);
    } else if (can_cluster_nested(type)) {
        append_nested(out, type, value);
    } else {
        append_escaped(out, value);
    }
    if (descending)
        for (auto i = start; i < out.size(); ++i) out[i] = char(~out[i]);
}

bool take_clustering(std::string_view& encoded, const DataType& type, bool descending, std::string& value) {
    char flip = descending ? '\xFF' : '\0';
    if (auto size = fixed_size(type.kind)) {
        if (encoded.size() < size) return false;
        char flipped[16];
        for (std::size_t i = 0; i < size; ++i) flipped[i] = char(encoded[i] ^ flip);
        char decoded[16];
        decode_fixed(decoded, type.kind, flipped, size);
        value.append(decoded, size);
        encoded.remove_prefix(size);
        return true;
    }
    if (type.kind == Kind::varint) return take_varint_key(encoded, flip, value);
    if (can_cluster_nested(type)) return take_nested(encoded, type, flip, value);
    return take_escaped(encoded, flip, value);
}

void append_clustering(std::string& out, const ColumnDefinition& column,
                       const std::optional<std::string_view>& value) {
    if (column.nullable) out += value ? some_value : no_value;
    if (value) append_clustering(out, column.type, column.descending, *value);
}

bool take_clustering(std::string_view& encoded, const ColumnDefinition& column,
                     std::optional<std::string>& value) {
    if (column.nullable) {
        if (encoded.empty()) return false;
        char tag = encoded.front();
        encoded.remove_prefix(1);
        if (tag == no_value) {
            value.reset();
            return true;
        }
    }
    // The room that the last row's value took is used again.
    if (value)
        value->clear();
    else
        value.emplace();
    return take_clustering(encoded, column.type, column.descending, *value);
}

}  // namespace penstock::store
