// penstock sql "SELECT ..."
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

constexpr std::size_t sql_bytes_max = 1024 * 1024;

Result<std::string> read_all(std::FILE* input) {
    std::string text;
    std::array<char, 4096> part;
    while (auto got = std::fread(part.data(), 1, part.size(), input)) {
        text.append(part.data(), got);
        if (text.size() > sql_bytes_max) {
            return fail(Errc::invalid, "the statement is longer than {}", format_bytes(sql_bytes_max));
        }
    }
    return text;
}

bool is_number(std::string_view type) {
    for (std::string_view start :
         {"INT", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "LONG", "SMALLINT", "TINYINT"}) {
        bool same = type.size() >= start.size();
        for (std::size_t i = 0; same && i < start.size(); ++i)
            same = std::toupper(static_cast<unsigned char>(type[i])) == start[i];
        if (same && !type.starts_with("INTERVAL") && !type.starts_with("interval")) return true;
    }
    return false;
}

/// An array of objects, as the tools that read JSON like it.
void print_json(const JsonValue& result) {
    auto columns = result["columns"].items();
    codec::JsonWriter json;
    json.begin_array();
    for (auto row : result["rows"].items()) {
        json.begin_object();
        auto cells = row.items();
        for (std::size_t i = 0; i < columns.size() && i < cells.size(); ++i)
            json.raw_field(columns[i]["name"].text(), cells[i].json());
        json.end_object();
    }
    fmt::print("{}\n", json.end_array().take());
}

void print_table(const JsonValue& result) {
    std::vector<TextTable::Column> columns;
    for (auto column : result["columns"].items())
        columns.push_back(
            {column["name"].text(), is_number(column["type"].text()) ? Align::right : Align::left});
    TextTable table(columns);
    for (auto row : result["rows"].items()) {
        std::vector<std::string> cells;
        for (auto cell : row.items()) cells.push_back(cell.there() ? cell.text() : "null");
        cells.resize(columns.size());
        table.add(std::move(cells));
    }
    table.print();
    auto rows = result["row_count"].there() ? result["row_count"].integer()
                                            : std::int64_t(result["rows"].items().size());
    fmt::print("({}, {})\n", counted(rows, "row"),
               format_duration_us(std::int64_t(result["elapsed_ms"].number() * 1000)));
}

/// The line of the statement that the error is about, with a caret under the place.
std::string pointed_at(std::string_view sql, std::string_view message) {
    std::int64_t line = 0;
    std::int64_t column = 0;
    constexpr std::string_view start = "line ";
    constexpr std::string_view middle = ", column ";
    auto at = message.find(start);
    auto then = message.find(middle);
    if (at == std::string_view::npos || then == std::string_view::npos || then < at) return {};
    auto digits = [](std::string_view text) {
        return parse_int(text.substr(0, text.find_first_not_of("0123456789"))).value_or(0);
    };
    line = digits(message.substr(at + start.size()));
    column = digits(message.substr(then + middle.size()));
    for (; line > 1; --line) {
        auto end = sql.find('\n');
        if (end == std::string_view::npos) return {};
        sql.remove_prefix(end + 1);
    }
    sql = sql.substr(0, sql.find('\n'));
    if (column < 1 || std::size_t(column) > sql.size() + 1) return {};
    auto before = display_width(sql.substr(0, std::size_t(column - 1)));
    return fmt::format("\n    {}\n    {}^", on_one_line(sql), std::string(before, ' '));
}

Result<> run_sql(ApiClient& api, const CommandContext& context, std::string sql) {
    if (sql.empty() || sql == "-") sql = TRY(read_all(context.input));
    codec::JsonWriter body;
    body.begin_object().field("sql", sql).end_object();
    auto answer = api.post("/api/v1/sql", body.take());
    if (!answer) {
        auto error = answer.error();
        // Some engines point at the place themselves.
        bool pointed = error.text.find('\n') != std::string::npos;
        if (error.code == Errc::invalid && !pointed) error.text += pointed_at(sql, error.text);
        return fail(std::move(error));
    }
    auto result = answer->root();
    if (context.json())
        print_json(result);
    else
        print_table(result);
    if (result["truncated"].flag()) {
        fmt::print(stderr, "only the first {} of {} are shown; add LIMIT, or a WHERE\n",
                   format_count(std::int64_t(result["rows"].items().size())),
                   counted(result["row_count"].integer(), "row"));
    }
    return {};
}

}  // namespace

void add_sql_command(CLI::App& app, CommandContext& context) {
    auto sql = std::make_shared<std::string>();
    auto* command = app.add_subcommand("sql", "Query tables and topics");
    command->add_option("statement", *sql, "SELECT ...; without it, or with -, from stdin");
    command->footer(
        "With --output json the rows are an array of objects.\n\nExamples:\n"
        "  penstock sql \"SELECT count(*) FROM spark_streams.created_users\"\n"
        "  penstock sql \"SELECT nat, count(*) FROM users_created GROUP BY nat\" -o json\n"
        "  penstock sql < report.sql");
    add_common_options(*command, context);
    command->callback(
        [sql, &context] { context.run([&](ApiClient& api) { return run_sql(api, context, *sql); }); });
}

}  // namespace penstock::app
