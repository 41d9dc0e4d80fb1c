#include "broker/dynamic_configs.h"

#include <gtest/gtest.h>

#include "io/memory_files.h"

namespace penstock::broker {
namespace {

TEST(DynamicConfigs, AreKept) {
    io::MemoryFiles files;
    auto configs = std::move(*DynamicConfigs::open(files, "configs"));
    EXPECT_TRUE(configs->of(ConfigOwner::broker, "").empty());
    const TopicConfig of_broker{{"log.retention.ms", "1"}, {"sasl.kerberos.service.name", ""}};
    const TopicConfig of_group{{"consumer.session.timeout.ms", "50000"}};
    ASSERT_TRUE(configs->replace(ConfigOwner::broker, "", of_broker));
    ASSERT_TRUE(configs->replace(ConfigOwner::group, "a group", of_group));
    ASSERT_TRUE(configs->replace(ConfigOwner::group, "gone", of_group));
    ASSERT_TRUE(configs->replace(ConfigOwner::group, "gone", {}));
    auto again = std::move(*DynamicConfigs::open(files, "configs"));
    for (const auto& each : {&configs, &again}) {
        EXPECT_EQ((*each)->of(ConfigOwner::broker, ""), of_broker);
        EXPECT_EQ((*each)->of(ConfigOwner::group, "a group"), of_group);
        EXPECT_TRUE((*each)->of(ConfigOwner::broker, "a group").empty());
        EXPECT_EQ((*each)->names(ConfigOwner::group), std::vector<std::string>{"a group"});
    }
}

TEST(DynamicConfigs, TheFileIsThis) {
    io::MemoryFiles files;
    auto configs = std::move(*DynamicConfigs::open(files, "configs"));
    ASSERT_TRUE(configs->replace(ConfigOwner::broker, "1", {{"a", "b"}}));
    auto text = files.read_file("configs");
    ASSERT_TRUE(text);
    EXPECT_TRUE(text->starts_with("penstock configs 1\nbroker =MQ== =YQ== =Yg==\n")) << *text;
    ASSERT_TRUE(configs->replace(ConfigOwner::feature, "", {{"f", "1"}}));
    text = files.read_file("configs");
    EXPECT_NE(text->find("\nfeature = =Zg== =MQ==\n"), std::string::npos) << *text;
    for (std::string damaged : {text->substr(0, text->size() - 3), "x" + *text, std::string()}) {
        ASSERT_TRUE(files.replace_file("configs", damaged));
        auto opened = DynamicConfigs::open(files, "configs");
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, Errc::corrupt);
    }
}

}  // namespace
}  // namespace penstock::broker
