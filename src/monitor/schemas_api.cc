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

constexpr std::size_t max_references = 1000;

/// [{"name", "subject", "version"}]; the latest version where none is given, or -1 as in Confluent's files.
Result<registry::References> references_of(registry::Schemas& schemas, const JsonObject& body) {
    registry::References references;
    if (!body.has("references")) return references;
    const auto listed = TRY(body.objects("references", max_references));
    for (const auto& one : listed) {
        TRY(one.only({"name", "subject", "version"}));
        auto name = TRY(one.string("name"));
        auto subject = TRY(one.string("subject"));
        auto version = TRY(one.optional_integer("version", -1, INT32_MAX)).value_or(-1);
        if (version == -1) {
            const auto latest = schemas.get(subject, -1);
            if (!latest)
                return fail(latest.error().code, "{}: {}", one.path_of("subject"), latest.error().text);
            version = latest->version;
        }
        references.push_back({std::move(name), std::move(subject), static_cast<std::int32_t>(version)});
    }
    return references;
}

/// {"kind", "text", "references"}. One that is registered already keeps its version.
Result<net::HttpResponse> register_schema(Api& api, const net::HttpRequest& request) {
    auto* schemas = TRY(schemas_of(api));
    const auto body = TRY(JsonBody::parse(request.body));
    TRY(body.object().only({"kind", "text", "references"}));
    const auto name = TRY(body.object().string("kind"));
    const auto kind = registry::kind_of(name);
    if (!kind) return fail(Errc::invalid, "kind: expected AVRO, JSON or PROTOBUF, found '{}'", name);
    const auto text = TRY(body.object().string("text"));
    const auto references = TRY(references_of(*schemas, body.object()));
    return told(TRY(schemas->put(param(request, "subject"), *kind, text, references)));
}

}  // namespace

void add_schema_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/schemas", list_subjects);
    routes.on("GET", "/api/v1/schemas/{subject}", list_versions);
    routes.on("GET", "/api/v1/schemas/{subject}/{version}", get_schema);
    routes.on("POST", "/api/v1/schemas/{subject}", register_schema);
}

}  // namespace penstock::monitor
