#include "broker/server/features.h"

#include <fmt/format.h>

#include "base/units.h"

namespace penstock::broker {
namespace {

constexpr const char* epoch_name = "epoch";

}  // namespace

FeatureLevels::FeatureLevels(LocalTopics& topics) : topics_(topics) {
    const auto kept = topics_.configs().of(ConfigOwner::feature, "");
    auto number = [&](std::string_view name, std::int64_t otherwise) {
        auto found = kept.find(std::string(name));
        return found == kept.end() ? otherwise : parse_int(found->second).value_or(otherwise);
    };
    for (const auto& each : features) {
        auto level = number(each.name, each.newest);
        const bool is_known = level >= each.oldest && level <= each.newest;
        levels_[std::size_t(each.feature)] = is_known ? std::int16_t(level) : each.newest;
    }
    epoch_ = number(epoch_name, 1);
}

Result<> FeatureLevels::set(const std::map<Feature, std::int16_t>& levels) {
    TopicConfig kept{{epoch_name, std::to_string(epoch_ + 1)}};
    for (const auto& each : features) {
        auto found = levels.find(each.feature);
        auto level = found == levels.end() ? of(each.feature) : found->second;
        if (level != each.newest) kept[std::string(each.name)] = std::to_string(level);
    }
    TRY(topics_.set_config(ConfigOwner::feature, "", std::move(kept)));
    for (const auto& [feature, level] : levels) levels_[std::size_t(feature)] = level;
    ++epoch_;
    return {};
}

}  // namespace penstock::broker
