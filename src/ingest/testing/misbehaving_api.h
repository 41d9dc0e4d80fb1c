// An HTTP server for tests that answers as the test says, and remembers what it was asked.
#pragma once

#include <mutex>

#include "net/http_server.h"

namespace penstock::ingest::testing {

class MisbehavingApi {
public:
    using Answer = std::function<net::HttpResponse(const net::HttpRequest&)>;

    explicit MisbehavingApi(net::Shards& shards) {
        auto routes = std::make_shared<net::HttpRoutes>();
        for (auto method : {"GET", "POST"})
            routes->on(method, "/{rest...}", [state = state_](net::HttpRequest request) {
                return serve(state, std::move(request));
            });
        server_ = std::move(*net::HttpServer::start(shards, {.listen = {.name = "api"}}, routes));
    }

    std::string url(std::string_view path) const {
        return fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
    }
    void answer(Answer answer) {
        std::lock_guard lock(state_->mutex);
        state_->answer = std::move(answer);
    }
    /// Each request takes that long.
    void delay(std::chrono::milliseconds time) {
        std::lock_guard lock(state_->mutex);
        state_->delay = time;
    }
    std::vector<net::HttpRequest> requests() const {
        std::lock_guard lock(state_->mutex);
        return state_->requests;
    }
    std::size_t count() const { return requests().size(); }
    void stop() { server_->stop(); }

private:
    struct State {
        std::mutex mutex;
        Answer answer;
        std::chrono::milliseconds delay{0};
        std::vector<net::HttpRequest> requests;
    };
    static net::Task<net::HttpResponse> serve(std::shared_ptr<State> state, net::HttpRequest request) {
        std::chrono::milliseconds delay{0};
        Answer answer;
        {
            std::lock_guard lock(state->mutex);
            state->requests.push_back(request);
            delay = state->delay;
            answer = state->answer;
        }
        if (delay.count() > 0) co_await net::sleep_for(delay);
        co_return answer(request);
    }

    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::unique_ptr<net::HttpServer> server_;
};

/// Sends the same bytes to everyone, whatever they ask, and closes.
class RawServer {
public:
    RawServer(net::Shards& shards, std::string bytes) {
        auto text = std::make_shared<std::string>(std::move(bytes));
        listener_ = std::move(*net::Listener::start(
            shards, {.name = "raw"}, [text](net::Connection c) { return serve(std::move(c), text); }));
    }
    std::string url(std::string_view path) const {
        return fmt::format("http://127.0.0.1:{}{}", listener_->port(), path);
    }

private:
    static net::Task<> serve(net::Connection connection, std::shared_ptr<std::string> text) {
        std::string buffer(4096, '\0');
        auto got = co_await connection.read_some(buffer);
        if (!got) co_return;
        auto sent = co_await connection.write(*text);
        if (!sent) co_return;
        connection.close();
    }
    std::unique_ptr<net::Listener> listener_;
};

}  // namespace penstock::ingest::testing
