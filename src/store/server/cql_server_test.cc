#include "store/server/cql_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "wire/cql/frame.h"
#include "wire/cql/primitives.h"
#include "wire/cql/request.h"
#include "wire/cql/response.h"

namespace penstock::store {
namespace {

using namespace wire::cql;

/// A client that speaks version 4, and whatever bytes it likes.
class Client {
public:
    explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        timeval limit{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ~Client() { ::close(socket_); }

    void send(std::string_view bytes) {
        EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
    }
    void request(Opcode opcode, std::string_view body, std::int16_t stream = 1) {
        std::string bytes;
        append_request_frame(bytes, 4, stream, opcode, 0, body);
        send(bytes);
    }
    bool read(char* into, std::size_t size) {
        while (size > 0) {
            auto got = ::recv(socket_, into, size, 0);
            if (got <= 0) return false;
            into += got;
            size -= std::size_t(got);
        }
        return true;
    }
    /// The next response, or nothing when the server has closed.
    std::optional<Frame> response() {
        char header[9];
        if (!read(header, 9)) return std::nullopt;
        Frame out;
        out.version = static_cast<unsigned char>(header[0]) & 0x7F;
        BodyReader reader(std::string_view(header + 2, 7));
        out.stream = reader.integer<std::int16_t>();
        out.opcode = Opcode(reader.byte());
        out.body.resize(std::size_t(reader.int_integer()));
        if (!read(out.body.data(), out.body.size())) return std::nullopt;
        return out;
    }
    void start() {
        std::string body;
        append_short(body, 1);
        append_string(body, "CQL_VERSION");
        append_string(body, "3.4.5");
        request(Opcode::startup, body);
    }
    Frame query(std::string_view text, std::int16_t stream = 1) {
        send_query(text, stream);
        auto out = response();
        EXPECT_TRUE(out.has_value());
        return out.value_or(Frame{});
    }
    void send_query(std::string_view text, std::int16_t stream) {
        std::string bytes;
        append_query(bytes, text, stream);
        send(bytes);
    }
    static void append_query(std::string& bytes, std::string_view text, std::int16_t stream) {
        std::string body;
        append_int(body, std::int32_t(text.size()));
        body += text;
        append_short(body, 1);
        body += '\0';
        append_request_frame(bytes, 4, stream, Opcode::query, 0, body);
    }

private:
    int socket_;
};

std::pair<ErrorCode, std::string> error_in(const Frame& frame) {
    EXPECT_EQ(frame.opcode, Opcode::error);
    BodyReader reader(frame.body);
    auto code = ErrorCode(reader.int_integer());
    return {code, std::string(reader.string())};
}

class CqlServerTest : public ::testing::Test {
protected:
    CqlServerTest() {
        static int counter = 0;
        directory_ = std::filesystem::temp_directory_path() /
                     ("penstock_cql_" + std::to_string(::getpid()) + "_" + std::to_string(counter++));
        std::filesystem::create_directories(directory_);
        StoreOptions store;
        store.data_directory = directory_.string();
        tables_ = std::move(*open_local_tables(store));
        options_.listen.port = 0;
    }
    ~CqlServerTest() override {
        server_.reset();
        shards_.stop();
        tables_.reset();
        std::filesystem::remove_all(directory_);
    }
    std::uint16_t start() {
        server_ = std::move(*CqlServer::start(shards_, *tables_, options_));
        return server_->port();
    }

