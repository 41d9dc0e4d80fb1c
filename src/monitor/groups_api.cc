// GET /api/v1/groups
#include <algorithm>

#include "monitor/api.h"

namespace penstock::monitor {

namespace {

/// End offsets by topic, each topic asked for once.
class EndOffsets {
public:
    explicit EndOffsets(broker::Topics& topics) : topics_(topics) {}
    /// Nothing when the partition is not there any more.
    std::optional<std::int64_t> of(const GroupPosition& position) {
        auto found = known_.find(position.topic);
        if (found == known_.end()) {
            auto info = topics_.glance(position.topic);
            const auto partitions = info ? std::move(info->partitions) : std::vector<broker::PartitionInfo>();
            found = known_.emplace(position.topic, partitions).first;
        }
        const auto number = static_cast<std::size_t>(position.partition);
        if (position.partition < 0 || number >= found->second.size()) return std::nullopt;
        return found->second[number].end_offset;
    }

private:
    broker::Topics& topics_;
    std::map<std::string, std::vector<broker::PartitionInfo>> known_;
};

Result<net::HttpResponse> list_groups(Api& api, const net::HttpRequest&) {
    if (!api.parts.groups) {
        return fail(Errc::unsupported, "{} tells of no consumer groups", api.parts.topics.describe());
    }
    const auto groups = TRY(api.parts.groups());
    EndOffsets ends(api.parts.topics);
    JsonWriter json;
    json.begin_array();
    for (const auto& group : groups) {
        json.begin_object().field("group", group.group).field("state", group.state);
        json.field("members", group.members).key("topics").begin_array();
        for (const auto& position : group.positions) {
            const auto end = ends.of(position);
            if (!end) continue;
            json.begin_object().field("topic", position.topic);
            json.field("partition", position.partition).field("committed", position.committed);
            json.field("end_offset", *end);
            json.field("lag", std::max<std::int64_t>(0, *end - position.committed)).end_object();
        }
        json.end_array().end_object();
    }
    return net::json_response(json.end_array().take());
}

}  // namespace

void add_group_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/groups", list_groups);
}

}  // namespace penstock::monitor
