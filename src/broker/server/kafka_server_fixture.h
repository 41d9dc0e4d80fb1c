// For tests of the Kafka server: a server over files in memory, and a client that speaks the protocol.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <deque>

#include "broker/server/handlers.h"
#include "broker/server/kafka_server.h"
#include "codec/big_endian.h"
#include "io/memory_files.h"
#include "wire/kafka/record_batch.h"

namespace penstock::broker {

namespace kafka = wire::kafka;
using wire::kafka::BatchBuilder;
using wire::kafka::patch_base_offset;

using Tcp = boost::asio::ip::tcp;

/// A connection that speaks the protocol, one request at a time.
class Client {
public:
    explicit Client(std::uint16_t port) : socket_(context_) {
        socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    }
    void send_raw(std::string_view bytes) {
        std::string framed(4, '\0');
        codec::store_big(framed.data(), std::int32_t(bytes.size()));
        boost::asio::write(socket_, boost::asio::buffer(framed + std::string(bytes)));
    }
    /// The next answer; empty when the server has closed the connection.
    std::string receive() {
        std::array<char, 4> prefix{};
        boost::system::error_code error;
        boost::asio::read(socket_, boost::asio::buffer(prefix), error);
        if (error) return {};
        std::string bytes(std::size_t(codec::load_big<std::int32_t>(prefix.data())), '\0');
        boost::asio::read(socket_, boost::asio::buffer(bytes), error);
        return bytes;
    }
    template <class Message>
    static std::string request(const Message& message, std::int16_t version) {
        std::string bytes;
        codec::append_big(bytes, Message::api.key);
        codec::append_big(bytes, version);
        codec::append_big(bytes, std::int32_t(77));
        codec::append_big(bytes, std::int16_t(4));
        bytes += "test";
        if (version >= Message::api.flexible) bytes += '\0';
        kafka::encode(message, version, bytes);
        return bytes;
    }
    template <class Handler>
    typename Handler::Response call(const typename Handler::Message& message, std::int16_t version) {
        send_raw(request(message, version));
        auto bytes = receive();
        typename Handler::Response response;
        EXPECT_GE(bytes.size(), 4u);
        if (bytes.size() < 4) return response;
        EXPECT_EQ(codec::load_big<std::int32_t>(bytes.data()), 77);
        bool flexible = version >= Handler::Response::api.flexible && Handler::Response::api.key != 18;
        auto body = std::string_view(bytes).substr(flexible ? 5 : 4);
        EXPECT_TRUE(kafka::decode(body, version, response));
        kept_.push_back(std::move(bytes));  // records are views
        return response;
    }

private:
    boost::asio::io_context context_;
    Tcp::socket socket_;
    std::deque<std::string> kept_;
};

inline std::string batch_of(std::initializer_list<std::string_view> values,
                            BatchBuilder::Options options = {}) {
    BatchBuilder builder;
    for (auto value : values) builder.add({.timestamp_ms = 1000, .key = {}, .value = value, .headers = {}});
    return builder.finish(options);
}

class KafkaServerTest : public ::testing::Test {
protected:
    void SetUp() override { start({}); }
    void start(KafkaServerOptions options) {
        server_.reset();
        topics_.reset();
        auto opened = LocalTopics::open({.data_directory = "data", .clock = &clock_, .files = of_topics_});
        ASSERT_TRUE(opened) << opened.error().text;
        topics_ = std::move(*opened);
        options.listen = {.name = "kafka"};
        options.groups.initial_delay_ms = 0;
        server_ = std::move(*KafkaServer::start(shards_, *topics_, std::move(options)));
        client_.emplace(server_->port());
    }
    void create(const std::string& name, std::int32_t partitions = 1, TopicConfig config = {}) {
        ASSERT_TRUE(topics_->create({.name = name, .partitions = partitions, .config = config}));
    }
    Produce::Response::Topic::Partition produce(const std::string& topic, std::string_view records,
                                                std::int16_t version = 9, std::int32_t partition = 0,
                                                std::int16_t acks = -1) {
        kafka::ProduceRequest request{
            .acks = acks,
            .timeout_ms = 1000,
            .topics = {{.name = topic, .partitions = {{.index = partition, .records = {records}}}}}};
        auto response = client_->call<Produce>(request, version);
        return response.topics.at(0).partitions.at(0);
    }
    kafka::FetchRequest fetch_request(const std::string& topic, std::int64_t offset) {
        return {.max_wait_ms = 0,
                .min_bytes = 1,
                .max_bytes = 1 << 20,
                .session_epoch = -1,
                .topics = {{.topic = topic,
                            .partitions = {
                                {.partition = 0, .fetch_offset = offset, .partition_max_bytes = 1 << 20}}}}};
    }
    Fetch::Response::Topic::Partition fetch(const std::string& topic, std::int64_t offset) {
        auto response = client_->call<Fetch>(fetch_request(topic, offset), 11);
        return response.topics.at(0).partitions.at(0);
    }

    io::MemoryFiles files_;
    io::Files* of_topics_ = &files_;
    ManualClock clock_{1'700'000'000'000'000};
    net::Shards shards_{2};
    std::unique_ptr<LocalTopics> topics_;
    std::unique_ptr<KafkaServer> server_;
    std::optional<Client> client_;
};

}  // namespace penstock::broker
