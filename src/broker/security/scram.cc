#include "broker/security/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/check.h"
#include "io/random.h"

namespace penstock::broker {
namespace {

const EVP_MD* digest_of(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha256 ? EVP_sha256() : EVP_sha512();
}

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string_view to_string(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512";
}

std::optional<ScramMechanism> parse_scram_mechanism(std::string_view name) {
    for (auto mechanism : {ScramMechanism::sha256, ScramMechanism::sha512})
        if (to_string(mechanism) == name) return mechanism;
    return std::nullopt;
}

std::string salted_password(ScramMechanism mechanism, std::string_view password, std::string_view salt,
                            std::int32_t iterations) {
    const auto* digest = digest_of(mechanism);
    std::string out(std::size_t(EVP_MD_get_size(digest)), '\0');
    CHECK(PKCS5_PBKDF2_HMAC(password.data(), int(password.size()), bytes_of(salt), int(salt.size()),
                            iterations, digest, int(out.size()), bytes_of(out)) == 1);
    return out;
}

std::string scram_hmac(ScramMechanism mechanism, std::string_view key, std::string_view bytes) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    CHECK(HMAC(digest_of(mechanism), key.data(), int(key.size()), bytes_of(bytes), bytes.size(),
               bytes_of(out), &size) != nullptr);
    out.resize(size);
    return out;
}

std::string scram_hash(ScramMechanism mechanism, std::string_view bytes) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    CHECK(EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), &size, digest_of(mechanism), nullptr) == 1);
    out.resize(size);
    return out;
}

ScramCredential scram_credential(ScramMechanism mechanism, std::string_view salted, std::string_view salt,
                                 std::int32_t iterations) {
    return {.salt = std::string(salt),
            .stored_key = scram_hash(mechanism, scram_hmac(mechanism, salted, "Client Key")),
            .server_key = scram_hmac(mechanism, salted, "Server Key"),
            .iterations = iterations};
}

ScramCredential scram_credential(ScramMechanism mechanism, std::string_view password) {
    std::array<char, 24> random{};
    io::random_bytes(random);
    std::string salt(random.data(), random.size());
    auto salted = salted_password(mechanism, password, salt, least_scram_iterations);
    return scram_credential(mechanism, salted, salt, least_scram_iterations);
}

bool equal_secrets(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace penstock::broker
