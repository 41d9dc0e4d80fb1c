#include "store/cql/trace_log.h"

#include "store/uuid.h"

namespace penstock::store::cql {
namespace {

constexpr std::size_t most_sessions = 1000;
constexpr std::size_t most_text = 4096;

}  // namespace

void TraceSession::add(std::string activity, std::string thread, std::int64_t now_us) {
    if (activity.size() > most_text) activity.resize(most_text);
    events.push_back({time_uuid(now_us), std::move(activity), std::move(thread), now_us - started_us});
}

void TraceLog::add(TraceSession session) {
    for (auto& [name, value] : session.parameters)
        if (value.size() > most_text) value.resize(most_text);
    std::lock_guard lock(mutex_);
    sessions_.push_back(std::move(session));
    if (sessions_.size() > most_sessions) sessions_.pop_front();
}

std::vector<TraceSession> TraceLog::sessions() const {
    std::lock_guard lock(mutex_);
    return {sessions_.begin(), sessions_.end()};
}

}  // namespace penstock::store::cql
