#include "app/deployment.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/log.h"
#include "pipeline/text_place.h"
#include "registry/topic_encoder.h"
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

/// Sources and queries that the tasks of all files' DAGs run.
std::set<std::string> run_by_tasks(const std::map<std::string, DeployedFile>& files) {
    std::set<std::string> names;
    for (const auto& [path, file] : files) {
        if (!file.running) continue;
        for (const auto& dag : file.running->dags)
            for (const auto& task : dag.tasks)
                if (const auto* run = std::get_if<pipeline::RunTask>(&task.action)) names.insert(run->name);
    }
    return names;
}

bool is_webhook(const pipeline::SourceSpec& source) {
    return std::holds_alternative<pipeline::WebhookSource>(source.input);
}

constexpr std::chrono::seconds lost_again_pause{1};

}  // namespace

std::string work_of_source(std::string_view name, bool is_leaders) {
    return fmt::format("{}source/{}", is_leaders ? coordinate::leaders_work : "", name);
}

std::string work_of_query(std::string_view name, bool is_leaders) {
    return fmt::format("{}query/{}", is_leaders ? coordinate::leaders_work : "", name);
}

std::optional<std::int64_t> right_to(const coordinate::Coordinator& coordinator, const std::string& work,
                                     const std::string& leaders_work) {
    for (const auto& mine : coordinator.mine())
        if (mine == work || mine == leaders_work) return coordinator.epoch(mine);
    return std::nullopt;
}

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
    if (!topic || !registry::schema_kind_of(topic->format)) return {};
    source.encoded_topic = *topic;
    source.encoded_schema = TRY(stream::declared_schema(*topic));
    return {};
}

}  // namespace

Deployment::Deployment(Layers layers, std::vector<std::string> files_and_folders)
    : layers_(layers), roots_(std::move(files_and_folders)) {
    keeper_ = std::jthread([this](std::stop_token stop) { keep(stop); });
}

Deployment::~Deployment() {
    stop();
}

void Deployment::load() {
    std::lock_guard one_at_a_time(load_mutex_);
    std::vector<std::string> work;
    {
        std::lock_guard lock(mutex_);
        if (stopped_) return;
        load_files();
        work = all_work();
    }
    // Without the mutex, which the coordinator's callback takes.
    layers_.coordinator.offer(std::move(work), [this] { run_what_is_ours({}); });
    run_what_is_ours({});
}

void Deployment::load_files() {
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
    auto topics = topics_with(loaded);
    for (auto& one : loaded) load_one(std::move(one), topics);
}

/// A query may read a topic of another file.
std::vector<pipeline::TopicSpec> Deployment::topics_with(const std::vector<pipeline::Loaded>& loaded) const {
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
    bool is_well = file.problems.empty() && file.start_problems.empty();
    if (same_text && is_well == loaded.problems.empty()) return;
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
    for (auto& source : next.sources)
        if (auto made = add_encoding(source, topics); !made) problem(source.place, made.error());
    if (file.running) stop_what_went(*file.running, next);
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
    file.is_new = true;
    if (auto set = layers_.scheduler.set_dags(next.name, next.dags); !set) problem({1, 1}, set.error());
    file.running = std::make_shared<const pipeline::Pipeline>(std::move(next));
}

void Deployment::stop_what_went(const pipeline::Pipeline& old, const pipeline::Pipeline& next) {
    for (const auto& source : old.sources) {
        auto* now = find_named(next.sources, source.name);
        if (now && now->autostart) continue;
        (void)layers_.sources.stop(source.name);
        started_.erase(work_of_source(source.name, false));
    }
    for (const auto& query : old.queries) {
        auto* now = find_named(next.queries, query.name);
        if (now && now->autostart) continue;
        (void)layers_.engine.stop(query.name);
        started_.erase(work_of_query(query.name, false));
    }
    if (old.name != next.name) layers_.scheduler.remove_pipeline(old.name);
}

/// What runs without being asked to, and what tasks run: that is the leader's, as its tasks are.
std::vector<std::string> Deployment::all_work() const {
    auto tasks = run_by_tasks(files_);
    std::vector<std::string> work{std::string(coordinate::scheduling)};
    for (const auto& [path, file] : files_) {
        if (!file.running) continue;
        for (const auto& source : file.running->sources) {
            bool is_leaders = tasks.contains(source.name);
            if (!is_webhook(source) && (source.autostart || is_leaders))
                work.push_back(work_of_source(source.name, is_leaders));
        }
        for (const auto& query : file.running->queries) {
            bool is_leaders = tasks.contains(query.name);
            if (query.autostart || is_leaders) work.push_back(work_of_query(query.name, is_leaders));
        }
    }
    return work;
}

