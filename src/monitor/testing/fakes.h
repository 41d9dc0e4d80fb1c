// Small stand-ins for all that a Monitor shows, kept in memory. For tests.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "monitor/monitor.h"
#include "monitor/testing/fake_runs.h"
#include "monitor/testing/fake_topics.h"

namespace penstock::monitor::testing {

class FakeTables final : public store::Tables {
public:
    std::string describe() const override { return "fake tables"; }
    Result<> ensure(const store::TableSpec& spec) override {
        const std::lock_guard lock(mutex_);
        specs_[spec.full_name()] = spec;
        return {};
    }
    Result<store::TableSpec> spec(std::string_view table) override {
        const std::lock_guard lock(mutex_);
        const auto found = specs_.find(std::string(table));
        if (found == specs_.end()) return fail(Errc::not_found, "there is no table '{}'", table);
        return found->second;
    }
    Result<std::vector<store::TableStatus>> list() override {
        const std::lock_guard lock(mutex_);
        std::vector<store::TableStatus> all;
        for (const auto& [name, spec] : specs_) all.push_back({spec.keyspace, spec.name, 42, 4096});
        return all;
    }
    Result<> commit(const store::Commit&) override { return {}; }
    Result<std::string> claim(std::string_view, std::int64_t) override { return std::string(); }
    Result<std::string> checkpoint(std::string_view) override { return std::string(); }
    Result<std::vector<std::pair<std::string, std::string>>> state(std::string_view,
                                                                   std::string_view) override {
        return std::vector<std::pair<std::string, std::string>>();
    }
    Result<> forget(std::string_view) override { return {}; }
    Result<std::unique_ptr<store::Cursor>> scan(std::string_view, const std::vector<std::string>&) override {
        return fail(Errc::unsupported, "the fake keeps no rows");
    }
    Result<> flush() override { return {}; }

private:
    std::mutex mutex_;
    std::map<std::string, store::TableSpec> specs_;
};

class FakeEngine final : public stream::Engine {
public:
    std::string describe() const override { return "fake engine"; }
    std::vector<stream::SqlError> check(const pipeline::QuerySpec&,
                                        const std::vector<pipeline::TopicSpec>&) override {
        return {};
    }
    Result<> start(std::string_view, const pipeline::QuerySpec& query,
                   const std::vector<pipeline::TopicSpec>&) override {
        return set_state(query.name, stream::QueryState::running);
    }
    Result<> stop(std::string_view query) override { return set_state(query, stream::QueryState::stopped); }
    std::vector<stream::QueryStatus> status() override {
        const std::lock_guard lock(mutex_);
        return queries_;
    }
    Result<> wait_caught_up(std::string_view, std::int64_t) override { return {}; }
    Result<Batch> select(std::string_view sql) override {
        if (selecting) selecting();
        if (sql.find("nmae") != std::string_view::npos) {
            return fail(Errc::invalid, "line 1, column 8: unknown column 'nmae'");
        }
        Batch batch = make_batch({{"name", TypeId::string}, {"people", TypeId::int64}});
        batch.columns[0].append_string("Ada");
        batch.columns[1].append_integer(2);
        batch.columns[0].append_null();
        batch.columns[1].append_integer(-1);
        batch.rows = 2;
        return batch;
    }
    Result<Batch> preview(const pipeline::QuerySpec&, const std::vector<pipeline::TopicSpec>&,
                          std::int64_t) override {
        return Batch();
    }

    void set(std::vector<stream::QueryStatus> queries) {
        const std::lock_guard lock(mutex_);
        queries_ = std::move(queries);
    }
    std::function<void()> selecting;  ///< called by select(); set before the Monitor starts

private:
    Result<> set_state(std::string_view name, stream::QueryState state) {
        const std::lock_guard lock(mutex_);
        for (auto& query : queries_) {
            if (query.name == name) query.state = state;
        }
        return {};
    }
    std::mutex mutex_;
    std::vector<stream::QueryStatus> queries_;
};

class FakeSources final : public ingest::Sources {
public:
    Result<> start(std::string_view, const pipeline::SourceSpec& source) override {
        return set_state(source.name, ingest::SourceState::running);
    }
    Result<> stop(std::string_view source) override {
        return set_state(source, ingest::SourceState::stopped);
    }
    std::vector<ingest::SourceStatus> status() override {
        const std::lock_guard lock(mutex_);
        return sources_;
    }
    Result<ingest::SourceCounts> run_bounded(
        const pipeline::SourceSpec&, std::int64_t, std::string_view, const std::function<bool()>&,
        const std::function<void(const ingest::SourceCounts&)>&) override {
        return ingest::SourceCounts();
    }
    void webhook(std::string_view path, std::string_view authorization, std::string_view,
                 std::function<void(Result<ingest::SourceCounts>)> done) override {
        if (path != "shop/orders") {
            return done(fail(Errc::not_found, "no webhook source listens at '{}'", path));
        }
        if (authorization != "Bearer secret") {
            return done(fail(Errc::unauthorized, "expected the token of the source"));
        }
        done(ingest::SourceCounts{.fetched = 2, .acknowledged = 2});
    }

