#include "stream/check.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "app/deployment.h"
#include "app/up.h"
#include "pipeline/text_place.h"

namespace penstock::app {
namespace {

struct Options {
    std::vector<std::string> files;
    std::string output = "text";
};

void print_json(const std::vector<pipeline::Problem>& problems) {
    auto batch = make_batch({{"file", TypeId::string},
                             {"line", TypeId::int64},
                             {"column", TypeId::int64},
                             {"text", TypeId::string}});
    std::string out = "[";
    for (const auto& problem : problems) {
        auto row = batch;
        row.columns[0].append_string(problem.file);
        row.columns[1].append_integer(problem.place.line);
        row.columns[2].append_integer(problem.place.column);
        row.columns[3].append_string(problem.text);
        if (out.size() > 1) out += ',';
        append_row_json(out, row, 0);
    }
    std::printf("%s]\n", out.c_str());
}

/// What cannot be seen in the YAML alone: SQL, over the topics of all files.
void check_queries(std::vector<pipeline::Loaded>& files) {
    std::vector<pipeline::TopicSpec> topics;
    for (const auto& file : files)
        if (file.pipeline)
            for (auto& topic : topics_of(*file.pipeline)) topics.push_back(std::move(topic));
    for (auto& file : files) {
        if (!file.pipeline) continue;
        for (const auto& query : file.pipeline->queries) {
            auto nothing_exists = [](std::string_view) { return stream::KnownRelation::none; };
            if (auto error = stream::check_query(query, topics, nothing_exists)) {
                auto place = pipeline::place_in_file(query.sql, error->line, error->column);
                file.problems.push_back({file.file, place, error->text});
            }
        }
    }
}

int check(const Options& options) {
    std::vector<pipeline::Loaded> files;
    for (const auto& path : options.files) {
        if (!std::filesystem::exists(path)) {
            fmt::print(stderr, "error: there is no file or folder {}\n", path);
            return 1;
        }
        auto loaded = std::filesystem::is_directory(path) ? pipeline::load_folder(path)
                                                          : std::vector{pipeline::load_file(path)};
        for (auto& one : loaded) files.push_back(std::move(one));
    }
    check_queries(files);
    std::vector<pipeline::Problem> problems;
    for (const auto& file : files) {
        for (const auto& problem : file.problems) {
            problems.push_back(problem);
            if (options.output == "text")
                fmt::print(stderr, "{}", pipeline::render(problem, file.source_text));
        }
    }
    if (options.output == "json")
        print_json(problems);
    else if (problems.empty())
        fmt::print("{} file{} right\n", files.size(), files.size() == 1 ? "" : "s");
    return problems.empty() ? 0 : 1;
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<Options>();
    auto* command =
        app.add_subcommand("check", "Find what is wrong with pipeline files, without running them");
    command->add_option("files", options->files, "Pipeline files, or folders of them")->required();
    command->add_option("--output", options->output, "text or json")->check(CLI::IsMember({"text", "json"}));
    command->footer("Examples:\n  penstock check examples/users\n  penstock check --output json users.yaml");
    command->callback([options, &exit_code] { exit_code = check(*options); });
}

}  // namespace penstock::app
