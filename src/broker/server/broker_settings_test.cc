#include "broker/server/broker_settings.h"

#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

const BrokerSettingValue* find(const std::vector<BrokerSettingValue>& all, std::string_view name) {
    auto found = std::ranges::find(all, name, &BrokerSettingValue::name);
    return found == all.end() ? nullptr : &*found;
}

TEST(BrokerSettings, AreGivenByKafkasNames) {
    KafkaServerOptions server;
    LocalTopicsOptions topics;
    for (auto assignment :
         {"num.partitions=4", "auto.create.topics.enable=false", "group.min.session.timeout.ms=1000",
          "transaction.max.timeout.ms=60000", "log.retention.ms=3600000", "message.max.bytes=2000000"})
        ASSERT_TRUE(set_broker_setting(assignment, server, topics)) << assignment;
    EXPECT_EQ(server.default_partitions, 4);
    EXPECT_FALSE(server.auto_create_topics);
    EXPECT_EQ(server.groups.session_timeout_ms_min, 1000);
    EXPECT_EQ(topics.transactions.max_timeout_ms, 60'000);
    EXPECT_EQ(topics.topic_defaults["retention.ms"], "3600000");
    EXPECT_EQ(topics.topic_defaults["max.message.bytes"], "2000000");
}

TEST(BrokerSettings, ANodeHasItsNumberByEitherName) {
    KafkaServerOptions server;
    LocalTopicsOptions topics;
    ASSERT_TRUE(set_broker_setting("node.id=0", server, topics));
    EXPECT_EQ(topics.node_id, 0);
    ASSERT_TRUE(set_broker_setting("broker.id=7", server, topics));
    EXPECT_EQ(topics.node_id, 7);
    EXPECT_FALSE(set_broker_setting("node.id=-1", server, topics));
    auto all = broker_settings(server, topics, "example:9092");
    for (auto name : {"node.id", "broker.id"}) {
        const auto* setting = find(all, name);
        ASSERT_TRUE(setting) << name;
        EXPECT_EQ(setting->value, "7") << name;
        EXPECT_TRUE(setting->is_given) << name;
    }
}

TEST(BrokerSettings, WhatIsWrongIsNamed) {
    KafkaServerOptions server;
    LocalTopicsOptions topics;
    auto error = [&](std::string_view assignment) {
        auto done = set_broker_setting(assignment, server, topics);
        return done ? std::string() : done.error().text;
    };
    EXPECT_NE(error("num.partitions").find("name=value"), std::string::npos);
    EXPECT_NE(error("num.partitions=0").find("from 1 to"), std::string::npos);
    EXPECT_NE(error("num.partitions=four").find("four"), std::string::npos);
    EXPECT_NE(error("auto.create.topics.enable=yes").find("true or false"), std::string::npos);
    EXPECT_NE(error("log.cleanup.policy=sometimes").find("cleanup.policy"), std::string::npos);
    EXPECT_NE(error("zookeeper.connect=x").find("num.partitions"), std::string::npos);
    EXPECT_EQ(server.default_partitions, 1);
    EXPECT_TRUE(topics.topic_defaults.empty());
}

TEST(BrokerSettings, EachIsListedOnceInOrderWithWhetherItIsGiven) {
    KafkaServerOptions server;
    LocalTopicsOptions topics;
    ASSERT_TRUE(set_broker_setting("num.partitions=4", server, topics));
    ASSERT_TRUE(set_broker_setting("log.retention.ms=1000", server, topics));
    ASSERT_TRUE(set_broker_setting("max.connections=2147483647", server, topics));
    auto all = broker_settings(server, topics, "example:9092");
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &BrokerSettingValue::name));
    EXPECT_EQ(std::ranges::adjacent_find(all, {}, &BrokerSettingValue::name), all.end());
    for (auto [name, value, given] : {std::tuple("num.partitions", "4", true),
                                      {"log.retention.ms", "1000", true},
                                      {"log.retention.bytes", "-1", false},
                                      {"auto.create.topics.enable", "true", false},
                                      {"group.initial.rebalance.delay.ms", "500", false},
                                      {"max.connections", "2147483647", true},
                                      {"advertised.listeners", "PLAINTEXT://example:9092", true}}) {
        const auto* setting = find(all, name);
        ASSERT_TRUE(setting) << name;
        EXPECT_EQ(setting->value, value) << name;
        EXPECT_EQ(setting->is_given, given) << name;
    }
}

