// DescribeClientQuotas and AlterClientQuotas (KIP-546), and how requests are counted against quotas.
#include "broker/quota/client_quotas.h"

#include <arpa/inet.h>

#include <cmath>
#include <set>

#include "broker/server/error_code.h"
#include "broker/server/handlers.h"

namespace penstock::broker {
namespace {

using wire::kafka::ErrorCode;

constexpr std::string_view user_type = "user", client_type = "client-id", address_type = "ip";

std::string_view user_of(const Request& request) {
    return std::string_view(request.login->principal).substr(user_prefix.size());
}

/// [{entity_type, entity_name}] of either message.
template <class Names>
Names names_of(const QuotaEntity& entity) {
    Names names;
    auto add = [&](std::string_view type, const std::optional<QuotaName>& name) {
        if (!name) return;
        auto& out = names.emplace_back();
        out.entity_type = type;
        if (!name->is_default) out.entity_name = name->name;
    };
    add(client_type, entity.client_id);
    add(user_type, entity.user);
    add(address_type, entity.address);
    return names;
}

bool is_address(const std::string& text) {
    in6_addr place{};
    return inet_pton(AF_INET, text.c_str(), &place) == 1 || inet_pton(AF_INET6, text.c_str(), &place) == 1;
}

template <class Names>
Result<QuotaEntity> entity_of(const Names& names) {
    QuotaEntity entity;
    if (names.empty()) return fail(Errc::invalid, "Invalid empty client quota entity");
    for (const auto& each : names) {
        std::optional<QuotaName>* place = nullptr;
        if (each.entity_type == user_type) place = &entity.user;
        if (each.entity_type == client_type) place = &entity.client_id;
        if (each.entity_type == address_type) place = &entity.address;
        if (!place) return fail(Errc::invalid, "Unhandled client quota entity type: {}", each.entity_type);
        if (each.entity_name && each.entity_name->empty())
            return fail(Errc::invalid, "Empty {} not supported", each.entity_type);
        *place = QuotaName{.is_default = !each.entity_name, .name = each.entity_name.value_or("")};
    }
    if (!entity.address) return entity;
    if (entity.user || entity.client_id)
        return fail(
            Errc::invalid,
            "Invalid quota entity combination, IP entity should not be combined with User or ClientId");
    if (!entity.address->is_default && !is_address(entity.address->name))
        return fail(Errc::invalid, "{} is not a valid IP", entity.address->name);
    return entity;
}

Result<QuotaChange> change_of(const QuotaEntity& entity, const AlterClientQuotas::Message::Entry::Op& op) {
    auto quota = parse_quota(op.key);
    if (!quota || (*quota == Quota::connections) != entity.address.has_value())
        return fail(Errc::invalid, "Invalid configuration key {}", op.key);
    if (op.remove) return QuotaChange{entity, *quota, std::nullopt};
    if (!(op.value > 0) || std::isinf(op.value))
        return fail(Errc::invalid, "Quota {} must be greater than 0", op.key);
    if (*quota == Quota::request_time || *quota == Quota::mutations)
        return QuotaChange{entity, *quota, op.value};
    const bool is_whole = std::abs(op.value - std::round(op.value)) <= 1e-6;
    if (*quota == Quota::connections && !is_whole)
        return fail(Errc::invalid, "{} cannot be a fractional value.", op.key);
    if (!is_whole || op.value > 9e15)
        return fail(Errc::invalid, "Configuration {} must be a Long value", op.key);
    return QuotaChange{entity, *quota, std::round(op.value)};
}

enum MatchType : std::int8_t { exact = 0, by_default = 1, any = 2 };

/// What the filter says of users, or of client ids; nullopt: nothing.
struct Filter {
    std::optional<std::int8_t> type;
    std::string name;
    bool is_strict = false;

