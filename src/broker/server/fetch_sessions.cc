#include "broker/server/fetch_sessions.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "io/random.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

namespace {

constexpr std::int32_t no_session = 0, first_epoch = 0, last_epoch = -1;

std::int32_t random_id() {
    std::array<char, 4> bytes{};
    io::random_bytes(bytes);
    std::int32_t id = 0;
    std::memcpy(&id, bytes.data(), bytes.size());
    return std::max(id & INT32_MAX, 1);
}

}  // namespace

FetchSessions::Key FetchSessions::key_of(const std::string& topic, const codec::Uuid& id, bool by_id,
                                         std::int32_t partition) {
    if (!by_id) return {topic, partition};
    return {std::string(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()), partition};
}

/// Adds the request's partitions, or takes over what it says of those that are there.
void FetchSessions::put(Session& session, const Request& request) {
    for (const auto& topic : request.topics) {
        for (const auto& asked : topic.partitions) {
            auto key = key_of(topic.topic, topic.topic_id, session.by_id, asked.partition);
            if (auto found = session.entries.find(key); found != session.entries.end()) {
                found->second->asked = asked;
                continue;
            }
            session.order.push_back(
                {.key = key, .topic = topic.topic, .topic_id = topic.topic_id, .asked = asked});
            session.entries[key] = std::prev(session.order.end());
            ++partitions_;
        }
    }
    for (const auto& topic : request.forgotten_topics) {
        for (auto partition : topic.partitions) {
            auto found = session.entries.find(key_of(topic.topic, topic.topic_id, session.by_id, partition));
            if (found == session.entries.end()) continue;
            session.order.erase(found->second);
            session.entries.erase(found);
            --partitions_;
        }
    }
}

void FetchSessions::remove(std::int32_t id) {
    auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    partitions_ -= found->second.entries.size();
    sessions_.erase(found);
}

/// For a session of so many partitions: those that were not used for long go first.
bool FetchSessions::make_room(std::size_t partitions) {
    auto fits = [&] {
        return sessions_.size() < limits_.sessions && partitions_ + partitions <= limits_.partitions;
    };
    while (!fits() && !sessions_.empty()) {
        auto oldest =
            std::ranges::min_element(sessions_, {}, [](const auto& each) { return each.second.used_ms; });
        if (now_ms() - oldest->second.used_ms < limits_.kept_idle_ms) return false;
        remove(oldest->first);
    }
    return fits();
}

void FetchSessions::create(Request& request, bool by_id) {
    std::size_t partitions = 0;
    for (const auto& topic : request.topics) partitions += topic.partitions.size();
    request.session_id = no_session;
    if (!make_room(partitions)) return;
    auto id = random_id();
    while (sessions_.contains(id)) id = random_id();
    auto& session = sessions_[id];
    session.by_id = by_id;
    session.used_ms = now_ms();
    put(session, request);
    request.session_id = id;
}

ErrorCode FetchSessions::open(Request& request, bool by_id) {
    std::lock_guard lock(mutex_);
    if (request.session_epoch == first_epoch || request.session_epoch == last_epoch) {
        remove(request.session_id);
        if (request.session_epoch == first_epoch)
            create(request, by_id);
        else
            request.session_id = no_session;
        return ErrorCode::none;
    }
    auto found = sessions_.find(request.session_id);
    if (found == sessions_.end()) return ErrorCode::fetch_session_id_not_found;
    auto& session = found->second;
    if (session.epoch != request.session_epoch) return ErrorCode::invalid_fetch_session_epoch;
    if (session.by_id != by_id) return ErrorCode::fetch_session_topic_id_error;
    session.used_ms = now_ms();
    std::size_t added = 0;
    for (const auto& topic : request.topics) added += topic.partitions.size();
    if (partitions_ + added > limits_.partitions && !make_room(added)) {
        remove(request.session_id);  // the client begins anew, with full fetches
        return ErrorCode::fetch_session_id_not_found;
    }
    session.epoch = session.epoch == INT32_MAX ? 1 : session.epoch + 1;
    put(session, request);
    request.topics.clear();
    for (const auto& entry : session.order) {
        bool same = !request.topics.empty() && request.topics.back().topic == entry.topic &&
                    request.topics.back().topic_id == entry.topic_id;
        if (!same)
            request.topics.push_back({.topic = entry.topic, .topic_id = entry.topic_id, .partitions = {}});
        request.topics.back().partitions.push_back(entry.asked);
    }
    return ErrorCode::none;
}

bool FetchSessions::has_news(Entry& entry, const Response::Topic::Partition& answer) {
    bool news = !answer.records.bytes.empty() || answer.error != ErrorCode::none ||
                answer.high_watermark != entry.high_watermark ||
                answer.log_start_offset != entry.log_start_offset ||
                answer.last_stable_offset != entry.last_stable_offset;
    entry.high_watermark = answer.error == ErrorCode::none ? answer.high_watermark : -1;
    entry.log_start_offset = answer.log_start_offset;
    entry.last_stable_offset = answer.last_stable_offset;
    return news;
}

void FetchSessions::close(const Request& request, Response& response) {
    response.session_id = request.session_id;
    if (request.session_id == no_session) return;
    std::lock_guard lock(mutex_);
    auto found = sessions_.find(request.session_id);
    if (found == sessions_.end()) {  // taken away meanwhile: the answer is whole, and the last one of it
        response.session_id = no_session;
        return;
    }
    auto& session = found->second;
    const bool leaves_out = request.session_epoch > first_epoch;
    for (auto& topic : response.topics) {
        std::erase_if(topic.partitions, [&](const Response::Topic::Partition& answer) {
            auto entry =
                session.entries.find(key_of(topic.topic, topic.topic_id, session.by_id, answer.partition));
            if (entry == session.entries.end()) return false;
            bool news = has_news(*entry->second, answer);
            if (!answer.records.bytes.empty())
                session.order.splice(session.order.end(), session.order, entry->second);
            return leaves_out && !news;
        });
    }
    std::erase_if(response.topics, [](const Response::Topic& topic) { return topic.partitions.empty(); });
}

void FetchSessions::put_off(const Request& request, Response& response) {
    if (request.session_epoch > first_epoch) {
        response.session_id = request.session_id;
        return;
    }
    std::lock_guard lock(mutex_);  // the client asks for a session again (KIP-219)
    remove(request.session_id);
}

std::size_t FetchSessions::sessions() const {
    std::lock_guard lock(mutex_);
    return sessions_.size();
}

}  // namespace penstock::broker
