#include "broker/remote_kept.h"

#include <algorithm>
#include <set>

namespace penstock::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kept_bytes_max = 64 << 20;
constexpr std::size_t many_bytes = 1 << 20;
constexpr milliseconds look_every{500};
constexpr milliseconds look_at_many_every{100};

}  // namespace

void RemoteKept::add(const Appends& appends) {
    std::lock_guard lock(mutex_);
    for (const auto& append : appends) keep(append);
    uncertain_.clear();
}

void RemoteKept::add_settled(const std::shared_ptr<RemoteAppend>& append) {
    std::lock_guard lock(mutex_);
    keep(append);
}

void RemoteKept::add_uncertain(Appends appends) {
    std::lock_guard lock(mutex_);
    uncertain_ = std::move(appends);
    is_suspect_ = !certain_.empty();
    ++changes_;
}

void RemoteKept::suspect() {
    std::lock_guard lock(mutex_);
    is_suspect_ = !certain_.empty();
    ++changes_;
}

bool RemoteKept::is_suspect() const {
    std::lock_guard lock(mutex_);
    return is_suspect_;
}

void RemoteKept::trust() {
    std::lock_guard lock(mutex_);
    is_suspect_ = false;
}

RemoteKept::Appends RemoteKept::all() const {
    std::lock_guard lock(mutex_);
    return certain_;
}

bool RemoteKept::is_empty() const {
    std::lock_guard lock(mutex_);
    return certain_.empty();
}

bool RemoteKept::is_kept(const TopicPartition& place, std::string_view position) const {
    std::lock_guard lock(mutex_);
    return std::ranges::any_of(
        certain_, [&](const auto& each) { return each->place == place && each->position == position; });
}

bool RemoteKept::is_hiding(const TopicPartition& place, std::int64_t offset) const {
    bool is_positions = place == positions_place();
    std::lock_guard lock(mutex_);
    return std::ranges::any_of(certain_, [&](const auto& each) {
        return is_positions ? each->position_offset == offset
                            : each->place == place && each->offset == offset;
    });
}

std::shared_ptr<RemoteAppend> RemoteKept::settle(const std::string& key, std::string_view position) {
    std::lock_guard lock(mutex_);
    std::shared_ptr<RemoteAppend> found;
    std::erase_if(uncertain_, [&](const auto& each) {
        if (each->key() != key) return false;
        if (each->position == position) found = each;
        return true;
    });
    return found;
}

bool RemoteKept::is_due() const {
    if (certain_.empty() || is_suspect_) return false;
    auto every = bytes_ > many_bytes ? look_at_many_every : look_every;
    return steady_clock::now() - looked_at_ >= every;
}

void RemoteKept::keep(const std::shared_ptr<RemoteAppend>& append) {
    bytes_ += append->bytes.size();
    certain_.push_back(append);
    ++changes_;
    auto first = certain_.begin();
    for (; first != certain_.end() && bytes_ > kept_bytes_max; ++first) bytes_ -= (*first)->bytes.size();
    certain_.erase(certain_.begin(), first);
}

void RemoteKept::forget_marked(RemoteAdmin& committed) {
    std::set<TopicPartition> asked{positions_place()};
    std::uint64_t changes = 0;
    {
        std::lock_guard lock(mutex_);
        if (!is_due()) return;
        for (const auto& each : certain_) asked.insert(each->place);
        changes = changes_;
    }
    std::vector<TopicPartition> places(asked.begin(), asked.end());
    auto ends = committed.offsets_at(places, RemoteAdmin::end_time);
    std::lock_guard lock(mutex_);
    looked_at_ = steady_clock::now();
    if (!ends || changes != changes_) return;
    PartitionOffsets end_of;
    for (std::size_t i = 0; i < places.size(); ++i) end_of[places[i]] = (*ends)[i];
    // The end that readers see is not behind the first record of a transaction that is open. -1: it is gone.
    auto is_marked = [&](const TopicPartition& place, std::int64_t offset) {
        return end_of[place] < 0 || end_of[place] > offset;
    };
    bytes_ = 0;
    std::erase_if(certain_, [&](const auto& each) {
        bool is_over =
            is_marked(each->place, each->offset) && is_marked(positions_place(), each->position_offset);
        if (!is_over) bytes_ += each->bytes.size();
        return is_over;
    });
}

}  // namespace penstock::broker
