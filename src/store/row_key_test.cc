#include "store/row_key.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/cql/parser.h"
#include "store/cql/term_value.h"
#include "store/number.h"
#include "store/token.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store {
namespace {

std::string encoded(const DataType& type, bool descending, std::string_view value) {
    std::string out;
    append_clustering(out, type, descending, value);
    return out;
}

std::string decoded(const DataType& type, bool descending, std::string_view bytes) {
    std::string out;
    EXPECT_TRUE(take_clustering(bytes, type, descending, out));
    EXPECT_TRUE(bytes.empty());
    return out;
}

/// Texts in ascending order encode in ascending order, and come back; descending ones the other way.
void expect_order(const DataType& type, const std::vector<std::string>& ascending) {
    std::vector<std::string> values;
    for (const auto& text : ascending) {
        auto value = cql::parse_text_value(type, text);
        ASSERT_TRUE(value) << text << ": " << value.error().text;
        values.push_back(*value);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (bool descending : {false, true}) {
            auto bytes = encoded(type, descending, values[i]);
            EXPECT_EQ(decoded(type, descending, bytes), values[i]) << ascending[i];
            if (i == 0) continue;
            auto before = encoded(type, descending, values[i - 1]);
            EXPECT_EQ(before < bytes, !descending) << ascending[i - 1] << " and " << ascending[i];
            EXPECT_FALSE(bytes.starts_with(before) || before.starts_with(bytes));
            EXPECT_LT(compare(type, values[i - 1], values[i]), 0);
        }
    }
}

}  // namespace

/// The tokens that Cassandra's own drivers compute.
TEST(TokenTest, AsCassandrasPartitioner) {
    EXPECT_EQ(token_of(""), INT64_MIN);
    EXPECT_EQ(token_of("a"), -8839064797231613815);
    EXPECT_EQ(token_of("123"), -7468325962851647638);
    EXPECT_EQ(token_of(std::string_view("\x80\xff\x00", 3)), 4621591157160792570);
    EXPECT_EQ(token_of("hello world 12345"), 9207143624663444507);
    EXPECT_EQ(token_of("\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff\xfe\x81"),
              -1361530383173793138);
    EXPECT_EQ(token_of("123456789\xf0\xf1\xf2\xf3\xf4"), 2813647301738422100);
}

/// Values with parts, written as CQL literals, in ascending order.
void expect_literal_order(const std::string& type_text, const std::vector<std::string>& ascending) {
    auto type = parse_data_type(type_text);
    ASSERT_TRUE(type);
    std::vector<std::string> values;
    for (const auto& text : ascending) {
        auto parsed = cql::parse("INSERT INTO k.t (a) VALUES (" + text + ")");
        ASSERT_TRUE(parsed) << text << ": " << parsed.error().text;
        auto value = cql::evaluate(std::get<cql::Insert>(parsed->statement).values[0], *type, "a", {});
        ASSERT_TRUE(value) << text << ": " << value.error().text;
        values.push_back(value->bytes);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (bool descending : {false, true}) {
            auto bytes = encoded(*type, descending, values[i]);
            EXPECT_EQ(compare(*type, decoded(*type, descending, bytes), values[i]), 0) << ascending[i];
            EXPECT_EQ(encoded(*type, descending, decoded(*type, descending, bytes)), bytes) << ascending[i];
            if (i == 0) continue;
            auto before = encoded(*type, descending, values[i - 1]);
            EXPECT_EQ(before < bytes, !descending) << ascending[i - 1] << " and " << ascending[i];
            EXPECT_FALSE(bytes.starts_with(before) || before.starts_with(bytes));
        }
    }
}

