// penstock status: what runs, and what is wrong.
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"
#include "codec/json_writer.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

struct Answers {
    JsonDocument status;
    JsonDocument sources;
    JsonDocument queries;
    JsonDocument dags;
};

std::string joined(const JsonValue& object) {
    std::string text;
    for (const auto& [name, value] : object.fields())
        text += (text.empty() ? "" : ", ") + name + " " + value.text();
    return text;
}

/// Only of several: one process runs all there is.
void print_members(const JsonValue& status) {
    TextTable members({{"MEMBER"}, {"ADDRESS"}, {"LEADS"}, {"RUNS"}});
    std::size_t count = 0;
    for (auto member : status["members"].items()) {
        std::string runs;
        for (auto work : member["runs"].items()) runs += (runs.empty() ? "" : ", ") + work.text();
        auto id = member["id"].text();
        bool is_asked = id == status["member"]["id"].text();
        members.add({id + (is_asked ? " *" : ""), member["address"].text(),
                     member["leads"].flag() ? "leads" : "", runs});
        ++count;
    }
    if (count < 2) return;
    fmt::print("\n");
    members.print();
    fmt::print("* answers here; counts below are its own\n");
}

void print_head(const JsonValue& status) {
    fmt::print("Penstock {}, up {}, {} of memory\n", status["version"].text(),
               format_duration_us(status["uptime_ms"].integer() * 1000),
               format_bytes(status["memory_bytes"].integer()));
    fmt::print("data          {}\nports         {}\n", status["data_directory"].text(),
               joined(status["ports"]));
    for (const auto& [name, value] : status["seams"].fields())
        if (value.there()) fmt::print("{:<13} {}\n", name, value.text());
    print_members(status);
    auto totals = status["totals"];
    fmt::print("\nfetched {}  acknowledged {}  processed {}  stored {}  rejected {}  lag {}\n",
               format_count(totals["fetched"].integer()), format_count(totals["acknowledged"].integer()),
               format_count(totals["processed"].integer()), format_count(totals["stored"].integer()),
               format_count(totals["rejected"].integer()), format_count(totals["lag"].integer()));
}

void print_flows(const Answers& answers) {
    TextTable sources({{"SOURCE"},
                       {"TOPIC"},
                       {"STATE"},
                       {"ACKNOWLEDGED", Align::right},
                       {"REJECTED", Align::right},
                       {"PER SECOND", Align::right},
                       {"DETAIL"}});
    for (auto source : answers.sources.root().items()) {
        auto detail = source["detail"].text();
        if (source["replica"].flag() && !detail.contains("replica"))
            detail = "the built-in replica answers" + (detail.empty() ? "" : ": " + detail);
        sources.add({source["name"].text(), source["topic"].text(), source["state"].text(),
                     format_count(source["counts"]["acknowledged"].integer()),
                     format_count(source["counts"]["rejected"].integer()),
                     fmt::format("{:.1f}", source["rates"]["acknowledged"].number()), detail});
    }
    TextTable queries({{"QUERY"},
                       {"INTO"},
                       {"STATE"},
                       {"STORED", Align::right},
                       {"LAG", Align::right},
                       {"PER SECOND", Align::right},
                       {"DETAIL"}});
    for (auto query : answers.queries.root().items()) {
        queries.add({query["name"].text(), query["into"].text(), query["state"].text(),
                     format_count(query["counts"]["stored"].integer()),
                     format_count(query["counts"]["lag"].integer()),
                     fmt::format("{:.1f}", query["rates"]["stored"].number()), query["detail"].text()});
    }
    TextTable dags({{"DAG"}, {"SCHEDULE"}, {"NEXT RUN"}, {"LAST RUN"}, {"STATE"}});
    for (auto dag : answers.dags.root().items()) {
        auto last = dag["last_run"];
        dags.add({dag["name"].text(), dag["schedule"].text().empty() ? "by hand" : dag["schedule"].text(),
                  dag["paused"].flag() ? "paused" : short_time(dag["next_run"].text()),
                  short_time(last["started"].text()), last.there() ? last["state"].text() : "-"});
    }
    for (const auto* table : {&sources, &queries, &dags}) {
        if (table->empty()) continue;
        fmt::print("\n");
        table->print();
    }
}

void print_problems(const JsonValue& status) {
    for (auto problem : status["problems"].items()) {
        fmt::print("\n{}:{}:{}: {}\n", problem["file"].text(), problem["line"].integer(),
                   problem["column"].integer(), problem["text"].text());
    }
    for (auto fault : status["faults"].items()) fmt::print("\nfault: {}\n", fault.text());
}

Result<> show(ApiClient& api, const CommandContext& context) {
    Answers answers{.status = TRY(api.get("/api/v1/status")),
                    .sources = TRY(api.get("/api/v1/sources")),
                    .queries = TRY(api.get("/api/v1/queries")),
                    .dags = TRY(api.get("/api/v1/dags"))};
    if (context.json()) {
        codec::JsonWriter json;
        json.begin_object().raw_field("status", answers.status.root().json());
        json.raw_field("sources", answers.sources.root().json());
        json.raw_field("queries", answers.queries.root().json());
        json.raw_field("dags", answers.dags.root().json()).end_object();
        fmt::print("{}\n", json.take());
        return {};
    }
    print_head(answers.status.root());
    print_flows(answers);
    print_problems(answers.status.root());
    return {};
}

}  // namespace

void add_status_command(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("status", "What runs, how fast, and what is wrong");
    command->footer(
        "Examples:\n  penstock status\n"
        "  penstock status --server http://127.0.0.1:8090\n"
        "  penstock status -o json | jq .status.totals");
    add_common_options(*command, context);
    command->callback([&context] { context.run([&](ApiClient& api) { return show(api, context); }); });
}

}  // namespace penstock::app
