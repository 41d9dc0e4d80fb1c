#include "store/vector_value.h"

#include <bit>
#include <cmath>

#include "store/bytes.h"

namespace penstock::store {
namespace {

/// Bytes of each element; 0: each has a length of its own.
std::size_t fixed_size(const DataType& type) {
    switch (type.kind) {
        case Kind::boolean:
            return 1;
        case Kind::int_:
        case Kind::float_:
            return 4;
        case Kind::bigint:
        case Kind::double_:
        case Kind::timestamp:
            return 8;
        case Kind::uuid:
        case Kind::timeuuid:
            return 16;
        case Kind::vector:
            return fixed_size(type.parameters[0]) * type.dimension;
        default:
            return 0;  // tinyint, smallint, date and time, too: Cassandra gives these a length
    }
}

/// Cassandra's unsigned vint: as many ones lead the first byte as bytes follow it.
void append_length(std::string& out, std::uint64_t value) {
    int extra = 0;
    while (extra < 8 && value >> (7 * (extra + 1)) != 0) ++extra;
    char bytes[9];
    for (int i = extra; i >= 0; --i) {
        bytes[i] = char(value);
        value >>= 8;
    }
    bytes[0] = char(static_cast<unsigned char>(bytes[0]) | (0xFF00 >> extra & 0xFF));
    out.append(bytes, std::size_t(extra) + 1);
}

std::uint64_t take_length(ByteReader& reader) {
    auto first = reader.fixed<std::uint8_t>();
    int extra = std::countl_one(first);
    std::uint64_t value = extra >= 8 ? 0 : first & (0xFF >> extra);
    for (int i = 0; i < extra; ++i) value = value << 8 | reader.fixed<std::uint8_t>();
    return value;
}

std::string_view simple_class(Kind kind) {
    switch (kind) {
        case Kind::ascii:
            return "AsciiType";
        case Kind::bigint:
            return "LongType";
        case Kind::blob:
            return "BytesType";
        case Kind::boolean:
            return "BooleanType";
        case Kind::counter:
            return "CounterColumnType";
        case Kind::decimal:
            return "DecimalType";
        case Kind::double_:
            return "DoubleType";
        case Kind::float_:
            return "FloatType";
        case Kind::int_:
            return "Int32Type";
        case Kind::timestamp:
            return "TimestampType";
        case Kind::uuid:
            return "UUIDType";
        case Kind::text:
            return "UTF8Type";
        case Kind::varint:
            return "IntegerType";
        case Kind::timeuuid:
            return "TimeUUIDType";
        case Kind::inet:
            return "InetAddressType";
        case Kind::date:
            return "SimpleDateType";
        case Kind::time:
            return "TimeType";
        case Kind::smallint:
            return "ShortType";
        case Kind::tinyint:
            return "ByteType";
        case Kind::duration:
            return "DurationType";
        case Kind::list:
            return "ListType";
        case Kind::map:
            return "MapType";
        case Kind::set:
            return "SetType";
        case Kind::tuple:
            return "TupleType";
        case Kind::udt:
            return "UserType";
        case Kind::vector:
            return "VectorType";
    }
    return "BytesType";
}

std::string hex(std::string_view text) {
    std::string out;
    for (unsigned char c : text) out += fmt::format("{:02x}", c);
    return out;
}

float float_at(std::string_view bytes, std::size_t i) {
    return std::bit_cast<float>(load_big_endian<std::uint32_t>(bytes.data() + 4 * i));
}

}  // namespace

bool split_vector(const DataType& type, std::string_view value, std::vector<std::string_view>& elements) {
    elements.clear();
    auto size = fixed_size(type.parameters[0]);
    ByteReader reader{value};
    for (std::uint32_t i = 0; i < type.dimension && reader.ok; ++i)
        elements.push_back(reader.bytes(size > 0 ? size : take_length(reader)));
    return reader.ok && reader.rest.empty();
}

void append_vector_element(std::string& out, const DataType& element_type, std::string_view element) {
    if (fixed_size(element_type) == 0) append_length(out, element.size());
    out += element;
}

std::string marshal_class(const DataType& type) {
    auto out = fmt::format("org.apache.cassandra.db.marshal.{}", simple_class(type.kind));
    if (type.kind == Kind::vector)
        return fmt::format("{}({} , {})", out, marshal_class(type.parameters[0]), type.dimension);
    if (!type.parameters.empty()) {
        std::string parts;
        if (type.kind == Kind::udt && type.user)
            parts = fmt::format("{},{}", type.user->keyspace, hex(type.user->name));
        for (std::size_t i = 0; i < type.parameters.size(); ++i) {
            if (!parts.empty()) parts += ',';
            if (type.kind == Kind::udt && type.user) parts += hex(type.user->fields[i]) + ":";
            parts += marshal_class(type.parameters[i]);
        }
        out += "(" + parts + ")";
    }
    if (type.frozen) out = "org.apache.cassandra.db.marshal.FrozenType(" + out + ")";
    return out;
}

std::optional<Kind> kind_of_class(std::string_view name) {
    using enum Kind;
    for (auto kind : {ascii,     bigint,   blob, boolean, counter,  decimal, double_, float_, int_,
                      timestamp, uuid,     text, varint,  timeuuid, inet,    date,    time,   smallint,
                      tinyint,   duration, list, map,     set,      tuple,   udt,     vector})
        if (simple_class(kind) == name) return kind;
    return std::nullopt;
}

std::optional<Similarity> similarity_of(std::string_view name) {
    std::string lower(name);
    for (auto& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
    if (lower == "cosine") return Similarity::cosine;
    if (lower == "euclidean") return Similarity::euclidean;
    if (lower == "dot_product") return Similarity::dot_product;
    return std::nullopt;
}

std::optional<float> similarity(Similarity by, std::string_view a, std::string_view b) {
    auto count = std::min(a.size(), b.size()) / 4;
    double dot = 0, of_a = 0, of_b = 0, apart = 0;
    for (std::size_t i = 0; i < count; ++i) {
        double x = float_at(a, i), y = float_at(b, i);
        dot += x * y;
        of_a += x * x;
        of_b += y * y;
        apart += (x - y) * (x - y);
    }
    switch (by) {
        case Similarity::cosine:
            if (of_a == 0 || of_b == 0) return std::nullopt;
            return float((1 + dot / std::sqrt(of_a * of_b)) / 2);
        case Similarity::euclidean:
            return float(1 / (1 + apart));
        case Similarity::dot_product:
            return float((1 + dot) / 2);
    }
    return std::nullopt;
}

}  // namespace penstock::store
