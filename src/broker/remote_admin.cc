#include "broker/remote_admin.h"

#include <algorithm>
#include <thread>

#include "base/units.h"

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{25};
constexpr milliseconds longest_pause{1'000};
constexpr milliseconds one_request{5'000};
/// A topic that is there, by a broker that has just come back.
constexpr milliseconds known_within{2'000};
/// The error of a request that went well.
const Error fine{Errc::internal, ""};

template <class T, class D>
std::unique_ptr<T, D> owned(T* pointer, D destroy) {
    return {pointer, destroy};
}

int left_ms(std::chrono::steady_clock::time_point deadline) {
    auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    return int(std::clamp<std::int64_t>(left.count(), 1, one_request.count()));
}

}  // namespace

Result<std::unique_ptr<RemoteAdmin>> RemoteAdmin::open(const RemoteSettings& settings, Ends ends) {
    auto isolation = ends == Ends::of_committed ? "read_committed" : "read_uncommitted";
    auto client = TRY(RemoteClient::open(RD_KAFKA_CONSUMER, settings,
                                         {{"client.id", "penstock"},
                                          {"reconnect.backoff.ms", "50"},
                                          {"reconnect.backoff.max.ms", "1000"},
                                          {"isolation.level", isolation},
                                          {"allow.auto.create.topics", "false"},
                                          {"log.connection.close", "false"}},
                                         {}));
    return std::unique_ptr<RemoteAdmin>(new RemoteAdmin(std::move(client), settings.retry_for));
}

Result<> RemoteAdmin::until_answered(const std::function<rd_kafka_resp_err_t(int)>& ask,
                                     std::string_view what) {
    auto deadline = Clock::now() + retry_for_;
    for (auto pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
        auto code = ask(left_ms(deadline));
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
        if (!is_passing(code)) return fail(client_->error(code, what));
        if (Clock::now() + pause >= deadline) {
            auto error = client_->error(code, what);
            error.text += fmt::format(" (tried for {} ms)", retry_for_.count());
            return fail(std::move(error));
        }
        std::this_thread::sleep_for(pause);
    }
}

Result<> RemoteAdmin::request(rd_kafka_admin_op_t operation, std::string_view what, const Start& start,
                              const std::function<Error(const rd_kafka_event_t*)>& judge) {
    auto options =
        owned(rd_kafka_AdminOptions_new(client_->handle(), operation), rd_kafka_AdminOptions_destroy);
    auto queue = owned(rd_kafka_queue_new(client_->handle()), rd_kafka_queue_destroy);
    auto deadline = Clock::now() + retry_for_;
    for (auto pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
        rd_kafka_AdminOptions_set_request_timeout(options.get(), left_ms(deadline), nullptr, 0);
        start(options.get(), queue.get());
        Event event(rd_kafka_queue_poll(queue.get(), int(one_request.count()) * 2), rd_kafka_event_destroy);
        auto code = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        Error error = fine;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            error = judge(event.get());
        else
            error = client_->error(code, what, event ? rd_kafka_event_error_string(event.get()) : "");
        if (error.text.empty()) return {};
        if (error.code != Errc::unavailable || Clock::now() + pause >= deadline)
            return fail(std::move(error));
        std::this_thread::sleep_for(pause);
    }
}

Result<> RemoteAdmin::create(const TopicSpec& spec) {
    std::string reason(512, '\0');
    constexpr int as_the_broker_says = -1;
    auto topic = owned(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, as_the_broker_says,
                                             reason.data(), reason.size()),
                       rd_kafka_NewTopic_destroy);
    if (!topic) return fail(Errc::invalid, "topic '{}' cannot be made: {}", spec.name, reason.c_str());
    for (const auto& [name, value] : spec.config)
        rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    auto what = fmt::format("create topic '{}'", spec.name);
    bool is_repeated = false;
    auto created = request(
        RD_KAFKA_ADMIN_OP_CREATETOPICS, what,
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            auto* raw = topic.get();
            rd_kafka_CreateTopics(client_->handle(), &raw, 1, options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            std::size_t count = 0;
            auto* results = rd_kafka_CreateTopics_result_topics(
                rd_kafka_event_CreateTopics_result(const_cast<rd_kafka_event_t*>(event)), &count);
            auto code = rd_kafka_topic_result_error(results[0]);
            if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return fine;
            // The first request may have reached a broker whose answer was lost.
            if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS && is_repeated) return fine;
            const char* text = rd_kafka_topic_result_error_string(results[0]);
            auto error = client_->error(code, what, text ? text : "");
            // With ZooKeeper a topic that was removed goes some time after.
            if (error.text.contains("marked for deletion")) {
                error.code = Errc::unavailable;
                return error;
            }
            is_repeated = error.code == Errc::unavailable;
            return error;
        });
    if (created) return wait_until_known(spec.name, spec.partitions);
    // Whoever made it has done so just now, perhaps: who finds that it is there may ask for it.
    if (created.error().code == Errc::exists) TRY(wait_until_known(spec.name, 1));
    return created;
}

