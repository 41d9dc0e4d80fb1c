// Appends to a real Kafka and reads it all back: records a second, and CPU of this process for each record.
//   remote_topics_bench kafka://host:9092 [records]
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>

#include "base/units.h"
#include "broker/remote_topics.h"

namespace {

using penstock::broker::NewRecord;
using penstock::broker::Topics;

constexpr std::int64_t records_at_once = 1'000;
constexpr std::size_t value_bytes = 600;

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

class Measurement {
public:
    void print(const char* what, std::int64_t records) const {
        std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
        std::printf("%-8s %9.0f records/s  %6.2f us CPU/record\n", what, double(records) / wall.count(),
                    (cpu_seconds() - cpu_) * 1e6 / double(records));
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    double cpu_ = cpu_seconds();
};

std::int64_t append_all(Topics& topics, const std::string& topic, std::int64_t records) {
    std::string value(value_bytes, 'v');
    std::vector<NewRecord> some(records_at_once, NewRecord{.key = "key", .value = value, .headers = {}});
    std::atomic<std::int64_t> acknowledged{0};
    std::atomic<std::int64_t> answered{0};
    constexpr std::int64_t open_most = 100;
    for (std::int64_t i = 0; i < records / records_at_once; ++i) {
        for (auto now = answered.load(); i - now >= open_most; now = answered.load()) answered.wait(now);
        topics.append({.topic = topic, .records = some}, [&](auto base) {
            if (base) acknowledged += records_at_once;
            ++answered;
            answered.notify_all();
        });
    }
    for (auto now = answered.load(); now < records / records_at_once; now = answered.load())
        answered.wait(now);
    return acknowledged;
}

std::int64_t read_all(Topics& topics, const std::string& topic) {
    std::int64_t count = 0;
    for (std::int64_t offset = 0;;) {
        auto set = topics.read(topic, 0, offset, 1 << 20);
        if (!set || set->next_offset == offset) return count;
        count += std::int64_t(set->records.size());
        offset = set->next_offset;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: remote_topics_bench kafka://host:9092 [records]\n");
        return 2;
    }
    auto records = argc > 2 ? penstock::parse_int(argv[2]).value_or(0) : 500'000;
    auto topics = penstock::broker::open_remote_topics(argv[1]);
    if (!topics) {
        std::fprintf(stderr, "%s\n", topics.error().text.c_str());
        return 1;
    }
    std::string topic = fmt::format("bench-{}", std::chrono::steady_clock::now().time_since_epoch().count());
    if (!(*topics)->create({.name = topic, .config = {}})) return 1;
    Measurement appending;
    auto acknowledged = append_all(**topics, topic, records);
    appending.print("append", acknowledged);
    Measurement reading;
    auto read = read_all(**topics, topic);
    reading.print("read", read);
    (void)(*topics)->remove(topic);
    return acknowledged == records ? 0 : 1;
}
