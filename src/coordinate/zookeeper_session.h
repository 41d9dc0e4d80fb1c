// One session with ZooKeeper: calls that wait, results as values. Watches and changes of the session's state
// are told by one callback, on a thread of ZooKeeper's client.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

struct _zhandle;

namespace penstock::coordinate {

/// Thread-safe, as ZooKeeper's client is.
class ZookeeperSession {
public:
    struct Settings {
        std::string hosts;
        std::string login;  ///< user:password, or empty
        std::chrono::milliseconds timeout{10'000};
        std::function<void()> happened;  ///< a watch fired or the state changed; must not block
    };
    struct Node {
        std::string data;
        std::int32_t version = 0;
        std::int64_t created_zxid = 0;
        bool is_ours = false;  ///< ephemeral, of this session
    };
    enum class Kind { persistent, ephemeral, ephemeral_sequential };

    /// Connects in the background.
    static Result<std::unique_ptr<ZookeeperSession>> open(Settings settings);
    /// Ends the session: its ephemeral nodes go.
    ~ZookeeperSession();
    ZookeeperSession(const ZookeeperSession&) = delete;
    ZookeeperSession& operator=(const ZookeeperSession&) = delete;

    bool is_connected() const;
    /// Expired, or refused: nothing will work any more.
    bool is_over() const;
    /// What the server has granted.
    std::chrono::milliseconds timeout() const;

    // Errc::unavailable: no connection now. Errc::cancelled: the session is over.
    /// Returns the path (with its number when sequential), and the node. Errc::exists.
    Result<std::pair<std::string, Node>> create(const std::string& path, const std::string& data, Kind kind);
    Result<> remove(const std::string& path);  ///< fine when it is not there
    Result<> set(const std::string& path, const std::string& data, std::int32_t version);
    /// With watch, a change of the node, or its going, is told once.
    Result<std::optional<Node>> get(const std::string& path, bool watch);
    Result<std::vector<std::string>> children(const std::string& path, bool watch);

private:
    explicit ZookeeperSession(Settings settings) : settings_(std::move(settings)) {}
    static void on_event(_zhandle* handle, int type, int state, const char* path, void* session);
    Error error(int code, const std::string& path) const;

    const Settings settings_;
    _zhandle* handle_ = nullptr;
};

}  // namespace penstock::coordinate
