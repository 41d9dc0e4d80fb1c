// A node of a cluster that answers as its test says: for what neither our own port nor a healthy Cassandra
// does on demand. Speaks version 4 only, as an old node does.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/connection.h"
#include "wire/cql/frame.h"
#include "wire/cql/primitives.h"
#include "wire/cql/request.h"
#include "wire/cql/response.h"

namespace penstock::store {

class ScriptedNode {
public:
    struct Answer {
        wire::cql::Opcode opcode = wire::cql::Opcode::result;
        std::string body;
    };
    /// Of EXECUTE, BATCH and what is no question about system tables; no answer: it never comes.
    using Script = std::function<std::optional<Answer>(const wire::cql::Request&)>;
    struct Peer {
        std::string id;  ///< 16 bytes
        std::uint16_t port = 0;
        std::string token;
    };

    ScriptedNode(std::string id, std::string token, Script script)
        : id_(std::move(id)), token_(std::move(token)), script_(std::move(script)) {
        listener_ = std::move(*net::Listener::start(shards_, {.name = "scripted"},
                                                    [this](net::Connection connection) -> net::Task<> {
                                                        return serve(this, std::move(connection));
                                                    }));
    }
    ~ScriptedNode() {
        listener_.reset();
        shards_.stop();
    }

    std::uint16_t port() const { return listener_->port(); }
    Peer as_peer() const { return {id_, port(), token_}; }
    void set_peers(std::vector<Peer> peers) {
        std::lock_guard lock(mutex_);
        peers_ = std::move(peers);
    }
    /// Sends it to all that have registered.
    void announce(const std::string& event_body) {
        std::string frame;
        wire::cql::append_frame(frame, 4, -1, wire::cql::Opcode::event, 0, event_body);
        std::lock_guard lock(mutex_);
        for (auto* listening : listening_)
            net::spawn(listening->executor(), push(this, listening, frame), "scripted");
    }
    int connections() const { return listener_->connections(); }
    std::atomic<int> asked{0};     ///< what the script was asked
    std::atomic<int> prepared{0};  ///< PREPAREs

    static Answer error(wire::cql::ErrorCode code, std::string text, std::string id = {}) {
        Answer out{wire::cql::Opcode::error, {}};
        wire::cql::append_error(out.body, {code, std::move(text), {}, {}, std::move(id)});
        return out;
    }
    static Answer done() {
        Answer out;
        wire::cql::append_void_result(out.body);
        return out;
    }

private:
    static wire::cql::ColumnSpec column(const char* name, std::uint16_t type) {
        wire::cql::TypeOption option{type, {}};
        if (type == 0x22) option.parameters = {{0x0D, {}}};
        if (type == 0x21) option.parameters = {{0x0D, {}}, {0x0D, {}}};
        return {"system", "t", name, std::move(option)};
    }
    static std::string collection(std::vector<std::string> elements, std::size_t count) {
        std::string out;
        wire::cql::append_int(out, std::int32_t(count));
        for (const auto& element : elements) wire::cql::append_bytes(out, element);
        return out;
    }
    static Answer rows(std::vector<wire::cql::ColumnSpec> columns,
                       const std::vector<std::vector<std::string>>& rows) {
        Answer out;
        wire::cql::append_rows_head(out.body, 4, {&columns, false, {}, {}});
        wire::cql::append_int(out.body, std::int32_t(rows.size()));
        for (const auto& row : rows)
            for (const auto& cell : row) wire::cql::append_bytes(out.body, cell);
        return out;
    }
    static std::string port_bytes(std::uint16_t port) {
        std::string out;
        wire::cql::append_int(out, port);
        return out;
    }

    std::optional<Answer> answer(const wire::cql::Request& request) {
        using wire::cql::Opcode, wire::cql::Prepare, wire::cql::Query, wire::cql::Register,
            wire::cql::Startup;
        if (std::holds_alternative<Startup>(request) || std::holds_alternative<Register>(request))
            return Answer{Opcode::ready, {}};
        const std::string loopback("\x7F\0\0\1", 4);
        if (const auto* query = std::get_if<Query>(&request)) {
            if (query->text.find("system.local") != std::string_view::npos)
                return rows(
                    {column("host_id", 0x0C), column("data_center", 0x0D), column("rack", 0x0D),
                     column("tokens", 0x22), column("cluster_name", 0x0D), column("release_version", 0x0D)},
                    {{id_, "dc1", "r1", collection({token_}, 1), "scripted", "4.0"}});
            if (query->text.find("system.peers_v2") != std::string_view::npos) {
                std::vector<std::vector<std::string>> found;
                std::lock_guard lock(mutex_);
                for (const auto& peer : peers_)
                    found.push_back(
                        {peer.id, loopback, port_bytes(peer.port), "dc1", "r1", collection({peer.token}, 1)});
                return rows(
                    {column("host_id", 0x0C), column("native_address", 0x10), column("native_port", 0x09),
                     column("data_center", 0x0D), column("rack", 0x0D), column("tokens", 0x22)},
                    found);
            }
            if (query->text.find("system_schema.keyspaces") != std::string_view::npos)
                return rows({column("keyspace_name", 0x0D), column("replication", 0x21)},
                            {{"ks", collection({"class", "SimpleStrategy", "replication_factor", "1"}, 2)}});
        }
        if (std::holds_alternative<Prepare>(request)) {
            ++prepared;
            Answer out;
            wire::cql::append_prepared_result(out.body, 4,
                                              {"statement", "", {{"ks", "t", "k", {0x0D, {}}}}, {0}, {}});
            return out;
        }
        ++asked;
        return script_(request);
    }

    /// On the connection's thread, as all of its sessions and their ends are.
    static net::Task<> push(ScriptedNode* self, net::Connection* to, std::string frame) {
        {
            std::lock_guard lock(self->mutex_);
            if (std::ranges::find(self->listening_, to) == self->listening_.end()) co_return;
        }
        (void)co_await to->write(frame);
    }

    static net::Task<> serve(ScriptedNode* self, net::Connection connection) {
        co_await answer_all(self, &connection);
        std::lock_guard lock(self->mutex_);
        std::erase(self->listening_, &connection);
    }

    static net::Task<> answer_all(ScriptedNode* self, net::Connection* connection) {
        wire::cql::FrameReader reader(1 << 20);
        std::vector<char> buffer(4096);
        while (true) {
            std::string out;
            auto got = co_await connection->read_some(buffer);
            if (!got) co_return;
            reader.feed({buffer.data(), *got});
            wire::cql::Frame frame;
            while (reader.next(frame)) {
                if (frame.version != 4) {
                    auto refused =
                        error(wire::cql::ErrorCode::protocol, "Invalid or unsupported protocol version (5)");
                    wire::cql::append_frame(out, 4, frame.stream, refused.opcode, 0, refused.body);
                    continue;
                }
                auto request = wire::cql::decode_request(frame);
                if (!request) co_return;
                if (std::holds_alternative<wire::cql::Register>(*request)) {
                    std::lock_guard lock(self->mutex_);
                    self->listening_.push_back(connection);
                }
                if (auto answered = self->answer(*request))
                    wire::cql::append_frame(out, 4, frame.stream, answered->opcode, 0, answered->body);
            }
            auto sent = co_await connection->write(out);
            if (!sent) co_return;
        }
    }

    const std::string id_;
    const std::string token_;
    const Script script_;
    net::Shards shards_{1};
    std::mutex mutex_;
    std::vector<Peer> peers_;
    std::vector<net::Connection*> listening_;
    std::unique_ptr<net::Listener> listener_;
};

}  // namespace penstock::store
