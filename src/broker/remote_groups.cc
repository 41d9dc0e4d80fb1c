#include "broker/remote_groups.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <thread>

namespace penstock::broker {
namespace {

constexpr std::size_t clients_max = 16;
constexpr std::chrono::milliseconds one_request{5'000};

using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;

PartitionList list_for(std::size_t size) {
    return {rd_kafka_topic_partition_list_new(int(size)), rd_kafka_topic_partition_list_destroy};
}

void add_readers(ConsumerGroup& group, const rd_kafka_group_info& listed) {
    // Of other types, such as Connect's workers, an assignment means something else.
    if (std::string_view(listed.protocol_type) != "consumer") return;
    for (int i = 0; i < listed.member_cnt; ++i) {
        const auto& member = listed.members[i];
        const auto* assignment = static_cast<const std::uint8_t*>(member.member_assignment);
        group.add_reader({member.client_id, member.client_host},
                         parse_assignment({assignment, assignment + member.member_assignment_size}));
    }
}

}  // namespace

Result<RemoteGroups::Client> RemoteGroups::client_of(const std::string& group) {
    std::lock_guard lock(mutex_);
    auto found = std::ranges::find(clients_, group, &std::pair<std::string, Client>::first);
    if (found == clients_.end()) {
        auto made = TRY(RemoteClient::open(RD_KAFKA_CONSUMER, settings_,
                                           {{"client.id", "penstock"},
                                            {"group.id", group},
                                            {"enable.auto.commit", "false"},
                                            {"reconnect.backoff.ms", "50"},
                                            {"reconnect.backoff.max.ms", "1000"},
                                            {"allow.auto.create.topics", "false"},
                                            {"log.connection.close", "false"}},
                                           {}));
        clients_.emplace_front(group, std::move(made));
        if (clients_.size() > clients_max) clients_.pop_back();
    } else {
        clients_.splice(clients_.begin(), clients_, found);
    }
    return clients_.front().second;
}

Result<> RemoteGroups::commit(const std::string& group, const PartitionOffsets& offsets) {
    auto client = TRY(client_of(group));
    auto what = fmt::format("publish positions of group '{}'", group);
    auto list = list_for(offsets.size());
    for (const auto& [place, offset] : offsets)
        rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition)->offset = offset;
    std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue(
        rd_kafka_queue_new(client->handle()), rd_kafka_queue_destroy);
    auto asked = rd_kafka_commit_queue(client->handle(), list.get(), queue.get(), nullptr, nullptr);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client->error(asked, what));
    std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
        rd_kafka_queue_poll(queue.get(), int(one_request.count())), rd_kafka_event_destroy);
    if (!event) return fail(client->error(RD_KAFKA_RESP_ERR__TIMED_OUT, what));
    if (auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(client->error(code, what));
    auto* results = rd_kafka_event_topic_partition_list(event.get());
    for (int i = 0; results && i < results->cnt; ++i)
        if (results->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return fail(client->error(results->elems[i].err, what));
    return {};
}

Result<PartitionOffsets> RemoteGroups::committed_by(const std::string& group,
                                                    const std::vector<RemoteAdmin::Found>& topics) {
    auto client = TRY(client_of(group));
    auto list = list_for(topics.size());
    for (const auto& topic : topics)
        rd_kafka_topic_partition_list_add_range(list.get(), topic.name.c_str(), 0, topic.partitions - 1);
    auto code = rd_kafka_committed(client->handle(), list.get(), int(one_request.count()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(client->error(code, fmt::format("read positions of group '{}'", group)));
    PartitionOffsets found;
    for (int i = 0; i < list->cnt; ++i) {
        const auto& each = list->elems[i];
        if (each.err == RD_KAFKA_RESP_ERR_NO_ERROR && each.offset >= 0)
            found[{each.topic, each.partition}] = each.offset;
    }
    return found;
}

Result<std::vector<ConsumerGroup>> RemoteGroups::list() {
    auto& client = admin_.client();
    auto deadline = std::chrono::steady_clock::now() + one_request;
    const rd_kafka_group_list* raw = nullptr;
    auto code = RD_KAFKA_RESP_ERR_NO_ERROR;
    // A coordinator that has just started reads its groups first, and lists none until it has.
    while (true) {
        code = rd_kafka_list_groups(client.handle(), nullptr, &raw, int(one_request.count()));
        if (code != RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
            std::chrono::steady_clock::now() > deadline)
            break;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::unique_ptr<const rd_kafka_group_list, decltype(&rd_kafka_group_list_destroy)> listed(
        raw, rd_kafka_group_list_destroy);
    // Partial: a broker that is away hides its groups only.
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__PARTIAL)
        return fail(client.error(code, "list consumer groups"));
    auto topics = TRY(admin_.topics());
    std::vector<ConsumerGroup> groups;
    for (int i = 0; listed && i < listed->group_cnt; ++i) {
        const auto& each = listed->groups[i];
        // One that has gone since, or that we may not see, hides no other.
        if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        // So Kafka describes a group of the protocol of KIP-848 to who asks by the classic one's request.
        const bool is_told = std::string_view(each.state) != "Dead";
        groups.push_back({.name = each.group,
                          .state = is_told ? each.state : "Unknown",
                          .members = std::size_t(std::max(0, each.member_cnt)),
                          .committed = TRY(committed_by(each.group, topics)),
                          .readers = {}});
        add_readers(groups.back(), each);
    }
    std::ranges::sort(groups, {}, &ConsumerGroup::name);
    return groups;
}

}  // namespace penstock::broker
