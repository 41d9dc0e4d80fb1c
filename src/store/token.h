// Where a partition lies on the ring: the token that Cassandra's Murmur3Partitioner computes.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::store {

/// Of a partition key's bytes: one column's value as it is; several as (u16 length, bytes, 0x00) each.
/// Empty bytes have the smallest token, INT64_MIN, which no other key has.
std::int64_t token_of(std::string_view partition_key);

}  // namespace penstock::store
