#include "ingest/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::ingest {
namespace {

using testing::HasSubstr;

struct Split {
    std::string body;
    PageSplitter splitter;
    Page page;
    Result<> result;

    Split(std::string text, std::string records, std::string key, bool any = false)
        : body(std::move(text)), splitter(std::move(records), std::move(key)) {
        result = any ? splitter.split_any(body, page) : splitter.split(body, page);
    }
    std::vector<std::string> values() const {
        std::vector<std::string> all;
        for (auto& record : page.records) all.emplace_back(record.value);
        return all;
    }
    std::vector<std::string> keys() const {
        std::vector<std::string> all;
        for (auto& record : page.records) all.emplace_back(record.key ? *record.key : "(none)");
        return all;
    }
};

using testing::ElementsAre;

TEST(PageTest, ElementsAreTheBytesAsReceived) {
    Split split(R"({"n": 2, "results": [ {"a" : 1.50 , "b":{"c":[1,2,{}]}} , {"a":"x\u00e9y"}]  })",
                "/results", "");
    ASSERT_TRUE(split.result) << split.result.error().text;
    EXPECT_THAT(split.values(), ElementsAre(R"({"a" : 1.50 , "b":{"c":[1,2,{}]}})", R"({"a":"x\u00e9y"})"));
}

TEST(PageTest, KeysAreStringsUnescapedAndNumbersAsWritten) {
    Split split(
        R"([{"l":{"u":"a\"b"},"z":[1]},{"l":{"u":1.50}},{"l":{"u":true}},{"l":{"u":null}},{"l":{}},{"x":1}])",
        "", "/l/u");
    ASSERT_TRUE(split.result) << split.result.error().text;
    EXPECT_THAT(split.keys(), ElementsAre("a\"b", "1.50", "true", "(none)", "(none)", "(none)"));
    EXPECT_EQ(split.page.without_key, 3);
    EXPECT_EQ(split.values()[0], R"({"l":{"u":"a\"b"},"z":[1]})");
}

TEST(PageTest, OneObjectIsOneRecordAndNullIsNone) {
    EXPECT_THAT(Split(R"( {"a":1} )", "", "/a").values(), ElementsAre(R"({"a":1})"));
    EXPECT_THAT(Split(R"({"data":{"a":1},"b":2})", "/data", "").values(), ElementsAre(R"({"a":1})"));
    EXPECT_THAT(Split(R"({"data":null})", "/data", "").values(), ElementsAre());
    EXPECT_THAT(Split("[]", "", "").values(), ElementsAre());
}

TEST(PageTest, ABodyOfOneValueIsNoRecordAndTextIsNoJson) {
    for (std::string value : {"null", "true", "5", "\"x\""})
        EXPECT_TRUE(
            Split(value, "", "").result.error().text.starts_with("expected an array or an object, found "))
            << value;
    for (std::string text : {"not json", "tomorrow", "5 o'clock", "\"open"})
        EXPECT_TRUE(Split(text, "", "").result.error().text.starts_with("not JSON"))
            << Split(text, "", "").result.error().text;
}

TEST(PageTest, WhatIsNoObjectIsRejectedAndTheRestIsKept) {
    Split split(R"([{"a":1}, 5, [1,2], "x", {"a":2}])", "", "/a");
    ASSERT_TRUE(split.result);
    EXPECT_THAT(split.values(), ElementsAre(R"({"a":1})", R"({"a":2})"));
    ASSERT_EQ(split.page.rejects.size(), 3u);
    EXPECT_EQ(split.page.rejects[0].raw, "5");
    EXPECT_EQ(split.page.rejects[1].raw, "[1,2]");
    EXPECT_THAT(split.page.rejects[2].reason, HasSubstr("a string"));
    EXPECT_EQ(split.page.records[1].index, 4u);
}

TEST(PageTest, AnErrorInPlaceOfRecordsIsSaid) {
    Split split(R"({"error": "Uh oh, something has gone wrong."})", "/results", "/id");
    ASSERT_FALSE(split.result);
    EXPECT_EQ(split.result.error().code, Errc::invalid);
    EXPECT_THAT(split.result.error().text, HasSubstr("Uh oh, something has gone wrong."));
}

