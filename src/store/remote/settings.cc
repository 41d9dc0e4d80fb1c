#include "store/remote/settings.h"

#include <array>
#include <functional>
#include <map>

#include "base/service_url.h"
#include "base/units.h"

namespace penstock::store {
namespace {

constexpr std::array<std::pair<std::string_view, Consistency>, 7> consistencies{{
    {"one", Consistency::one},
    {"two", Consistency::two},
    {"three", Consistency::three},
    {"quorum", Consistency::quorum},
    {"all", Consistency::all},
    {"local_quorum", Consistency::local_quorum},
    {"local_one", Consistency::local_one},
}};

Result<> read_consistency(const std::string& text, Consistency& out) {
    std::string expected;
    for (const auto& [name, value] : consistencies) {
        if (name == text) {
            out = value;
            return {};
        }
        expected += (expected.empty() ? "" : ", ") + std::string(name);
    }
    return fail(Errc::invalid, "consistency is '{}'; expected one of {}", text, expected);
}

Result<> read_serial(const std::string& text, Consistency& out) {
    if (text != "serial" && text != "local_serial")
        return fail(Errc::invalid, "serial_consistency is '{}'; expected serial or local_serial", text);
    out = text == "serial" ? Consistency::serial : Consistency::local_serial;
    return {};
}

Result<> read_number(std::string_view name, const std::string& text, int least, int most, int& out) {
    auto number = parse_int(text);
    if (!number || *number < least || *number > most)
        return fail(Errc::invalid, "{} is '{}'; expected a number from {} to {}", name, text, least, most);
    out = int(*number);
    return {};
}

Result<> read_bool(std::string_view name, const std::string& text, bool& out) {
    if (text != "true" && text != "false")
        return fail(Errc::invalid, "{} is '{}'; expected true or false", name, text);
    out = text == "true";
    return {};
}

Result<> read_duration(std::string_view name, const std::string& text, std::int64_t least_us,
                       std::chrono::milliseconds& out) {
    auto us = parse_duration_us(text);
    if (!us || *us < least_us)
        return fail(Errc::invalid, "{} is '{}'; expected a duration of at least {}", name, text,
                    format_duration_us(least_us));
    out = std::chrono::milliseconds(*us / 1000);
    return {};
}

struct Tls {
    bool asked = false;
    bool refused = false;
    net::TlsClientOptions options;
};

Result<> read_verify(const std::string& text, Tls& tls) {
    if (text != "full" && text != "ca" && text != "none")
        return fail(Errc::invalid, "tls.verify is '{}'; expected full, ca (not the host's name) or none",
                    text);
    tls.options.verify_chain = text != "none";
    tls.options.verify_host = text == "full";
    return {};
}

using Reader = std::function<Result<>(const std::string&)>;

/// What each option's value goes into.
std::map<std::string, Reader, std::less<>> readers_of(RemoteTablesSettings& out, Tls& tls) {
    auto number = [](const char* name, int least, int most, int& into) -> Reader {
        return [=, &into](const std::string& text) { return read_number(name, text, least, most, into); };
    };
    auto duration = [](const char* name, std::int64_t least, std::chrono::milliseconds& into) -> Reader {
        return [=, &into](const std::string& text) { return read_duration(name, text, least, into); };
    };
    auto file = [&tls](std::string& into) -> Reader {
        return [&tls, &into](const std::string& text) -> Result<> {
            into = text;
            tls.asked = true;
            return {};
        };
    };
    std::map<std::string, Reader, std::less<>> readers;
    readers["consistency"] = [&](const auto& text) { return read_consistency(text, out.consistency); };
    readers["serial_consistency"] = [&](const auto& text) {
        return read_serial(text, out.serial_consistency);
    };
    readers["local_dc"] = [&](const auto& text) -> Result<> {
        out.local_dc = text;
        return {};
    };
    readers["replication"] = number("replication", 1, 100, out.replication);
    readers["create"] = [&](const auto& text) { return read_bool("create", text, out.create); };
    readers["protocol"] = number("protocol", 4, 5, out.protocol);
    readers["compression"] = [&](const auto& text) -> Result<> {
        if (text != "none" && text != "lz4")
            return fail(Errc::invalid, "compression is '{}'; expected none or lz4", text);
        out.compress = text == "lz4";
        return {};
    };
    readers["connections"] = number("connections", 1, 16, out.connections);
    readers["in_flight"] = number("in_flight", 1, 16'384, out.in_flight);
    readers["page"] = number("page", 1, 100'000, out.page_rows);
    readers["connect.for"] = duration("connect.for", 100'000, out.connect_for);
    readers["request.for"] = duration("request.for", 100'000, out.request_for);
    readers["retry.for"] = duration("retry.for", 100'000, out.retry_for);
    readers["speculate.after"] = duration("speculate.after", 0, out.speculate_after);
    readers["tls"] = [&tls](const auto& text) -> Result<> {
        bool on = false;
        TRY(read_bool("tls", text, on));
        (on ? tls.asked : tls.refused) = true;
        return {};
    };
    readers["tls.ca"] = file(tls.options.authorities);
    readers["tls.certificate"] = file(tls.options.certificate);
    readers["tls.key"] = file(tls.options.key);
    readers["tls.verify"] = [&tls](const auto& text) { return read_verify(text, tls); };
    return readers;
}

bool is_plain_name(std::string_view name) {
    if (name.size() > 48) return false;
    for (char c : name)
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
    return !name.empty() && name[0] >= 'a';
}

Result<RemoteTablesSettings> settings_of(const ServiceUrl& url) {
    RemoteTablesSettings out;
    if (url.hosts.empty()) return fail(Errc::invalid, "expected cassandra://host:9042/keyspace");
    for (const auto& host : url.hosts) out.hosts.push_back({host.name, host.port.value_or(9042)});
    out.shown = url.host_list(9042);
    out.user = url.user.value_or("");
    out.password = url.password.value_or("");
    if (!url.path.empty()) out.keyspace = url.path;
    if (!is_plain_name(out.keyspace))
        return fail(Errc::invalid,
                    "'{}' behind the hosts is not a keyspace's name; expected at most 48 of a-z, 0-9 and _",
                    out.keyspace);
    Tls tls;
    auto readers = readers_of(out, tls);
    for (const auto& [name, value] : url.options) {
        auto reader = readers.find(name);
        if (reader == readers.end()) {
            std::string known;
            for (const auto& [option, read] : readers) known += (known.empty() ? "" : ", ") + option;
            return fail(Errc::invalid, "there is no option {}; known are {}", name, known);
        }
        TRY(reader->second(value));
    }
    if (tls.options.certificate.empty() != tls.options.key.empty())
        return fail(Errc::invalid, "tls.certificate and tls.key go together");
    if (tls.asked && !tls.refused) out.tls = TRY(net::TlsClient::make(tls.options));
    return out;
}

}  // namespace

Result<RemoteTablesSettings> parse_cassandra_url(const std::string& url) {
    auto parsed = TRY(parse_service_url(url, "cassandra"));
    auto settings = settings_of(parsed);
    if (!settings) return fail(fmt::format("'{}'", masked_url(url)), settings.error());
    return settings;
}

}  // namespace penstock::store