/// Starts what has become ours or is new, and stops what is not ours any more. Returns when that has stopped.
void Deployment::run_what_is_ours(const Names& lost) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    auto mine = layers_.coordinator.mine();
    Names ours(mine.begin(), mine.end());
    for (auto& [path, file] : files_)
        if (file.running) run_file(file, ours, lost);
}

void Deployment::run_file(DeployedFile& file, const Names& ours, const Names& lost) {
    const auto& pipeline = *file.running;
    bool is_new = std::exchange(file.is_new, false);
    if (is_new) file.start_problems.clear();
    /// Whether it is to be started, or stopped; nothing: it stays as it is.
    auto wanted = [&](const std::string& name, const std::string& work, bool is_ours) -> std::optional<bool> {
        if (!is_ours) return started_.erase(work) > 0 ? std::optional(false) : std::nullopt;
        bool is_first = started_.insert(work).second;
        return is_first || is_new || lost.contains(name) ? std::optional(true) : std::nullopt;
    };
    auto note = [&](pipeline::Place place, const Result<>& started) {
        if (started) return;
        log::error("{}:{}: {}", file.file, place.line, started.error().text);
        file.start_problems.push_back({file.file, place, started.error().text});
    };
    // Against the data's way: whoever reads runs before whoever writes.
    for (const auto& query : pipeline.queries) {
        if (!query.autostart) continue;
        auto work = work_of_query(query.name, false);
        auto run =
            wanted(query.name, work, ours.contains(work) || ours.contains(work_of_query(query.name, true)));
        if (run && *run) note(query.place, layers_.engine.start(pipeline.name, query, all_topics()));
        if (run && !*run) (void)layers_.engine.stop(query.name);
    }
    for (const auto& source : pipeline.sources) {
        if (!source.autostart) continue;
        auto work = work_of_source(source.name, false);
        bool is_ours =
            is_webhook(source) || ours.contains(work) || ours.contains(work_of_source(source.name, true));
        auto run = wanted(source.name, work, is_ours);
        if (run && *run) note(source.place, layers_.sources.start(pipeline.name, source));
        if (run && !*run) (void)layers_.sources.stop(source.name);
    }
}

/// A query may read a topic of another file.
std::vector<pipeline::TopicSpec> Deployment::all_topics() const {
    std::vector<pipeline::TopicSpec> all;
    for (const auto& [path, file] : files_)
        if (file.running)
            for (auto& topic : topics_of(*file.running)) all.push_back(std::move(topic));
    return all;
}

void Deployment::lost(std::string_view name) {
    {
        std::lock_guard lock(lost_mutex_);
        lost_.emplace(name);
    }
    lost_changed_.notify_all();
}

/// Whoever was fenced is out of date, or was overtaken by one that is: the coordinator knows.
void Deployment::keep(std::stop_token stop) {
    std::unique_lock lock(lost_mutex_);
    while (lost_changed_.wait(lock, stop, [&] { return !lost_.empty(); })) {
        auto lost = std::exchange(lost_, {});
        lock.unlock();
        run_what_is_ours(lost);
        lock.lock();
        // Two that both believe to be right must not chase each other.
        lost_changed_.wait_for(lock, stop, lost_again_pause, [] { return false; });
    }
}

void Deployment::remove(DeployedFile& file) {
    if (!file.running) return;
    layers_.scheduler.remove_pipeline(file.running->name);
    for (const auto& source : file.running->sources) {
        (void)layers_.sources.stop(source.name);
        started_.erase(work_of_source(source.name, false));
    }
    for (const auto& query : file.running->queries) {
        (void)layers_.engine.stop(query.name);
        started_.erase(work_of_query(query.name, false));
    }
}

Result<> Deployment::ensure_topic(const pipeline::TopicSpec& topic) {
    auto wanted = kafka_spec(topic);
    auto existing = layers_.topics.info(topic.name);
    if (!existing && existing.error().code == Errc::not_found) {
        auto created = layers_.topics.create(wanted);
        if (created || created.error().code != Errc::exists) return created;
        // Another process, that has the same files, was quicker.
        existing = layers_.topics.info(topic.name);
    }
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
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(stopped_, true)) return;
        for (auto& [path, file] : files_)
            if (file.running)
                for (const auto& source : file.running->sources) (void)layers_.sources.stop(source.name);
        for (auto& [path, file] : files_)
            if (file.running)
                for (const auto& query : file.running->queries) (void)layers_.engine.stop(query.name);
    }
    keeper_.request_stop();
    if (keeper_.joinable()) keeper_.join();
    // Now that nothing runs here any more, others may have it.
    layers_.coordinator.offer({}, nullptr);
}

std::vector<DeployedFile> Deployment::files() const {
    std::lock_guard lock(mutex_);
    std::vector<DeployedFile> all;
    for (const auto& [path, file] : files_) {
        auto& shown = all.emplace_back(file);
        shown.problems.insert(shown.problems.end(), file.start_problems.begin(), file.start_problems.end());
    }
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
