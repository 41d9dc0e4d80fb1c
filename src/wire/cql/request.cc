#include "wire/cql/request.h"

#include <array>

#include "wire/cql/primitives.h"

namespace penstock::wire::cql {
namespace {

namespace query_flag {
constexpr std::uint32_t values = 0x01;
constexpr std::uint32_t skip_metadata = 0x02;
constexpr std::uint32_t page_size = 0x04;
constexpr std::uint32_t paging_state = 0x08;
constexpr std::uint32_t serial_consistency = 0x10;
constexpr std::uint32_t timestamp = 0x20;
constexpr std::uint32_t names = 0x40;
constexpr std::uint32_t keyspace = 0x80;
constexpr std::uint32_t now_seconds = 0x100;
}  // namespace query_flag

BoundValue read_value(BodyReader& reader, int version) {
    auto size = reader.int_integer();
    if (size == -2 && version >= 4) return {BoundValue::State::unset, {}};
    if (size < 0) return {BoundValue::State::null, {}};
    if (!reader.ok() || reader.rest().size() < std::size_t(size)) {
        reader = BodyReader({});
        reader.byte();  // makes it fail
        return {};
    }
    BoundValue out{BoundValue::State::set, reader.rest().substr(0, std::size_t(size))};
    reader = BodyReader(reader.rest().substr(std::size_t(size)));
    return out;
}

void read_values(BodyReader& reader, int version, bool named, std::vector<BoundValue>& values,
                 std::vector<std::string_view>& names) {
    for (auto count = reader.short_integer(); count > 0 && reader.ok(); --count) {
        if (named) names.push_back(reader.string());
        values.push_back(read_value(reader, version));
    }
}

std::uint32_t read_flags(BodyReader& reader, int version) {
    return version >= 5 ? reader.integer<std::uint32_t>() : reader.byte();
}

/// What stands behind the values, in QUERY, EXECUTE and BATCH alike.
void read_tail(BodyReader& reader, int version, std::uint32_t flags, QueryParameters& out) {
    if (flags & query_flag::serial_consistency) out.serial_consistency = reader.short_integer();
    if (flags & query_flag::timestamp) out.timestamp_us = reader.long_integer();
    if (version < 5) return;
    if (flags & query_flag::keyspace) out.keyspace = reader.string();
    if (flags & query_flag::now_seconds) out.now_seconds = reader.integer<std::uint32_t>();
}

QueryParameters read_parameters(BodyReader& reader, int version) {
    QueryParameters out;
    out.consistency = reader.short_integer();
    auto flags = read_flags(reader, version);
    if (flags & query_flag::values)
        read_values(reader, version, (flags & query_flag::names) != 0, out.values, out.names);
    out.skip_metadata = (flags & query_flag::skip_metadata) != 0;
    if (flags & query_flag::page_size) out.page_size = reader.int_integer();
    if (flags & query_flag::paging_state) {
        bool present = false;
        auto state = reader.bytes(present);
        if (present) out.paging_state = state;
    }
    read_tail(reader, version, flags, out);
    return out;
}

Prepare read_prepare(BodyReader& reader, int version) {
    Prepare out;
    out.text = reader.long_string();
    if (version >= 5 && (reader.integer<std::uint32_t>() & 1) != 0) out.keyspace = reader.string();
    return out;
}

Execute read_execute(BodyReader& reader, int version) {
    Execute out;
    out.id = reader.short_bytes();
    if (version >= 5) out.result_metadata_id = reader.short_bytes();
    out.parameters = read_parameters(reader, version);
    return out;
}

Result<BatchRequest> read_batch(BodyReader& reader, int version) {
    BatchRequest out;
    auto kind = reader.byte();
    if (kind > 2) return fail(Errc::invalid, "Invalid BATCH message type {}", kind);
    out.kind = BatchRequest::Kind(kind);
    for (auto count = reader.short_integer(); count > 0 && reader.ok(); --count) {
        BatchItem item;
        auto what = reader.byte();
        if (what > 1)
            return fail(Errc::invalid, "Invalid query kind in BATCH messages. Must be 0 or 1 but got {}",
                        what);
        item.prepared = what == 1;
        item.text_or_id = item.prepared ? reader.short_bytes() : reader.long_string();
        std::vector<std::string_view> no_names;
        read_values(reader, version, false, item.values, no_names);
        out.items.push_back(std::move(item));
    }
    out.parameters.consistency = reader.short_integer();
    auto flags = read_flags(reader, version);
    if (flags & query_flag::names)
        return fail(Errc::invalid, "named values in BATCH cannot be decoded by any version");
    read_tail(reader, version, flags, out.parameters);
    return out;
}

}  // namespace

std::string_view consistency_name(std::uint16_t consistency) {
    constexpr std::array<std::string_view, 11> names{"ANY",    "ONE",          "TWO",          "THREE",
                                                     "QUORUM", "ALL",          "LOCAL_QUORUM", "EACH_QUORUM",
                                                     "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE"};
    return consistency < names.size() ? names[consistency] : "UNKNOWN";
}

Result<Request> decode_request(const Frame& frame) {
    BodyReader reader(frame.body);
    if (frame.version >= 4 && (frame.flags & frame_flag::custom_payload) != 0) reader.skip_bytes_map();
    Request out;
    switch (frame.opcode) {
        case Opcode::startup:
            out = Startup{reader.string_map()};
            break;
        case Opcode::options:
            out = Options{};
            break;
        case Opcode::query: {
            Query query;
            query.text = reader.long_string();
            query.parameters = read_parameters(reader, frame.version);
            out = std::move(query);
            break;
        }
        case Opcode::prepare:
            out = read_prepare(reader, frame.version);
            break;
        case Opcode::execute:
            out = read_execute(reader, frame.version);
            break;
        case Opcode::batch:
            out = TRY(read_batch(reader, frame.version));
            break;
        case Opcode::register_:
            out = Register{reader.string_list()};
            break;
        case Opcode::auth_response: {
            bool present = false;
            auto token = reader.bytes(present);
            out = AuthResponse{present ? std::optional(token) : std::nullopt};
            break;
        }
        case Opcode::error:
        case Opcode::ready:
        case Opcode::authenticate:
        case Opcode::supported:
        case Opcode::result:
        case Opcode::event:
        case Opcode::auth_challenge:
        case Opcode::auth_success:
        default:
            return fail(Errc::invalid, "Unknown opcode {} in a request", int(frame.opcode));
    }
    if (!reader.ok()) return fail(Errc::invalid, "Invalid message: the body ends before what it announces");
    return out;
}

}  // namespace penstock::wire::cql