TEST(PageTest, WhatIsNotJsonIsSaid) {
    Split html("<html>Bad gateway</html>", "/results", "");
    ASSERT_FALSE(html.result);
    EXPECT_EQ(html.result.error().code, Errc::corrupt);
    EXPECT_THAT(html.result.error().text, HasSubstr("Bad gateway"));
    EXPECT_FALSE(Split(R"({"results":[{"a":1},{"a":)", "/results", "").result);
    EXPECT_FALSE(Split("", "", "").result);
    EXPECT_FALSE(Split("7", "", "").result);
    EXPECT_FALSE(Split(R"({"results":7})", "/results", "").result);
    EXPECT_FALSE(Split("[7", "/results", "").result);
}

TEST(PageTest, AnArrayThatBreaksOffKeepsWhatCameBeforeAndRejectsTheRest) {
    Split split(R"([{"a":1},{"a":2} {"a":3}])", "", "/a");
    ASSERT_TRUE(split.result);
    EXPECT_EQ(split.values().size(), 2u);
    ASSERT_EQ(split.page.rejects.size(), 1u);
    EXPECT_THAT(std::string(split.page.rejects[0].raw), HasSubstr(R"({"a":3}])"));
}

TEST(PageTest, LinesAreRecordsAndBadOnesAreRejected) {
    Split split("{\"a\":1}\n\n {\"a\":\"x\"} \r\nnot json\n{\"a\":2} {\"a\":3}\n[1]\n{\"a\":4}", "", "/a",
                true);
    ASSERT_TRUE(split.result);
    EXPECT_THAT(split.values(), ElementsAre(R"({"a":1})", R"({"a":"x"})", R"({"a":4})"));
    EXPECT_THAT(split.keys(), ElementsAre("1", "x", "4"));
    EXPECT_EQ(split.page.rejects.size(), 3u);
    EXPECT_EQ(split.page.records[2].index, 5u);
}

TEST(PageTest, APrettyPrintedObjectIsNotTakenForLines) {
    EXPECT_EQ(Split("{\n \"a\": 1\n}\n", "", "/a", true).values().size(), 1u);
    EXPECT_EQ(Split("[\n{\"a\": 1},\n{\"a\": 2}\n]\n", "", "/a", true).values().size(), 2u);
}

TEST(PageTest, ARecordThatIsTooLongIsRejected) {
    Split split(R"([{"a":")" + std::string(max_record_bytes, 'x') + R"("},{"a":"y"}])", "", "/a");
    EXPECT_EQ(split.values().size(), 1u);
    EXPECT_THAT(split.page.rejects[0].reason, HasSubstr("more than"));
}

TEST(PageTest, PointersAreChecked) {
    EXPECT_TRUE(check_json_pointer(""));
    EXPECT_TRUE(check_json_pointer("/a~1b/~0"));
    EXPECT_FALSE(check_json_pointer("a"));
    EXPECT_FALSE(check_json_pointer("/a~2"));
}

TEST(PageTest, TextAtAPointer) {
    PageSplitter splitter("", "");
    std::string body = R"({"items":[{"a":1}],"next":{"cursor":"ab=","n":12},"end":null})";
    EXPECT_EQ(splitter.text_at(body, "/next/cursor"), "ab=");
    EXPECT_EQ(splitter.text_at(body, "/next/n"), "12");
    EXPECT_EQ(splitter.text_at(body, "/end"), std::nullopt);
    EXPECT_EQ(splitter.text_at(body, "/none"), std::nullopt);
}

TEST(PageTest, ASplitterIsUsedForManyPages) {
    PageSplitter splitter("", "/k");
    Page page;
    for (int i = 1; i < 300; ++i) {
        std::string body = "[";
        for (int j = 0; j < i; ++j) body += fmt::format(R"({}{{"k":"{}","v":{}}})", j ? "," : "", j, i);
        body += "]";
        ASSERT_TRUE(splitter.split(body, page));
        ASSERT_EQ(page.records.size(), std::size_t(i));
        EXPECT_EQ(page.records.back().key, std::to_string(i - 1));
    }
}

}  // namespace
}  // namespace penstock::ingest
