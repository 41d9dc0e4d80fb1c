#include "app/replicas.h"

#include "base/clock.h"

namespace penstock::app {

Result<std::string> BuiltInReplicas::base_url(std::string_view name) {
    std::lock_guard lock(mutex_);
    auto found = running_.find(name);
    if (found == running_.end()) {
        // The seed is another one each time: an API does not send the same people again after a restart.
        auto started = replica::Replica::start(
            shards_, {.name = std::string(name), .seed = fmt::format("up-{}", system_clock().now_us())});
        if (!started) return fail(started.error());
        found = running_.emplace(std::string(name), std::move(*started)).first;
    }
    return found->second->base_url();
}

}  // namespace penstock::app