    bool matches(const std::optional<QuotaName>& given) const {
        if (!type) return !is_strict || !given;
        if (!given) return false;
        if (*type == any) return true;
        return *type == by_default ? given->is_default : !given->is_default && given->name == name;
    }
};

}  // namespace

std::int32_t Request::count(Quota quota, std::int64_t bytes) const {
    return server.quotas->count(quota, user_of(*this), client_id, bytes);
}
std::int32_t Request::ask(Quota quota, std::int64_t bytes) const {
    return server.quotas->ask(quota, user_of(*this), client_id, bytes);
}
std::int32_t Request::count_mutations(std::int64_t partitions, bool is_strict) const {
    return server.quotas->count_mutations(user_of(*this), client_id, partitions, is_strict);
}
std::int32_t Request::count_time() {
    if (has_counted_time || !server.quotas->counts_time()) return 0;
    has_counted_time = true;
    return server.quotas->count_time(user_of(*this), client_id,
                                     std::chrono::steady_clock::now() - began - waited);
}
std::optional<std::int64_t> Request::most_at_once(Quota quota) const {
    return server.quotas->most_at_once(quota, user_of(*this), client_id);
}

DescribeClientQuotas::Response DescribeClientQuotas::handle(RequestPointer request, Message message) {
    Response response;
    auto refuse = [&](ErrorCode error, std::string text) {
        response.error = error;
        response.error_message = std::move(text);
        return response;
    };
    if (!request->may_with_cluster(Operation::describe_configs))
        return refuse(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
    Filter users{.type = {}, .name = {}, .is_strict = message.strict}, clients = users, addresses = users;
    bool has_address = false;
    std::set<std::string> seen;
    for (const auto& component : message.components) {
        if (!seen.insert(component.entity_type).second)
            return refuse(ErrorCode::invalid_request, "Entity type " + component.entity_type +
                                                          " cannot appear more than once in the filter.");
        if (component.match_type < exact || component.match_type > any)
            return refuse(ErrorCode::invalid_request,
                          fmt::format("Unknown match type {}", component.match_type));
        if (component.match_type == exact && !component.match)
            return refuse(ErrorCode::invalid_request,
                          "Request specified MATCH_TYPE_EXACT, but set the match string to null.");
        has_address |= component.entity_type == address_type;
        auto* filter = component.entity_type == user_type      ? &users
                       : component.entity_type == client_type  ? &clients
                       : component.entity_type == address_type ? &addresses
                                                               : nullptr;
        if (!filter)
            return refuse(ErrorCode::unsupported_version,
                          "Custom entity type " + component.entity_type + " not supported");
        filter->type = component.match_type;
        filter->name = component.match.value_or("");
    }
    if (has_address && seen.size() > 1)
        return refuse(ErrorCode::invalid_request,
                      "Invalid entity filter component combination, IP filter component should not be used "
                      "with user or clientId filter component.");
    auto& entries = response.entries.emplace();
    for (const auto& [entity, values] : request->server.quotas->all()) {
        if (!users.matches(entity.user) || !clients.matches(entity.client_id) ||
            !addresses.matches(entity.address))
            continue;
        auto& entry = entries.emplace_back();
        entry.entity = names_of<decltype(entry.entity)>(entity);
        for (const auto& [quota, limit] : values)
            entry.values.push_back({std::string(to_string(quota)), limit});
    }
    return response;
}

net::Task<AlterClientQuotas::Response> AlterClientQuotas::handle(RequestPointer request, Message message) {
    Response response;
    std::vector<QuotaChange> changes;
    const bool may = request->may_with_cluster(Operation::alter_configs);
    for (const auto& entry : message.entries) {
        auto& answer = response.entries.emplace_back();
        for (const auto& each : entry.entity) answer.entity.push_back({each.entity_type, each.entity_name});
        auto refuse = [&](ErrorCode error, std::string text) {
            answer.error = error;
            answer.error_message = std::move(text);
        };
        if (!may) {
            refuse(ErrorCode::cluster_authorization_failed, "Cluster authorization failed.");
            continue;
        }
        auto entity = entity_of(entry.entity);
        if (!entity) {
            refuse(ErrorCode::invalid_request, entity.error().text);
            continue;
        }
        answer.entity = names_of<decltype(answer.entity)>(*entity);
        std::vector<QuotaChange> own;
        for (const auto& op : entry.ops) {
            auto change = change_of(*entity, op);
            if (!change) {
                refuse(ErrorCode::invalid_request, change.error().text);
                break;
            }
            own.push_back(std::move(*change));
        }
        if (answer.error == ErrorCode::none) std::ranges::move(own, std::back_inserter(changes));
    }
    if (changes.empty() || message.validate_only) co_return response;
    auto& quotas = *request->server.quotas;
    std::function<Result<>()> work = [&quotas, changes] { return quotas.change(changes); };
    auto kept = co_await request->server.blocking.run<Result<>>(work);
    if (!kept)
        for (auto& entry : response.entries)
            if (entry.error == ErrorCode::none) {
                entry.error = ErrorCode::kafka_storage_error;
                entry.error_message = kept.error().text;
            }
    co_return response;
}

}  // namespace penstock::broker
