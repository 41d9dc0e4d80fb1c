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
            out += fmt::format("{} {} {} {}\n", encode(entity.user), encode(entity.client_id),
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
        const bool named =
            decode(take_until(line, ' '), entity.user) && decode(take_until(line, ' '), entity.client_id);
        auto quota = parse_quota(take_until(line, ' '));
        auto limit = parse_double(line);
        if (!named || (!entity.user && !entity.client_id) || !quota || !limit || !(*limit > 0))
            return fail(Errc::corrupt, "line {}: expected USER CLIENT-ID QUOTA BYTES-PER-SECOND", number);
        quotas[entity][*quota] = *limit;
    }
    return quotas;
}

}  // namespace

std::string_view to_string(Quota quota) {
    return quota == Quota::produce ? "producer_byte_rate" : "consumer_byte_rate";
}

std::optional<Quota> parse_quota(std::string_view name) {
    for (auto quota : {Quota::produce, Quota::fetch})
        if (name == to_string(quota)) return quota;
    return std::nullopt;
}

void ByteRate::add(std::int64_t now_ms, double bytes) {
    const auto start = now_ms - now_ms % sample_ms;
    auto& sample = samples_[std::size_t(now_ms / sample_ms % samples)];
    if (sample.start_ms != start) sample = {start, 0};
    sample.bytes += bytes;
}

double ByteRate::bytes(std::int64_t now_ms) const {
    double sum = 0;
    for (const auto& sample : samples_)
        if (sample.start_ms + samples * sample_ms > now_ms) sum += sample.bytes;
    return sum;
}

std::int64_t ByteRate::excess_ms(std::int64_t now_ms, double bytes_per_second) const {
    auto oldest = now_ms;
    for (const auto& sample : samples_)
        if (sample.start_ms + samples * sample_ms > now_ms) oldest = std::min(oldest, sample.start_ms);
    auto elapsed = now_ms - oldest;
    elapsed += std::max<std::int64_t>(0, samples - 1 - elapsed / sample_ms) * sample_ms;
    const auto rate = bytes(now_ms) * 1000 / double(elapsed);
    if (rate <= bytes_per_second) return 0;
    constexpr double longest = 1e9;
    return std::int64_t(
        std::min(longest, std::round((rate - bytes_per_second) / bytes_per_second * double(elapsed))));
}

Result<std::unique_ptr<ClientQuotas>> ClientQuotas::open(io::Files& files, std::string path,
                                                         const Clock& clock) {
    std::unique_ptr<ClientQuotas> quotas(new ClientQuotas(files, std::move(path), clock));
    if (!files.exists(quotas->path_)) return quotas;
    auto read = decode(TRY(files.read_file(quotas->path_)));
    if (!read) return fail(quotas->path_, std::move(read).error());
    quotas->quotas_ = std::move(*read);
    quotas->are_none_ = quotas->quotas_.empty();
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
        if (change.bytes_per_second)
            values[change.quota] = *change.bytes_per_second;
        else
            values.erase(change.quota);
        if (values.empty()) next.erase(change.entity);
    }
    TRY(files_.replace_file(path_, encode(next)));
    quotas_ = std::move(next);
    are_none_ = quotas_.empty();
    return {};
}

/// With mutex_ held. The first that there is: Kafka's order.
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
        auto found = quotas_.find(entity);
        if (found == quotas_.end()) continue;
        auto value = found->second.find(quota);
        if (value == found->second.end()) continue;
        RateKey shared{quota, std::nullopt, std::nullopt};
        if (entity.user) std::get<1>(shared) = std::string(user);
        if (entity.client_id) std::get<2>(shared) = std::string(client_id);
        return Limit{value->second, std::move(shared)};
    }
    return std::nullopt;
}

/// With mutex_ held.
ByteRate& ClientQuotas::rate(const RateKey& key, std::int64_t now_ms) {
    if (rates_.size() >= most_rates && !rates_.contains(key))
        std::erase_if(rates_, [&](const auto& each) { return each.second.is_idle(now_ms); });
    return rates_[key];
}

std::int32_t ClientQuotas::count(Quota quota, std::string_view user, std::string_view client_id,
                                 std::int64_t bytes) {
    if (are_none_) return 0;
    std::lock_guard lock(mutex_);
    auto limited = limit(quota, user, client_id);
    if (!limited) return 0;
    const auto now = clock_.monotonic_us() / 1000;
    auto& measured = rate(limited->shared_by, now);
    measured.add(now, double(bytes));
    return std::int32_t(measured.excess_ms(now, limited->bytes_per_second));
}

std::int32_t ClientQuotas::ask(Quota quota, std::string_view user, std::string_view client_id,
                               std::int64_t bytes) {
    if (are_none_) return 0;
    std::lock_guard lock(mutex_);
    auto limited = limit(quota, user, client_id);
    if (!limited) return 0;
    const auto now = clock_.monotonic_us() / 1000;
    auto& measured = rate(limited->shared_by, now);
    const bool is_first = measured.is_idle(now);  // which may be larger than all, or it would never come
    measured.add(now, double(bytes));
    const auto excess = measured.excess_ms(now, limited->bytes_per_second);
    if (excess == 0 || is_first) return 0;
    measured.add(now, -double(bytes));
    return std::int32_t(excess);
}

std::optional<std::int64_t> ClientQuotas::most_at_once(Quota quota, std::string_view user,
                                                       std::string_view client_id) const {
    if (are_none_) return std::nullopt;
    std::lock_guard lock(mutex_);
    auto limited = limit(quota, user, client_id);
    if (!limited) return std::nullopt;
    constexpr double most = double(1LL << 40);
    return std::int64_t(std::min(most, limited->bytes_per_second * (ByteRate::samples - 1)));
}

}  // namespace penstock::broker
