#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

net::Task<InitProducerId::Response> InitProducerId::handle(RequestPointer request, Message message) {
    Response response;
    if (message.transactional_id &&
        !request->may(Operation::write, ResourceType::transactional_id, *message.transactional_id)) {
        response.error = ErrorCode::transactional_id_authorization_failed;
        co_return response;
    }
    bool may_be_idempotent = request->may_with_cluster(Operation::idempotent_write) ||
                             request->may_any(Operation::write, ResourceType::topic);
    if (!message.transactional_id && !may_be_idempotent) {
        response.error = ErrorCode::cluster_authorization_failed;
        co_return response;
    }
    if (message.transactional_id) {
        if (message.transactional_id->empty()) {
            response.error = ErrorCode::invalid_request;
            co_return response;
        }
        net::Completion<TransactionAnswer> begun(co_await net::this_executor());
        TransactionalProducer known{*message.transactional_id, message.producer_id, message.producer_epoch};
        auto timeout = message.transaction_timeout_ms;
        request->server.blocking.post([request, known, timeout, begun] {
            request->server.topics.transactions().begin(
                known, timeout, [begun](TransactionAnswer answer) { begun.set(answer); });
        });
        const Waits waits(*request);
        auto answer = co_await begun.wait();
        response.error = answer.error;
        if (request->version < 4 && answer.error == ErrorCode::producer_fenced)
            response.error = ErrorCode::invalid_producer_epoch;
        response.producer_id = answer.producer_id;
        response.producer_epoch = answer.epoch;
        co_return response;
    }
    std::function<Result<std::int64_t>()> work = [request] {
        return request->server.topics.new_producer_id();
    };
    auto id = co_await request->server.blocking.run<Result<std::int64_t>>(work);
    if (id) {
        response.producer_id = *id;
        response.producer_epoch = 0;
    } else {
        response.error = error_code(id.error(), Doing::other);
    }
    co_return response;
}

}  // namespace penstock::broker
