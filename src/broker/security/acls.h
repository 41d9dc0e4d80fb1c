// Who may do what (Kafka's access control lists), on disk: a text file that is replaced as a whole.
// docs/formats/security.md.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/files.h"

namespace penstock::broker {

// Kafka's numbers.
enum class ResourceType : std::int8_t { any = 1, topic = 2, group = 3, cluster = 4, transactional_id = 5 };
enum class PatternType : std::int8_t { any = 1, match = 2, literal = 3, prefixed = 4 };
enum class Operation : std::int8_t {
    any = 1,
    all = 2,
    read = 3,
    write = 4,
    create = 5,
    remove = 6,
    alter = 7,
    describe = 8,
    cluster_action = 9,
    describe_configs = 10,
    alter_configs = 11,
    idempotent_write = 12,
};
enum class Permission : std::int8_t { any = 1, deny = 2, allow = 3 };

/// The only resource of type cluster.
inline constexpr std::string_view cluster_name = "kafka-cluster";
inline constexpr std::string_view anonymous = "User:ANONYMOUS";
inline constexpr std::string_view user_prefix = "User:";

struct Acl {
    ResourceType resource = ResourceType::topic;
    std::string name;  ///< "*": every one, when literal
    PatternType pattern = PatternType::literal;
    std::string principal;  ///< "User:alice"; "User:*": everyone
    std::string host;       ///< an address; "*": any
    Operation operation = Operation::all;
    Permission permission = Permission::allow;
    auto operator<=>(const Acl&) const = default;
};

/// Nothing matches any.
struct AclFilter {
    ResourceType resource = ResourceType::any;
    std::optional<std::string> name;
    PatternType pattern = PatternType::any;
    std::optional<std::string> principal, host;
    Operation operation = Operation::any;
    Permission permission = Permission::any;
};

/// Errc::invalid, saying what is wrong.
Result<> check_acl(const Acl& acl);

/// Thread-safe.
class Acls {
public:
    /// Reads the file, if there is one. Errc::corrupt, naming the line. without_acl: the answer for a
    /// resource that no list speaks of.
    static Result<std::unique_ptr<Acls>> open(io::Files& files, std::string path, bool without_acl = false);

    /// A denial goes before a permission; without either the answer is no, or without_acl's. Read, write,
    /// remove and alter imply describe, alter_configs implies describe_configs.
    bool allows(std::string_view principal, std::string_view host, Operation operation, ResourceType resource,
                std::string_view name) const;
    /// On any resource of the type.
    bool allows_any(std::string_view principal, std::string_view host, Operation operation,
                    ResourceType resource) const;

    std::vector<Acl> find(const AclFilter& filter) const;
    /// Kept on disk when these return.
    Result<> add(const std::vector<Acl>& acls);
    Result<std::vector<Acl>> remove(const AclFilter& filter);

private:
    Acls(io::Files& files, std::string path, bool without_acl)
        : files_(files), path_(std::move(path)), without_acl_(without_acl) {}
    Result<> save(std::set<Acl> next);

    io::Files& files_;
    const std::string path_;
    const bool without_acl_;
    std::mutex change_mutex_;   // one change at a time
    mutable std::mutex mutex_;  // guards acls_; held shortly
    std::set<Acl> acls_;
};

}  // namespace penstock::broker
