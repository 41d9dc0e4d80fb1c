#include "store/sasi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const ColumnDefinition text{1, "v", Kind::text, ColumnRole::regular, 0, false};
const ColumnDefinition number{1, "n", Kind::int_, ColumnRole::regular, 0, false};

SasiIndex with(const ColumnDefinition& column, std::map<std::string, std::string> options) {
    IndexDefinition index;
    index.column = column.id;
    index.class_name = IndexDefinition::sasi_class;
    index.options = std::move(options);
    return sasi_of(index, column);
}

std::string analyzer(std::string_view name) {
    return std::string(sasi_analyzers) + std::string(name);
}

TEST(Sasi, ModesSupportWhatCassandraSays) {
    auto prefix = with(text, {});
    EXPECT_TRUE(prefix.literal);
    EXPECT_TRUE(prefix.supports(TermMatch::equal) && prefix.supports(TermMatch::whole) &&
                prefix.supports(TermMatch::prefix));
    EXPECT_FALSE(prefix.supports(TermMatch::suffix) || prefix.supports(TermMatch::contains) ||
                 prefix.supports(TermMatch::range));
    auto contains = with(text, {{"mode", "contains"}});
    EXPECT_TRUE(contains.supports(TermMatch::prefix) && contains.supports(TermMatch::suffix) &&
                contains.supports(TermMatch::contains));
    auto numbers = with(number, {});
    EXPECT_FALSE(numbers.literal);
    EXPECT_TRUE(numbers.supports(TermMatch::range));
    EXPECT_TRUE(with(number, {{"mode", "SPARSE"}}).supports(TermMatch::range));
    EXPECT_FALSE(with(number, {{"mode", "CONTAINS"}}).supports(TermMatch::range));
    auto words = with(text, {{"mode", "CONTAINS"}, {"analyzed", "true"}});
    EXPECT_FALSE(words.supports(TermMatch::equal) || words.supports(TermMatch::prefix));
    EXPECT_TRUE(words.supports(TermMatch::whole) && words.supports(TermMatch::suffix));
    // A descending clustering column has a type of its own.
    auto descending = text;
    descending.descending = true;
    EXPECT_FALSE(with(descending, {}).literal);
}

TEST(Sasi, AnalyzersMakeTerms) {
    EXPECT_THAT(terms_of(with(text, {}).analyzer, "Some Text"), ElementsAre("Some Text"));
    auto folds =
        with(text, {{"analyzer_class", analyzer("NonTokenizingAnalyzer")}, {"case_sensitive", "false"}});
    EXPECT_THAT(terms_of(folds.analyzer, "Some E\u0301"), ElementsAre("some \u00e9"));
    auto upper =
        with(text, {{"analyzer_class", analyzer("NonTokenizingAnalyzer")}, {"normalize_uppercase", "true"}});
    EXPECT_THAT(terms_of(upper.analyzer, "stra\u00dfe"), ElementsAre("STRASSE"));
    auto words = with(text, {{"analyzer_class", analyzer("StandardAnalyzer")},
                             {"tokenization_normalize_lowercase", "TRUE"}});
    EXPECT_THAT(terms_of(words.analyzer, "Some, Text " + std::string(256, 'x')), ElementsAre("some", "text"));
    auto parts = with(text, {{"analyzer_class", analyzer("DelimiterAnalyzer")}, {"delimiter", ";"}});
    EXPECT_THAT(terms_of(parts.analyzer, ";a b;;c;"), ElementsAre("a b", "c"));
    EXPECT_THAT(terms_of(parts.analyzer, ";"), IsEmpty());
    auto off = with(text, {{"analyzer_class", analyzer("StandardAnalyzer")}, {"analyzed", "false"}});
    EXPECT_FALSE(off.analyzer.changes());
    EXPECT_FALSE(with(number, {{"analyzed", "true"}}).analyzer.changes());
}

}  // namespace
}  // namespace penstock::store
