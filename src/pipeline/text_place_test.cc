#include "pipeline/text_place.h"

#include <gtest/gtest.h>

#include "pipeline/document.h"

namespace penstock::pipeline {
namespace {

/// Where the word stands in the file, asked for by its place in the scalar's own text; checks that
/// it is there.
Place find(std::string_view yaml, std::string_view word) {
    auto document = Document::parse(yaml, "a.yaml");
    if (!document) {
        ADD_FAILURE() << document.error().text;
        return {};
    }
    auto text = document->text_of(*document->root().entries.at(0).value);
    auto at = text.text.find(word);
    EXPECT_NE(at, std::string::npos) << text.text;
    auto before = text.text.substr(0, at);
    auto line = 1 + int(std::count(before.begin(), before.end(), '\n'));
    auto column = int(at - (before.rfind('\n') == std::string::npos ? 0 : before.rfind('\n') + 1)) + 1;
    auto place = place_in_file(text, line, column);
    auto in_file = line_of(yaml, place.line);
    EXPECT_EQ(in_file.substr(std::size_t(place.column - 1), word.size()), word)
        << place.line << ":" << place.column;
    return place;
}

TEST(PlaceInFile, Literal) {
    auto place = find("sql: |\n  SELECT a,\n         nmae\n  FROM t\n", "nmae");
    EXPECT_EQ(place.line, 3);
    EXPECT_EQ(place.column, 10);
    find("sql: |\n  SELECT a,\n         nmae\n  FROM t\n", "SELECT");
    find("sql: |\n  SELECT a,\n         nmae\n  FROM t\n", "FROM");
}
TEST(PlaceInFile, LiteralWithBlankLinesCommentAndChomping) {
    find("sql: |-  # the query\n\n\n      SELECT a\n\n      FROM word\n", "word");
}
TEST(PlaceInFile, LiteralWithIndentationIndicator) {
    find("sql: |2\n    SELECT a\n  FROM word\n", "word");
}
TEST(PlaceInFile, LiteralWithCarriageReturns) {
    find("sql: |\r\n  SELECT a\r\n  FROM word\r\n", "word");
}
TEST(PlaceInFile, LiteralWithTagAndAnchor) {
    find("sql: &x |\n  SELECT a\n  FROM word\n", "word");
}
TEST(PlaceInFile, Folded) {
    auto place = find("sql: >\n  SELECT a,\n  b\n\n  FROM\n    word\n", "word");
    EXPECT_EQ(place.line, 6);
    EXPECT_EQ(place.column, 5);
    find("sql: >\n  SELECT a,\n  b\n\n  FROM\n    word\n", "b");
}
TEST(PlaceInFile, PlainOnOneLine) {
    find("sql:   SELECT word FROM t\n", "word");
}
TEST(PlaceInFile, PlainOnSeveralLines) {
    find("sql: SELECT a\n   FROM t\n     WHERE word\n", "word");
}
TEST(PlaceInFile, SingleQuotesWithQuotesInside) {
    find("sql: 'SELECT ''a'' ,\n   ''b'' FROM word'\n", "word");
}
TEST(PlaceInFile, DoubleQuotesWithEscapes) {
    find(R"(sql: "SELECT \"a\",\t\x41 \u00e9 FROM word")"
         "\n",
         "word");
    find("sql: \"SELECT a \\\n    FROM\\n word\"\n", "word");
}
TEST(PlaceInFile, QuotedOnOneLineNeedsNoRuns) {
    auto document = Document::parse("sql: 'SELECT a'\n", "a.yaml");
    auto text = document->text_of(*document->root().entries.at(0).value);
    EXPECT_TRUE(text.runs.empty());
    EXPECT_EQ(text.start.column, 7);
}

TEST(Render, ShowsTheLineAndACaret) {
    EXPECT_EQ(render({"u.yaml", {2, 10}, "unknown column 'nmae'"}, "a: |\n  SELECT nmae.first\n"),
              "u.yaml:2:10: error: unknown column 'nmae'\n"
              "    2 |   SELECT nmae.first\n"
              "      |          ^\n");
}
TEST(Render, CountsCharactersAndKeepsTabs) {
    EXPECT_EQ(render({"u.yaml", {1, 5}, "x"}, "\t\xC3\xA9 b"),
              "u.yaml:1:5: error: x\n    1 | \t\xC3\xA9 b\n      | \t  ^\n");
}
TEST(Render, WithoutALine) {
    EXPECT_EQ(render({"u.yaml", {0, 0}, "no such file"}, ""), "u.yaml: error: no such file\n");
}
TEST(Render, CutsALongLine) {
    std::string line(5000, 'x');
    auto out = render({"u.yaml", {1, 4000}, "x"}, line);
    EXPECT_LT(out.size(), 400u);
}
TEST(Render, BehindTheEndOfTheFile) {
    EXPECT_EQ(render({"u.yaml", {9, 1}, "x"}, "a\n"), "u.yaml:9:1: error: x\n");
}

}  // namespace
}  // namespace penstock::pipeline
