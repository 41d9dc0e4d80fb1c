// Any bytes as a message of a schema with all types in it: never past the end, never without bound; what
// becomes JSON is JSON, and what is decoded whole for all columns is decoded whole for one.
#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "stream/decode/protobuf_columns.h"
#include "stream/testing/one_row.h"

namespace {

using namespace penstock;
using namespace penstock::stream;

constexpr std::string_view text = R"(syntax = "proto3";
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto";
message M { int32 id = 1; optional sint64 n = 2; float f = 3; string s = 4; enum K { A = 0; B = 1; } K k = 5;
  M m = 6; map<string, M> homes = 7; map<int32, bytes> raws = 8; repeated M all = 9; repeated fixed32 packed = 10;
  google.protobuf.Timestamp at = 11; google.protobuf.Duration took = 12; google.protobuf.UInt64Value boxed = 13;
  google.protobuf.Value value = 14; google.protobuf.Struct extra = 15; oneof o { bool x = 16; double y = 17; } })";

using penstock::stream::testing::column;

const std::vector<ScanColumn>& some() {
    static const std::vector<ScanColumn> scan{column({{"x", -1}}, TypeId::boolean)};
    return scan;
}
const std::vector<ScanColumn>& all() {
    static const std::vector<ScanColumn> scan{column({{"id", -1}}, TypeId::string),
                                              column({{"n", -1}}, TypeId::int64),
                                              column({{"f", -1}}, TypeId::float64),
                                              column({{"s", -1}}, TypeId::string, true),
                                              column({{"k", -1}}, TypeId::string),
                                              column({{"m", -1}, {"m", -1}}, TypeId::json),
                                              column({{"m", -1}, {"s", -1}}, TypeId::string),
                                              column({{"homes", -1}}, TypeId::json),
                                              column({{"homes", -1}, {"a", -1}, {"id", -1}}, TypeId::int64),
                                              column({{"raws", -1}}, TypeId::json),
                                              column({{"all", -1}, {"", 1}, {"all", -1}}, TypeId::json),
                                              column({{"packed", -1}}, TypeId::json),
                                              column({{"at", -1}}, TypeId::timestamp),
                                              column({{"took", -1}}, TypeId::string),
                                              column({{"boxed", -1}}, TypeId::string),
                                              column({{"value", -1}}, TypeId::json),
                                              column({{"extra", -1}}, TypeId::json),
                                              column({{"x", -1}}, TypeId::boolean)};
    return scan;
}

void check_json(const Column& column) {
    if (column.type != TypeId::json || column.is_null(0)) return;
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    auto json = column.strings[0];
    auto error = parser.parse(json.data(), json.size()).get(element);
    CHECK(!error || error == simdjson::DEPTH_ERROR);
}

bool decodes(ProtobufColumns& columns, const std::vector<ScanColumn>& scan, std::string_view value) {
    Arena arena;
    const testing::OneRow row(scan, columns, value, arena);
    CHECK(row.fits || !columns.why().reason.empty());
    if (row.fits)
        for (const auto& each : row.columns) check_json(each);
    return row.fits;
}

ProtobufColumns make(const PathTree& tree) {
    return {tree, std::move(*registry::ProtobufSchema::parse(text)), nullptr};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 100'000) return 0;
    static const PathTree tree_of_all(all()), tree_of_some(some());
    static auto columns_of_all = make(tree_of_all), columns_of_some = make(tree_of_some);
    // Exactly as many bytes as there are, so that a read past them is seen.
    std::unique_ptr<char[]> bytes(new char[size]);
    if (size > 0) std::memcpy(bytes.get(), data, size);
    std::string_view value(bytes.get(), size);
    if (decodes(columns_of_all, all(), value)) CHECK(decodes(columns_of_some, some(), value));
    return 0;
}
