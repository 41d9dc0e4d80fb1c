// ShareFetch and ShareAcknowledge (KIP-932): records are given to one member of a share group at a time,
// until it says what became of them.
#include "broker/server/error_code.h"
#include "broker/server/handlers.h"
#include "broker/server/news.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;
using Clock = std::chrono::steady_clock;
using Key = ShareSessions::Partition;
using Outcomes = std::map<Key, ShareRefusal>;

constexpr std::int16_t renews_since = 2;

/// Whether the client may read the partition, and there is one.
ShareRefusal check_partition(const Request& request, const Key& key) {
    auto topic = request.server.topics.find(key.first);
    if (!topic) return {ErrorCode::unknown_topic_id, ""};
    if (!request.may_with_topic(Operation::read, topic->spec.name))
        return {ErrorCode::topic_authorization_failed, ""};
    if (!topic->has(key.second)) return {ErrorCode::unknown_topic_or_partition, ""};
    return {};
}

std::optional<std::string> text_of(const ShareRefusal& refusal) {
    return refusal.text.empty() ? std::nullopt : std::optional(refusal.text);
}

template <class Batches>
std::vector<Acknowledgement> acknowledgements_of(Batches& batches) {
    std::vector<Acknowledgement> all;
    for (auto& batch : batches)
        all.push_back({batch.first_offset, batch.last_offset, std::move(batch.types)});
    return all;
}

/// What became of each partition's acknowledgements, when all are on disk.
net::Task<Outcomes> acknowledge_all(RequestPointer request, std::string group, std::string member,
                                    std::map<Key, std::vector<Acknowledgement>> all, bool may_renew) {
    std::vector<std::pair<Key, net::Completion<ShareRefusal>>> waiting;
    const auto executor = co_await net::this_executor();
    Outcomes outcomes;
    for (const auto& [key, batches] : all) {
        auto refused = check_partition(*request, key);
        if (!refused) refused = check_acknowledgements(batches, may_renew);
        if (refused) {
            outcomes[key] = std::move(refused);
            continue;
        }
        net::Completion<ShareRefusal> done(executor);
        request->server.share->partitions.acknowledge(
            {group, key.first, key.second}, member, batches,
            [done](ShareRefusal outcome) { done.set(std::move(outcome)); });
        waiting.emplace_back(key, done);
    }
    for (auto& [key, done] : waiting) {
        const Waits waits(*request);
        auto outcome = co_await done.wait();
        outcomes[key] = std::move(outcome);
    }
    co_return outcomes;
}

using Fetched = std::map<Key, ShareFetch::Response::Topic::Partition>;

struct Gathered {
    Fetched partitions;
    std::vector<std::shared_ptr<const void>> owners;
    std::int64_t bytes = 0;
    bool answers_now = false;  // an error, which is not worth waiting with
};

struct Wanted {
    std::string group, member;
    std::vector<Key> partitions;
    std::int64_t max_bytes = 0, min_bytes = 0;
    std::int32_t records = 0, batch = 0;
    bool is_strict = false;
};

/// is_last: whether the client gets what there is, however little.
Gathered gather(const Request& request, const Wanted& wanted, bool is_last) {
    Gathered all;
    auto& share = request.server.share->partitions;
    auto budget = std::min<std::int64_t>(wanted.max_bytes, request.server.options.max_fetch_bytes);
    if (auto most = request.most_at_once(Quota::fetch)) budget = std::min(budget, *most);
    if (wanted.min_bytes > 1 && !is_last) {
        std::int64_t there = 0;
        for (const auto& key : wanted.partitions) {
            if (check_partition(request, key)) continue;
            there += share.peek({wanted.group, key.first, key.second}, budget);
            if (there >= wanted.min_bytes) break;
        }
        if (there < wanted.min_bytes) return all;
    }
    std::int64_t records = wanted.records;
    auto left = std::ssize(wanted.partitions);
    for (const auto& key : wanted.partitions) {
        auto room = std::max<std::int64_t>(1, (budget - all.bytes) / left--);
        auto fail_with = [&](ErrorCode error, std::optional<std::string> text) {
            auto& answer = all.partitions[key];
            answer.error = error;
            answer.error_message = std::move(text);
            all.answers_now = true;
        };
        if (auto refused = check_partition(request, key)) {
            fail_with(refused.error, text_of(refused));
            continue;
        }
        if (records <= 0 || all.bytes >= budget) continue;
        auto got = share.acquire({wanted.group, key.first, key.second}, {.member = wanted.member,
                                                                         .max_bytes = room,
                                                                         .records = std::int32_t(records),
                                                                         .batch = wanted.batch,
                                                                         .is_strict = wanted.is_strict});
        if (!got) {
            fail_with(error_code(got.error(), Doing::fetch), got.error().text);
            continue;
        }
        if (got->acquired.empty()) continue;
        auto& answer = all.partitions[key];
        for (const auto& each : got->acquired) {
            records -= each.last - each.first + 1;
            answer.acquired_records.push_back({each.first, each.last, each.delivery_count});
        }
        answer.records.bytes = got->bytes;
        all.bytes += std::int64_t(got->bytes.size());
        all.owners.push_back(std::move(got->owner));
    }
    return all;
}

