// What a client writes a server reads, and the other way round.
#include <gtest/gtest.h>

#include <random>

#include "wire/cql/frame.h"
#include "wire/cql/primitives.h"
#include "wire/cql/request.h"
#include "wire/cql/response.h"
#include "wire/cql/response_decoding.h"

namespace penstock::wire::cql {
namespace {

class ClientCodecTest : public testing::TestWithParam<int> {
protected:
    /// The request as a server of this version reads it. frame_ holds what its views point into.
    Request round_trip(const Request& request) {
        std::string body;
        append_request(body, GetParam(), request);
        frame_ = {GetParam(), 0, 1, opcode_of(request), body};
        auto read = decode_request(frame_);
        EXPECT_TRUE(read) << read.error().text;
        return read ? std::move(*read) : Request();
    }
    Result<Response> response(Opcode opcode, std::string body, std::uint8_t flags = 0) {
        frame_ = {GetParam(), flags, 1, opcode, std::move(body)};
        return decode_response(frame_);
    }

    Frame frame_;
};

INSTANTIATE_TEST_SUITE_P(Versions, ClientCodecTest, testing::Values(3, 4, 5));

TEST_P(ClientCodecTest, EveryPartOfAQuery) {
    Query query;
    query.text = "SELECT ?";
    auto& with = query.parameters;
    with.consistency = 6;
    with.skip_metadata = true;
    with.values = {
        {BoundValue::State::set, "abc"}, {BoundValue::State::null, {}}, {BoundValue::State::set, ""}};
    with.names = {"a", "b", "c"};
    with.page_size = 77;
    with.paging_state = "state";
    with.serial_consistency = 9;
    with.timestamp_us = -5;
    with.keyspace = "ks";
    with.now_seconds = 12;
    auto read = std::get<Query>(round_trip(query));
    EXPECT_EQ(read.text, "SELECT ?");
    EXPECT_EQ(read.parameters.consistency, 6);
    EXPECT_TRUE(read.parameters.skip_metadata);
    ASSERT_EQ(read.parameters.values.size(), 3u);
    EXPECT_EQ(read.parameters.values[0].bytes, "abc");
    EXPECT_EQ(read.parameters.values[1].state, BoundValue::State::null);
    EXPECT_EQ(read.parameters.values[2].state, BoundValue::State::set);
    EXPECT_EQ(read.parameters.names, with.names);
    EXPECT_EQ(read.parameters.page_size, 77);
    EXPECT_EQ(read.parameters.paging_state, "state");
    EXPECT_EQ(read.parameters.serial_consistency, 9);
    EXPECT_EQ(read.parameters.timestamp_us, -5);
    EXPECT_EQ(read.parameters.keyspace.has_value(), GetParam() >= 5);
    EXPECT_EQ(read.parameters.now_seconds.has_value(), GetParam() >= 5);
}

TEST_P(ClientCodecTest, RowsInPiecesAreWhatWholeRequestsAre) {
    QueryParameters with;
    with.consistency = 4;
    with.timestamp_us = 99;
    std::string pieces, whole;
    append_execute_head(pieces, GetParam(), "id", "metadata", with, 2);
    append_bytes(pieces, "x");
    append_null_bytes(pieces);
    append_execute_tail(pieces, GetParam(), with);
    Execute execute{"id", "metadata", with};
    execute.parameters.values = {{BoundValue::State::set, "x"}, {BoundValue::State::null, {}}};
    append_request(whole, GetParam(), execute);
    EXPECT_EQ(pieces, whole);

    pieces.clear();
    whole.clear();
    append_batch_head(pieces, BatchRequest::Kind::unlogged, 1);
    append_batch_item_head(pieces, "id", 1);
    append_bytes(pieces, "x");
    append_batch_tail(pieces, GetParam(), with);
    BatchRequest batch{BatchRequest::Kind::unlogged, {{true, "id", {{BoundValue::State::set, "x"}}}}, with};
    append_request(whole, GetParam(), batch);
    EXPECT_EQ(pieces, whole);
    auto read = std::get<BatchRequest>(round_trip(batch));
    ASSERT_EQ(read.items.size(), 1u);
    EXPECT_TRUE(read.items[0].prepared);
    EXPECT_EQ(read.items[0].text_or_id, "id");
    EXPECT_EQ(read.parameters.timestamp_us, 99);
}

TEST_P(ClientCodecTest, TheOtherRequests) {
    EXPECT_EQ(std::get<Startup>(round_trip(Startup{{{"CQL_VERSION", "3.0.0"}}})).options.at("CQL_VERSION"),
              "3.0.0");
    EXPECT_TRUE(std::holds_alternative<Options>(round_trip(Options{})));
    EXPECT_EQ(std::get<Prepare>(round_trip(Prepare{"SELECT 1", "ks"})).text, "SELECT 1");
    EXPECT_EQ(std::get<Register>(round_trip(Register{{"STATUS_CHANGE"}})).events,
              (std::vector<std::string>{"STATUS_CHANGE"}));
    EXPECT_EQ(std::get<AuthResponse>(round_trip(AuthResponse{"token"})).token, "token");
    EXPECT_FALSE(std::get<AuthResponse>(round_trip(AuthResponse{})).token);
}

TEST_P(ClientCodecTest, RowsAndTheirMetadata) {
    std::vector<ColumnSpec> columns{{"ks", "t", "a", {0x09, {}}},
                                    {"ks", "t", "m", {0x21, {{0x0D, {}}, {0x22, {{0x09, {}}}}}}},
                                    {"ks", "t", "u", {0x31, {{0x02, {}}, {0x0D, {}}}}}};
    std::string body;
    RowsMetadata metadata{&columns, false, "page two", "new id"};
    append_rows_head(body, GetParam(), metadata);
    append_int(body, 2);
    for (const char* cell : {"1", "2", "3", "4", "5"}) append_bytes(body, cell);
    append_null_bytes(body);
    auto read = response(Opcode::result, body);
    ASSERT_TRUE(read) << read.error().text;
    const auto& rows = std::get<RowsResult>(*read);
    ASSERT_EQ(rows.columns.size(), 3u);
    EXPECT_EQ(rows.columns[1].name, "m");
    EXPECT_EQ(rows.columns[1].type.parameters[1].parameters[0].id, 0x09);
    EXPECT_EQ(rows.columns[2].type.parameters.size(), 2u);
    EXPECT_EQ(rows.paging_state, "page two");
    EXPECT_EQ(rows.new_metadata_id.has_value(), GetParam() >= 5);
    RowReader reader(rows);
    std::vector<std::optional<std::string_view>> row;
    ASSERT_TRUE(reader.next(row));
    EXPECT_EQ(row[2], "3");
    ASSERT_TRUE(reader.next(row));
    EXPECT_EQ(row[1], "5");
    EXPECT_FALSE(row[2]);
    EXPECT_FALSE(reader.next(row));
    EXPECT_TRUE(reader.ok());
}

TEST_P(ClientCodecTest, RowsThatEndBeforeTheirCount) {
    std::vector<ColumnSpec> columns{{"ks", "t", "a", {0x09, {}}}};
    std::string body;
    append_rows_head(body, GetParam(), {&columns, false, {}, {}});
    append_int(body, 0x7FFFFFFF);
    append_bytes(body, "1");
    auto read = response(Opcode::result, body);
    ASSERT_TRUE(read) << read.error().text;
    RowReader reader(std::get<RowsResult>(*read));
    std::vector<std::optional<std::string_view>> row;
    EXPECT_TRUE(reader.next(row));
    EXPECT_FALSE(reader.next(row));
    EXPECT_FALSE(reader.ok());
}

TEST_P(ClientCodecTest, PreparedStatements) {
    PreparedResponse prepared{
        "id", "meta", {{"ks", "t", "k", {0x0D, {}}}}, {0}, {{"ks", "t", "v", {0x02, {}}}}};
    std::string body;
    append_prepared_result(body, GetParam(), prepared);
    auto read = response(Opcode::result, body);
    ASSERT_TRUE(read) << read.error().text;
    const auto& got = std::get<PreparedResponse>(*read);
    EXPECT_EQ(got.id, "id");
    EXPECT_EQ(got.result_metadata_id, GetParam() >= 5 ? "meta" : "");
    EXPECT_EQ(got.variables[0].name, "k");
    EXPECT_EQ(got.result[0].name, "v");
    EXPECT_EQ(got.partition_key.size(), GetParam() >= 4 ? 1u : 0u);
}

TEST_P(ClientCodecTest, ErrorsWithTheirFields) {
    for (auto code : {ErrorCode::unavailable, ErrorCode::write_timeout, ErrorCode::read_timeout,
                      ErrorCode::already_exists, ErrorCode::unprepared, ErrorCode::overloaded}) {
        std::string body;
        append_error(body, {code, "what it says", "ks", "t", "id", 6});
        auto read = response(Opcode::error, body);
        ASSERT_TRUE(read) << read.error().text;
        const auto& error = std::get<ErrorResponse>(*read);
        EXPECT_EQ(error.code, code);
        EXPECT_EQ(error.text, "what it says");
        if (code == ErrorCode::unprepared) {
            EXPECT_EQ(error.id, "id");
        }
        if (code == ErrorCode::already_exists) {
            EXPECT_EQ(error.table, "t");
        }
    }
}

TEST_P(ClientCodecTest, EventsAndWhatStandsBeforeABody) {
    std::string body;
    append_string(body, "STATUS_CHANGE");
    append_string(body, "DOWN");
    body += '\4';
    body += std::string("\x7F\0\0\1", 4);
    append_int(body, 9042);
    auto read = response(Opcode::event, body);
    ASSERT_TRUE(read) << read.error().text;
    const auto& event = std::get<Event>(*read);
    EXPECT_EQ(event.kind, Event::Kind::status);
    EXPECT_EQ(event.change, "DOWN");
    EXPECT_EQ(event.address, std::string("\x7F\0\0\1", 4));
    EXPECT_EQ(event.port, 9042);

    body.clear();
    append_schema_change_event(body, {"CREATED", "TABLE", "ks", "t"});
    read = response(Opcode::event, body);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::get<Event>(*read).schema.table, "t");

