#include "net/connection.h"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <future>

namespace penstock::net {
namespace {

Task<> echo(Connection connection) {
    std::string buffer(1024, '\0');
    while (true) {
        auto size = co_await connection.read_some(buffer);
        if (!size) co_return;
        auto sent = co_await connection.write(std::string_view(buffer.data(), *size));
        if (!sent) co_return;
    }
}

Task<> greet_when_told(Connection connection, std::shared_ptr<Completion<std::string>>* slot) {
    *slot = std::make_shared<Completion<std::string>>(connection.executor());
    auto text = co_await (*slot)->wait();
    co_await connection.write(text);
}

std::string exchange(std::uint16_t port, std::string_view send) {
    asio::io_context context;
    asio::ip::tcp::socket socket(context);
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    asio::write(socket, asio::buffer(send.data(), send.size()));
    socket.shutdown(asio::ip::tcp::socket::shutdown_send);
    std::string got;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(got), error);
    return got;
}

}  // namespace

TEST(ListenerTest, ServesConnectionsOnTheShards) {
    Shards shards(2);
    auto listener = Listener::start(shards, {.name = "echo"}, echo);
    ASSERT_TRUE(listener) << listener.error().text;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(exchange((*listener)->port(), "hello"), "hello");
    (*listener)->stop();
    EXPECT_EQ((*listener)->connections(), 0);
}

TEST(ListenerTest, APortInUseIsNamedWithItsSetting) {
    Shards shards(1);
    auto first = Listener::start(shards, {.name = "kafka"}, echo);
    ASSERT_TRUE(first);
    auto second =
        Listener::start(shards, {.port = (*first)->port(), .name = "kafka", .setting = "ports.kafka"}, echo);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text.find("ports.kafka"), std::string::npos);
    EXPECT_NE(second.error().text.find(std::to_string((*first)->port())), std::string::npos);
}

TEST(ListenerTest, StopEndsSessionsThatWaitForTheirPeer) {
    Shards shards(1);
    auto listener = Listener::start(shards, {.name = "echo"}, echo);
    asio::io_context context;
    asio::ip::tcp::socket idle(context);
    idle.connect({asio::ip::make_address("127.0.0.1"), (*listener)->port()});
    for (int i = 0; i < 100 && (*listener)->connections() == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    (*listener)->stop();
    EXPECT_EQ((*listener)->connections(), 0);
}

/// Reads a byte at a time; says how many came before the time was up, and why it ended.
Task<> count_bytes(Connection connection, std::chrono::milliseconds limit, std::promise<std::string>* ended) {
    connection.set_timeout(limit);
    int count = 0;
    while (true) {
        char byte = 0;
        auto got = co_await connection.read_exactly(std::span(&byte, 1));
        if (!got) {
            ended->set_value(fmt::format("{} {}", count, got.error().text));
            co_return;
        }
        ++count;
    }
}

TEST(ListenerTest, TheLimitIsOfEachReadAndNotOfAllOfThem) {
    Shards shards(1);
    std::promise<std::string> ended;
    auto listener = *Listener::start(shards, {.name = "test"}, [&](Connection connection) {
        return count_bytes(std::move(connection), std::chrono::milliseconds(400), &ended);
    });
    asio::io_context context;
    asio::ip::tcp::socket socket(context);
    socket.connect({asio::ip::make_address("127.0.0.1"), listener->port()});
    auto outcome = ended.get_future();
    for (int i = 0; i < 8; ++i) {  // twice the limit
        asio::write(socket, asio::buffer("x", 1));
        ASSERT_EQ(outcome.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout) << i;
    }
    EXPECT_EQ(outcome.get(), "8 the peer took too long");
}

TEST(CompletionTest, AnotherThreadDeliversTheValue) {
    Shards shards(1);
    std::shared_ptr<Completion<std::string>> slot;
    auto listener = Listener::start(shards, {.name = "greet"}, [&slot](Connection connection) {
        return greet_when_told(std::move(connection), &slot);
    });
    std::thread teller([&slot] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        slot->set("told");
    });
    EXPECT_EQ(exchange((*listener)->port(), "x"), "told");
    teller.join();
}

}  // namespace penstock::net
