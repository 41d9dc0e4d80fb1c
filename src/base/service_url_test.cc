#include "base/service_url.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

std::optional<std::string> environment(const std::string& name) {
    if (name == "PASSWORD") return "p@ss/word?&%41";
    return std::nullopt;
}

TEST(ServiceUrlTest, EveryPartIsFound) {
    auto url = parse_service_url("kafka://ann:${PASSWORD}@h1:9092,[::1]:9093,h3/a%2Fb?x=1&y=a%20b", "kafka",
                                 environment);
    ASSERT_TRUE(url) << url.error().text;
    EXPECT_EQ(url->user, "ann");
    EXPECT_EQ(url->password, "p@ss/word?&%41");
    EXPECT_EQ(url->host_list(7), "h1:9092,[::1]:9093,h3:7");
    EXPECT_EQ(url->path, "a/b");
    EXPECT_EQ(url->options, (std::map<std::string, std::string>{{"x", "1"}, {"y", "a b"}}));
}

TEST(ServiceUrlTest, HostsMayBeMissing) {
    auto url = parse_service_url("postgresql:///db?host=/run", "postgresql", environment);
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->hosts.empty());
    EXPECT_EQ(url->path, "db");
    EXPECT_FALSE(url->user);
    EXPECT_EQ(url->options.at("host"), "/run");
}

TEST(ServiceUrlTest, ErrorsSayWhatWasExpectedAndNoSecret) {
    for (auto [text, why] :
         {std::pair{"kafka:/h", "expected kafka://"}, std::pair{"http://u:secret1@h", "expected kafka://"},
          std::pair{"kafka://u:secret1?x@h", "1 to 65535"}, std::pair{"kafka://u:secret1@h:0", "1 to 65535"},
          std::pair{"kafka://u:secret1@h:http", "1 to 65535"}, std::pair{"kafka://u:secret1@:90", "no name"},
          std::pair{"kafka://u:secret1@[::1", "']'"}, std::pair{"kafka://u:secret1@h?x", "name=value"},
          std::pair{"kafka://u:secret1@h?x=1&x=2", "twice"},
          std::pair{"kafka://u:secret1%4@h", "hexadecimal"},
          std::pair{"kafka://u:secret1@h?sasl.password=secret1&x=%", "hexad"},
          std::pair{"kafka://u:${MISSING}@h", "MISSING is not set"},
          std::pair{"kafka://u:${MISSING@h", "'}'"}}) {
        auto url = parse_service_url(text, "kafka", environment);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().code, Errc::invalid);
        EXPECT_NE(url.error().text.find(why), std::string::npos) << url.error().text;
        EXPECT_EQ(url.error().text.find("secret1"), std::string::npos) << url.error().text;
    }
}

TEST(ServiceUrlTest, SecretsAreMasked) {
    EXPECT_EQ(masked_url("kafka://u:p@h:1/x?sasl.Password=a&b=c&ssl.key.pem=d"),
              "kafka://u:***@h:1/x?sasl.Password=***&b=c&ssl.key.pem=***");
    EXPECT_EQ(masked_url("kafka://h"), "kafka://h");
    EXPECT_EQ(masked_url("no url"), "no url");
}

}  // namespace
}  // namespace penstock
