#include "base/metrics.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>

namespace penstock::metrics {
namespace {

struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>> counters;  // by rendered labels
    std::map<std::string, std::unique_ptr<Gauge>> gauges;
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
        found = all.families.emplace(std::string(name), Family{std::string(help), {}, {}}).first;
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

std::string prometheus_text() {
    auto& all = registry();
    std::lock_guard lock(all.mutex);
    std::string out;
    for (const auto& [name, members] : all.families) {
        auto type = members.counters.empty() ? "gauge" : "counter";
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, members.help, name, type);
        for (const auto& [labels, it] : members.counters)
            out += fmt::format("{}{} {}\n", name, labels, it->value());
        for (const auto& [labels, it] : members.gauges)
            out += fmt::format("{}{} {}\n", name, labels, it->value());
    }
    return out;
}

}  // namespace penstock::metrics
