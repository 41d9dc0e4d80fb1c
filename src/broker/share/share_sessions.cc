#include "broker/share/share_sessions.h"

#include <algorithm>

namespace penstock::broker {

using wire::kafka::ErrorCode;

namespace {

constexpr std::size_t most_partitions = 100'000;  // of one session

void put(std::vector<ShareSessions::Partition>& all, const std::vector<ShareSessions::Partition>& added) {
    for (const auto& each : added)
        if (std::ranges::find(all, each) == all.end() && all.size() < most_partitions) all.push_back(each);
}

}  // namespace

/// With mutex_ held.
ShareRefusal ShareSessions::step(const Name& name, std::int32_t epoch, Session*& session) {
    auto found = sessions_.find(name);
    if (found == sessions_.end())
        return {ErrorCode::share_session_not_found, "The share session was not found."};
    session = &found->second;
    if (epoch == last_epoch) return {};
    if (session->epoch != epoch)
        return {ErrorCode::invalid_share_session_epoch, "The share session epoch is invalid."};
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    return {};
}

ShareRefusal ShareSessions::fetch(const Fetch& request, std::vector<Partition>& partitions) {
    std::lock_guard lock(mutex_);
    Session* session = nullptr;
    if (request.epoch == first_epoch) {
        if (request.acknowledges)
            return {ErrorCode::invalid_request,
                    "The request of the first epoch of a share session must not acknowledge anything."};
        sessions_.erase(request.name);
        if (sessions_.size() >= most_)
            return {ErrorCode::share_session_limit_reached, "The limit of share sessions has been reached."};
        session = &sessions_[request.name];
        session->connection = request.connection;
    } else if (auto refused = step(request.name, request.epoch, session)) {
        return refused;
    }
    put(session->partitions, request.added);
    std::erase_if(session->partitions, [&](const Partition& each) {
        return std::ranges::find(request.forgotten, each) != request.forgotten.end();
    });
    partitions = session->partitions;
    if (!partitions.empty())
        std::ranges::rotate(partitions,
                            partitions.begin() + std::max(0, request.epoch) % std::ssize(partitions));
    return {};
}

ShareRefusal ShareSessions::acknowledge(const Name& name, std::int32_t epoch) {
    std::lock_guard lock(mutex_);
    if (epoch == first_epoch)
        return {ErrorCode::invalid_share_session_epoch, "The share session epoch is invalid."};
    Session* session = nullptr;
    return step(name, epoch, session);
}

void ShareSessions::remove(const Name& name) {
    std::lock_guard lock(mutex_);
    sessions_.erase(name);
}

std::vector<ShareSessions::Name> ShareSessions::remove_of(const void* connection) {
    std::lock_guard lock(mutex_);
    std::vector<Name> gone;
    std::erase_if(sessions_, [&](const auto& each) {
        if (each.second.connection != connection) return false;
        gone.push_back(each.first);
        return true;
    });
    return gone;
}

std::size_t ShareSessions::count() const {
    std::lock_guard lock(mutex_);
    return sessions_.size();
}

}  // namespace penstock::broker
