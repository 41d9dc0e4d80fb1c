#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace penstock::detail {

void check_failed(std::string_view condition, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: CHECK(%.*s) failed\n", file, line, int(condition.size()), condition.data());
    std::abort();
}

}  // namespace penstock::detail
