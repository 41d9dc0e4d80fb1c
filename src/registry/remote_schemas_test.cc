#include "registry/remote_schemas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "io/memory_files.h"
#include "net/http_server.h"
#include "registry/avro_schema.h"
#include "registry/local_schemas.h"
#include "registry/server/registry_server.h"

namespace penstock::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr RemoteSchemasOptions quick{.attempts = 2, .backoff_us = 1000, .timeout_us = 5'000'000};
constexpr std::string_view record_a = R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"}]})";
constexpr std::string_view record_ac =
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"c","type":"int"}]})";

std::unique_ptr<Schemas> opened(const std::string& url) {
    auto schemas = open_remote_schemas(url, quick);
    EXPECT_TRUE(schemas) << schemas.error().text;
    return schemas ? std::move(*schemas) : nullptr;
}

/// Our own registry behind its port: what the client is given over HTTP is what stands in it.
class RemoteSchemasTest : public testing::Test {
protected:
    RemoteSchemasTest() {
        local_ = std::move(*LocalSchemas::open("registry", files_));
        start(0);
        remote_ = opened(url());
    }
    void start(std::uint16_t port) {
        RegistryOptions options;
        options.listen.port = port;
        server_ = std::move(*RegistryServer::start(shards_, *local_, std::move(options)));
    }
    std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }

    io::MemoryFiles files_;
    net::Shards shards_{1};
    std::unique_ptr<LocalSchemas> local_;
    std::unique_ptr<RegistryServer> server_;
    std::unique_ptr<Schemas> remote_;
};

TEST_F(RemoteSchemasTest, RegistersASchemaThatRefersToAnother) {
    constexpr std::string_view uses_r = R"({"type":"record","name":"S","fields":[{"name":"r","type":"R"}]})";
    ASSERT_TRUE(remote_->put("r", SchemaKind::avro, record_a));
    EXPECT_FALSE(remote_->put("s", SchemaKind::avro, uses_r));
    auto put = remote_->put("s", SchemaKind::avro, uses_r, {{"R", "r", 1}});
    ASSERT_TRUE(put) << put.error().text;
    EXPECT_EQ(put->version, 1);
    EXPECT_THAT(put->references, ElementsAre(SchemaReference{"R", "r", 1}));
    EXPECT_EQ(local_->by_id(put->id)->references, put->references);
    EXPECT_FALSE(remote_->put("s", SchemaKind::avro, uses_r)) << "the one with references answers for it";
}

TEST_F(RemoteSchemasTest, RegistersAndFinds) {
    auto put = remote_->put("users-value", SchemaKind::avro, record_a);
    ASSERT_TRUE(put) << put.error().text;
    EXPECT_EQ(put->id, 1);
    EXPECT_EQ(put->version, 1);
    auto json = remote_->put("a/b \xC3\xA9", SchemaKind::json, R"({"type":"object"})");
    ASSERT_TRUE(json) << json.error().text;
    EXPECT_EQ(local_->by_id(json->id)->kind, SchemaKind::json);
    EXPECT_THAT(*remote_->subjects(), ElementsAre("a/b \xC3\xA9", "users-value"));
    EXPECT_THAT(*remote_->versions("users-value"), ElementsAre(1));
    auto found = remote_->by_id(1);
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->text, record_a);
    EXPECT_EQ(found->kind, SchemaKind::avro);
    auto latest = remote_->get("users-value", -1);
    ASSERT_TRUE(latest) << latest.error().text;
    EXPECT_EQ(latest->version, 1);
    EXPECT_EQ(latest->id, 1);
    EXPECT_EQ(remote_->by_id(json->id)->kind, SchemaKind::json);
}

TEST_F(RemoteSchemasTest, SaysWhatTheRegistrySays) {
    ASSERT_TRUE(remote_->put("users-value", SchemaKind::avro, record_a));
    auto incompatible = remote_->put("users-value", SchemaKind::avro, record_ac);
    ASSERT_FALSE(incompatible);
    EXPECT_EQ(incompatible.error().code, Errc::invalid);
    EXPECT_THAT(incompatible.error().text, HasSubstr("READER_FIELD_MISSING_DEFAULT_VALUE"));
    auto unknown = remote_->by_id(77);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::not_found);
    EXPECT_THAT(unknown.error().text, HasSubstr("(error code 40403)"));
    EXPECT_EQ(remote_->get("none", -1).error().code, Errc::not_found);
    auto no_schema = remote_->put("x", SchemaKind::avro, R"({"type":"record"})");
    EXPECT_EQ(no_schema.error().code, Errc::invalid);
}

TEST_F(RemoteSchemasTest, TheLatestIsAskedForAgainWhatHasANumberIsNot) {
    ASSERT_TRUE(remote_->put("users-value", SchemaKind::avro, record_a));
    ASSERT_TRUE(remote_->by_id(1));
    ASSERT_TRUE(remote_->get("users-value", 1));
    ASSERT_TRUE(local_->add("users-value", SchemaKind::avro, R"({"type":"record","name":"R","fields":[]})"));
    EXPECT_EQ(remote_->get("users-value", -1)->version, 2);
    auto port = server_->port();
    server_.reset();
    EXPECT_TRUE(remote_->by_id(1)) << "known ids need no registry";
    EXPECT_TRUE(remote_->get("users-value", 1));
    EXPECT_TRUE(remote_->put("users-value", SchemaKind::avro, record_a));
    auto unknown = remote_->by_id(2);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::unavailable) << unknown.error().text;
    EXPECT_THAT(unknown.error().text, HasSubstr(std::to_string(port)));
    start(port);
    EXPECT_TRUE(remote_->by_id(2)) << "it is asked again when it is back";
}

