// GET /api/v1/tables, POST /api/v1/tables/backups
#include <algorithm>

#include "monitor/api.h"
#include "monitor/json_body.h"

namespace penstock::monitor {

namespace {

std::string_view kind_of(const store::TableSpec& spec, const std::string& column) {
    if (std::ranges::find(spec.partition_key, column) != spec.partition_key.end()) {
        return "partition_key";
    }
    const bool clusters =
        std::ranges::find(spec.clustering, column, &store::KeyColumn::name) != spec.clustering.end();
    return clusters ? "clustering" : "regular";
}

Result<net::HttpResponse> list_tables(Api& api, const net::HttpRequest&) {
    const auto tables = TRY(api.parts.tables.list());
    JsonWriter json;
    json.begin_array();
    for (const auto& table : tables) {
        const auto spec = api.parts.tables.spec(table.keyspace + "." + table.name);
        if (!spec && spec.error().code == Errc::not_found) continue;  // dropped meanwhile
        if (!spec) return fail(spec.error());
        json.begin_object().field("keyspace", table.keyspace).field("name", table.name);
        json.field("rows_estimate", table.rows_estimate).field("bytes", table.bytes);
        json.key("columns").begin_array();
        for (const auto& column : spec->columns) {
            json.begin_object().field("name", column.name);
            json.field("type", to_string(column.type)).field("kind", kind_of(*spec, column.name));
            json.end_object();
        }
        json.end_array().end_object();
    }
    return net::json_response(json.end_array().take());
}

Result<net::HttpResponse> backup_tables(Api& api, const net::HttpRequest& request) {
    const auto body = TRY(JsonBody::parse(request.body));
    TRY(body.object().only({"name"}));
    const auto name = TRY(body.object().string("name"));
    if (!api.parts.backup_tables)
        return fail(Errc::unsupported, "{} are backed up by their own tools", api.parts.tables.describe());
    const auto made = TRY(api.parts.backup_tables(name));
    JsonWriter json;
    json.begin_object()
        .field("directory", made.directory)
        .field("bytes", std::int64_t(made.bytes))
        .end_object();
    return net::json_response(json.take());
}

}  // namespace

void add_table_routes(ApiRoutes& routes) {
    routes.on("POST", "/api/v1/tables/backups", backup_tables);
    routes.on("GET", "/api/v1/tables", list_tables);
}

}  // namespace penstock::monitor
