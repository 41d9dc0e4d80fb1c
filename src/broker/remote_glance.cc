#include "broker/remote_glance.h"

#include <algorithm>

namespace penstock::broker {

RemoteGlance::RemoteGlance(Ask ask) : ask_(std::move(ask)), thread_([this] { run(); }) {}

RemoteGlance::~RemoteGlance() {
    {
        std::lock_guard lock(mutex_);
        stops_ = true;
    }
    wanted_.notify_all();
    thread_.join();
}

Result<std::vector<TopicInfo>> RemoteGlance::look(const std::string& topic) {
    std::unique_lock lock(mutex_);
    auto& known = known_[topic];
    auto question = ++known.wanted;
    wanted_.notify_all();
    if (!is_stuck()) answered_.wait_for(lock, moment, [&] { return known.answered >= question; });
    bool is_good = known.answered >= question || Clock::now() - known.value_at < good_for;
    if (known.value && is_good) return *known.value;
    if (known.error) return fail(*known.error);
    return fail(Errc::unavailable, "Kafka has not answered yet");
}

void RemoteGlance::run() {
    std::unique_lock lock(mutex_);
    auto is_wanted = [](const auto& each) { return each.second.wanted > each.second.answered; };
    while (true) {
        wanted_.wait(lock, [&] { return stops_ || std::ranges::any_of(known_, is_wanted); });
        if (stops_) return;
        // Entries stay: references and names hold while the lock is not held.
        auto& [topic, known] = *std::ranges::find_if(known_, is_wanted);
        auto question = known.wanted;
        asking_ = true;
        asked_at_ = Clock::now();
        lock.unlock();
        auto answer = ask_(topic);
        lock.lock();
        asking_ = false;
        known.answered = question;
        if (answer) {
            known.value = std::move(*answer);
            known.value_at = Clock::now();
            known.error.reset();
        } else {
            known.error = std::move(answer).error();
            // That it is away says nothing about the topic.
            if (known.error->code != Errc::unavailable) known.value.reset();
        }
        answered_.notify_all();
    }
}

}  // namespace penstock::broker
