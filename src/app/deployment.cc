#include "app/deployment.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/log.h"
#include "pipeline/text_place.h"
#include "stream/plan/schema_text.h"

namespace penstock::app {
namespace {

namespace fs = std::filesystem;

std::vector<pipeline::Loaded> load_all(const std::vector<std::string>& roots) {
    std::vector<pipeline::Loaded> all;
    for (const auto& root : roots) {
        if (!fs::is_directory(root)) {
            all.push_back(pipeline::load_file(root));
            continue;
        }
        for (auto& loaded : pipeline::load_folder(root)) all.push_back(std::move(loaded));
    }
    return all;
}

template <class Spec>
const Spec* find_named(const std::vector<Spec>& specs, std::string_view name) {
    auto found = std::ranges::find(specs, name, &Spec::name);
    return found == specs.end() ? nullptr : &*found;
}

broker::TopicSpec kafka_spec(const pipeline::TopicSpec& topic) {
    broker::TopicSpec spec{topic.name, topic.partitions, topic.config};
    if (topic.retention_us) spec.config["retention.ms"] = std::to_string(*topic.retention_us / 1000);
    if (topic.retention_bytes) spec.config["retention.bytes"] = std::to_string(*topic.retention_bytes);
    return spec;
}

}  // namespace

std::vector<pipeline::TopicSpec> topics_of(const pipeline::Pipeline& pipeline) {
    auto topics = pipeline.topics;
    for (const auto& source : pipeline.sources) {
        if (find_named(topics, source.topic)) continue;
        pipeline::TopicSpec undeclared;
        undeclared.name = source.topic;
        undeclared.place = source.place;
        topics.push_back(std::move(undeclared));
    }
    return topics;
}

namespace {

/// A source of a topic whose records have a schema is told which.
Result<> add_encoding(pipeline::SourceSpec& source, const std::vector<pipeline::TopicSpec>& topics) {
    const auto* topic = find_named(topics, source.topic);
    if (!topic || (topic->format != pipeline::Format::avro && topic->format != pipeline::Format::json_schema))
        return {};
    source.encoded_topic = *topic;
    source.encoded_schema = TRY(stream::declared_schema(*topic));
    return {};
}

}  // namespace

Deployment::Deployment(Layers layers, std::vector<std::string> files_and_folders)
    : layers_(layers), roots_(std::move(files_and_folders)) {}

void Deployment::load() {
    std::lock_guard lock(mutex_);
    auto loaded = load_all(roots_);
    std::set<std::string> present;
    for (const auto& one : loaded) present.insert(one.file);
    for (auto it = files_.begin(); it != files_.end();) {
        if (present.contains(it->first)) {
            ++it;
            continue;
        }
        log::info("{}: removed; its sources, queries and DAGs are stopped", it->first);
        remove(it->second);
        it = files_.erase(it);
    }
    auto topics = all_topics(loaded);
    for (auto& one : loaded) load_one(std::move(one), topics);
}

/// A query may read a topic of another file.
std::vector<pipeline::TopicSpec> Deployment::all_topics(const std::vector<pipeline::Loaded>& loaded) const {
    std::vector<pipeline::TopicSpec> all;
    for (const auto& one : loaded) {
        const pipeline::Pipeline* from = one.pipeline ? &*one.pipeline : nullptr;
        if (auto known = files_.find(one.file); !from && known != files_.end())
            from = known->second.running.get();
        if (!from) continue;
        for (auto& topic : topics_of(*from)) all.push_back(std::move(topic));
    }
    return all;
}

void Deployment::load_one(pipeline::Loaded loaded, const std::vector<pipeline::TopicSpec>& topics) {
    auto& file = files_[loaded.file];
    bool first_time = file.file.empty();
    bool same_text = !first_time && loaded.source_text == file.newest_text;
    if (loaded.pipeline) check_meaning(*loaded.pipeline, topics, loaded.problems);
    if (same_text && file.problems.empty() == loaded.problems.empty()) return;
    file.file = loaded.file;
    file.newest_text = loaded.source_text;
    file.problems = std::move(loaded.problems);
    if (!file.problems.empty()) {
        for (const auto& problem : file.problems)
            log::error("{}", pipeline::render(problem, file.newest_text));
        if (first_time) keep_last_good(file, topics);
        if (file.running) {
            log::warn("{}: its last good version, revision {}, keeps running", file.file, file.revision);
        }
        return;
    }
    apply(file, std::move(*loaded.pipeline), topics);
}

/// At start there is no version in memory: the newest revision of this file in the metadata is the last good
/// one.
void Deployment::keep_last_good(DeployedFile& file, const std::vector<pipeline::TopicSpec>& topics) {
    auto name = layers_.metadata.setting("pipeline_of:" + file.file);
    if (!name || !*name) return;
    auto revisions = layers_.metadata.revisions(**name);
    if (!revisions || revisions->empty()) return;
    auto newest = std::ranges::max(*revisions, {}, &metadata::Revision::number);
    auto loaded = pipeline::load_text(newest.text, file.file);
    if (!loaded.pipeline || !loaded.problems.empty()) return;
    auto problems = std::move(file.problems);
    apply(file, std::move(*loaded.pipeline), topics);
    file.problems = std::move(problems);
}

/// What cannot be seen in the YAML alone: SQL.
void Deployment::check_meaning(const pipeline::Pipeline& pipeline,
                               const std::vector<pipeline::TopicSpec>& topics,
                               std::vector<pipeline::Problem>& problems) const {
    for (const auto& query : pipeline.queries) {
        for (const auto& error : layers_.engine.check(query, topics)) {
            auto place = pipeline::place_in_file(query.sql, error.line, error.column);
            problems.push_back({pipeline.file, place, error.text});
        }
    }
}

void Deployment::apply(DeployedFile& file, pipeline::Pipeline next,
                       const std::vector<pipeline::TopicSpec>& topics) {
    auto problem = [&](pipeline::Place place, const Error& error) {
        log::error("{}:{}: {}", file.file, place.line, error.text);
        file.problems.push_back({file.file, place, error.text});
    };
    for (const auto& topic : topics_of(next))
        if (auto made = ensure_topic(topic); !made) problem(topic.place, made.error());

    if (file.running) {
        for (const auto& old : file.running->sources) {
            auto* now = find_named(next.sources, old.name);
            if (!now || !now->autostart) (void)layers_.sources.stop(old.name);
        }
        for (const auto& old : file.running->queries) {
            auto* now = find_named(next.queries, old.name);
            if (!now || !now->autostart) (void)layers_.engine.stop(old.name);
        }
        if (file.running->name != next.name) layers_.scheduler.remove_pipeline(file.running->name);
    }
    for (auto& source : next.sources)
        if (auto made = add_encoding(source, topics); !made) problem(source.place, made.error());
    // Against the data's way: whoever reads runs before whoever writes.
    for (const auto& query : next.queries) {
        if (!query.autostart) continue;
        if (auto started = layers_.engine.start(next.name, query, topics); !started)
            problem(query.place, started.error());
    }
    for (const auto& source : next.sources) {
        if (!source.autostart) continue;
        if (auto started = layers_.sources.start(next.name, source); !started)
            problem(source.place, started.error());
    }
    auto now_us = layers_.clock.now_us();
    auto revision = layers_.metadata.put_revision(next.name, next.source_text, now_us);
    if (!revision) {
        problem({1, 1}, revision.error());
    } else {
        (void)layers_.metadata.put_setting("pipeline_of:" + file.file, next.name);
        if (file.revision != *revision) log::info("{}: revision {} runs", file.file, *revision);
        file.revision = *revision;
    }
    file.loaded_us = now_us;
    if (auto set = layers_.scheduler.set_dags(next.name, next.dags); !set) problem({1, 1}, set.error());
    file.running = std::make_shared<const pipeline::Pipeline>(std::move(next));
}

void Deployment::remove(DeployedFile& file) {
    if (!file.running) return;
    layers_.scheduler.remove_pipeline(file.running->name);
    for (const auto& source : file.running->sources) (void)layers_.sources.stop(source.name);
    for (const auto& query : file.running->queries) (void)layers_.engine.stop(query.name);
}

Result<> Deployment::ensure_topic(const pipeline::TopicSpec& topic) {
    auto wanted = kafka_spec(topic);
    auto existing = layers_.topics.info(topic.name);
    if (!existing && existing.error().code == Errc::not_found) return layers_.topics.create(wanted);
    if (!existing) return fail(existing.error());
    if (existing->spec.partitions != wanted.partitions) {
        return fail(Errc::invalid,
                    "topic '{}' has {} partitions and the file says {}; a topic keeps the number it was "
                    "created with, because records of one key would move to another partition",
                    topic.name, existing->spec.partitions, wanted.partitions);
    }
    for (const auto& [name, value] : wanted.config) {
        auto now = existing->spec.config.find(name);
        if (now == existing->spec.config.end() || now->second != value)
            return layers_.topics.alter(topic.name, wanted.config);
    }
    return {};
}

void Deployment::stop() {
    std::lock_guard lock(mutex_);
    for (auto& [path, file] : files_)
        if (file.running)
            for (const auto& source : file.running->sources) (void)layers_.sources.stop(source.name);
    for (auto& [path, file] : files_)
        if (file.running)
            for (const auto& query : file.running->queries) (void)layers_.engine.stop(query.name);
}

std::vector<DeployedFile> Deployment::files() const {
    std::lock_guard lock(mutex_);
    std::vector<DeployedFile> all;
    for (const auto& [path, file] : files_) all.push_back(file);
    return all;
}

std::vector<std::string> Deployment::folders() const {
    std::set<std::string> folders;
    for (const auto& root : roots_) {
        fs::path path(root);
        auto folder = fs::is_directory(path) ? path : path.parent_path();
        folders.insert(folder.empty() ? "." : folder.string());
    }
    return {folders.begin(), folders.end()};
}

std::optional<Deployment::FoundSource> Deployment::find_source(std::string_view name) const {
    std::lock_guard lock(mutex_);
    for (const auto& [path, file] : files_) {
        if (!file.running) continue;
        if (auto* found = find_named(file.running->sources, name))
            return FoundSource{file.running->name, *found};
    }
    return std::nullopt;
}

std::optional<Deployment::FoundQuery> Deployment::find_query(std::string_view name) const {
    std::lock_guard lock(mutex_);
    for (const auto& [path, file] : files_) {
        if (!file.running) continue;
        if (auto* found = find_named(file.running->queries, name))
            return FoundQuery{file.running->name, *found, topics_of(*file.running)};
    }
    return std::nullopt;
}

}  // namespace penstock::app
