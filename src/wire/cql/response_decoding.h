// Responses as a client reads them (native_protocol_v5.spec, section 4.2): the inverse of response.h. Views
// point into the frame's body.
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
#include "wire/cql/primitives.h"
#include "wire/cql/response.h"

namespace penstock::wire::cql {

struct Ready {};
struct Authenticate {
    std::string authenticator;
};
struct Supported {
    std::map<std::string, std::vector<std::string>> options;
};
struct VoidResult {};
struct KeyspaceResult {
    std::string keyspace;
};
struct RowsResult {
    std::vector<ColumnSpec> columns;
    bool has_columns = false;  ///< false: the server left them out, as it was asked to
    std::int32_t column_count = 0;
    std::optional<std::string_view> paging_state;  ///< there are more pages
    std::optional<std::string_view> new_metadata_id;
    std::int32_t row_count = 0;
    std::string_view cells;
};
struct AuthChallenge {
    std::string token;
};
struct AuthSuccess {};
/// What a node tells of the cluster, unasked.
struct Event {
    enum class Kind : std::uint8_t { topology, status, schema };
    Kind kind = Kind::topology;
    std::string change;   ///< NEW_NODE, REMOVED_NODE, MOVED_NODE; UP, DOWN
    std::string address;  ///< 4 or 16 bytes
    std::int32_t port = 0;
    SchemaChange schema;
};

using Response =
    std::variant<ErrorResponse, Ready, Authenticate, Supported, VoidResult, RowsResult, KeyspaceResult,
                 PreparedResponse, SchemaChange, Event, AuthChallenge, AuthSuccess>;

/// The frame must outlive the response. Errc::corrupt: it is none, or ends before what it announces.
Result<Response> decode_response(const Frame& frame);

/// The cells of a RowsResult, one row at a time.
class RowReader {
public:
    explicit RowReader(const RowsResult& rows)
        : reader_(rows.cells), columns_(rows.column_count), left_(rows.row_count) {}
    /// False at the end, and where the bytes end before the rows do: then ok() is false.
    bool next(std::vector<std::optional<std::string_view>>& row);
    bool ok() const { return reader_.ok(); }

private:
    BodyReader reader_;
    std::int32_t columns_;
    std::int32_t left_;
};

}  // namespace penstock::wire::cql