std::vector<std::shared_ptr<void>> listen(const Request& request, const Wanted& wanted,
                                          std::shared_ptr<News> news) {
    auto tell = [news] { news->tell(); };
    std::vector<std::shared_ptr<void>> handles;
    handles.push_back(request.server.stops.add(tell));
    for (const auto& key : wanted.partitions) {
        if (auto topic = request.server.topics.find(key.first)) handles.push_back(topic->moved->add(tell));
        handles.push_back(
            request.server.share->partitions.listen({wanted.group, key.first, key.second}, tell));
    }
    return handles;
}

net::Task<Gathered> fetch(RequestPointer request, Wanted wanted, std::int32_t max_wait_ms) {
    constexpr std::int32_t longest_wait_ms = 300'000;
    auto deadline = Clock::now() + std::chrono::milliseconds(std::clamp(max_wait_ms, 0, longest_wait_ms));
    auto is_enough = [&](const Gathered& all) {
        return all.bytes > 0 || all.answers_now || request->server.stopping;
    };
    auto all = gather(*request, wanted, max_wait_ms <= 0);
    while (!is_enough(all) && !wanted.partitions.empty()) {
        auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            all = gather(*request, wanted, true);
            break;
        }
        net::Completion<bool> arrived(co_await net::this_executor());
        auto news = std::make_shared<News>(arrived);
        auto handles = listen(*request, wanted, news);
        all = gather(*request, wanted, false);  // what came before anyone listened
        if (is_enough(all)) break;
        {
            const Waits waits(*request);
            co_await arrived.wait_for(left);
        }
        handles.clear();
        all = gather(*request, wanted, false);
    }
    co_return all;
}

/// nullopt: it is in order.
std::optional<std::string> check_renewal(const ShareFetch::Message& message) {
    if (!message.is_renew_ack) return std::nullopt;
    std::string wrong;
    auto check = [&](std::string_view name, std::int32_t value) {
        if (value > 0) wrong += fmt::format("{} must be 0, ", name);
    };
    check("MaxBytes", message.max_bytes);
    check("MinBytes", message.min_bytes);
    check("MaxRecords", message.max_records);
    check("MaxWaitMs", message.max_wait_ms);
    if (wrong.empty()) return std::nullopt;
    wrong.resize(wrong.size() - 2);
    return wrong + " if isRenewAck is true.";
}

ShareSessions::Fetch session_of(const Request& request, const ShareFetch::Message& message) {
    ShareSessions::Fetch out{.name = {message.group_id.value_or(""), message.member_id.value_or("")},
                             .epoch = message.share_session_epoch,
                             .added = {},
                             .forgotten = {},
                             .connection = request.login.get()};
    for (const auto& topic : message.topics)
        for (const auto& partition : topic.partitions) {
            out.added.emplace_back(topic.topic_id, partition.partition);
            if (!partition.acknowledgements.empty()) out.acknowledges = true;
        }
    for (const auto& topic : message.forgotten_topics)
        for (auto partition : topic.partitions) out.forgotten.emplace_back(topic.topic_id, partition);
    return out;
}

template <class Topics>
std::map<Key, std::vector<Acknowledgement>> all_acknowledgements(Topics& topics, bool also_empty) {
    std::map<Key, std::vector<Acknowledgement>> all;
    for (auto& topic : topics)
        for (auto& partition : topic.partitions)
            if (also_empty || !partition.acknowledgements.empty())
                all[{topic.topic_id, partition.partition}] = acknowledgements_of(partition.acknowledgements);
    return all;
}

}  // namespace

