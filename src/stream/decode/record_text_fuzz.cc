// Any bytes in the wire format, by any kind of schema, are JSON or a problem that says why they are none.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "io/memory_files.h"
#include "registry/local_schemas.h"
#include "stream/decode/record_text.h"

namespace {

using penstock::registry::SchemaKind;

/// Schemas 1 to 3: Avro, Protobuf, JSON.
std::unique_ptr<penstock::registry::LocalSchemas> make_schemas() {
    static penstock::io::MemoryFiles files;
    auto schemas = std::move(*penstock::registry::LocalSchemas::open("registry", files));
    auto put = [&](SchemaKind kind, std::string_view text) {
        if (!schemas->add("s" + std::to_string(int(kind)), kind, text)) std::abort();
    };
    put(SchemaKind::avro, R"({"type":"record","name":"R","fields":[{"name":"n","type":["null","long"]},
        {"name":"next","type":["null","R"]},{"name":"x","type":"double"},
        {"name":"all","type":{"type":"map","values":"bytes"}},
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"list","type":{"type":"array","items":"null"}}]})");
    put(SchemaKind::protobuf,
        R"(syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
        import "google/protobuf/timestamp.proto"; import "google/protobuf/field_mask.proto";
        import "google/protobuf/wrappers.proto";
        message A { A next = 1; map<string, A> all = 2; repeated double x = 3; bytes b = 4;
          enum E { Z = 0; } E e = 5; string s = 6;
          google.protobuf.Any any = 7; google.protobuf.Value value = 8; google.protobuf.Timestamp at = 9;
          google.protobuf.FieldMask mask = 10; google.protobuf.Int64Value n = 11;
          message Inner { oneof o { int32 p = 1; string q = 2; } } })");
    put(SchemaKind::json, "true");
    return schemas;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static auto schemas = make_schemas();
    auto text = penstock::stream::RecordText(schemas.get()).read({reinterpret_cast<const char*>(data), size});
    if (!text) return 0;
    if (text->json.empty() == text->problem.empty()) std::abort();
    if (!text->problem.empty()) return 0;
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    auto error = parser.parse(text->json.data(), text->json.size()).get(element);
    if (error && error != simdjson::DEPTH_ERROR) std::abort();
    return 0;
}
