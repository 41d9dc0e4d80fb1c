#include "wire/cql/response_decoding.h"

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

constexpr int deepest_type = 32;

/// False: the type is nested too deeply to be one.
bool read_type(BodyReader& reader, TypeOption& out, int depth = 0) {
    if (depth > deepest_type) return false;
    out.id = reader.short_integer();
    std::size_t parameters = 0;
    switch (out.id) {
        case 0x00:  // custom: a class of the server's
            out.name = reader.string();
            return true;
        case 0x20:
        case 0x22:
            parameters = 1;
            break;
        case 0x21:
            parameters = 2;
            break;
        case 0x30: {  // user-defined: keyspace, name, fields
            out.keyspace = reader.string();
            out.name = reader.string();
            for (auto count = reader.short_integer(); count > 0 && reader.ok(); --count) {
                out.fields.emplace_back(reader.string());
                TypeOption field;
                if (!read_type(reader, field, depth + 1)) return false;
                out.parameters.push_back(std::move(field));
            }
            return true;
        }
        case 0x31:
            parameters = reader.short_integer();
            break;
        default:
            return true;
    }
    for (; parameters > 0 && reader.ok(); --parameters) {
        TypeOption parameter;
        if (!read_type(reader, parameter, depth + 1)) return false;
        out.parameters.push_back(std::move(parameter));
    }
    return true;
}

bool read_columns(BodyReader& reader, bool global, std::int32_t count, std::vector<ColumnSpec>& out) {
    std::string keyspace, table;
    if (global) {
        keyspace = reader.string();
        table = reader.string();
    }
    for (; count > 0 && reader.ok(); --count) {
        ColumnSpec column;
        column.keyspace = global ? keyspace : std::string(reader.string());
        column.table = global ? table : std::string(reader.string());
        column.name = reader.string();
        if (!read_type(reader, column.type)) return false;
        out.push_back(std::move(column));
    }
    return true;
}

/// The metadata of rows.
bool read_metadata(BodyReader& reader, RowsResult& out) {
    auto flags = reader.int_integer();
    out.column_count = reader.int_integer();
    if (out.column_count < 0) return false;
    bool present = false;
    if (flags & has_more_pages) {
        auto state = reader.bytes(present);
        if (present) out.paging_state = state;
    }
    if (flags & metadata_changed) out.new_metadata_id = reader.short_bytes();
    out.has_columns = (flags & no_metadata) == 0;
    return !out.has_columns ||
           read_columns(reader, (flags & global_table) != 0, out.column_count, out.columns);
}

ErrorResponse read_error(BodyReader& reader) {
    ErrorResponse out;
    out.code = ErrorCode(reader.int_integer());
    out.text = reader.string();
    switch (out.code) {
        case ErrorCode::unavailable:
        case ErrorCode::write_timeout:
        case ErrorCode::read_timeout:
        case ErrorCode::read_failure:
        case ErrorCode::write_failure:
        case ErrorCode::cas_write_unknown:
            out.consistency = reader.short_integer();
            break;
        case ErrorCode::already_exists:
            out.keyspace = reader.string();
            out.table = reader.string();
            break;
        case ErrorCode::unprepared:
            out.id = reader.short_bytes();
            break;
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
        case ErrorCode::function_failure:
        case ErrorCode::cdc_write_failure:
            break;
    }
    return out;
}

SchemaChange read_schema_change(BodyReader& reader) {
    SchemaChange out;
    out.change = reader.string();
    out.target = reader.string();
    out.keyspace = reader.string();
    if (out.target != "KEYSPACE") out.table = reader.string();
    if (out.target == "FUNCTION" || out.target == "AGGREGATE") reader.string_list();
    return out;
}

