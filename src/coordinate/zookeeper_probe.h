// Whether a ZooKeeper takes us, without joining anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace penstock::coordinate {

struct ZookeeperReport {
    std::string hosts;
    std::string path;
    bool has_path = false;
    std::int64_t session_ms = 0;  ///< as it was granted
    std::string refused;          ///< why nothing can be written below the path; empty: it can
};

/// Opens a session, and makes and removes a node below the path (or below / when it is not there yet). Errors
/// as those of open_zookeeper().
Result<ZookeeperReport> probe_zookeeper(const std::string& url, std::chrono::milliseconds timeout);

}  // namespace penstock::coordinate
