// Who may log in to the Kafka port, on disk: a text file that is replaced as a whole.
// docs/formats/security.md.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "broker/security/scram.h"
#include "io/files.h"

namespace penstock::broker {

/// Thread-safe.
class Credentials {
public:
    using Key = std::pair<std::string, ScramMechanism>;  // user, mechanism

    /// Reads the file, if there is one. Errc::corrupt, naming the line.
    static Result<std::unique_ptr<Credentials>> open(io::Files& files, std::string path);

    std::optional<ScramCredential> find(std::string_view user, ScramMechanism mechanism) const;
    std::map<Key, ScramCredential> all() const;
    /// Kept on disk when it returns. nullopt takes the credential away.
    Result<> change(const std::vector<std::pair<Key, std::optional<ScramCredential>>>& changes);
    /// Of both mechanisms, kept in memory only: a password that stands in the settings.
    void set_password(const std::string& user, std::string_view password);
    /// Against either mechanism's credential.
    bool is_password(std::string_view user, std::string_view password) const;

private:
    Credentials(io::Files& files, std::string path) : files_(files), path_(std::move(path)) {}

    io::Files& files_;
    const std::string path_;
    mutable std::mutex mutex_;  // guards both
    std::map<Key, ScramCredential> kept_;
    std::map<Key, ScramCredential> given_;
};

}  // namespace penstock::broker
