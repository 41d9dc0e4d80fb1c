#include "stream/spark/spark_rows.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace penstock::stream {
namespace {

/// Written by Apache Arrow's own library; the fuzzer starts from them too.
std::string sample(const char* name) {
    for (auto at = std::filesystem::read_symlink("/proc/self/exe"); at.has_relative_path();
         at = at.parent_path()) {
        auto file = at / "tests/corpus/spark_rows_fuzz" / name;
        if (!std::filesystem::exists(file)) continue;
        std::ostringstream out;
        out << std::ifstream(file, std::ios::binary).rdbuf();
        return out.str();
    }
    return {};
}

Batch columns_of_the_samples() {
    return make_batch({{"b", TypeId::boolean},
                       {"i", TypeId::int32},
                       {"l", TypeId::int64},
                       {"f", TypeId::float64},
                       {"s", TypeId::string},
                       {"t", TypeId::timestamp}});
}

TEST(SparkRowsTest, EveryTypeAndNulls) {
    auto batch = columns_of_the_samples();
    auto bytes = sample("one");
    ASSERT_FALSE(bytes.empty());
    auto done = append_arrow_rows(bytes, batch);
    ASSERT_TRUE(done) << done.error().text;
    bytes.assign(bytes.size(), 'x');  // nothing in it is needed any more
    ASSERT_EQ(batch.rows, 2u);
    std::string first;
    for (const auto& column : batch.columns) {
        first += value_text(column, 0) + " ";
        EXPECT_TRUE(column.is_null(1));
    }
    EXPECT_EQ(first, "true 1 -5 1.5 Zürich 2026-01-31 00:00:00 ");
}

TEST(SparkRowsTest, BatchesAreAppended) {
    auto batch = columns_of_the_samples();
    ASSERT_TRUE(append_arrow_rows(sample("full"), batch));
    ASSERT_TRUE(append_arrow_rows(sample("empty"), batch));
    ASSERT_TRUE(append_arrow_rows(sample("full"), batch));
    ASSERT_EQ(batch.rows, 18u);
    EXPECT_EQ(batch.columns[1].integers[17], 8);
    EXPECT_EQ(batch.columns[4].strings[12], "xxx");
    EXPECT_FALSE(batch.columns[0].is_null(9));
}

TEST(SparkRowsTest, EveryCutIsAnErrorOrFewerRows) {
    auto bytes = sample("one");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        auto batch = columns_of_the_samples();
        if (append_arrow_rows(std::string_view(bytes).substr(0, size), batch)) {
            EXPECT_TRUE(batch.rows == 0 || batch.rows == 2) << size;
        }
    }
    auto batch = make_batch({{"b", TypeId::boolean}, {"i", TypeId::int64}});  // other columns than were sent
    EXPECT_FALSE(append_arrow_rows(sample("full"), batch));
}

}  // namespace
}  // namespace penstock::stream
