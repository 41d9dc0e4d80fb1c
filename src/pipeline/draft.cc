#include "pipeline/draft.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "pipeline/document.h"
#include "pipeline/names.h"
#include "pipeline/references.h"
#include "pipeline/syntax.h"

namespace penstock::pipeline {
namespace {

constexpr std::string_view into_topic = "topic:";

void read_pagination(SectionReader& in, Pagination& out) {
    auto limit = [&](SectionReader& kind, Pagination::Kind is) {
        out.kind = is;
        kind.integer("max", out.max_pages);
    };
    in.section("page", [&](SectionReader& page) {
        out.parameter = "page";
        page.text("parameter", out.parameter);
        page.integer("first", out.first);
        limit(page, Pagination::Kind::page);
    });
    in.section("cursor", [&](SectionReader& cursor) {
        cursor.text("parameter", out.parameter);
        cursor.text("next", out.next, check_json_pointer);
        limit(cursor, Pagination::Kind::cursor);
    });
    in.section("link", [&](SectionReader& link) { limit(link, Pagination::Kind::link); });
}

void read_http(SectionReader& in, HttpSource& out) {
    constexpr std::array methods{"GET", "POST", "PUT"};
    std::size_t method = 0;
    in.text("url", out.url, check_url);
    in.choice("method", method);
    out.method = methods[method];
    in.text("body", out.body);
    in.text_map("query", out.query, check_environment);
    in.text_map("headers", out.headers, check_environment);
    in.text("records", out.records, check_json_pointer);
    in.duration_us("every", out.every_us);
    in.section("pagination", [&](SectionReader& pagination) { read_pagination(pagination, out.pagination); });
    in.rate("limit", out.limit);
    in.duration_us("timeout", out.timeout_us);
    in.duration_us("connect_timeout", out.connect_timeout_us);
    in.section("retry", [&](SectionReader& retry) {
        retry.integer("attempts", out.retries);
        retry.duration_us("backoff", out.backoff_us);
        retry.duration_us("max", out.backoff_max_us);
        if (out.backoff_us > out.backoff_max_us)
            retry.problem(retry.has("backoff") ? "backoff" : "max", "retry: backoff is longer than max");
    });
    in.section("breaker", [&](SectionReader& breaker) {
        breaker.integer("failures", out.breaker_failures);
        breaker.duration_us("open", out.breaker_open_us);
    });
    in.integer("max_redirects", out.max_redirects);
    in.text("proxy", out.proxy);
    in.boolean("verify_tls", out.verify_tls);
    in.text("ca_file", out.ca_file);
    std::size_t replica = 0;
    in.choice("replica", replica);
    if (in.has("replica")) out.replica = "randomuser";
}

/// sales.csv, incoming/*.csv.gz.
bool has_csv_name(std::string_view path) {
    for (std::string_view packed : {".gz", ".zst"})
        if (path.ends_with(packed)) path.remove_suffix(packed.size());
    return path.ends_with(".csv");
}

void read_file(SectionReader& in, FileSource& out) {
    in.text("path", out.path);
    if (has_csv_name(out.path)) out.kind = FileSource::Kind::csv;
    in.choice("format", out.kind);
    in.boolean("follow", out.follow);
    in.delimiter("delimiter", out.delimiter);
    in.boolean("header", out.header);
    for (auto key : {"delimiter", "header"}) {
        if (in.has(key) && out.kind != FileSource::Kind::csv)
            in.problem(key, fmt::format("'{}' goes with format: csv", key));
    }
}

Result<> check_webhook_path(std::string_view path) {
    auto right = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("-_./").find(c) != std::string_view::npos;
    };
    if (std::all_of(path.begin(), path.end(), right) && !path.starts_with('/') && !path.ends_with('/') &&
        path.find("..") == std::string_view::npos && path.find("//") == std::string_view::npos)
        return {};
    return fail(Errc::invalid,
                "'{}' is not a path; expected letters, digits, '-', '_', '.' and '/' between them, "
                "for example orders",
                path);
}

void read_webhook(SectionReader& in, WebhookSource& out) {
    in.text("path", out.path, check_webhook_path);
    in.text("token", out.token, check_environment);
    in.text("records", out.records, check_json_pointer);
}

void read_source(SectionReader& in, SourceSpec& out, Problems& problems) {
    in.section("http", [&](SectionReader& http) { read_http(http, out.input.emplace<HttpSource>()); });
    in.section("file", [&](SectionReader& file) { read_file(file, out.input.emplace<FileSource>()); });
    in.section("webhook",
               [&](SectionReader& webhook) { read_webhook(webhook, out.input.emplace<WebhookSource>()); });
    in.text("key", out.key, check_json_pointer);
    in.text("topic", out.topic);
    if (auto wrong = wrong_with_topic(out.topic); wrong && !out.topic.empty()) {
        problems.add(in.place("topic"), *wrong);
        out.topic.clear();
    }
    in.boolean("autostart", out.autostart);
}

void read_topic(SectionReader& in, TopicSpec& out) {
    in.integer("partitions", out.partitions);
    bool forever = false;
    in.duration_us("retention", out.retention_us, &forever);
    in.size_bytes("retention_bytes", out.retention_bytes);
    in.choice("format", out.format);
    in.choice("on_drift", out.on_drift);
    in.sql("schema", out.schema);
    in.text_map("config", out.config);
    if (in.has("schema") && (out.format == Format::text || out.format == Format::raw))
        in.problem(
            "schema",
            "'schema' goes with format: json, json_schema, avro or protobuf; a topic of another format has "
            "one column, value");
    for (auto [key, config] :
         {std::pair{"retention", "retention.ms"}, std::pair{"retention_bytes", "retention.bytes"}}) {
        if (in.has(key) && out.config.contains(config))
            in.problem(key, fmt::format("'{}' and config '{}' say the same; remove one", key, config));
    }
    if (forever) out.config["retention.ms"] = "-1";
}

void check_into(SectionReader& in, QuerySpec& out, Problems& problems) {
    auto place = in.place("into");
    std::string_view into = out.into;
    if (into.starts_with(into_topic)) {
        if (auto wrong = wrong_with_topic(into.substr(into_topic.size())))
            problems.add(place, "into: " + *wrong);
        if (std::any_of(out.key.begin(), out.key.end(), [](const QueryKey& key) { return key.descending; }))
            in.problem("key", "key: the key of a topic's records has no order; remove DESC");
        return;
    }
    auto dot = into.find('.');
    if (dot == std::string_view::npos) {
        problems.add(place, fmt::format("into: expected keyspace.table or topic:name, found '{}'", into));
        return;
    }
    auto keyspace = into.substr(0, dot);
    for (auto name : {keyspace, into.substr(dot + 1)}) {
        if (auto wrong = wrong_with_identifier(name)) {
            problems.add(place, "into: " + *wrong);
            return;
        }
    }
    if (keyspace == "system" || keyspace.starts_with("system_"))
        problems.add(place, fmt::format("into: keyspace '{}' is the server's own", keyspace));
    if (!in.has("key"))
        problems.add(out.place, fmt::format("query '{}': the key 'key' is missing; a table needs a "
                                            "primary key, for example key: [id]",
                                            out.name));
}

void read_query(SectionReader& in, QuerySpec& out, Problems& problems) {
    in.sql("sql", out.sql);
    in.text("into", out.into);
    in.query_key("key", out.key, out.partition_columns);
    in.section("watermark", [&](SectionReader& watermark) {
        out.watermark = QuerySpec::Watermark{};
        auto& to = *out.watermark;
        watermark.text("column", to.column);
        watermark.duration_us("delay", to.delay_us);
    });
    in.boolean("autostart", out.autostart);
    if (!out.into.empty()) check_into(in, out, problems);
}

struct Run {
    std::string name;
    Place place;
};

void read_task(SectionReader& in, TaskSpec& out, std::vector<Place>& after, std::vector<Run>& runs) {
    RunTask run;
    in.text("run", run.name);
    in.duration_us("for", run.for_us);
    in.boolean("allow_empty", run.allow_empty);
    for (auto key : {"for", "allow_empty"})
        if (in.has(key) && !in.has("run")) in.problem(key, fmt::format("'{}' goes with 'run'", key));
    if (in.has("run")) {
        if (!run.name.empty()) runs.push_back({run.name, in.place("run")});
        out.action = std::move(run);
    }
    SqlTask sql;
    in.sql("sql", sql.sql);
    if (in.has("sql")) out.action = std::move(sql);
    ShellTask shell;
    in.text("shell", shell.command);
    if (in.has("shell")) out.action = std::move(shell);
    in.section("http", [&](SectionReader& http) {
        constexpr std::array methods{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};
        std::size_t method = 0;
        auto& to = out.action.emplace<HttpTask>();
        http.text("url", to.url, check_url);
        http.choice("method", method);
        to.method = methods[method];
        http.text("body", to.body);
    });
    in.section("wait", [&](SectionReader& wait) {
        auto& to = out.action.emplace<WaitTask>();
        wait.sql("until", to.until);
        wait.duration_us("every", to.every_us);
    });
    for (auto& [name, place] : in.text_list("after")) {
        if (std::find(out.after.begin(), out.after.end(), name) != out.after.end()) continue;
        out.after.push_back(name);
        after.push_back(place);
    }
    in.integer("retries", out.retries);
    in.duration_us("retry_delay", out.retry_delay_us);
    in.duration_us("timeout", out.timeout_us);
}

void read_dag(SectionReader& in, DagSpec& out, std::vector<Run>& runs, Problems& problems) {
    in.text("schedule", out.schedule, check_schedule);
    in.text("timezone", out.timezone, check_timezone);
    in.boolean("catchup", out.catchup);
    std::string start;
    in.text("start", start);
    if (!start.empty()) {
        auto us = parse_time_us(start);
        if (us)
            out.start_us = *us;
        else
            in.problem("start", "start: " + us.error().text);
    }
    if (out.catchup && !in.has("start"))
        in.problem("catchup", "catchup: expected a 'start' as well, to know since when");
    in.integer("max_active_runs", out.max_active_runs);
    AfterPlaces after;
    in.section_map(
        "tasks",
        [&](const std::string& name, Place place, SectionReader& task) {
            if (auto wrong = wrong_with_name(name)) problems.add(place, *wrong);
            auto& to = out.tasks.emplace_back(TaskSpec{.name = name, .place = place});
            read_task(task, to, after[name], runs);
        },
        "task");
    if (out.tasks.empty() && in.has("tasks"))
        problems.add(out.place, fmt::format("dag '{}' has no tasks", out.name));
    check_order(out, after, problems);
}

void check_runs(const Pipeline& pipeline, const std::vector<Run>& runs, Problems& problems) {
    std::vector<std::string_view> names;
    for (const auto& source : pipeline.sources) names.push_back(source.name);
    for (const auto& query : pipeline.queries) names.push_back(query.name);
    for (const auto& run : runs) {
        if (std::find(names.begin(), names.end(), run.name) != names.end()) continue;
        problems.add(run.place, fmt::format("run: there is no source or query '{}'{}", run.name,
                                            suggestion(run.name, names)));
    }
}

/// Files that a pipeline file names stand beside it, wherever the program was started.
void resolve(std::string& named, const std::filesystem::path& folder) {
    bool relative = !named.empty() && !named.starts_with("${") && std::filesystem::path(named).is_relative();
    if (relative && !folder.empty()) named = (folder / named).lexically_normal().string();
}

void resolve_paths(Pipeline& pipeline) {
    auto folder = std::filesystem::path(pipeline.file).parent_path();
    for (auto& source : pipeline.sources) {
        if (auto* file = std::get_if<FileSource>(&source.input)) resolve(file->path, folder);
        if (auto* http = std::get_if<HttpSource>(&source.input)) resolve(http->ca_file, folder);
    }
}

}  // namespace