    void set(std::vector<ingest::SourceStatus> sources) {
        const std::lock_guard lock(mutex_);
        sources_ = std::move(sources);
    }

private:
    Result<> set_state(std::string_view name, ingest::SourceState state) {
        const std::lock_guard lock(mutex_);
        for (auto& source : sources_) {
            if (source.name == name) source.state = state;
        }
        return {};
    }
    std::mutex mutex_;
    std::vector<ingest::SourceStatus> sources_;
};

class FakeSchemas final : public registry::Schemas {
public:
    std::string describe() const override { return "fake registry"; }
    Result<registry::RegisteredSchema> put(std::string_view subject, registry::SchemaKind kind,
                                           std::string_view text, const registry::References&) override {
        if (text == "wrong") return fail(Errc::invalid, "that is no schema");
        return registry::RegisteredSchema{
            .subject = std::string(subject), .version = 3, .id = 8, .kind = kind, .text = std::string(text)};
    }
    Result<registry::RegisteredSchema> by_id(std::int32_t id) override {
        if (id == 7) return get("users-value", 2);
        return fail(Errc::not_found, "no such id");
    }
    Result<registry::RegisteredSchema> get(std::string_view subject, std::int32_t version) override {
        if (subject != "users-value" || version > 2) return fail(Errc::not_found, "no such schema");
        registry::RegisteredSchema schema;
        schema.subject = std::string(subject);
        schema.version = version < 0 ? 2 : version;
        schema.id = 7;
        schema.text = "\"string\"";
        return schema;
    }
    Result<std::vector<std::string>> subjects() override { return std::vector<std::string>{"users-value"}; }
    Result<std::vector<std::int32_t>> versions(std::string_view) override {
        return std::vector<std::int32_t>{1, 2};
    }
};

class FakeCoordinator final : public coordinate::Coordinator {
public:
    std::string describe() const override { return "one process"; }
    std::string member_id() const override { return "member-1"; }
    std::vector<coordinate::Member> members() const override {
        return {{"member-1", "http://127.0.0.1:8080", true, {"query/created_users"}}};
    }
    bool leads() const override { return true; }
    void offer(std::vector<std::string>, std::function<void()>) override {}
    std::vector<std::string> mine() const override { return {}; }
    std::int64_t epoch(std::string_view) const override { return 1; }
};

/// The design's pipeline, small: source random_users -> topic users_created -> query created_users -> table
/// spark_streams.created_users, and DAG user_automation that runs the source.
inline std::shared_ptr<const pipeline::Pipeline> example_pipeline() {
    auto made = std::make_shared<pipeline::Pipeline>();
    made->name = "users";
    made->file = "users.yaml";
    pipeline::SourceSpec source;
    source.name = "random_users";
    source.topic = "users_created";
    made->sources.push_back(source);
    pipeline::TopicSpec topic;
    topic.name = "users_created";
    topic.partitions = 2;
    made->topics.push_back(topic);
    pipeline::QuerySpec query;
    query.name = "created_users";
    query.sql.text = "SELECT login.uuid AS id FROM users_created";
    query.into = "spark_streams.created_users";
    made->queries.push_back(query);
    pipeline::DagSpec dag;
    dag.name = "user_automation";
    dag.schedule = "@daily";
    pipeline::TaskSpec task;
    task.name = "stream_data_from_api";
    task.action = pipeline::RunTask{.name = "random_users"};
    dag.tasks.push_back(task);
    made->dags.push_back(dag);
    return made;
}

/// All of it, ready for start_monitor().
struct Fakes {
    FakeTopics topics;
    FakeTables tables;
    FakeEngine engine;
    FakeSources sources;
    FakeMetadata metadata;
    FakeScheduler scheduler;
    FakeSchemas schemas;
    FakeCoordinator coordinator;
    ManualClock clock{1'769'904'000'000'000};  // 2026-02-01T00:00:00Z
    std::mutex mutex;
    PipelinesView view;
    std::map<std::string, broker::PartitionOffsets> committed;  ///< by group
    std::vector<std::string> deleted_groups;
    std::atomic<bool> loaded = true;

    Fakes() {
        PipelineView one;
        one.name = "users";
        one.file = "users.yaml";
        one.revision = 3;
        one.text = "pipeline: users\n";
        one.running = example_pipeline();
        view.pipelines.push_back(std::move(one));
    }
    MonitorParts parts() {
        const auto pipelines = [this] {
            const std::lock_guard lock(mutex);
            return view;
        };
        const auto groups = [] {
            broker::ConsumerGroup group;
            group.name = "billing";
            group.state = "Stable";
            group.members = 2;
            group.committed = {{{"users_created", 1}, 0}, {{"deleted", 0}, 7}};
            group.readers = {{{"users_created", 0}, {"slow", "/10.0.0.2"}},
                             {{"users_created", 1}, {"fast", "/10.0.0.1"}}};
            broker::ConsumerGroup idle;
            idle.name = "nightly";
            idle.state = "Empty";
            idle.committed = {{{"users_created", 0}, 1}, {{"users_created", 1}, 1}, {{"deleted", 0}, 7}};
            return std::vector<broker::ConsumerGroup>{group, idle};
        };
        return {topics,
                tables,
                engine,
                sources,
                metadata,
                scheduler,
                coordinator,
                &schemas,
                clock,
                pipelines,
                groups,
                [this](const std::string& group, const broker::PartitionOffsets& offsets) -> Result<> {
                    const std::lock_guard lock(mutex);
                    committed[group] = offsets;
                    return {};
                },
                [this](const std::string& group) -> Result<> {
                    const std::lock_guard lock(mutex);
                    if (group != "nightly")
                        return fail(Errc::not_found, "there is no consumer group {}", group);
                    deleted_groups.push_back(group);
                    return {};
                },
                {},
                [this] { return loaded.load(); }};
    }
};

}  // namespace penstock::monitor::testing
