#include "store/row_value.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "store/bytes.h"
#include "store/row_merge.h"

namespace penstock::store {
namespace {

Cell value_cell(std::uint32_t column, std::int64_t timestamp, std::string_view value) {
    Cell cell;
    cell.column = column;
    cell.timestamp = timestamp;
    cell.value = value;
    return cell;
}

Row row_of(std::vector<Cell> cells) {
    Row row;
    row.cells = std::move(cells);
    return row;
}

/// a and b merged, in both orders: the same.
std::string merged(const Row& a, const Row& b) {
    std::deque<std::string> sums;
    Row one = a, other = b;
    merge_rows(one, b, sums);
    merge_rows(other, a, sums);
    std::string first, second;
    append_row(first, one);
    append_row(second, other);
    EXPECT_EQ(first, second);
    return first;
}

std::string bytes_of(const Row& row) {
    std::string out;
    append_row(out, row);
    return out;
}

}  // namespace

TEST(RowValueTest, RoundTrip) {
    Row row;
    row.marker = {1000, 60, 1060};
    row.deletion = {900, 7};
    row.cells = {value_cell(1, 1000, "a"), value_cell(2, 5000, "")};
    row.cells.push_back(value_cell(300, 1000, "expires"));
    row.cells.back().ttl = 5;
    row.cells.back().expires_at = 99;
    auto element = value_cell(301, 1001, "v");
    element.has_path = true;
    element.path = "k";
    auto deletion = value_cell(301, 999, "");
    deletion.kind = CellKind::collection_deletion;
    deletion.expires_at = 3;
    row.cells.push_back(deletion);
    row.cells.push_back(element);
    auto bytes = bytes_of(row);
    Row again;
    ASSERT_TRUE(parse_row(bytes, again));
    EXPECT_EQ(again.marker, row.marker);
    EXPECT_EQ(again.deletion, row.deletion);
    EXPECT_EQ(again.cells, row.cells);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        parse_row(std::string_view(bytes).substr(0, size), again);
}

TEST(RowValueTest, TheLaterCellWins) {
    EXPECT_EQ(merged(row_of({value_cell(1, 5, "new")}), row_of({value_cell(1, 4, "old")})),
              bytes_of(row_of({value_cell(1, 5, "new")})));
}

TEST(RowValueTest, AtTheSameTimeATombstoneThenAnExpiringCellThenTheGreaterValueWins) {
    auto live = value_cell(1, 5, "z");
    auto smaller = value_cell(1, 5, "a");
    auto expiring = value_cell(1, 5, "a");
    expiring.ttl = 10;
    expiring.expires_at = 100;
    auto ends_later = expiring;
    ends_later.expires_at = 101;
    auto tombstone = value_cell(1, 5, "");
    tombstone.kind = CellKind::tombstone;
    tombstone.expires_at = 1;
    EXPECT_EQ(merged(row_of({live}), row_of({smaller})), bytes_of(row_of({live})));
    EXPECT_EQ(merged(row_of({live}), row_of({expiring})), bytes_of(row_of({expiring})));
    EXPECT_EQ(merged(row_of({ends_later}), row_of({expiring})), bytes_of(row_of({ends_later})));
    EXPECT_EQ(merged(row_of({ends_later}), row_of({tombstone})), bytes_of(row_of({tombstone})));
}

TEST(RowValueTest, ARowsDeletionHidesWhatIsNotYounger) {
    Row deleted;
    deleted.deletion = {5, 1};
    Row written = row_of({value_cell(1, 5, "gone"), value_cell(2, 6, "stays")});
    written.marker.timestamp = 5;
    Row expected = row_of({value_cell(2, 6, "stays")});
    expected.deletion = deleted.deletion;
    EXPECT_EQ(merged(deleted, written), bytes_of(expected));
}

TEST(RowValueTest, CountersAddUp) {
    auto counter = [](std::int64_t timestamp, std::string_view bytes) {
        auto cell = value_cell(1, timestamp, bytes);
        cell.kind = CellKind::counter;
        return row_of({cell});
    };
    std::string two, minus_five, sum;
    append_big_endian(two, std::int64_t(2));
    append_big_endian(minus_five, std::int64_t(-5));
    append_big_endian(sum, std::int64_t(-3));
    EXPECT_EQ(merged(counter(1, two), counter(2, minus_five)), bytes_of(counter(2, sum)));
}

TEST(RowValueTest, IsLiveKnowsTimeAndDeletions) {
    Row row;
    row.marker = {10, 5, 105};
    EXPECT_TRUE(is_live(bytes_of(row), 104, no_timestamp));
    EXPECT_FALSE(is_live(bytes_of(row), 105, no_timestamp));
    EXPECT_FALSE(is_live(bytes_of(row), 104, 10));
    EXPECT_TRUE(is_live(bytes_of(row_of({value_cell(1, 11, "")})), 0, 10));
    EXPECT_FALSE(is_live("", 0, no_timestamp));
}

/// Writes of one row, merged in random order and grouping, are what a map of the winners says.
TEST(RowValueTest, RandomWritesAgreeWithAModelInAnyOrder) {
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::string> writes;
        std::map<std::uint32_t, std::pair<std::int64_t, std::string>>
            model;  // column -> when, what; empty: deleted
        std::int64_t deleted_until = no_timestamp;
        for (int i = 0; i < 12; ++i) {
            auto timestamp =
                std::int64_t(i * 10 + int(random() % 10));  // each once, so that no rule of ties matters
            Row row;
            if (random() % 6 == 0) {
                row.deletion = {timestamp, 1};
                deleted_until = std::max(deleted_until, timestamp);
            } else {
                auto column = std::uint32_t(random() % 4);
                bool tombstone = random() % 4 == 0;
                auto text = "v" + std::to_string(timestamp);
                auto cell = value_cell(column, timestamp, text);
                if (tombstone) {
                    cell.kind = CellKind::tombstone;
                    cell.value = {};
                }
                row.cells.push_back(cell);
                if (!model.contains(column) || model[column].first < timestamp)
                    model[column] = {timestamp, tombstone ? "" : text};
                writes.push_back(bytes_of(row));
                continue;
            }
            writes.push_back(bytes_of(row));
        }
        std::ranges::shuffle(writes, random);
        // Merge random neighbours until one is left, as compactions do.
        while (writes.size() > 1) {
            auto at = random() % (writes.size() - 1);
            Row a, b;
            std::deque<std::string> sums;
            ASSERT_TRUE(parse_row(writes[at], a) && parse_row(writes[at + 1], b));
            merge_rows(a, b, sums);
            auto bytes = bytes_of(a);
            writes[at] = bytes;
            writes.erase(writes.begin() + std::ptrdiff_t(at) + 1);
        }
        Row result;
        ASSERT_TRUE(parse_row(writes[0], result));
        std::map<std::uint32_t, std::string> got, expected;
        for (const auto& cell : result.cells)
            if (cell.is_live(0)) got[cell.column] = cell.value;
        for (const auto& [column, written] : model)
            if (written.first > deleted_until && !written.second.empty()) expected[column] = written.second;
        ASSERT_EQ(got, expected);
    }
}

TEST(RowMergeTest, OneOperandIsTakenAsItIs) {
    auto merge = make_row_merge();
    std::string bytes = bytes_of(row_of({value_cell(1, 1, "x")})), result = "old contents";
    std::vector<rocksdb::Slice> operands{bytes};
    rocksdb::Slice key("k"), existing;
    rocksdb::MergeOperator::MergeOperationInput in(key, nullptr, operands, nullptr);
    rocksdb::MergeOperator::MergeOperationOutput out(result, existing);
    ASSERT_TRUE(merge->FullMergeV2(in, &out));
    EXPECT_EQ(existing.ToString(), bytes);
    operands.push_back(bytes);
    existing = {};
    rocksdb::MergeOperator::MergeOperationInput two(key, nullptr, operands, nullptr);
    ASSERT_TRUE(merge->FullMergeV2(two, &out));
    EXPECT_EQ(result, bytes);
}

}  // namespace penstock::store
