#include "broker/remote_producer.h"

#include "broker/log/producer_state.h"

namespace penstock::broker {
namespace {

constexpr int last_flush_ms = 5'000;

rd_kafka_headers_t* headers_of(const NewRecord& record, const AppendRequest& request, bool is_last) {
    bool has_position = is_last && !request.producer.empty();
    if (record.headers.empty() && !has_position) return nullptr;
    auto* headers = rd_kafka_headers_new(record.headers.size() + 2);
    auto add = [&](std::string_view name, std::string_view value) {
        // Without an address librdkafka would make it null.
        rd_kafka_header_add(headers, name.data() ? name.data() : "", ssize_t(name.size()),
                            value.data() ? value.data() : "", ssize_t(value.size()));
    };
    for (const auto& header : record.headers) add(header.name, header.value);
    if (has_position) {
        add(producer_header, request.producer);
        add(position_header, request.position);
    }
    return headers;
}

/// An absent key or value has no address, an empty one has.
void set_bytes(rd_kafka_vu_t& field, const std::optional<std::string_view>& bytes) {
    static char nothing = 0;
    field.u.mem.ptr = !bytes ? nullptr : bytes->empty() ? &nothing : const_cast<char*>(bytes->data());
    field.u.mem.size = bytes ? bytes->size() : 0;
}

rd_kafka_resp_err_t send(RemoteClient& client, rd_kafka_topic_t* topic, std::int32_t partition,
                         const NewRecord& record, rd_kafka_headers_t* headers, Delivery& delivery) {
    rd_kafka_vu_t fields[8];
    fields[0].vtype = RD_KAFKA_VTYPE_RKT;
    fields[0].u.rkt = topic;
    fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    fields[1].u.i32 = partition;
    fields[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[2].u.i = RD_KAFKA_MSG_F_COPY;
    fields[3].vtype = RD_KAFKA_VTYPE_KEY;
    set_bytes(fields[3], record.key);
    fields[4].vtype = RD_KAFKA_VTYPE_VALUE;
    set_bytes(fields[4], record.value);
    fields[5].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    fields[5].u.i64 = record.timestamp_ms < 0 ? 0 : record.timestamp_ms;  // 0: now
    fields[6].vtype = RD_KAFKA_VTYPE_OPAQUE;
    fields[6].u.ptr = &delivery;
    fields[7].vtype = RD_KAFKA_VTYPE_HEADERS;
    fields[7].u.headers = headers;
    auto* error = rd_kafka_produceva(client.handle(), fields, headers ? 8 : 7);
    if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
    auto code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

}  // namespace

void Delivery::delivered(std::int64_t offset) {
    {
        std::lock_guard lock(mutex_);
        if (base_offset_ < 0 || offset < base_offset_) base_offset_ = offset;
    }
    release();
}

void Delivery::failed(Error error) {
    {
        std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(error);
    }
    release();
}

void Delivery::release() {
    if (--open_ > 0) return;
    if (error_)
        done_(fail(std::move(*error_)));
    else
        done_(base_offset_);
    delete this;
}

void Delivery::report(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& delivery = *static_cast<Delivery*>(message->_private);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return delivery.delivered(message->offset);
    auto& client = *static_cast<RemoteClient*>(opaque);
    auto what = fmt::format("append to {}-{}", message->rkt ? rd_kafka_topic_name(message->rkt) : "?",
                            message->partition);
    delivery.failed(client.error(message->err, what));
}

void send_records(RemoteClient& client, const AppendRequest& request, Delivery& delivery) {
    auto* topic = client.topic(request.topic);
    for (std::size_t i = 0; i < request.records.size(); ++i) {
        const auto& record = request.records[i];
        auto* headers = headers_of(record, request, i + 1 == request.records.size());
        delivery.sent();
        auto code = send(client, topic, request.partition, record, headers, delivery);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        if (headers) rd_kafka_headers_destroy(headers);
        delivery.failed(client.error(
            code, fmt::format("append to {}-{}, record {}", request.topic, request.partition, i)));
        return;
    }
}

KafkaProperties producer_properties(const RemoteSettings& settings, int batch_bytes) {
    return {{"client.id", "penstock"},
            {"enable.idempotence", "true"},
            {"linger.ms", "2"},
            {"batch.size", fmt::to_string(batch_bytes)},
            {"batch.num.messages", "100000"},
            // Of one record; what the topic allows is checked before.
            {"message.max.bytes", "100000000"},
            {"queue.buffering.max.kbytes", "262144"},
            {"queue.buffering.max.messages", "2000000"},
            {"message.timeout.ms", fmt::to_string(settings.deliver_for.count())},
            {"allow.auto.create.topics", "false"},
            {"reconnect.backoff.ms", "50"},
            {"reconnect.backoff.max.ms", "1000"},
            {"retry.backoff.ms", "50"},
            {"socket.keepalive.enable", "true"},
            {"log.connection.close", "false"}};
}

Result<std::unique_ptr<RemoteProducer>> RemoteProducer::open(const RemoteSettings& settings,
                                                             int batch_bytes) {
    auto client =
        TRY(RemoteClient::open(RD_KAFKA_PRODUCER, settings, producer_properties(settings, batch_bytes),
                               {.delivered = Delivery::report}));
    return std::unique_ptr<RemoteProducer>(new RemoteProducer(std::move(client)));
}

RemoteProducer::~RemoteProducer() {
    rd_kafka_flush(client_->handle(), last_flush_ms);
}

void RemoteProducer::append(const AppendRequest& request, Appended done) {
    auto* delivery =
        std::make_unique<Delivery>(std::move(done)).release();  // deletes itself with the last report
    {
        std::lock_guard lock(mutex_);
        send_records(*client_, request, *delivery);
    }
    delivery->finish();
}

}  // namespace penstock::broker
