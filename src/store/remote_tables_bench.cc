// How fast rows go into a Cassandra, and what that costs here.
//   remote_tables_bench cassandra://127.0.0.1:9042 [rows=500000] [rows in a commit=50000] [queries=1]
// Rows are the example's users: a uuid as key and eleven columns, about 350 bytes.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

#include "base/units.h"
#include "store/remote_tables.h"
#include "store/uuid.h"

namespace penstock::store {
namespace {

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TableSpec users_spec() {
    TableSpec spec{"penstock_bench", "users", {{"id", TypeId::string}}, {"id"}, {}};
    for (const char* name : {"first_name", "last_name", "gender", "address", "post_code", "email", "username",
                             "phone", "picture"})
        spec.columns.push_back({name, TypeId::string});
    spec.columns.push_back({"dob", TypeId::timestamp});
    spec.columns.push_back({"registered_date", TypeId::timestamp});
    return spec;
}

Batch users(const TableSpec& spec, std::size_t rows) {
    auto batch = make_batch(spec.columns);
    auto arena = std::make_shared<Arena>();
    for (std::size_t row = 0; row < rows; ++row) {
        batch.columns[0].append_string(arena->copy(format_uuid(random_uuid())));
        for (std::size_t i = 1; i + 2 < batch.columns.size(); ++i)
            batch.columns[i].append_string(
                arena->copy(fmt::format("value {} of column {}, as text", row, i)));
        for (auto i = batch.columns.size() - 2; i < batch.columns.size(); ++i)
            batch.columns[i].append_integer(std::int64_t(row) * 1'000'000);
        ++batch.rows;
    }
    batch.keep_alive.push_back(arena);
    return batch;
}

Result<> run(Tables& tables, std::size_t rows, std::size_t commit_rows, std::size_t queries) {
    auto spec = users_spec();
    TRY(tables.ensure(spec));
    auto name = spec.full_name();
    std::vector<std::vector<Batch>> batches(queries);
    for (auto& of : batches)
        for (std::size_t made = 0; made < rows / queries; made += commit_rows)
            of.push_back(users(spec, commit_rows));
    auto begin = std::chrono::steady_clock::now();
    auto cpu = cpu_seconds();
    std::vector<Result<>> outcomes(queries);
    std::vector<std::thread> threads;
    for (std::size_t q = 0; q < queries; ++q) {
        threads.emplace_back([&, q] {
            auto query = fmt::format("bench {}", q);
            std::int64_t commits = 0;
            for (const auto& batch : batches[q]) {
                ++commits;
                outcomes[q] = tables.commit({query,
                                             {{name, &batch, commits}},
                                             {{"n", std::to_string(commits)}},
                                             std::to_string(commits)});
                if (!outcomes[q]) return;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (auto& outcome : outcomes) TRY(std::move(outcome));
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    cpu = cpu_seconds() - cpu;
    auto written = batches[0].size() * commit_rows * queries;
    fmt::print("write  {:>10} rows/s  {:6.2f} CPU-s per million here  {} rows, {} in a commit, {} queries\n",
               format_count(std::int64_t(double(written) / took.count())), cpu * 1e6 / double(written),
               format_count(std::int64_t(written)), format_count(std::int64_t(commit_rows)), queries);

    begin = std::chrono::steady_clock::now();
    cpu = cpu_seconds();
    std::size_t read = 0;
    auto cursor = TRY(tables.scan(name, {}));
    while (true) {
        auto batch = TRY(cursor->next(5000));
        if (batch.rows == 0) break;
        read += batch.rows;
    }
    took = std::chrono::steady_clock::now() - begin;
    cpu = cpu_seconds() - cpu;
    fmt::print("scan   {:>10} rows/s  {:6.2f} CPU-s per million here  {} rows\n",
               format_count(std::int64_t(double(read) / took.count())), cpu * 1e6 / double(read),
               format_count(std::int64_t(read)));
    return {};
}

int main_of(int count, char** arguments) {
    if (count < 2) {
        fmt::print(stderr,
                   "usage: remote_tables_bench cassandra://host:port [rows] [rows in a commit] [queries]\n");
        return 2;
    }
    auto number = [&](int i, std::int64_t otherwise) {
        return std::size_t(count > i ? parse_int(arguments[i]).value_or(otherwise) : otherwise);
    };
    auto tables = open_remote_tables(arguments[1]);
    auto done = tables ? run(**tables, number(2, 500'000), std::max<std::size_t>(number(3, 50'000), 1),
                             std::max<std::size_t>(number(4, 1), 1))
                       : Result<>(fail(tables.error()));
    if (!done) fmt::print(stderr, "error: {}\n", done.error().text);
    return done ? 0 : 1;
}

}  // namespace
}  // namespace penstock::store

int main(int count, char** arguments) {
    return penstock::store::main_of(count, arguments);
}