Draft draft_of(std::string_view text, std::string_view file) {
    Draft draft(file);
    auto& pipeline = draft.pipeline;
    auto& problems = draft.problems;
    pipeline.source_text = text;
    auto document = Document::parse(text, file);
    if (!document) {
        problems.add(document.error().place, std::move(document.error().text));
        return draft;
    }
    const auto& root = document->root();
    if (root.kind == Node::Kind::null) {
        problems.add({1, 1}, "the file is empty; a pipeline file starts with 'pipeline: NAME'");
        return draft;
    }
    auto checked = [&](const std::string& name, Place place) {
        if (auto wrong = wrong_with_name(name)) problems.add(place, *wrong);
    };
    std::vector<Run> runs;
    SectionReader in(problems, *document, root, {1, 1}, "pipeline", "the file");
    in.text("pipeline", pipeline.name);
    draft.name_place = in.place("pipeline");
    if (!pipeline.name.empty()) checked(pipeline.name, draft.name_place);
    in.section_map(
        "sources",
        [&](const std::string& name, Place place, SectionReader& source) {
            checked(name, place);
            read_source(source, pipeline.sources.emplace_back(SourceSpec{.name = name, .place = place}),
                        problems);
        },
        "source");
    in.section_map(
        "topics",
        [&](const std::string& name, Place place, SectionReader& topic) {
            if (auto wrong = wrong_with_topic(name)) problems.add(place, *wrong);
            read_topic(topic, pipeline.topics.emplace_back(TopicSpec{.name = name, .place = place}));
        },
        "topic");
    in.section_map(
        "queries",
        [&](const std::string& name, Place place, SectionReader& query) {
            checked(name, place);
            for (const auto& source : pipeline.sources)
                if (source.name == name)
                    problems.add(place, fmt::format("query '{}': a source has that name; a task's "
                                                    "'run' could not tell them apart",
                                                    name));
            read_query(query, pipeline.queries.emplace_back(QuerySpec{.name = name, .place = place}),
                       problems);
        },
        "query");
    in.section_map(
        "dags",
        [&](const std::string& name, Place place, SectionReader& dag) {
            checked(name, place);
            read_dag(dag, pipeline.dags.emplace_back(DagSpec{.name = name, .place = place}), runs, problems);
        },
        "dag");
    check_runs(pipeline, runs, problems);
    resolve_paths(pipeline);
    return draft;
}

}  // namespace penstock::pipeline
