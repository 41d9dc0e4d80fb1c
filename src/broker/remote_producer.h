// Appends to a real Kafka: acknowledged by all in-sync replicas, each record once (idempotence), in order.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "broker/remote_client.h"
#include "broker/topics.h"

namespace penstock::broker {

/// An append on its way: counts its records' delivery reports, and tells when the last one is in.
class Delivery {
public:
    explicit Delivery(Appended done) : done_(std::move(done)) {}

    /// One record more is on its way.
    void sent() { ++open_; }
    void delivered(std::int64_t offset);
    void failed(Error error);
    /// All records are sent, or none more will be. Deletes the delivery when all is told.
    void finish() { release(); }
    /// The delivery report callback: the message's opaque is its Delivery.
    static void report(rd_kafka_t* handle, const rd_kafka_message_t* message, void* client);

private:
    void release();

    std::atomic<std::int64_t> open_{1};
    std::mutex mutex_;
    std::int64_t base_offset_ = -1;
    std::optional<Error> error_;
    Appended done_;
};

/// Hands the records over to librdkafka, which copies them. With a producer named in the request, the last
/// record carries its name and position as headers. Stops at the first record that is refused.
void send_records(RemoteClient& client, const AppendRequest& request, Delivery& delivery);

/// Thread-safe. Appends of one partition stay together and in the order of the calls.
class RemoteProducer {
public:
    /// batch_bytes: as many as the broker takes in one batch, or less.
    static Result<std::unique_ptr<RemoteProducer>> open(const RemoteSettings& settings, int batch_bytes);
    /// Gives what is on its way a few seconds to arrive.
    ~RemoteProducer();

    void append(const AppendRequest& request, Appended done);
    /// It cannot append any more; a new one can.
    bool is_broken() const { return rd_kafka_fatal_error(client_->handle(), nullptr, 0) != 0; }

private:
    explicit RemoteProducer(std::unique_ptr<RemoteClient> client) : client_(std::move(client)) {}

    std::unique_ptr<RemoteClient> client_;
    std::mutex mutex_;  ///< held while the records of one append are handed over
};

/// Of both kinds of producers.
KafkaProperties producer_properties(const RemoteSettings& settings, int batch_bytes);

}  // namespace penstock::broker
