// 16-byte identifiers, written as RFC 4122 does.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::codec {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Uuid&) const = default;
    bool is_zero() const { return *this == Uuid{}; }
    /// "123e4567-e89b-42d3-a456-426614174000".
    std::string text() const;
    /// Accepts what text() writes, in either case.
    static Result<Uuid> parse(std::string_view text);
    /// Version 4 of 16 random bytes.
    static Uuid from_random(std::array<std::uint8_t, 16> random);
};

}  // namespace penstock::codec
