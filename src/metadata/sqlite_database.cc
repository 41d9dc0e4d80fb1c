#include "metadata/sqlite_database.h"

#include <array>
#include <filesystem>
#include <utility>

namespace penstock::metadata {
namespace {

constexpr int busy_timeout_ms = 5000;
/// A larger file is not looked through as a whole at the start; its pages are checked as they are read.
constexpr std::uintmax_t checked_file_bytes_max = 64 * 1024 * 1024;

std::unexpected<Error> failure(int code, const char* text, const std::string& path) {
    switch (code & 0xff) {
        case SQLITE_NOTADB:
            return fail(Errc::corrupt,
                        "'{}' is not an SQLite database; expected the metadata file that Penstock "
                        "made: move the file away to start with an empty one",
                        path);
        case SQLITE_CORRUPT:
            return fail(Errc::corrupt,
                        "the metadata file '{}' is damaged ({}): restore a copy of "
                        "it, or move it away to start with an empty one",
                        path, text);
        case SQLITE_FULL:
            return fail(Errc::full, "metadata file '{}': {}", path, text);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return fail(Errc::unavailable, "metadata file '{}' is in use by another process: {}", path, text);
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_READONLY:
            return fail(Errc::io, "metadata file '{}': {}", path, text);
        case SQLITE_TOOBIG:
        case SQLITE_CONSTRAINT:
            return fail(Errc::invalid, "metadata file '{}': {}", path, text);
        default:
            return fail(Errc::internal, "metadata file '{}': {}", path, text);
    }
}

}  // namespace

SqliteStatement::~SqliteStatement() {
    if (!statement_) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

void SqliteStatement::bind(int index, std::int64_t value) {
    sqlite3_bind_int64(statement_, index, value);
}

void SqliteStatement::bind(int index, std::string_view value) {
    // An empty view may have no address, which SQLite would take for NULL.
    const char* bytes = value.empty() ? "" : value.data();
    sqlite3_bind_text64(statement_, index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

Result<bool> SqliteStatement::step() {
    int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return failure(code, sqlite3_errmsg(sqlite3_db_handle(statement_)), path_);
}

std::int64_t SqliteStatement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string SqliteStatement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!bytes) return {};
    return {bytes, std::size_t(sqlite3_column_bytes(statement_, column))};
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path) {
    std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path.c_str(), &database->handle_, flags, nullptr);
    if (code != SQLITE_OK) {
        return failure(code, database->handle_ ? sqlite3_errmsg(database->handle_) : sqlite3_errstr(code),
                       path);
    }
    sqlite3_extended_result_codes(database->handle_, 1);
    sqlite3_busy_timeout(database->handle_, busy_timeout_ms);
    // FULL: in WAL mode the log is synced at every commit, so that a write that has returned survives a power
    // cut.
    TRY(
        database->run_script("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                             "PRAGMA foreign_keys=ON; PRAGMA journal_size_limit=16777216;"));
    std::error_code ignored;
    auto bytes = std::filesystem::file_size(path, ignored);
    if (!ignored && bytes <= checked_file_bytes_max) {
        std::string found;
        TRY(database->query("PRAGMA quick_check(1)",
                            [&](const SqliteStatement& row) { found = row.text(0); }));
        if (found != "ok") return failure(SQLITE_CORRUPT, found.c_str(), path);
    }
    return database;
}

SqliteDatabase::~SqliteDatabase() {
    for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(handle_);
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) {
    std::string key(sql);
    if (auto found = statements_.find(key); found != statements_.end())
        return SqliteStatement(found->second, path_);
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v3(handle_, key.c_str(), int(key.size()) + 1, SQLITE_PREPARE_PERSISTENT,
                                  &statement, nullptr);
    if (code != SQLITE_OK) return failure(code, sqlite3_errmsg(handle_), path_);
    statements_.emplace(std::move(key), statement);
    return SqliteStatement(statement, path_);
}

Result<> SqliteDatabase::run_script(std::string_view sql) {
    std::string text(sql);
    int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return failure(code, sqlite3_errmsg(handle_), path_);
    return {};
}

Result<> SqliteDatabase::transaction(const std::function<Result<>()>& work) {
    TRY(execute("BEGIN IMMEDIATE"));
    auto done = work();
    if (done) {
        auto committed = execute("COMMIT");
        if (committed) return {};
        done = std::unexpected(committed.error());
    }
    // Some errors have rolled back already; then this one says so, and nothing is lost by it.
    if (!sqlite3_get_autocommit(handle_)) (void)run_script("ROLLBACK");
    return done;
}

}  // namespace penstock::metadata
