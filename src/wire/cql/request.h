// Requests of the native protocol (native_protocol_v5.spec, section 4.1). Views point into the frame's body.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "wire/cql/frame.h"

namespace penstock::wire::cql {

struct BoundValue {
    enum class State : std::uint8_t { set, null, unset };
    State state = State::null;
    std::string_view bytes;
};

struct QueryParameters {
    std::uint16_t consistency = 1;
    bool skip_metadata = false;
    std::vector<BoundValue> values;
    std::vector<std::string_view> names;  ///< as many as values, when the values are named
    std::optional<std::int32_t> page_size;
    std::optional<std::string_view> paging_state;
    std::optional<std::uint16_t> serial_consistency;
    std::optional<std::int64_t> timestamp_us;
    std::optional<std::string_view> keyspace;
    std::optional<std::uint32_t> now_seconds;
};

struct Startup {
    std::map<std::string, std::string> options;
};
struct Options {};
struct Query {
    std::string_view text;
    QueryParameters parameters;
};
struct Prepare {
    std::string_view text;
    std::optional<std::string_view> keyspace;
};
struct Execute {
    std::string_view id;
    std::optional<std::string_view> result_metadata_id;  ///< version 5
    QueryParameters parameters;
};
struct BatchItem {
    bool prepared = false;
    std::string_view text_or_id;
    std::vector<BoundValue> values;
};
struct BatchRequest {
    enum class Kind : std::uint8_t { logged = 0, unlogged = 1, counter = 2 };
    Kind kind = Kind::logged;
    std::vector<BatchItem> items;
    QueryParameters parameters;
};
struct Register {
    std::vector<std::string> events;
};
struct AuthResponse {
    std::optional<std::string_view> token;
};

using Request = std::variant<Startup, Options, Query, Prepare, Execute, BatchRequest, Register, AuthResponse>;

enum class Consistency : std::uint16_t {
    any = 0x00,
    one = 0x01,
    two = 0x02,
    three = 0x03,
    quorum = 0x04,
    all = 0x05,
    local_quorum = 0x06,
    each_quorum = 0x07,
    serial = 0x08,
    local_serial = 0x09,
    local_one = 0x0A,
};

/// "LOCAL_QUORUM"
std::string_view consistency_name(std::uint16_t consistency);

/// The frame must outlive the request. Errc::invalid says what is wrong, for a protocol error.
Result<Request> decode_request(const Frame& frame);

/// The inverse, for clients: appends the request's body as the version has it.
void append_request(std::string& out, int version, const Request& request);
Opcode opcode_of(const Request& request);

/// EXECUTE and BATCH in pieces, for who writes many rows: the values ([bytes] each) stand between head and
/// tail. Of the parameters, values, names and paging do not count.
void append_execute_head(std::string& out, int version, std::string_view id, std::string_view metadata_id,
                         const QueryParameters& parameters, std::size_t values);
void append_execute_tail(std::string& out, int version, const QueryParameters& parameters);
void append_batch_head(std::string& out, BatchRequest::Kind kind, std::size_t items);
void append_batch_item_head(std::string& out, std::string_view prepared_id, std::size_t values);
void append_batch_tail(std::string& out, int version, const QueryParameters& parameters);

}  // namespace penstock::wire::cql