TEST_F(RemoteSchemasTest, AnotherHostIsAskedWhenOneIsDown) {
    // Port 1 is nobody's.
    auto both = opened(fmt::format("http://127.0.0.1:1,127.0.0.1:{}", server_->port()));
    ASSERT_TRUE(both->put("users-value", SchemaKind::avro, record_a));
    EXPECT_TRUE(both->by_id(1));
}

TEST(RemoteSchemasUrl, IsChecked) {
    auto error = [](std::string_view url) { return open_remote_schemas(url).error().text; };
    EXPECT_THAT(error("http://"), HasSubstr("names no host"));
    EXPECT_THAT(error("http://h/?colour=red"), HasSubstr("found 'colour'"));
    EXPECT_THAT(error("https://u:secret@h/?verify_tls=maybe"), HasSubstr("verify_tls"));
    EXPECT_THAT(error("https://u:secret@h/?verify_tls=maybe"), testing::Not(HasSubstr("secret")));
    auto schemas = open_remote_schemas("https://u:secret@h1,h2:81/base");
    ASSERT_TRUE(schemas) << schemas.error().text;
    EXPECT_EQ((*schemas)->describe(), "schema registry at https://u:***@h1,h2:81/base");
}

net::Task<net::HttpResponse> answer(net::HttpResponse response) {
    co_return response;
}

/// A registry that does not behave.
class OddRegistry {
public:
    explicit OddRegistry(std::function<net::HttpResponse(const net::HttpRequest&)> respond) {
        auto routes = std::make_shared<net::HttpRoutes>();
        auto handler = [respond](net::HttpRequest request) { return answer(respond(request)); };
        routes->on("GET", "/{path...}", handler);
        routes->on("POST", "/{path...}", handler);
        net::HttpOptions options{.listen = {.port = 0, .name = "odd", .setting = ""}};
        server_ = std::move(*net::HttpServer::start(shards_, std::move(options), routes));
    }
    std::string host() const { return fmt::format("127.0.0.1:{}", server_->port()); }

private:
    net::Shards shards_{1};
    std::unique_ptr<net::HttpServer> server_;
};

TEST(RemoteSchemasOdd, AsksAgainAfterAnErrorOfTheServer) {
    std::atomic<int> asked = 0;
    OddRegistry registry([&](const net::HttpRequest&) {
        if (++asked == 1)
            return net::json_response(R"({"error_code":50003,"message":"leader election"})", 503);
        return net::json_response(R"({"schema":"\"int\""})");
    });
    auto schemas = opened("http://" + registry.host());
    auto schema = schemas->by_id(5);
    ASSERT_TRUE(schema) << schema.error().text;
    EXPECT_EQ(schema->text, "\"int\"");
    EXPECT_EQ(asked, 2);
}

TEST(RemoteSchemasOdd, SendsThePassword) {
    OddRegistry registry([&](const net::HttpRequest& request) {
        bool right = request.header("authorization") == "Basic dTpw";  // u:p
        return right ? net::json_response("[]") : net::json_response(R"({"message":"who are you?"})", 401);
    });
    auto subjects = opened("http://u:p@" + registry.host())->subjects();
    EXPECT_TRUE(subjects) << subjects.error().text;
    auto refused = opened("http://u:wrong@" + registry.host())->subjects();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unauthorized);
    EXPECT_THAT(refused.error().text, HasSubstr("who are you?"));
}

TEST(RemoteSchemasOdd, TakesTheBasePath) {
    std::string path;
    OddRegistry registry([&](const net::HttpRequest& request) {
        path = request.path;
        return net::json_response("[]");
    });
    ASSERT_TRUE(opened("http://" + registry.host() + "/apis/ccompat/v7/")->subjects());
    EXPECT_EQ(path, "/apis/ccompat/v7/subjects");
}

TEST(RemoteSchemasOdd, RefusesWhatIsNoAnswerOfARegistry) {
    OddRegistry registry([&](const net::HttpRequest& request) {
        if (request.path == "/schemas/ids/1") return net::json_response("<html>");
        if (request.path == "/schemas/ids/2") return net::json_response("{}");
        return net::json_response(R"({"schema":"\"A\"","references":[{"name":"A"}]})");
    });
    auto schemas = opened("http://" + registry.host());
    EXPECT_THAT(schemas->by_id(1).error().text, HasSubstr("is not JSON"));
    EXPECT_THAT(schemas->by_id(2).error().text, HasSubstr("holds no schema"));
    EXPECT_THAT(schemas->by_id(3).error().text, HasSubstr("expected a list of objects with name"));
}

TEST(RemoteSchemasOdd, FollowsReferences) {
    OddRegistry registry([&](const net::HttpRequest& request) {
        if (request.path == "/schemas/ids/1")
            return net::json_response(
                R"({"schema":"\"A\"","references":[{"name":"A","subject":"a","version":2}]})");
        if (request.path == "/subjects/a/versions/2")
            return net::json_response(
                R"({"subject":"a","version":2,"id":7,"schema":"{\"type\":\"fixed\",\"name\":\"A\",\"size\":3}"})");
        return net::json_response("{}", 404);
    });
    auto schemas = opened("http://" + registry.host());
    auto parsed = avro_schema(*schemas, *schemas->by_id(1));
    ASSERT_TRUE(parsed) << parsed.error().text;
    EXPECT_EQ(parsed->root().size, 3);
}

}  // namespace
}  // namespace penstock::registry
