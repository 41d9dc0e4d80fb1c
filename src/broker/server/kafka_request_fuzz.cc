// A request as a client sends it, header and body, against a server that keeps its files in memory. The first
// byte chooses the API (so that the fuzzer finds each quickly), the second the version; the rest is the body.
#include <boost/asio.hpp>

#include "base/log.h"
#include "broker/server/handlers.h"
#include "broker/server/session.h"
#include "codec/big_endian.h"
#include "io/memory_files.h"

namespace {

namespace broker = penstock::broker;
namespace codec = penstock::codec;
namespace io = penstock::io;
namespace log = penstock::log;
namespace net = penstock::net;
namespace wire = penstock::wire;

struct World {
    World() {
        log::set_level(log::Level::error);
        auto opened =
            broker::LocalTopics::open({.data_directory = "data", .commit_threads = 1, .files = &files});
        topics = std::move(*opened);
        (void)topics->create({.name = "t", .partitions = 2, .config = {}});
        broker::KafkaServerOptions options;
        options.auto_create_topics = false;
        state = std::make_shared<broker::ServerState>(*topics, std::move(options));
        (void)state->open_security();
        state->groups.stop();    // nobody is left waiting for others
        state->stopping = true;  // nor for records
    }
    io::MemoryFiles files;
    std::unique_ptr<broker::LocalTopics> topics;
    std::shared_ptr<broker::ServerState> state;
};

net::Task<> run(broker::RequestPointer request, bool* done) {
    (void)co_await broker::answer(request);
    *done = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static World& world = *new World;
    if (size < 2) return 0;
    auto request = std::make_shared<broker::Request>(broker::Request{.server = *world.state});
    request->buffer = std::make_shared<std::string>();
    codec::append_big(*request->buffer, std::int16_t(data[0] % 93));
    codec::append_big(*request->buffer, std::int16_t(data[1] % 20));
    codec::append_big(*request->buffer, std::int32_t(1));
    codec::append_big(*request->buffer, std::int16_t(-1));
    request->buffer->append(reinterpret_cast<const char*>(data + 2), size - 2);
    if (!broker::read_header(*request)) return 0;
    // Topics that the fuzzer makes would be with us for ever.
    if (request->api == broker::CreateTopics::Message::api.key ||
        request->api == broker::CreatePartitions::Message::api.key ||
        request->api == broker::DeleteTopics::Message::api.key) {
        broker::CreateTopics::Message message;
        (void)wire::kafka::decode(request->body, request->version, message);
        return 0;
    }
    boost::asio::io_context context;
    auto work = boost::asio::make_work_guard(context);
    bool done = false;
    net::spawn(context, run(request, &done), "fuzz");
    while (!done && context.run_one() > 0) {
    }
    return 0;
}
