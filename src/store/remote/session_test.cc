// Routing, retries and second attempts, against nodes that do as they are told.
#include "store/remote/session.h"

#include <gtest/gtest.h>

#include "store/testing/scripted_node.h"

namespace penstock::store {
namespace {

using wire::cql::ErrorCode;

const std::string id_a(16, 'a');
const std::string id_b(16, 'b');

ScriptedNode::Script always_done() {
    return [](const auto&) { return std::optional(ScriptedNode::done()); };
}

std::unique_ptr<RemoteSession> open(const ScriptedNode& node, const std::string& options = "retry.for=5s") {
    auto settings = parse_cassandra_url(fmt::format("cassandra://127.0.0.1:{}?{}", node.port(), options));
    EXPECT_TRUE(settings) << settings.error().text;
    auto session = RemoteSession::open(*settings);
    EXPECT_TRUE(session) << session.error().text;
    return session ? std::move(*session) : nullptr;
}

template <class Condition>
bool wait_until(Condition condition) {
    for (auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         std::chrono::steady_clock::now() < end;) {
        if (condition()) return true;
        std::this_thread::yield();
    }
    return false;
}

Result<wire::cql::Frame> execute(RemoteSession& session, bool is_read = false,
                                 std::optional<std::int64_t> token = {}) {
    auto statement = TRY(session.prepare("INSERT INTO ks.t (k) VALUES (?)"));
    wire::cql::Execute execute;
    execute.id = statement->prepared.id;
    execute.parameters.values = {{wire::cql::BoundValue::State::set, "v"}};
    Call call;
    call.statement = statement;
    call.is_read = is_read;
    call.token = token;
    wire::cql::append_request(call.body, session.version(), wire::cql::Request(execute));
    return session.run(std::move(call));
}

TEST(RemoteSessionTest, StepsDownToTheVersionThatTheNodeSpeaks) {
    ScriptedNode node(id_a, "0", always_done());
    auto session = open(node);
    EXPECT_EQ(session->version(), 4);
    EXPECT_NE(session->describe().find("4.0 (scripted)"), std::string::npos) << session->describe();
    EXPECT_TRUE(execute(*session));
}

TEST(RemoteSessionTest, WhatPassesIsRepeated) {
    for (auto code : {ErrorCode::overloaded, ErrorCode::is_bootstrapping, ErrorCode::write_timeout,
                      ErrorCode::unavailable, ErrorCode::cas_write_unknown}) {
        std::atomic<int> left{2};
        ScriptedNode node(id_a, "0", [&](const auto&) {
            return std::optional(left-- > 0 ? ScriptedNode::error(code, "not now") : ScriptedNode::done());
        });
        auto session = open(node);
        auto done = execute(*session);
        EXPECT_TRUE(done) << done.error().text;
        EXPECT_EQ(node.asked, 3);
    }
}

TEST(RemoteSessionTest, WhatDoesNotPassIsNot) {
    ScriptedNode node(id_a, "0", [](const auto&) {
        return std::optional(ScriptedNode::error(ErrorCode::invalid, "Undefined column name k"));
    });
    auto session = open(node);
    auto refused = execute(*session);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_EQ(refused.error().text, "Undefined column name k");
    EXPECT_EQ(node.asked, 1);
}

TEST(RemoteSessionTest, TheReasonIsToldWhenItIsGivenUp) {
    ScriptedNode node(id_a, "0", [](const auto&) {
        return std::optional(ScriptedNode::error(ErrorCode::overloaded, "too many writes"));
    });
    auto session = open(node, "retry.for=300ms");
    auto refused = execute(*session);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_NE(refused.error().text.find("too many writes"), std::string::npos);
    EXPECT_NE(refused.error().text.find("Cassandra at 127.0.0.1"), std::string::npos);
    EXPECT_GT(node.asked, 1);
}

TEST(RemoteSessionTest, AForgottenStatementIsPreparedAgain) {
    std::atomic<bool> forgotten{true};
    ScriptedNode node(id_a, "0", [&](const auto&) {
        return std::optional(forgotten.exchange(false)
                                 ? ScriptedNode::error(ErrorCode::unprepared, "unknown", "statement")
                                 : ScriptedNode::done());
    });
    auto session = open(node);
    auto done = execute(*session);
    EXPECT_TRUE(done) << done.error().text;
    EXPECT_EQ(node.prepared, 2);
    EXPECT_EQ(node.asked, 2);
}

TEST(RemoteSessionTest, ASilentNodeIsATimeout) {
    ScriptedNode node(id_a, "0", [](const auto&) { return std::nullopt; });
    auto session = open(node, "retry.for=300ms&request.for=200ms");
    auto refused = execute(*session);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::timeout) << refused.error().text;
}

TEST(RemoteSessionTest, RequestsGoToTheNodeThatHasThePartition) {
    ScriptedNode a(id_a, "-100", always_done());
    ScriptedNode b(id_b, "100", always_done());
    a.set_peers({b.as_peer()});
    auto session = open(a);
    ASSERT_TRUE(wait_until([&] { return b.connections() > 0; }));
    ASSERT_TRUE(session->prepare("INSERT INTO ks.t (k) VALUES (?)"));
    // The connection that b counts may not be started yet; the first answer from it says that it is.
    ASSERT_TRUE(wait_until([&] { return execute(*session, false, 50) && b.asked > 0; }));
    auto before_a = a.asked.load();
    auto before_b = b.asked.load();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(execute(*session, false, -50));
    EXPECT_EQ(b.asked, before_b + 5);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(execute(*session, false, -100));
    EXPECT_EQ(a.asked, before_a + 3);
}

TEST(RemoteSessionTest, WhatIsOfTheSchemaGoesToOneNode) {
    ScriptedNode a(id_a, "-100", always_done());
    ScriptedNode b(id_b, "100", always_done());
    a.set_peers({b.as_peer()});
    auto session = open(a);
    ASSERT_TRUE(wait_until([&] { return execute(*session, false, 50) && b.asked > 0; }));
    auto before_a = a.asked.load();
    auto before_b = b.asked.load();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(session->run_text("CREATE TABLE ks.t (k text PRIMARY KEY)"));
    auto by_a = a.asked - before_a;
    EXPECT_TRUE(by_a == 0 || by_a == 6) << by_a;
    EXPECT_EQ(by_a + b.asked - before_b, 6);
}

TEST(RemoteSessionTest, AnotherNodeIsAskedWhenOneIsOverloaded) {
    ScriptedNode a(id_a, "-100", always_done());
    ScriptedNode b(id_b, "100", [](const auto&) {
        return std::optional(ScriptedNode::error(ErrorCode::overloaded, "not now"));
    });
    a.set_peers({b.as_peer()});
    auto session = open(a);
    ASSERT_TRUE(wait_until([&] { return execute(*session, false, 50) && b.asked > 0; }));
    auto before = a.asked.load();
    ASSERT_TRUE(execute(*session, false, 50));
    EXPECT_EQ(a.asked, before + 1);
}

TEST(RemoteSessionTest, ASlowReadIsAskedOfASecondNodeAndAWriteIsNot) {
    std::atomic<bool> silent{false};
    ScriptedNode a(id_a, "-100", always_done());
    ScriptedNode b(id_b, "100",
                   [&](const auto&) { return silent ? std::nullopt : std::optional(ScriptedNode::done()); });
    a.set_peers({b.as_peer()});
    // One for each, as a connection ends when the node has not answered what was asked first.
    auto reader = open(a, "speculate.after=30ms&request.for=700ms&retry.for=5s");
    auto writer = open(a, "speculate.after=30ms&request.for=700ms&retry.for=5s");
    for (auto* session : {reader.get(), writer.get()}) {
        auto before = b.asked.load();
        ASSERT_TRUE(wait_until([&] { return execute(*session, false, 50) && b.asked > before; }));
    }
    silent = true;
    auto before = a.asked.load();
    ASSERT_TRUE(execute(*reader, true, 50));
    EXPECT_EQ(a.asked, before + 1);
    // A write waits for its answer as long as it may; then another node is asked.
    auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(execute(*writer, false, 50));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(600));
}

TEST(RemoteSessionTest, ANodeThatComesIsFoundAndOneThatLeavesIsLeft) {
    ScriptedNode a(id_a, "-100", always_done());
    ScriptedNode b(id_b, "100", always_done());
    auto session = open(a);
    ASSERT_TRUE(execute(*session));
    EXPECT_EQ(b.connections(), 0);
    auto event = [](const char* change) {
        std::string body;
        wire::cql::append_string(body, "TOPOLOGY_CHANGE");
        wire::cql::append_string(body, change);
        body += '\4' + std::string("\x7F\0\0\1", 4);
        wire::cql::append_int(body, 9042);
        return body;
    };
    a.set_peers({b.as_peer()});
    a.announce(event("NEW_NODE"));
    EXPECT_TRUE(wait_until([&] { return b.connections() > 0; }));
    a.set_peers({});
    a.announce(event("REMOVED_NODE"));
    EXPECT_TRUE(wait_until([&] { return b.connections() == 0; }));
}

}  // namespace
}  // namespace penstock::store