TEST(ClusteringTest, DecimalsAndWhatHasParts) {
    expect_literal_order(
        "decimal", {"-1e30", "-100", "-99.9", "-10",  "-1.5", "-1", "-0.1", "-1e-30", "0",   "1e-30", "0.01",
                    "0.099", "0.1",  "1",     "1.05", "1.5",  "9",  "10",   "99.9",   "100", "1e30"});
    expect_literal_order("frozen<list<int>>", {"[]", "[-5]", "[1]", "[1, -1]", "[1, 2]", "[1, 2, 3]", "[2]"});
    expect_literal_order("frozen<set<text>>", {"{}", "{'a'}", "{'a', 'b'}", "{'ab'}", "{'b'}"});
    expect_literal_order("frozen<map<int, text>>",
                         {"{}", "{1: 'a'}", "{1: 'a', 2: 'a'}", "{1: 'b'}", "{2: ''}"});
    expect_literal_order("tuple<int, text>",
                         {"(null, null)", "(null, 'a')", "(1, null)", "(1, 'a')", "(2, null)"});
    expect_literal_order(
        "frozen<list<frozen<tuple<decimal, frozen<set<int>>>>>>",
        {"[]", "[(1.5, {})]", "[(1.5, {1})]", "[(1.5, {1}), (0, {})]", "[(1.5, {1, 2})]", "[(2, {})]"});
    EXPECT_FALSE(can_cluster(Kind::duration));
    EXPECT_FALSE(can_cluster(*parse_data_type("frozen<list<duration>>")));
    // The same number, however it was written, is the same key.
    auto decimal = [](std::string_view text) {
        return encoded(Kind::decimal, false, *cql::parse_text_value(Kind::decimal, text));
    };
    EXPECT_EQ(decimal("1.50"), decimal("1.5"));
    EXPECT_EQ(decimal("100"), decimal("1e2"));
    EXPECT_EQ(decoded(Kind::decimal, false, decimal("1e2")), *cql::parse_text_value(Kind::decimal, "100"));
}

/// No bytes may make it read beyond their end.
TEST(ClusteringTest, BytesCutShortAreNotAnEncoding) {
    auto type = *parse_data_type("tuple<int, frozen<map<text, decimal>>>");
    auto parsed = *cql::parse("INSERT INTO k.t (a) VALUES ((7, {'x': -1.5, 'y': 2}))");
    auto value = *cql::evaluate(std::get<cql::Insert>(parsed.statement).values[0], type, "a", {});
    auto whole = encoded(type, false, value.bytes);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        std::string_view cut(whole.data(), size);
        std::string out;
        EXPECT_FALSE(take_clustering(cut, type, false, out)) << size;
    }
}

TEST(ClusteringTest, OrderIsTheValuesOrder) {
    expect_order(Kind::tinyint, {"-128", "-1", "0", "127"});
    expect_order(Kind::smallint, {"-32768", "-1", "0", "32767"});
    expect_order(Kind::int_, {"-2147483648", "-1", "0", "1", "2147483647"});
    expect_order(Kind::bigint, {"-9223372036854775808", "-1", "0", "9223372036854775807"});
    expect_order(Kind::float_, {"-Infinity", "-1.5", "-0.0", "0.0", "1.5", "Infinity", "NaN"});
    expect_order(Kind::double_,
                 {"-Infinity", "-1e300", "-1e-300", "0", "1e-300", "1e300", "Infinity", "NaN"});
    expect_order(Kind::boolean, {"false", "true"});
    expect_order(Kind::date, {"-0044-03-15", "1969-12-31", "1970-01-01", "2024-02-29"});
    expect_order(Kind::time, {"00:00:00", "00:00:00.000000001", "23:59:59.999999999"});
    expect_order(Kind::timestamp, {"-1", "0", "2024-02-29 12:00:00+0000"});
    expect_order(Kind::varint,
                 {"-340282366920938463463374607431768211456", "-65536", "-256", "-129", "-128", "-1", "0",
                  "1", "127", "128", "255", "256", "65535", "340282366920938463463374607431768211456"});
    expect_order(Kind::inet, {"0.0.0.1", "10.0.0.1", "255.255.255.255"});
    expect_order(Kind::uuid, {"50554d6e-29bb-11e5-b345-feff819cdc9f", "00000000-29bb-11e6-b345-feff819cdc9f",
                              "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-b456-426614174000",
                              "123e4567-e89b-52d3-a456-426614174000"});
    expect_order(Kind::timeuuid,
                 {"50554d6e-29bb-11e5-b345-feff819cdc9f", "50554d6f-29bb-11e5-b345-feff819cdc9f",
                  "00000000-29bb-11e6-b345-feff819cdc9f"});
    expect_order(Kind::text, {"", "a", "aa", "ab", "b", "\xC3\xA4"});
}