TEST_F(KafkaServerTest, BrokersTellTheirSettings) {
    start({.default_partitions = 3});
    auto described = client_->call<DescribeConfigs>(
        {.resources = {{.type = 4, .name = "1", .keys = {{"num.partitions", "log.segment.bytes"}}}},
         .include_synonyms = true},
        4);
    const auto& configs = described.results.at(0).configs;
    ASSERT_EQ(configs.size(), 2u);
    EXPECT_EQ(configs[0].name, "log.segment.bytes");
    EXPECT_EQ(configs[0].source, 5);
    EXPECT_EQ(configs[1].name, "num.partitions");
    EXPECT_EQ(configs[1].value, "3");
    EXPECT_EQ(configs[1].source, 4);
    ASSERT_EQ(configs[1].synonyms.size(), 2u);
    EXPECT_EQ(configs[1].synonyms[1].value, "1");
    EXPECT_EQ(configs[1].synonyms[1].source, 5);
    EXPECT_TRUE(configs[1].read_only);
}

TEST_F(KafkaServerTest, SettingsOfATopicComeInKafkasOrder) {
    create("t");
    auto described = client_->call<DescribeConfigs>({.resources = {{.type = 2, .name = "t"}}}, 4);
    const auto& configs = described.results.at(0).configs;
    ASSERT_EQ(configs.size(), 33u);
    EXPECT_EQ(configs.front().name, "compression.type");
    EXPECT_EQ(configs[8].name, "cleanup.policy");
    EXPECT_EQ(configs.back().name, "segment.index.bytes");
}

TEST_F(KafkaServerTest, PermissionsHoldWithoutLoginWhenSuperUsersAreNamed) {
    start({.security = {.super_users = {"User:somebody"}, .is_authorized = true}});
    auto created = client_->call<CreateTopics>({.topics = {{.name = "t", .partitions = 1}}}, 5);
    EXPECT_EQ(created.topics.at(0).error, ErrorCode::topic_authorization_failed);
    start({.security = {.super_users = {std::string(anonymous)}, .is_authorized = true}});
    CreateAcls::Message acl{.creations = {{.resource_type = 2,
                                           .resource_name = "t",
                                           .pattern_type = 3,
                                           .principal = "User:bob",
                                           .host = "*",
                                           .operation = 3,
                                           .permission = 3}}};
    EXPECT_EQ(client_->call<CreateAcls>(acl, 3).results.at(0).error, ErrorCode::none);
    auto found = client_->call<DescribeAcls>(
        {.resource_type = 1, .pattern_type = 1, .operation = 1, .permission = 1}, 3);
    EXPECT_EQ(found.resources.size(), 1u);
}

TEST_F(KafkaServerTest, ClientsAreToldWhatTheyMayDo) {
    create("t");
    constexpr int of_topic = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
    constexpr int of_cluster = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
    Metadata::Message asks{.topics = {{{.name = "t"}}},
                           .include_cluster_authorized_operations = true,
                           .include_topic_authorized_operations = true};
    auto told = client_->call<Metadata>(asks, 10);
    EXPECT_EQ(told.topics.at(0).authorized_operations, of_topic);
    EXPECT_EQ(told.cluster_authorized_operations, of_cluster);
    auto not_asked = client_->call<Metadata>({.topics = {{{.name = "t"}}}}, 10);
    EXPECT_EQ(not_asked.topics.at(0).authorized_operations, INT32_MIN);
    EXPECT_EQ(not_asked.cluster_authorized_operations, INT32_MIN);
    start({.security = {.allows_without_acl = true}});
    CreateAcls::Message acl{.creations = {{.resource_type = 2,
                                           .resource_name = "t",
                                           .pattern_type = 3,
                                           .principal = std::string(anonymous),
                                           .host = "*",
                                           .operation = 3,
                                           .permission = 3}}};
    EXPECT_EQ(client_->call<CreateAcls>(acl, 3).results.at(0).error, ErrorCode::none);
    told = client_->call<Metadata>(asks, 10);
    EXPECT_EQ(told.topics.at(0).authorized_operations, 1 << 3 | 1 << 8);
}

TEST_F(KafkaServerTest, WhatNoPermissionSpeaksOfIsOpenWhenThatIsSet) {
    start({.security = {.allows_without_acl = true}});
    create("t");
    create("closed");
    CreateAcls::Message acl{.creations = {{.resource_type = 2,
                                           .resource_name = "closed",
                                           .pattern_type = 3,
                                           .principal = "User:bob",
                                           .host = "*",
                                           .operation = 2,
                                           .permission = 3}}};
    EXPECT_EQ(client_->call<CreateAcls>(acl, 3).results.at(0).error, ErrorCode::none);
    EXPECT_EQ(produce("t", batch_of({"a"})).error, ErrorCode::none);
    EXPECT_EQ(produce("closed", batch_of({"a"})).error, ErrorCode::topic_authorization_failed);
}

const DescribeConfigs::Response::Result::Config* find(const DescribeConfigs::Response::Result& result,
                                                      std::string_view name) {
    for (const auto& config : result.configs)
        if (config.name == name) return &config;
    return nullptr;
}