Result<> RemoteAdmin::remove(std::string_view name) {
    std::string owned_name(name);
    auto topic = owned(rd_kafka_DeleteTopic_new(owned_name.c_str()), rd_kafka_DeleteTopic_destroy);
    auto what = fmt::format("remove topic '{}'", name);
    TRY(request(
        RD_KAFKA_ADMIN_OP_DELETETOPICS, what,
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            auto* raw = topic.get();
            rd_kafka_DeleteTopics(client_->handle(), &raw, 1, options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            std::size_t count = 0;
            auto* results = rd_kafka_DeleteTopics_result_topics(
                rd_kafka_event_DeleteTopics_result(const_cast<rd_kafka_event_t*>(event)), &count);
            auto code = rd_kafka_topic_result_error(results[0]);
            if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return fine;
            if (errc_of(code) == Errc::not_found)
                return Error{Errc::not_found, fmt::format("topic {} does not exist", name)};
            return client_->error(code, what);
        }));
    return wait_until_known(owned_name, 0);
}

/// The controller answers before every broker has heard of it.
Result<> RemoteAdmin::wait_until_known(const std::string& name, std::int32_t partitions) {
    return until_answered(
        [&](int) {
            auto found = topic(name);
            if (!found && found.error().code != Errc::not_found) return RD_KAFKA_RESP_ERR_NO_ERROR;
            return (found ? found->partitions : 0) >= partitions && (partitions > 0 || !found)
                       ? RD_KAFKA_RESP_ERR_NO_ERROR
                       : RD_KAFKA_RESP_ERR__WAIT_CACHE;
        },
        fmt::format("wait for topic '{}'", name));
}

Result<> RemoteAdmin::alter(std::string_view topic, const std::map<std::string, std::string>& config) {
    std::string name(topic);
    TRY(this->topic(topic));
    // The request replaces all that was set.
    auto merged = std::move(TRY(configs({name})).front().set);
    for (const auto& [key, value] : config) merged[key] = value;
    auto resource = owned(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()),
                          rd_kafka_ConfigResource_destroy);
    for (const auto& [key, value] : merged)
        rd_kafka_ConfigResource_set_config(resource.get(), key.c_str(), value.c_str());
    auto what = fmt::format("change topic '{}'", name);
    return request(
        RD_KAFKA_ADMIN_OP_ALTERCONFIGS, what,
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            auto* raw = resource.get();
            rd_kafka_AlterConfigs(client_->handle(), &raw, 1, options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            std::size_t count = 0;
            auto* results = rd_kafka_AlterConfigs_result_resources(
                rd_kafka_event_AlterConfigs_result(const_cast<rd_kafka_event_t*>(event)), &count);
            auto code = rd_kafka_ConfigResource_error(results[0]);
            if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return fine;
            const char* text = rd_kafka_ConfigResource_error_string(results[0]);
            return client_->error(code, what, text ? text : "");
        });
}

