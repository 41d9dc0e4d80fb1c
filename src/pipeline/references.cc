#include "pipeline/references.h"

#include <fmt/ranges.h>

#include "pipeline/names.h"
#include "pipeline/relations.h"
#include "pipeline/text_place.h"

namespace penstock::pipeline {
namespace {

constexpr std::string_view into_topic = "topic:";

void check_sql(const Text& sql, const Names& known, Problems& problems) {
    for (const auto& relation : relations_of(sql.text)) {
        if (relation.qualified) continue;  // a table
        std::string_view name = relation.name;
        if (known.contains(name)) continue;
        if (name.ends_with(dead_letter_suffix)) name.remove_suffix(dead_letter_suffix.size());
        if (known.contains(name)) continue;
        std::string meant;
        std::vector<std::string_view> candidates(known.begin(), known.end());
        if (auto closest = nearest(relation.name, candidates))
            meant = fmt::format("; did you mean '{}'?", *closest);
        problems.add(place_in_file(sql, relation.line, relation.column),
                     fmt::format("topic '{}' is not declared under topics and nothing writes it{}",
                                 relation.name, meant));
    }
}

/// Depth-first search for a way from a task back to itself.
class CycleSearch {
public:
    explicit CycleSearch(const DagSpec& dag) {
        for (const auto& task : dag.tasks) tasks_.emplace(task.name, &task);
    }

    /// The first circle from this task on, each task before the one that waits for it; empty: none.
    std::vector<std::string_view> from(const TaskSpec& task) {
        path_.clear();
        return visit(task) ? path_ : std::vector<std::string_view>{};
    }

private:
    bool visit(const TaskSpec& task) {
        if (done_.contains(task.name)) return false;
        for (std::size_t i = 0; i < path_.size(); ++i) {
            if (path_[i] != task.name) continue;
            path_.erase(path_.begin(), path_.begin() + std::ptrdiff_t(i));
            path_.push_back(task.name);
            return true;
        }
        path_.push_back(task.name);
        for (const auto& name : task.after) {
            auto before = tasks_.find(name);
            if (before != tasks_.end() && visit(*before->second)) return true;
        }
        path_.pop_back();
        done_.insert(task.name);
        return false;
    }

    std::map<std::string_view, const TaskSpec*> tasks_;
    std::vector<std::string_view> path_;
    std::set<std::string_view> done_;
};

constexpr std::size_t most_tasks = 5'000;  // bounds the depth of the search as well

}  // namespace

Names topics_of(const Pipeline& pipeline) {
    Names names;
    for (const auto& topic : pipeline.topics) names.insert(topic.name);
    for (const auto& source : pipeline.sources) names.insert(source.topic);
    for (const auto& query : pipeline.queries)
        if (query.into.starts_with(into_topic)) names.insert(query.into.substr(into_topic.size()));
    names.erase("");
    return names;
}

void check_topics(const Pipeline& pipeline, const Names& known, Problems& problems) {
    for (const auto& query : pipeline.queries) check_sql(query.sql, known, problems);
    for (const auto& dag : pipeline.dags) {
        for (const auto& task : dag.tasks) {
            if (const auto* sql = std::get_if<SqlTask>(&task.action)) check_sql(sql->sql, known, problems);
            if (const auto* wait = std::get_if<WaitTask>(&task.action))
                check_sql(wait->until, known, problems);
        }
    }
}

void check_order(const DagSpec& dag, const AfterPlaces& places, Problems& problems) {
    if (dag.tasks.size() > most_tasks) {
        problems.add(dag.place, fmt::format("dag '{}' has {} tasks; at most {} are allowed", dag.name,
                                            dag.tasks.size(), most_tasks));
        return;
    }
    Names names;
    for (const auto& task : dag.tasks) names.insert(task.name);
    for (const auto& task : dag.tasks) {
        std::vector<std::string_view> others;
        for (const auto& name : names)
            if (name != task.name) others.push_back(name);
        auto at = places.find(task.name);
        for (std::size_t i = 0; i < task.after.size(); ++i) {
            if (names.contains(task.after[i])) continue;
            auto place = at != places.end() && i < at->second.size() ? at->second[i] : task.place;
            problems.add(place, fmt::format("after: the DAG has no task '{}'{}", task.after[i],
                                            suggestion(task.after[i], others)));
        }
    }
    CycleSearch search(dag);
    for (const auto& task : dag.tasks) {
        auto circle = search.from(task);
        if (circle.empty()) continue;
        problems.add(task.place, fmt::format("dag '{}': tasks wait for each other in a circle: {}", dag.name,
                                             fmt::join(circle, " after ")));
        return;
    }
}

}  // namespace penstock::pipeline
