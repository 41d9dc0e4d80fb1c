// One connection to a PostgreSQL server. Every wait has a bound. Not thread-safe: PostgresPool
// lends it to one thread.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::metadata {

struct ResultClose {
    void operator()(PGresult* result) const { PQclear(result); }
};

/// The rows that a statement gave.
class PostgresRows {
public:
    explicit PostgresRows(PGresult* result) : result_(result) {}
    int size() const { return PQntuples(result_.get()); }
    bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column); }
    std::string text(int row, int column) const;
    /// 0 for what is no number.
    std::int64_t integer(int row, int column) const;
    /// How many rows the statement wrote.
    std::int64_t changed() const;

private:
    std::unique_ptr<PGresult, ResultClose> result_;
};

/// Statement parameters, as text; PostgreSQL takes the types from the statement.
class PostgresParameters {
public:
    PostgresParameters& add(std::string_view value);
    PostgresParameters& add(std::int64_t value);
    const std::vector<std::string>& values() const { return values_; }

private:
    std::vector<std::string> values_;
};

struct PostgresTarget {
    /// libpq's keywords: host, port, dbname, user, password, sslmode, ...
    std::map<std::string, std::string> keywords;
    std::string schema;  ///< where our tables are
    std::string name;    ///< for people, in errors: "PostgreSQL at h1:5432, database penstock"
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds statement_timeout{30'000};
};

/// Of a postgresql:// URL. Errc::invalid.
Result<PostgresTarget> target_of(const std::string& url);

class PostgresConnection {
public:
    /// Errc::unauthorized: the server refuses user or password. Errc::not_found: no such database.
    /// Errc::invalid: a keyword that libpq does not know. Errc::unavailable: all that a later
    /// attempt may mend.
    static Result<std::unique_ptr<PostgresConnection>> open(const PostgresTarget& target);

    /// One statement with $1, $2, ... Errc::unavailable when the connection broke: alive() is false
    /// from then on, and whether the server still ran the statement is unknown.
    Result<PostgresRows> execute(const char* sql, const PostgresParameters& parameters);
    /// Statements without parameters, in one text; the rows of the last one.
    Result<PostgresRows> script(const std::string& sql);
    bool alive() const { return alive_ && PQstatus(connection_.get()) == CONNECTION_OK; }
    /// The last failure was a conflict with another transaction: the same one may succeed now.
    bool conflicted() const { return conflicted_; }

private:
    struct Close {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };
    using Deadline = std::chrono::steady_clock::time_point;

    PostgresConnection(PGconn* connection, const PostgresTarget& target)
        : connection_(connection), target_(&target) {}
    Result<> connect();
    Error connect_failure() const;
    /// Sends all that libpq has not sent yet.
    Result<> flush(Deadline deadline);
    Result<PostgresRows> wait_result();
    Error silence();
    Error statement_failure(PGresult* result);
    /// True when the socket is ready; false at the deadline.
    bool wait_socket(short events, Deadline deadline) const;

    std::unique_ptr<PGconn, Close> connection_;
    const PostgresTarget* target_;
    bool alive_ = true;
    bool conflicted_ = false;
};

}  // namespace penstock::metadata
