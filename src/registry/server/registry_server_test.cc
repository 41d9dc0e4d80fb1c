#include "registry/server/registry_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json_writer.h"
#include "io/memory_files.h"
#include "net/http_client.h"

namespace penstock::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RegistryServerTest : public testing::Test {
protected:
    void SetUp() override {
        schemas_ = std::move(*LocalSchemas::open("registry", files_));
        RegistryOptions options;
        options.listen.port = 0;
        auto started = RegistryServer::start(shards_, *schemas_, std::move(options));
        ASSERT_TRUE(started) << started.error().text;
        server_ = std::move(*started);
    }
    /// "200 body"
    std::string call(std::string_view method, std::string_view path, std::string_view body = {}) {
        auto result =
            net::http_request(method, fmt::format("http://127.0.0.1:{}{}", server_->port(), path), body);
        if (!result) return "error: " + result.error().text;
        EXPECT_EQ(result->header("content-type"), "application/vnd.schemaregistry.v1+json") << path;
        return fmt::format("{} {}", result->status, result->body);
    }
    std::string get(std::string_view path) { return call("GET", path); }
    std::string post(std::string_view path, std::string_view body) { return call("POST", path, body); }

    static std::string body(std::string_view schema, std::string_view type = {}) {
        codec::JsonWriter json;
        json.begin_object().field("schema", schema);
        if (!type.empty()) json.field("schemaType", type);
        return json.end_object().take();
    }

    io::MemoryFiles files_;
    net::Shards shards_{1};
    std::unique_ptr<LocalSchemas> schemas_;
    std::unique_ptr<RegistryServer> server_;
};

