#include "replica/randomuser_user.h"

#include <openssl/md5.h>
#include <openssl/sha.h>
#include <xxhash.h>

#include <cstring>

namespace penstock::replica {
namespace {

/// Numbers that depend on the key and their place alone (splitmix64).
class Draws {
public:
    explicit Draws(std::uint64_t key) : state_(key) {}
    std::uint64_t bits() {
        state_ += 0x9E3779B97F4A7C15;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
    /// 0 to bound - 1.
    std::uint32_t below(std::size_t bound) {
        return std::uint32_t(((bits() >> 32) * std::uint64_t(bound)) >> 32);
    }
    template <class List>
    const auto& one_of(const List& list) {
        return list[below(list.size())];
    }

private:
    std::uint64_t state_;
};

std::uint64_t mixed(std::uint64_t value) {
    return Draws(value).bits();
}

struct Date {
    int year;
    unsigned month, day;
};

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant's civil_from_days).
Date date_of(std::int64_t days) {
    days += 719468;
    std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    auto day_of_era = unsigned(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {int(year_of_era) + int(era) * 400 + (month <= 2 ? 1 : 0), month,
            day_of_year - (153 * shifted + 2) / 5 + 1};
}

constexpr std::int64_t day_ms = 86'400'000;

template <std::size_t N>
void put_digits(Short<N>& out, std::uint32_t value, int digits) {
    std::uint32_t scale = 1;
    for (int i = 1; i < digits; ++i) scale *= 10;
    for (; scale > 0; scale /= 10) out.add(char('0' + value / scale % 10));
}

template <std::size_t N>
void put_number(Short<N>& out, std::uint32_t value) {
    int digits = 1;
    for (std::uint32_t rest = value; rest >= 10; rest /= 10) ++digits;
    put_digits(out, value, digits);
}

template <std::size_t N>
void put(Short<N>& out, std::string_view text) {
    std::memcpy(out.bytes.data() + out.size, text.data(), text.size());
    out.size = std::uint8_t(out.size + text.size());
}

/// Between these milliseconds; the API's windows are constant.
Date put_time(Short<24>& out, Draws& draws, std::int64_t from_ms, std::int64_t to_ms) {
    auto span = std::uint64_t(to_ms - from_ms);
    auto at = from_ms + std::int64_t((draws.bits() >> 20) % span);
    std::int64_t days = at >= 0 ? at / day_ms : (at - day_ms + 1) / day_ms;
    auto rest = std::uint32_t(at - days * day_ms);
    auto date = date_of(days);
    out.size = 0;
    put_digits(out, std::uint32_t(date.year), 4);
    out.add('-');
    put_digits(out, date.month, 2);
    out.add('-');
    put_digits(out, date.day, 2);
    out.add('T');
    put_digits(out, rest / 3'600'000, 2);
    out.add(':');
    put_digits(out, rest / 60'000 % 60, 2);
    out.add(':');
    put_digits(out, rest / 1000 % 60, 2);
    out.add('.');
    put_digits(out, rest % 1000, 3);
    out.add('Z');
    return date;
}

template <std::size_t N>
void fill(Short<N>& out, Draws& draws, std::string_view format, const Date& born, bool male) {
    out.size = 0;
    std::uint64_t pool = 0;
    int left = 0;
    auto digit = [&](std::uint32_t bound) {
        if (left == 0) {
            pool = draws.bits();
            left = 8;
        }
        auto drawn = std::uint32_t(((pool & 0xFF) * bound) >> 8);
        pool >>= 8;
        --left;
        return drawn;
    };
    for (std::size_t i = 0; i < format.size(); ++i) {
        switch (format[i]) {
            case '#':
                out.add(char('0' + digit(10)));
                break;
            case '@':
                out.add(char('A' + digit(26)));
                break;
            case 'g':
                out.add(male ? '1' : '2');
                break;
            case 'y':
                put_digits(out, std::uint32_t(born.year % 100), 2);
                ++i;
                break;
            case 'm':
                put_digits(out, born.month, 2);
                ++i;
                break;
            case 'd':
                put_digits(out, born.day, 2);
                ++i;
                break;
            case '\\':
                out.add(format[++i]);
                break;
            default:
                out.add(format[i]);
        }
    }
}

/// Degrees with four decimals.
void put_degrees(Short<12>& out, Draws& draws, std::uint32_t limit) {
    std::uint32_t range = limit * 10'000;
    auto drawn = draws.below(2 * std::size_t(range) + 1);
    out.size = 0;
    if (drawn < range) out.add('-');
    auto size = drawn < range ? range - drawn : drawn - range;
    put_number(out, size / 10'000);
    out.add('.');
    put_digits(out, size % 10'000, 4);
}

template <std::size_t N>
void put_hex(Short<N>& out, const unsigned char* bytes, std::size_t count) {
    constexpr char digits[] = "0123456789abcdef";
    for (std::size_t i = 0; i < count; ++i) {
        out.add(digits[bytes[i] >> 4]);
        out.add(digits[bytes[i] & 15]);
    }
}

void put_uuid(Short<36>& out, Draws& draws) {
    std::uint64_t words[] = {draws.bits(), draws.bits()};
    unsigned char bytes[16];
    std::memcpy(bytes, words, 16);
    bytes[6] = (bytes[6] & 0x0F) | 0x40;  // RFC 9562: version 4
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    out.size = 0;
    put_hex(out, bytes, 4);
    for (std::size_t at : {4u, 6u, 8u}) {
        out.add('-');
        put_hex(out, bytes + at, 2);
    }
    out.add('-');
    put_hex(out, bytes + 10, 6);
}

// OpenSSL's newer interface costs several times as much as hashing these few bytes does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void hash_password(User& user) {
    Short<72> salted;
    put(salted, user.password.view());
    put(salted, user.salt.view());
    unsigned char digest[SHA256_DIGEST_LENGTH];
    MD5_CTX md5;
    MD5_Init(&md5);
    MD5_Update(&md5, salted.bytes.data(), salted.size);
    MD5_Final(digest, &md5);
    user.md5.size = 0;
    put_hex(user.md5, digest, MD5_DIGEST_LENGTH);
    SHA_CTX sha1;
    SHA1_Init(&sha1);
    SHA1_Update(&sha1, salted.bytes.data(), salted.size);
    SHA1_Final(digest, &sha1);
    user.sha1.size = 0;
    put_hex(user.sha1, digest, SHA_DIGEST_LENGTH);
    SHA256_CTX sha256;
    SHA256_Init(&sha256);
    SHA256_Update(&sha256, salted.bytes.data(), salted.size);
    SHA256_Final(digest, &sha256);
    user.sha256.size = 0;
    put_hex(user.sha256, digest, SHA256_DIGEST_LENGTH);
}
#pragma GCC diagnostic pop

void make_login(const UserQuery& query, Draws& draws, User& user) {
    put_uuid(user.uuid, draws);
    user.username.size = 0;
    put(user.username, draws.one_of(adjectives()));
    put(user.username, draws.one_of(animals()));
    put_digits(user.username, 100 + draws.below(900), 3);
    user.password.size = 0;
    if (query.password) {
        auto& rule = *query.password;
        auto length = rule.shortest + draws.below(rule.longest - rule.shortest + 1);
        for (std::uint32_t i = 0; i < length; ++i) user.password.add(draws.one_of(rule.characters));
    } else {
        put(user.password, draws.one_of(passwords()));
    }
    constexpr std::string_view salt_characters =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    user.salt.size = 0;
    for (int i = 0; i < 8; ++i) user.salt.add(draws.one_of(salt_characters));

    hash_password(user);
}

std::string_view title_for(const Nation& nation, bool male, Draws& draws) {
    auto drawn = draws.below(100);
    bool french = nation.code == "CH" || nation.code == "FR";
    if (male) return french && drawn < 30 ? "Monsieur" : "Mr";
    if (french && drawn < 15) return "Madame";
    if (french && drawn < 30) return "Mademoiselle";
    if (drawn < 55) return "Ms";
    return drawn < 80 ? "Mrs" : "Miss";
}

}  // namespace

UserMaker::UserMaker(const UserQuery& query, std::string_view seed, std::int64_t now_us)
    : query_(query), seed_(XXH3_64bits_withSeed(seed.data(), seed.size(), std::uint64_t(query.page - 1))) {
    std::int64_t second = now_us / 1'000'000;
    auto today = date_of((second >= 0 ? second : second - 86'399) / 86'400);
    year_ = today.year;
    month_ = today.month;
    day_ = today.day;
    // The API gives a seed two more digits to keep the nationality that was asked for.
    if (query.seed && seed.size() == 18) {
        int value = 0;
        for (char c : seed.substr(16)) {
            int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) return;
            value = value * 16 + digit;
        }
        nation_ = std::uint8_t(std::size_t(value) % nations().size());
    }
}

void UserMaker::make(std::uint32_t place, User& user) const {
    // Other fields make other people, but for the first: so does the API.
    std::uint64_t key = seed_ + place * 0xD1342543DE82EF95;
    if (place > 0) key ^= mixed(all_user_fields ^ query_.fields);
    Draws draws(mixed(key));
    user.male = draws.below(2) == 0;
    if (query_.male) user.male = *query_.male;
    auto drawn = draws.bits();
    auto pick = [&](std::size_t count) { return std::size_t(((drawn >> 32) * count) >> 32); };
    if (nation_)
        user.nation = &nations()[*nation_];
    else if (query_.nations.empty())
        user.nation = &nations()[pick(nations().size())];
    else
        user.nation = &nations()[query_.nations[pick(query_.nations.size())]];
    auto& nation = *user.nation;

    user.title = title_for(nation, user.male, draws);
    user.first = &draws.one_of(user.male ? nation.male : nation.female);
    user.last = &draws.one_of(nation.last);
    user.street_number = 1 + draws.below(9999);
    user.street = draws.one_of(nation.streets);
    user.city = draws.one_of(nation.cities);
    user.state = draws.one_of(nation.states);
    user.postcode_is_number = nation.postcode_format.empty();
    user.postcode.size = 0;
    if (user.postcode_is_number)
        put_number(user.postcode,
                   nation.postcode_from + draws.below(nation.postcode_to - nation.postcode_from + 1));
    else
        fill(user.postcode, draws, nation.postcode_format, {}, user.male);
    put_degrees(user.latitude, draws, 90);
    put_degrees(user.longitude, draws, 180);
    user.timezone = &draws.one_of(time_zones());

    constexpr std::int64_t born_from = -799'977'600'000;         // 1944-08-26
    constexpr std::int64_t born_to = 990'316'800'000;            // 2001-05-20
    constexpr std::int64_t registered_from = 1'016'668'800'000;  // 2002-03-21
    constexpr std::int64_t registered_to = 1'653'177'600'000;    // 2022-05-22
    auto age = [this](const Date& date) {
        bool before = month_ < date.month || (month_ == date.month && day_ < date.day);
        return year_ - date.year - (before ? 1 : 0);
    };
    auto born = put_time(user.born, draws, born_from, born_to);
    user.age = age(born);
    user.registered_age = age(put_time(user.registered, draws, registered_from, registered_to));
    fill(user.phone, draws, nation.phone, born, user.male);
    fill(user.cell, draws, nation.cell, born, user.male);
    fill(user.id, draws, nation.id_format, born, user.male);
    user.picture_kind = query_.lego ? "lego" : user.male ? "men" : "women";
    user.picture = draws.below(query_.lego ? 10 : user.male ? 100 : 97);
    if (query_.fields & (1u << int(UserField::login))) make_login(query_, draws, user);
}

}  // namespace penstock::replica
