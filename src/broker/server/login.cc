// Who the client is: SaslHandshake and SaslAuthenticate; and what it may do.
#include "base/log.h"
#include "broker/server/handlers.h"
#include "broker/server/session.h"
#include "codec/big_endian.h"

namespace penstock::broker {

using wire::kafka::ErrorCode;

Result<> ServerState::open_security() {
    const auto& place = topics.options();
    credentials = TRY(Credentials::open(*place.files, place.data_directory + "/users"));
    acls = TRY(Acls::open(*place.files, place.data_directory + "/acls", options.security.allows_without_acl));
    quotas = TRY(ClientQuotas::open(*place.files, place.data_directory + "/client_quotas", *place.clock));
    if (options.security.requires_login())
        credentials->set_password("admin", options.security.admin_password);
    if (!options.listen.tls.certificate.empty()) tls = TRY(net::make_tls_context(options.listen.tls));
    return {};
}

bool Request::may(Operation operation, ResourceType resource, std::string_view name) const {
    if (!server.enforces() || server.options.security.super_users.contains(login->principal)) return true;
    return server.acls->allows(login->principal, std::string_view(client_host).substr(1), operation, resource,
                               name);
}

namespace {

/// Those that there are on a resource of the type.
std::vector<Operation> operations_of(ResourceType type) {
    using enum Operation;
    switch (type) {
        case ResourceType::topic:
            return {read, write, create, remove, alter, describe, describe_configs, alter_configs};
        case ResourceType::group:
            return {read, remove, describe, describe_configs, alter_configs};
        case ResourceType::cluster:
            return {create,           alter,         describe,        cluster_action,
                    describe_configs, alter_configs, idempotent_write};
        case ResourceType::any:
        case ResourceType::transactional_id:
            break;
    }
    return {};
}

}  // namespace

std::int32_t Request::operations_on(ResourceType resource, std::string_view name) const {
    std::int32_t bits = 0;
    for (auto operation : operations_of(resource))
        if (may(operation, resource, name)) bits |= 1 << int(operation);
    return bits;
}

bool Request::may_any(Operation operation, ResourceType resource) const {
    if (!server.enforces() || server.options.security.super_users.contains(login->principal)) return true;
    return server.acls->allows_any(login->principal, std::string_view(client_host).substr(1), operation,
                                   resource);
}

SaslHandshake::Response SaslHandshake::handle(RequestPointer request, Message message) {
    Response response;
    auto& login = *request->login;
    if (login.is_done) {
        response.error = ErrorCode::illegal_sasl_state;
        return response;
    }
    for (auto mechanism : sasl_mechanisms()) response.mechanisms.emplace_back(mechanism);
    login.exchange = begin_sasl(message.mechanism, *request->server.credentials);
    login.mechanism = message.mechanism;
    login.sends_bare_tokens = request->version == 0 && login.exchange;
    if (login.exchange) return response;
    response.error = ErrorCode::unsupported_sasl_mechanism;
    request->close_after = true;
    return response;
}

namespace {

/// The answer to the token. An error ends the connection.
net::Task<Result<std::string>> step(RequestPointer request, std::string token) {
    constexpr std::chrono::milliseconds pause_after_failure{100};  // guessing shall take time
    auto login = request->login;
    std::function<Result<std::string>()> work = [login, token] { return login->exchange->step(token); };
    auto stepped = co_await request->server.blocking.run<Result<std::string>>(work);
    if (!stepped) {
        log::warn("kafka client {}: log-in by {} has failed: {}", request->client_host, login->mechanism,
                  stepped.error().text);
        co_await net::sleep_for(pause_after_failure);
        co_return stepped;
    }
    if (login->exchange->is_complete()) {
        login->principal = "User:" + login->exchange->user();
        login->is_done = true;
        login->sends_bare_tokens = false;
        login->exchange.reset();
    }
    co_return stepped;
}

}  // namespace

net::Task<Answer> answer_token(RequestPointer request) {
    auto stepped = co_await step(request, *request->buffer);
    if (!stepped) co_return Answer{.bytes = {}, .closes = true};
    std::string framed;
    codec::append_big(framed, std::int32_t(stepped->size()));
    co_return Answer{.bytes = framed + *stepped, .closes = false};
}

net::Task<SaslAuthenticate::Response> SaslAuthenticate::handle(RequestPointer request, Message message) {
    Response response;
    auto login = request->login;
    if (login->is_done || !login->exchange) {
        response.error = ErrorCode::illegal_sasl_state;
        response.error_message = "SaslAuthenticate request received without a SaslHandshake before it";
        request->close_after = !login->is_done;
        co_return response;
    }
    std::string token(message.auth_bytes.begin(), message.auth_bytes.end());
    auto stepped = co_await step(request, std::move(token));
    if (!stepped) {
        response.error = ErrorCode::sasl_authentication_failed;
        response.error_message =
            "Authentication failed during authentication due to invalid credentials with SASL mechanism " +
            login->mechanism;
        request->close_after = true;
        co_return response;
    }
    response.auth_bytes.assign(stepped->begin(), stepped->end());
    co_return response;
}

}  // namespace penstock::broker
