// penstock schemas [SUBJECT [VERSION]]
#include <CLI/CLI.hpp>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/units.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

struct Options {
    std::string subject;
    std::string version;
};

Result<> list(ApiClient& api, const CommandContext& context) {
    auto answer = TRY(api.get("/api/v1/schemas"));
    if (context.json()) {
        fmt::print("{}\n", answer.root().json());
        return {};
    }
    TextTable table({{"SUBJECT"}, {"VERSIONS", Align::right}, {"LATEST", Align::right}});
    for (auto subject : answer.root().items()) {
        auto versions = TRY(api.get("/api/v1/schemas/" + percent_encoded(subject.text())));
        auto numbers = versions.root().items();
        table.add({subject.text(), format_count(std::int64_t(numbers.size())),
                   numbers.empty() ? "-" : numbers.back().text()});
    }
    table.print();
    return {};
}

Result<> show(ApiClient& api, const CommandContext& context, const Options& options) {
    auto answer = TRY(api.get(fmt::format("/api/v1/schemas/{}/{}", percent_encoded(options.subject),
                                          percent_encoded(options.version))));
    auto schema = answer.root();
    if (context.json()) {
        fmt::print("{}\n", schema.json());
        return {};
    }
    fmt::print("subject  {}\nversion  {}\nid       {}\nkind     {}\n", schema["subject"].text(),
               schema["version"].text(), schema["id"].text(), schema["kind"].text());
    for (auto other : schema["references"].items())
        fmt::print("uses     {}, version {} of {}\n", other["name"].text(), other["version"].text(),
                   other["subject"].text());
    fmt::print("\n{}\n", schema["text"].text());
    return {};
}

}  // namespace

void add_schemas_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand("schemas", "Schemas that are registered");
    command->add_option("subject", options->subject, "This one: TOPIC-value or TOPIC-key");
    command->add_option("version", options->version, "A number, or latest")->default_str("latest");
    command->footer(
        "Examples:\n  penstock schemas\n  penstock schemas users_created-value\n"
        "  penstock schemas users_created-value 1 -o json");
    add_common_options(*command, context);
    command->callback([options, &context] {
        if (options->version.empty()) options->version = "latest";
        context.run([&](ApiClient& api) {
            return options->subject.empty() ? list(api, context) : show(api, context, *options);
        });
    });
}

}  // namespace penstock::app
