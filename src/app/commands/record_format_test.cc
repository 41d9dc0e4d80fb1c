#include "app/commands/record_format.h"

#include <gtest/gtest.h>

namespace penstock::app {
namespace {

const ShownRecord record{.topic = "t",
                         .partition = 3,
                         .offset = 17,
                         .timestamp_ms = 1234,
                         .key = "k",
                         .value = "value",
                         .headers = {{"a", "1"}, {"b", ""}}};

std::string shown(std::string_view format, const ShownRecord& one = record) {
    auto parsed = RecordFormat::parse(format);
    return parsed ? parsed->text(one) : parsed.error().text;
}

TEST(RecordFormatTest, EachDirectiveIsAPartOfTheRecord) {
    EXPECT_EQ(shown("%t-%p@%o %T %k/%K %s/%S [%h] 100%%"), "t-3@17 1234 k/1 value/5 [a=1,b=] 100%");
}

TEST(RecordFormatTest, NullHasNoBytesAndSizeMinusOne) {
    EXPECT_EQ(shown("%k|%K|%s|%S|%h.", {.topic = "t", .key = {}, .value = {}, .headers = {}}), "|-1||-1|.");
}

TEST(RecordFormatTest, EscapesAreBytes) {
    EXPECT_EQ(shown(R"(%s\n\t\r\\\x41\x0a)"), "value\n\t\r\\A\n");
}

TEST(RecordFormatTest, MistakesAreNamedWithTheirPlace) {
    EXPECT_EQ(shown("%o %q"), "'%q' at 4 of the format: expected one of %s %S %k %K %t %p %o %T %h, or %%");
    EXPECT_EQ(shown("%"), "'%' at 1 of the format: expected one of %s %S %k %K %t %p %o %T %h, or %%");
    for (const auto* wrong : {R"(\y)", R"(\)", R"(\x4)", R"(\xg0)"}) {
        EXPECT_FALSE(RecordFormat::parse(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace penstock::app
