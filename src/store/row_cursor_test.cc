#include "store/row_cursor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "store/file_tables.h"
#include "store/local_tables.h"
#include "store/resident_files.h"
#include "store/row_key.h"
#include "store/testing/temporary_directory.h"

namespace penstock::store {
namespace {

class RowCursorTest : public ::testing::Test {
protected:
    void open() {
        StoreOptions options;
        options.data_directory = directory_.path().string();
        tables_ = std::move(*open_local_tables(options));
    }

    /// One partition with rows from <= place < to.
    void commit(std::int64_t from, std::int64_t to) {
        Schema schema{{"id", TypeId::int64}, {"place", TypeId::int64}, {"note", TypeId::string}};
        ASSERT_TRUE(tables_->ensure({"ks", "t", schema, {"id"}, {{"place", false}}}));
        auto batch = make_batch(schema);
        for (auto place = from; place < to; ++place) {
            batch.columns[0].append_integer(7);
            batch.columns[1].append_integer(place);
            batch.columns[2].append_string("a note of some length, so that blocks fill");
            ++batch.rows;
        }
        ASSERT_TRUE(tables_->commit({"q", {{"ks.t", &batch, 1000}}, {}, "c"}));
    }

    std::shared_ptr<const TableDefinition> table() {
        return tables_->database().catalogue()->table("ks", "t");
    }
    static std::string partition() { return std::string("\0\0\0\0\0\0\0\7", 8); }

    /// How many rows the partition has, as far as they are wanted.
    Result<int> rows(Reading reading, bool reversed = false, int wanted = INT_MAX) {
        auto from = partition_prefix(table()->id, partition()) + row_tag;
        RowCursor cursor(tables_->database(), table(), {{from, after_prefix(from)}}, reversed, reading);
        int count = 0;
        while (count < wanted && TRY(cursor.next())) ++count;
        return count;
    }

    /// The table files leave the operating system's memory; that of the database is new.
    void forget() {
        tables_.reset();
        for (const auto& file : std::filesystem::recursive_directory_iterator(directory_.path())) {
            if (file.path().extension() != ".sst") continue;
            int descriptor = ::open(file.path().c_str(), O_RDONLY);
            ASSERT_EQ(::fsync(descriptor), 0);
            ASSERT_EQ(::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED), 0);
            ::close(descriptor);
        }
    }

    TemporaryDirectory directory_;
    std::unique_ptr<LocalTables> tables_;
};

TEST_F(RowCursorTest, AtOnceReadsWhatIsInMemory) {
    open();
    commit(0, 20);
    EXPECT_EQ(rows(Reading::at_once), 20);
    EXPECT_EQ(rows(Reading::at_once, true), 20);
    ASSERT_TRUE(tables_->database().flush());
    // The file was just written: its pages are in memory, though no block of it is in the cache.
    EXPECT_EQ(rows(Reading::at_once), 20);
}

TEST_F(RowCursorTest, AtOnceDoesNotWaitForTheDisk) {
    open();
    // Opening reads the end of a file, with what the system reads along; the first rows are far from it.
    commit(0, 50'000);
    ASSERT_TRUE(tables_->database().flush());
    forget();
    open();
    auto refused = rows(Reading::at_once, false, 20);
    if (refused) GTEST_SKIP() << "this file system keeps in memory what it was asked to forget";
    EXPECT_EQ(refused.error().code, Errc::unavailable) << refused.error().text;
    EXPECT_EQ(rows(Reading::normal, false, 20), 20);
    EXPECT_EQ(rows(Reading::at_once, false, 20), 20);
}

TEST_F(RowCursorTest, FilesOfOtherTablesAreSkipped) {
    open();
    commit(0, 20);
    ASSERT_TRUE(tables_->database().flush());
    Schema schema{{"id", TypeId::int64}};
    ASSERT_TRUE(tables_->ensure({"ks", "other", schema, {"id"}, {}}));
    auto batch = make_batch(schema);
    batch.columns[0].append_integer(1);
    ++batch.rows;
    ASSERT_TRUE(tables_->commit({"q", {{"ks.other", &batch, 1000}}, {}, "c"}));
    ASSERT_TRUE(tables_->database().flush());
    rocksdb::TablePropertiesCollection files;
    ASSERT_TRUE(tables_->database().rocks().GetPropertiesOfAllTables(&files).ok());
    auto other = tables_->database().catalogue()->table("ks", "other");
    int with_rows = 0, with_other = 0;
    for (const auto& [name, file] : files) {
        with_rows += may_have_table(*file, table()->id);
        with_other += may_have_table(*file, other->id);
        EXPECT_FALSE(may_have_table(*file, other->id + 1));
    }
    EXPECT_EQ(with_rows, 1);
    EXPECT_EQ(with_other, 1);
    EXPECT_EQ(rows(Reading::normal), 20);
}

TEST_F(RowCursorTest, AtOnceReadsLittle) {
    open();
    commit(0, 2000);
    auto refused = rows(Reading::at_once);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_EQ(rows(Reading::normal), 2000);
}

TEST(ResidentReads, FailInsteadOfReadingADisk) {
    TemporaryDirectory directory;
    auto path = (directory.path() / "file").string();
    auto files = make_resident_file_system();
    std::unique_ptr<rocksdb::FSWritableFile> written;
    ASSERT_TRUE(files->NewWritableFile(path, {}, &written, nullptr).ok());
    ASSERT_TRUE(written->Append(std::string(8192, 'a'), {}, nullptr).ok());
    ASSERT_TRUE(written->Close({}, nullptr).ok());
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    ASSERT_TRUE(files->NewRandomAccessFile(path, {}, &file, nullptr).ok());
    std::string room(8192, '\0');
    rocksdb::Slice got;
    auto read = [&](std::size_t size) { return file->Read(0, size, {}, &got, room.data(), nullptr); };
    {
        ResidentReads resident(true);
        ASSERT_TRUE(read(8192).ok());
        EXPECT_EQ(got.ToString(), std::string(8192, 'a'));
        // Behind the file's end there is nothing in memory, whatever the reason.
        room.resize(16384);
        EXPECT_TRUE(read(16384).IsBusy());
        ResidentReads off(false);
        EXPECT_TRUE(read(16384).IsBusy());
    }
    ASSERT_TRUE(read(16384).ok());
    EXPECT_EQ(got.size(), 8192u);
}

}  // namespace
}  // namespace penstock::store
