#include "store/roles.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "store/bytes.h"
#include "store/row_key.h"

namespace penstock::store {
namespace {

constexpr std::uint8_t format_version = 1;
const std::string roles_key(1, roles_tag);
/// As Cassandra's: 2^10 rounds.
constexpr int bcrypt_cost = 10;

constexpr std::array<std::string_view, permission_count> permission_names{
    "CREATE",    "ALTER",    "DROP",    "SELECT", "MODIFY",
    "AUTHORIZE", "DESCRIBE", "EXECUTE", "UNMASK", "SELECT_MASKED"};

void append_names(std::string& out, const std::set<std::string>& names) {
    append_varint(out, std::uint32_t(names.size()));
    for (const auto& name : names) append_text(out, name);
}

std::set<std::string> read_names(ByteReader& reader) {
    std::set<std::string> out;
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) out.emplace(reader.text());
    return out;
}

std::string crypted(std::string_view password, std::string_view setting) {
    crypt_data data{};
    std::string key(password), salt(setting);
    const char* out = crypt_r(key.c_str(), salt.c_str(), &data);
    // What cannot be hashed comes back as a text that is no hash.
    std::string result = out == nullptr || out[0] == '*' ? "" : out;
    OPENSSL_cleanse(&data, sizeof data);
    return result;
}

}  // namespace

std::string_view name_of(Permission permission) {
    return permission_names[std::size_t(permission)];
}

std::vector<Permission> PermissionSet::list() const {
    std::vector<Permission> out;
    for (int i = 0; i < permission_count; ++i)
        if (has(Permission(i))) out.push_back(Permission(i));
    return out;
}

namespace resource {

std::string all_keyspaces() {
    return "data";
}
std::string keyspace(std::string_view keyspace) {
    return fmt::format("data/{}", keyspace);
}
std::string all_tables(std::string_view keyspace) {
    return fmt::format("data/{}/*", keyspace);
}
std::string table(std::string_view keyspace, std::string_view table) {
    return fmt::format("data/{}/{}", keyspace, table);
}
std::string all_roles() {
    return "roles";
}
std::string role(std::string_view role) {
    return fmt::format("roles/{}", role);
}
std::string all_functions() {
    return "functions";
}
std::string functions(std::string_view keyspace) {
    return fmt::format("functions/{}", keyspace);
}
std::string all_mbeans() {
    return "mbean";
}

std::string parent(std::string_view name) {
    // A role's name may have any letters in it.
    if (name.starts_with("roles/")) return "roles";
    auto slash = name.rfind('/');
    if (slash == std::string_view::npos) return {};
    auto outer = name.substr(0, slash);
    bool table = name.starts_with("data/") && outer != "data" && name.substr(slash) != "/*";
    return table ? fmt::format("{}/*", outer) : std::string(outer);
}

std::string shown(std::string_view name) {
    if (name == "data") return "<all keyspaces>";
    if (name == "roles") return "<all roles>";
    if (name == "functions") return "<all functions>";
    if (name == "mbean") return "<all mbeans>";
    auto slash = name.find('/');
    auto rest = name.substr(slash + 1);
    if (name.starts_with("roles/")) return fmt::format("<role {}>", rest);
    if (name.starts_with("mbean/")) return fmt::format("<mbean {}>", rest);
    if (name.starts_with("functions/")) return fmt::format("<all functions in {}>", rest);
    auto second = rest.find('/');
    if (second == std::string_view::npos) return fmt::format("<keyspace {}>", rest);
    auto of = rest.substr(0, second), table = rest.substr(second + 1);
    if (table == "*") return fmt::format("<all tables in {}>", of);
    return fmt::format("<table {}.{}>", of, table);
}

std::string_view kind(std::string_view name) {
    if (name.starts_with("roles")) return "RoleResource";
    if (name.starts_with("functions")) return "FunctionResource";
    if (name.starts_with("mbean")) return "JMXResource";
    return "DataResource";
}

PermissionSet applicable(std::string_view name) {
    using enum Permission;
    if (name == "roles") return {create, alter, drop, authorize, describe};
    if (name.starts_with("roles/")) return {alter, drop, authorize, describe};
    if (name.starts_with("functions")) return {create, alter, drop, authorize, execute};
    if (name.starts_with("mbean")) return {authorize, describe, execute, modify, select};
    bool table = std::ranges::count(name, '/') == 2 && !name.ends_with("/*");
    if (table) return {alter, drop, select, modify, authorize, unmask, select_masked};
    return {create, alter, drop, select, modify, authorize, unmask, select_masked};
}

}  // namespace resource

