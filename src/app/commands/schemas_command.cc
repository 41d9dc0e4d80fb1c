// penstock schemas [SUBJECT [VERSION]], schemas register
#include <CLI/CLI.hpp>
#include <filesystem>

#include "app/commands/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/text_table.h"
#include "base/ascii_case.h"
#include "base/units.h"
#include "codec/json_writer.h"
#include "io/files.h"

namespace penstock::app {
namespace {

using Align = TextTable::Align;

struct Options {
    std::string subject;
    std::string version;
    std::string file;
    std::string kind;
    std::string references;
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

/// As the options say, or by the name of the file.
Result<std::string> kind_of(const Options& options) {
    if (!options.kind.empty()) return upper_case(options.kind);
    auto extension = std::filesystem::path(options.file).extension();
    if (extension == ".avsc") return "AVRO";
    if (extension == ".proto") return "PROTOBUF";
    if (extension == ".json") return "JSON";
    return fail(Errc::invalid, "{}: expected a name with .avsc, .json or .proto, or its --kind",
                options.file);
}

Result<> put(ApiClient& api, const CommandContext& context, const Options& options) {
    codec::JsonWriter body;
    body.begin_object().field("kind", TRY(kind_of(options)));
    body.field("text", TRY(io::system_files().read_file(options.file)));
    if (!options.references.empty()) {
        auto text = TRY(io::system_files().read_file(options.references));
        auto references = JsonDocument::parse(text);
        if (!references) return fail(Errc::invalid, "{}: {}", options.references, references.error().text);
        body.raw_field("references", references->root().json());
    }
    auto answer =
        TRY(api.post("/api/v1/schemas/" + percent_encoded(options.subject), body.end_object().take()));
    auto schema = answer.root();
    if (context.json())
        fmt::print("{}\n", schema.json());
    else
        fmt::print("registered {} version {} with id {}\n", schema["subject"].text(),
                   schema["version"].text(), schema["id"].text());
    return {};
}

void add_register_command(CLI::App& schemas, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = schemas.add_subcommand("register", "Register a schema, unless it is registered already");
    command->add_option("subject", options->subject, "TOPIC-value or TOPIC-key")->required();
    command->add_option("file", options->file, "Its text")->required();
    command->add_option("--kind", options->kind, "What it is, where the file's name does not tell")
        ->check(CLI::IsMember({"avro", "json", "protobuf"}, CLI::ignore_case));
    command->add_option("--references", options->references,
                        "A JSON file with the schemas that it uses: [{\"name\", \"subject\", \"version\"}]");
    command->footer(
        "Examples:\n  penstock schemas register orders-value order.avsc\n"
        "  penstock schemas register orders-value order.avsc --references references.json");
    add_common_options(*command, context);
    command->callback(
        [options, &context] { context.run([&](ApiClient& api) { return put(api, context, *options); }); });
}

}  // namespace

void add_schemas_command(CLI::App& app, CommandContext& context) {
    auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand("schemas", "Schemas that are registered");
    command->add_option("subject", options->subject, "This one: TOPIC-value or TOPIC-key");
    command->add_option("version", options->version, "A number, or latest")->default_str("latest");
    command->footer(
        "Examples:\n  penstock schemas\n  penstock schemas users_created-value\n"
        "  penstock schemas users_created-value 1 -o json\n"
        "  penstock schemas register orders-value order.avsc");
    add_common_options(*command, context);
    command->require_subcommand(0, 1);
    add_register_command(*command, context);
    command->callback([options, command, &context] {
        if (!command->get_subcommands().empty()) return;
        if (options->version.empty()) options->version = "latest";
        context.run([&](ApiClient& api) {
            return options->subject.empty() ? list(api, context) : show(api, context, *options);
        });
    });
}

}  // namespace penstock::app
