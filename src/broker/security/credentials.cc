#include "broker/security/credentials.h"

#include "base/units.h"
#include "broker/checked_text.h"
#include "codec/base64.h"

namespace penstock::broker {
namespace {

constexpr std::string_view first_line = "penstock users 1";

std::string encode(const std::map<Credentials::Key, ScramCredential>& credentials) {
    std::string out;
    for (const auto& [key, each] : credentials)
        out += fmt::format("{} {} {} {} {} {}\n", codec::encode_base64(key.first), to_string(key.second),
                           each.iterations, codec::encode_base64(each.salt),
                           codec::encode_base64(each.stored_key), codec::encode_base64(each.server_key));
    return checked_text(first_line, out);
}

Result<std::map<Credentials::Key, ScramCredential>> decode(std::string_view text) {
    text = TRY(lines_of_checked_text(text, first_line));
    std::map<Credentials::Key, ScramCredential> credentials;
    for (int number = 2; !text.empty(); ++number) {
        auto line = take_until(text, '\n');
        auto user = codec::decode_base64(take_until(line, ' '));
        auto mechanism = parse_scram_mechanism(take_until(line, ' '));
        auto iterations = parse_int(take_until(line, ' '));
        auto salt = codec::decode_base64(take_until(line, ' '));
        auto stored_key = codec::decode_base64(take_until(line, ' '));
        auto server_key = codec::decode_base64(line);
        if (!user || !mechanism || !iterations || *iterations < 1 || *iterations > INT32_MAX || !salt ||
            !stored_key || !server_key)
            return fail(Errc::corrupt,
                        "line {}: expected USER MECHANISM ITERATIONS SALT STORED-KEY SERVER-KEY", number);
        credentials[{*user, *mechanism}] = {*salt, *stored_key, *server_key, std::int32_t(*iterations)};
    }
    return credentials;
}

}  // namespace

Result<std::unique_ptr<Credentials>> Credentials::open(io::Files& files, std::string path) {
    std::unique_ptr<Credentials> credentials(new Credentials(files, std::move(path)));
    if (!files.exists(credentials->path_)) return credentials;
    auto read = decode(TRY(files.read_file(credentials->path_)));
    if (!read) return fail(credentials->path_, std::move(read).error());
    credentials->kept_ = std::move(*read);
    return credentials;
}

std::optional<ScramCredential> Credentials::find(std::string_view user, ScramMechanism mechanism) const {
    std::lock_guard lock(mutex_);
    Key key{std::string(user), mechanism};
    for (const auto* each : {&given_, &kept_})
        if (auto found = each->find(key); found != each->end()) return found->second;
    return std::nullopt;
}

std::map<Credentials::Key, ScramCredential> Credentials::all() const {
    std::lock_guard lock(mutex_);
    auto all = given_;
    all.insert(kept_.begin(), kept_.end());
    return all;
}

Result<> Credentials::change(const std::vector<std::pair<Key, std::optional<ScramCredential>>>& changes) {
    std::lock_guard lock(mutex_);
    auto next = kept_;
    for (const auto& [key, credential] : changes) {
        if (credential)
            next[key] = *credential;
        else
            next.erase(key);
    }
    TRY(files_.replace_file(path_, encode(next)));
    kept_ = std::move(next);
    return {};
}

void Credentials::set_password(const std::string& user, std::string_view password) {
    for (auto mechanism : {ScramMechanism::sha256, ScramMechanism::sha512}) {
        auto credential = scram_credential(mechanism, password);
        std::lock_guard lock(mutex_);
        given_[{user, mechanism}] = std::move(credential);
    }
}

bool Credentials::is_password(std::string_view user, std::string_view password) const {
    for (auto mechanism : {ScramMechanism::sha256, ScramMechanism::sha512}) {
        auto known = find(user, mechanism);
        if (!known) continue;
        auto salted = salted_password(mechanism, password, known->salt, known->iterations);
        auto given = scram_credential(mechanism, salted, known->salt, known->iterations);
        return equal_secrets(given.stored_key, known->stored_key);
    }
    return false;
}

}  // namespace penstock::broker
