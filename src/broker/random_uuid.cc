#include "broker/random_uuid.h"

#include <algorithm>
#include <array>

#include "io/random.h"

namespace penstock::broker {

codec::Uuid random_uuid() {
    std::array<char, 16> random{};
    io::random_bytes(random);
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(random, bytes.begin());
    return codec::Uuid::from_random(bytes);
}

}  // namespace penstock::broker