std::optional<Event> read_event(BodyReader& reader) {
    Event out;
    auto kind = reader.string();
    if (kind == "SCHEMA_CHANGE") {
        out.kind = Event::Kind::schema;
        out.schema = read_schema_change(reader);
        return out;
    }
    if (kind != "TOPOLOGY_CHANGE" && kind != "STATUS_CHANGE") return std::nullopt;
    out.kind = kind == "STATUS_CHANGE" ? Event::Kind::status : Event::Kind::topology;
    out.change = reader.string();
    for (auto size = reader.byte(); size > 0 && reader.ok(); --size) out.address += char(reader.byte());
    out.port = reader.int_integer();
    return out;
}

std::optional<Response> read_prepared(BodyReader& reader, int version) {
    PreparedResponse out;
    out.id = reader.short_bytes();
    if (version >= 5) out.result_metadata_id = reader.short_bytes();
    auto flags = reader.int_integer();
    auto count = reader.int_integer();
    if (count < 0) return std::nullopt;
    if (version >= 4)
        for (auto keys = reader.int_integer(); keys > 0 && reader.ok(); --keys)
            out.partition_key.push_back(reader.short_integer());
    if (!read_columns(reader, (flags & global_table) != 0, count, out.variables)) return std::nullopt;
    RowsResult result;
    if (!read_metadata(reader, result)) return std::nullopt;
    out.result = std::move(result.columns);
    return out;
}

std::optional<Response> read_result(BodyReader& reader, int version) {
    switch (reader.int_integer()) {
        case kind_void:
            return VoidResult{};
        case kind_rows: {
            RowsResult out;
            if (!read_metadata(reader, out)) return std::nullopt;
            out.row_count = reader.int_integer();
            if (out.row_count < 0) return std::nullopt;
            out.cells = reader.rest();
            return out;
        }
        case kind_set_keyspace:
            return KeyspaceResult{std::string(reader.string())};
        case kind_prepared:
            return read_prepared(reader, version);
        case kind_schema_change:
            return read_schema_change(reader);
        default:
            return std::nullopt;
    }
}

std::optional<Response> read_body(BodyReader& reader, const Frame& frame) {
    switch (frame.opcode) {
        case Opcode::error:
            return read_error(reader);
        case Opcode::ready:
            return Ready{};
        case Opcode::authenticate:
            return Authenticate{std::string(reader.string())};
        case Opcode::supported: {
            Supported out;
            for (auto count = reader.short_integer(); count > 0 && reader.ok(); --count) {
                std::string name(reader.string());
                out.options[std::move(name)] = reader.string_list();
            }
            return out;
        }
        case Opcode::result:
            return read_result(reader, frame.version);
        case Opcode::event: {
            auto event = read_event(reader);
            if (!event) return std::nullopt;
            return std::move(*event);
        }
        case Opcode::auth_challenge: {
            bool present = false;
            return AuthChallenge{std::string(reader.bytes(present))};
        }
        case Opcode::auth_success:
            return AuthSuccess{};
        default:
            return std::nullopt;
    }
}

}  // namespace

Result<Response> decode_response(const Frame& frame) {
    BodyReader reader(frame.body);
    if ((frame.flags & frame_flag::tracing) != 0) {
        reader.long_integer();
        reader.long_integer();
    }
    if ((frame.flags & frame_flag::warning) != 0) reader.string_list();
    if ((frame.flags & frame_flag::custom_payload) != 0) reader.skip_bytes_map();
    auto out = read_body(reader, frame);
    if (!out) return fail(Errc::corrupt, "a response with opcode {} that cannot be read", int(frame.opcode));
    if (!reader.ok()) return fail(Errc::corrupt, "a response ends before what it announces");
    return std::move(*out);
}

bool RowReader::next(std::vector<std::optional<std::string_view>>& row) {
    row.clear();
    if (left_ <= 0 || columns_ <= 0) return false;  // rows without columns say nothing, and take no bytes
    --left_;
    for (std::int32_t i = 0; i < columns_ && reader_.ok(); ++i) {
        bool present = false;
        auto bytes = reader_.bytes(present);
        if (present)
            row.emplace_back(bytes);
        else
            row.emplace_back();
    }
    return reader_.ok();
}

}  // namespace penstock::wire::cql
