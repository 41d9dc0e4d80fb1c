// GET /api/v1/schemas, /api/v1/schemas/{subject}, /api/v1/schemas/{subject}/{version};
// POST /api/v1/schemas/{subject}
#include "base/units.h"
#include "monitor/api.h"
#include "monitor/json_body.h"
#include "registry/references.h"

namespace penstock::monitor {

namespace {

Result<registry::Schemas*> schemas_of(Api& api) {
    if (api.parts.schemas != nullptr) return api.parts.schemas;
    return fail(Errc::not_found, "no schema registry runs here");
}

Result<net::HttpResponse> list_subjects(Api& api, const net::HttpRequest&) {
    auto* schemas = TRY(schemas_of(api));
    const auto subjects = TRY(schemas->subjects());
    JsonWriter json;
    json.begin_array();
    for (const auto& subject : subjects) json.value(subject);
    return net::json_response(json.end_array().take());
}

Result<net::HttpResponse> list_versions(Api& api, const net::HttpRequest& request) {
    auto* schemas = TRY(schemas_of(api));
    const auto versions = TRY(schemas->versions(param(request, "subject")));
    JsonWriter json;
    json.begin_array();
    for (const auto version : versions) json.value(version);
    return net::json_response(json.end_array().take());
}

net::HttpResponse told(const registry::RegisteredSchema& schema) {
    JsonWriter json;
    json.begin_object().field("subject", schema.subject).field("version", schema.version);
    json.field("id", schema.id).field("kind", to_string(schema.kind));
    json.field("text", schema.text)
        .raw_field("references", registry::json_of(schema.references))
        .end_object();
    return net::json_response(json.take());
}

Result<net::HttpResponse> get_schema(Api& api, const net::HttpRequest& request) {
    auto* schemas = TRY(schemas_of(api));
    const auto& text = param(request, "version");
    std::int32_t version = -1;
    if (text != "latest") {
        const auto number = parse_int(text);
        if (!number || *number < 1 || *number > INT32_MAX) {
            return fail(Errc::invalid, "version: expected 'latest' or a number from 1, found '{}'", text);
        }
        version = static_cast<std::int32_t>(*number);
    }
    return told(TRY(schemas->get(param(request, "subject"), version)));
}

/// {"kind", "text"}. One that is registered already keeps its version.
Result<net::HttpResponse> register_schema(Api& api, const net::HttpRequest& request) {
    auto* schemas = TRY(schemas_of(api));
    const auto body = TRY(JsonBody::parse(request.body));
    TRY(body.object().only({"kind", "text"}));
    const auto name = TRY(body.object().string("kind"));
    const auto kind = registry::kind_of(name);
    if (!kind) return fail(Errc::invalid, "kind: expected AVRO, JSON or PROTOBUF, found '{}'", name);
    const auto text = TRY(body.object().string("text"));
    return told(TRY(schemas->put(param(request, "subject"), *kind, text)));
}

}  // namespace

void add_schema_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/schemas", list_subjects);
    routes.on("GET", "/api/v1/schemas/{subject}", list_versions);
    routes.on("GET", "/api/v1/schemas/{subject}/{version}", get_schema);
    routes.on("POST", "/api/v1/schemas/{subject}", register_schema);
}

}  // namespace penstock::monitor
