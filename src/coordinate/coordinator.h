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

/// One of the processes that share the work.
struct Member {
    std::string id;
    std::string address;  ///< of its console and REST API; empty when it has told none
    bool leads = false;
    std::vector<std::string> runs;  ///< what is assigned to it, sorted
};

/// Work whose name begins so is the leader's, whoever leads.
inline constexpr std::string_view leaders_work = "lead/";
/// Who is to make DAG runs.
inline constexpr std::string_view scheduling = "lead/dags";

/// Thread-safe.
class Coordinator {
public:
    virtual ~Coordinator() = default;
    virtual std::string describe() const = 0;
    virtual std::string member_id() const = 0;
    /// In the order in which they came.
    virtual std::vector<Member> members() const = 0;
    /// The leader schedules DAGs: it has `scheduling`, when that is offered.
    virtual bool leads() const = 0;
    /// Declares all work that there is (source/NAME, query/NAME, lead/...); changed is called, from any
    /// thread, whenever mine() gives another answer than before. It may block: work that is not mine any more
    /// is given to others when it has returned. When offer() returns, an earlier callback is not running and
    /// will not be called again; so do not call it with a lock held that the callback takes.
    virtual void offer(std::vector<std::string> work, std::function<void()> changed) = 0;
    /// What of it this process runs now.
    virtual std::vector<std::string> mine() const = 0;
    /// A number that grows with each change of the work's owner: whoever holds an older one is fenced. 0: the
    /// work has never been this process's.
    virtual std::int64_t epoch(std::string_view work) const = 0;
};

/// Takes the lock on the data directory; Errc::unavailable, naming the process that has it, when it is taken.
Result<std::unique_ptr<Coordinator>> single_process(const std::string& data_directory);

}  // namespace penstock::coordinate