const Role* RoleSet::find(std::string_view name) const {
    auto found = roles.find(name);
    return found == roles.end() ? nullptr : &found->second;
}

std::set<std::string> RoleSet::closure(std::string_view name) const {
    std::set<std::string> out;
    std::vector<std::string> open;
    if (find(name) != nullptr) open.emplace_back(name);
    while (!open.empty()) {
        auto next = std::move(open.back());
        open.pop_back();
        if (!out.insert(next).second) continue;
        if (const auto* role = find(next))
            open.insert(open.end(), role->member_of.begin(), role->member_of.end());
    }
    return out;
}

bool RoleSet::is_superuser(std::string_view name) const {
    return std::ranges::any_of(closure(name), [&](const std::string& one) { return find(one)->superuser; });
}

PermissionSet RoleSet::granted(std::string_view name, std::string_view resource) const {
    PermissionSet out;
    for (const auto& one : closure(name)) {
        const auto& grants = find(one)->grants;
        if (auto found = grants.find(std::string(resource)); found != grants.end()) out = out | found->second;
    }
    return out;
}

bool RoleSet::may(std::string_view name, Permission permission, std::string_view resource) const {
    auto all = closure(name);
    for (const auto& one : all)
        if (find(one)->superuser) return true;
    for (std::string at(resource); !at.empty(); at = resource::parent(at)) {
        for (const auto& one : all) {
            const auto& grants = find(one)->grants;
            if (auto found = grants.find(at); found != grants.end() && found->second.has(permission))
                return true;
        }
    }
    return false;
}

void RoleSet::forget_resource(std::string_view resource, bool below) {
    auto inner = fmt::format("{}/", resource);
    for (auto& [name, role] : roles)
        std::erase_if(role.grants, [&](const auto& grant) {
            return grant.first == resource || (below && grant.first.starts_with(inner));
        });
}

std::string serialize(const RoleSet& roles) {
    std::string out(1, char(format_version));
    append_varint(out, std::uint32_t(roles.roles.size()));
    for (const auto& [name, role] : roles.roles) {
        append_text(out, name);
        out += char(int(role.superuser) | int(role.login) << 1);
        append_text(out, role.hash);
        append_names(out, role.member_of);
        append_varint(out, std::uint32_t(role.grants.size()));
        for (const auto& [resource, permissions] : role.grants) {
            append_text(out, resource);
            append_big_endian(out, permissions.bits());
        }
        append_names(out, role.data_centers);
    }
    return out;
}

Result<RoleSet> parse_roles(std::string_view bytes) {
    ByteReader reader{bytes};
    auto version = reader.fixed<std::uint8_t>();
    if (version != format_version)
        return fail(Errc::corrupt, "the roles have format {}, this program reads format {}", version,
                    format_version);
    RoleSet out;
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        std::string name(reader.text());
        Role role;
        auto flags = reader.fixed<std::uint8_t>();
        role.superuser = (flags & 1) != 0;
        role.login = (flags & 2) != 0;
        role.hash = reader.text();
        role.member_of = read_names(reader);
        for (auto grants = reader.varint(); grants > 0 && reader.ok; --grants) {
            std::string resource(reader.text());
            role.grants[resource] = PermissionSet::of_bits(reader.fixed<std::uint16_t>());
        }
        role.data_centers = read_names(reader);
        out.roles[name] = std::move(role);
    }
    if (!reader.ok) return fail(Errc::corrupt, "the roles are cut short");
    return out;
}

