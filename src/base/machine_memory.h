// How much memory this process may have.
#pragma once

#include <cstdint>
#include <filesystem>

namespace penstock {

/// Bytes: the machine's memory, or the limit of the control group (a container's, a systemd unit's) when that
/// is less. root is where /proc and /sys are looked for.
std::uint64_t machine_memory(const std::filesystem::path& root = "/");

}  // namespace penstock
