// Looks at everything once a second, so that any number of consoles costs one look.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "monitor/monitor.h"
#include "monitor/rates.h"

namespace penstock::monitor {

/// Sums over all sources and queries since the process started, and how fast they grow.
struct Totals {
    std::int64_t fetched = 0;
    std::int64_t acknowledged = 0;
    std::int64_t processed = 0;
    std::int64_t stored = 0;
    std::int64_t rejected = 0;
    std::int64_t lag = 0;
};

/// Everything at one moment. Immutable.
struct Snapshot {
    std::int64_t sequence = 0;  ///< from 1
    std::int64_t time_us = 0;
    PipelinesView pipelines;
    std::vector<ingest::SourceStatus> sources;
    std::vector<stream::QueryStatus> queries;
    std::vector<broker::TopicInfo> topics;
    std::vector<store::TableStatus> tables;
    std::vector<orchestrate::DagStatus> dags;
    std::map<std::string, metadata::DagRun> last_runs;  ///< by DAG
    Totals totals;
    std::map<std::string, double, std::less<>>
        rates;                        ///< "source/NAME/fetched", "total/fetched", ... per second
    std::vector<std::string> faults;  ///< what could not be asked: "tables: ..."

    double rate(std::string_view of, std::string_view name, std::string_view counter) const;
};

/// Thread-safe. Has one thread of its own, as what it asks may be remote and slow.
class Sampler {
public:
    /// parts must outlive this.
    Sampler(const MonitorParts& parts, std::int64_t every_us);
    ~Sampler();  ///< stop()
    void stop();
    void sample_now();
    /// Never null.
    std::shared_ptr<const Snapshot> latest() const;

private:
    void run();
    std::shared_ptr<Snapshot> look();
    void look_at_runs(Snapshot& into);

    const MonitorParts& parts_;
    const std::int64_t every_us_;
    std::mutex sampling_;  ///< one look at a time; guards rates_
    Rates rates_{5};
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopped_ = false;
    std::shared_ptr<const Snapshot> latest_;
    std::thread thread_;
};

/// All records that a topic has ever got: what its rate is taken of.
std::int64_t end_offsets(const broker::TopicInfo& topic);

}  // namespace penstock::monitor
