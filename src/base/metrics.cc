#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

namespace penstock::metrics {
namespace {

struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>> counters;  // by rendered labels
    std::map<std::string, std::unique_ptr<Gauge>> gauges;
    std::map<std::string, std::unique_ptr<Histogram>> histograms;
};

struct Registry {
    std::mutex mutex;
    std::map<std::string, Family, std::less<>> families;
};

Registry& registry() {
    static Registry& instance = *new Registry;  // never destroyed: threads may count during exit
    return instance;
}

std::string rendered(const Labels& labels) {
    if (labels.empty()) return {};
    std::string out = "{";
    for (const auto& [name, value] : labels) {
        if (out.size() > 1) out += ',';
        out += name + "=\"";
        for (char c : value) {
            if (c == '\\' || c == '"') out += '\\';
            if (c == '\n')
                out += "\\n";
            else
                out += c;
        }
        out += '"';
    }
    return out + "}";
}

Family& family(Registry& all, std::string_view name, std::string_view help) {
    auto found = all.families.find(name);
    if (found == all.families.end())
        found = all.families.emplace(std::string(name), Family{std::string(help), {}, {}, {}}).first;
    return found->second;
}

}  // namespace

Counter& counter(std::string_view name, std::string_view help, const Labels& labels) {
    auto& all = registry();
    std::lock_guard lock(all.mutex);
    auto& slot = family(all, name, help).counters[rendered(labels)];
    if (!slot) slot = std::make_unique<Counter>();
    return *slot;
}

Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels) {
    auto& all = registry();
    std::lock_guard lock(all.mutex);
    auto& slot = family(all, name, help).gauges[rendered(labels)];
    if (!slot) slot = std::make_unique<Gauge>();
    return *slot;
}

Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels) {
    auto& all = registry();
    std::lock_guard lock(all.mutex);
    auto& slot = family(all, name, help).histograms[rendered(labels)];
    if (!slot) slot = std::make_unique<Histogram>();
    return *slot;
}

void Histogram::observe_us(std::int64_t us) {
    const auto seconds = double(us) / 1e6;
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
    counts_[std::size_t(bucket)].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
    Reading reading;
    for (std::size_t i = 0; i < counts_.size(); ++i)
        reading.counts[i] = counts_[i].load(std::memory_order_relaxed);
    reading.sum_seconds = double(sum_us_.load(std::memory_order_relaxed)) / 1e6;
    return reading;
}

namespace {

/// Buckets count what is below their bound as well.
void append_histogram(std::string& out, const std::string& name, const std::string& labels,
                      const Histogram& histogram) {
    const auto reading = histogram.read();
    const auto others = labels.empty() ? std::string() : labels.substr(1, labels.size() - 2) + ",";
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < reading.counts.size(); ++i) {
        sum += reading.counts[i];
        const auto bound =
            i < Histogram::bounds.size() ? fmt::format("{}", Histogram::bounds[i]) : std::string("+Inf");
        fmt::format_to(std::back_inserter(out), "{}_bucket{{{}le=\"{}\"}} {}\n", name, others, bound, sum);
    }
    fmt::format_to(std::back_inserter(out), "{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, labels,
                   reading.sum_seconds, sum);
}

std::string_view type_of(const Family& members) {
    if (!members.histograms.empty()) return "histogram";
    return members.counters.empty() ? "gauge" : "counter";
}

}  // namespace

std::string prometheus_text() {
    auto& all = registry();
    std::lock_guard lock(all.mutex);
    std::string out;
    for (const auto& [name, members] : all.families) {
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, members.help, name, type_of(members));
        for (const auto& [labels, it] : members.counters)
            out += fmt::format("{}{} {}\n", name, labels, it->value());
        for (const auto& [labels, it] : members.gauges)
            out += fmt::format("{}{} {}\n", name, labels, it->value());
        for (const auto& [labels, it] : members.histograms) append_histogram(out, name, labels, *it);
    }
    return out;
}

}  // namespace penstock::metrics
