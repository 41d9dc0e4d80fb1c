#include "broker/security/acls.h"

#include <algorithm>

#include "base/units.h"
#include "broker/checked_text.h"
#include "codec/base64.h"

namespace penstock::broker {
namespace {

constexpr std::string_view first_line = "penstock acls 1";

std::string encode(const std::set<Acl>& acls) {
    std::string out;
    for (const auto& acl : acls)
        out += fmt::format("{} {} {} {} {} {} {}\n", int(acl.resource), codec::encode_base64(acl.name),
                           int(acl.pattern), codec::encode_base64(acl.principal),
                           codec::encode_base64(acl.host), int(acl.operation), int(acl.permission));
    return checked_text(first_line, out);
}

Result<std::set<Acl>> decode(std::string_view text) {
    text = TRY(lines_of_checked_text(text, first_line));
    std::set<Acl> acls;
    for (int number = 2; !text.empty(); ++number) {
        auto line = take_until(text, '\n');
        auto resource = parse_int(take_until(line, ' '));
        auto name = codec::decode_base64(take_until(line, ' '));
        auto pattern = parse_int(take_until(line, ' '));
        auto principal = codec::decode_base64(take_until(line, ' '));
        auto host = codec::decode_base64(take_until(line, ' '));
        auto operation = parse_int(take_until(line, ' '));
        auto permission = parse_int(line);
        if (!resource || !name || !pattern || !principal || !host || !operation || !permission)
            return fail(Errc::corrupt, "line {}: expected seven fields", number);
        Acl acl{
            ResourceType(*resource), *name, PatternType(*pattern), *principal, *host, Operation(*operation),
            Permission(*permission)};
        if (auto checked = check_acl(acl); !checked)
            return fail(fmt::format("line {}", number), std::move(checked).error());
        acls.insert(std::move(acl));
    }
    return acls;
}

bool covers(const Acl& acl, std::string_view name) {
    if (acl.pattern == PatternType::prefixed) return name.starts_with(acl.name);
    return acl.name == "*" || acl.name == name;
}

bool is_of(const Acl& acl, std::string_view principal, std::string_view host) {
    return (acl.principal == "User:*" || acl.principal == principal) && (acl.host == "*" || acl.host == host);
}

/// Whether permission for the one is permission for the other.
bool implies(Operation given, Operation wanted) {
    if (given == Operation::all || given == wanted) return true;
    if (wanted == Operation::describe)
        return given == Operation::read || given == Operation::write || given == Operation::remove ||
               given == Operation::alter;
    return wanted == Operation::describe_configs && given == Operation::alter_configs;
}

bool matches(const AclFilter& filter, const Acl& acl) {
    if (filter.resource != ResourceType::any && filter.resource != acl.resource) return false;
    if (filter.principal && *filter.principal != acl.principal) return false;
    if (filter.host && *filter.host != acl.host) return false;
    if (filter.operation != Operation::any && filter.operation != acl.operation) return false;
    if (filter.permission != Permission::any && filter.permission != acl.permission) return false;
    bool is_exact = filter.pattern == PatternType::literal || filter.pattern == PatternType::prefixed;
    if (is_exact && filter.pattern != acl.pattern) return false;
    if (!filter.name) return true;
    return filter.pattern == PatternType::match ? covers(acl, *filter.name) : acl.name == *filter.name;
}

}  // namespace

Result<> check_acl(const Acl& acl) {
    auto is_between = [](auto value, int low, int high) { return int(value) >= low && int(value) <= high; };
    if (!is_between(acl.resource, 2, 5))
        return fail(Errc::invalid, "resource type {} is not known", int(acl.resource));
    if (!is_between(acl.pattern, 3, 4))
        return fail(Errc::invalid, "pattern type {} is not one to keep", int(acl.pattern));
    if (!is_between(acl.operation, 2, 12))
        return fail(Errc::invalid, "operation {} is not known", int(acl.operation));
    if (!is_between(acl.permission, 2, 3))
        return fail(Errc::invalid, "permission type {} is not known", int(acl.permission));
    if (acl.name.empty()) return fail(Errc::invalid, "the resource has no name");
    if (acl.resource == ResourceType::cluster && acl.name != cluster_name)
        return fail(Errc::invalid, "the only cluster is {}, not {}", cluster_name, acl.name);
    if (acl.principal.find(':') == std::string::npos)
        return fail(Errc::invalid, "expected a principal such as User:alice, got '{}'", acl.principal);
    if (acl.host.empty()) return fail(Errc::invalid, "the host is empty; * is any");
    return {};
}

Result<std::unique_ptr<Acls>> Acls::open(io::Files& files, std::string path, bool without_acl) {
    std::unique_ptr<Acls> acls(new Acls(files, std::move(path), without_acl));
    if (!files.exists(acls->path_)) return acls;
    auto read = decode(TRY(files.read_file(acls->path_)));
    if (!read) return fail(acls->path_, std::move(read).error());
    acls->acls_ = std::move(*read);
    return acls;
}

bool Acls::allows(std::string_view principal, std::string_view host, Operation operation,
                  ResourceType resource, std::string_view name) const {
    std::lock_guard lock(mutex_);
    bool allowed = false, has_acl = false;
    for (const auto& acl : acls_) {
        if (acl.resource != resource || !covers(acl, name)) continue;
        has_acl = true;
        if (!is_of(acl, principal, host)) continue;
        bool is_same = acl.operation == operation || acl.operation == Operation::all;
        if (acl.permission == Permission::deny && is_same) return false;
        allowed |= acl.permission == Permission::allow && implies(acl.operation, operation);
    }
    return allowed || (without_acl_ && !has_acl);
}

bool Acls::allows_any(std::string_view principal, std::string_view host, Operation operation,
                      ResourceType resource) const {
    std::lock_guard lock(mutex_);
    auto of_it = [&](const Acl& acl, Permission permission) {
        bool fits = permission == Permission::allow
                        ? implies(acl.operation, operation)
                        : acl.operation == operation || acl.operation == Operation::all;
        return acl.resource == resource && acl.permission == permission && fits &&
               is_of(acl, principal, host);
    };
    bool denies_all = false;
    for (const auto& acl : acls_)
        denies_all |= of_it(acl, Permission::deny) && acl.name == "*" && acl.pattern == PatternType::literal;
    if (denies_all) return false;
    if (without_acl_) return true;
    return std::ranges::any_of(acls_, [&](const Acl& acl) {
        if (!of_it(acl, Permission::allow)) return false;
        // Not when a denial covers all that it permits.
        return std::ranges::none_of(acls_, [&](const Acl& denial) {
            bool is_wide_enough = denial.pattern == PatternType::prefixed || acl.pattern == denial.pattern;
            return of_it(denial, Permission::deny) && is_wide_enough && covers(denial, acl.name);
        });
    });
}

std::vector<Acl> Acls::find(const AclFilter& filter) const {
    std::lock_guard lock(mutex_);
    std::vector<Acl> found;
    for (const auto& acl : acls_)
        if (matches(filter, acl)) found.push_back(acl);
    return found;
}

Result<> Acls::save(std::set<Acl> next) {
    TRY(files_.replace_file(path_, encode(next)));
    std::lock_guard lock(mutex_);
    acls_ = std::move(next);
    return {};
}

Result<> Acls::add(const std::vector<Acl>& acls) {
    std::lock_guard change(change_mutex_);
    auto next = acls_;  // changed under change_mutex_ only
    next.insert(acls.begin(), acls.end());
    return save(std::move(next));
}

Result<std::vector<Acl>> Acls::remove(const AclFilter& filter) {
    std::lock_guard change(change_mutex_);
    auto gone = find(filter);
    if (gone.empty()) return gone;
    auto next = acls_;
    for (const auto& acl : gone) next.erase(acl);
    TRY(save(std::move(next)));
    return gone;
}

}  // namespace penstock::broker
