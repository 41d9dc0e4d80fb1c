// Responses of the native protocol (native_protocol_v5.spec, section 4.2): each function appends a body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::wire::cql {

enum class ErrorCode : std::int32_t {
    server = 0x0000,
    protocol = 0x000A,
    bad_credentials = 0x0100,
    unavailable = 0x1000,
    overloaded = 0x1001,
    is_bootstrapping = 0x1002,
    truncate = 0x1003,
    write_timeout = 0x1100,
    read_timeout = 0x1200,
    read_failure = 0x1300,
    function_failure = 0x1400,
    write_failure = 0x1500,
    cdc_write_failure = 0x1600,
    cas_write_unknown = 0x1700,
    syntax = 0x2000,
    unauthorized = 0x2100,
    invalid = 0x2200,
    config = 0x2300,
    already_exists = 0x2400,
    unprepared = 0x2500,
};

struct ErrorResponse {
    ErrorCode code = ErrorCode::server;
    std::string text;
    std::string keyspace;           ///< already_exists, function_failure
    std::string table;              ///< already_exists; empty: the keyspace. function_failure: the function
    std::string id;                 ///< unprepared
    std::uint16_t consistency = 1;  ///< unavailable and the timeouts
};

/// A type as metadata describes it; parameters of list, set, map and tuple, types of a user-defined one's
/// fields.
struct TypeOption {
    std::uint16_t id = 0;
    std::vector<TypeOption> parameters;
    std::string name{};      ///< of a custom or user-defined type; empty for the others
    std::string keyspace{};  ///< of a user-defined type
    std::vector<std::string> fields{};
};

struct ColumnSpec {
    std::string keyspace;
    std::string table;
    std::string name;
    TypeOption type;
};

struct RowsMetadata {
    const std::vector<ColumnSpec>* columns = nullptr;
    bool skip = false;  ///< the client has it
    std::optional<std::string> paging_state;
    std::optional<std::string> new_metadata_id;  ///< version 5: the client's is old
};

struct PreparedResponse {
    std::string id;
    std::string result_metadata_id;  ///< version 5
    std::vector<ColumnSpec> variables;
    std::vector<std::uint16_t> partition_key;  ///< which variables; empty when not all are variables
    std::vector<ColumnSpec> result;
};

struct SchemaChange {
    std::string change;  ///< CREATED, UPDATED, DROPPED
    std::string target;  ///< KEYSPACE, TABLE, TYPE
    std::string keyspace;
    std::string table;  ///< or the type
};

void append_error(std::string& out, const ErrorResponse& error);
void append_supported(std::string& out,
                      const std::vector<std::pair<std::string, std::vector<std::string>>>& options);
void append_void_result(std::string& out);
void append_set_keyspace_result(std::string& out, std::string_view keyspace);
void append_schema_change_result(std::string& out, const SchemaChange& change);
void append_schema_change_event(std::string& out, const SchemaChange& change);
void append_prepared_result(std::string& out, int version, const PreparedResponse& prepared);
/// Begins a Rows result; the row count (i32) and the cells ([bytes] each) follow.
void append_rows_head(std::string& out, int version, const RowsMetadata& metadata);

}  // namespace penstock::wire::cql
