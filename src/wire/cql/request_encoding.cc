// Requests as a client writes them: the inverse of request.cc.
#include "wire/cql/primitives.h"
#include "wire/cql/request.h"

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

void append_long_string(std::string& out, std::string_view text) {
    append_int(out, std::int32_t(text.size()));
    out += text;
}

void append_value(std::string& out, const BoundValue& value) {
    switch (value.state) {
        case BoundValue::State::set:
            append_bytes(out, value.bytes);
            break;
        case BoundValue::State::null:
            append_null_bytes(out);
            break;
        case BoundValue::State::unset:
            append_int(out, -2);
            break;
    }
}

void append_values(std::string& out, const std::vector<BoundValue>& values,
                   const std::vector<std::string_view>& names) {
    append_short(out, std::uint16_t(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!names.empty()) append_string(out, names[i]);
        append_value(out, values[i]);
    }
}

std::uint32_t tail_flags(int version, const QueryParameters& parameters) {
    std::uint32_t flags = 0;
    if (parameters.serial_consistency) flags |= query_flag::serial_consistency;
    if (parameters.timestamp_us) flags |= query_flag::timestamp;
    if (version >= 5 && parameters.keyspace) flags |= query_flag::keyspace;
    if (version >= 5 && parameters.now_seconds) flags |= query_flag::now_seconds;
    return flags;
}

void append_flags(std::string& out, int version, std::uint32_t flags) {
    if (version >= 5)
        append_integer(out, flags);
    else
        out += char(flags);
}

void append_tail(std::string& out, int version, const QueryParameters& parameters) {
    if (parameters.serial_consistency) append_short(out, *parameters.serial_consistency);
    if (parameters.timestamp_us) append_integer(out, *parameters.timestamp_us);
    if (version < 5) return;
    if (parameters.keyspace) append_string(out, *parameters.keyspace);
    if (parameters.now_seconds) append_int(out, std::int32_t(*parameters.now_seconds));
}

void append_parameters(std::string& out, int version, const QueryParameters& parameters) {
    append_short(out, parameters.consistency);
    auto flags = tail_flags(version, parameters);
    if (!parameters.values.empty()) flags |= query_flag::values;
    if (!parameters.values.empty() && !parameters.names.empty()) flags |= query_flag::names;
    if (parameters.skip_metadata) flags |= query_flag::skip_metadata;
    if (parameters.page_size) flags |= query_flag::page_size;
    if (parameters.paging_state) flags |= query_flag::paging_state;
    append_flags(out, version, flags);
    if (!parameters.values.empty()) append_values(out, parameters.values, parameters.names);
    if (parameters.page_size) append_int(out, *parameters.page_size);
    if (parameters.paging_state) append_bytes(out, *parameters.paging_state);
    append_tail(out, version, parameters);
}

void append_body(std::string& out, int, const Startup& startup) {
    append_short(out, std::uint16_t(startup.options.size()));
    for (const auto& [name, value] : startup.options) {
        append_string(out, name);
        append_string(out, value);
    }
}

void append_body(std::string&, int, const Options&) {}

void append_body(std::string& out, int version, const Query& query) {
    append_long_string(out, query.text);
    append_parameters(out, version, query.parameters);
}

void append_body(std::string& out, int version, const Prepare& prepare) {
    append_long_string(out, prepare.text);
    if (version < 5) return;
    append_integer(out, std::uint32_t(prepare.keyspace ? 1 : 0));
    if (prepare.keyspace) append_string(out, *prepare.keyspace);
}

void append_body(std::string& out, int version, const Execute& execute) {
    append_short_bytes(out, execute.id);
    if (version >= 5) append_short_bytes(out, execute.result_metadata_id.value_or(""));
    append_parameters(out, version, execute.parameters);
}

void append_body(std::string& out, int version, const BatchRequest& batch) {
    out += char(batch.kind);
    append_short(out, std::uint16_t(batch.items.size()));
    for (const auto& item : batch.items) {
        out += char(item.prepared);
        if (item.prepared)
            append_short_bytes(out, item.text_or_id);
        else
            append_long_string(out, item.text_or_id);
        append_values(out, item.values, {});
    }
    append_batch_tail(out, version, batch.parameters);
}

void append_body(std::string& out, int, const Register& wanted) {
    append_string_list(out, wanted.events);
}

void append_body(std::string& out, int, const AuthResponse& response) {
    if (response.token)
        append_bytes(out, *response.token);
    else
        append_null_bytes(out);
}

}  // namespace

void append_request(std::string& out, int version, const Request& request) {
    std::visit([&](const auto& one) { append_body(out, version, one); }, request);
}

void append_execute_head(std::string& out, int version, std::string_view id, std::string_view metadata_id,
                         const QueryParameters& parameters, std::size_t values) {
    append_short_bytes(out, id);
    if (version >= 5) append_short_bytes(out, metadata_id);
    append_short(out, parameters.consistency);
    append_flags(out, version, tail_flags(version, parameters) | query_flag::values);
    append_short(out, std::uint16_t(values));
}

void append_execute_tail(std::string& out, int version, const QueryParameters& parameters) {
    append_tail(out, version, parameters);
}

void append_batch_head(std::string& out, BatchRequest::Kind kind, std::size_t items) {
    out += char(kind);
    append_short(out, std::uint16_t(items));
}

void append_batch_item_head(std::string& out, std::string_view prepared_id, std::size_t values) {
    out += '\1';
    append_short_bytes(out, prepared_id);
    append_short(out, std::uint16_t(values));
}

void append_batch_tail(std::string& out, int version, const QueryParameters& parameters) {
    append_short(out, parameters.consistency);
    append_flags(out, version, tail_flags(version, parameters));
    append_tail(out, version, parameters);
}

Opcode opcode_of(const Request& request) {
    static constexpr Opcode opcodes[] = {Opcode::startup,   Opcode::options,      Opcode::query,
                                         Opcode::prepare,   Opcode::execute,      Opcode::batch,
                                         Opcode::register_, Opcode::auth_response};
    static_assert(std::size(opcodes) == std::variant_size_v<Request>);
    return opcodes[request.index()];
}

}  // namespace penstock::wire::cql
