// Share sessions (KIP-932): a member names its partitions once; each request has the epoch after the last
// one's. A session ends with its connection.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/share/share_partition.h"
#include "codec/uuid.h"

namespace penstock::broker {

/// Thread-safe.
class ShareSessions {
public:
    using Partition = std::pair<codec::Uuid, std::int32_t>;
    using Name = std::pair<std::string, std::string>;  ///< group and member
    static constexpr std::int32_t first_epoch = 0, last_epoch = -1;

    explicit ShareSessions(std::int32_t most) : most_(std::size_t(most)) {}

    struct Fetch {
        Name name;
        std::int32_t epoch = 0;
        std::vector<Partition> added, forgotten;
        bool acknowledges = false;
        const void* connection = nullptr;
    };
    /// Makes or continues a session; partitions: all that are in it now, beginning with another one each
    /// time.
    ShareRefusal fetch(const Fetch& request, std::vector<Partition>& partitions);
    /// The same for requests that only acknowledge.
    ShareRefusal acknowledge(const Name& name, std::int32_t epoch);
    void remove(const Name& name);
    /// Ends those of the connection; whose they were.
    std::vector<Name> remove_of(const void* connection);
    std::size_t count() const;

private:
    struct Session {
        std::int32_t epoch = 1;  // that the next request has
        std::vector<Partition> partitions;
        const void* connection = nullptr;
    };
    ShareRefusal step(const Name& name, std::int32_t epoch, Session*& session);

    const std::size_t most_;
    mutable std::mutex mutex_;  // guards the rest
    std::map<Name, Session> sessions_;
};

}  // namespace penstock::broker
