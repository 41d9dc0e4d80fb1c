// SCRAM (RFC 5802, 7677): what the server keeps of a password, and the sums of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::broker {

/// Kafka's numbers.
enum class ScramMechanism : std::int8_t { sha256 = 1, sha512 = 2 };

/// "SCRAM-SHA-256", "SCRAM-SHA-512".
std::string_view to_string(ScramMechanism mechanism);
std::optional<ScramMechanism> parse_scram_mechanism(std::string_view name);

/// Kafka's bounds.
inline constexpr std::int32_t least_scram_iterations = 4096, most_scram_iterations = 16384;

/// Enough to check a password, and not to know it. All bytes, not text.
struct ScramCredential {
    std::string salt, stored_key, server_key;
    std::int32_t iterations = least_scram_iterations;
    bool operator==(const ScramCredential&) const = default;
};

/// Takes milliseconds, as it is meant to.
std::string salted_password(ScramMechanism mechanism, std::string_view password, std::string_view salt,
                            std::int32_t iterations);
ScramCredential scram_credential(ScramMechanism mechanism, std::string_view salted_password,
                                 std::string_view salt, std::int32_t iterations);
/// Of a password in clear, with a salt of its own.
ScramCredential scram_credential(ScramMechanism mechanism, std::string_view password);

std::string scram_hash(ScramMechanism mechanism, std::string_view bytes);
std::string scram_hmac(ScramMechanism mechanism, std::string_view key, std::string_view bytes);
/// Takes the same time wherever they differ.
bool equal_secrets(std::string_view one, std::string_view other);

}  // namespace penstock::broker
