// Access control lists and SCRAM credentials, as administrators change them.
#include <map>
#include <set>

#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::string_view no_authorizer =
    "No Authorizer is configured: set a password, or an authority for clients' certificates";

template <class Filter>
AclFilter filter_of(const Filter& asked) {
    return {.resource = ResourceType(asked.resource_type),
            .name = asked.resource_name,
            .pattern = PatternType(asked.pattern_type),
            .principal = asked.principal,
            .host = asked.host,
            .operation = Operation(asked.operation),
            .permission = Permission(asked.permission)};
}

CreateAcls::Response create_all(ServerState& server, const CreateAcls::Message& message) {
    CreateAcls::Response response;
    std::vector<Acl> acls;
    for (const auto& asked : message.creations) {
        auto& result = response.results.emplace_back();
        Acl acl{.resource = ResourceType(asked.resource_type),
                .name = asked.resource_name,
                .pattern = PatternType(asked.pattern_type),
                .principal = asked.principal,
                .host = asked.host,
                .operation = Operation(asked.operation),
                .permission = Permission(asked.permission)};
        if (auto checked = check_acl(acl); !checked) {
            result.error = ErrorCode::invalid_request;
            result.error_message = checked.error().text;
        } else {
            acls.push_back(std::move(acl));
        }
    }
    if (auto added = server.acls->add(acls); !added)
        for (auto& result : response.results) {
            result.error = ErrorCode::unknown_server_error;
            result.error_message = added.error().text;
        }
    return response;
}

DeleteAcls::Response delete_all(ServerState& server, const DeleteAcls::Message& message) {
    DeleteAcls::Response response;
    for (const auto& filter : message.filters) {
        auto& result = response.results.emplace_back();
        auto gone = server.acls->remove(filter_of(filter));
        if (!gone) {
            result.error = ErrorCode::unknown_server_error;
            result.error_message = gone.error().text;
            continue;
        }
        for (const auto& acl : *gone)
            result.acls.push_back({.resource_type = std::int8_t(acl.resource),
                                   .resource_name = acl.name,
                                   .pattern_type = std::int8_t(acl.pattern),
                                   .principal = acl.principal,
                                   .host = acl.host,
                                   .operation = std::int8_t(acl.operation),
                                   .permission = std::int8_t(acl.permission)});
    }
    return response;
}

/// What is wrong with it, as Kafka says it.
std::pair<ErrorCode, std::string> check(const AlterUserScramCredentials::Message::Upsertion& asked) {
    if (asked.name.empty()) return {ErrorCode::unacceptable_credential, "Username must not be empty"};
    if (asked.mechanism != 1 && asked.mechanism != 2)
        return {ErrorCode::unsupported_sasl_mechanism, "Unknown SCRAM mechanism"};
    if (asked.iterations < least_scram_iterations)
        return {ErrorCode::unacceptable_credential, "Too few iterations"};
    if (asked.iterations > most_scram_iterations)
        return {ErrorCode::unacceptable_credential, "Too many iterations"};
    return {ErrorCode::none, ""};
}

AlterUserScramCredentials::Response alter_all(ServerState& server,
                                              const AlterUserScramCredentials::Message& message) {
    std::map<std::string, std::pair<ErrorCode, std::string>> results;  // by user
    std::vector<std::pair<Credentials::Key, std::optional<ScramCredential>>> changes;
    std::set<Credentials::Key> seen;
    auto refuse = [&](const std::string& user, ErrorCode error, std::string text) {
        results[user] = {error, std::move(text)};
    };
    for (const auto& asked : message.deletions) {
        results.try_emplace(asked.name);
        Credentials::Key key{asked.name, ScramMechanism(asked.mechanism)};
        if (asked.mechanism != 1 && asked.mechanism != 2)
            refuse(asked.name, ErrorCode::unsupported_sasl_mechanism, "Unknown SCRAM mechanism");
        else if (!seen.insert(key).second)
            refuse(asked.name, ErrorCode::duplicate_resource, "A user credential cannot be altered twice");
        else if (!server.credentials->find(key.first, key.second))
            refuse(asked.name, ErrorCode::resource_not_found,
                   "Attempt to delete a user credential that does not exist");
        else
            changes.emplace_back(key, std::nullopt);
    }
    for (const auto& asked : message.upsertions) {
        results.try_emplace(asked.name);
        Credentials::Key key{asked.name, ScramMechanism(asked.mechanism)};
        if (auto [error, text] = check(asked); error != ErrorCode::none) {
            refuse(asked.name, error, text);
        } else if (!seen.insert(key).second) {
            refuse(asked.name, ErrorCode::duplicate_resource, "A user credential cannot be altered twice");
        } else {
            std::string salted(asked.salted_password.begin(), asked.salted_password.end());
            std::string salt(asked.salt.begin(), asked.salt.end());
            changes.emplace_back(key, scram_credential(key.second, salted, salt, asked.iterations));
        }
    }
    std::erase_if(changes,
                  [&](const auto& each) { return results[each.first.first].first != ErrorCode::none; });
    if (auto changed = server.credentials->change(changes); !changed)
        for (const auto& [key, credential] : changes)
            refuse(key.first, ErrorCode::unknown_server_error, changed.error().text);
    AlterUserScramCredentials::Response response;
    for (const auto& [user, result] : results) {
        auto& out = response.results.emplace_back();
        out.user = user;
        out.error = result.first;
        if (result.first != ErrorCode::none) out.error_message = result.second;
    }
    return response;
}

}  // namespace

