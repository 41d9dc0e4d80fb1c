#include "stream/exec/stage_times.h"

#include <ctime>

namespace penstock::stream {
namespace {

metrics::Counter& stage(const std::string& query, const char* name) {
    return metrics::counter("penstock_stream_stage_cpu_microseconds_total",
                            "CPU time of the query's thread, by stage.", {{"query", query}, {"stage", name}});
}

}  // namespace

StageTimes::StageTimes(const std::string& query)
    : read(stage(query, "read")),
      decode(stage(query, "decode")),
      evaluate(stage(query, "evaluate")),
      write(stage(query, "write")) {}

std::int64_t StageTimes::thread_cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace penstock::stream
