// One librdkafka instance and the thread that serves its callbacks.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace penstock::broker {

using KafkaProperties = std::map<std::string, std::string>;

/// What the URL says, and what holds for every instance.
struct RemoteSettings {
    std::string brokers;  ///< h1:9092,h2:9092
    KafkaProperties properties;
    std::chrono::milliseconds retry_for{15'000};
    std::chrono::milliseconds deliver_for{60'000};
};

/// kafka://[user[:password]@]h1[:9092],h2?security.protocol=sasl_ssl&...: the options are librdkafka's
/// properties, but for those on which a promise of Topics rests. A user means SASL, PLAIN unless
/// sasl.mechanism says otherwise.
Result<RemoteSettings> parse_kafka_url(const std::string& url);

/// What librdkafka's codes mean to us.
Errc errc_of(rd_kafka_resp_err_t code);
/// Trying again may help, without anything else being done.
bool is_passing(rd_kafka_resp_err_t code);

/// Thread-safe, as librdkafka is.
class RemoteClient {
public:
    struct Callbacks {
        void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr;
    };

    /// Errc::invalid: a property that librdkafka does not know or take. Connects in the background.
    static Result<std::unique_ptr<RemoteClient>> open(rd_kafka_type_t type, const RemoteSettings& settings,
                                                      const KafkaProperties& own_properties,
                                                      Callbacks callbacks);
    /// Waits for the thread; what was not delivered is reported as cancelled.
    ~RemoteClient();
    RemoteClient(const RemoteClient&) = delete;
    RemoteClient& operator=(const RemoteClient&) = delete;

    rd_kafka_t* handle() const { return handle_; }
    const std::string& brokers() const { return brokers_; }
    /// "Kafka at h1:9092: what: ...", with the last trouble of the connection when the code says only that it
    /// waited.
    Error error(rd_kafka_resp_err_t code, std::string_view what, std::string_view text = {}) const;

    /// A handle of the topic, for producing and reading; kept until the client goes.
    rd_kafka_topic_t* topic(std::string_view name);

private:
    RemoteClient() = default;
    static void on_error(rd_kafka_t* handle, int code, const char* text, void* client);
    static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
    void serve();

    rd_kafka_t* handle_ = nullptr;
    std::string brokers_;
    std::atomic<bool> stops_{false};
    std::thread thread_;
    mutable std::mutex mutex_;
    std::map<std::string, rd_kafka_topic_t*, std::less<>> topics_;
    std::string trouble_;  ///< the last error of a connection
    Errc trouble_code_ = Errc::unavailable;
    std::chrono::steady_clock::time_point trouble_at_{};
    std::chrono::steady_clock::time_point logged_at_{};
};

}  // namespace penstock::broker
