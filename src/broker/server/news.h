// What a fetch that has too little waits for.
#pragma once

#include <atomic>

#include "net/task.h"

namespace penstock::broker {

/// Called by whoever has news; delivers once.
struct News {
    explicit News(net::Completion<bool> completion) : arrived(completion) {}
    net::Completion<bool> arrived;
    std::atomic<bool> told{false};
    void tell() {
        if (!told.exchange(true)) arrived.set(true);
    }
};

}  // namespace penstock::broker
