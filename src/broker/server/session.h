// A client's connection: requests in, answers out, one after the other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/server/request.h"
#include "net/connection.h"
#include "net/task.h"
#include "wire/kafka/codec.h"

namespace penstock::broker {

/// Serves the connection until it ends. server outlives it.
net::Task<> serve(net::Connection connection, std::shared_ptr<ServerState> server);

/// What a request's bytes (without the length in front) lead to: the answer with its length, or nothing.
struct Answer {
    std::string bytes;                          ///< empty: none
    std::vector<wire::kafka::Outside> outside;  ///< in the order of their places; the request keeps them
    bool closes = false;                        ///< the connection cannot go on
};
net::Task<Answer> answer(RequestPointer request);
/// The same of a token of a client that sends these without header (SaslHandshake 0). In buffer.
net::Task<Answer> answer_token(RequestPointer request);

/// Reads the request's header; false when it is damaged.
bool read_header(Request& request);

}  // namespace penstock::broker
