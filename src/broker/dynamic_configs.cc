#include "broker/dynamic_configs.h"

#include <optional>

#include "broker/checked_text.h"
#include "codec/base64.h"

namespace penstock::broker {
namespace {

constexpr std::string_view first_line = "penstock configs 1";

std::string_view to_string(ConfigOwner owner) {
    switch (owner) {
        case ConfigOwner::broker:
            return "broker";
        case ConfigOwner::group:
            return "group";
        case ConfigOwner::client_metrics:
            return "client-metrics";
        case ConfigOwner::feature:
            return "feature";
    }
    return "";
}

std::optional<ConfigOwner> parse_owner(std::string_view text) {
    for (auto owner :
         {ConfigOwner::broker, ConfigOwner::group, ConfigOwner::client_metrics, ConfigOwner::feature})
        if (text == to_string(owner)) return owner;
    return std::nullopt;
}

/// Never empty, so that every line has its four fields.
std::string field(std::string_view text) {
    return "=" + codec::encode_base64(text);
}

std::optional<std::string> parse_field(std::string_view text) {
    if (!text.starts_with('=')) return std::nullopt;
    return codec::decode_base64(text.substr(1));
}

}  // namespace

std::string DynamicConfigs::encode(const All& all) {
    std::string out;
    for (const auto& [key, config] : all)
        for (const auto& [name, value] : config)
            out += fmt::format("{} {} {} {}\n", to_string(key.first), field(key.second), field(name),
                               field(value));
    return checked_text(first_line, out);
}

Result<DynamicConfigs::All> DynamicConfigs::decode(std::string_view text) {
    text = TRY(lines_of_checked_text(text, first_line));
    All all;
    for (int number = 2; !text.empty(); ++number) {
        auto line = take_until(text, '\n');
        auto type = parse_owner(take_until(line, ' '));
        auto owner = parse_field(take_until(line, ' '));
        auto name = parse_field(take_until(line, ' '));
        auto value = parse_field(line);
        if (!type || !owner || !name || !value)
            return fail(
                Errc::corrupt,
                "line {}: expected broker, group, client-metrics or feature, its NAME, SETTING and VALUE",
                number);
        all[{*type, *owner}][*name] = *value;
    }
    return all;
}

Result<std::unique_ptr<DynamicConfigs>> DynamicConfigs::open(io::Files& files, std::string path) {
    std::unique_ptr<DynamicConfigs> configs(new DynamicConfigs(files, std::move(path)));
    if (!files.exists(configs->path_)) return configs;
    auto read = decode(TRY(files.read_file(configs->path_)));
    if (!read) return fail(configs->path_, std::move(read).error());
    configs->all_ = std::move(*read);
    return configs;
}

TopicConfig DynamicConfigs::of(ConfigOwner owner, std::string_view name) const {
    std::lock_guard lock(mutex_);
    auto found = all_.find({owner, std::string(name)});
    return found == all_.end() ? TopicConfig() : found->second;
}

std::vector<std::string> DynamicConfigs::names(ConfigOwner owner) const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [key, config] : all_)
        if (key.first == owner) names.push_back(key.second);
    return names;
}

Result<> DynamicConfigs::replace(ConfigOwner owner, const std::string& name, TopicConfig config) {
    std::lock_guard change(change_mutex_);
    auto next = all_;  // changed under change_mutex_ only
    if (config.empty())
        next.erase({owner, name});
    else
        next[{owner, name}] = std::move(config);
    TRY(files_.replace_file(path_, encode(next)));
    std::lock_guard lock(mutex_);
    all_ = std::move(next);
    return {};
}

}  // namespace penstock::broker
