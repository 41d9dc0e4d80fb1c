#include "store/backup.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "store/database.h"

namespace penstock::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_name = 100;

bool is_plain(std::string_view name) {
    return !name.empty() && name.size() <= most_name && name.front() != '.' &&
           std::ranges::all_of(name, [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
           });
}

}  // namespace

Result<Backup> make_backup(Database& database, std::string_view name) {
    if (!is_plain(name))
        return fail(Errc::invalid,
                    "a backup's name has letters, digits, '-', '_' and '.', at most {}; got '{}'", most_name,
                    name);
    auto parent = fs::path(database.options().data_directory) / "backups";
    std::error_code error;
    fs::create_directories(parent, error);
    if (error) return fail(Errc::io, "cannot create {}: {}", parent.string(), error.message());
    auto directory = parent / std::string(name);
    if (fs::exists(directory, error))
        return fail(Errc::exists, "there is a backup {} already", directory.string());
    // Query commits are in no log: what was not flushed would be missing.
    TRY(database.flush());
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(&database.rocks(), &made);
    std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(directory.string());
    if (!status.ok()) return fail(error_of(status));
    Backup out{directory.string(), 0};
    for (const auto& file : fs::directory_iterator(directory, error))
        if (file.is_regular_file(error)) out.bytes += file.file_size(error);
    return out;
}

}  // namespace penstock::store
