#include "broker/remote_positions.h"

#include <charconv>

namespace penstock::broker {

std::string position_key(std::string_view producer, std::string_view topic, std::int32_t partition) {
    return fmt::format("{}\n{}\n{}", producer, topic, partition);
}

std::optional<PositionKey> parse_position_key(std::string_view key) {
    auto first = key.find('\n');
    auto second = key.rfind('\n');
    if (first == std::string_view::npos || first == second) return std::nullopt;
    PositionKey out{.producer = key.substr(0, first), .topic = key.substr(first + 1, second - first - 1)};
    auto number = key.substr(second + 1);
    auto parsed = std::from_chars(number.data(), number.data() + number.size(), out.partition);
    if (parsed.ec != std::errc()) return std::nullopt;
    return out;
}

}  // namespace penstock::broker
