// A transaction that Kafka has left open although it says that it is over. When a coordinator starts while a
// partition has no leader, it takes the partition for deleted and does not mark the transaction's end there
// (seen with Kafka 4.3 after a kill: "Couldn't find leader endpoint ... can be skipped"). Readers see nothing
// behind it, for ever: no time limit of Kafka's ends it, only another transaction of the same producer does.
#pragma once

#include "broker/remote_admin.h"
#include "broker/remote_reader.h"

namespace penstock::broker {

/// Used by one thread at a time.
class RemoteLeftover {
public:
    using Place = RemoteAdmin::Place;

    RemoteLeftover(RemoteSettings settings, RemoteAdmin& committed, RemoteAdmin& written)
        : brokers_(settings.brokers),
          committed_(committed),
          written_(written),
          reader_(std::move(settings), RemoteReader::Isolation::uncommitted) {}

    /// The partitions of the transaction that hides the positions topic between the offsets. The producer is
    /// one that has just been taken over, so that Kafka has nothing left to decide of its transactions.
    /// Errc::unavailable: it is another producer's, or its end is marked in a part of its partitions, so that
    /// it cannot be undone any more.
    Result<std::vector<Place>> find(std::string_view producer, std::int64_t from, std::int64_t to);

private:
    struct Appended {
        Place place;
        std::string position;
    };
    Result<std::vector<Appended>> appended(std::string_view producer, std::int64_t from, std::int64_t to);
    Result<bool> is_open(const Appended& appended, std::string_view producer);

    const std::string brokers_;
    RemoteAdmin& committed_;
    RemoteAdmin& written_;
    RemoteReader reader_;
};

}  // namespace penstock::broker
