#include "store/cql/like.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::store::cql {
namespace {

class Like : public ::testing::Test {
protected:
    Like() {
        table_.columns = {{0, "k", Kind::int_, ColumnRole::partition_key, 0, false},
                          {1, "v", Kind::text, ColumnRole::regular, 0, false}};
        table_.arrange();
    }
    void add_index(std::map<std::string, std::string> options) {
        IndexDefinition index;
        index.column = 1;
        index.class_name = IndexDefinition::sasi_class;
        index.options = std::move(options);
        table_.indexes.push_back(std::move(index));
    }
    bool matches(std::string_view pattern, std::string_view value) {
        auto test = like_test(table_, table_.columns[1], pattern);
        EXPECT_TRUE(test) << pattern;
        return test && test->matches(value);
    }
    std::string refusal(std::string_view pattern) {
        auto test = like_test(table_, table_.columns[1], pattern);
        return test ? "" : test.error().text;
    }
    TableDefinition table_;
};

TEST_F(Like, WildcardsAreAtTheEnds) {
    EXPECT_FALSE(can_be_like(table_, table_.columns[1]));
    add_index({{"mode", "CONTAINS"}});
    EXPECT_TRUE(can_be_like(table_, table_.columns[1]));
    EXPECT_TRUE(matches("hel%", "hello") && matches("hello", "hello") && matches("%llo", "hello"));
    EXPECT_TRUE(matches("%ell%", "hello") && matches("%%%", "100 %"));
    EXPECT_FALSE(matches("hel%", "Hello") || matches("hello", "hello!") || matches("%ell", "hello"));
    EXPECT_FALSE(matches("h%o", "hello"));
    EXPECT_TRUE(matches("h%o", "h%o"));
    for (auto empty : {"", "%", "%%"}) EXPECT_EQ(refusal(empty), "LIKE value can't be empty.");
}

TEST_F(Like, OnlyWhatTheIndexHas) {
    add_index({});
    EXPECT_TRUE(matches("hel%", "hello"));
    EXPECT_EQ(refusal("%llo"), "v LIKE '%<term>' llo is only supported on properly indexed columns");
    // Of several indexes the first one that can.
    add_index({{"mode", "CONTAINS"}});
    EXPECT_TRUE(matches("%llo", "hello"));
}

TEST_F(Like, TermsThatAreTooLongAreNotFound) {
    add_index({});
    EXPECT_TRUE(matches("y%", std::string(1023, 'y')));
    EXPECT_FALSE(matches("y%", std::string(1024, 'y')));
}

}  // namespace
}  // namespace penstock::store::cql
