#include "broker/topic_config.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "base/units.h"
#include "broker/checked_text.h"

namespace penstock::broker {
namespace {

using enum SettingType;

constexpr std::array settings{
    TopicSetting{"cleanup.policy", "log.cleanup.policy", list, "delete",
                 "|delete|compact|compact,delete|delete,compact",
                 "What happens to old segments: they go, or of each key only the newest record stays."},
    TopicSetting{"compression.gzip.level", "compression.gzip.level", int32, "-1", "",
                 "No effect: the library's own level."},
    TopicSetting{"compression.lz4.level", "compression.lz4.level", int32, "9", "",
                 "No effect: the library's own level."},
    TopicSetting{"compression.type", "compression.type", text, "producer",
                 "producer|uncompressed|gzip|snappy|lz4|zstd",
                 "How batches are stored; producer: as they came."},
    TopicSetting{"compression.zstd.level", "compression.zstd.level", int32, "3", "",
                 "No effect: the library's own level."},
    TopicSetting{"delete.retention.ms", "log.cleaner.delete.retention.ms", int64, "86400000", "",
                 "How long compaction keeps tombstones."},
    TopicSetting{"file.delete.delay.ms", "log.segment.delete.delay.ms", int64, "60000", "",
                 "No effect: files go at once."},
    TopicSetting{"flush.messages", "log.flush.interval.messages", int64, "9223372036854775807", "",
                 "No effect: see the log's "
                 "durability."},
    TopicSetting{"flush.ms", "log.flush.interval.ms", int64, "9223372036854775807", "",
                 "No effect: see the log's "
                 "durability."},
    TopicSetting{"follower.replication.throttled.replicas", "", list, "", "", "No effect on one node."},
    TopicSetting{"index.interval.bytes", "log.index.interval.bytes", int32, "4096", "",
                 "Bytes between two index entries."},
    TopicSetting{"leader.replication.throttled.replicas", "", list, "", "", "No effect on one node."},
    TopicSetting{"local.retention.bytes", "log.local.retention.bytes", int64, "-2", "", "No effect."},
    TopicSetting{"local.retention.ms", "log.local.retention.ms", int64, "-2", "", "No effect."},
    TopicSetting{"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", int64, "9223372036854775807",
                 "", "After this time a record is compacted, however little there is."},
    TopicSetting{"max.message.bytes", "message.max.bytes", int32, "1048588", "", "The largest record batch."},
    TopicSetting{"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", int64, "3600000", "",
                 "Records of producers whose timestamp is further in the future are refused."},
    TopicSetting{"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", int64,
                 "9223372036854775807", "", "Records of producers whose timestamp is older are refused."},
    TopicSetting{"message.timestamp.type", "log.message.timestamp.type", text, "CreateTime",
                 "CreateTime|LogAppendTime", "Whose clock a record's timestamp is of."},
    TopicSetting{"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", real, "0.5", "",
                 "How much of a log must be new before it is compacted."},
    TopicSetting{"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", int64, "0", "",
                 "How long every record stays."},
    TopicSetting{"min.insync.replicas", "min.insync.replicas", int32, "1", "", "No effect on one node."},
    TopicSetting{"preallocate", "log.preallocate", boolean, "false", "true|false", "No effect."},
    TopicSetting{"remote.log.copy.disable", "", boolean, "false", "true|false", "No effect."},
    TopicSetting{"remote.log.delete.on.disable", "", boolean, "false", "true|false", "No effect."},
    TopicSetting{"remote.storage.enable", "", boolean, "false", "false", "Not offered."},
    TopicSetting{"retention.bytes", "log.retention.bytes", int64, "-1", "",
                 "Oldest segments go above this size; -1: any."},
    TopicSetting{"retention.ms", "log.retention.ms", int64, "604800000", "",
                 "Segments older than this go; -1: never."},
    TopicSetting{"segment.bytes", "log.segment.bytes", int32, "1073741824", "", "The size of a segment."},
    TopicSetting{"segment.index.bytes", "log.index.size.max.bytes", int32, "10485760", "", "No effect."},
    TopicSetting{"segment.jitter.ms", "log.roll.jitter.ms", int64, "0", "", "No effect."},
    TopicSetting{"segment.ms", "log.roll.ms", int64, "604800000", "",
                 "The age at which a segment is closed."},
    TopicSetting{"unclean.leader.election.enable", "unclean.leader.election.enable", boolean, "false",
                 "true|false", "No effect on one node."},
};

bool is_allowed(std::string_view value, std::string_view allowed) {
    while (!allowed.empty()) {
        auto bar = allowed.find('|');
        if (value == allowed.substr(0, bar)) return true;
        if (bar == std::string_view::npos) break;
        allowed.remove_prefix(bar + 1);
    }
    return false;
}

/// The lowest value Kafka takes.
std::int64_t lowest(std::string_view name) {
    if (name == "segment.bytes") return 14;
    if (name == "segment.ms" || name == "min.insync.replicas") return 1;
    if (name.starts_with("retention.") || name == "compression.gzip.level") return -1;
    if (name == "compression.zstd.level") return -131'072;
    if (name == "compression.lz4.level") return 1;
    if (name.starts_with("local.retention.")) return -2;
    return 0;
}

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(' ');
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// "*", or "partition:broker" as often as wanted, with commas between them.
bool are_replicas(std::string_view value) {
    if (trimmed(value) == "*") return true;
    while (!value.empty()) {
        auto entry = trimmed(take_until(value, ','));
        if (entry.empty()) continue;
        auto colon = entry.find(':');
        if (colon == entry.npos || !is_number(entry.substr(0, colon)) || !is_number(entry.substr(colon + 1)))
            return false;
    }
    return true;
}

}  // namespace

std::span<const TopicSetting> topic_settings() {
    return settings;
}

const TopicSetting* find_topic_setting(std::string_view name) {
    auto found = std::ranges::find(settings, name, &TopicSetting::name);
    return found == settings.end() ? nullptr : &*found;
}

const TopicSetting* find_topic_setting_of_broker(std::string_view name) {
    if (name.empty()) return nullptr;
    auto found = std::ranges::find(settings, name, &TopicSetting::broker_name);
    return found == settings.end() ? nullptr : &*found;
}

Result<> check_topic_config(const TopicConfig& config) {
    for (const auto& [name, value] : config) {
        const auto* setting = find_topic_setting(name);
        if (!setting) return fail(Errc::invalid, "Unknown topic config name: {}", name);
        if (!setting->allowed.empty() && !is_allowed(value, setting->allowed))
            return fail(Errc::invalid, "Invalid value {} for configuration {}: expected {}", value, name,
                        setting->allowed);
        if (value.find_first_of("\r\n") != std::string::npos)
            return fail(Errc::invalid, "Invalid value for configuration {}: a line break", name);
        if (setting->type == SettingType::real) {
            char* end = nullptr;
            auto share = std::strtod(value.c_str(), &end);
            if (value.empty() || *end != '\0' || !(share >= 0 && share <= 1))
                return fail(Errc::invalid, "Invalid value {} for configuration {}: expected 0 to 1", value,
                            name);
        }
        if (name.ends_with(".throttled.replicas") && !are_replicas(value))
            return fail(Errc::invalid,
                        "Invalid value {} for configuration {}: expected '*' or a list of replicas, "
                        "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                        value, name);
        bool number = setting->type == SettingType::int32 || setting->type == SettingType::int64;
        if (!number) continue;
        auto parsed = parse_int(value);
        auto low = lowest(name);
        auto high = setting->type == SettingType::int32 ? std::int64_t(INT_MAX) : INT64_MAX;
        if (!parsed || *parsed < low || *parsed > high)
            return fail(Errc::invalid,
                        "Invalid value {} for configuration {}: expected a number "
                        "from {} to {}",
                        value, name, low, high);
    }
    return {};
}

LogOptions log_options(const TopicConfig& config, const TopicConfig& defaults) {
    auto text = [&](const char* name) -> std::string {
        if (auto found = config.find(name); found != config.end()) return found->second;
        if (auto found = defaults.find(name); found != defaults.end()) return found->second;
        return std::string(find_topic_setting(name)->standard);
    };
    auto number = [&](const char* name) { return parse_int(text(name)).value_or(0); };
    LogOptions options;
    options.segment_bytes = number("segment.bytes");
    options.segment_ms = number("segment.ms");
    options.retention_ms = number("retention.ms");
    options.retention_bytes = number("retention.bytes");
    options.index_interval_bytes = number("index.interval.bytes");
    options.max_message_bytes = number("max.message.bytes");
    options.deletes = text("cleanup.policy").find("delete") != std::string::npos;
    options.compacts = text("cleanup.policy").find("compact") != std::string::npos;
    options.min_dirty_ratio = std::strtod(text("min.cleanable.dirty.ratio").c_str(), nullptr);
    options.delete_retention_ms = number("delete.retention.ms");
    options.min_compaction_lag_ms = number("min.compaction.lag.ms");
    options.max_compaction_lag_ms = number("max.compaction.lag.ms");
    options.compression = codec::parse_compression(text("compression.type"));
    options.timestamp_before_max_ms = number("message.timestamp.before.max.ms");
    options.timestamp_after_max_ms = number("message.timestamp.after.max.ms");
    options.append_time = text("message.timestamp.type") == "LogAppendTime";
    return options;
}

Result<> check_topic_name(std::string_view name) {
    if (name.empty()) return fail(Errc::invalid, "Topic name is invalid: it is empty");
    if (name == "." || name == "..") return fail(Errc::invalid, "Topic name is invalid: it is '{}'", name);
    if (name.size() > 249)
        return fail(Errc::invalid, "Topic name is invalid: it has {} characters, more than 249", name.size());
    for (char c : name) {
        bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '_' || c == '-';
        if (!legal)
            return fail(Errc::invalid,
                        "Topic name is invalid: '{}' contains one or more characters "
                        "other than ASCII alphanumerics, '.', '_' and '-'",
                        name);
    }
    return {};
}

bool topic_names_collide(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other,
                              [](char a, char b) { return (a == '.' ? '_' : a) == (b == '.' ? '_' : b); });
}

}  // namespace penstock::broker
