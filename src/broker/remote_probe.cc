#include "broker/remote_probe.h"

#include <array>
#include <memory>

#include "broker/remote_client.h"
#include "net/tcp_client.h"

namespace penstock::broker {
namespace {

struct FreeMetadata {
    void operator()(const struct rd_kafka_metadata* metadata) const { rd_kafka_metadata_destroy(metadata); }
};

std::int32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | std::uint8_t(bytes[at + i]);
    return size == 2 ? std::int16_t(value) : std::int32_t(value);
}

/// The release that brought a request, newest first.
struct Sign {
    int api;
    int max_version;
    const char* release;
};
constexpr std::array signs{Sign{90, 0, "4.1"}, Sign{0, 12, "4.0"}, Sign{80, 0, "3.9"}, Sign{75, 0, "3.8"},
                           Sign{68, 0, "3.7"}, Sign{1, 15, "3.5"}, Sign{1, 13, "3.1"}, Sign{66, 0, "3.0"},
                           Sign{60, 0, "2.8"}, Sign{50, 0, "2.7"}, Sign{48, 0, "2.6"}};

std::string release_of(const std::map<int, int>& newest) {
    for (const auto& sign : signs) {
        auto found = newest.find(sign.api);
        if (found != newest.end() && found->second >= sign.max_version)
            return fmt::format("{} or newer", sign.release);
    }
    return "older than 2.6";
}

}  // namespace

Result<std::string> probe_kafka_version(const std::string& host, std::uint16_t port,
                                        std::chrono::milliseconds timeout) {
    auto client = TRY(net::TcpClient::connect(host, port, timeout));
    // ApiVersions, version 0, of the client "penstock": the one request that every broker answers, also
    // before a login.
    using namespace std::string_literals;
    TRY(client.write("\0\0\0\x12\0\x12\0\0\0\0\0\1\0\x08penstock"s));
    auto size = number_at(TRY(client.read_exactly(4)), 0, 4);
    if (size < 10 || size > 100'000)
        return fail(Errc::invalid, "{}:{} does not speak Kafka's protocol", host, port);
    auto answer = TRY(client.read_exactly(std::size_t(size)));
    if (number_at(answer, 0, 4) != 1 || number_at(answer, 4, 2) != 0)
        return fail(Errc::invalid, "{}:{} does not speak Kafka's protocol", host, port);
    std::map<int, int> newest;
    for (std::size_t at = 10; at + 6 <= answer.size(); at += 6)
        newest[number_at(answer, at, 2)] = number_at(answer, at + 4, 2);
    return release_of(newest);
}

Result<KafkaReport> probe_kafka(const std::string& url, std::chrono::milliseconds timeout) {
    auto settings = TRY(parse_kafka_url(url));
    auto client = TRY(RemoteClient::open(RD_KAFKA_PRODUCER, settings, {}, {}));
    const struct rd_kafka_metadata* raw = nullptr;
    auto code = rd_kafka_metadata(client->handle(), 1, nullptr, &raw, int(timeout.count()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client->error(code, "metadata"));
    std::unique_ptr<const struct rd_kafka_metadata, FreeMetadata> metadata(raw);
    KafkaReport report;
    auto protocol = settings.properties.find("security.protocol");
    bool is_tls = protocol != settings.properties.end() &&
                  (protocol->second == "ssl" || protocol->second == "sasl_ssl" || protocol->second == "SSL" ||
                   protocol->second == "SASL_SSL");
    for (int i = 0; i < metadata->broker_cnt; ++i) {
        const auto& from = metadata->brokers[i];
        auto& broker = report.brokers.emplace_back();
        broker.id = from.id;
        broker.host = from.host;
        broker.port = std::uint16_t(from.port);
        auto reached = net::TcpClient::connect(broker.host, broker.port, timeout);
        if (!reached) {
            broker.problem = reached.error().text;
        } else if (!is_tls) {
            auto version = probe_kafka_version(broker.host, broker.port, timeout);
            if (version)
                broker.version = *version;
            else
                broker.problem = version.error().text;
        }
    }
    report.controller = rd_kafka_controllerid(client->handle(), int(timeout.count()));
    for (int i = 0; i < metadata->topic_cnt; ++i) {
        const auto& from = metadata->topics[i];
        auto& topic = report.topics[from.topic];
        topic.partitions = from.partition_cnt;
        if (from.err != RD_KAFKA_RESP_ERR_NO_ERROR) topic.problem = rd_kafka_err2str(from.err);
        for (int k = 0; k < from.partition_cnt; ++k)
            if (from.partitions[k].leader < 0)
                topic.problem = fmt::format("partition {} has no leader", from.partitions[k].id);
    }
    return report;
}

}  // namespace penstock::broker
