#include "store/cql/compaction_options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "store/cql/option_values.h"

namespace penstock::store::cql {
namespace {

constexpr std::array<std::string_view, 10> of_all{"class",
                                                  "enabled",
                                                  "min_threshold",
                                                  "max_threshold",
                                                  "tombstone_threshold",
                                                  "tombstone_compaction_interval",
                                                  "unchecked_tombstone_compaction",
                                                  "uncheckedTombstoneCompaction",
                                                  "log_all",
                                                  "only_purge_repaired_tombstones"};
constexpr std::array<std::string_view, 3> of_size_tiers{"bucket_low", "bucket_high", "min_sstable_size"};
constexpr std::array<std::string_view, 3> of_levels{"sstable_size_in_mb", "fanout_size",
                                                    "single_sstable_uplevel"};
constexpr std::array<std::string_view, 8> of_time_windows{"compaction_window_unit",
                                                          "compaction_window_size",
                                                          "timestamp_resolution",
                                                          "expired_sstable_check_frequency_seconds",
                                                          "unsafe_aggressive_sstable_expiration",
                                                          "bucket_low",
                                                          "bucket_high",
                                                          "min_sstable_size"};
constexpr std::array<std::string_view, 10> of_unified{"scaling_parameters",
                                                      "target_sstable_size",
                                                      "min_sstable_size",
                                                      "base_shard_count",
                                                      "sstable_growth",
                                                      "flush_size_override",
                                                      "overlap_inclusion_method",
                                                      "parallelize_output_shards",
                                                      "expired_sstable_check_frequency_seconds",
                                                      "unsafe_aggressive_sstable_expiration"};

/// One strategy's options, each looked at when it is there.
struct Checker {
    const OptionMap& options;

    const std::string* find(const std::string& name) const {
        auto at = options.find(name);
        return at == options.end() ? nullptr : &at->second;
    }

    Result<std::int64_t> integer(const std::string& name, std::int64_t otherwise) const {
        const auto* text = find(name);
        if (text == nullptr) return otherwise;
        auto value = parse_int(*text);
        if (!value) return misconfigured("{} is not a parsable int (base10) for {}", *text, name);
        return *value;
    }

    Result<double> number(const std::string& name, double otherwise, std::string_view called) const {
        const auto* text = find(name);
        if (text == nullptr) return otherwise;
        auto value = parse_double(*text);
        if (!value) return misconfigured("{} is not a parsable {} for {}", *text, called, name);
        return *value;
    }

    Result<> positive(const std::string& name, std::string_view than) const {
        auto value = TRY(integer(name, 1));
        if (value <= 0) return misconfigured("{} must be {} than 0, but was {}", name, than, value);
        return {};
    }

    Result<> truth(const std::string& name) const {
        const auto* text = find(name);
        if (text == nullptr || *text == "true" || *text == "false") return {};
        if (name == "enabled")
            return misconfigured("enabled should either be 'true' or 'false', not {}", *text);
        if (name == "unsafe_aggressive_sstable_expiration")
            return misconfigured("{} is not 'true' or 'false' ({})", name, *text);
        return misconfigured("'{}' should be either 'true' or 'false', not '{}'", name, *text);
    }

    Result<std::int64_t> threshold(const std::string& name, std::int64_t otherwise) const {
        const auto* text = find(name);
        if (text == nullptr) return otherwise;
        auto value = parse_int32(*text);
        if (!value)
            return misconfigured("Invalid value {} for '{}' compaction sub-option - must be an integer",
                                 *text, name);
        return *value;
    }

    Result<> thresholds() const {
        auto least = TRY(threshold("min_threshold", 4));
        auto most = TRY(threshold("max_threshold", 32));
        if (least < 2) return misconfigured("Min compaction threshold cannot be less than 2 (got {})", least);
        if (least > most)
            return misconfigured(
                "Min compaction threshold (got {}) cannot be greater than max compaction threshold (got {})",
                least, most);
        return {};
    }

    Result<> common() const {
        auto share = TRY(number("tombstone_threshold", 1, "int (base10)"));
        if (share <= 0)
            return misconfigured("tombstone_threshold must be greater than 0, but was {:.6f}", share);
        TRY(positive("tombstone_compaction_interval", "greater"));
        for (const auto* name : {"unchecked_tombstone_compaction", "only_purge_repaired_tombstones"})
            TRY(truth(name));
        return truth("enabled");
    }

    Result<> size_tiers() const {
        if (TRY(integer("min_sstable_size", 1)) < 0)
            return misconfigured("min_sstable_size must be non negative: {}", *find("min_sstable_size"));
        auto low = TRY(number("bucket_low", 0.5, "float"));
        auto high = TRY(number("bucket_high", 1.5, "float"));
        if (high <= low)
            return misconfigured("bucket_high value ({}) is less than or equal to the bucket_low value ({})",
                                 high, low);
        return {};
    }

    Result<> levels() const {
        TRY(positive("sstable_size_in_mb", "larger"));
        return positive("fanout_size", "larger");
    }

    Result<> one_of(const std::string& name, std::span<const std::string_view> values) const {
        const auto* text = find(name);
        if (text == nullptr || std::ranges::find(values, *text) != values.end()) return {};
        return misconfigured("{} is not valid for {}", *text, name);
    }

    Result<> time_windows() const {
        constexpr std::array<std::string_view, 3> windows{"MINUTES", "HOURS", "DAYS"};
        constexpr std::array<std::string_view, 7> resolutions{
            "NANOSECONDS", "MICROSECONDS", "MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS"};
        TRY(one_of("timestamp_resolution", resolutions));
        TRY(one_of("compaction_window_unit", windows));
        auto size = TRY(integer("compaction_window_size", 1));
        if (size < 1) return misconfigured("{} must be greater than 1 for compaction_window_size", size);
        auto seconds = TRY(integer("expired_sstable_check_frequency_seconds", 600));
        if (seconds < 0)
            return misconfigured("expired_sstable_check_frequency_seconds must not be negative, but was {}",
                                 seconds);
        TRY(truth("unsafe_aggressive_sstable_expiration"));
        return size_tiers();
    }
};

}  // namespace

Result<> check_compaction(const OptionMap& options) {
    auto given = options.find("class");
    if (given == options.end())
        return misconfigured("Missing sub-option 'class' for the 'compaction' option");
    auto name = given->second.substr(given->second.rfind('.') + 1);
    std::span<const std::string_view> own;
    bool size_tiers = name == "SizeTieredCompactionStrategy", levels = name == "LeveledCompactionStrategy",
         time_windows = name == "TimeWindowCompactionStrategy";
    if (size_tiers)
        own = of_size_tiers;
    else if (levels)
        own = of_levels;
    else if (time_windows)
        own = of_time_windows;
    else if (name == "UnifiedCompactionStrategy")
        own = of_unified;
    else
        return misconfigured(
            "Unable to find compaction strategy class 'org.apache.cassandra.db.compaction.{}'", name);
    Checker check{options};
    TRY(check.thresholds());
    TRY(check.common());
    if (size_tiers) TRY(check.size_tiers());
    if (levels) TRY(check.levels());
    if (time_windows) TRY(check.time_windows());
    std::string unknown;
    for (const auto& [option, value] : options)
        if (std::ranges::find(of_all, option) == of_all.end() && std::ranges::find(own, option) == own.end())
            unknown += (unknown.empty() ? "" : ", ") + option;
    if (!unknown.empty())
        return misconfigured("Properties specified [{}] are not understood by {}", unknown, name);
    return {};
}

}  // namespace penstock::store::cql