Roles::Roles(Database& database) : database_(database), roles_(std::make_shared<const RoleSet>()) {
    key_.resize(32);
    RAND_bytes(reinterpret_cast<unsigned char*>(key_.data()), int(key_.size()));
}

Result<std::unique_ptr<Roles>> Roles::open(Database& database) {
    auto out = std::unique_ptr<Roles>(new Roles(database));
    std::string bytes;
    auto status = database.rocks().Get({}, roles_key, &bytes);
    if (status.IsNotFound()) return out;
    if (!status.ok()) return fail(error_of(status));
    out->roles_ = std::make_shared<const RoleSet>(TRY(parse_roles(bytes)));
    return out;
}

std::shared_ptr<const RoleSet> Roles::get() const {
    std::lock_guard lock(mutex_);
    return roles_;
}

Result<> Roles::change(const std::function<Result<>(RoleSet&)>& change) {
    std::lock_guard one_at_a_time(change_mutex_);
    RoleSet next = *get();
    TRY(change(next));
    rocksdb::WriteOptions options;
    options.sync = true;
    auto status = database_.rocks().Put(options, roles_key, serialize(next));
    if (!status.ok()) return fail(error_of(status));
    std::lock_guard lock(mutex_);
    roles_ = std::make_shared<const RoleSet>(std::move(next));
    return {};
}

std::string Roles::recognition_of(std::string_view hash, std::string_view password) const {
    auto text = fmt::format("{}\n{}", hash, password);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), key_.data(), int(key_.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), out, &size);
    OPENSSL_cleanse(text.data(), text.size());
    return {reinterpret_cast<const char*>(out), size};
}

bool Roles::check_password(std::string_view role, std::string_view password) const {
    auto now = get();
    const auto* found = now->find(role);
    // Nobody can tell by the time whether there is such a role.
    static const std::string nobody = "$2a$10$abcdefghijklmnopqrstuuKCkPUWlJ0Hx8zlVwFmyqD9yqyyQ9V0e";
    bool known = found != nullptr && !found->hash.empty() && password.find('\0') == std::string_view::npos;
    const auto& hash = known ? found->hash : nobody;
    auto recognition = recognition_of(hash, password);
    if (known) {
        std::lock_guard lock(mutex_);
        auto before = recognised_.find(role);
        if (before != recognised_.end() && before->second.size() == recognition.size() &&
            CRYPTO_memcmp(before->second.data(), recognition.data(), recognition.size()) == 0)
            return true;
    }
    auto got = crypted(password, hash);
    bool right =
        known && got.size() == hash.size() && CRYPTO_memcmp(got.data(), hash.data(), hash.size()) == 0;
    if (right) {
        std::lock_guard lock(mutex_);
        recognised_.insert_or_assign(std::string(role), recognition);
    }
    return right;
}

Result<std::string> Roles::hash_password(std::string_view password) {
    if (password.find('\0') != std::string_view::npos)
        return fail(Errc::invalid, "A password must not have a zero byte in it");
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    if (crypt_gensalt_rn("$2a$", bcrypt_cost, nullptr, 0, salt, sizeof salt) == nullptr)
        return fail(Errc::internal, "no salt for a password");
    auto out = crypted(password, salt);
    if (out.empty()) return fail(Errc::internal, "the password cannot be hashed");
    return out;
}

bool Roles::is_hash(std::string_view text) {
    if (text.size() != 60 || text[0] != '$' || text[1] != '2' || text[3] != '$' || text[6] != '$')
        return false;
    if (text[2] != 'a' && text[2] != 'b' && text[2] != 'x' && text[2] != 'y') return false;
    auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!digit(text[4]) || !digit(text[5]) || text[4] > '3') return false;
    return std::ranges::all_of(text.substr(7),
                               [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '/'; });
}

}  // namespace penstock::store
