#include "ingest/sources.h"

#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "ingest/source_run.h"
#include "ingest/webhook.h"

namespace penstock::ingest {
namespace {

/// Everything of a spec that changes what its source does; the places in its file do not.
std::string fingerprint_of(const pipeline::SourceSpec& spec) {
    auto text = fmt::format("{}\n{}\n{}\n", spec.name, spec.key, spec.topic);
    if (spec.encoded_topic)
        text += fmt::format("{}\n{}\n{}\n", int(spec.encoded_topic->format),
                            int(spec.encoded_topic->on_drift), spec.encoded_schema);
    auto add = [&text](const auto&... values) { ((text += fmt::format("{}\x1F", values)), ...); };
    if (auto* http = std::get_if<pipeline::HttpSource>(&spec.input)) {
        add("http", http->url, http->method, http->body, http->records, http->every_us);
        for (auto& [name, value] : http->query) add("query", name, value);
        for (auto& [name, value] : http->headers) add("header", name, value);
        auto& pages = http->pagination;
        add(int(pages.kind), pages.parameter, pages.first, pages.next, pages.max_pages);
        if (http->limit) add("limit", http->limit->amount, http->limit->records, http->limit->per_us);
        add(http->timeout_us, http->connect_timeout_us, http->retries, http->backoff_us, http->backoff_max_us,
            http->breaker_failures, http->breaker_open_us, http->max_redirects, http->proxy, http->verify_tls,
            http->ca_file, http->replica);
    } else if (auto* file = std::get_if<pipeline::FileSource>(&spec.input)) {
        add("file", file->path, int(file->kind), file->follow, file->delimiter, file->header);
    } else if (auto* hook = std::get_if<pipeline::WebhookSource>(&spec.input)) {
        add("webhook", hook->path, hook->token, hook->records);
    }
    return text;
}

}  // namespace

SourceCounts& SourceCounts::operator+=(const SourceCounts& other) {
    fetched += other.fetched;
    acknowledged += other.acknowledged;
    rejected += other.rejected;
    requests += other.requests;
    failures += other.failures;
    bytes += other.bytes;
    return *this;
}

namespace {

SourceCounts difference(const SourceCounts& after, const SourceCounts& before) {
    return {.fetched = after.fetched - before.fetched,
            .acknowledged = after.acknowledged - before.acknowledged,
            .rejected = after.rejected - before.rejected,
            .requests = after.requests - before.requests,
            .failures = after.failures - before.failures,
            .bytes = after.bytes - before.bytes};
}

/// A continuous run and its thread.
struct Continuous {
    std::unique_ptr<SourceRun> run;
    std::thread thread;

    void stop() {
        run->stop();
        if (thread.joinable()) thread.join();
    }
    ~Continuous() {
        if (run) stop();
    }
};

/// A source by its name. Either continuous or webhook is set once it was started.
struct Entry {
    std::string fingerprint;
    std::shared_ptr<Continuous> continuous;
    std::shared_ptr<Webhook> webhook;
    std::shared_ptr<SourceRun> bounded;  ///< the last bounded run
    SourceCounts earlier;                ///< of runs that others have taken the place of

    /// Of all runs since the process started: what a task moved is what the source moved.
    SourceCounts counts() const {
        auto sum = earlier;
        if (continuous) sum += continuous->run->status().counts;
        if (bounded) sum += bounded->status().counts;
        return sum;
    }
    /// The run whose state is the source's: the continuous one unless only a task's is alive.
    const SourceRun& shown() const {
        bool bounded_only = bounded && (!continuous || (continuous->run->ended() && !bounded->ended()));
        return bounded_only ? *bounded : *continuous->run;
    }
};

class AllSources final : public Sources {
public:
    AllSources(broker::Topics& topics, Replicas& replicas, SourcesOptions options)
        : topics_(topics), replicas_(replicas), options_(std::move(options)) {}

    ~AllSources() override {
        std::map<std::string, Entry> entries;
        {
            std::lock_guard lock(mutex_);
            entries.swap(entries_);
        }
        // All are told first, so that they end side by side.
        for (auto& [name, entry] : entries)
            if (entry.continuous) entry.continuous->run->stop();
        entries.clear();
    }

