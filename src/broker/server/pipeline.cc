#include "broker/server/pipeline.h"

namespace penstock::broker {
namespace {

constexpr std::size_t most_under_way = 8;  // Kafka's producers send five
constexpr std::int64_t most_bytes_under_way = 4 << 20;

/// In the order in which they are sent.
void add_pieces(const Answer& answer, std::vector<std::string_view>& pieces) {
    std::string_view bytes = answer.bytes;
    std::size_t sent = 0;
    for (const auto& each : answer.outside) {
        pieces.push_back(bytes.substr(sent, each.at - sent));
        pieces.push_back(each.bytes);
        sent = each.at;
    }
    if (sent < bytes.size()) pieces.push_back(bytes.substr(sent));
}

}  // namespace

std::shared_ptr<Pipeline::Place> Pipeline::begin(RequestPointer request) {
    bytes_ += std::int64_t(request->buffer->size());
    return places_.emplace_back(std::make_shared<Place>(std::move(request)));
}

/// How many of the first have their answer.
std::size_t Pipeline::count_ready() const {
    auto waits = std::ranges::find_if(places_, [](const auto& place) { return !place->answer; });
    return std::size_t(waits - places_.begin());
}

net::Task<> Pipeline::finish(std::shared_ptr<Place> place, Answer answer) {
    place->answer = std::move(answer);
    if (sending_) co_return;  // whoever sends looks again when it is done
    sending_ = true;
    while (auto ready = count_ready()) {
        if (!closed_) co_await send(ready);
        for (; ready > 0; --ready) {
            bytes_ -= std::int64_t(places_.front()->request->buffer->size());
            places_.pop_front();
        }
        if (auto reader = std::exchange(reader_, std::nullopt)) reader->set(true);
    }
    sending_ = false;
}

net::Task<> Pipeline::send(std::size_t ready) {
    std::vector<std::string_view> pieces;
    bool closes = false;
    std::int32_t throttle_ms = 0;
    for (std::size_t i = 0; i < ready && !closes; ++i) {  // nothing follows what ends the connection
        const auto& place = *places_[i];
        add_pieces(*place.answer, pieces);
        closes = place.answer->closes;
        throttle_ms = std::max(throttle_ms, place.request->throttle_ms);
    }
    if (!pieces.empty()) {
        connection.set_timeout(transfer_timeout);
        auto sent = co_await connection.write(pieces);
        if (!sent) closes = true;
    }
    rests_until_ =
        std::max(rests_until_, std::chrono::steady_clock::now() + std::chrono::milliseconds(throttle_ms));
    if (!closes) co_return;
    closed_ = true;
    connection.shut_down();  // whoever reads finds out
}

net::Task<> Pipeline::change() {
    net::Completion<bool> changed(co_await net::this_executor());
    reader_ = changed;
    co_await changed.wait();
}

net::Task<> Pipeline::room(std::int64_t bytes) {
    while (!places_.empty() && (places_.size() >= most_under_way || bytes_ + bytes > most_bytes_under_way))
        co_await change();
}

net::Task<> Pipeline::all_answered() {
    while (!places_.empty()) co_await change();
}

std::int32_t Pipeline::rest_ms() const {
    auto left = rests_until_ - std::chrono::steady_clock::now();
    return std::int32_t(
        std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

}  // namespace penstock::broker
