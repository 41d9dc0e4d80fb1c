#include "broker/server/kafka_server.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "broker/group/committed_offsets.h"
#include "broker/server/request.h"
#include "broker/server/session.h"

namespace penstock::broker {

struct KafkaServer::Impl {
    std::shared_ptr<ServerState> state;
    std::unique_ptr<net::Listener> listener;
    std::mutex mutex;
    std::condition_variable wake;
    bool stopped = false;
    std::thread ticker;

    /// Those that no member of the newer protocol is left in.
    void give_back_groups() {
        for (const auto& name : state->consumer_groups.only_classic()) {
            std::lock_guard one_kind(state->group_kinds);
            if (auto group = state->consumer_groups.hand_back(name))
                state->groups.take_back(name, std::move(*group));
        }
    }

    /// Groups' sessions and rebalances end in time.
    void tick() {
        constexpr std::chrono::milliseconds interval{100};
        std::unique_lock lock(mutex);
        while (!wake.wait_for(lock, interval, [this] { return stopped; })) {
            lock.unlock();
            state->groups.tick();
            state->consumer_groups.tick(
                [this](const std::string& group) { return state->topics.offsets().has_group(group); });
            state->share->tick(state->topics);
            give_back_groups();
            lock.lock();
        }
    }
};

KafkaServer::KafkaServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<KafkaServer>> KafkaServer::start(net::Shards& shards, LocalTopics& topics,
                                                        KafkaServerOptions options) {
    auto impl = std::make_unique<Impl>();
    auto listen = options.listen;
    impl->state = std::make_shared<ServerState>(topics, std::move(options));
    TRY(impl->state->open_security());
    TRY(impl->state->share->states.load());
    impl->state->apply_group_configs();
    impl->listener = TRY(net::Listener::start(
        shards, std::move(listen),
        [state = impl->state](net::Connection connection) { return serve(std::move(connection), state); }));
    impl->ticker = std::thread([raw = impl.get()] { raw->tick(); });
    return std::make_unique<KafkaServer>(std::move(impl));
}

KafkaServer::~KafkaServer() {
    stop();
}

void KafkaServer::stop() {
    {
        std::lock_guard lock(impl_->mutex);
        if (impl_->stopped) return;
        impl_->stopped = true;
        impl_->wake.notify_all();
    }
    impl_->ticker.join();
    impl_->state->stopping = true;
    impl_->state->groups.stop();
    impl_->state->stops.notify();
    impl_->listener->stop();
}

std::uint16_t KafkaServer::port() const {
    return impl_->listener->port();
}
int KafkaServer::connections() const {
    return impl_->listener->connections();
}
GroupCoordinator& KafkaServer::groups() {
    return impl_->state->groups;
}
ConsumerGroups& KafkaServer::consumer_groups() {
    return impl_->state->consumer_groups;
}

Result<> KafkaServer::set_offsets(const std::string& group, const PartitionOffsets& offsets) {
    auto& state = *impl_->state;
    constexpr bool knows_epochs = true;
    if (state.check_commit({.group = group}, knows_epochs) != wire::kafka::ErrorCode::none)
        return fail(Errc::exists, "the offsets of group {} are its members' to commit", group);
    const auto now = state.topics.options().clock->now_ms();
    OffsetChanges changes;
    for (const auto& [place, offset] : offsets)
        changes.emplace_back(GroupPartition{group, place.topic, place.partition},
                             CommittedOffset{.offset = offset, .committed_ms = now});
    return state.commit_and_wait(std::move(changes));
}

Result<> KafkaServer::delete_group(const std::string& group) {
    using wire::kafka::ErrorCode;
    switch (auto error = impl_->state->delete_group(group)) {
        case ErrorCode::none:
            return {};
        case ErrorCode::group_id_not_found:
            return fail(Errc::not_found, "there is no consumer group {}", group);
        case ErrorCode::non_empty_group:
            return fail(Errc::exists, "group {} has members: it can be deleted when it has none", group);
        default:
            return fail(Errc::io, "cannot delete group {}: error {} of Kafka's", group, int(error));
    }
}

}  // namespace penstock::broker