    // A trace's id, warnings, and what a server adds.
    body = std::string(16, 'i');
    append_string_list(body, {"a warning"});
    append_short(body, 1);
    append_string(body, "key");
    append_bytes(body, "value");
    append_void_result(body);
    read = response(Opcode::result, body,
                    frame_flag::tracing | frame_flag::warning | frame_flag::custom_payload);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_TRUE(std::holds_alternative<VoidResult>(*read));
}

TEST_P(ClientCodecTest, WhatIsCutOffIsNoResponse) {
    std::vector<ColumnSpec> columns{{"ks", "t", "a", {0x20, {{0x09, {}}}}}};
    std::string body;
    append_rows_head(body, GetParam(), {&columns, false, {}, {}});
    append_int(body, 0);
    for (std::size_t size = 0; size < body.size(); ++size) {
        auto read = response(Opcode::result, body.substr(0, size));
        EXPECT_FALSE(read) << size;
        if (!read) {
            EXPECT_EQ(read.error().code, Errc::corrupt);
        }
    }
    EXPECT_TRUE(response(Opcode::result, body));
}

TEST(ClientFrameTest, ARequestIsNoResponse) {
    std::string bytes;
    append_request_frame(bytes, 5, 1, Opcode::options, 0, "");
    FrameReader reader(1000, Direction::responses);
    reader.feed(bytes);
    Frame frame;
    EXPECT_FALSE(reader.next(frame));
    ASSERT_NE(reader.fault(), nullptr);
    EXPECT_NE(reader.fault()->text.find("direction"), std::string::npos);
}

TEST(ClientFrameTest, AnswersInSegmentsAndCompressed) {
    std::string body(300'000, 'a');
    for (bool compressed : {false, true}) {
        std::string frames, bytes;
        append_frame(frames, 5, 7, Opcode::result, 0, body);
        append_frame(frames, 5, 8, Opcode::ready, 0, "");
        append_segments(bytes, frames, compressed);
        FrameReader reader(1 << 20, Direction::responses);
        reader.use_segments(compressed);
        reader.feed(bytes);
        Frame frame;
        ASSERT_TRUE(reader.next(frame));
        EXPECT_EQ(frame.body, body);
        ASSERT_TRUE(reader.next(frame));
        EXPECT_EQ(frame.stream, 8);
    }
    std::string bytes;
    append_request_frame(bytes, 4, 3, Opcode::query, 0, body, Compression::lz4);
    EXPECT_LT(bytes.size(), body.size());
    FrameReader reader(1 << 20);
    reader.set_compression(Compression::lz4);
    reader.feed(bytes);
    Frame frame;
    ASSERT_TRUE(reader.next(frame));
    EXPECT_EQ(frame.body, body);
}

}  // namespace
}  // namespace penstock::wire::cql
