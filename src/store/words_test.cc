#include "store/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Words, LettersDigitsAndWhatJoinsThem) {
    EXPECT_THAT(words_of("Say Hello, World!"), ElementsAre("Say", "Hello", "World"));
    EXPECT_THAT(words_of("don't stop 3.14 1,000 a.b x:y"),
                ElementsAre("don't", "stop", "3.14", "1,000", "a.b", "x:y"));
    EXPECT_THAT(words_of("end. 'quoted' a,b 1;2 v1.2"),
                ElementsAre("end", "quoted", "a", "b", "1;2", "v1.2"));
    EXPECT_THAT(words_of("snake_case _lead a-b me@home.org"),
                ElementsAre("snake_case", "_lead", "a", "b", "me", "home.org"));
    EXPECT_THAT(words_of(""), IsEmpty());
    EXPECT_THAT(words_of(" -- !! _ "), IsEmpty());
}

TEST(Words, ScriptsOfTheWorld) {
    EXPECT_THAT(words_of("École e\u0301t\u00e9"), ElementsAre("École", "e\u0301t\u00e9"));
    EXPECT_THAT(words_of("東京タワー と"), ElementsAre("東", "京", "タワー", "と"));
    EXPECT_THAT(words_of("안녕 하세요"), ElementsAre("안녕", "하세요"));
    EXPECT_THAT(words_of("สวัสดีครับ ไทย"), ElementsAre("สวัสดีครับ", "ไทย"));
    EXPECT_THAT(words_of("צה\"ל"), ElementsAre("צה\"ל"));
    EXPECT_THAT(words_of("ok \xff\xfe no"), ElementsAre("ok", "no"));
}

}  // namespace
}  // namespace penstock::store
