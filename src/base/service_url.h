// The address of a service: scheme://[user[:password]@]host[:port][,host[:port]...][/path][?name=value&...].
// Secrets come from the environment, as ${NAME}, in the user, the password, the path and the values: settings
// files and process lists then never hold them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock {

struct ServiceUrl {
    struct Host {
        std::string name;  ///< an IPv6 address without its brackets
        std::optional<std::uint16_t> port;
        bool operator==(const Host&) const = default;
    };
    std::string scheme;
    std::optional<std::string> user;
    std::optional<std::string> password;
    std::vector<Host> hosts;  ///< empty for scheme:///path
    std::string path;         ///< without its leading slash
    std::map<std::string, std::string> options;

    /// "h1:9092,h2:9092", with the default port where a host names none.
    std::string host_list(std::uint16_t default_port) const;
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
/// The process's own.
std::optional<std::string> environment_variable(const std::string& name);

/// Parts are percent-decoded; what comes from the environment is taken as it is. Errc::invalid, with the URL
/// masked, when it is none, has another scheme, or names a variable that is not set.
Result<ServiceUrl> parse_service_url(std::string_view text, std::string_view scheme,
                                     const Environment& environment = environment_variable);

/// The text with *** for the password and for each option whose name says that it is secret. Works on what
/// does not parse too: it is for error messages.
std::string masked_url(std::string_view text);

}  // namespace penstock
