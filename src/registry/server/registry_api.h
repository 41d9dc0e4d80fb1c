// The calls of the REST API, each from a request to a response. Blocking: they run off the network
// threads.
#pragma once

#include <string>
#include <string_view>

#include "net/http_server.h"
#include "registry/local_schemas.h"
#include "registry/refusal.h"

namespace penstock::registry {

using ApiCall = net::HttpResponse (*)(LocalSchemas& schemas, const net::HttpRequest& request);

struct ApiRoute {
    std::string_view method;
    std::string_view path;
    ApiCall call;
};

/// The table of contents: everything that the API offers.
const std::vector<ApiRoute>& subject_routes();
const std::vector<ApiRoute>& schema_routes();
const std::vector<ApiRoute>& setting_routes();

// What the calls share.

/// 200 with the registry's content type.
net::HttpResponse answer(std::string json);
/// {"error_code":40401,"message":"..."} with the status that the code begins with.
net::HttpResponse refused(const Refusal& refusal);

/// ?deleted=true and the like; false when absent.
bool flag(const net::HttpRequest& request, std::string_view name);
/// ?deletedOnly and ?deleted.
Deleted deleted_of(const net::HttpRequest& request);
std::string_view param(const net::HttpRequest& request, std::string_view name);
/// A version from the path: a number from 1, "latest" or -1 (both: -1).
Answer<std::int32_t> version_param(const net::HttpRequest& request);
Answer<std::int32_t> id_param(const net::HttpRequest& request);

/// A number of the query; 0 when it is absent, negative or none.
std::size_t query_number(const net::HttpRequest& request, std::string_view name);

/// The list's part that ?offset and ?limit ask for; a limit of 0 or less means all.
template <class T>
std::vector<T> page_of(std::vector<T> all, const net::HttpRequest& request) {
    auto first = std::min(query_number(request, "offset"), all.size());
    all.erase(all.begin(), all.begin() + std::ptrdiff_t(first));
    auto limit = query_number(request, "limit");
    if (limit > 0 && limit < all.size()) all.resize(limit);
    return all;
}

/// A schema in a request's body.
struct SchemaBody {
    SchemaKind kind = SchemaKind::avro;
    std::string text;
    References references;
};
Answer<SchemaBody> schema_body(const net::HttpRequest& request);
/// A string member of the body, which must be a JSON object; empty when absent.
Answer<std::string> body_member(const net::HttpRequest& request, std::string_view name);

/// With the text that ?format asks for: "serialized" is a Protobuf schema's FileDescriptorProto in base64.
Answer<RegisteredSchema> formatted(LocalSchemas& schemas, Answer<RegisteredSchema> found,
                                   const net::HttpRequest& request);
/// {"subject","version","id","schemaType" (not for AVRO),"references" (if any),"schema"}
std::string json_of(const RegisteredSchema& schema);

}  // namespace penstock::registry