    Result<> start(std::string_view pipeline, const pipeline::SourceSpec& source) override;
    Result<> stop(std::string_view source) override;
    std::vector<SourceStatus> status() override;
    Result<SourceCounts> run_bounded(const pipeline::SourceSpec& source, std::int64_t for_us,
                                     std::string_view run_id, const std::function<bool()>& cancelled,
                                     const std::function<void(const SourceCounts&)>& progress) override;
    void webhook(std::string_view path, std::string_view authorization, std::string_view body,
                 std::function<void(Result<SourceCounts>)> done) override;

private:
    Result<SourceCounts> observe(const std::shared_ptr<Continuous>& running, std::int64_t for_us,
                                 const std::function<bool()>& cancelled,
                                 const std::function<void(const SourceCounts&)>& progress);

    broker::Topics& topics_;
    Replicas& replicas_;
    const SourcesOptions options_;
    std::mutex control_;  // one start or stop at a time; never held while mutex_ is waited for by a status
    std::mutex mutex_;    // guards entries_
    std::map<std::string, Entry> entries_;
};

Result<> AllSources::start(std::string_view pipeline, const pipeline::SourceSpec& source) {
    std::lock_guard one_at_a_time(control_);
    auto fingerprint = fingerprint_of(source);
    std::shared_ptr<Continuous> old;
    {
        std::lock_guard lock(mutex_);
        auto& entry = entries_[source.name];
        bool running = (entry.continuous && !entry.continuous->run->ended()) ||
                       (entry.webhook && entry.webhook->status().state == SourceState::running);
        if (running && entry.fingerprint == fingerprint) return {};
        old = entry.continuous;
    }
    // The new one goes on where the old one has stopped: it must have stopped.
    if (old) old->stop();
    auto context = "source " + source.name;
    if (std::holds_alternative<pipeline::WebhookSource>(source.input)) {
        auto hook = std::make_shared<Webhook>(topics_, source, encoder_of(options_.schemas, source));
        if (auto checked = hook->check(); !checked) return fail(context, checked.error());
        std::lock_guard lock(mutex_);
        for (auto& [name, other] : entries_)
            if (name != source.name && other.webhook && other.webhook->path() == hook->path() &&
                other.webhook->status().state == SourceState::running)
                return fail(Errc::exists, "{}: source {} has the path /ingest/{} already", context, name,
                            hook->path());
        entries_[source.name] = {fingerprint, nullptr, hook, nullptr, {}};
    } else {
        auto next = std::make_shared<Continuous>();
        next->run = make_source_run({.topics = topics_,
                                     .replicas = replicas_,
                                     .spec = source,
                                     .schemas = options_.schemas,
                                     .ownership = options_.ownership ? &*options_.ownership : nullptr});
        if (auto checked = next->run->check(); !checked) return fail(context, checked.error());
        std::lock_guard lock(mutex_);
        auto& entry = entries_[source.name];
        entry.fingerprint = fingerprint;
        entry.webhook = nullptr;
        if (entry.continuous) entry.earlier += entry.continuous->run->status().counts;
        entry.continuous = next;
        next->thread = std::thread([run = next->run.get()] { run->run(); });
    }
    log::info("source {} of pipeline {}: started", source.name, pipeline);
    return {};
}

Result<> AllSources::stop(std::string_view source) {
    std::lock_guard one_at_a_time(control_);
    std::shared_ptr<Continuous> running;
    {
        std::lock_guard lock(mutex_);
        auto found = entries_.find(std::string(source));
        if (found == entries_.end()) return {};
        if (found->second.webhook) found->second.webhook->stop();
        running = found->second.continuous;
    }
    if (running) running->stop();
    return {};
}

std::vector<SourceStatus> AllSources::status() {
    std::lock_guard lock(mutex_);
    std::vector<SourceStatus> all;
    for (auto& [name, entry] : entries_) {
        if (entry.webhook) {
            all.push_back(entry.webhook->status());
        } else if (entry.continuous || entry.bounded) {
            all.push_back(entry.shown().status());
            all.back().counts = entry.counts();
        }
    }
    return all;
}

Result<SourceCounts> AllSources::run_bounded(const pipeline::SourceSpec& source, std::int64_t for_us,
                                             std::string_view run_id, const std::function<bool()>& cancelled,
                                             const std::function<void(const SourceCounts&)>& progress) {
    auto context = "source " + source.name;
    // The run polls from its own loop, and there its counts are told; it is set below, and outlives its
    // polling.
    auto polled = std::make_shared<const SourceRun*>(nullptr);
    auto poll = [polled, cancelled, progress] {
        if (progress && *polled) progress((*polled)->status().counts);
        return cancelled && cancelled();
    };
    std::shared_ptr<SourceRun> run =
        make_source_run({.topics = topics_,
                         .replicas = replicas_,
                         .spec = source,
                         .bounded = true,
                         .for_us = for_us,
                         .run_id = std::string(run_id),
                         .cancelled = poll,
                         .schemas = options_.schemas,
                         .ownership = options_.ownership ? &*options_.ownership : nullptr});
    if (!run)
        return fail(Errc::unsupported, "{}: a webhook waits for others to post; it cannot be run by a task",
                    context);
    if (auto checked = run->check(); !checked) return fail(context, checked.error());
    std::shared_ptr<Continuous> running;
    {
        std::lock_guard lock(mutex_);
        auto& entry = entries_[source.name];
        if (run->has_position()) {
            if (entry.continuous && !entry.continuous->run->ended())
                running = entry.continuous;
            else if (entry.bounded && !entry.bounded->ended())
                return fail(Errc::exists, "{} is being run by another task, and two would read the same",
                            context);
        }
        if (!running) {
            if (entry.bounded) entry.earlier += entry.bounded->status().counts;
            entry.bounded = run;
        }
    }
    if (running) return observe(running, for_us, cancelled, progress);
    *polled = run.get();
    run->run();
    *polled = nullptr;
    if (cancelled && cancelled()) return fail(Errc::cancelled, "{}: the run was cancelled", context);
    if (auto failure = run->failure()) return fail(context, *failure);
    return run->status().counts;
}

/// What a source that runs anyway gets acknowledged in a time; two that read the same input would only be in
/// each other's way.
Result<SourceCounts> AllSources::observe(const std::shared_ptr<Continuous>& running, std::int64_t for_us,
                                         const std::function<bool()>& cancelled,
                                         const std::function<void(const SourceCounts&)>& progress) {
    auto before = running->run->status().counts;
    RunControl control(for_us, cancelled);
    // Until it has no more: everything is acknowledged, and for a while nothing has come.
    constexpr std::int64_t quiet_us = 3'000'000;
    auto last = before;
    auto last_us = system_clock().monotonic_us();
    while (!control.ending() && !running->run->ended()) {
        auto counts = running->run->status().counts;
        bool settled = counts.fetched == counts.acknowledged + counts.rejected;
        if (counts.fetched != last.fetched || !settled) last_us = system_clock().monotonic_us();
        last = counts;
        if (progress) progress(difference(counts, before));
        if (for_us == 0 && system_clock().monotonic_us() - last_us > quiet_us) break;
        control.wait_us(50'000);
    }
    if (control.cancelled()) return fail(Errc::cancelled, "the run was cancelled");
    if (auto failure = running->run->failure()) return fail(*failure);
    auto after = running->run->status().counts;
    return difference(after, before);
}

void AllSources::webhook(std::string_view path, std::string_view authorization, std::string_view body,
                         std::function<void(Result<SourceCounts>)> done) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    std::shared_ptr<Webhook> hook;
    {
        std::lock_guard lock(mutex_);
        for (auto& [name, entry] : entries_)
            if (entry.webhook && entry.webhook->path() == path) hook = entry.webhook;
    }
    if (!hook) return done(fail(Errc::not_found, "there is no webhook at /ingest/{}", path));
    hook->post(authorization, body, std::move(done));
}

}  // namespace

std::unique_ptr<Sources> make_sources(broker::Topics& topics, Replicas& replicas, SourcesOptions options) {
    return std::make_unique<AllSources>(topics, replicas, std::move(options));
}

}  // namespace penstock::ingest
