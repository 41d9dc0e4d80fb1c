// Any bytes as a record of a schema with all types in it: never past the end, never without bound, and what
// is decoded whole for one column is decoded whole for all.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "stream/decode/avro_columns.h"
#include "stream/testing/one_row.h"

namespace {

using namespace penstock;
using namespace penstock::stream;

constexpr auto text = R"({"type":"record","name":"R","fields":[
  {"name":"id","type":"int"},{"name":"n","type":["null","long","string"]},{"name":"f","type":"float"},
  {"name":"k","type":{"type":"enum","name":"K","symbols":["A","B"]}},
  {"name":"o","type":["null",{"type":"record","name":"O","fields":[
     {"name":"s","type":"string"},{"name":"l","type":{"type":"array","items":["double","O","null"]}}]}]},
  {"name":"m","type":{"type":"map","values":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"u","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}},{"name":"b","type":"boolean"}]})";

using penstock::stream::testing::column;

std::vector<ScanColumn> some() {
    return {column({{"b", -1}}, TypeId::boolean)};
}
std::vector<ScanColumn> all() {
    return {column({{"id", -1}}, TypeId::string),
            column({{"n", -1}}, TypeId::string, true),
            column({{"k", -1}}, TypeId::string),
            column({{"o", -1}}, TypeId::json),
            column({{"o", -1}, {"s", -1}}, TypeId::string),
            column({{"m", -1}}, TypeId::json),
            column({{"at", -1}}, TypeId::timestamp),
            column({{"u", -1}}, TypeId::string),
            column({{"b", -1}}, TypeId::boolean)};
}

bool decodes(const std::vector<ScanColumn>& scan, std::shared_ptr<const registry::AvroSchema> schema,
             std::string_view value) {
    PathTree tree(scan);
    AvroColumns columns(tree, schema, schema);
    Arena arena;
    const testing::OneRow row(scan, columns, value, arena);
    CHECK(row.fits || !columns.why().reason.empty());
    return row.fits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 100'000) return 0;
    static const auto schema =
        std::make_shared<const registry::AvroSchema>(std::move(*registry::AvroSchema::parse(text)));
    // Exactly as many bytes as there are, so that a read past them is seen.
    std::unique_ptr<char[]> bytes(new char[size]);
    if (size > 0) std::memcpy(bytes.get(), data, size);
    std::string_view value(bytes.get(), size);
    bool whole = decodes(all(), schema, value);
    // The one that skips does not look inside of what it skips.
    if (whole) CHECK(decodes(some(), schema, value));
    return 0;
}
