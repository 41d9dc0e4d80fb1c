// /subjects and /compatibility: registering, looking up, removing, checking.
#include "codec/json_writer.h"
#include "registry/server/registry_api.h"

namespace penstock::registry {
namespace {

using codec::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;

template <class T>
std::string json_list(const std::vector<T>& values) {
    JsonWriter json;
    json.begin_array();
    for (const auto& value : values) json.value(value);
    return json.end_array().take();
}

HttpResponse list_subjects(LocalSchemas& schemas, const HttpRequest& request) {
    auto prefix = request.query_value("subjectPrefix").value_or("");
    if (prefix == ":*:") prefix = "";  // all contexts; there is one
    return answer(json_list(page_of(schemas.list_subjects(prefix, deleted_of(request)), request)));
}

HttpResponse list_versions(LocalSchemas& schemas, const HttpRequest& request) {
    auto versions = schemas.list_versions(param(request, "subject"), deleted_of(request));
    return versions ? answer(json_list(page_of(std::move(*versions), request))) : refused(versions.error());
}

HttpResponse register_schema(LocalSchemas& schemas, const HttpRequest& request) {
    auto body = schema_body(request);
    if (!body) return refused(body.error());
    auto added = schemas.add(param(request, "subject"), body->kind, body->text, body->references);
    if (!added) return refused(added.error());
    JsonWriter json;
    return answer(json.begin_object().field("id", added->id).end_object().take());
}

HttpResponse look_up(LocalSchemas& schemas, const HttpRequest& request) {
    auto body = schema_body(request);
    if (!body) return refused(body.error());
    auto found = schemas.find(param(request, "subject"), body->kind, body->text, deleted_of(request),
                              body->references);
    return found ? answer(json_of(*found)) : refused(found.error());
}

Answer<RegisteredSchema> version_of(LocalSchemas& schemas, const HttpRequest& request) {
    auto version = version_param(request);
    if (!version) return std::unexpected(version.error());
    return formatted(schemas, schemas.version(param(request, "subject"), *version, deleted_of(request)),
                     request);
}

HttpResponse get_version(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = version_of(schemas, request);
    return found ? answer(json_of(*found)) : refused(found.error());
}

HttpResponse get_version_text(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = version_of(schemas, request);
    return found ? answer(found->text) : refused(found.error());
}

HttpResponse referenced_by(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = version_of(schemas, request);
    if (!found) return refused(found.error());
    return answer(json_list(schemas.referenced_by(found->subject, found->version, deleted_of(request))));
}

HttpResponse remove_subject(LocalSchemas& schemas, const HttpRequest& request) {
    auto removed = schemas.remove_subject(param(request, "subject"), flag(request, "permanent"));
    return removed ? answer(json_list(*removed)) : refused(removed.error());
}

HttpResponse remove_version(LocalSchemas& schemas, const HttpRequest& request) {
    auto version = version_param(request);
    if (!version) return refused(version.error());
    auto removed = schemas.remove_version(param(request, "subject"), *version, flag(request, "permanent"));
    return removed ? answer(std::to_string(*removed)) : refused(removed.error());
}

HttpResponse check(LocalSchemas& schemas, const HttpRequest& request, std::optional<std::int32_t> version) {
    auto body = schema_body(request);
    if (!body) return refused(body.error());
    auto checked =
        schemas.check(param(request, "subject"), version, body->kind, body->text, body->references);
    if (!checked) return refused(checked.error());
    JsonWriter json;
    json.begin_object().field("is_compatible", checked->compatible);
    if (flag(request, "verbose")) json.raw_field("messages", json_list(checked->messages));
    return answer(json.end_object().take());
}

HttpResponse check_all(LocalSchemas& schemas, const HttpRequest& request) {
    return check(schemas, request, std::nullopt);
}

HttpResponse check_version(LocalSchemas& schemas, const HttpRequest& request) {
    auto version = version_param(request);
    return version ? check(schemas, request, *version) : refused(version.error());
}

}  // namespace

const std::vector<ApiRoute>& subject_routes() {
    static const std::vector<ApiRoute> routes{
        {"GET", "/subjects", list_subjects},
        {"POST", "/subjects/{subject}", look_up},
        {"DELETE", "/subjects/{subject}", remove_subject},
        {"GET", "/subjects/{subject}/versions", list_versions},
        {"POST", "/subjects/{subject}/versions", register_schema},
        {"GET", "/subjects/{subject}/versions/{version}", get_version},
        {"DELETE", "/subjects/{subject}/versions/{version}", remove_version},
        {"GET", "/subjects/{subject}/versions/{version}/schema", get_version_text},
        {"GET", "/subjects/{subject}/versions/{version}/referencedby", referenced_by},
        {"POST", "/compatibility/subjects/{subject}/versions", check_all},
        {"POST", "/compatibility/subjects/{subject}/versions/{version}", check_version},
    };
    return routes;
}

}  // namespace penstock::registry
