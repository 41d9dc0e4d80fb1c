// POST /api/v1/sql
#include "base/units.h"
#include "monitor/api.h"
#include "monitor/json_body.h"

namespace penstock::monitor {

namespace {

constexpr std::size_t max_rows = 10'000;

/// One of the statements that may run at once.
class SqlSlot {
public:
    explicit SqlSlot(Api& api) : under_way_(api.sql_under_way) {
        granted_ = ++under_way_ <= api.options.max_sql;
    }
    ~SqlSlot() { --under_way_; }
    SqlSlot(const SqlSlot&) = delete;
    SqlSlot& operator=(const SqlSlot&) = delete;
    bool granted() const { return granted_; }

private:
    std::atomic<int>& under_way_;
    bool granted_ = false;
};

std::optional<std::int64_t> number_after(std::string_view text, std::string_view word) {
    const auto at = text.find(word);
    if (at == std::string_view::npos) return std::nullopt;
    auto rest = text.substr(at + word.size());
    rest = rest.substr(0, rest.find_first_not_of("0123456789"));
    const auto number = parse_int(rest);
    return number ? std::optional(*number) : std::nullopt;
}

/// Engines begin the text of a mistake in SQL with its place: "line 3, column 8: ...".
net::HttpResponse sql_error(const Error& error) {
    auto response = net::error_response(error);
    const auto line = number_after(error.text, "line ");
    const auto column = number_after(error.text, "column ");
    if (error.code != Errc::invalid || !line || !column) return response;
    JsonWriter json;
    json.begin_object().key("error").begin_object().field("code", to_string(error.code));
    json.field("message", error.text).field("line", *line).field("column", *column);
    response.body = json.end_object().end_object().take();
    return response;
}

void append_rows(JsonWriter& json, const Batch& batch) {
    const auto rows = std::min(batch.rows, max_rows);
    json.key("rows").begin_array();
    std::string cell;
    for (std::size_t row = 0; row < rows; ++row) {
        json.begin_array();
        for (const auto& column : batch.columns) {
            cell.clear();
            append_value_json(cell, column, row);
            json.raw(cell);
        }
        json.end_array();
    }
    json.end_array();
}

Result<net::HttpResponse> run_sql(Api& api, const net::HttpRequest& request) {
    const auto body = TRY(JsonBody::parse(request.body));
    TRY(body.object().only({"sql"}));
    const auto sql = TRY(body.object().string("sql"));
    const SqlSlot slot(api);
    if (!slot.granted()) {
        return fail(Errc::unavailable, "{} SQL statements run already; try again in a moment",
                    api.options.max_sql);
    }
    const auto start_us = api.parts.clock.monotonic_us();
    const auto batch = api.parts.engine.select(sql);
    if (!batch) return sql_error(batch.error());
    JsonWriter json;
    json.begin_object().key("columns").begin_array();
    for (const auto& field : batch->schema) {
        json.begin_object().field("name", field.name).field("type", to_string(field.type));
        json.end_object();
    }
    json.end_array();
    append_rows(json, *batch);
    json.field("row_count", batch->rows).field("truncated", batch->rows > max_rows);
    const auto elapsed_us = api.parts.clock.monotonic_us() - start_us;
    json.field("elapsed_ms", static_cast<double>(elapsed_us) / 1000).end_object();
    return net::json_response(json.take());
}

}  // namespace

void add_sql_routes(ApiRoutes& routes) {
    routes.on("POST", "/api/v1/sql", run_sql);
}

}  // namespace penstock::monitor
