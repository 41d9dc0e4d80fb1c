// One made-up user, before it is written in a format.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "replica/randomuser.h"
#include "replica/randomuser_names.h"

namespace penstock::replica {

/// Text with room for at most N bytes, inside the user.
template <std::size_t N>
struct Short {
    std::array<char, N> bytes;
    std::uint8_t size = 0;

    void add(char c) { bytes[size++] = c; }
    std::string_view view() const { return {bytes.data(), size}; }
};

/// Views point into tables that live for ever, or into the user.
struct User {
    bool male = false;
    const Nation* nation = nullptr;
    std::string_view title;
    const Name* first = nullptr;
    const Name* last = nullptr;
    std::uint32_t street_number = 0;
    std::string_view street, city, state;
    Short<16> postcode;
    bool postcode_is_number = false;
    Short<12> latitude, longitude;
    const TimeZone* timezone = nullptr;
    Short<36> uuid;
    Short<40> username;
    Short<64> password;
    Short<8> salt;
    Short<32> md5;
    Short<40> sha1;
    Short<64> sha256;
    Short<24> born, registered;  ///< 1992-03-08T15:13:16.688Z
    int age = 0, registered_age = 0;
    Short<20> phone, cell;
    Short<24> id;                   ///< empty: null
    std::string_view picture_kind;  ///< men, women, lego
    std::uint32_t picture = 0;
};

/// What is the same for all users of one answer.
struct UserMaker {
    UserMaker(const UserQuery& query, std::string_view seed, std::int64_t now_us);

    /// The user of that place in the page, from 0.
    void make(std::uint32_t place, User& user) const;

private:
    const UserQuery& query_;
    std::uint64_t seed_;
    std::optional<std::uint8_t> nation_;  ///< what the seed itself asks for
    int year_ = 0;
    unsigned month_ = 0, day_ = 0;
};

}  // namespace penstock::replica
