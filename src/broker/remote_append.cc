#include "broker/remote_append.h"

namespace penstock::broker {

RemoteAppend::RemoteAppend(const AppendRequest& request, Appended appended)
    : place{std::string(request.topic), request.partition},
      producer(request.producer),
      position(request.position),
      done(std::move(appended)) {
    std::size_t total = 0;
    std::size_t header_count = 0;
    for (const auto& record : request.records) {
        total += record.key.value_or("").size() + record.value.value_or("").size();
        header_count += record.headers.size();
        for (const auto& header : record.headers) total += header.name.size() + header.value.size();
    }
    // Reserved at once, so that the views into them stay.
    bytes.reserve(total);
    headers.reserve(header_count);
    for (const auto& record : request.records) add(record);
}

AppendRequest RemoteAppend::request() const {
    return {.topic = place.topic,
            .partition = place.partition,
            .records = records,
            .producer = producer,
            .position = position};
}

std::string_view RemoteAppend::keep(std::string_view text) {
    auto at = bytes.size();
    bytes.append(text);
    return std::string_view(bytes).substr(at);
}

void RemoteAppend::add(const NewRecord& record) {
    NewRecord own{.timestamp_ms = record.timestamp_ms, .headers = {}};
    if (record.key) own.key = keep(*record.key);
    if (record.value) own.value = keep(*record.value);
    auto first = headers.size();
    for (const auto& header : record.headers) headers.push_back({keep(header.name), keep(header.value)});
    own.headers = std::span(headers).subspan(first);
    records.push_back(own);
}

}  // namespace penstock::broker
