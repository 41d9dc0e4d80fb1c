// Consumer groups of a real Kafka, as tools list them.
#include <algorithm>
#include <tuple>

#include "broker/remote_admin.h"

namespace penstock::broker {
namespace {

/// The error of a request that went well.
const Error fine{Errc::internal, ""};

rd_kafka_event_t* mutable_event(const rd_kafka_event_t* event) {
    return const_cast<rd_kafka_event_t*>(event);
}

}  // namespace

Result<std::vector<std::string>> RemoteAdmin::group_names() {
    std::vector<std::string> names;
    TRY(request(
        RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, "list consumer groups",
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            rd_kafka_ListConsumerGroups(client_->handle(), options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            auto* result = rd_kafka_event_ListConsumerGroups_result(mutable_event(event));
            std::size_t count = 0;
            auto** errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
            if (count > 0) {
                return client_->error(rd_kafka_error_code(errors[0]), "list consumer groups",
                                      rd_kafka_error_string(errors[0]));
            }
            auto** groups = rd_kafka_ListConsumerGroups_result_valid(result, &count);
            names.clear();
            for (std::size_t i = 0; i < count; ++i)
                names.emplace_back(rd_kafka_ConsumerGroupListing_group_id(groups[i]));
            return fine;
        }));
    std::sort(names.begin(), names.end());
    return names;
}

Result<std::vector<ConsumerGroup>> RemoteAdmin::describe_groups(const std::vector<std::string>& names) {
    if (names.empty()) return std::vector<ConsumerGroup>{};
    std::vector<const char*> asked;
    for (const auto& name : names) asked.push_back(name.c_str());
    std::vector<ConsumerGroup> found;
    TRY(request(
        RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "describe consumer groups",
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            rd_kafka_DescribeConsumerGroups(client_->handle(), asked.data(), asked.size(), options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            std::size_t count = 0;
            auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(mutable_event(event)), &count);
            found.clear();
            for (std::size_t i = 0; i < count; ++i) {
                // One that has gone since, or that we may not see, hides no other.
                auto* error = rd_kafka_ConsumerGroupDescription_error(groups[i]);
                if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
                auto state = rd_kafka_ConsumerGroupDescription_state(groups[i]);
                found.push_back({.name = rd_kafka_ConsumerGroupDescription_group_id(groups[i]),
                                 .state = rd_kafka_consumer_group_state_name(state),
                                 .members = rd_kafka_ConsumerGroupDescription_member_count(groups[i]),
                                 .positions = {}});
            }
            return fine;
        }));
    return found;
}

Result<std::vector<ConsumerGroup::Position>> RemoteAdmin::positions_of_group(const std::string& name) {
    using Offsets = std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                                    decltype(&rd_kafka_ListConsumerGroupOffsets_destroy)>;
    Offsets asked(rd_kafka_ListConsumerGroupOffsets_new(name.c_str(), nullptr),
                  rd_kafka_ListConsumerGroupOffsets_destroy);
    auto what = fmt::format("read positions of group '{}'", name);
    std::vector<ConsumerGroup::Position> found;
    TRY(request(
        RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, what,
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            auto* raw = asked.get();
            rd_kafka_ListConsumerGroupOffsets(client_->handle(), &raw, 1, options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            std::size_t count = 0;
            auto** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
                rd_kafka_event_ListConsumerGroupOffsets_result(mutable_event(event)), &count);
            if (auto* error = rd_kafka_group_result_error(groups[0]))
                return client_->error(rd_kafka_error_code(error), what, rd_kafka_error_string(error));
            auto* list = rd_kafka_group_result_partitions(groups[0]);
            found.clear();
            for (int i = 0; list && i < list->cnt; ++i) {
                const auto& each = list->elems[i];
                if (each.err == RD_KAFKA_RESP_ERR_NO_ERROR && each.offset >= 0)
                    found.push_back({each.topic, each.partition, each.offset});
            }
            return fine;
        }));
    std::sort(found.begin(), found.end(), [](const auto& left, const auto& right) {
        return std::tie(left.topic, left.partition) < std::tie(right.topic, right.partition);
    });
    return found;
}

Result<std::vector<ConsumerGroup>> RemoteAdmin::groups() {
    auto names = TRY(group_names());
    auto found = TRY(describe_groups(names));
    for (auto& group : found) group.positions = TRY(positions_of_group(group.name));
    return found;
}

}  // namespace penstock::broker