DescribeAcls::Response DescribeAcls::handle(RequestPointer request, Message message) {
    Response response;
    if (!request->server.enforces()) {
        response.error = ErrorCode::security_disabled;
        response.error_message = no_authorizer;
        return response;
    }
    if (!request->may_with_cluster(Operation::describe)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    for (const auto& acl : request->server.acls->find(filter_of(message))) {
        bool same = !response.resources.empty() &&
                    response.resources.back().type == std::int8_t(acl.resource) &&
                    response.resources.back().name == acl.name &&
                    response.resources.back().pattern_type == std::int8_t(acl.pattern);
        if (!same)
            response.resources.push_back({.type = std::int8_t(acl.resource),
                                          .name = acl.name,
                                          .pattern_type = std::int8_t(acl.pattern),
                                          .acls = {}});
        response.resources.back().acls.push_back(
            {acl.principal, acl.host, std::int8_t(acl.operation), std::int8_t(acl.permission)});
    }
    return response;
}

net::Task<CreateAcls::Response> CreateAcls::handle(RequestPointer request, Message message) {
    bool may = request->may_with_cluster(Operation::alter);
    if (!request->server.enforces() || !may) {
        Response refused;
        for (std::size_t i = 0; i < message.creations.size(); ++i)
            refused.results.push_back(
                {may ? ErrorCode::security_disabled : ErrorCode::cluster_authorization_failed,
                 std::string(may ? no_authorizer : "Cluster authorization failed.")});
        co_return refused;
    }
    std::function<Response()> work = [request, message = std::move(message)] {
        return create_all(request->server, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

net::Task<DeleteAcls::Response> DeleteAcls::handle(RequestPointer request, Message message) {
    bool may = request->may_with_cluster(Operation::alter);
    if (!request->server.enforces() || !may) {
        Response refused;
        for (std::size_t i = 0; i < message.filters.size(); ++i)
            refused.results.push_back(
                {may ? ErrorCode::security_disabled : ErrorCode::cluster_authorization_failed,
                 std::string(may ? no_authorizer : "Cluster authorization failed."),
                 {}});
        co_return refused;
    }
    std::function<Response()> work = [request, message = std::move(message)] {
        return delete_all(request->server, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

DescribeUserScramCredentials::Response DescribeUserScramCredentials::handle(RequestPointer request,
                                                                            Message message) {
    Response response;
    if (!request->may_with_cluster(Operation::describe)) {
        response.error = ErrorCode::cluster_authorization_failed;
        return response;
    }
    auto all = request->server.credentials->all();
    std::set<std::string> users;
    if (message.users)
        for (const auto& user : *message.users) users.insert(user.name);
    if (users.empty())
        for (const auto& [key, credential] : all) users.insert(key.first);
    for (const auto& user : users) {
        auto& result = response.results.emplace_back();
        result.user = user;
        for (const auto& [key, credential] : all)
            if (key.first == user)
                result.credentials.push_back({std::int8_t(key.second), credential.iterations});
        if (!result.credentials.empty()) continue;
        result.error = ErrorCode::resource_not_found;
        result.error_message = "Attempt to describe a user credential that does not exist: " + user;
    }
    return response;
}

net::Task<AlterUserScramCredentials::Response> AlterUserScramCredentials::handle(RequestPointer request,
                                                                                 Message message) {
    if (!request->may_with_cluster(Operation::alter)) {
        Response refused;
        std::set<std::string> users;
        for (const auto& each : message.deletions) users.insert(each.name);
        for (const auto& each : message.upsertions) users.insert(each.name);
        for (const auto& user : users)
            refused.results.push_back(
                {user, ErrorCode::cluster_authorization_failed, "Cluster authorization failed."});
        co_return refused;
    }
    std::function<Response()> work = [request, message = std::move(message)] {
        return alter_all(request->server, message);
    };
    auto response = co_await request->server.blocking.run<Response>(work);
    co_return response;
}

}  // namespace penstock::broker
