// GET /api/v1/events: what consoles show live
#include <mutex>

#include "monitor/api.h"

namespace penstock::monitor {

namespace {

constexpr auto poll_interval = std::chrono::milliseconds(200);

/// The text of the newest snapshot's event, made once for all streams.
class EventCache {
public:
    explicit EventCache(std::shared_ptr<Api> api) : api_(std::move(api)) {}

    /// Null when there is nothing newer than sequence, which then moves on.
    std::shared_ptr<const std::string> newer_than(std::int64_t& sequence) {
        const auto snapshot = api_->sampler.latest();
        if (snapshot->sequence <= sequence) return nullptr;
        const std::lock_guard lock(mutex_);
        if (snapshot->sequence > sequence_) {
            text_ = std::make_shared<const std::string>(event_text(*api_, *snapshot));
            sequence_ = snapshot->sequence;
        }
        sequence = sequence_;
        return text_;
    }

private:
    const std::shared_ptr<Api> api_;
    std::mutex mutex_;
    std::int64_t sequence_ = 0;
    std::shared_ptr<const std::string> text_;
};

/// Counts a stream for as long as it is open.
class OpenStream {
public:
    explicit OpenStream(std::atomic<int>& count) : count_(count), number_(++count) {}
    ~OpenStream() { --count_; }
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;
    int number() const { return number_; }

private:
    std::atomic<int>& count_;
    const int number_;
};

net::Task<> stream_status(std::shared_ptr<Api> api, std::shared_ptr<EventCache> cache,
                          net::EventStream& stream) {
    const OpenStream open(api->event_streams);
    if (open.number() > api->options.max_event_streams) {
        const std::string busy =
            fmt::format(R"({{"error":{{"code":"unavailable","message":"{} consoles are open; )"
                        R"(close one of them"}}}})",
                        api->options.max_event_streams);
        (void)co_await stream.send("error", busy);
        co_return;
    }
    std::int64_t sequence = 0;
    while (!api->stopping) {
        const auto text = cache->newer_than(sequence);
        if (text) {
            const auto sent = co_await stream.send("status", *text);
            if (!sent) co_return;
        }
        co_await net::sleep_for(poll_interval);
    }
}

}  // namespace

std::string event_text(const Api& api, const Snapshot& snapshot) {
    JsonWriter json;
    json.begin_object().key("status");
    write_status(json, api, snapshot);
    json.key("sources").begin_array();
    for (const auto& source : snapshot.sources) write_source(json, snapshot, source);
    json.end_array().key("queries").begin_array();
    for (const auto& query : snapshot.queries) write_query(json, snapshot, query);
    json.end_array().key("dags").begin_array();
    for (const auto& dag : snapshot.dags) write_dag(json, snapshot, dag);
    json.end_array().key("graphs").begin_object();
    for (const auto& view : snapshot.pipelines.pipelines) {
        if (!view.running) continue;
        json.key(view.name);
        write_graph(json, snapshot, *view.running);
    }
    return json.end_object().end_object().take();
}

void add_event_routes(ApiRoutes& routes) {
    auto cache = std::make_shared<EventCache>(routes.api());
    routes.on_events("/api/v1/events",
                     [api = routes.api(), cache](net::HttpRequest, net::EventStream& stream) {
                         return stream_status(api, cache, stream);
                     });
}

}  // namespace penstock::monitor
