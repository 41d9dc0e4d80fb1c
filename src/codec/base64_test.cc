#include "codec/base64.h"

#include <gtest/gtest.h>

namespace penstock::codec {
namespace {

TEST(Base64, TheExamplesOfTheStandard) {
    constexpr std::pair<std::string_view, std::string_view> examples[] = {{"", ""},
                                                                          {"f", "Zg=="},
                                                                          {"fo", "Zm8="},
                                                                          {"foo", "Zm9v"},
                                                                          {"foob", "Zm9vYg=="},
                                                                          {"fooba", "Zm9vYmE="},
                                                                          {"foobar", "Zm9vYmFy"}};
    for (auto [bytes, text] : examples) {
        EXPECT_EQ(encode_base64(bytes), text);
        EXPECT_EQ(decode_base64(text), bytes);
    }
    std::string all;
    for (int i = 0; i < 256; ++i) all += char(i);
    EXPECT_EQ(decode_base64(encode_base64(all)), all);
}

TEST(Base64, WhatIsNotBase64IsRefused) {
    for (std::string_view wrong :
         {"Z", "Zg", "Zg=", "Zg=a", "====", "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "Z-9v"})
        EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace penstock::codec
