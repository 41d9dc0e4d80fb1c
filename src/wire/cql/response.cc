#include "wire/cql/response.h"

#include "wire/cql/primitives.h"

namespace penstock::wire::cql {
namespace {

enum : std::int32_t {
    kind_void = 1,
    kind_rows = 2,
    kind_set_keyspace = 3,
    kind_prepared = 4,
    kind_schema_change = 5
};
enum : std::int32_t { global_table = 1, has_more_pages = 2, no_metadata = 4, metadata_changed = 8 };

void append_type(std::string& out, const TypeOption& type) {
    append_short(out, type.id);
    if (type.id == 0) append_string(out, type.name);  // custom: its class
    if (type.id == 0x30) {  // user-defined: its name, then each field's name and type
        append_string(out, type.keyspace);
        append_string(out, type.name);
        append_short(out, std::uint16_t(type.parameters.size()));
        for (std::size_t i = 0; i < type.parameters.size(); ++i) {
            append_string(out, type.fields[i]);
            append_type(out, type.parameters[i]);
        }
        return;
    }
    if (type.id == 0x31) append_short(out, std::uint16_t(type.parameters.size()));  // tuple: how many
    for (const auto& parameter : type.parameters) append_type(out, parameter);
}

bool one_table(const std::vector<ColumnSpec>& columns) {
    for (const auto& column : columns)
        if (column.keyspace != columns[0].keyspace || column.table != columns[0].table) return false;
    return !columns.empty();
}

void append_columns(std::string& out, const std::vector<ColumnSpec>& columns) {
    bool global = one_table(columns);
    if (global) {
        append_string(out, columns[0].keyspace);
        append_string(out, columns[0].table);
    }
    for (const auto& column : columns) {
        if (!global) {
            append_string(out, column.keyspace);
            append_string(out, column.table);
        }
        append_string(out, column.name);
        append_type(out, column.type);
    }
}

void append_schema_change(std::string& out, const SchemaChange& change) {
    append_string(out, change.change);
    append_string(out, change.target);
    append_string(out, change.keyspace);
    if (change.target != "KEYSPACE") append_string(out, change.table);
}

void append_metadata(std::string& out, const RowsMetadata& metadata) {
    const auto& columns = *metadata.columns;
    std::int32_t flags = 0;
    if (metadata.paging_state) flags |= has_more_pages;
    if (metadata.new_metadata_id) flags |= metadata_changed;
    if (metadata.skip && !metadata.new_metadata_id) flags |= no_metadata;
    if (one_table(columns)) flags |= global_table;
    append_int(out, flags);
    append_int(out, std::int32_t(columns.size()));
    if (metadata.paging_state) append_bytes(out, *metadata.paging_state);
    if (metadata.new_metadata_id) append_short_bytes(out, *metadata.new_metadata_id);
    if ((flags & no_metadata) == 0) append_columns(out, columns);
}

}  // namespace

void append_error(std::string& out, const ErrorResponse& error) {
    append_int(out, std::int32_t(error.code));
    append_string(out, error.text);
    switch (error.code) {
        case ErrorCode::unavailable:  // consistency, required, alive
            append_short(out, error.consistency);
            append_int(out, 1);
            append_int(out, 0);
            break;
        case ErrorCode::write_timeout:  // consistency, received, wanted, write type
            append_short(out, error.consistency);
            append_int(out, 0);
            append_int(out, 1);
            append_string(out, "SIMPLE");
            break;
        case ErrorCode::read_timeout:  // consistency, received, wanted, data present
            append_short(out, error.consistency);
            append_int(out, 0);
            append_int(out, 1);
            out += '\0';
            break;
        case ErrorCode::already_exists:
            append_string(out, error.keyspace);
            append_string(out, error.table);
            break;
        case ErrorCode::unprepared:
            append_short_bytes(out, error.id);
            break;
        case ErrorCode::cas_write_unknown:  // consistency, received, wanted
            append_short(out, error.consistency);
            append_int(out, 0);
            append_int(out, 1);
            break;
        case ErrorCode::function_failure:  // keyspace, function, the types of its arguments
            append_string(out, error.keyspace);
            append_string(out, error.table);
            append_short(out, 0);
            break;
        case ErrorCode::read_failure:  // other servers': ours has no replicas or change capture
        case ErrorCode::write_failure:
        case ErrorCode::cdc_write_failure:
        case ErrorCode::server:
        case ErrorCode::protocol:
        case ErrorCode::bad_credentials:
        case ErrorCode::overloaded:
        case ErrorCode::is_bootstrapping:
        case ErrorCode::truncate:
        case ErrorCode::syntax:
        case ErrorCode::unauthorized:
        case ErrorCode::invalid:
        case ErrorCode::config:
            break;
    }
}

void append_supported(std::string& out,
                      const std::vector<std::pair<std::string, std::vector<std::string>>>& options) {
    append_short(out, std::uint16_t(options.size()));
    for (const auto& [name, values] : options) {
        append_string(out, name);
        append_string_list(out, values);
    }
}

void append_void_result(std::string& out) {
    append_int(out, kind_void);
}

void append_set_keyspace_result(std::string& out, std::string_view keyspace) {
    append_int(out, kind_set_keyspace);
    append_string(out, keyspace);
}

void append_schema_change_result(std::string& out, const SchemaChange& change) {
    append_int(out, kind_schema_change);
    append_schema_change(out, change);
}

void append_schema_change_event(std::string& out, const SchemaChange& change) {
    append_string(out, "SCHEMA_CHANGE");
    append_schema_change(out, change);
}

void append_prepared_result(std::string& out, int version, const PreparedResponse& prepared) {
    append_int(out, kind_prepared);
    append_short_bytes(out, prepared.id);
    if (version >= 5) append_short_bytes(out, prepared.result_metadata_id);
    append_int(out, one_table(prepared.variables) ? global_table : 0);
    append_int(out, std::int32_t(prepared.variables.size()));
    if (version >= 4) {
        append_int(out, std::int32_t(prepared.partition_key.size()));
        for (auto index : prepared.partition_key) append_short(out, index);
    }
    append_columns(out, prepared.variables);
    // What is not a SELECT has no columns, and says so by having no metadata.
    RowsMetadata result{&prepared.result, prepared.result.empty(), {}, {}};
    append_metadata(out, result);
}

void append_rows_head(std::string& out, int version, const RowsMetadata& metadata) {
    append_int(out, kind_rows);
    auto sent = metadata;
    if (version < 5) sent.new_metadata_id.reset();
    append_metadata(out, sent);
}

}  // namespace penstock::wire::cql
