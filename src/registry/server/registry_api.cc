#include "registry/server/registry_api.h"

#include <limits>

#include "base/units.h"
#include "codec/json_writer.h"
#include "registry/json_value.h"

namespace penstock::registry {
namespace {

constexpr std::string_view content_type = "application/vnd.schemaregistry.v1+json";
constexpr std::size_t longest_body = 8 * 1024 * 1024;  // the server's limit is below

Answer<JsonDocument> body_of(const net::HttpRequest& request) {
    auto body = JsonDocument::parse(request.body, longest_body);
    if (!body) return refuse(400, "The body is {}", body.error().text);
    if (!body->root().is_object()) return refuse(400, "The body is no JSON object");
    return std::move(*body);
}

}  // namespace

net::HttpResponse answer(std::string json) {
    return {.status = 200, .content_type = std::string(content_type), .body = std::move(json)};
}

net::HttpResponse refused(const Refusal& refusal) {
    codec::JsonWriter json;
    json.begin_object().field("error_code", refusal.code).field("message", refusal.text).end_object();
    auto status = refusal.code < 1000 ? refusal.code : refusal.code / 100;
    return {.status = status, .content_type = std::string(content_type), .body = json.take()};
}

bool flag(const net::HttpRequest& request, std::string_view name) {
    return request.query_value(name).value_or("false") == "true";
}

Deleted deleted_of(const net::HttpRequest& request) {
    if (flag(request, "deletedOnly")) return Deleted::only;
    return flag(request, "deleted") ? Deleted::include : Deleted::exclude;
}

std::string_view param(const net::HttpRequest& request, std::string_view name) {
    auto at = request.params.find(std::string(name));
    return at == request.params.end() ? std::string_view() : at->second;
}

std::size_t query_number(const net::HttpRequest& request, std::string_view name) {
    auto number = parse_int(request.query_value(name).value_or("0"));
    return number && *number > 0 ? std::size_t(*number) : 0;
}

Answer<std::int32_t> version_param(const net::HttpRequest& request) {
    auto text = param(request, "version");
    if (text == "latest" || text == "-1") return -1;
    auto number = parse_int(text);
    if (number && *number >= 1 && *number <= std::numeric_limits<std::int32_t>::max())
        return std::int32_t(*number);
    return refuse(refusal::invalid_version,
                  "The specified version '{}' is not a valid version id. Allowed values are "
                  "between [1, 2^31-1] and the "
                  "string \"latest\"",
                  text);
}

Answer<std::int32_t> id_param(const net::HttpRequest& request) {
    auto text = param(request, "id");
    auto number = parse_int(text);
    if (number && *number >= 0 && *number <= std::numeric_limits<std::int32_t>::max())
        return std::int32_t(*number);
    return refuse(404, "HTTP 404 Not Found: '{}' is not a schema id", text);
}

Answer<std::string> body_member(const net::HttpRequest& request, std::string_view name) {
    auto body = body_of(request);
    if (!body) return std::unexpected(body.error());
    const auto* value = body->root().find(name);
    if (value == nullptr || value->kind == JsonValue::Kind::null) return std::string();
    if (!value->is_string())
        return refuse(refusal::unprocessable, "'{}' in the body: expected a string", name);
    return value->string;
}

Answer<SchemaBody> schema_body(const net::HttpRequest& request) {
    auto body = body_of(request);
    if (!body) return std::unexpected(body.error());
    SchemaBody schema;
    if (const auto* type = body->root().find("schemaType");
        type != nullptr && type->kind != JsonValue::Kind::null) {
        auto kind = type->is_string() ? kind_of(type->string) : std::nullopt;
        if (!kind)
            return refuse(refusal::invalid_schema, "Invalid schema type {}: expected AVRO, JSON or PROTOBUF",
                          type->text());
        schema.kind = *kind;
    }
    if (const auto* references = body->root().find("references");
        references != nullptr && references->kind != JsonValue::Kind::null) {
        auto read = references_of(*references);
        if (!read) return refuse(refusal::unprocessable, "{}", read.error().text);
        schema.references = std::move(*read);
    }
    const auto* text = body->root().find("schema");
    if (text == nullptr || !text->is_string() || text->string.empty())
        return refuse(refusal::invalid_schema,
                      "Empty schema: expected the schema's text as the string 'schema'");
    schema.text = text->string;
    return schema;
}

Answer<RegisteredSchema> formatted(LocalSchemas& schemas, Answer<RegisteredSchema> found,
                                   const net::HttpRequest& request) {
    if (!found || found->kind != SchemaKind::protobuf ||
        request.query_value("format").value_or("") != "serialized")
        return found;
    auto serialized = schemas.serialized(*found);
    if (!serialized) return std::unexpected(serialized.error());
    found->text = std::move(*serialized);
    return found;
}

std::string json_of(const RegisteredSchema& schema) {
    codec::JsonWriter json;
    json.begin_object()
        .field("subject", schema.subject)
        .field("version", schema.version)
        .field("id", schema.id);
    if (schema.kind != SchemaKind::avro) json.field("schemaType", to_string(schema.kind));
    if (!schema.references.empty()) json.raw_field("references", json_of(schema.references));
    return json.field("schema", schema.text).end_object().take();
}

}  // namespace penstock::registry
