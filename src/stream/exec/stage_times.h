// Where a query's CPU time goes: reading the log, decoding records, evaluating expressions, writing the
// table. As metrics: penstock_stream_stage_cpu_microseconds_total{query, stage}.
#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.h"

namespace penstock::stream {

class StageTimes {
public:
    explicit StageTimes(const std::string& query);

    /// Counts this thread's CPU time from now until it is destroyed.
    class Span {
    public:
        explicit Span(metrics::Counter& counter) : counter_(counter), start_ns_(thread_cpu_ns()) {}
        ~Span() { counter_.add((thread_cpu_ns() - start_ns_) / 1000); }
        Span(const Span&) = delete;
        Span& operator=(const Span&) = delete;

    private:
        metrics::Counter& counter_;
        std::int64_t start_ns_;
    };

    metrics::Counter& read;
    metrics::Counter& decode;
    metrics::Counter& evaluate;
    metrics::Counter& write;

private:
    static std::int64_t thread_cpu_ns();
};

}  // namespace penstock::stream
