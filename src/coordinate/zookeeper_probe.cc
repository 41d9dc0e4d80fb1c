#include "coordinate/zookeeper_probe.h"

#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/service_url.h"
#include "coordinate/zookeeper_session.h"

namespace penstock::coordinate {

Result<ZookeeperReport> probe_zookeeper(const std::string& url, std::chrono::milliseconds timeout) {
    auto parsed = TRY(parse_service_url(url, "zookeeper"));
    ZookeeperReport report;
    report.hosts = parsed.host_list(2181);
    report.path = parsed.path.empty() ? "/penstock" : "/" + parsed.path;
    // The callback may come after this function has returned.
    struct Signal {
        std::mutex mutex;
        std::condition_variable changed;
    };
    auto signal = std::make_shared<Signal>();
    ZookeeperSession::Settings settings;
    settings.hosts = report.hosts;
    if (parsed.user) settings.login = *parsed.user + ":" + parsed.password.value_or("");
    settings.happened = [signal] {
        {
            std::lock_guard lock(signal->mutex);
        }
        signal->changed.notify_all();
    };
    auto session = TRY(ZookeeperSession::open(std::move(settings)));
    {
        std::unique_lock lock(signal->mutex);
        bool connected = signal->changed.wait_for(
            lock, timeout, [&] { return session->is_connected() || session->is_over(); });
        if (!connected || !session->is_connected())
            return fail(Errc::unavailable, "ZooKeeper at {}: no server gave a session within {} ms",
                        report.hosts, timeout.count());
    }
    report.session_ms = session->timeout().count();
    auto node = session->get(report.path, false);
    if (!node) {
        report.refused = node.error().text;
        return report;
    }
    report.has_path = node->has_value();
    auto below = report.has_path ? report.path + "/doctor-" : std::string("/penstock-doctor-");
    auto made = session->create(below, "", ZookeeperSession::Kind::ephemeral_sequential);
    if (!made)
        report.refused = made.error().text;
    else if (auto removed = session->remove(made->first); !removed)
        report.refused = removed.error().text;
    return report;
}

}  // namespace penstock::coordinate
