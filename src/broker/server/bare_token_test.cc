// SaslHandshake 0, of clients before Kafka 1.0: tokens follow without a header.
#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

class BareTokenTest : public KafkaServerTest {
protected:
    void SetUp() override {
        KafkaServerOptions options;
        options.security.admin_password = "secret";
        start(std::move(options));
    }
};

TEST_F(BareTokenTest, BareTokensLogIn) {
    auto answer = client_->call<SaslHandshake>({.mechanism = "PLAIN"}, 0);
    ASSERT_EQ(answer.error, ErrorCode::none);
    client_->send_raw(std::string_view("\0admin\0secret", 13));
    EXPECT_EQ(client_->receive(), "") << "an empty token: nothing more to say";
    create("t");
    EXPECT_EQ(produce("t", batch_of({"x"})).error, ErrorCode::none);
}

TEST_F(BareTokenTest, AWrongBareTokenEndsTheConnection) {
    ASSERT_EQ(client_->call<SaslHandshake>({.mechanism = "PLAIN"}, 0).error, ErrorCode::none);
    client_->send_raw(std::string_view("\0admin\0wrong", 12));
    EXPECT_EQ(client_->receive(), "");
    EXPECT_EQ(client_->receive(), "") << "closed";
    client_.emplace(server_->port());
    ASSERT_EQ(client_->call<SaslHandshake>({.mechanism = "PLAIN"}, 0).error, ErrorCode::none);
    client_->send_raw("");  // the smallest token
    EXPECT_EQ(client_->receive(), "");
}

TEST_F(BareTokenTest, AMechanismThatIsNotThereIsToldWithThoseThatAre) {
    auto answer = client_->call<SaslHandshake>({.mechanism = "GSSAPI"}, 0);
    EXPECT_EQ(answer.error, ErrorCode::unsupported_sasl_mechanism);
    EXPECT_EQ(answer.mechanisms.size(), 3U);
    EXPECT_EQ(client_->receive(), "");
}

}  // namespace
}  // namespace penstock::broker
