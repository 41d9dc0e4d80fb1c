// What is known of a Kafka's topics without waiting for a Kafka that is away.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/topics.h"

namespace penstock::broker {

/// Thread-safe. A thread of its own asks, one thing at a time, and waits as long as asking takes.
class RemoteGlance {
public:
    /// Of one topic, or of all when the name is empty. Called from the glance's thread.
    using Ask = std::function<Result<std::vector<TopicInfo>>(const std::string& topic)>;
    explicit RemoteGlance(Ask ask);
    /// Waits for a question that was asked.
    ~RemoteGlance();

    /// The answer to a question asked now, when it comes within moment; else the last one that is younger
    /// than good_for; else the error.
    Result<std::vector<TopicInfo>> look(const std::string& topic);

    static constexpr std::chrono::seconds moment{2};
    static constexpr std::chrono::seconds good_for{15};

private:
    using Clock = std::chrono::steady_clock;
    struct Known {
        std::uint64_t wanted = 0, answered = 0;  ///< the numbers of questions
        std::optional<std::vector<TopicInfo>> value;
        Clock::time_point value_at;
        std::optional<Error> error;  ///< why the last question has no answer
    };
    void run();
    bool is_stuck() const { return asking_ && Clock::now() - asked_at_ > moment; }

    const Ask ask_;
    std::mutex mutex_;  // guards the rest
    std::condition_variable wanted_, answered_;
    std::map<std::string, Known> known_;
    bool asking_ = false;
    Clock::time_point asked_at_;
    bool stops_ = false;
    std::thread thread_;
};

}  // namespace penstock::broker