Result<std::vector<RemoteAdmin::Config>> RemoteAdmin::configs(const std::vector<std::string>& topics) {
    if (topics.empty()) return std::vector<Config>{};
    std::vector<rd_kafka_ConfigResource_t*> resources;
    for (const auto& topic : topics)
        resources.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    std::vector<Config> found(topics.size());
    auto asked = request(
        RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "read topics' settings",
        [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            rd_kafka_DescribeConfigs(client_->handle(), resources.data(), resources.size(), options, queue);
        },
        [&](const rd_kafka_event_t* event) {
            std::size_t count = 0;
            auto* results = rd_kafka_DescribeConfigs_result_resources(
                rd_kafka_event_DescribeConfigs_result(const_cast<rd_kafka_event_t*>(event)), &count);
            for (std::size_t i = 0; i < count; ++i) {
                auto at = std::find(topics.begin(), topics.end(), rd_kafka_ConfigResource_name(results[i])) -
                          topics.begin();
                auto code = rd_kafka_ConfigResource_error(results[i]);
                // A topic that went since it was listed has no settings any more.
                if (errc_of(code) == Errc::not_found) continue;
                if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
                    return client_->error(code, "read settings of topic " + topics[std::size_t(at)]);
                auto& config = found[std::size_t(at)];
                config.set.clear();
                std::size_t entries = 0;
                auto* list = rd_kafka_ConfigResource_configs(results[i], &entries);
                for (std::size_t k = 0; k < entries; ++k) {
                    std::string_view name = rd_kafka_ConfigEntry_name(list[k]);
                    const char* value = rd_kafka_ConfigEntry_value(list[k]);
                    if (!value) continue;
                    if (name == "max.message.bytes") config.max_message_bytes = parse_int(value).value_or(0);
                    if (rd_kafka_ConfigEntry_source(list[k]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG)
                        config.set.emplace(name, value);
                }
            }
            return fine;
        });
    for (auto* resource : resources) rd_kafka_ConfigResource_destroy(resource);
    if (!asked) return fail(asked.error());
    return found;
}

Result<std::vector<RemoteAdmin::Found>> RemoteAdmin::metadata(const std::string* only) {
    const struct rd_kafka_metadata* raw = nullptr;
    auto* one = only ? client_->topic(*only) : nullptr;
    TRY(until_answered(
        [&](int timeout_ms) {
            return rd_kafka_metadata(client_->handle(), only ? 0 : 1, one, &raw, timeout_ms);
        },
        "list topics"));
    auto guard = owned(raw, rd_kafka_metadata_destroy);
    std::vector<Found> found;
    for (int i = 0; i < raw->topic_cnt; ++i) {
        const auto& topic = raw->topics[i];
        if (errc_of(topic.err) == Errc::not_found) continue;
        if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_passing(topic.err)) {
            if (!only) continue;
            return fail(client_->error(topic.err, fmt::format("topic '{}'", topic.topic)));
        }
        // A topic that is being made has partitions without a leader.
        std::int32_t led = 0;
        for (int k = 0; k < topic.partition_cnt; ++k) led += topic.partitions[k].leader >= 0;
        if (led == topic.partition_cnt || !only)
            found.push_back({topic.topic, topic.partition_cnt});
        else
            found.push_back({topic.topic, led});
    }
    return found;
}

Result<std::vector<RemoteAdmin::Found>> RemoteAdmin::topics() {
    auto found = TRY(metadata(nullptr));
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.name < b.name; });
    return found;
}

Result<RemoteAdmin::Found> RemoteAdmin::topic(std::string_view name) {
    std::string owned_name(name);
    auto found = TRY(metadata(&owned_name));
    if (found.empty() || found[0].partitions == 0)
        return fail(Errc::not_found, "topic {} does not exist", name);
    return found[0];
}

Result<std::vector<std::int64_t>> RemoteAdmin::offsets_at(const std::vector<TopicPartition>& places,
                                                          std::int64_t timestamp_ms) {
    if (places.empty()) return std::vector<std::int64_t>{};
    auto list =
        owned(rd_kafka_topic_partition_list_new(int(places.size())), rd_kafka_topic_partition_list_destroy);
    for (const auto& place : places)
        rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition);
    TRY(until_answered(
        [&](int timeout_ms) {
            for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = timestamp_ms;
            auto code = rd_kafka_offsets_for_times(client_->handle(), list.get(), timeout_ms);
            if (errc_of(code) == Errc::not_found) return RD_KAFKA_RESP_ERR_NO_ERROR;
            for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
                if (is_passing(list->elems[i].err)) code = list->elems[i].err;
            return code;
        },
        "ask for offsets"));
    std::vector<std::int64_t> offsets;
    for (const auto& place : places) {
        // librdkafka may have put the list into another order.
        auto* element = rd_kafka_topic_partition_list_find(list.get(), place.topic.c_str(), place.partition);
        bool is_known = element && element->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        offsets.push_back(is_known && element->offset >= 0 ? element->offset : -1);
    }
    return offsets;
}

Result<std::int64_t> RemoteAdmin::end(const TopicPartition& place) {
    constexpr milliseconds look_again{100};
    auto deadline = Clock::now() + known_within;
    for (;;) {
        auto offset = TRY(offsets_at({place}, end_time)).front();
        if (offset >= 0) return offset;
        if (Clock::now() + look_again >= deadline) {
            return fail(Errc::not_found, "Kafka at {} does not know {}-{}", client_->brokers(), place.topic,
                        place.partition);
        }
        std::this_thread::sleep_for(look_again);
    }
}

Result<std::string> RemoteAdmin::cluster_id() {
    std::string id;
    TRY(until_answered(
        [&](int timeout_ms) {
            char* raw = rd_kafka_clusterid(client_->handle(), timeout_ms);
            if (!raw) return RD_KAFKA_RESP_ERR__TRANSPORT;
            id = raw;
            rd_kafka_mem_free(client_->handle(), raw);
            return RD_KAFKA_RESP_ERR_NO_ERROR;
        },
        "connect"));
    return id;
}

}  // namespace penstock::broker
