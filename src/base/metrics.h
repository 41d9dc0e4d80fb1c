// Counters and gauges, declared next to what they count, written out in Prometheus' text format.
//   static metrics::Counter& appended = metrics::counter("penstock_log_appended_records_total", "Records
//   appended.");
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Only goes up. Thread-safe, lock-free.
class Counter {
public:
    void add(std::int64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

/// Goes up and down. Thread-safe, lock-free.
class Gauge {
public:
    void set(double to) { value_.store(to, std::memory_order_relaxed); }
    void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0};
};

/// The one counter of that name and those labels; lives for ever. Thread-safe; keep the reference, the
/// look-up takes a lock. Names follow Prometheus: penstock_<folder>_<what>_<unit>_total.
Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});

/// Everything, in Prometheus' text exposition format 0.0.4.
std::string prometheus_text();

}  // namespace penstock::metrics