    std::filesystem::path directory_;
    net::Shards shards_{2};
    std::unique_ptr<LocalTables> tables_;
    CqlServerOptions options_;
    std::unique_ptr<CqlServer> server_;
};

}  // namespace

TEST_F(CqlServerTest, VersionsOfOtherServersAreRefusedInVersionFive) {
    Client client(start());
    client.send(std::string("\x42\0\0\0\5\0\0\0\0", 9));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->version, 5);
    auto [code, text] = error_in(*answer);
    EXPECT_EQ(code, ErrorCode::protocol);
    EXPECT_EQ(
        text,
        "Invalid or unsupported protocol version (66); supported versions are (3/v3, 4/v4, 5/v5, 6/v6-beta)");
    EXPECT_FALSE(client.response());
}

TEST_F(CqlServerTest, AClientThatSpeaksVersionTwoIsToldSoInIt) {
    Client client(start());
    client.send(std::string("\2\0\3\5\0\0\0\0", 8));
    char answer[8];
    ASSERT_TRUE(client.read(answer, sizeof answer));
    EXPECT_EQ(std::string(answer, 4), std::string("\x82\0\3\0", 4));
}

/// In version 5 or later the answer to STARTUP comes as it is, and all behind it in segments.
class SegmentedClient {
public:
    SegmentedClient(std::uint16_t port, int version) : client_(port), version_(version) {
        std::string frame, body;
        append_request(body, version_, Startup{{{"CQL_VERSION", "3.4.7"}}});
        append_request_frame(frame, version_, 0, Opcode::startup, 0, body);
        client_.send(frame);
        EXPECT_EQ(client_.response()->opcode, Opcode::ready);
    }
    Frame run(const Request& request) {
        std::string body, frame, segment;
        append_request(body, version_, request);
        append_request_frame(frame, version_, 1, opcode_of(request), 0, body);
        append_segments(segment, frame, false);
        client_.send(segment);
        char head[6], tail[4];
        EXPECT_TRUE(client_.read(head, sizeof head));
        Frame out = *client_.response();
        EXPECT_TRUE(client_.read(tail, sizeof tail));
        return out;
    }
    Frame run_at(std::uint32_t now_seconds, std::string_view text) {
        Query query;
        query.text = text;
        query.parameters.now_seconds = now_seconds;
        return run(query);
    }

private:
    Client client_;
    int version_;
};

TEST_F(CqlServerTest, TheBetaOfVersionSixIsLikeFive) {
    SegmentedClient client(start(), 6);
    auto answer = client.run(Query{"SELECT key FROM system.local", {}});
    EXPECT_EQ(answer.version, 6);
    EXPECT_EQ(answer.opcode, Opcode::result);
}

TEST_F(CqlServerTest, TheClientMaySayWhatTimeItIs) {
    SegmentedClient client(start(), 5);
    client.run(Query{
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", {}});
    client.run(Query{"CREATE TABLE k.t (k int PRIMARY KEY, v int)", {}});
    client.run_at(0, "INSERT INTO k.t (k, v) VALUES (1, 1) USING TTL 20");
    BatchRequest batch;
    batch.items.push_back({false, "INSERT INTO k.t (k, v) VALUES (2, 1) USING TTL 20", {}});
    batch.parameters.now_seconds = 0;
    client.run(batch);
    for (auto key : {"1", "2"}) {
        auto query = std::string("SELECT ttl(v) FROM k.t WHERE k = ") + key;
        auto alive = client.run_at(15, query).body;
        EXPECT_TRUE(alive.ends_with(std::string("\0\0\0\1\0\0\0\4\0\0\0\5", 12))) << key;
        EXPECT_TRUE(client.run_at(25, query).body.ends_with(std::string(4, '\0'))) << key;
        EXPECT_TRUE(client.run(Query{query, {}}).body.ends_with(std::string(4, '\0'))) << key;
    }
    client.run_at(UINT32_MAX - 10, "INSERT INTO k.t (k, v) VALUES (3, 1) USING TTL 20");
    EXPECT_TRUE(client.run_at(UINT32_MAX - 3, "SELECT v FROM k.t WHERE k = 3")
                    .body.ends_with(std::string("\0\0\0\1", 4)));
    auto unless_there = "INSERT INTO k.t (k, v) VALUES (1, 2) IF NOT EXISTS";
    client.run_at(10, unless_there);  // it is there, then
    EXPECT_TRUE(
        client.run_at(15, "SELECT v FROM k.t WHERE k = 1").body.ends_with(std::string("\0\0\0\1", 4)));
}

TEST_F(CqlServerTest, NothingRunsBeforeStartup) {
    Client client(start());
    EXPECT_EQ(error_in(client.query("SELECT * FROM system.local")).second,
              "Unexpected message QUERY, expecting STARTUP or OPTIONS");
    client.start();
    EXPECT_EQ(client.response()->opcode, Opcode::ready);
    EXPECT_EQ(client.query("SELECT * FROM system.local").opcode, Opcode::result);
}

TEST_F(CqlServerTest, ABodyThatIsTooLargeEndsThatConnectionOnly) {
    options_.max_frame = 1000;
    auto port = start();
    Client large(port), other(port);
    large.send(std::string("\4\0\0\1\7\0\0\x10\0", 9));
    auto [code, text] = error_in(*large.response());
    EXPECT_EQ(code, ErrorCode::protocol);
    EXPECT_FALSE(large.response());
    other.start();
    EXPECT_EQ(other.response()->opcode, Opcode::ready);
}

TEST_F(CqlServerTest, ABodyThatIsCutShortIsAProtocolErrorAndTheConnectionGoesOn) {
    Client client(start());
    client.start();
    client.response();
    client.request(Opcode::query, std::string("\0\0\1\0x", 5));
    EXPECT_EQ(error_in(*client.response()).first, ErrorCode::protocol);
    EXPECT_EQ(client.query("SELECT key FROM system.local").opcode, Opcode::result);
}

TEST_F(CqlServerTest, PasswordsAreAskedFor) {
    options_.user = "ada";
    options_.password = "secret";
    Client client(start());
    client.start();
    EXPECT_EQ(client.response()->opcode, Opcode::authenticate);
    EXPECT_EQ(error_in(client.query("SELECT * FROM system.local")).second,
              "Unexpected message QUERY, expecting AUTH_RESPONSE");
    auto log_in = [&](std::string_view password) {
        std::string token("\0ada\0", 5), body;
        token += password;
        append_bytes(body, token);
        client.request(Opcode::auth_response, body);
        return *client.response();
    };
    EXPECT_EQ(error_in(log_in("wrong")).first, ErrorCode::bad_credentials);
    EXPECT_EQ(error_in(log_in("")).first, ErrorCode::bad_credentials);
    EXPECT_EQ(log_in("secret").opcode, Opcode::auth_success);
    EXPECT_EQ(client.query("SELECT key FROM system.local").opcode, Opcode::result);
}

TEST_F(CqlServerTest, MoreRequestsThanMayBeUnderWayAreAllAnswered) {
    options_.max_in_flight = 4;
    Client client(start());
    client.start();
    client.response();
    for (std::int16_t i = 0; i < 200; ++i) client.send_query("SELECT * FROM system_schema.tables", i);
    std::vector<bool> seen(200);
    for (int i = 0; i < 200; ++i) {
        auto answer = client.response();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->opcode, Opcode::result);
        seen[std::size_t(answer->stream)] = true;
    }
    EXPECT_EQ(std::ranges::count(seen, true), 200);
}

TEST_F(CqlServerTest, RequestsInOneGoAreTakenInTheirOrder) {
    Client client(start());
    client.start();
    ASSERT_EQ(client.response()->opcode, Opcode::ready);
    // More than are taken in a row, with errors among them; what comes behind USE has its keyspace.
    constexpr int count = 200;
    std::string bytes;
    auto add = [&](std::string_view text, int stream) {
        Client::append_query(bytes, text, std::int16_t(stream));
    };
    add("SELECT key FROM local", 0);
    add("USE system", 1);
    for (int i = 2; i < count; ++i)
        add(i % 10 == 0 ? "SELECT nothing FROM local" : "SELECT key FROM local", i);
    client.send(bytes);
    std::set<int> answered;
    for (int i = 0; i < count; ++i) {
        auto answer = client.response();
        ASSERT_TRUE(answer);
        EXPECT_TRUE(answered.insert(answer->stream).second) << answer->stream;
        bool refused = answer->stream % 10 == 0;
        EXPECT_EQ(answer->opcode, refused ? Opcode::error : Opcode::result) << answer->stream;
    }
}

TEST_F(CqlServerTest, ThoseWhoAskedHearOfSchemaChanges) {
    auto port = start();
    Client listener(port), maker(port);
    for (auto* client : {&listener, &maker}) {
        client->start();
        client->response();
    }
    std::string body;
    append_string_list(body, {"SCHEMA_CHANGE"});
    listener.request(Opcode::register_, body);
    EXPECT_EQ(listener.response()->opcode, Opcode::ready);
    maker.query("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    auto event = listener.response();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->opcode, Opcode::event);
    EXPECT_EQ(event->stream, -1);
    std::string expected;
    append_schema_change_event(expected, {"CREATED", "KEYSPACE", "ks", ""});
    EXPECT_EQ(event->body, expected);
}

TEST_F(CqlServerTest, WritesOfTheEngineAndOfClientsMeet) {
    Client client(start());
    client.start();
    client.response();
    Schema schema{{"id", TypeId::string}, {"n", TypeId::int64}, {"v", TypeId::string}};
    ASSERT_TRUE(tables_->ensure({"ks", "t", schema, {"id"}, {}}));
    auto batch = make_batch(schema);
    batch.columns[0].append_string("a");
    batch.columns[1].append_integer(1);
    batch.columns[2].append_string("engine");
    batch.rows = 1;
    ASSERT_TRUE(tables_->commit({"q", {{"ks.t", &batch, 1000}}, {}, "c"}));
    EXPECT_EQ(client.query("UPDATE ks.t USING TIMESTAMP 2000 SET v = 'client' WHERE id = 'a'").opcode,
              Opcode::result);
    EXPECT_EQ(client.query("UPDATE ks.t USING TIMESTAMP 500 SET n = 7 WHERE id = 'a'").opcode,
              Opcode::result);
    auto cursor = tables_->scan("ks.t", {});
    auto rows = (*cursor)->next(10);
    ASSERT_EQ(rows->rows, 1u);
    EXPECT_EQ(rows->columns[1].integers[0], 1);
    EXPECT_EQ(rows->columns[2].strings[0], "client");
}

TEST_F(CqlServerTest, StoppingWithClientsConnected) {
    auto port = start();
    Client client(port);
    client.start();
    client.response();
    server_->stop();
    EXPECT_FALSE(client.response());
}

}  // namespace penstock::store
