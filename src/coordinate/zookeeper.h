// Coordination of several processes by Apache ZooKeeper (3.5 or newer).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "coordinate/coordinator.h"

namespace penstock::coordinate {

struct ZookeeperOptions {
    /// After this long without an answer others take our work over. The server may grant more or
    /// less.
    std::chrono::milliseconds session{6'000};
    /// How long opening waits for a server.
    std::chrono::milliseconds connect_timeout{15'000};
    /// Of this process's console, for the others.
    std::string address;
};

/// zookeeper://[user:${PASSWORD}@]h1:2181,h2:2181[/path][?session=6s&generation=0]: all of one cluster name
/// the same path, by default /penstock. Errc::invalid: the URL. Errc::unavailable: no server answers in
/// time. Errc::unauthorized: the path belongs to another user.
///
/// mine() and leads() hold only as long as the session certainly lives: counted from the sending of
/// the last request that was answered, on a clock that goes on while the process is stopped.
/// Whoever wakes up after its session has ended is answered with nothing, at once, before it hears
/// of it from a server. epoch() is the zxid at which the owner's node was made; it grows as long as
/// the ensemble keeps its data. When that was lost, epochs begin anew and everything is fenced: then
/// all processes get a higher generation, which counts for more than any zxid.
Result<std::unique_ptr<Coordinator>> open_zookeeper(const std::string& url,
                                                    const ZookeeperOptions& options = {});

}  // namespace penstock::coordinate
