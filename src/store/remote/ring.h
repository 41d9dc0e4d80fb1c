// Which nodes hold a partition: tokens, data centres, racks and the replication of keyspaces.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::store {

/// A node as the system tables tell.
struct RingNode {
    std::string id;  ///< its host id, 16 bytes
    std::string address;
    std::uint16_t port = 0;
    std::string data_center;
    std::string rack;
    std::vector<std::int64_t> tokens;
    bool operator==(const RingNode&) const = default;
};

/// A keyspace's replication: {"class": "...NetworkTopologyStrategy", "dc1": "3"}.
using Replication = std::map<std::string, std::string>;

/// Immutable once made; a change makes a new one.
class Ring {
public:
    Ring() = default;
    explicit Ring(std::vector<RingNode> nodes);

    const std::vector<RingNode>& nodes() const { return nodes_; }
    /// The least of the ring's tokens that is not before this one, around the ring: its owner has it too.
    std::optional<std::int64_t> token_at_or_after(std::int64_t token) const;
    /// Indices into nodes(), in the order in which Cassandra takes replicas; those of other data centres too.
    /// Empty when the replication is not by the ring: then every node will do.
    std::vector<std::uint16_t> replicas(const Replication& replication, std::int64_t token) const;

private:
    struct Position {
        std::int64_t token;
        std::uint16_t node;
    };
    std::size_t position_of(std::int64_t token) const;
    std::vector<std::uint16_t> simple(std::size_t factor, std::size_t from) const;
    void in_data_center(std::string_view name, std::size_t factor, std::size_t from,
                        std::vector<std::uint16_t>& out) const;

    std::vector<RingNode> nodes_;
    std::vector<Position> positions_;  ///< by token
};

}  // namespace penstock::store
