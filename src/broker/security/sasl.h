// A client's log-in: SASL PLAIN (RFC 4616) and SCRAM (RFC 5802), the server's side.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/security/credentials.h"

namespace penstock::broker {

/// One log-in. Not thread-safe.
class SaslExchange {
public:
    virtual ~SaslExchange() = default;
    /// The answer to the client's next message. Errc::unauthorized ends it.
    virtual Result<std::string> step(std::string_view message) = 0;
    /// Whether the client has proved who it is.
    bool is_complete() const { return complete_; }
    const std::string& user() const { return user_; }

protected:
    bool complete_ = false;
    std::string user_;
};

/// "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512".
std::span<const std::string_view> sasl_mechanisms();
/// nullptr: no such mechanism. credentials must outlive it.
std::unique_ptr<SaslExchange> begin_sasl(std::string_view mechanism, const Credentials& credentials);

}  // namespace penstock::broker
