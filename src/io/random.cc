#include "io/random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace penstock::io {

void random_bytes(std::span<char> into) {
    while (!into.empty()) {
        auto got = ::getrandom(into.data(), into.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        CHECK(got > 0);
        into = into.subspan(std::size_t(got));
    }
}

}  // namespace penstock::io
