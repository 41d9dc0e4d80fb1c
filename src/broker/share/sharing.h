// All that share groups are made of, together.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "broker/share/share_groups.h"
#include "broker/share/share_options.h"
#include "broker/share/share_sessions.h"
#include "broker/share/share_states.h"
#include "broker/share/shared_partitions.h"

namespace penstock::broker {

struct Sharing {
    Sharing(LocalTopics& topics, const ShareGroupOptions& options, ShareGroups::Topics topics_by_name)
        : configs(options),
          states(topics),
          partitions(topics, states, configs),
          groups(*topics.options().clock, configs, std::move(topics_by_name)),
          sessions(options.max_sessions) {}
    /// Lives until the last write has been answered.
    static std::shared_ptr<Sharing> make(LocalTopics& topics, const ShareGroupOptions& options,
                                         ShareGroups::Topics topics_by_name) {
        auto made = std::make_shared<Sharing>(topics, options, std::move(topics_by_name));
        made->states.keep_alive(made);
        return made;
    }

    bool contains(const std::string& group) const {
        return groups.contains(group) || states.has_group(group);
    }
    /// Its session ends, and what it has is free.
    void leave(const std::string& group, const std::string& member) {
        sessions.remove({group, member});
        partitions.release(group, member);
    }
    void close_connection(const void* connection) {
        for (const auto& [group, member] : sessions.remove_of(connection)) partitions.release(group, member);
    }
    void tick(const LocalTopics& topics) {
        for (const auto& [group, member] :
             groups.tick([this](const std::string& group) { return states.has_group(group); }))
            leave(group, member);
        partitions.tick();
        forget_topics(topics);
    }
    /// Writes and waits. Not on a network thread.
    Result<> write(ShareStates::Changes changes);
    /// The group reads these from now on; those that it does already stay. Not on a network thread.
    Result<> initialize(const std::string& group, const Assignment& partitions);

    ShareConfigs configs;
    ShareStates states;
    SharedPartitions partitions;
    ShareGroups groups;
    ShareSessions sessions;

private:
    void forget_topics(const LocalTopics& topics);

    std::mutex changing_;  // one change from outside at a time
    std::int64_t looked_ms_ = 0;
};

}  // namespace penstock::broker
