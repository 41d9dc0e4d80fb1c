#include "base/service_url.h"

#include <cctype>
#include <cstdlib>

#include "base/hex.h"
#include "base/units.h"

namespace penstock {
namespace {

/// The parts as written, views into the URL.
struct Parts {
    std::string_view scheme;
    std::string_view user_information;
    bool has_user_information = false;
    std::string_view hosts;
    std::string_view path;
    std::string_view query;
};

std::optional<Parts> split(std::string_view text) {
    Parts parts;
    auto colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    parts.scheme = text.substr(0, colon);
    auto rest = text.substr(colon + 3);
    auto question = rest.find('?');
    auto at = rest.substr(0, question).rfind('@');
    if (question != std::string_view::npos) {
        parts.query = rest.substr(question + 1);
        rest = rest.substr(0, question);
    }
    if (at != std::string_view::npos) {
        parts.user_information = rest.substr(0, at);
        parts.has_user_information = true;
        rest = rest.substr(at + 1);
    }
    auto slash = rest.find('/');
    parts.hosts = rest.substr(0, slash);
    if (slash != std::string_view::npos) parts.path = rest.substr(slash + 1);
    return parts;
}

Result<std::string> decode(std::string_view text, const Environment& environment) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            bool whole = i + 2 < text.size();
            int high = whole ? hex_digit(text[i + 1]) : -1;
            int low = whole ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) return fail(Errc::invalid, "expected two hexadecimal digits after '%'");
            out += char(high * 16 + low);
            i += 2;
        } else if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') {
            auto end = text.find('}', i);
            if (end == std::string_view::npos) return fail(Errc::invalid, "expected '}}' after '${{'");
            std::string name(text.substr(i + 2, end - i - 2));
            auto value = environment(name);
            if (!value) return fail(Errc::invalid, "the environment variable {} is not set", name);
            out += *value;
            i = end;
        } else {
            out += text[i];
        }
    }
    return out;
}

Result<ServiceUrl::Host> host_of(std::string_view text) {
    ServiceUrl::Host host;
    auto colon = text.rfind(':');
    if (text.starts_with('[')) {
        auto close = text.find(']');
        if (close == std::string_view::npos) return fail(Errc::invalid, "expected ']' after '{}'", text);
        host.name = text.substr(1, close - 1);
        colon = close + 1 < text.size() ? close + 1 : std::string_view::npos;
        if (colon != std::string_view::npos && text[colon] != ':')
            return fail(Errc::invalid, "expected ':' and a port after '{}'", text.substr(0, colon));
    } else {
        host.name = text.substr(0, colon);
    }
    if (host.name.empty()) return fail(Errc::invalid, "a host has no name");
    if (colon != std::string_view::npos) {
        auto port = parse_int(text.substr(colon + 1));
        if (!port || *port < 1 || *port > 65535) {
            // The text is not shown: it may be the start of a password with a '?' or a '/' in it.
            return fail(Errc::invalid, "the port of host '{}' is not a number from 1 to 65535", host.name);
        }
        host.port = std::uint16_t(*port);
    }
    return host;
}

template <class Each>
Result<> for_each_part(std::string_view text, char separator, Each each) {
    while (!text.empty()) {
        auto end = text.find(separator);
        TRY(each(text.substr(0, end)));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return {};
}

Result<ServiceUrl> parse(std::string_view text, std::string_view scheme, const Environment& environment) {
    auto parts = split(text);
    if (!parts || parts->scheme != scheme) return fail(Errc::invalid, "expected {}://host:port", scheme);
    ServiceUrl url;
    url.scheme = parts->scheme;
    if (parts->has_user_information) {
        auto colon = parts->user_information.find(':');
        url.user = TRY(decode(parts->user_information.substr(0, colon), environment));
        if (colon != std::string_view::npos)
            url.password = TRY(decode(parts->user_information.substr(colon + 1), environment));
    }
    TRY(for_each_part(parts->hosts, ',', [&](std::string_view host) -> Result<> {
        url.hosts.push_back(TRY(host_of(host)));
        return {};
    }));
    url.path = TRY(decode(parts->path, environment));
    TRY(for_each_part(parts->query, '&', [&](std::string_view option) -> Result<> {
        auto equals = option.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return fail(Errc::invalid, "expected name=value between '?' and '&'");
        auto name = TRY(decode(option.substr(0, equals), environment));
        auto value = TRY(decode(option.substr(equals + 1), environment));
        if (!url.options.emplace(name, std::move(value)).second)
            return fail(Errc::invalid, "'{}' is set twice", name);
        return {};
    }));
    return url;
}

bool says_secret(std::string_view name) {
    std::string lower;
    for (char c : name) lower += char(std::tolower(static_cast<unsigned char>(c)));
    for (auto word : {"password", "secret", "token", "passphrase", "pem", "jaas", "passwd"})
        if (lower.find(word) != std::string::npos) return true;
    return false;
}

/// name=value pairs with *** for the secret ones, after the first and between the others as said.
std::string masked_options(std::string_view options, char before, char separator) {
    std::string out;
    while (!options.empty()) {
        auto end = options.find(separator);
        auto option = options.substr(0, end);
        auto equals = option.find('=');
        out += before;
        before = separator;
        if (equals != std::string_view::npos && says_secret(option.substr(0, equals)))
            out += fmt::format("{}=***", option.substr(0, equals));
        else
            out += option;
        options = end == std::string_view::npos ? std::string_view() : options.substr(end + 1);
    }
    return out;
}

}  // namespace

std::string ServiceUrl::host_list(std::uint16_t default_port) const {
    std::string list;
    for (const auto& host : hosts) {
        if (!list.empty()) list += ',';
        bool is_ipv6 = host.name.find(':') != std::string::npos;
        list += fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", host.name, is_ipv6 ? "]" : "",
                            host.port.value_or(default_port));
    }
    return list;
}

std::optional<std::string> environment_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (!value) return std::nullopt;
    return value;
}

Result<ServiceUrl> parse_service_url(std::string_view text, std::string_view scheme,
                                     const Environment& environment) {
    auto url = parse(text, scheme, environment);
    if (!url) return fail(fmt::format("'{}'", masked_url(text)), url.error());
    return url;
}

std::string masked_url(std::string_view text) {
    auto parts = split(text);
    if (!parts) return std::string(text);
    std::string out = fmt::format("{}://", parts->scheme);
    auto last_at = text.rfind('@');
    if (!parts->has_user_information && last_at != std::string_view::npos) {
        // Perhaps an option with an @ in it, perhaps a password that holds a '?'.
        auto rest = text.substr(out.size());
        return out + fmt::format("{}:***{}", rest.substr(0, rest.find_first_of(":/?")), text.substr(last_at));
    }
    if (parts->has_user_information) {
        auto colon = parts->user_information.find(':');
        out += parts->user_information.substr(0, colon);
        if (colon != std::string_view::npos) out += ":***";
        out += '@';
    }
    out += parts->hosts;
    // Spark's way to write options: sc://host/;name=value;name=value
    auto path_end = parts->path.find(';');
    if (!parts->path.empty()) out += fmt::format("/{}", parts->path.substr(0, path_end));
    if (path_end != std::string_view::npos) out += masked_options(parts->path.substr(path_end + 1), ';', ';');
    return out + masked_options(parts->query, '?', '&');
}

}  // namespace penstock
