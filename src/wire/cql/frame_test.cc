#include "wire/cql/frame.h"

#include <gtest/gtest.h>

#include <random>

#include "wire/cql/primitives.h"
#include "wire/cql/request.h"
#include "wire/cql/response.h"

namespace penstock::wire::cql {
namespace {

std::string query_body(std::string_view text) {
    std::string body;
    append_int(body, std::int32_t(text.size()));
    body += text;
    append_short(body, 1);
    append_int(body, 0);
    return body;
}

}  // namespace

TEST(FrameTest, AFrameInAnyPieces) {
    std::string bytes;
    append_request_frame(bytes, 5, 77, Opcode::query, 0, query_body("SELECT 1"));
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameReader reader(1000);
        Frame frame;
        int got = 0;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reader.feed(std::string_view(bytes).substr(at, piece));
            while (reader.next(frame)) ++got;
        }
        ASSERT_EQ(got, 1);
        EXPECT_EQ(frame.stream, 77);
        auto request = decode_request(frame);
        ASSERT_TRUE(request);
        EXPECT_EQ(std::get<Query>(*request).text, "SELECT 1");
    }
}

TEST(FrameTest, VersionsThatOnlyOtherServersHaveAreRefusedInVersionFive) {
    FrameReader reader(1000);
    reader.feed(std::string("\x42\0\0\0\5\0\0\0\0", 9));
    Frame frame;
    EXPECT_FALSE(reader.next(frame));
    ASSERT_NE(reader.fault(), nullptr);
    EXPECT_EQ(reader.fault()->answer_version, 5);
    EXPECT_EQ(
        reader.fault()->text,
        "Invalid or unsupported protocol version (66); supported versions are (3/v3, 4/v4, 5/v5, 6/v6-beta)");
}

TEST(FrameTest, VersionsThatAreGoneAreRefusedInTheirOwnForm) {
    FrameReader reader(1000);
    reader.feed(std::string("\2\0\5\5\0\0\0\0", 8));
    Frame frame;
    EXPECT_FALSE(reader.next(frame));
    ASSERT_NE(reader.fault(), nullptr);
    EXPECT_EQ(reader.fault()->answer_version, 2);
    EXPECT_EQ(reader.fault()->stream, 5);
    std::string answer;
    append_frame(answer, 2, 5, Opcode::error, 0, "text", Compression::none);
    EXPECT_EQ(answer, std::string("\x82\0\5\0\0\0\0\4text", 12));
}

TEST(FrameTest, TheBetaOfVersionSixIsForClientsThatSayThatTheyKnow) {
    std::string frame("\6\0\0\0\5\0\0\0\0", 9);
    Frame got;
    FrameReader unaware(1000);
    unaware.feed(frame);
    EXPECT_FALSE(unaware.next(got));
    ASSERT_NE(unaware.fault(), nullptr);
    EXPECT_EQ(unaware.fault()->answer_version, 6);
    EXPECT_EQ(unaware.fault()->text,
              "Beta version of the protocol used (6/v6-beta), but USE_BETA flag is unset");
    frame[1] = char(frame_flag::beta);
    FrameReader aware(1000);
    aware.feed(frame);
    ASSERT_TRUE(aware.next(got));
    EXPECT_EQ(got.version, 6);
    std::string answer;
    append_frame(answer, 6, 0, Opcode::ready, 0, {}, Compression::none);
    EXPECT_EQ(answer, std::string("\x86\x10\0\0\2\0\0\0\0", 9));
}

TEST(FrameTest, AFrameThatIsTooLargeIsAFaultBeforeItsBodyComes) {
    FrameReader reader(100);
    reader.feed(std::string("\4\0\0\7\7\0\0\0\x65", 9));
    Frame frame;
    EXPECT_FALSE(reader.next(frame));
    ASSERT_NE(reader.fault(), nullptr);
    EXPECT_EQ(reader.fault()->stream, 7);
}

