#include "base/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace penstock {
namespace {

/// The number that a file of a control group begins with; of no limit there is none ("max").
void lower_to(std::uint64_t& limit, const std::filesystem::path& file) {
    std::uint64_t value = 0;
    if (std::ifstream(file) >> value) limit = std::min(limit, value);
}

}  // namespace

std::uint64_t machine_memory(const std::filesystem::path& root) {
    auto limit = std::uint64_t(::sysconf(_SC_PHYS_PAGES)) * std::uint64_t(::sysconf(_SC_PAGESIZE));
    // Of a container these are its own, as it sees nothing of the groups around it.
    lower_to(limit, root / "sys/fs/cgroup/memory.max");
    lower_to(limit, root / "sys/fs/cgroup/memory/memory.limit_in_bytes");
    std::ifstream groups(root / "proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        // Version 2: its only hierarchy has the number 0 and no name.
        if (!line.starts_with("0::/")) continue;
        std::filesystem::path group = line.substr(4);
        for (; !group.empty(); group = group.parent_path())
            lower_to(limit, root / "sys/fs/cgroup" / group / "memory.max");
    }
    return limit;
}

}  // namespace penstock
