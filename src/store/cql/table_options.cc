#include "store/cql/table_options.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "store/bytes.h"
#include "store/cql/compaction_options.h"
#include "store/cql/option_values.h"
#include "store/uuid.h"
#include "store/value.h"

namespace penstock::store::cql {
namespace {

constexpr std::int64_t most_ttl = 630'720'000;
/// What Cassandra's tables of bloom filters can do.
constexpr double least_false_positives = 6.71e-5;

struct KnownOption {
    enum class Kind { text, integer, number, boolean, map, any };
    std::string_view name;
    Kind kind;
};
using Kind = KnownOption::Kind;

constexpr std::array<KnownOption, 23> known_options{{{"additional_write_policy", Kind::text},
                                                     {"allow_auto_snapshot", Kind::boolean},
                                                     {"bloom_filter_fp_chance", Kind::number},
                                                     {"caching", Kind::map},
                                                     {"cdc", Kind::boolean},
                                                     {"comment", Kind::text},
                                                     {"compaction", Kind::map},
                                                     {"compression", Kind::map},
                                                     {"crc_check_chance", Kind::number},
                                                     {"default_time_to_live", Kind::integer},
                                                     {"extensions", Kind::map},
                                                     {"gc_grace_seconds", Kind::integer},
                                                     {"id", Kind::text},
                                                     {"incremental_backups", Kind::boolean},
                                                     {"max_index_interval", Kind::integer},
                                                     {"memtable", Kind::text},
                                                     {"memtable_flush_period_in_ms", Kind::integer},
                                                     {"min_index_interval", Kind::integer},
                                                     {"read_repair", Kind::text},
                                                     {"speculative_retry", Kind::text},
                                                     {"dclocal_read_repair_chance", Kind::any},
                                                     {"read_repair_chance", Kind::any},
                                                     {"nodesync", Kind::any}}};

Result<Kind> kind_of(const std::string& name) {
    auto at = std::ranges::find(known_options, name, &KnownOption::name);
    if (at == known_options.end()) return misspelt("Unknown property '{}'", name);
    return at->kind;
}

/// As Java prints it: 1.0E-5.
std::string number_text(double value) {
    std::string bytes;
    append_big_endian(bytes, std::bit_cast<std::uint64_t>(value));
    return value_as_text(store::Kind::double_, bytes);
}

Result<> check_integer(const std::string& name, const std::string& text, const TableDefinition& table) {
    auto value = parse_int32(text);
    if (!value) return misspelt("Invalid integer value {} for '{}'", text, name);
    auto least = name == "min_index_interval" ? 1 : 0;
    if (*value < least)
        return misconfigured("{} must be greater than or equal to {} (got {})", name, least, *value);
    if (name == "default_time_to_live" && *value > most_ttl)
        return misconfigured("{} must be less than or equal to {} (got {})", name, most_ttl, *value);
    if (name == "max_index_interval") {
        auto option = table.options.find("min_index_interval");
        auto smallest =
            option == table.options.end() ? std::optional(128) : parse_int32(unquoted(option->second));
        if (smallest && *value < *smallest)
            return misconfigured("{} must be greater than or equal to min_index_interval ({}) (got {})", name,
                                 *smallest, *value);
    }
    return {};
}

Result<> check_number(const std::string& name, const std::string& text) {
    auto value = parse_double(text);
    if (!value) return misspelt("Invalid double value {} for '{}'", text, name);
    if (name == "bloom_filter_fp_chance" && (*value <= least_false_positives || *value > 1))
        return misconfigured("{} must be larger than {} and less than or equal to 1.0 (got {})", name,
                             number_text(least_false_positives), number_text(*value));
    if (name == "crc_check_chance" && (*value < 0 || *value > 1))
        return misconfigured("{} must be larger than or equal to 0 and smaller than or equal to 1.0 (got {})",
                             name, number_text(*value));
    return {};
}

/// 99p, 99percentile, 50ms, MIN(99p,50ms), ALWAYS, NEVER, NONE
Result<> check_policy(const std::string& text) {
    auto refused = [&] { return misconfigured("Invalid value {} for option 'speculative_retry'", text); };
    std::string upper;
    for (char c : text)
        if (c != ' ') upper += char(std::toupper(static_cast<unsigned char>(c)));
    if (upper == "ALWAYS" || upper == "NEVER" || upper == "NONE") return {};
    bool of_two = (upper.starts_with("MIN(") || upper.starts_with("MAX(")) && upper.ends_with(')');
    if (of_two) {
        auto inside = upper.substr(4, upper.size() - 5);
        auto comma = inside.find(',');
        if (comma == std::string::npos || inside.find('(') != std::string::npos) return refused();
        TRY(check_policy(inside.substr(0, comma)));
        return check_policy(inside.substr(comma + 1));
    }
    auto unit = upper.find_first_not_of("0123456789.");
    if (unit == 0 || unit == std::string::npos) return refused();
    auto value = parse_double(std::string_view(upper).substr(0, unit));
    auto rest = upper.substr(unit);
    bool percentile = rest == "P" || rest == "PERCENTILE";
    if (!value || (!percentile && rest != "MS")) return refused();
    if (percentile && (*value <= 0 || *value >= 100))
        return misconfigured(
            "Invalid value {} for PERCENTILE option 'speculative_retry': must be between (0.0 and 100.0)",
            text);
    return {};
}

Result<> check_text(const std::string& name, const std::string& text) {
    if (name == "speculative_retry" || name == "additional_write_policy") return check_policy(text);
    if (name == "memtable" && text != "default")
        return misconfigured("Memtable configuration \"{}\" not found.", text);
    std::string lower;
    for (char c : text) lower += char(std::tolower(static_cast<unsigned char>(c)));
    if (name == "read_repair" && lower != "blocking" && lower != "none")
        return misconfigured("Invalid value {} for option 'read_repair': BLOCKING or NONE", text);
    return {};
}

Result<> check_caching(const OptionMap& map) {
    std::string unknown;
    for (const auto& [name, given] : map) {
        auto value = given;
        for (auto& c : value) c = char(std::toupper(static_cast<unsigned char>(c)));
        bool word = value == "ALL" || value == "NONE";
        if (name == "keys") {
            if (!word)
                return misconfigured(
                    "Invalid value '{}' for caching sub-option 'keys': only 'ALL' and 'NONE' are allowed",
                    given);
        } else if (name == "rows_per_partition") {
            auto rows = parse_int32(value);
            if (!word && (!rows || *rows < 0))
                return misconfigured(
                    "Invalid value '{}' for caching sub-option 'rows_per_partition': only 'ALL', 'NONE', and "
                    "integer values are allowed",
                    given);
        } else {
            unknown += (unknown.empty() ? "" : ", ") + name;
        }
    }
    if (unknown.empty()) return {};
    return misconfigured("Invalid caching sub-options [{}]: only 'keys' and 'rows_per_partition' are allowed",
                         unknown);
}

Result<> check_chunk_length(const std::string& text) {
    auto length = parse_int32(text);
    if (!length) return misconfigured("Invalid value for chunk_length_in_kb");
    if (*length <= 0) return misconfigured("Invalid negative or null chunk_length_in_kb");
    if (!std::has_single_bit(std::uint32_t(*length)))
        return misconfigured("chunk_length_in_kb must be a power of 2");
    return {};
}

Result<> check_compression(const OptionMap& map) {
    if (map.empty()) return {};
    auto enabled = map.find("enabled");
    bool off = enabled != map.end() && enabled->second == "false";
    if (off && map.size() > 1)
        return misconfigured("If the 'enabled' option is set to false no other options must be specified");
    if (off) return {};
    auto given = map.find("class");
    if (given == map.end()) return misconfigured("Missing sub-option 'class' for the 'compression' option.");
    auto name = given->second.substr(given->second.rfind('.') + 1);
    constexpr std::array<std::string_view, 5> compressors{
        "LZ4Compressor", "SnappyCompressor", "DeflateCompressor", "ZstdCompressor", "NoopCompressor"};
    if (std::ranges::find(compressors, name) == compressors.end())
        return misconfigured("Could not create Compression for type org.apache.cassandra.io.compress.{}",
                             name);
    constexpr std::array<std::string_view, 4> of_all{"class", "enabled", "chunk_length_in_kb",
                                                     "min_compress_ratio"};
    std::string unknown;
    for (const auto& [option, value] : map) {
        bool of_one = (name == "ZstdCompressor" && option == "compression_level") ||
                      (name == "LZ4Compressor" &&
                       (option == "lz4_compressor_type" || option == "lz4_high_compressor_level"));
        if (!of_one && std::ranges::find(of_all, option) == of_all.end())
            unknown += (unknown.empty() ? "" : ", ") + option;
    }
    if (!unknown.empty()) return misconfigured("Unknown compression options {}", unknown);
    if (auto at = map.find("chunk_length_in_kb"); at != map.end()) TRY(check_chunk_length(at->second));
    if (auto at = map.find("min_compress_ratio"); at != map.end()) {
        auto ratio = parse_double(at->second);
        if (!ratio || *ratio < 0 || (*ratio > 0 && *ratio < 1))
            return misconfigured("min_compress_ratio can either be 0 or greater than or equal to 1");
    }
    return {};
}

Result<> check_map(const std::string& name, const OptionMap& map) {
    if (name == "caching") return check_caching(map);
    if (name == "compression") return check_compression(map);
    if (name == "compaction") return check_compaction(map);
    return {};
}

/// With whole class names and the defaults of what was left out, as Cassandra shows them.
OptionMap completed(const std::string& name, OptionMap map) {
    auto qualify = [&](std::string_view package) {
        auto at = map.find("class");
        if (at != map.end() && at->second.find('.') == std::string::npos) at->second.insert(0, package);
        return at != map.end();
    };
    if (name == "caching") {
        map.try_emplace("keys", "ALL");
        map.try_emplace("rows_per_partition", "NONE");
    } else if (name == "compression") {
        if (qualify("org.apache.cassandra.io.compress.")) map.try_emplace("chunk_length_in_kb", "16");
        if (map.empty()) map["enabled"] = "false";
    } else if (name == "compaction" && qualify("org.apache.cassandra.db.compaction.")) {
        bool thresholds = !map["class"].ends_with(".UnifiedCompactionStrategy");
        if (thresholds) map.try_emplace("min_threshold", "4");
        if (thresholds) map.try_emplace("max_threshold", "32");
    }
    return map;
}

}  // namespace

Result<> apply_table_options(const Options& options, TableDefinition& table) {
    for (const auto& [name, text] : options.texts) {
        auto kind = TRY(kind_of(name));
        auto value = unquoted(text);
        if (name == "id") {
            auto id = parse_uuid(value);
            if (!id) return misconfigured("Invalid table id");
            table.uuid = std::move(*id);
            continue;
        }
        if (kind == Kind::map) return misspelt("Invalid value for property '{}'. It should be a map.", name);
        if (kind == Kind::integer) TRY(check_integer(name, value, table));
        if (kind == Kind::number) TRY(check_number(name, value));
        if (kind == Kind::text) TRY(check_text(name, value));
        if (kind == Kind::boolean)
            table.options[name] = TRY(parse_truth(name, value)) ? "true" : "false";
        else
            table.options[name] = kind == Kind::text || kind == Kind::any ? text : value;
    }
    for (const auto& [name, map] : options.maps) {
        auto kind = TRY(kind_of(name));
        if (kind != Kind::map && kind != Kind::any)
            return misspelt("Invalid value for property '{}'. It should be a string", name);
        TRY(check_map(name, map));
        std::string text = "{";
        for (const auto& [key, value] : completed(name, map))
            text += (text.size() > 1 ? ", '" : "'") + key + "': '" + value + "'";
        table.options[name] = text + "}";
    }
    return {};
}

}  // namespace penstock::store::cql
