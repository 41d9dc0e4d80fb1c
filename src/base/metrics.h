// Counters, gauges and histograms, declared next to what they count, written out in Prometheus' text format.
//   static metrics::Counter& appended = metrics::counter("penstock_log_appended_records_total", "Records
//   appended.");
#pragma once

#include <array>
#include <atomic>
#include <chrono>
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

/// How long things took, in Prometheus' buckets. Thread-safe, lock-free.
class Histogram {
public:
    /// Upper bounds in seconds; what is longer counts under +Inf.
    static constexpr std::array<double, 12> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                   0.05,   0.1,   0.25,   0.5,   1.0,  5.0};
    void observe_us(std::int64_t us);
    struct Reading {
        std::array<std::int64_t, bounds.size() + 1> counts;  ///< of each bucket alone; the last is +Inf's
        double sum_seconds = 0;
    };
    Reading read() const;

private:
    std::array<std::atomic<std::int64_t>, bounds.size() + 1> counts_{};
    std::atomic<std::int64_t> sum_us_{0};
};

/// Measures from its making to its end.
class Timer {
public:
    explicit Timer(Histogram& into) : into_(into) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() {
        const auto took = std::chrono::steady_clock::now() - started_;
        into_.observe_us(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    }

private:
    Histogram& into_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

/// The one counter of that name and those labels; lives for ever. Thread-safe; keep the reference, the
/// look-up takes a lock. Names follow Prometheus: penstock_<folder>_<what>_<unit>_total.
Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
/// The name ends in _seconds.
Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {});

/// Everything, in Prometheus' text exposition format 0.0.4.
std::string prometheus_text();

}  // namespace penstock::metrics
