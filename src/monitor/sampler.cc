#include "monitor/sampler.h"

#include <fmt/format.h>

#include <chrono>

#include "base/log.h"

namespace penstock::monitor {

namespace {

Counters counters_of(const Snapshot& snapshot) {
    Counters all;
    for (const auto& source : snapshot.sources) {
        const auto prefix = "source/" + source.name + "/";
        all[prefix + "fetched"] = source.counts.fetched;
        all[prefix + "acknowledged"] = source.counts.acknowledged;
        all[prefix + "rejected"] = source.counts.rejected;
    }
    for (const auto& query : snapshot.queries) {
        const auto prefix = "query/" + query.name + "/";
        all[prefix + "processed"] = query.processed;
        all[prefix + "stored"] = query.stored;
        all[prefix + "rejected"] = query.rejected;
    }
    for (const auto& topic : snapshot.topics) {
        all["topic/" + topic.spec.name + "/appended"] = end_offsets(topic);
    }
    return all;
}

Totals totals_of(const Snapshot& snapshot) {
    Totals totals;
    for (const auto& source : snapshot.sources) {
        totals.fetched += source.counts.fetched;
        totals.acknowledged += source.counts.acknowledged;
        totals.rejected += source.counts.rejected;
    }
    for (const auto& query : snapshot.queries) {
        totals.processed += query.processed;
        totals.stored += query.stored;
        totals.rejected += query.rejected;
        totals.lag += query.lag;
    }
    return totals;
}

std::string last_part(std::string_view name) {
    return std::string(name.substr(name.rfind('/') + 1));
}

/// The value, or an empty one and a line among the faults.
template <class T>
T value_or_fault(Result<T> result, std::string_view what, std::vector<std::string>& faults) {
    if (result) return std::move(*result);
    faults.push_back(fmt::format("{}: {}", what, result.error().text));
    return {};
}

}  // namespace

std::int64_t end_offsets(const broker::TopicInfo& topic) {
    std::int64_t sum = 0;
    for (const auto& partition : topic.partitions) sum += partition.end_offset;
    return sum;
}

double Snapshot::rate(std::string_view of, std::string_view name, std::string_view counter) const {
    const auto found = rates.find(fmt::format("{}/{}/{}", of, name, counter));
    return found == rates.end() ? 0 : found->second;
}

Sampler::Sampler(const MonitorParts& parts, std::int64_t every_us) : parts_(parts), every_us_(every_us) {
    sample_now();
    if (every_us_ > 0) thread_ = std::thread([this] { run(); });
}

Sampler::~Sampler() {
    stop();
}

void Sampler::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const Snapshot> Sampler::latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
}

void Sampler::run() {
    const auto every = std::chrono::microseconds(every_us_);
    auto next = std::chrono::steady_clock::now() + every;
    while (true) {
        {
            std::unique_lock lock(mutex_);
            if (wake_.wait_until(lock, next, [this] { return stopped_; })) return;
        }
        try {
            sample_now();
        } catch (const std::exception& error) {
            log::error("monitor: looking at the counters: {}", error.what());
        }
        // A slow look is not made up for by several at once.
        next = std::max(next + every, std::chrono::steady_clock::now());
    }
}

void Sampler::sample_now() {
    const std::lock_guard one_at_a_time(sampling_);
    auto snapshot = look();
    auto counters = counters_of(*snapshot);
    const auto names = counters;
    rates_.add(parts_.clock.monotonic_us(), std::move(counters));
    for (const auto& [name, value] : names) {
        const auto rate = rates_.per_second(name);
        snapshot->rates[name] = rate;
        // Sums of rates, not rates of sums: a source that starts anew would look like a burst.
        if (!name.starts_with("topic/")) snapshot->rates["total/" + last_part(name)] += rate;
    }
    const std::lock_guard lock(mutex_);
    snapshot->sequence = latest_ ? latest_->sequence + 1 : 1;
    latest_ = std::move(snapshot);
}

std::shared_ptr<Snapshot> Sampler::look() {
    auto snapshot = std::make_shared<Snapshot>();
    auto& faults = snapshot->faults;
    snapshot->pipelines = parts_.pipelines();
    snapshot->sources = parts_.sources.status();
    snapshot->queries = parts_.engine.status();
    snapshot->topics = value_or_fault(parts_.topics.glance_all(), "topics", faults);
    snapshot->tables = value_or_fault(parts_.tables.list(), "tables", faults);
    snapshot->dags = parts_.scheduler.status();
    look_at_runs(*snapshot);
    snapshot->totals = totals_of(*snapshot);
    snapshot->time_us = parts_.clock.now_us();
    return snapshot;
}

void Sampler::look_at_runs(Snapshot& into) {
    for (const auto& dag : into.dags) {
        auto runs = parts_.metadata.runs(dag.name, 1);
        if (!runs) {
            into.faults.push_back(fmt::format("runs of {}: {}", dag.name, runs.error().text));
            return;
        }
        if (!runs->empty()) into.last_runs[dag.name] = std::move(runs->front());
    }
}

}  // namespace penstock::monitor
