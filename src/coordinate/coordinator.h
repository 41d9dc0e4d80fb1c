// The coordination seam: who is a member, who leads, who runs what. Below it stand one process with a lock on
// its data directory (the default) and Apache ZooKeeper.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::coordinate {

/// Thread-safe.
class Coordinator {
public:
    virtual ~Coordinator() = default;
    virtual std::string describe() const = 0;
    virtual std::string member_id() const = 0;
    virtual std::vector<std::string> members() const = 0;
    /// The leader schedules DAGs.
    virtual bool leads() const = 0;
    /// Declares all work that there is (source/NAME, query/NAME, dag/NAME); changed is called, from any
    /// thread, whenever mine() gives another answer than before.
    virtual void offer(std::vector<std::string> work, std::function<void()> changed) = 0;
    /// What of it this process runs now.
    virtual std::vector<std::string> mine() const = 0;
    /// A number that grows with each change of the work's owner: whoever holds an older one is fenced.
    virtual std::int64_t epoch(std::string_view work) const = 0;
};

/// Takes the lock on the data directory; Errc::unavailable, naming the process that has it, when it is taken.
Result<std::unique_ptr<Coordinator>> single_process(const std::string& data_directory);

}  // namespace penstock::coordinate
