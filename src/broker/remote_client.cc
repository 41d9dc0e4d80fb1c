#include "broker/remote_client.h"

#include <algorithm>
#include <array>
#include <thread>

#include "base/log.h"
#include "base/service_url.h"
#include "base/units.h"
#include "broker/bounded_end.h"

namespace penstock::broker {
namespace {

using std::chrono::steady_clock;

/// How long a trouble of a connection explains that something else took too long.
constexpr std::chrono::seconds trouble_lasts{30};
constexpr std::chrono::milliseconds destroy_limit{5'000};
constexpr std::chrono::milliseconds destroy_limit_then{500};
BoundedEnd ends(destroy_limit, destroy_limit_then);

/// On these rest acknowledged writes, their order, and that only committed records are read.
constexpr std::array<std::string_view, 16> ours{"acks",
                                                "request.required.acks",
                                                "enable.idempotence",
                                                "transactional.id",
                                                "isolation.level",
                                                "bootstrap.servers",
                                                "metadata.broker.list",
                                                "enable.auto.commit",
                                                "auto.offset.reset",
                                                "enable.partition.eof",
                                                "message.timeout.ms",
                                                "delivery.timeout.ms",
                                                "group.id",
                                                "retries",
                                                "max.in.flight",
                                                "allow.auto.create.topics"};

/// Before 2.6.1 librdkafka repeated its own part of the nonce in a SCRAM login, which Kafka 4 refuses as if
/// the password were wrong (confluentinc/librdkafka#4895).
std::string hint_for(std::string_view trouble) {
    constexpr int fixed_in = 0x020601ff;
    if (rd_kafka_version() >= fixed_in || trouble.find("SCRAM") == std::string_view::npos) return "";
    return fmt::format(
        " (if user and password are right: librdkafka {}, which this Penstock runs with, cannot log in by "
        "SCRAM to "
        "Kafka 4 and newer; 2.6.1 can, and so does sasl.mechanism=PLAIN over TLS)",
        rd_kafka_version_str());
}

Result<std::chrono::milliseconds> duration_of(const std::string& name, const std::string& text) {
    auto us = parse_duration_us(text);
    if (!us || *us < 100'000)
        return fail(Errc::invalid, "{} is '{}'; expected a duration of at least 100ms", name, text);
    return std::chrono::milliseconds(*us / 1000);
}

Result<RemoteSettings> settings_of(const ServiceUrl& url) {
    RemoteSettings settings;
    if (url.hosts.empty()) return fail(Errc::invalid, "expected kafka://host:9092");
    if (!url.path.empty()) return fail(Errc::invalid, "expected nothing after the hosts but '?' and options");
    settings.brokers = url.host_list(9092);
    if (url.user) {
        settings.properties["sasl.username"] = *url.user;
        settings.properties["sasl.mechanism"] = "PLAIN";
        settings.properties["security.protocol"] = "sasl_plaintext";
    }
    if (url.password) settings.properties["sasl.password"] = *url.password;
    for (const auto& [name, value] : url.options) {
        if (name == "retry.for") {
            settings.retry_for = TRY(duration_of(name, value));
        } else if (name == "deliver.for") {
            settings.deliver_for = TRY(duration_of(name, value));
        } else if (std::find(ours.begin(), ours.end(), name) != ours.end()) {
            return fail(Errc::invalid, "{} cannot be chosen: what Penstock promises rests on it", name);
        } else {
            settings.properties[name] = value;
        }
    }
    return settings;
}

}  // namespace

Result<RemoteSettings> parse_kafka_url(const std::string& url) {
    auto parsed = TRY(parse_service_url(url, "kafka"));
    auto settings = settings_of(parsed);
    if (!settings) return fail(fmt::format("'{}'", masked_url(url)), settings.error());
    return settings;
}

bool is_passing(rd_kafka_resp_err_t code) {
    switch (int(code)) {
        case RD_KAFKA_RESP_ERR__TRANSPORT:
        case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        case RD_KAFKA_RESP_ERR__TIMED_OUT:
        case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
        case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        case RD_KAFKA_RESP_ERR__RESOLVE:
        case RD_KAFKA_RESP_ERR__WAIT_COORD:
        case RD_KAFKA_RESP_ERR__WAIT_CACHE:
        case RD_KAFKA_RESP_ERR__IN_PROGRESS:
        case RD_KAFKA_RESP_ERR__RETRY:
        case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
        case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
        case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
        case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
        case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
        case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
        case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
        case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
        case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
        case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
        case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
        case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
            return true;
        default:
            return false;
    }
}

Errc errc_of(rd_kafka_resp_err_t code) {
    if (is_passing(code)) return Errc::unavailable;
    switch (int(code)) {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            return Errc::not_found;
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
            return Errc::exists;
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
        case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
        case RD_KAFKA_RESP_ERR_INVALID_REPLICA_ASSIGNMENT:
        case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
        case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
        case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
            return Errc::invalid;
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            return Errc::out_of_range;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            return Errc::full;
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return Errc::unauthorized;
        case RD_KAFKA_RESP_ERR__FENCED:
        case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
        case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
            return Errc::fenced;
        case RD_KAFKA_RESP_ERR__DESTROY:
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
        case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
            return Errc::cancelled;
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
            return Errc::unsupported;
        case RD_KAFKA_RESP_ERR_INVALID_MSG:
        case RD_KAFKA_RESP_ERR__BAD_MSG:
            return Errc::corrupt;
        default:
            return Errc::internal;
    }
}

Result<std::unique_ptr<RemoteClient>> RemoteClient::open(rd_kafka_type_t type, const RemoteSettings& settings,
                                                         const KafkaProperties& own_properties,
                                                         Callbacks callbacks) {
    std::unique_ptr<RemoteClient> client(new RemoteClient);
    client->brokers_ = settings.brokers;
    std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> configuration(rd_kafka_conf_new(),
                                                                                     rd_kafka_conf_destroy);
    std::array<char, 512> text{};
    auto properties = settings.properties;
    for (const auto& [name, value] : own_properties) properties.emplace(name, value);
    properties["bootstrap.servers"] = settings.brokers;
    for (const auto& [name, value] : properties) {
        auto set =
            rd_kafka_conf_set(configuration.get(), name.c_str(), value.c_str(), text.data(), text.size());
        if (set != RD_KAFKA_CONF_OK)
            return fail(Errc::invalid, "Kafka's client refuses {}: {}", name, text.data());
    }
    rd_kafka_conf_set_opaque(configuration.get(), client.get());
    rd_kafka_conf_set_error_cb(configuration.get(), on_error);
    rd_kafka_conf_set_log_cb(configuration.get(), on_log);
    if (callbacks.delivered) rd_kafka_conf_set_dr_msg_cb(configuration.get(), callbacks.delivered);
    client->handle_ = rd_kafka_new(type, configuration.get(), text.data(), text.size());
    if (!client->handle_) return fail(Errc::invalid, "Kafka's client: {}", text.data());
    (void)configuration.release();  // the instance owns it now
    client->thread_ = std::thread([client = client.get()] { client->serve(); });
    return client;
}

RemoteClient::~RemoteClient() {
    if (!handle_) return;
    if (rd_kafka_type(handle_) == RD_KAFKA_PRODUCER)
        rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    stops_ = true;
    thread_.join();
    // What was purged is still to be reported.
    while (rd_kafka_poll(handle_, 0) > 0) {
    }
    for (auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
    // librdkafka 2.0 waits for ever, now and then, for the thread of a broker whose topic was deleted or that
    // was killed meanwhile. Such an instance is left as it is: it calls nothing of ours any more but the log.
    if (!ends.wait_for([handle = handle_] { rd_kafka_destroy(handle); }))
        log::warn("Kafka at {}: librdkafka did not end in time; what it holds is left", brokers_);
}

void RemoteClient::serve() {
    constexpr int poll_ms = 50;
    while (!stops_) rd_kafka_poll(handle_, poll_ms);
}

void RemoteClient::on_error(rd_kafka_t*, int code, const char* text, void* opaque) {
    auto& client = *static_cast<RemoteClient*>(opaque);
    auto error = rd_kafka_resp_err_t(code);
    std::lock_guard lock(client.mutex_);
    // "All brokers are down" tells less than what is said of each of them.
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
    auto now = steady_clock::now();
    // The same trouble comes with every attempt to connect, in words that count them.
    bool is_news = client.trouble_code_ != errc_of(error) || now - client.logged_at_ > trouble_lasts;
    if (is_news) client.logged_at_ = now;
    client.trouble_ = text;
    if (errc_of(error) == Errc::unauthorized) client.trouble_ += hint_for(text);
    client.trouble_code_ = errc_of(error);
    client.trouble_at_ = now;
    if (is_news) log::warn("Kafka at {}: {}", client.brokers_, client.trouble_);
}

void RemoteClient::on_log(const rd_kafka_t*, int, const char* facility, const char* text) {
    log::debug("Kafka's client: {}: {}", facility, text);
}

Error RemoteClient::error(rd_kafka_resp_err_t code, std::string_view what, std::string_view text) const {
    auto meaning = errc_of(code);
    std::string why(text.empty() ? rd_kafka_err2str(code) : text);
    std::lock_guard lock(mutex_);
    bool has_trouble = !trouble_.empty() && steady_clock::now() - trouble_at_ < trouble_lasts;
    if (meaning == Errc::unavailable && has_trouble) {
        why += ": " + trouble_;
        if (trouble_code_ == Errc::unauthorized) meaning = Errc::unauthorized;
    }
    return {meaning, fmt::format("Kafka at {}: {}: {}", brokers_, what, why)};
}

rd_kafka_topic_t* RemoteClient::topic(std::string_view name) {
    std::lock_guard lock(mutex_);
    auto found = topics_.find(name);
    if (found == topics_.end()) {
        std::string owned(name);
        auto* made = rd_kafka_topic_new(handle_, owned.c_str(), nullptr);
        found = topics_.emplace(std::move(owned), made).first;
    }
    return found->second;
}

}  // namespace penstock::broker
