#include "metadata/postgres_connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/units.h"

namespace penstock::metadata {
namespace {

using std::chrono::steady_clock;

void log_notice(void*, const char* text) {
    log::debug("PostgreSQL: {}", text);
}

/// libpq ends its messages with a line end, and says some of them on several lines.
std::string one_line(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    std::string out(text);
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

/// The SQLSTATE in a message of verbosity "verbose": "FATAL:  28P01: password ...", in whatever language.
std::string_view state_in(std::string_view message) {
    for (std::size_t colon = message.find(": "); colon != std::string_view::npos;
         colon = message.find(": ", colon + 1)) {
        auto start = message.find_first_not_of(' ', colon + 1);
        if (start == std::string_view::npos || start + 5 >= message.size()) continue;
        auto state = message.substr(start, 5);
        // "FATAL" and "PANIC" have five letters too, but no digit.
        bool is_state = message[start + 5] == ':' &&
                        state.find_first_of("0123456789") != std::string_view::npos &&
                        std::all_of(state.begin(), state.end(),
                                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
        if (is_state) return state;
    }
    return {};
}

/// Class codes of PostgreSQL's appendix A.
Errc code_of(std::string_view state) {
    if (state.starts_with("28") || state == "42501") return Errc::unauthorized;
    if (state == "3D000") return Errc::not_found;
    if (state == "23505") return Errc::exists;
    if (state.starts_with("22") || state.starts_with("23")) return Errc::invalid;
    if (state == "53100") return Errc::full;
    if (state == "57014") return Errc::timeout;
    // 25006: a server that only reads now, after a switch-over. 40: lost against another transaction.
    if (state.starts_with("08") || state.starts_with("53") || state.starts_with("57") ||
        state.starts_with("58") || state.starts_with("40") || state == "25006" || state == "55P03")
        return Errc::unavailable;
    return Errc::internal;
}

}  // namespace

std::string PostgresRows::text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column), std::size_t(PQgetlength(result_.get(), row, column))};
}

std::int64_t PostgresRows::integer(int row, int column) const {
    return parse_int(PQgetvalue(result_.get(), row, column)).value_or(0);
}

std::int64_t PostgresRows::changed() const {
    return parse_int(PQcmdTuples(result_.get())).value_or(0);
}

PostgresParameters& PostgresParameters::add(std::string_view value) {
    values_.emplace_back(value);
    return *this;
}

PostgresParameters& PostgresParameters::add(std::int64_t value) {
    values_.push_back(fmt::format("{}", value));
    return *this;
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresTarget& target) {
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : target.keywords) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    auto* started = PQconnectStartParams(names.data(), values.data(), 0);
    std::unique_ptr<PostgresConnection> opened(new PostgresConnection(started, target));
    TRY(opened->connect());
    return opened;
}

Result<> PostgresConnection::connect() {
    auto* connection = connection_.get();
    if (!connection) return fail(Errc::full, "{}: no memory for a connection", target_->name);
    if (PQstatus(connection) == CONNECTION_BAD) return fail(connect_failure());
    PQsetNoticeProcessor(connection, log_notice, nullptr);
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    auto deadline = steady_clock::now() + target_->connect_timeout;
    for (auto status = PGRES_POLLING_WRITING; status != PGRES_POLLING_OK;
         status = PQconnectPoll(connection)) {
        if (status == PGRES_POLLING_FAILED) return fail(connect_failure());
        bool reads = status == PGRES_POLLING_READING;
        if (!wait_socket(reads ? POLLIN : POLLOUT, deadline)) {
            return fail(Errc::unavailable, "{}: no answer within {} ms", target_->name,
                        target_->connect_timeout.count());
        }
    }
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    PQsetnonblocking(connection, 1);
    std::unique_ptr<char, decltype(&PQfreemem)> schema(
        PQescapeIdentifier(connection, target_->schema.data(), target_->schema.size()), PQfreemem);
    if (!schema) return fail(Errc::invalid, "the schema's name is not valid UTF-8");
    TRY(script(fmt::format("SET client_encoding = 'UTF8'; SET search_path = {}", schema.get())));
    return {};
}

