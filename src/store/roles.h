// Who may log in to the CQL port, and do what: Cassandra's roles and permissions, kept in the tables'
// database.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace penstock::store {

/// In Cassandra's order, which is the order of lists.
enum class Permission : std::uint8_t {
    create,
    alter,
    drop,
    select,
    modify,
    authorize,
    describe,
    execute,
    unmask,
    select_masked
};
inline constexpr int permission_count = 10;
std::string_view name_of(Permission permission);  ///< "CREATE"

/// Bits by Permission.
class PermissionSet {
public:
    constexpr PermissionSet() = default;
    constexpr PermissionSet(std::initializer_list<Permission> of) {
        for (auto one : of) add(one);
    }
    constexpr void add(Permission one) { bits_ |= std::uint16_t(1u << unsigned(one)); }
    constexpr bool has(Permission one) const { return (bits_ >> unsigned(one) & 1) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr PermissionSet operator|(PermissionSet other) const {
        return of_bits(std::uint16_t(bits_ | other.bits_));
    }
    constexpr PermissionSet operator&(PermissionSet other) const {
        return of_bits(std::uint16_t(bits_ & other.bits_));
    }
    constexpr PermissionSet operator-(PermissionSet other) const {
        return of_bits(std::uint16_t(bits_ & ~other.bits_));
    }
    constexpr std::uint16_t bits() const { return bits_; }
    static constexpr PermissionSet of_bits(std::uint16_t bits) {
        PermissionSet out;
        out.bits_ = std::uint16_t(bits & ((1u << permission_count) - 1));
        return out;
    }
    std::vector<Permission> list() const;
    bool operator==(const PermissionSet&) const = default;

private:
    std::uint16_t bits_ = 0;
};

/// What permissions are for, by Cassandra's names: "data", "data/ks", "data/ks/*", "data/ks/table", "roles",
/// "roles/r", "functions", "functions/ks", "mbean".
namespace resource {
std::string all_keyspaces();
std::string keyspace(std::string_view keyspace);
std::string all_tables(std::string_view keyspace);
std::string table(std::string_view keyspace, std::string_view table);
std::string all_roles();
std::string role(std::string_view role);
std::string all_functions();
std::string functions(std::string_view keyspace);
std::string all_mbeans();
/// The next greater one that holds it; empty: there is none.
std::string parent(std::string_view name);
/// "<table ks.t>", as messages and lists show it.
std::string shown(std::string_view name);
/// "DataResource"
std::string_view kind(std::string_view name);
/// Those that mean something for it.
PermissionSet applicable(std::string_view name);
}  // namespace resource

struct Role {
    bool superuser = false;
    bool login = false;
    std::string hash;  ///< of the password, as crypt(5) writes bcrypt; empty: none
    std::set<std::string> member_of;
    std::map<std::string, PermissionSet> grants;  ///< by resource
    std::set<std::string> data_centers;           ///< access is limited to these; empty: all
};

/// Immutable: a change makes new ones.
struct RoleSet {
    std::map<std::string, Role, std::less<>> roles;

    const Role* find(std::string_view name) const;
    /// The role itself and all that it has been granted, directly or not.
    std::set<std::string> closure(std::string_view name) const;
    bool is_superuser(std::string_view name) const;
    /// What the role and those granted to it may do with the resource itself.
    PermissionSet granted(std::string_view name, std::string_view resource) const;
    /// Superusers may all; for others some role of theirs must be granted it on the resource or a parent.
    bool may(std::string_view name, Permission permission, std::string_view resource) const;
    /// Nobody keeps permissions on what is gone. below: and on all that it holds.
    void forget_resource(std::string_view resource, bool below);
};

std::string serialize(const RoleSet& roles);
/// Errc::corrupt.
Result<RoleSet> parse_roles(std::string_view bytes);

/// Thread-safe.
class Roles {
public:
    static Result<std::unique_ptr<Roles>> open(Database& database);

    std::shared_ptr<const RoleSet> get() const;
    /// Replaces them by what change makes of them, durably. When change fails nothing is changed.
    Result<> change(const std::function<Result<>(RoleSet&)>& change);

    /// Slow on purpose (tens of milliseconds): for threads that may block. Who logged in before with the same
    /// password is recognised at once.
    bool check_password(std::string_view role, std::string_view password) const;
    static Result<std::string> hash_password(std::string_view password);
    /// A bcrypt hash of any of the usual prefixes.
    static bool is_hash(std::string_view text);

private:
    explicit Roles(Database& database);
    std::string recognition_of(std::string_view hash, std::string_view password) const;

    Database& database_;
    std::string key_;  ///< of this process, for recognising passwords
    mutable std::mutex mutex_;
    std::shared_ptr<const RoleSet> roles_;
    mutable std::map<std::string, std::string, std::less<>> recognised_;  ///< by role; guarded by mutex_
    std::mutex change_mutex_;
};

}  // namespace penstock::store
