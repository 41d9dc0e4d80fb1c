#include "stream/spark/spark_url.h"

#include "base/units.h"

namespace penstock::stream {

namespace {

Result<bool> flag(std::string_view name, std::string_view value) {
    if (value == "true") return true;
    if (value == "false") return false;
    return fail(Errc::invalid, "{} is '{}', expected true or false", name, value);
}

Result<> set_option(SparkUrl& url, const std::string& name, const std::string& value) {
    if (name == "use_ssl") {
        url.use_ssl = TRY(flag(name, value));
    } else if (name == "token") {
        url.token = value;
    } else if (name == "user_id") {
        url.user_id = value;
    } else if (name == "user_agent") {
        // For the server's log only, which names Penstock.
    } else if (name == "checkpoints") {
        url.checkpoints = value.ends_with('/') ? value.substr(0, value.size() - 1) : value;
    } else if (name == "kafka") {
        url.kafka = value;
    } else if (name == "cassandra") {
        url.cassandra = value;
    } else if (name == "trigger") {
        url.trigger = value;
    } else if (name == "max_offsets") {
        auto number = parse_int(value);
        if (!number || *number < 0)
            return fail(Errc::invalid, "max_offsets is '{}', expected a number of records", value);
        url.max_offsets = *number;
    } else if (name == "dead_letters") {
        url.dead_letters = TRY(flag(name, value));
    } else if (name == "tables") {
        if (value != "connector" && value != "relay")
            return fail(Errc::invalid, "tables is '{}', expected connector or relay", value);
        url.tables = value == "relay" ? SparkTables::relay : SparkTables::connector;
    } else if (name == "select") {
        if (value != "spark" && value != "embedded")
            return fail(Errc::invalid, "select is '{}', expected spark or embedded", value);
        url.local_select = value == "embedded";
    } else if (name.starts_with("spark.")) {
        url.spark[name] = value;
    } else if (name.starts_with("kafka.")) {
        url.kafka_options[name] = value;
    } else {
        return fail(Errc::invalid,
                    "there is no option {}; expected use_ssl, token, user_id, checkpoints, kafka, cassandra, "
                    "trigger, max_offsets, dead_letters, tables, select, spark.* or kafka.*",
                    name);
    }
    return {};
}

Result<SparkUrl> parse(std::string_view text, const Environment& environment) {
    // The options are taken apart as those of every other service's URL.
    auto options_at = text.find("/;");
    std::string as_query(text.substr(0, options_at));
    if (options_at != std::string_view::npos) {
        as_query += '?';
        for (char c : text.substr(options_at + 2)) {
            if (c == '&')
                as_query += "%26";
            else
                as_query += c == ';' ? '&' : c;
        }
    } else if (as_query.ends_with('/')) {
        as_query.pop_back();
    }
    auto service = parse_service_url(as_query, "sc", environment);
    if (!service) {
        // It names the URL as it was rewritten; ours stands before it.
        auto error = std::move(service).error();
        auto colon = error.text.find("': ");
        return fail(error.code, "{}", colon == std::string::npos ? error.text : error.text.substr(colon + 3));
    }
    if (service->hosts.size() != 1 || service->user || !service->path.empty())
        return fail(Errc::invalid, "expected sc://host:port/;name=value;...");
    SparkUrl url;
    url.host = service->hosts[0].name;
    url.port = service->hosts[0].port.value_or(url.port);
    for (const auto& [name, value] : service->options) TRY(set_option(url, name, value));
    if (!url.token.empty()) url.use_ssl = true;
    return url;
}

}  // namespace

Result<SparkUrl> parse_spark_url(std::string_view text, const Environment& environment) {
    auto url = parse(text, environment);
    if (!url) return fail(fmt::format("'{}'", masked_url(text)), std::move(url).error());
    return url;
}

}  // namespace penstock::stream