net::Task<ShareFetch::Response> ShareFetch::handle(RequestPointer request, Message message) {
    Response response;
    auto& share = *request->server.share;
    auto session = session_of(*request, message);
    const auto group = session.name.first, member = session.name.second;
    auto refuse = [&](ErrorCode error, std::optional<std::string> text) {
        response.error = error;
        response.error_message = std::move(text);
    };
    if (!request->server.features.has(Feature::share_version)) {
        refuse(ErrorCode::unsupported_version, std::nullopt);
        co_return response;
    }
    if (!request->may_with_group(Operation::read, group)) {
        refuse(ErrorCode::group_authorization_failed, std::nullopt);
        co_return response;
    }
    if (auto wrong = check_renewal(message)) {
        refuse(ErrorCode::invalid_request, std::move(wrong));
        co_return response;
    }
    Wanted wanted{.group = group,
                  .member = member,
                  .partitions = {},
                  .max_bytes = message.max_bytes,
                  .min_bytes = message.min_bytes,
                  .records = message.max_records,
                  .batch = message.batch_size,
                  .is_strict = message.acquire_mode == 1};
    if (auto refused = share.sessions.fetch(session, wanted.partitions)) {
        refuse(refused.error, text_of(refused));
        co_return response;
    }
    response.acquisition_lock_timeout_ms = share.configs.of(group).limits.lock_ms;
    const bool is_last = message.share_session_epoch == ShareSessions::last_epoch;
    auto outcomes =
        co_await acknowledge_all(request, group, member, all_acknowledgements(message.topics, false),
                                 request->version >= renews_since && message.is_renew_ack);
    Gathered all;
    if (is_last) {
        share.leave(group, member);
    } else if (!message.is_renew_ack) {
        // Acknowledgements are answered at once.
        all = co_await fetch(request, wanted, outcomes.empty() ? message.max_wait_ms : 0);
        if (message.share_session_epoch == ShareSessions::first_epoch)
            for (const auto& key : wanted.partitions) all.partitions[key];
    }
    for (const auto& [key, outcome] : outcomes) {
        auto& answer = all.partitions[key];
        answer.acknowledge_error = outcome.error;
        answer.acknowledge_error_message = text_of(outcome);
    }
    request->throttle_ms = request->count(Quota::fetch, all.bytes);
    response.throttle_ms = request->throttle_ms;
    request->response_memory = co_await request->server.memory.take(all.bytes);
    request->keep = std::move(all.owners);
    for (auto& [key, answer] : all.partitions) {
        if (response.topics.empty() || response.topics.back().topic_id != key.first)
            response.topics.emplace_back().topic_id = key.first;
        answer.partition = key.second;
        response.topics.back().partitions.push_back(std::move(answer));
    }
    co_return response;
}

net::Task<ShareAcknowledge::Response> ShareAcknowledge::handle(RequestPointer request, Message message) {
    Response response;
    auto& share = *request->server.share;
    const auto group = message.group_id.value_or(""), member = message.member_id.value_or("");
    auto refuse = [&](ErrorCode error, std::optional<std::string> text) {
        response.error = error;
        response.error_message = std::move(text);
    };
    if (!request->server.features.has(Feature::share_version)) {
        refuse(ErrorCode::unsupported_version, std::nullopt);
        co_return response;
    }
    if (!request->may_with_group(Operation::read, group)) {
        refuse(ErrorCode::group_authorization_failed, std::nullopt);
        co_return response;
    }
    if (auto refused = share.sessions.acknowledge({group, member}, message.share_session_epoch)) {
        refuse(refused.error, text_of(refused));
        co_return response;
    }
    response.acquisition_lock_timeout_ms = share.configs.of(group).limits.lock_ms;
    auto outcomes =
        co_await acknowledge_all(request, group, member, all_acknowledgements(message.topics, true),
                                 request->version >= renews_since && message.is_renew_ack);
    if (message.share_session_epoch == ShareSessions::last_epoch) share.leave(group, member);
    for (const auto& [key, outcome] : outcomes) {
        if (response.topics.empty() || response.topics.back().topic_id != key.first)
            response.topics.emplace_back().topic_id = key.first;
        auto& answer = response.topics.back().partitions.emplace_back();
        answer.partition = key.second;
        answer.error = outcome.error;
        answer.error_message = text_of(outcome);
    }
    co_return response;
}

}  // namespace penstock::broker
