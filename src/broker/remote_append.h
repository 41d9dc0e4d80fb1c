// One append of a named producer to a real Kafka, from the call until it is out of danger.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/remote_positions.h"
#include "broker/topics.h"

namespace penstock::broker {

/// Its own copy of what the caller gave.
struct RemoteAppend {
    RemoteAppend(const AppendRequest& request, Appended appended);
    RemoteAppend(const RemoteAppend&) = delete;
    RemoteAppend& operator=(const RemoteAppend&) = delete;

    AppendRequest request() const;
    std::string key() const { return position_key(producer, place.topic, place.partition); }

    TopicPartition place;
    std::string producer, position;
    std::string bytes;
    std::vector<Header> headers;
    std::vector<NewRecord> records;
    Appended done;

    Result<std::int64_t> result = 0;
    std::int64_t first_offset = -1;     ///< of its first record, when it was appended for the first time
    std::int64_t offset = -1;           ///< of its first record, the last time; -1: Kafka has not said it
    std::int64_t position_offset = -1;  ///< in the positions topic

private:
    std::string_view keep(std::string_view text);
    void add(const NewRecord& record);
};

/// What of an append is appended.
struct RemoteAppendPart {
    std::shared_ptr<RemoteAppend> append;
    bool has_records = true;
    bool has_position = true;
};

}  // namespace penstock::broker
