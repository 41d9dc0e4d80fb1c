#include "broker/quota/client_quotas.h"

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "broker/checked_text.h"
#include "codec/base64.h"

namespace penstock::broker {
namespace {

constexpr std::string_view first_line = "penstock client quotas 1";
constexpr std::size_t most_rates = 10'000;  // more: those of clients that rest are forgotten

std::string encode(const std::optional<QuotaName>& name) {
    if (!name) return "-";
    return name->is_default ? "*" : codec::encode_base64(name->name);
}

std::string encode(const std::map<QuotaEntity, QuotaValues>& quotas) {
    std::string out;
    for (const auto& [entity, values] : quotas)
        for (const auto& [quota, limit] : values)
            out += entity.address
                       ? fmt::format("@{} - {} {}\n", encode(entity.address), to_string(quota), limit)
                       : fmt::format("{} {} {} {}\n", encode(entity.user), encode(entity.client_id),
                                     to_string(quota), limit);
    return checked_text(first_line, out);
}

/// False when it is none.
bool decode(std::string_view text, std::optional<QuotaName>& out) {
    if (text == "-") return true;
    if (text == "*") {
        out = QuotaName{.is_default = true, .name = {}};
        return true;
    }
    auto name = codec::decode_base64(text);
    if (!name || name->empty()) return false;
    out = QuotaName{.is_default = false, .name = *name};
    return true;
}

Result<std::map<QuotaEntity, QuotaValues>> decode(std::string_view text) {
    text = TRY(lines_of_checked_text(text, first_line));
    std::map<QuotaEntity, QuotaValues> quotas;
    for (int number = 2; !text.empty(); ++number) {
        auto line = take_until(text, '\n');
        QuotaEntity entity;
        auto first = take_until(line, ' ');
        const bool is_address = first.starts_with('@');
        if (is_address) first.remove_prefix(1);
        const bool named = decode(first, is_address ? entity.address : entity.user) &&
                           decode(take_until(line, ' '), entity.client_id);
        auto quota = parse_quota(take_until(line, ' '));
        auto limit = parse_double(line);
        const bool is_one =
            is_address ? entity.address && !entity.client_id : entity.user || entity.client_id;
        if (!named || !is_one || !quota || (*quota == Quota::connections) != is_address || !limit ||
            !(*limit > 0))
            return fail(Errc::corrupt, "line {}: expected USER CLIENT-ID QUOTA LIMIT", number);
        quotas[entity][*quota] = *limit;
    }
    return quotas;
}

}  // namespace

std::string_view to_string(Quota quota) {
    switch (quota) {
        case Quota::produce:
            return "producer_byte_rate";
        case Quota::fetch:
            return "consumer_byte_rate";
        case Quota::request_time:
            return "request_percentage";
        case Quota::mutations:
            return "controller_mutation_rate";
        case Quota::connections:
            return "connection_creation_rate";
    }
    return "";
}

std::optional<Quota> parse_quota(std::string_view name) {
    for (auto quota :
         {Quota::produce, Quota::fetch, Quota::request_time, Quota::mutations, Quota::connections})
        if (name == to_string(quota)) return quota;
    return std::nullopt;
}

void Rate::add(std::int64_t now_ms, double amount) {
    const auto start = now_ms - now_ms % sample_ms;
    auto& sample = samples_[std::size_t(now_ms / sample_ms % samples)];
    if (sample.start_ms != start) sample = {start, 0};
    sample.amount += amount;
}

double Rate::amount(std::int64_t now_ms) const {
    double sum = 0;
    for (const auto& sample : samples_)
        if (sample.start_ms + samples * sample_ms > now_ms) sum += sample.amount;
    return sum;
}

std::int64_t Rate::excess_ms(std::int64_t now_ms, double per_second) const {
    auto oldest = now_ms;
    for (const auto& sample : samples_)
        if (sample.start_ms + samples * sample_ms > now_ms) oldest = std::min(oldest, sample.start_ms);
    auto elapsed = now_ms - oldest;
    elapsed += std::max<std::int64_t>(0, samples - 1 - elapsed / sample_ms) * sample_ms;
    const auto rate = amount(now_ms) * 1000 / double(elapsed);
    if (rate <= per_second) return 0;
    constexpr double longest = 1e9;
    return std::int64_t(std::min(longest, std::round((rate - per_second) / per_second * double(elapsed))));
}

void TokenBucket::fill(std::int64_t now_ms, double per_second) {
    const auto most = per_second * Rate::samples;
    const auto seconds = double(std::max<std::int64_t>(0, now_ms - filled_ms_)) / 1000;
    tokens_ = std::min(most, tokens_ + seconds * per_second);
    filled_ms_ = now_ms;
}

std::int64_t TokenBucket::debt_ms(std::int64_t now_ms, double per_second) {
    fill(now_ms, per_second);
    constexpr double longest = 1e9;
    return tokens_ >= 0 ? 0
                        : std::int64_t(std::clamp(std::round(-tokens_ / per_second * 1000), 1.0, longest));
}

void TokenBucket::take(std::int64_t now_ms, double per_second, double tokens) {
    fill(now_ms, per_second);
    tokens_ -= tokens;
}

bool TokenBucket::is_full(std::int64_t now_ms, double per_second) {
    fill(now_ms, per_second);
    return tokens_ >= per_second * Rate::samples;
}

Result<std::unique_ptr<ClientQuotas>> ClientQuotas::open(io::Files& files, std::string path,
                                                         const Clock& clock) {
    std::unique_ptr<ClientQuotas> quotas(new ClientQuotas(files, std::move(path), clock));
    if (!files.exists(quotas->path_)) return quotas;
    auto read = decode(TRY(files.read_file(quotas->path_)));
    if (!read) return fail(quotas->path_, std::move(read).error());
    quotas->quotas_ = std::move(*read);
    quotas->look();
    return quotas;
}

std::map<QuotaEntity, QuotaValues> ClientQuotas::all() const {
    std::lock_guard lock(mutex_);
    return quotas_;
}

Result<> ClientQuotas::change(const std::vector<QuotaChange>& changes) {
    std::lock_guard lock(mutex_);
    auto next = quotas_;
    for (const auto& change : changes) {
        auto& values = next[change.entity];
        if (change.limit)
            values[change.quota] = *change.limit;
        else
            values.erase(change.quota);
        if (values.empty()) next.erase(change.entity);
    }
    TRY(files_.replace_file(path_, encode(next)));
    quotas_ = std::move(next);
    look();
    return {};
}

void ClientQuotas::look() {
    are_none_ = quotas_.empty();
    counts_time_ = std::ranges::any_of(
        quotas_, [](const auto& each) { return each.second.contains(Quota::request_time); });
}

/// With mutex_ held, as what follows.
std::optional<double> ClientQuotas::limit_of(const QuotaEntity& entity, Quota quota) const {
    auto found = quotas_.find(entity);
    if (found == quotas_.end()) return std::nullopt;
    auto value = found->second.find(quota);
    return value == found->second.end() ? std::nullopt : std::optional(value->second);
}

/// The first that there is: Kafka's order.
std::optional<ClientQuotas::Limit> ClientQuotas::limit(Quota quota, std::string_view user,
                                                       std::string_view client_id) const {
    const QuotaName any{.is_default = true, .name = {}};
    const QuotaName this_user{.is_default = false, .name = std::string(user)};
    const QuotaName this_client{.is_default = false, .name = std::string(client_id)};
    const std::array<QuotaEntity, 8> order{QuotaEntity{this_user, this_client},
                                           {this_user, any},
                                           {this_user, std::nullopt},
                                           {any, this_client},
                                           {any, any},
                                           {any, std::nullopt},
                                           {std::nullopt, this_client},
                                           {std::nullopt, any}};
    for (const auto& entity : order) {
        auto value = limit_of(entity, quota);
        if (!value) continue;
        RateKey shared{quota, std::nullopt, std::nullopt};
        if (entity.user) std::get<1>(shared) = std::string(user);
        if (entity.client_id) std::get<2>(shared) = std::string(client_id);
        return Limit{*value, std::move(shared)};
    }
    return std::nullopt;
}

Rate& ClientQuotas::rate(const RateKey& key, std::int64_t now_ms) {
    if (rates_.size() >= most_rates && !rates_.contains(key))
        std::erase_if(rates_, [&](const auto& each) { return each.second.is_idle(now_ms); });
    return rates_[key];
}

TokenBucket& ClientQuotas::bucket(const Limit& limit, std::int64_t now_ms) {
    if (buckets_.size() >= most_rates && !buckets_.contains(limit.shared_by))
        for (auto each = buckets_.begin(); each != buckets_.end();)
            each = each->second.is_full(now_ms, limit.per_second) ? buckets_.erase(each) : std::next(each);
    return buckets_[limit.shared_by];
}

std::int32_t ClientQuotas::count(Quota quota, std::string_view user, std::string_view client_id,
                                 std::int64_t bytes) {
    if (are_none_) return 0;
    std::lock_guard lock(mutex_);
    auto limited = limit(quota, user, client_id);
    if (!limited) return 0;
    const auto now = now_ms();
    auto& measured = rate(limited->shared_by, now);
    measured.add(now, double(bytes));
    return std::int32_t(measured.excess_ms(now, limited->per_second));
}

std::int32_t ClientQuotas::ask(Quota quota, std::string_view user, std::string_view client_id,
                               std::int64_t bytes) {
    if (are_none_) return 0;
    std::lock_guard lock(mutex_);
    auto limited = limit(quota, user, client_id);
    if (!limited) return 0;
    const auto now = now_ms();
    auto& measured = rate(limited->shared_by, now);
    const bool is_first = measured.is_idle(now);  // which may be larger than all, or it would never come
    measured.add(now, double(bytes));
    const auto excess = measured.excess_ms(now, limited->per_second);
    if (excess == 0 || is_first) return 0;
    measured.add(now, -double(bytes));
    return std::int32_t(excess);
}

std::int32_t ClientQuotas::count_time(std::string_view user, std::string_view client_id,
                                      std::chrono::nanoseconds time) {
    if (!counts_time_) return 0;
    std::lock_guard lock(mutex_);
    auto limited = limit(Quota::request_time, user, client_id);
    if (!limited) return 0;
    constexpr double percent = 1e7;  // nanoseconds of a second
    constexpr std::int64_t longest_ms = 1000;
    const auto now = now_ms();
    auto& measured = rate(limited->shared_by, now);
    measured.add(now, double(time.count()) / percent);
    return std::int32_t(std::min(longest_ms, measured.excess_ms(now, limited->per_second)));
}

std::int32_t ClientQuotas::count_mutations(std::string_view user, std::string_view client_id,
                                           std::int64_t partitions, bool is_strict) {
    if (are_none_) return 0;
    std::lock_guard lock(mutex_);
    auto limited = limit(Quota::mutations, user, client_id);
    if (!limited) return 0;
    const auto now = now_ms();
    auto& tokens = bucket(*limited, now);
    if (is_strict)
        if (auto debt = tokens.debt_ms(now, limited->per_second); debt > 0) return std::int32_t(debt);
    tokens.take(now, limited->per_second, double(partitions));
    return is_strict ? 0 : std::int32_t(tokens.debt_ms(now, limited->per_second));
}

std::int32_t ClientQuotas::count_connection(std::string_view address) {
    if (are_none_) return 0;
    std::lock_guard lock(mutex_);
    QuotaEntity entity;
    entity.address = QuotaName{.is_default = false, .name = std::string(address)};
    auto limited = limit_of(entity, Quota::connections);
    if (!limited) {
        entity.address = QuotaName{.is_default = true, .name = {}};
        limited = limit_of(entity, Quota::connections);
    }
    if (!limited) return 0;
    const auto now = now_ms();
    auto& measured = rate({Quota::connections, std::string(address), std::nullopt}, now);
    measured.add(now, 1);
    const auto excess = measured.excess_ms(now, *limited);
    if (excess > 0) measured.add(now, -1);
    return std::int32_t(excess);
}

std::optional<std::int64_t> ClientQuotas::most_at_once(Quota quota, std::string_view user,
                                                       std::string_view client_id) const {
    if (are_none_) return std::nullopt;
    std::lock_guard lock(mutex_);
    auto limited = limit(quota, user, client_id);
    if (!limited) return std::nullopt;
    constexpr double most = double(1LL << 40);
    return std::int64_t(std::min(most, limited->per_second * (Rate::samples - 1)));
}

}  // namespace penstock::broker