class ConfigTest : public KafkaServerTest {
protected:
    using Change = IncrementalAlterConfigs::Message::Resource::Config;
    ErrorCode alter(std::int8_t type, const std::string& name, std::vector<Change> changes) {
        IncrementalAlterConfigs::Message message{
            .resources = {{.type = type, .name = name, .configs = changes}}};
        return client_->call<IncrementalAlterConfigs>(message, 1).results.at(0).error;
    }
    DescribeConfigs::Response::Result describe(std::int8_t type, const std::string& name) {
        auto described = client_->call<DescribeConfigs>(
            {.resources = {{.type = type, .name = name}}, .include_synonyms = true}, 4);
        return described.results.at(0);
    }
    /// name of type: its value and source.
    void expect(std::int8_t type, const std::string& owner, std::string_view name, std::string_view value,
                int source) {
        auto described = describe(type, owner);
        const auto* config = find(described, name);
        ASSERT_TRUE(config) << name;
        EXPECT_EQ(config->value, value) << name;
        EXPECT_EQ(config->source, source) << name;
    }
};

TEST_F(ConfigTest, DefaultsOfTopicsChangeWhileTheBrokerRuns) {
    create("t");
    EXPECT_EQ(alter(4, "", {{"log.retention.ms", 0, "8000"}, {"message.max.bytes", 0, "900"}}),
              ErrorCode::none);
    EXPECT_EQ(alter(4, "1", {{"log.retention.ms", 0, "7000"}}), ErrorCode::none);
    expect(4, "1", "log.retention.ms", "7000", 2);
    expect(4, "1", "message.max.bytes", "900", 3);
    expect(4, "", "log.retention.ms", "8000", 3);
    expect(2, "t", "retention.ms", "7000", 2);
    EXPECT_EQ(produce("t", batch_of({std::string(1000, 'x')})).error, ErrorCode::message_too_large);
    create("later");
    EXPECT_EQ(produce("later", batch_of({std::string(1000, 'x')})).error, ErrorCode::message_too_large);
    start({});  // the same files
    expect(2, "t", "max.message.bytes", "900", 3);
    EXPECT_EQ(produce("t", batch_of({std::string(1000, 'x')})).error, ErrorCode::message_too_large);
    EXPECT_EQ(alter(4, "", {{"message.max.bytes", 1, std::nullopt}}), ErrorCode::none);
    EXPECT_EQ(produce("t", batch_of({std::string(1000, 'x')})).error, ErrorCode::none);
}

TEST_F(ConfigTest, SomeSettingsOfTheBrokerChangeWhileItRuns) {
    const std::string name = "log.cleaner.backoff.ms";
    expect(4, "1", name, "5000", 5);
    EXPECT_EQ(alter(4, "1", {{name, 0, "x"}}), ErrorCode::invalid_request);
    EXPECT_EQ(alter(4, "1", {{name, 0, "5001"}}), ErrorCode::none);
    expect(4, "1", name, "5001", 2);
    EXPECT_EQ(alter(4, "1", {{name, 1, std::nullopt}}), ErrorCode::none);
    expect(4, "1", name, "5000", 5);
}

TEST_F(ConfigTest, WhatBrokersDoNotTakeIsRefused) {
    EXPECT_EQ(alter(4, "1", {{"num.partitions", 0, "3"}}), ErrorCode::invalid_request);
    EXPECT_EQ(alter(4, "1", {{"log.retention.ms", 0, "x"}}), ErrorCode::invalid_request);
    EXPECT_EQ(alter(4, "1", {{"ssl.key.password", 0, "secret"}}), ErrorCode::invalid_request);
    EXPECT_EQ(alter(4, "7", {{"log.retention.ms", 0, "1"}}), ErrorCode::invalid_request);
    EXPECT_EQ(alter(8, "1", {{"a", 0, "1"}}), ErrorCode::invalid_config) << "no such logger";
    expect(4, "1", "log.retention.ms", "604800000", 5);
    // As Kafka does with what it does not know.
    EXPECT_EQ(alter(4, "1", {{"sasl.kerberos.min.time.before.relogin", 0, "58000"}}), ErrorCode::none);
    expect(4, "1", "sasl.kerberos.min.time.before.relogin", "58000", 2);
}

