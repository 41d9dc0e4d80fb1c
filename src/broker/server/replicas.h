// Where clients want partitions to be, on one node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::broker {

/// Why these cannot be the brokers of a partition; nullopt: it is this node alone. The texts are Kafka's.
std::optional<std::string> wrong_replicas(const std::vector<std::int32_t>& brokers, std::int32_t node);

}  // namespace penstock::broker
