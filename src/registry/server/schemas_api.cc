// /schemas and what says which registry this is.
#include "codec/json_writer.h"
#include "registry/server/registry_api.h"

namespace penstock::registry {
namespace {

using codec::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;

Answer<RegisteredSchema> schema_of(LocalSchemas& schemas, const HttpRequest& request) {
    auto id = id_param(request);
    if (!id) return std::unexpected(id.error());
    return formatted(schemas, schemas.schema(*id), request);
}

HttpResponse get_schema(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = schema_of(schemas, request);
    if (!found) return refused(found.error());
    JsonWriter json;
    json.begin_object();
    if (found->kind != SchemaKind::avro) json.field("schemaType", to_string(found->kind));
    if (!found->references.empty()) json.raw_field("references", json_of(found->references));
    return answer(json.field("schema", found->text).end_object().take());
}

HttpResponse get_schema_text(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = schema_of(schemas, request);
    return found ? answer(found->text) : refused(found.error());
}

HttpResponse get_subjects(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = schema_of(schemas, request);
    if (!found) return refused(found.error());
    JsonWriter json;
    json.begin_array();
    std::string last;
    for (const auto& use : schemas.uses(found->id, deleted_of(request))) {
        if (use.subject != last) json.value(use.subject);
        last = use.subject;
    }
    return answer(json.end_array().take());
}

HttpResponse get_versions(LocalSchemas& schemas, const HttpRequest& request) {
    auto found = schema_of(schemas, request);
    if (!found) return refused(found.error());
    JsonWriter json;
    json.begin_array();
    for (const auto& use : schemas.uses(found->id, deleted_of(request)))
        json.begin_object().field("subject", use.subject).field("version", use.version).end_object();
    return answer(json.end_array().take());
}

HttpResponse list_schemas(LocalSchemas& schemas, const HttpRequest& request) {
    auto all = page_of(schemas.list(request.query_value("subjectPrefix").value_or(""), deleted_of(request),
                                    flag(request, "latestOnly")),
                       request);
    JsonWriter json;
    json.begin_array();
    for (const auto& schema : all) json.raw(json_of(schema));
    return answer(json.end_array().take());
}

HttpResponse list_types(LocalSchemas&, const HttpRequest&) {
    return answer(R"(["JSON","PROTOBUF","AVRO"])");
}
HttpResponse list_contexts(LocalSchemas&, const HttpRequest&) {
    return answer(R"(["."])");
}
HttpResponse root(LocalSchemas&, const HttpRequest&) {
    return answer("{}");
}
HttpResponse metadata_id(LocalSchemas&, const HttpRequest&) {
    return answer(
        R"({"scope":{"path":[],"clusters":{"kafka-cluster":"penstock","schema-registry-cluster":"schema-registry"}},"id":""})");
}
HttpResponse metadata_version(LocalSchemas&, const HttpRequest&) {
    return answer(R"({"version":")" PENSTOCK_VERSION R"(","commitId":""})");
}

}  // namespace

const std::vector<ApiRoute>& schema_routes() {
    static const std::vector<ApiRoute> routes{
        {"GET", "/", root},
        {"GET", "/schemas", list_schemas},
        {"GET", "/schemas/types", list_types},
        {"GET", "/schemas/ids/{id}", get_schema},
        {"GET", "/schemas/ids/{id}/schema", get_schema_text},
        {"GET", "/schemas/ids/{id}/subjects", get_subjects},
        {"GET", "/schemas/ids/{id}/versions", get_versions},
        {"GET", "/contexts", list_contexts},
        {"GET", "/v1/metadata/id", metadata_id},
        {"GET", "/v1/metadata/version", metadata_version},
    };
    return routes;
}

}  // namespace penstock::registry
