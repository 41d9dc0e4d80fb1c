// One connection to an SQLite file and its prepared statements. Not thread-safe: its owner holds a mutex.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace penstock::metadata {

/// A statement in use: bound, stepped, and reset when it goes. Texts are copied into it.
class SqliteStatement {
public:
    SqliteStatement(sqlite3_stmt* statement, const std::string& path) : statement_(statement), path_(path) {}
    SqliteStatement(SqliteStatement&& other) noexcept
        : statement_(std::exchange(other.statement_, nullptr)), path_(other.path_) {}
    SqliteStatement(const SqliteStatement&) = delete;
    SqliteStatement& operator=(const SqliteStatement&) = delete;
    SqliteStatement& operator=(SqliteStatement&&) = delete;
    ~SqliteStatement();

    void bind(int index, std::int64_t value);
    void bind(int index, std::string_view value);
    /// True: a row is there. False: done.
    Result<bool> step();
    std::int64_t integer(int column) const;
    std::string text(int column) const;

private:
    sqlite3_stmt* statement_;
    const std::string& path_;
};

class SqliteDatabase {
public:
    /// Opens or creates the file in WAL mode; each commit is on disk when it returns.
    static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path);
    ~SqliteDatabase();
    SqliteDatabase(const SqliteDatabase&) = delete;
    SqliteDatabase& operator=(const SqliteDatabase&) = delete;

    const std::string& path() const { return path_; }

    /// Prepares it once and keeps it.
    Result<SqliteStatement> prepare(std::string_view sql);
    /// Runs a statement to its end; returns how many rows it changed.
    template <class... Args>
    Result<std::int64_t> execute(std::string_view sql, const Args&... args) {
        auto statement = TRY(prepare(sql));
        bind_all(statement, args...);
        while (TRY(statement.step())) {
        }
        return sqlite3_changes64(handle_);
    }
    /// Calls row for each row.
    template <class Row, class... Args>
    Result<> query(std::string_view sql, Row row, const Args&... args) {
        auto statement = TRY(prepare(sql));
        bind_all(statement, args...);
        while (TRY(statement.step())) row(statement);
        return {};
    }
    /// Several statements without parameters, in one text.
    Result<> run_script(std::string_view sql);
    /// All that work writes, or nothing of it when it fails.
    Result<> transaction(const std::function<Result<>()>& work);

private:
    explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}
    template <class... Args>
    static void bind_all(SqliteStatement& statement, const Args&... args) {
        int index = 0;
        (statement.bind(++index, args), ...);
    }

    std::string path_;
    sqlite3* handle_ = nullptr;
    std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace penstock::metadata
