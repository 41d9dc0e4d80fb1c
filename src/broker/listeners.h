// Callbacks that want to know when something moved.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::broker {

/// Thread-safe. A callback runs on the thread of notify(), with no lock but its own: destroying its handle
/// waits until it has returned, so do not destroy the handle with a lock held that the callback takes. A
/// callback may destroy its own handle.
class Listeners {
public:
    std::shared_ptr<void> add(std::function<void()> callback) {
        auto entry = std::make_shared<Entry>();
        entry->callback = std::move(callback);
        {
            std::lock_guard lock(mutex_);
            std::erase_if(entries_, [](const auto& each) { return each.expired(); });
            entries_.push_back(entry);
        }
        return std::shared_ptr<void>(nullptr, Handle{std::move(entry)});
    }

    void notify() {
        std::vector<std::shared_ptr<Entry>> all;
        {
            std::lock_guard lock(mutex_);
            all.reserve(entries_.size());
            for (const auto& each : entries_)
                if (auto entry = each.lock()) all.push_back(std::move(entry));
        }
        for (const auto& entry : all) {
            std::lock_guard lock(entry->mutex);
            if (!entry->gone) entry->callback();
        }
    }

private:
    struct Entry {
        std::recursive_mutex mutex;
        std::function<void()> callback;
        bool gone = false;
    };
    struct Handle {
        std::shared_ptr<Entry> entry;
        void operator()(void*) const {
            std::lock_guard lock(entry->mutex);
            entry->gone = true;
        }
    };
    std::mutex mutex_;
    std::vector<std::weak_ptr<Entry>> entries_;
};

}  // namespace penstock::broker
