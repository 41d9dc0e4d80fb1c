#include "ingest/environment.h"

#include <cstdlib>

namespace penstock::ingest {
namespace {

bool is_name(std::string_view name) {
    if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
    for (char c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    return true;
}

bool looks_secret(std::string_view parameter) {
    std::string name;
    for (char c : parameter)
        if (c != '_' && c != '-') name += c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    for (auto word : {"key", "token", "secret", "password", "passwd", "signature", "auth", "credential"})
        if (name.find(word) != std::string::npos) return true;
    return name == "sig" || name == "pwd" || name == "code";
}

}  // namespace

Result<std::string> expand_environment(std::string_view text) {
    std::string out;
    while (true) {
        auto start = text.find("${");
        out += text.substr(0, start);
        if (start == std::string_view::npos) return out;
        auto end = text.find('}', start);
        auto name = text.substr(start + 2, end == std::string_view::npos ? end : end - start - 2);
        if (end == std::string_view::npos || !is_name(name))
            return fail(Errc::invalid,
                        "'${{' must be followed by the name of a variable of the environment "
                        "and '}}'");
        auto* value = std::getenv(std::string(name).c_str());
        if (value == nullptr)
            return fail(Errc::invalid, "the variable {} of the environment is not set", name);
        out += value;
        text.remove_prefix(end + 1);
    }
}

bool uses_environment(std::string_view text) {
    return text.find("${") != std::string_view::npos;
}

std::string masked_url(std::string_view url) {
    std::string out;
    auto authority = url.find("://");
    if (authority != std::string_view::npos) {
        out += url.substr(0, authority + 3);
        url.remove_prefix(authority + 3);
        auto end = url.find_first_of("/?#");
        auto at = url.substr(0, end).rfind('@');
        if (at != std::string_view::npos) {
            out += "***";
            url.remove_prefix(at);
        }
    }
    auto question = url.find('?');
    out += url.substr(0, question);
    if (question == std::string_view::npos) return out;
    out += '?';
    url.remove_prefix(question + 1);
    while (true) {
        auto end = url.find('&');
        auto pair = url.substr(0, end);
        auto equals = pair.find('=');
        if (equals != std::string_view::npos && looks_secret(pair.substr(0, equals)))
            out.append(pair.substr(0, equals + 1)).append("***");
        else
            out += pair;
        if (end == std::string_view::npos) return out;
        out += '&';
        url.remove_prefix(end + 1);
    }
}

}  // namespace penstock::ingest
