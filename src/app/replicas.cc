#include "app/replicas.h"

namespace penstock::app {

Result<std::string> BuiltInReplicas::base_url(std::string_view name) {
    std::lock_guard lock(mutex_);
    auto found = running_.find(name);
    if (found == running_.end()) {
        auto started = replica::Replica::start(shards_, {.name = std::string(name)});
        if (!started) return fail(started.error());
        found = running_.emplace(std::string(name), std::move(*started)).first;
    }
    return found->second->base_url();
}

}  // namespace penstock::app
