// How many users one core makes and writes: ./randomuser_bench [seconds for each line]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "replica/randomuser.h"

int main(int count, char** arguments) {
    using namespace penstock::replica;
    double seconds = count > 1 ? std::atof(arguments[1]) : 1.0;
    for (auto format : {"json", "pretty", "csv", "yaml", "xml"}) {
        for (auto results : {"1", "100", "5000"}) {
            auto query = parse_user_query({{"format", format}, {"results", results}});
            std::int64_t users = 0;
            std::int64_t bytes = 0;
            auto start = std::chrono::steady_clock::now();
            double spent = 0;
            while (spent < seconds) {
                bytes += std::int64_t(random_users(query, std::to_string(users), 0).size());
                users += query.results;
                spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            }
            fmt::print("{:7} results={:5} {:10.0f} users/s {:8.1f} MB/s {:6} bytes/user\n", format, results,
                       double(users) / spent, double(bytes) / spent / 1e6, bytes / users);
        }
    }
}
