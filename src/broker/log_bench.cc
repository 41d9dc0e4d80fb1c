// What an appended and a read record cost.  log_bench [DIRECTORY]
//   appends: 5000 records of 1.1 KB in one append(), as a source does; CPU of the caller and of the
//   committing thread reads: the same records as views, a megabyte at a time
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "broker/local_topics.h"

namespace {

namespace broker = penstock::broker;

constexpr int records_each = 5000;
constexpr int rounds = 40;
constexpr std::size_t record_bytes = 1100;

double seconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

/// CPU that append() takes of its caller.
double caller_seconds = 0;

struct Stopwatch {
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    void print(const char* what, double records) const {
        auto ns = 1e9 / records;
        std::printf("%-44s %8.1f ns CPU %8.1f ns elapsed per record\n", what,
                    (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * ns, (seconds(CLOCK_MONOTONIC) - wall) * ns);
    }
};

void run(broker::Durability durability, const char* name, const std::string& directory) {
    std::filesystem::remove_all(directory);
    auto topics =
        std::move(*broker::LocalTopics::open({.data_directory = directory, .durability = durability}));
    (void)topics->create({.name = "bench", .config = {}});
    std::string value(record_bytes, 'v');
    std::vector<broker::NewRecord> records(
        records_each, {.key = "a key of a record", .value = value, .timestamp_ms = 1, .headers = {}});
    Stopwatch appending;
    caller_seconds = 0;
    for (int i = 0; i < rounds; ++i) {
        std::atomic<bool> done{false};
        auto before = seconds(CLOCK_THREAD_CPUTIME_ID);
        topics->append({.topic = "bench", .records = records}, [&done](const auto&) {
            done = true;
            done.notify_one();
        });
        caller_seconds += seconds(CLOCK_THREAD_CPUTIME_ID) - before;
        done.wait(false);
    }
    appending.print((std::string("append, ") + name).c_str(), rounds * records_each);
    std::printf("%-44s %8.1f ns CPU\n", "  of it the caller's",
                caller_seconds * 1e9 / (rounds * records_each));
    for (int pass = 1; pass <= 3; ++pass) {
        Stopwatch reading;
        std::int64_t offset = 0, count = 0, sum = 0;
        while (offset < rounds * records_each) {
            auto set = topics->read("bench", 0, offset, 1 << 20);
            if (!set) return;
            for (const auto& record : set->records) sum += record.offset;
            count += std::int64_t(set->records.size());
            offset = set->next_offset;
        }
        reading.print(fmt::format("read, pass {} ({} records, {})", pass, count, sum % 7).c_str(),
                      double(count));
    }
    constexpr int repeated = 200;
    Stopwatch again;
    std::int64_t count = 0;
    for (int i = 0; i < repeated; ++i)
        if (auto set = topics->read("bench", 0, 0, 1 << 18)) count += std::int64_t(set->records.size());
    again.print("read, the same 256 KB (in the CPU's cache)", double(count));
    topics.reset();
    std::filesystem::remove_all(directory);
}

}  // namespace

int main(int argc, char** argv) {
    auto base = argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path();
    auto directory = (base / "penstock-log-bench").string();
    run(broker::Durability::memory, "memory", directory);
    run(broker::Durability::durable, "durable", directory);
}
