// How many bytes a second clients may produce and fetch, by user and client id: Kafka's client quotas. Kept
// on disk as a text file that is replaced as a whole. Source: KIP-13, KIP-55, KIP-546;
// docs/formats/security.md.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/files.h"

namespace penstock::broker {

enum class Quota : std::uint8_t { produce, fetch };
/// Kafka's names: "producer_byte_rate", "consumer_byte_rate".
std::string_view to_string(Quota quota);
std::optional<Quota> parse_quota(std::string_view name);

struct QuotaName {
    bool is_default = false;  ///< of all that have no quota of their own; then without a name
    std::string name;
    auto operator<=>(const QuotaName&) const = default;
};

/// Whom a quota is for; at least one of both.
struct QuotaEntity {
    std::optional<QuotaName> user, client_id;
    auto operator<=>(const QuotaEntity&) const = default;
};

using QuotaValues = std::map<Quota, double>;  // bytes per second

struct QuotaChange {
    QuotaEntity entity;
    Quota quota = Quota::produce;
    std::optional<double> bytes_per_second;  ///< nullopt takes it away
};

/// Bytes per second over the last seconds, as Kafka measures: 11 samples of a second each, and a rate that
/// has just begun counts as if it had gone on for ten.
class ByteRate {
public:
    void add(std::int64_t now_ms, double bytes);
    double bytes(std::int64_t now_ms) const;  ///< in the samples that count
    /// How long to rest so that the rate is no more than the limit; 0: it is not more.
    std::int64_t excess_ms(std::int64_t now_ms, double bytes_per_second) const;
    bool is_idle(std::int64_t now_ms) const { return bytes(now_ms) == 0; }

    static constexpr std::int64_t sample_ms = 1000;
    static constexpr int samples = 11;

private:
    struct Sample {
        std::int64_t start_ms = INT64_MIN / 2;
        double bytes = 0;
    };
    std::array<Sample, samples> samples_;
};

/// Thread-safe.
class ClientQuotas {
public:
    /// Reads the file, if there is one. Errc::corrupt, naming the line.
    static Result<std::unique_ptr<ClientQuotas>> open(io::Files& files, std::string path, const Clock& clock);

    std::map<QuotaEntity, QuotaValues> all() const;
    /// Kept on disk when it returns.
    Result<> change(const std::vector<QuotaChange>& changes);

    /// Counts what the client sent. How many ms it has to rest; 0 without a quota.
    std::int32_t count(Quota quota, std::string_view user, std::string_view client_id, std::int64_t bytes);
    /// Counts what the client would get, if it may have it now: then 0. Else how many ms it has to rest.
    std::int32_t ask(Quota quota, std::string_view user, std::string_view client_id, std::int64_t bytes);
    /// More than that is never had at once.
    std::optional<std::int64_t> most_at_once(Quota quota, std::string_view user,
                                             std::string_view client_id) const;

private:
    /// Those whom a quota is for share one rate: a user's clients, or each of them.
    using RateKey = std::tuple<Quota, std::optional<std::string>, std::optional<std::string>>;
    struct Limit {
        double bytes_per_second;
        RateKey shared_by;
    };

    ClientQuotas(io::Files& files, std::string path, const Clock& clock)
        : files_(files), path_(std::move(path)), clock_(clock) {}
    std::optional<Limit> limit(Quota quota, std::string_view user, std::string_view client_id) const;
    ByteRate& rate(const RateKey& key, std::int64_t now_ms);

    io::Files& files_;
    const std::string path_;
    const Clock& clock_;
    std::atomic<bool> are_none_{true};  // the usual case, without the mutex
    mutable std::mutex mutex_;          // guards the rest
    std::map<QuotaEntity, QuotaValues> quotas_;
    std::map<RateKey, ByteRate> rates_;
};

}  // namespace penstock::broker