TEST(ClusteringTest, NullComesBeforeAllValuesAlsoWhereTheyDescend) {
    for (bool descending : {false, true}) {
        ColumnDefinition column;
        column.type = Kind::int_;
        column.descending = descending;
        column.nullable = true;
        auto encode = [&](const std::optional<std::string_view>& value) {
            std::string out;
            append_clustering(out, column, value);
            return out;
        };
        std::string least("\x80\0\0\0", 4), greatest("\x7F\xFF\xFF\xFF", 4);
        for (const auto& value : {least, greatest}) {
            EXPECT_LT(encode(std::nullopt), encode(value));
            auto bytes = encode(value) + "rest";
            std::string_view rest(bytes);
            std::optional<std::string> back;
            ASSERT_TRUE(take_clustering(rest, column, back));
            EXPECT_EQ(back, value);
            EXPECT_EQ(rest, "rest");
        }
        auto null = encode(std::nullopt);
        std::string_view rest(null);
        std::optional<std::string> back("before");
        ASSERT_TRUE(take_clustering(rest, column, back));
        EXPECT_FALSE(back);
        EXPECT_TRUE(rest.empty());
        EXPECT_FALSE(take_clustering(rest, column, back));
    }
}

TEST(ClusteringTest, ZeroBytesInTexts) {
    std::vector<std::string> ascending{"",
                                       std::string(1, '\0'),
                                       std::string(2, '\0'),
                                       std::string("\0\x01", 2),
                                       "\x01",
                                       "a",
                                       std::string("a\0", 2),
                                       std::string("a\0\xFF", 3),
                                       "a\x01"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (bool descending : {false, true}) {
            EXPECT_EQ(decoded(Kind::blob, descending, encoded(Kind::blob, descending, ascending[i])),
                      ascending[i]);
            if (i > 0)
                EXPECT_EQ(encoded(Kind::blob, descending, ascending[i - 1]) <
                              encoded(Kind::blob, descending, ascending[i]),
                          !descending);
        }
    }
}

TEST(ClusteringTest, RandomPairsCompareAsTheirValues) {
    std::mt19937_64 random(5);
    for (int i = 0; i < 5000; ++i) {
        auto a = varint_of(std::int64_t(random()) >> (random() % 64)),
             b = varint_of(std::int64_t(random()) >> (random() % 64));
        auto order = compare_varint(a, b);
        auto left = encoded(Kind::varint, false, a), right = encoded(Kind::varint, false, b);
        ASSERT_EQ(order < 0, left < right);
        ASSERT_EQ(order == 0, left == right);
    }
}

TEST(RowKeyTest, KeysOfATableAreInTheOrderOfTheirTokens) {
    std::mt19937 random(3);
    std::vector<std::string> keys;
    for (int i = 0; i < 500; ++i) keys.push_back("key " + std::to_string(random()));
    std::ranges::sort(keys, {}, [](const std::string& key) { return token_of(key); });
    for (std::size_t i = 1; i < keys.size(); ++i) {
        EXPECT_LT(partition_prefix(7, keys[i - 1]), partition_prefix(7, keys[i]));
        EXPECT_LE(token_prefix(7, token_of(keys[i])), partition_prefix(7, keys[i]));
    }
    EXPECT_LT(partition_prefix(7, "z"), table_prefix(8));
}

TEST(RowKeyTest, KeysComeApartAgain) {
    auto key = partition_prefix(9, std::string("p\0q", 3)) + row_tag + "clustering";
    ParsedKey parsed;
    ASSERT_TRUE(parse_key(key, parsed));
    EXPECT_EQ(parsed.table, 9u);
    EXPECT_EQ(parsed.token, token_of(std::string_view("p\0q", 3)));
    EXPECT_EQ(parsed.partition_key, std::string_view("p\0q", 3));
    EXPECT_EQ(parsed.rest, "clustering");
    for (std::size_t size = 0; size + 11 < key.size(); ++size)
        EXPECT_FALSE(parse_key(key.substr(0, size), parsed));
}

TEST(RowKeyTest, AfterPrefix) {
    EXPECT_EQ(after_prefix("ab"), "ac");
    EXPECT_EQ(after_prefix("a\xFF"), "b");
    EXPECT_EQ(after_prefix("\xFF\xFF"), "");
}

}  // namespace penstock::store
