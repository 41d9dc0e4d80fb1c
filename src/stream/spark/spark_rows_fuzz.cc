// Any bytes as rows from Spark: an error, or a batch whose columns are as long as it says.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "stream/spark/spark_progress.h"
#include "stream/spark/spark_rows.h"

using namespace penstock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    Schema schema;
    for (auto type :
         {TypeId::boolean, TypeId::int32, TypeId::int64, TypeId::float64, TypeId::string, TypeId::timestamp})
        schema.push_back({"c", type});
    auto batch = make_batch(schema);
    if (stream::append_arrow_rows(bytes, batch)) {
        for (const auto& column : batch.columns) CHECK(column.size() == batch.rows);
    }
    (void)stream::parse_spark_progress(bytes);
    return 0;
}
