// Answers of the randomuser.me API, version 1.4, made from a seed: the same request gives the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::replica {

/// The fields of a user, in the order of the API's answers.
enum class UserField { gender, name, location, email, login, dob, registered, phone, cell, id, picture, nat };
inline constexpr int user_fields = 12;
inline constexpr unsigned all_user_fields = (1u << user_fields) - 1;

/// "password=upper,lower,8-16": from which characters, and how many of them.
struct PasswordRule {
    std::string characters;
    std::uint32_t shortest = 8;
    std::uint32_t longest = 64;
};

/// A request as the API understands it. What it does not understand it silently leaves out, and so does this.
struct UserQuery {
    enum class Format { json, pretty, csv, yaml, xml };

    int results = 1;  ///< 1 to 5000
    int page = 1;
    std::optional<std::string> seed;
    std::optional<bool> male;           ///< nothing with a seed: the API ignores gender then
    std::vector<std::uint8_t> nations;  ///< places in nations(); empty: all
    unsigned fields = all_user_fields;  ///< a bit for each UserField
    Format format = Format::json;
    bool info = true;
    bool download = false;
    bool lego = false;
    std::string callback;
    std::optional<PasswordRule> password;
};

/// Percent-decoded names and values; of a repeated name the last one counts.
UserQuery parse_user_query(const std::vector<std::pair<std::string, std::string>>& query);

/// The answer's body. seed: used when the query has none. now_us decides the ages, nothing else.
/// With a seed the first n users are the same whatever results is.
std::string random_users(const UserQuery& query, std::string_view seed, std::int64_t now_us);

std::string_view content_type_of(const UserQuery& query);
std::string_view file_extension_of(UserQuery::Format format);

}  // namespace penstock::replica
