#include "store/cql/client_list.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace penstock::store::cql {

void Client::use(std::string keyspace) {
    std::lock_guard lock(mutex_);
    entry_.keyspace = std::move(keyspace);
}

void Client::log_in(std::string role) {
    std::lock_guard lock(mutex_);
    entry_.role = std::move(role);
    entry_.ready = true;
}

ClientEntry Client::entry() const {
    std::lock_guard lock(mutex_);
    auto out = entry_;
    out.requests = requests_;
    return out;
}

std::shared_ptr<Client> ClientList::add(ClientEntry entry) {
    auto client = std::make_shared<Client>(std::move(entry));
    std::lock_guard lock(mutex_);
    if (clients_.size() >= tidy_at_) {
        std::erase_if(clients_, [](const auto& one) { return one.expired(); });
        tidy_at_ = 2 * clients_.size() + 64;
    }
    clients_.push_back(client);
    return client;
}

std::vector<ClientEntry> ClientList::entries() const {
    std::vector<ClientEntry> out;
    {
        std::lock_guard lock(mutex_);
        for (const auto& weak : clients_)
            if (auto client = weak.lock()) out.push_back(client->entry());
    }
    std::ranges::sort(out, {}, [](const ClientEntry& one) { return std::tuple(one.address, one.port); });
    return out;
}

}  // namespace penstock::store::cql