TEST_F(RegistryServerTest, RegistersLooksUpAndLists) {
    EXPECT_EQ(get("/subjects"), "200 []");
    EXPECT_EQ(post("/subjects/users-value/versions", body(R"({"type": "string"})")), R"(200 {"id":1})");
    EXPECT_EQ(post("/subjects/j/versions", body(R"({"type": "object"})", "JSON")), R"(200 {"id":2})");
    EXPECT_EQ(get("/subjects"), R"(200 ["j","users-value"])");
    EXPECT_EQ(get("/subjects?subjectPrefix=us"), R"(200 ["users-value"])");
    EXPECT_EQ(get("/subjects/users-value/versions"), "200 [1]");
    EXPECT_EQ(get("/subjects/users-value/versions/latest"),
              R"(200 {"subject":"users-value","version":1,"id":1,"schema":"\"string\""})");
    EXPECT_EQ(get("/subjects/users-value/versions/1/schema"), R"(200 "string")");
    EXPECT_EQ(get("/subjects/users-value/versions/1/referencedby"), "200 []");
    EXPECT_EQ(
        get("/subjects/j/versions/1"),
        R"(200 {"subject":"j","version":1,"id":2,"schemaType":"JSON","schema":"{\"type\":\"object\"}"})");
    EXPECT_EQ(post("/subjects/users-value", body(R"("string")")),
              R"(200 {"subject":"users-value","version":1,"id":1,"schema":"\"string\""})");
    EXPECT_EQ(get("/schemas/ids/1"), R"(200 {"schema":"\"string\""})");
    EXPECT_EQ(get("/schemas/ids/2"), R"(200 {"schemaType":"JSON","schema":"{\"type\":\"object\"}"})");
    EXPECT_EQ(get("/schemas/ids/1/schema"), R"(200 "string")");
    EXPECT_EQ(get("/schemas/ids/1/subjects"), R"(200 ["users-value"])");
    EXPECT_EQ(get("/schemas/ids/1/versions"), R"(200 [{"subject":"users-value","version":1}])");
    EXPECT_EQ(get("/schemas/types"), R"(200 ["JSON","PROTOBUF","AVRO"])");
    EXPECT_THAT(get("/schemas?latestOnly=true"), StartsWith(R"(200 [{"subject":"j","version":1,)"));
    EXPECT_EQ(get("/"), "200 {}");
}
TEST_F(RegistryServerTest, SchemasThatReferToOthers) {
    auto name = R"({"type":"enum","name":"n.Colour","symbols":["RED"]})";
    post("/subjects/colour/versions", body(name));
    auto user =
        R"({"schema":"{\"type\":\"array\",\"items\":\"n.Colour\"}","references":[{"name":"n.Colour","subject":"colour","version":-1}]})";
    EXPECT_EQ(post("/subjects/palette/versions", user), R"(200 {"id":2})");
    auto references = R"("references":[{"name":"n.Colour","subject":"colour","version":1}],)";
    EXPECT_EQ(
        get("/schemas/ids/2"),
        fmt::format(R"(200 {{{}"schema":"{{\"type\":\"array\",\"items\":\"n.Colour\"}}"}})", references));
    EXPECT_THAT(get("/subjects/palette/versions/1"), HasSubstr(references));
    EXPECT_THAT(post("/subjects/palette", user),
                StartsWith(R"(200 {"subject":"palette","version":1,"id":2,)"));
    EXPECT_EQ(get("/subjects/colour/versions/latest/referencedby"), "200 [2]");
    EXPECT_EQ(
        call("DELETE", "/subjects/colour/versions/1", ""),
        R"(422 {"error_code":42206,"message":"One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=colour,version=1}."})");
}
TEST_F(RegistryServerTest, ProtobufAsTextAndSerialized) {
    auto text = "syntax = \"proto3\"; message M { int32 a = 1; } // of old";
    EXPECT_EQ(post("/subjects/m/versions", body(text, "PROTOBUF")), R"(200 {"id":1})");
    EXPECT_EQ(
        get("/schemas/ids/1"),
        R"(200 {"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";\n\nmessage M {\n  int32 a = 1;\n}\n\n"})");
    auto serialized = get("/schemas/ids/1/schema?format=serialized").substr(4);
    EXPECT_EQ(post("/subjects/m/versions", body(serialized, "PROTOBUF")), R"(200 {"id":1})") << serialized;
    EXPECT_THAT(get("/subjects/m/versions/1?format=serialized"), HasSubstr(serialized));
}
TEST_F(RegistryServerTest, Pages) {
    for (auto subject : {"a", "b", "c"})
        post(fmt::format("/subjects/{}/versions", subject), body(R"("int")"));
    EXPECT_EQ(get("/subjects?offset=1&limit=1"), R"(200 ["b"])");
    EXPECT_EQ(get("/subjects?offset=1&limit=-1"), R"(200 ["b","c"])");
    EXPECT_EQ(get("/subjects?offset=9"), "200 []");
    EXPECT_EQ(get("/subjects?offset=x&limit=99999999999999999999"), R"(200 ["a","b","c"])");
}
TEST_F(RegistryServerTest, SubjectsWithOddNames) {
    EXPECT_EQ(post("/subjects/a%2Fb%20%C3%A9/versions", body(R"("int")")), R"(200 {"id":1})");
    EXPECT_EQ(get("/subjects"), "200 [\"a/b \xC3\xA9\"]");
}
TEST_F(RegistryServerTest, SaysWhatIsNotThere) {
    EXPECT_EQ(get("/subjects/x/versions"), R"(404 {"error_code":40401,"message":"Subject 'x' not found."})");
    EXPECT_EQ(get("/schemas/ids/9"), R"(404 {"error_code":40403,"message":"Schema 9 not found"})");
    post("/subjects/x/versions", body(R"("int")"));
    EXPECT_EQ(get("/subjects/x/versions/5"), R"(404 {"error_code":40402,"message":"Version 5 not found."})");
    EXPECT_THAT(
        get("/subjects/x/versions/0"),
        StartsWith(
            R"(422 {"error_code":42202,"message":"The specified version '0' is not a valid version id.)"));
    EXPECT_EQ(post("/subjects/x", body(R"("long")")),
              R"(404 {"error_code":40403,"message":"Schema not found"})");
    EXPECT_EQ(
        get("/config/x"),
        R"(404 {"error_code":40408,"message":"Subject 'x' does not have subject-level compatibility configured"})");
}
TEST_F(RegistryServerTest, RefusesBadBodies) {
    EXPECT_THAT(post("/subjects/x/versions", "{"),
                StartsWith(R"(400 {"error_code":400,"message":"The body is not valid JSON)"));
    EXPECT_THAT(post("/subjects/x/versions", "[]"), StartsWith(R"(400 {"error_code":400)"));
    EXPECT_THAT(post("/subjects/x/versions", "{}"),
                StartsWith(R"(422 {"error_code":42201,"message":"Empty schema)"));
    EXPECT_THAT(
        post("/subjects/x/versions", body("{\"type\":\"nix\"}")),
        HasSubstr(
            R"("error_code":42201,"message":"Invalid schema of type AVRO, details: /type: unknown type 'nix')"));
    EXPECT_THAT(post("/subjects/x/versions", body("x", "PROTOBUF")),
                StartsWith(R"(422 {"error_code":42201)"));
    EXPECT_THAT(post("/subjects/x/versions",
                     R"({"schema":"\"int\"","references":[{"name":"a","subject":"b","version":1}]})"),
                StartsWith(R"(422 {"error_code":42201)"));
    EXPECT_THAT(post("/subjects/x/versions", body("x", "XML")),
                HasSubstr("Invalid schema type \\\"XML\\\": expected AVRO, JSON or PROTOBUF"));
    for (auto references :
         {"{}", "[1]", R"([{"name":"a","subject":"b"}])", R"([{"name":"a","subject":"b","version":-2}])"})
        EXPECT_THAT(post("/subjects/x/versions",
                         fmt::format(R"({{"schema":"\"int\"","references":{}}})", references)),
                    StartsWith(R"(422 {"error_code":422,"message":"references: expected a list)"))
            << references;
    EXPECT_THAT(call("PUT", "/config", R"({"compatibility":"SOME"})"),
                StartsWith(R"(422 {"error_code":42203)"));
    EXPECT_THAT(call("PUT", "/mode", R"({"mode":"IMPORT"})"), StartsWith(R"(422 {"error_code":42204)"));
}
TEST_F(RegistryServerTest, CompatibilityAndConfig) {
    EXPECT_EQ(get("/config"), R"(200 {"compatibilityLevel":"BACKWARD"})");
    post("/subjects/x/versions", body(R"("int")"));
    EXPECT_EQ(post("/compatibility/subjects/x/versions/latest", body(R"("long")")),
              R"(200 {"is_compatible":true})");
    EXPECT_EQ(post("/compatibility/subjects/x/versions/latest", body(R"("string")")),
              R"(200 {"is_compatible":false})");
    EXPECT_THAT(post("/compatibility/subjects/x/versions?verbose=true", body(R"("string")")),
                HasSubstr(R"("messages":["{errorType:'TYPE_MISMATCH')"));
    EXPECT_THAT(post("/subjects/x/versions", body(R"("string")")),
                StartsWith(R"(409 {"error_code":409,"message":"Schema being registered is incompatible)"));
    EXPECT_EQ(call("PUT", "/config/x", R"({"compatibility":"none"})"), R"(200 {"compatibility":"NONE"})");
    EXPECT_EQ(get("/config/x"), R"(200 {"compatibilityLevel":"NONE"})");
    EXPECT_EQ(post("/subjects/x/versions", body(R"("string")")), R"(200 {"id":2})");
    EXPECT_EQ(call("DELETE", "/config/x"), R"(200 {"compatibilityLevel":"NONE"})");
    EXPECT_EQ(get("/config/x?defaultToGlobal=true"), R"(200 {"compatibilityLevel":"BACKWARD"})");
    EXPECT_EQ(call("PUT", "/config", R"({"compatibility":"FULL"})"), R"(200 {"compatibility":"FULL"})");
    EXPECT_EQ(call("DELETE", "/config"), R"(200 {"compatibilityLevel":"FULL"})");
}
TEST_F(RegistryServerTest, Modes) {
    EXPECT_EQ(get("/mode"), R"(200 {"mode":"READWRITE"})");
    EXPECT_EQ(call("PUT", "/mode", R"({"mode":"READONLY"})"), R"(200 {"mode":"READONLY"})");
    EXPECT_EQ(post("/subjects/x/versions", body(R"("int")")),
              R"(422 {"error_code":42205,"message":"Subject x is in read-only mode"})");
    EXPECT_EQ(
        get("/mode/x"),
        R"(404 {"error_code":40409,"message":"Subject 'x' does not have subject-level mode configured"})");
    EXPECT_EQ(call("PUT", "/mode/x", R"({"mode":"READWRITE"})"), R"(200 {"mode":"READWRITE"})");
    EXPECT_EQ(post("/subjects/x/versions", body(R"("int")")), R"(200 {"id":1})");
    EXPECT_EQ(call("DELETE", "/mode/x"), R"(200 {"mode":"READWRITE"})");
}
TEST_F(RegistryServerTest, Deletes) {
    post("/subjects/x/versions", body(R"("int")"));
    post("/subjects/x/versions", body(R"("long")"));
    EXPECT_EQ(call("DELETE", "/subjects/x/versions/1"), "200 1");
    EXPECT_EQ(get("/subjects/x/versions"), "200 [2]");
    EXPECT_EQ(get("/subjects/x/versions?deleted=true"), "200 [1,2]");
    EXPECT_EQ(call("DELETE", "/subjects/x/versions/1?permanent=true"), "200 1");
    EXPECT_EQ(call("DELETE", "/subjects/x"), "200 [2]");
    EXPECT_EQ(get("/subjects"), "200 []");
    EXPECT_EQ(get("/subjects?deleted=true"), R"(200 ["x"])");
    EXPECT_EQ(call("DELETE", "/subjects/x?permanent=true"), "200 [2]");
    EXPECT_EQ(call("DELETE", "/subjects/x"),
              R"(404 {"error_code":40401,"message":"Subject 'x' not found."})");
}
TEST_F(RegistryServerTest, PortInUseNamesItsSetting) {
    RegistryOptions options;
    options.listen.port = server_->port();
    auto second = RegistryServer::start(shards_, *schemas_, std::move(options));
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().text, HasSubstr("ports.schemas"));
}

}  // namespace
}  // namespace penstock::registry
