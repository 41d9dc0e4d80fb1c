#include "store/cql/keyspace_options.h"

#include <algorithm>

#include "store/cql/option_values.h"

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
        if (text.find('/') != std::string::npos)
            return misconfigured("Transient replication is not enabled on this node");
        auto value = parse_int32(text);
        if (!value) return misconfigured("For input string: \"{}\"", text);
        if (*value < 0) return misconfigured("Replication factor must be non-negative, found {}", *value);
        return *value;
    }

    Result<> only(std::string_view known) const {
        std::string unknown;
        for (const auto& [name, value] : options)
            if (name != "class" && name != known) unknown += (unknown.empty() ? "" : ", ") + name;
        if (unknown.empty()) return {};
        return misconfigured("Unrecognized strategy option {{{}}} passed to {} for keyspace {}", unknown,
                             class_name(), keyspace);
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
        if (copies == 0) return misconfigured("Configuration for at least one datacenter must be present");
        if (copies > 1)
            warnings.push_back(
                fmt::format("Your replication factor {} for keyspace {} is higher than the number of nodes 1 "
                            "for datacenter {}",
                            copies, keyspace, data_center));
        return {};
    }

    Result<> check() {
        auto at = options.find("class");
        if (at == options.end()) return misconfigured("Missing replication strategy class");
        if (at->second.find('.') == std::string::npos) at->second.insert(0, package);
        auto name = at->second.starts_with(package) ? class_name() : std::string();
        if (name == "LocalStrategy")
            return fail(Errc::invalid,
                        "Unable to use given strategy class: LocalStrategy is reserved for internal use.");
        if (name == "SimpleStrategy") return simple();
        if (name == "NetworkTopologyStrategy") return by_data_center();
        return misconfigured("Unable to find replication strategy class '{}'", at->second);
    }
};

}  // namespace

Result<> apply_keyspace_options(const Options& options, KeyspaceDefinition& keyspace, bool create,
                                std::string_view data_center, std::vector<std::string>& warnings) {
    for (const auto& [name, text] : options.texts) {
        if (name == "replication")
            return misspelt("Invalid value for property '{}'. It should be a map.", name);
        if (name != "durable_writes") return misspelt("Unknown property '{}'", name);
        keyspace.durable_writes = TRY(parse_truth(name, unquoted(text)));
    }
    for (const auto& [name, map] : options.maps) {
        if (name == "durable_writes")
            return misspelt("Invalid value for property '{}'. It should be a string", name);
        if (name != "replication") return misspelt("Unknown property '{}'", name);
        Replication replication{map, keyspace.name, data_center, warnings};
        TRY(replication.check());
        keyspace.replication = std::move(replication.options);
    }
    if (create && keyspace.replication.empty())
        return fail(Errc::invalid, "Missing mandatory option 'replication'");
    return {};
}

}  // namespace penstock::store::cql
