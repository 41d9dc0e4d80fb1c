// A transaction that Kafka has left open although it says that it is over. When a coordinator starts while a
// partition has no leader, it takes the partition for deleted and does not mark the transaction's end there
// (seen with Kafka 4.3 after a kill: "Couldn't find leader endpoint ... can be skipped"). Readers see nothing
// behind it, for ever: no time limit of Kafka's ends it, only the next transaction of the same producer in
// the partition does.
//
// As long as no partition has a mark, whoever asks for the position learns what becomes of it, and so it may
// be committed; it must be when the producer was told that it is. The positions topic is where nothing would
// follow any more. In the other partitions the producer's next records bring the mark.
//
// What was aborted, and so comes again, must not be committed by that mark: it would be there twice. It is
// aborted before, by a transaction of one record.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/remote_admin.h"
#include "broker/remote_kept.h"
#include "broker/remote_reader.h"

namespace penstock::broker {

/// Used by one thread at a time.
class RemoteLeftover {
public:
    RemoteLeftover(RemoteSettings settings, RemoteAdmin& committed, RemoteAdmin& written,
                   RemoteReader& reader)
        : brokers_(settings.brokers),
          committed_(committed),
          written_(written),
          committed_reader_(reader),
          reader_(std::move(settings), RemoteReader::Isolation::uncommitted) {}

    struct Appended {
        TopicPartition place;
        std::string position;
    };
    /// What the producer has appended in the transaction that hides the positions topic between the offsets.
    /// The producer is one that has just been taken over, so that Kafka has nothing left to decide of its
    /// transactions. Errc::unavailable: it is another producer's, or its end is marked in one of the other
    /// partitions, and who knows whether as a commit. What is kept is known to be committed.
    Result<std::vector<Appended>> find(std::string_view producer, std::int64_t from, std::int64_t to,
                                       const RemoteKept& kept);
    /// Whether the partition hides records of the producer that its committed position there ("": none) does
    /// not count: they were aborted, and may still be open. The producer is one that has just been taken
    /// over. Errc::unavailable: it hides some that count, too, and are not kept.
    Result<bool> is_undone(const Appended& committed, std::string_view producer, const RemoteKept& kept);
    Result<bool> is_hidden(const Appended& appended, std::string_view producer);

    /// Readers see it; or not yet, or never, as far as they can know; or it was aborted.
    enum class Fate { visible, hidden, aborted };
    /// What a partition holds from an offset on, with the last offset of each.
    struct Written {
        std::map<std::string, std::int64_t> visible, hidden;
        std::int64_t start_offset = 0;  ///< of the partition; before it, everything was there

        /// Of one that was written at the offset, or at a later one.
        Fate fate(const std::string& name, std::int64_t offset) const;
    };
    /// Appends of the producer, by their positions.
    Result<Written> appends_since(std::int64_t from, const TopicPartition& place, std::string_view producer);
    /// Positions, by their keys.
    Result<Written> positions_since(std::int64_t from);

private:
    Result<std::vector<Appended>> appended(std::string_view producer, std::int64_t from, std::int64_t to);
    Result<std::vector<std::string>> hidden(const TopicPartition& place, std::string_view producer);
    using NameOf = std::function<std::optional<std::string>(const Record&)>;
    Result<Written> written_since(std::int64_t from, const TopicPartition& place, const NameOf& name_of);

    const std::string brokers_;
    RemoteAdmin& committed_;
    RemoteAdmin& written_;
    RemoteReader& committed_reader_;
    RemoteReader reader_;  ///< sees what is not decided, too
};

}  // namespace penstock::broker