TEST_F(ConfigTest, GroupsHaveSettingsOfTheirOwn) {
    const std::string name = "consumer.session.timeout.ms";
    expect(32, "g", name, "45000", 5);
    EXPECT_EQ(alter(32, "g", {{name, 0, "50000"}}), ErrorCode::none);
    EXPECT_EQ(alter(32, "g", {{"consumer.heartbeat.interval.ms", 0, "6000"}}), ErrorCode::none);
    for (const auto& [setting, value] :
         {std::pair(name, "5"), {name, "x"}, {"consumer.heartbeat.interval.ms", "99000"}, {"nonsense", "5"}})
        EXPECT_EQ(alter(32, "g", {{setting, 0, value}}), ErrorCode::invalid_config) << setting << value;
    EXPECT_EQ(alter(32, "", {{name, 0, "50000"}}), ErrorCode::invalid_request);
    start({});
    expect(32, "g", name, "50000", 8);
    create("t");
    ConsumerGroupHeartbeat::Message joins{.group_id = "g",
                                          .member_id = "m",
                                          .member_epoch = 0,
                                          .rebalance_timeout_ms = 60'000,
                                          .subscribed_topic_names = {{"t"}},
                                          .topic_partitions = {{}}};
    EXPECT_EQ(client_->call<ConsumerGroupHeartbeat>(joins, 1).heartbeat_interval_ms, 6000);
    auto listed = client_->call<ListConfigResources>({.resource_types = {32}}, 1);
    ASSERT_EQ(listed.resources.size(), 1u);
    EXPECT_EQ(listed.resources[0].name, "g");
    EXPECT_EQ(alter(32, "g", {{"consumer.heartbeat.interval.ms", 1, std::nullopt}}), ErrorCode::none);
    joins.member_epoch = 1;
    EXPECT_EQ(client_->call<ConsumerGroupHeartbeat>(joins, 1).heartbeat_interval_ms, 5000);
}

TEST_F(ConfigTest, ATopicMayHaveNoCleanupAtAll) {
    create("t");
    EXPECT_EQ(alter(2, "t", {{"cleanup.policy", 3, "delete"}}), ErrorCode::none);
    expect(2, "t", "cleanup.policy", "", 1);
    start({});
    expect(2, "t", "cleanup.policy", "", 1);
}

TEST_F(KafkaServerTest, SubscriptionsToClientMetricsAreCheckedKeptAndListed) {
    auto alter = [&](std::string subscription, std::string name, std::string value) {
        kafka::IncrementalAlterConfigsRequest request{
            .resources = {{.type = 16,
                           .name = std::move(subscription),
                           .configs = {{std::move(name), 0, std::move(value)}}}}};
        return client_->call<IncrementalAlterConfigs>(request, 1).results.at(0).error;
    };
    EXPECT_EQ(alter("s", "interval.ms", "10000"), ErrorCode::none);
    EXPECT_EQ(alter("s", "match", "client_id=x.*,client_software_name=y"), ErrorCode::none);
    EXPECT_EQ(alter("s", "interval.ms", "1"), ErrorCode::invalid_request);
    EXPECT_EQ(alter("s", "nonsense", "1"), ErrorCode::invalid_request);
    EXPECT_EQ(alter("", "interval.ms", "10000"), ErrorCode::invalid_request);
    EXPECT_EQ(alter("s", "match", "nonsense=x"), ErrorCode::invalid_config);
    EXPECT_EQ(alter("s", "match", "client_id=("), ErrorCode::invalid_config);
    start({});
    auto listed = client_->call<ListConfigResources>({}, 0).resources;
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].name, "s");
    auto configs =
        client_->call<DescribeConfigs>({.resources = {{.type = 16, .name = "s"}}}, 4).results.at(0).configs;
    ASSERT_EQ(configs.size(), 3U);
    EXPECT_EQ(configs[0].value, "10000");
    EXPECT_EQ(configs[1].value, "client_id=x.*,client_software_name=y");
    EXPECT_EQ(configs[2].source, 5) << "not set";
}

TEST_F(KafkaServerTest, TheLevelOfTheLogIsASettingOfItsLogger) {
    auto alter = [&](std::string logger, std::int8_t operation, std::optional<std::string> level) {
        kafka::IncrementalAlterConfigsRequest request{
            .resources = {
                {.type = 8, .name = "1", .configs = {{std::move(logger), operation, std::move(level)}}}}};
        return client_->call<IncrementalAlterConfigs>(request, 1).results.at(0).error;
    };
    auto level = [&] {
        auto configs = client_->call<DescribeConfigs>({.resources = {{.type = 8, .name = "1"}}}, 4)
                           .results.at(0)
                           .configs;
        return configs.size() == 1 ? configs[0].value.value_or("") : "";
    };
    const auto before = level();
    EXPECT_EQ(alter("root", 0, "WARN"), ErrorCode::none);
    EXPECT_EQ(level(), "WARN");
    EXPECT_EQ(alter("root", 0, "LOUD"), ErrorCode::invalid_config);
    EXPECT_EQ(alter("other", 0, "WARN"), ErrorCode::invalid_config);
    EXPECT_EQ(alter("root", 1, std::nullopt), ErrorCode::invalid_request);
    EXPECT_EQ(level(), "WARN");
    EXPECT_EQ(alter("root", 0, before), ErrorCode::none);
}

}  // namespace
}  // namespace penstock::broker
