// HTTP to acknowledged, from the replica over loopback into topics that forget: records for each second of
// the source's own CPU time (receive, split, key, hash, append). ./ingest_bench [seconds] [users in a page]
#include <fmt/format.h>

#include <ctime>

#include "ingest/sources.h"
#include "ingest/testing/fake_topics.h"
#include "net/task.h"
#include "replica/replica.h"

namespace {

class NoReplicas final : public penstock::ingest::Replicas {
public:
    penstock::Result<std::string> base_url(std::string_view) override { return ""; }
};

double thread_cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

}  // namespace

int main(int count, char** arguments) {
    using namespace penstock;
    double seconds = count > 1 ? std::atof(arguments[1]) : 3;
    const char* users = count > 2 ? arguments[2] : "5000";
    log::set_level(log::Level::warn);
    net::Shards shards(1);
    auto replica = replica::Replica::start(shards);
    if (!replica) {
        fmt::print(stderr, "{}\n", replica.error().text);
        return 1;
    }
    ingest::testing::FakeTopics topics;
    topics.discard_records();
    (void)topics.create({.name = "users", .partitions = 4, .config = {}});
    NoReplicas none;
    auto sources = ingest::make_sources(topics, none);
    pipeline::SourceSpec spec{.name = "bench", .key = "/login/uuid", .topic = "users"};
    spec.input = pipeline::HttpSource{
        .url = (*replica)->base_url() + "/api/", .query = {{"results", users}}, .records = "/results"};
    auto before = thread_cpu_seconds();
    auto made = sources->run_bounded(spec, std::int64_t(seconds * 1e6), "bench", {});
    auto spent = thread_cpu_seconds() - before;
    if (!made) {
        fmt::print(stderr, "{}\n", made.error().text);
        return 1;
    }
    fmt::print(
        "{} users a page: {} records acknowledged in {:.1f} s: {:.0f} records/s; the source used {:.2f} s of "
        "CPU: {:.0f} records/CPU-s, {:.0f} MB/CPU-s\n",
        users, made->acknowledged, seconds, double(made->acknowledged) / seconds, spent,
        double(made->acknowledged) / spent, double(made->bytes) / spent / 1e6);
}
