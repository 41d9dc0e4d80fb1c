#include "store/cql/keyspace_options.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

constexpr std::string_view package = "org.apache.cassandra.locator.";
constexpr std::string_view factor_option = "replication_factor";
/// Cassandra's default_keyspace_rf.
constexpr std::string_view default_factor = "1";

struct Replication {
    std::map<std::string, std::string> options;
    std::string_view keyspace;
    std::string_view data_center;
    std::vector<std::string>& warnings;

    std::string class_name() const { return options.at("class").substr(package.size()); }

    Result<int> factor(const std::string& text) const {
        int value = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.find('/') != std::string::npos)
            return fail(Errc::invalid, "{}Transient replication is not enabled on this node", config_prefix);
        if (error != std::errc() || end != text.data() + text.size())
            return fail(Errc::invalid, "{}For input string: \"{}\"", config_prefix, text);
        if (value < 0)
            return fail(Errc::invalid, "{}Replication factor must be non-negative, found {}", config_prefix,
                        value);
        return value;
    }

    Result<> only(std::string_view known) const {
        std::string unknown;
        for (const auto& [name, value] : options)
            if (name != "class" && name != known) unknown += (unknown.empty() ? "" : ", ") + name;
        if (unknown.empty()) return {};
        return fail(Errc::invalid, "{}Unrecognized strategy option {{{}}} passed to {} for keyspace {}",
                    config_prefix, unknown, class_name(), keyspace);
    }

    Result<> simple() {
        options.try_emplace(std::string(factor_option), default_factor);
        TRY(only(factor_option));
        auto copies = TRY(factor(options[std::string(factor_option)]));
        if (copies > 1)
            warnings.push_back(
                fmt::format("Your replication factor {} for keyspace {} is higher than the number of nodes 1",
                            copies, keyspace));
        return {};
    }

    /// The factor for all data centres becomes that of each that names none.
    Result<> by_data_center() {
        auto all = options.extract(std::string(factor_option));
        bool named = options.size() > 1;
        if (!all.empty() || !named)
            options.try_emplace(std::string(data_center),
                                all.empty() ? std::string(default_factor) : all.mapped());
        TRY(only(data_center));
        auto copies = TRY(factor(options[std::string(data_center)]));
        if (copies == 0)
            return fail(Errc::invalid, "{}Configuration for at least one datacenter must be present",
                        config_prefix);
        if (copies > 1)
            warnings.push_back(
                fmt::format("Your replication factor {} for keyspace {} is higher than the number of nodes 1 "
                            "for datacenter {}",
                            copies, keyspace, data_center));
        return {};
    }

    Result<> check() {
        auto at = options.find("class");
        if (at == options.end())
            return fail(Errc::invalid, "{}Missing replication strategy class", config_prefix);
        if (at->second.find('.') == std::string::npos) at->second.insert(0, package);
        auto name = at->second.starts_with(package) ? class_name() : std::string();
        if (name == "LocalStrategy")
            return fail(Errc::invalid,
                        "Unable to use given strategy class: LocalStrategy is reserved for internal use.");
        if (name == "SimpleStrategy") return simple();
        if (name == "NetworkTopologyStrategy") return by_data_center();
        return fail(Errc::invalid, "{}Unable to find replication strategy class '{}'", config_prefix,
                    at->second);
    }
};

Result<bool> truth(const std::string& name, std::string text) {
    if (text.size() >= 2 && text.front() == '\'') text = text.substr(1, text.size() - 2);
    for (auto& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
    if (text == "true" || text == "yes" || text == "1") return true;
    if (text == "false" || text == "no" || text == "0") return false;
    return fail(Errc::invalid,
                "{}Invalid boolean value {} for '{}'. Positive values can be '1', 'true' or 'yes'. Negative "
                "values can be '0', 'false' or 'no'.",
                syntax_prefix, text, name);
}

}  // namespace

Result<> apply_keyspace_options(const Options& options, KeyspaceDefinition& keyspace, bool create,
                                std::string_view data_center, std::vector<std::string>& warnings) {
    for (const auto& [name, text] : options.texts) {
        if (name == "replication")
            return fail(Errc::invalid, "{}Invalid value for property '{}'. It should be a map.",
                        syntax_prefix, name);
        if (name != "durable_writes")
            return fail(Errc::invalid, "{}Unknown property '{}'", syntax_prefix, name);
        keyspace.durable_writes = TRY(truth(name, text));
    }
    for (const auto& [name, map] : options.maps) {
        if (name == "durable_writes")
            return fail(Errc::invalid, "{}Invalid value for property '{}'. It should be a string",
                        syntax_prefix, name);
        if (name != "replication") return fail(Errc::invalid, "{}Unknown property '{}'", syntax_prefix, name);
        Replication replication{map, keyspace.name, data_center, warnings};
        TRY(replication.check());
        keyspace.replication = std::move(replication.options);
    }
    if (create && keyspace.replication.empty())
        return fail(Errc::invalid, "Missing mandatory option 'replication'");
    return {};
}

}  // namespace penstock::store::cql
