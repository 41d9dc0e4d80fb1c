// GET /api/v1/groups; DELETE /api/v1/groups/{group}; POST /api/v1/groups/{group}/offsets
#include <algorithm>
#include <limits>

#include "monitor/api.h"
#include "monitor/json_body.h"
#include "monitor/offset_reset.h"
#include "stream/query_group.h"

namespace penstock::monitor {

namespace {

/// End offsets by topic, each topic asked for once.
class EndOffsets {
public:
    explicit EndOffsets(broker::Topics& topics) : topics_(topics) {}
    /// Nothing when the partition is not there any more.
    std::optional<std::int64_t> of(const std::string& topic, std::int32_t partition) {
        auto found = known_.find(topic);
        if (found == known_.end()) {
            auto info = topics_.glance(topic);
            const auto partitions = info ? std::move(info->partitions) : std::vector<broker::PartitionInfo>();
            found = known_.emplace(topic, partitions).first;
        }
        const auto number = static_cast<std::size_t>(partition);
        if (partition < 0 || number >= found->second.size()) return std::nullopt;
        return found->second[number].end_offset;
    }

private:
    broker::Topics& topics_;
    std::map<std::string, std::vector<broker::PartitionInfo>> known_;
};

/// Where the group has committed, and where its members read and nothing is committed yet.
std::map<broker::TopicPartition, std::optional<std::int64_t>> partitions_of(
    const broker::ConsumerGroup& group) {
    std::map<broker::TopicPartition, std::optional<std::int64_t>> all;
    for (const auto& [place, reader] : group.readers) all[place];
    for (const auto& [place, committed] : group.committed) all[place] = committed;
    return all;
}

Result<net::HttpResponse> list_groups(Api& api, const net::HttpRequest&) {
    if (!api.parts.groups) {
        return fail(Errc::unsupported, "{} tells of no consumer groups", api.parts.topics.describe());
    }
    const auto groups = TRY(api.parts.groups());
    EndOffsets ends(api.parts.topics);
    JsonWriter json;
    json.begin_array();
    for (const auto& group : groups) {
        json.begin_object().field("group", group.name).field("state", group.state);
        json.field("members", group.members).key("topics").begin_array();
        for (const auto& [place, committed] : partitions_of(group)) {
            const auto& [topic, partition] = place;
            const auto end = ends.of(topic, partition);
            if (!end) continue;
            json.begin_object().field("topic", topic).field("partition", partition);
            if (committed) json.field("committed", *committed);
            json.field("end_offset", *end);
            if (committed) json.field("lag", std::max<std::int64_t>(0, *end - *committed));
            if (const auto reader = group.readers.find(place); reader != group.readers.end()) {
                json.field("client", reader->second.client_id).field("host", reader->second.host);
            }
            json.end_object();
        }
        json.end_array().end_object();
    }
    return net::json_response(json.end_array().take());
}

constexpr std::size_t max_scopes = 10'000;
constexpr std::int64_t max_offset = std::numeric_limits<std::int64_t>::max();

/// {"to": "earliest" | "latest" | "current"}, or {"offset": n}, {"shift": n}, {"timestamp": ms}.
Result<ResetTo> reset_to(const JsonObject& body) {
    using Kind = ResetTo::Kind;
    std::vector<ResetTo> given;
    if (const auto word = TRY(body.optional_string("to"))) {
        const std::map<std::string, Kind> kinds{
            {"earliest", Kind::earliest}, {"latest", Kind::latest}, {"current", Kind::current}};
        const auto found = kinds.find(*word);
        if (found == kinds.end()) {
            return fail(Errc::invalid, "to is '{}': expected earliest, latest or current", *word);
        }
        given.push_back({found->second});
    }
    if (const auto offset = TRY(body.optional_integer("offset", 0, max_offset))) {
        given.push_back({Kind::offset, *offset});
    }
    if (const auto shift = TRY(body.optional_integer("shift", -max_offset / 2, max_offset / 2))) {
        given.push_back({Kind::shift, *shift});
    }
    if (const auto time = TRY(body.optional_integer("timestamp", 0, max_offset))) {
        given.push_back({Kind::timestamp, *time});
    }
    if (given.size() != 1) return fail(Errc::invalid, "expected one of to, offset, shift and timestamp");
    return given.front();
}

Result<std::vector<ResetScope>> reset_scopes(const JsonObject& body) {
    std::vector<ResetScope> scopes;
    if (!body.has("topics")) return scopes;
    for (const auto& each : TRY(body.objects("topics", max_scopes))) {
        TRY(each.only({"topic", "partition"}));
        auto& scope = scopes.emplace_back();
        scope.topic = TRY(each.string("topic"));
        if (const auto number = TRY(each.optional_integer("partition", 0, INT32_MAX))) {
            scope.partition = static_cast<std::int32_t>(*number);
        }
    }
    return scopes;
}

/// Offsets that nobody reads from: a query's own are kept with what it writes.
Result<> check_not_a_querys(Api& api, const std::string& group) {
    for (const auto& query : api.parts.engine.status()) {
        if (group != stream::group_of_query(query.name)) continue;
        return fail(Errc::invalid,
                    "group {} only shows how far query {} is, which keeps its position with its rows", group,
                    query.name);
    }
    return {};
}

Result<> check_resettable(Api& api, const broker::ConsumerGroup& group) {
    TRY(check_not_a_querys(api, group.name));
    if (group.members == 0) return {};
    return fail(Errc::exists, "group {} is {} and has {}: its offsets can be reset when it has none",
                group.name, group.state,
                group.members == 1 ? "a member" : fmt::format("{} members", group.members));
}

Result<net::HttpResponse> delete_group(Api& api, const net::HttpRequest& request) {
    const auto& group = param(request, "group");
    if (!api.parts.delete_group) {
        return fail(Errc::unsupported, "groups of {} are deleted with Kafka's own kafka-consumer-groups.sh",
                    api.parts.topics.describe());
    }
    TRY(check_not_a_querys(api, group));
    TRY(api.parts.delete_group(group));
    return net::json_response(R"({"deleted":true})");
}

/// What a reset would do; with "execute" it is done.
Result<net::HttpResponse> reset_offsets(Api& api, const net::HttpRequest& request) {
    const auto body = TRY(JsonBody::parse(request.body));
    const auto& object = body.object();
    TRY(object.only({"to", "offset", "shift", "timestamp", "topics", "execute"}));
    const auto to = TRY(reset_to(object));
    const auto scopes = TRY(reset_scopes(object));
    const auto execute = TRY(object.optional_bool("execute")).value_or(false);
    if (!api.parts.groups) {
        return fail(Errc::unsupported, "{} tells of no consumer groups", api.parts.topics.describe());
    }
    // One that is not there yet begins where this says, as by Kafka's own tool.
    broker::ConsumerGroup group{
        .name = param(request, "group"), .state = "Dead", .committed = {}, .readers = {}};
    for (auto& each : TRY(api.parts.groups())) {
        if (each.name == group.name) group = std::move(each);
    }
    TRY(check_resettable(api, group));
    const auto plan = TRY(plan_reset(api.parts.topics, group.committed, scopes, to));
    if (execute) {
        broker::PartitionOffsets offsets;
        for (const auto& each : plan) offsets[{each.topic, each.partition}] = each.offset;
        TRY(api.parts.set_offsets(group.name, offsets));
    }
    JsonWriter json;
    json.begin_object().field("group", group.name).field("state", group.state);
    json.field("executed", execute).key("partitions").begin_array();
    for (const auto& each : plan) {
        json.begin_object().field("topic", each.topic).field("partition", each.partition);
        if (each.committed) json.field("committed", *each.committed);
        json.field("offset", each.offset).field("end_offset", each.end_offset);
        json.field("again", each.again()).field("skipped", each.skipped()).end_object();
    }
    return net::json_response(json.end_array().end_object().take());
}

}  // namespace

void add_group_routes(ApiRoutes& routes) {
    routes.on("GET", "/api/v1/groups", list_groups);
    routes.on("DELETE", "/api/v1/groups/{group}", delete_group);
    routes.on("POST", "/api/v1/groups/{group}/offsets", reset_offsets);
}

}  // namespace penstock::monitor
