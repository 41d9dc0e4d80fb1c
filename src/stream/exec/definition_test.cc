#include "stream/exec/definition.h"

#include <gtest/gtest.h>

namespace penstock::stream {
namespace {

class KeyRemarkTest : public ::testing::Test {
protected:
    /// Of a query over a topic with country, city and at.
    static std::string remark(std::string sql, const std::vector<std::string>& key,
                              std::string into = "ks.t") {
        pipeline::TopicSpec topic;
        topic.name = "users";
        topic.schema.text = "country STRING, city STRING, at TIMESTAMP";
        pipeline::QuerySpec query;
        query.name = "q";
        query.sql.text = std::move(sql);
        query.into = std::move(into);
        for (const auto& column : key) query.key.push_back({column, false});
        auto relation = topic_relation("users", &topic);
        EXPECT_TRUE(relation);
        auto plan = plan_continuous(query, *relation);
        EXPECT_TRUE(plan) << plan.error().text;
        return key_remark(query, *plan).value_or("");
    }
};

TEST_F(KeyRemarkTest, GroupsThatTheKeyDoesNotTellApartAreNamed) {
    EXPECT_EQ(
        remark("SELECT country, city AS town, count(*) AS n FROM users GROUP BY country, city", {"country"}),
        "its rows are grouped by town, which the key of ks.t leaves out: groups of one key replace each "
        "other");
    EXPECT_EQ(
        remark("SELECT country, count(*) AS n FROM users GROUP BY country, window(at, '1 hour'), city",
               {"country"}),
        "its rows are grouped by the window and what is not selected, which the key of ks.t leaves out: "
        "groups of one key replace each other");
}

TEST_F(KeyRemarkTest, GroupsThatTheKeyTellsApartAreNot) {
    EXPECT_EQ(
        remark("SELECT country, city, count(*) AS n FROM users GROUP BY country, city", {"country", "city"}),
        "");
    EXPECT_EQ(remark("SELECT concat(country, city) AS place, count(*) AS n FROM users GROUP BY country, city",
                     {"place"}),
              "");
    EXPECT_EQ(remark("SELECT country, window.end AS until, count(*) AS n FROM users "
                     "GROUP BY country, window(at, '1 hour')",
                     {"country", "until"}),
              "");
    EXPECT_EQ(remark("SELECT country, city FROM users", {"country"}), "") << "not grouped";
    EXPECT_EQ(remark("SELECT country, count(*) AS n FROM users GROUP BY country, city", {}, "topic:counts"),
              "")
        << "a topic keeps every row";
}

}  // namespace
}  // namespace penstock::stream
