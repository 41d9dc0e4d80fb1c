#include "coordinate/zookeeper_session.h"

#define THREADED  // the calls that wait
#include <zookeeper/zookeeper.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace penstock::coordinate {
namespace {

constexpr int data_bytes_max = 1 << 20;  // ZooKeeper's own limit (jute.maxbuffer)

void log_line(const char* text) {
    log::debug("ZooKeeper's client: {}", text);
}

int flags_of(ZookeeperSession::Kind kind) {
    switch (kind) {
        case ZookeeperSession::Kind::persistent:
            return 0;
        case ZookeeperSession::Kind::ephemeral:
            return ZOO_EPHEMERAL;
        case ZookeeperSession::Kind::ephemeral_sequential:
            return ZOO_EPHEMERAL_SEQUENTIAL;
    }
    return 0;
}

}  // namespace

Result<std::unique_ptr<ZookeeperSession>> ZookeeperSession::open(Settings settings) {
    std::unique_ptr<ZookeeperSession> session(new ZookeeperSession(std::move(settings)));
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    session->handle_ =
        zookeeper_init2(session->settings_.hosts.c_str(), on_event, int(session->settings_.timeout.count()),
                        nullptr, session.get(), 0, log_line);
    if (!session->handle_) {
        return fail(errno == EINVAL ? Errc::invalid : Errc::unavailable, "ZooKeeper at {}: {}",
                    session->settings_.hosts, std::strerror(errno));
    }
    const auto& login = session->settings_.login;
    if (!login.empty()) {
        zoo_add_auth(session->handle_, "digest", login.data(), int(login.size()), nullptr, nullptr);
    }
    return session;
}

ZookeeperSession::~ZookeeperSession() {
    if (handle_) zookeeper_close(handle_);
}

void ZookeeperSession::on_event(zhandle_t*, int, int, const char*, void* session) {
    static_cast<ZookeeperSession*>(session)->settings_.happened();
}

bool ZookeeperSession::is_connected() const {
    return zoo_state(handle_) == ZOO_CONNECTED_STATE;
}

bool ZookeeperSession::is_over() const {
    auto state = zoo_state(handle_);
    return state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE;
}

std::chrono::milliseconds ZookeeperSession::timeout() const {
    return std::chrono::milliseconds(zoo_recv_timeout(handle_));
}

Error ZookeeperSession::error(int code, const std::string& path) const {
    auto meaning = Errc::internal;
    switch (code) {
        case ZCONNECTIONLOSS:
        case ZOPERATIONTIMEOUT:
        case ZSESSIONMOVED:
            meaning = Errc::unavailable;
            break;
        case ZSESSIONEXPIRED:
        case ZINVALIDSTATE:
        case ZCLOSING:
            meaning = Errc::cancelled;
            break;
        case ZNONODE:
            meaning = Errc::not_found;
            break;
        case ZNODEEXISTS:
            meaning = Errc::exists;
            break;
        case ZNOAUTH:
        case ZAUTHFAILED:
            meaning = Errc::unauthorized;
            break;
        case ZBADVERSION:
            meaning = Errc::fenced;
            break;
        case ZBADARGUMENTS:
            meaning = Errc::invalid;
            break;
        default:
            break;
    }
    return {meaning, fmt::format("ZooKeeper at {}: {}: {}", settings_.hosts, path, zerror(code))};
}

Result<std::pair<std::string, ZookeeperSession::Node>> ZookeeperSession::create(const std::string& path,
                                                                                const std::string& data,
                                                                                Kind kind) {
    std::string made(path.size() + 32, '\0');
    Stat stat{};
    const auto* acl = settings_.login.empty() ? &ZOO_OPEN_ACL_UNSAFE : &ZOO_CREATOR_ALL_ACL;
    int code = zoo_create2(handle_, path.c_str(), data.data(), int(data.size()), acl, flags_of(kind),
                           made.data(), int(made.size()), &stat);
    if (code != ZOK) return fail(error(code, path));
    made.resize(std::strlen(made.c_str()));
    return std::pair{made, Node{data, stat.version, stat.czxid, stat.ephemeralOwner != 0}};
}

Result<> ZookeeperSession::remove(const std::string& path) {
    constexpr int any_version = -1;
    int code = zoo_delete(handle_, path.c_str(), any_version);
    if (code != ZOK && code != ZNONODE) return fail(error(code, path));
    return {};
}

Result<> ZookeeperSession::set(const std::string& path, const std::string& data, std::int32_t version) {
    int code = zoo_set(handle_, path.c_str(), data.data(), int(data.size()), version);
    if (code != ZOK) return fail(error(code, path));
    return {};
}

Result<std::optional<ZookeeperSession::Node>> ZookeeperSession::get(const std::string& path, bool watch) {
    std::string buffer(4096, '\0');
    Stat stat{};
    for (;;) {
        int size = int(buffer.size());
        int code = zoo_get(handle_, path.c_str(), watch, buffer.data(), &size, &stat);
        if (code == ZNONODE) {
            if (!watch) return std::nullopt;
            // zoo_get watches only what is there.
            code = zoo_exists(handle_, path.c_str(), 1, &stat);
            if (code == ZNONODE) return std::nullopt;
            if (code == ZOK) continue;
        }
        if (code != ZOK) return fail(error(code, path));
        if (stat.dataLength > int(buffer.size()) && stat.dataLength <= data_bytes_max) {
            buffer.resize(std::size_t(stat.dataLength));
            continue;
        }
        buffer.resize(std::size_t(std::max(size, 0)));
        const auto* id = zoo_client_id(handle_);
        return Node{std::move(buffer), stat.version, stat.czxid,
                    stat.ephemeralOwner != 0 && stat.ephemeralOwner == id->client_id};
    }
}

Result<std::vector<std::string>> ZookeeperSession::children(const std::string& path, bool watch) {
    String_vector names{};
    int code = zoo_get_children(handle_, path.c_str(), watch, &names);
    if (code != ZOK) return fail(error(code, path));
    std::vector<std::string> found(names.data, names.data + names.count);
    deallocate_String_vector(&names);
    return found;
}

}  // namespace penstock::coordinate
