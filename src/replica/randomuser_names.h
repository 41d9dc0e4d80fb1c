// What people of a nation are called, where they live, and how their numbers are written. Our own lists.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replica {

/// A name, and the same in small ASCII letters as e-mail addresses have it.
struct Name {
    std::string_view text;
    std::string mail;
};

/// In formats '#' is a digit, '@' a capital letter; g, y, m, d stand for the owner's gender (1 or 2), and
/// year, month and day of birth in two digits; '\\' takes the next character as it is.
struct Nation {
    std::string_view code;
    std::string_view country;
    std::vector<Name> male;
    std::vector<Name> female;
    std::vector<Name> last;
    std::vector<std::string_view> streets;
    std::vector<std::string_view> cities;
    std::vector<std::string_view> states;
    std::string_view
        postcode_format;  ///< empty: a number between the two below, as the API sends most of them
    std::uint32_t postcode_from = 0;
    std::uint32_t postcode_to = 0;
    std::string_view phone;
    std::string_view cell;
    std::string_view id_name;
    std::string_view id_format;  ///< empty: the id is null
};

struct TimeZone {
    std::string_view offset;
    std::string_view description;
};

/// The 21 nations of API 1.4, in the order of their codes.
std::span<const Nation> nations();
std::span<const TimeZone> time_zones();
std::span<const std::string_view> adjectives();
std::span<const std::string_view> animals();
std::span<const std::string_view> passwords();

/// The text in small ASCII letters, digits and apostrophes; '?' for a letter it does not know.
std::string mail_name(std::string_view text);

}  // namespace penstock::replica