TEST(SegmentTest, FramesComeOutOfSegmentsAsTheyWentIn) {
    std::mt19937 random(9);
    for (bool compressed : {false, true}) {
        std::string frames;
        std::vector<std::string> bodies;
        for (std::size_t size : {std::size_t(0), std::size_t(10), std::size_t(131'000), std::size_t(131'072),
                                 std::size_t(500'000), std::size_t(5)}) {
            std::string body;
            while (body.size() < size)
                body += size % 2 == 0 ? "repeated text " : std::string(1, char(random()));
            body.resize(size);
            bodies.push_back(body);
            append_request_frame(frames, 5, std::int16_t(bodies.size()), Opcode::query, 0, body);
        }
        std::string bytes;
        append_segments(bytes, frames, compressed);
        FrameReader reader(1 << 20);
        reader.use_segments(compressed);
        Frame frame;
        std::size_t got = 0;
        for (std::size_t at = 0; at < bytes.size(); at += 1000) {
            reader.feed(std::string_view(bytes).substr(at, 1000));
            while (reader.next(frame)) {
                ASSERT_LT(got, bodies.size());
                EXPECT_EQ(frame.body, bodies[got++]);
            }
        }
        EXPECT_EQ(reader.fault(), nullptr);
        EXPECT_EQ(got, bodies.size());
    }
}

TEST(SegmentTest, EveryFlippedBitIsNoticed) {
    std::string frames, bytes;
    append_request_frame(frames, 5, 1, Opcode::query, 0, query_body("SELECT 1"));
    append_segments(bytes, frames, false);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto damaged = bytes;
        damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << (bit % 8)));
        FrameReader reader(1 << 20);
        reader.use_segments(false);
        reader.feed(damaged);
        Frame frame;
        EXPECT_FALSE(reader.next(frame)) << bit;
    }
}

TEST(CompressionTest, BodiesRoundTripAndLiesAreRefused) {
    std::string body(10'000, 'x');
    for (auto compression : {Compression::lz4, Compression::snappy}) {
        auto packed = compress_body(compression, body);
        EXPECT_LT(packed.size(), body.size());
        EXPECT_EQ(*decompress_body(compression, packed, 1 << 20), body);
        EXPECT_FALSE(decompress_body(compression, packed, 100));
        EXPECT_FALSE(decompress_body(compression, "\x7F\xFF\xFF\xFF\1", 1u << 31));
    }
}

TEST(RequestTest, EveryTruncationIsAnError) {
    for (int version : {3, 4, 5}) {
        Frame frame;
        frame.version = version;
        frame.opcode = Opcode::batch;
        frame.body = std::string("\0\0\1\0\0\0\0\5query\0\1\0\0\0\1v\0\1", 22);
        if (version == 5)
            append_int(frame.body, 0);
        else
            frame.body += '\0';
        ASSERT_TRUE(decode_request(frame)) << version;
        auto whole = frame.body;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            frame.body = whole.substr(0, size);
            EXPECT_FALSE(decode_request(frame)) << size;
        }
    }
}

TEST(ResponseTest, ErrorsCarryTheirOwnFields) {
    std::string out;
    append_error(out, {ErrorCode::already_exists, "text", "ks", "t", {}});
    EXPECT_EQ(out, std::string("\0\0\x24\0\0\4text\0\2ks\0\1t", 17));
    out.clear();
    append_error(out, {ErrorCode::unprepared, "", {}, {}, "id"});
    EXPECT_EQ(out, std::string("\0\0\x25\0\0\0\0\2id", 10));
}

TEST(ResponseTest, RowsMetadataNamesTheTableOnce) {
    std::vector<ColumnSpec> columns{{"ks", "t", "a", {9, {}}},
                                    {"ks", "t", "b", {0x21, {{0x0D, {}}, {9, {}}}}}};
    std::string out;
    append_rows_head(out, 5, {&columns, false, "state", {}});
    EXPECT_EQ(out, std::string("\0\0\0\2"
                               "\0\0\0\3"
                               "\0\0\0\2"
                               "\0\0\0\5state"
                               "\0\2ks\0\1t"
                               "\0\1a\0\x09"
                               "\0\1b\0\x21\0\x0D\0\x09",
                               42));
}

}  // namespace penstock::wire::cql
