#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

net::Task<InitProducerId::Response> InitProducerId::handle(RequestPointer request, Message message) {
    Response response;
    if (message.transactional_id) {
        response.error =
            message.transactional_id->empty() ? ErrorCode::invalid_request : ErrorCode::unsupported_version;
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
