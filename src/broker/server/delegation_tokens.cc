// Delegation tokens (KIP-48), as a Kafka without delegation.token.secret.key answers: there are none.
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

/// Only who has logged in could have one.
ErrorCode refusal(const Request& request) {
    const bool is_known = request.login->principal != anonymous;
    return is_known ? ErrorCode::delegation_token_auth_disabled
                    : ErrorCode::delegation_token_request_not_allowed;
}

}  // namespace

CreateDelegationToken::Response CreateDelegationToken::handle(RequestPointer request, Message) {
    Response response;
    response.error = refusal(*request);
    std::string_view principal = request->login->principal;
    response.principal_type = response.requester_type = "User";
    response.principal_name = response.requester_name = principal.substr(user_prefix.size());
    response.issue_ms = response.expiry_ms = response.max_ms = -1;
    return response;
}

RenewDelegationToken::Response RenewDelegationToken::handle(RequestPointer request, Message) {
    Response response;
    response.error = refusal(*request);
    response.expiry_ms = -1;
    return response;
}

ExpireDelegationToken::Response ExpireDelegationToken::handle(RequestPointer request, Message) {
    Response response;
    response.error = refusal(*request);
    response.expiry_ms = -1;
    return response;
}

DescribeDelegationToken::Response DescribeDelegationToken::handle(RequestPointer request, Message) {
    Response response;
    response.error = refusal(*request);
    return response;
}

}  // namespace penstock::broker