Error PostgresConnection::connect_failure() const {
    std::string_view message = PQerrorMessage(connection_.get());
    auto state = state_in(message);
    // The server's text comes first; then DETAIL, HINT and the place in the server's source.
    auto text = message.substr(0, message.find("\nLOCATION:"));
    auto code = Errc::unavailable;
    if (!state.empty()) {
        code = code_of(state);
        if (code == Errc::internal) code = Errc::unavailable;
    } else if (text.find("invalid connection option") != std::string_view::npos ||
               text.find("invalid sslmode value") != std::string_view::npos) {
        code = Errc::invalid;
    }
    return {code, fmt::format("{}: {}", target_->name, one_line(text))};
}

Result<PostgresRows> PostgresConnection::execute(const char* sql, const PostgresParameters& parameters) {
    std::vector<const char*> values;
    for (const auto& value : parameters.values()) {
        if (value.find('\0') != std::string::npos)
            return fail(Errc::invalid, "{}: a text with a NUL byte cannot be stored", target_->name);
        values.push_back(value.c_str());
    }
    conflicted_ = false;
    if (!PQsendQueryParams(connection_.get(), sql, int(values.size()), nullptr, values.data(), nullptr,
                           nullptr, 0))
        return fail(statement_failure(nullptr));
    return wait_result();
}

Result<PostgresRows> PostgresConnection::script(const std::string& sql) {
    conflicted_ = false;
    if (!PQsendQuery(connection_.get(), sql.c_str())) return fail(statement_failure(nullptr));
    return wait_result();
}

Error PostgresConnection::silence() {
    alive_ = false;
    return {Errc::unavailable, fmt::format("{}: no answer to a statement within {} ms", target_->name,
                                           target_->statement_timeout.count())};
}

Result<> PostgresConnection::flush(Deadline deadline) {
    for (;;) {
        int unsent = PQflush(connection_.get());
        if (unsent == 0) return {};
        if (unsent < 0) return fail(statement_failure(nullptr));
        // The server may want to be read before it reads on.
        if (!wait_socket(POLLIN | POLLOUT, deadline)) return fail(silence());
        if (!PQconsumeInput(connection_.get())) return fail(statement_failure(nullptr));
    }
}

Result<PostgresRows> PostgresConnection::wait_result() {
    auto* connection = connection_.get();
    auto deadline = steady_clock::now() + target_->statement_timeout;
    TRY(flush(deadline));
    std::unique_ptr<PGresult, ResultClose> last;
    std::optional<Error> error;
    for (;;) {
        while (PQisBusy(connection)) {
            if (!wait_socket(POLLIN, deadline)) return fail(silence());
            if (!PQconsumeInput(connection)) return fail(statement_failure(nullptr));
        }
        std::unique_ptr<PGresult, ResultClose> result(PQgetResult(connection));
        if (!result) break;
        auto status = PQresultStatus(result.get());
        bool is_good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
        if (!is_good && !error) error = statement_failure(result.get());
        last = std::move(result);
    }
    if (error) return fail(std::move(*error));
    if (!last) return fail(statement_failure(nullptr));
    return PostgresRows(last.release());
}

Error PostgresConnection::statement_failure(PGresult* result) {
    const char* field = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    std::string_view state = field ? field : "";
    const char* primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    auto text = one_line(primary ? primary : PQerrorMessage(connection_.get()));
    auto code = state.empty() ? Errc::unavailable : code_of(state);
    conflicted_ = state == "40001" || state == "40P01";
    if (code == Errc::unavailable && !conflicted_) alive_ = false;
    return {code, fmt::format("{}: {}", target_->name, text.empty() ? "connection lost" : text)};
}

bool PostgresConnection::wait_socket(short events, Deadline deadline) const {
    for (;;) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd socket{.fd = PQsocket(connection_.get()), .events = events, .revents = 0};
        int ready = ::poll(&socket, 1, int(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return true;  // libpq finds the same error, and says it
    }
}

}  // namespace penstock::metadata
