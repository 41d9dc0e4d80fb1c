// How much clients may do, by user and client id, and how often they may connect, by address: Kafka's client
// quotas. Kept on disk as a text file that is replaced as a whole. Source: KIP-13, KIP-55, KIP-124, KIP-546,
// KIP-599, KIP-612; docs/formats/security.md.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
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

/// Bytes a second; percent of one thread's time; partitions made and removed a second; connections a second.
enum class Quota : std::uint8_t { produce, fetch, request_time, mutations, connections };
/// Kafka's names: "producer_byte_rate", "consumer_byte_rate", "request_percentage",
/// "controller_mutation_rate", "connection_creation_rate".
std::string_view to_string(Quota quota);
std::optional<Quota> parse_quota(std::string_view name);

struct QuotaName {
    bool is_default = false;  ///< of all that have no quota of their own; then without a name
    std::string name;
    auto operator<=>(const QuotaName&) const = default;
};

/// Whom a quota is for: a user, a client id or both; or else an address.
struct QuotaEntity {
    std::optional<QuotaName> user, client_id, address = std::nullopt;
    auto operator<=>(const QuotaEntity&) const = default;
};

using QuotaValues = std::map<Quota, double>;

struct QuotaChange {
    QuotaEntity entity;
    Quota quota = Quota::produce;
    std::optional<double> limit;  ///< nullopt takes it away
};

/// Bytes, or whatever is counted, per second over the last seconds, as Kafka measures: 11 samples of a second
/// each, and a rate that has just begun counts as if it had gone on for ten.
class Rate {
public:
    void add(std::int64_t now_ms, double amount);
    double amount(std::int64_t now_ms) const;  ///< in the samples that count
    /// How long to rest so that the rate is no more than the limit; 0: it is not more.
    std::int64_t excess_ms(std::int64_t now_ms, double per_second) const;
    bool is_idle(std::int64_t now_ms) const { return amount(now_ms) == 0; }

    static constexpr std::int64_t sample_ms = 1000;
    static constexpr int samples = 11;

private:
    struct Sample {
        std::int64_t start_ms = INT64_MIN / 2;
        double amount = 0;
    };
    std::array<Sample, samples> samples_;
};

/// Fills up by the limit each second, to eleven seconds' worth, and may be overdrawn once (KIP-599).
class TokenBucket {
public:
    /// How long until it is no longer overdrawn.
    std::int64_t debt_ms(std::int64_t now_ms, double per_second);
    void take(std::int64_t now_ms, double per_second, double tokens);
    bool is_full(std::int64_t now_ms, double per_second);

private:
    void fill(std::int64_t now_ms, double per_second);
    std::int64_t filled_ms_ = INT64_MIN / 2;
    double tokens_ = 0;
};

/// Thread-safe.
class ClientQuotas {
public:
    /// Reads the file, if there is one. Errc::corrupt, naming the line.
    static Result<std::unique_ptr<ClientQuotas>> open(io::Files& files, std::string path, const Clock& clock);

    std::map<QuotaEntity, QuotaValues> all() const;
    /// Whether anybody's requests are timed.
    bool counts_time() const { return counts_time_; }
    /// Kept on disk when it returns.
    Result<> change(const std::vector<QuotaChange>& changes);

    /// Counts what the client sent. How many ms it has to rest; 0 without a quota.
    std::int32_t count(Quota quota, std::string_view user, std::string_view client_id, std::int64_t bytes);
    /// Counts what the client would get, if it may have it now: then 0. Else how many ms it has to rest.
    std::int32_t ask(Quota quota, std::string_view user, std::string_view client_id, std::int64_t bytes);
    /// Counts the time that a request took. How many ms the client has to rest; at most a second.
    std::int32_t count_time(std::string_view user, std::string_view client_id, std::chrono::nanoseconds time);
    /// Counts partitions that are to be made or removed. Above 0: how many ms until the client may go on.
    /// Then they are not counted when is_strict, and must not be made.
    std::int32_t count_mutations(std::string_view user, std::string_view client_id, std::int64_t partitions,
                                 bool is_strict);
    /// Counts a connection. Above 0: it is one too many, and must not be served; how many ms to rest.
    std::int32_t count_connection(std::string_view address);
    /// More than that is never had at once.
    std::optional<std::int64_t> most_at_once(Quota quota, std::string_view user,
                                             std::string_view client_id) const;

private:
    /// Those whom a quota is for share one rate: a user's clients, or each of them.
    using RateKey = std::tuple<Quota, std::optional<std::string>, std::optional<std::string>>;
    struct Limit {
        double per_second;
        RateKey shared_by;
    };

    ClientQuotas(io::Files& files, std::string path, const Clock& clock)
        : files_(files), path_(std::move(path)), clock_(clock) {}
    void look();  // at quotas_, for the flags
    std::optional<Limit> limit(Quota quota, std::string_view user, std::string_view client_id) const;
    std::optional<double> limit_of(const QuotaEntity& entity, Quota quota) const;
    Rate& rate(const RateKey& key, std::int64_t now_ms);
    TokenBucket& bucket(const Limit& limit, std::int64_t now_ms);
    std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    io::Files& files_;
    const std::string path_;
    const Clock& clock_;
    std::atomic<bool> are_none_{true};  // the usual case, without the mutex
    std::atomic<bool> counts_time_{false};
    mutable std::mutex mutex_;  // guards the rest
    std::map<QuotaEntity, QuotaValues> quotas_;
    std::map<RateKey, Rate> rates_;
    std::map<RateKey, TokenBucket> buckets_;
};

}  // namespace penstock::broker
