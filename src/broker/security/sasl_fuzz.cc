// A log-in as a client sends it: the first byte chooses the mechanism, the others are its messages, with line
// feeds between them.
#include <cstdint>

#include "broker/security/sasl.h"
#include "io/memory_files.h"

namespace {

namespace broker = penstock::broker;

struct World {
    World() : credentials(std::move(*broker::Credentials::open(files, "users"))) {
        broker::Credentials::Key key{"user", broker::ScramMechanism::sha256};
        broker::ScramCredential known{
            .salt = "salt", .stored_key = "key", .server_key = "other", .iterations = 1};
        std::vector<std::pair<broker::Credentials::Key, std::optional<broker::ScramCredential>>> changes;
        changes.emplace_back(key, known);
        (void)credentials->change(changes);
    }
    penstock::io::MemoryFiles files;
    std::unique_ptr<broker::Credentials> credentials;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static World& world = *new World;
    if (size < 1) return 0;
    auto mechanisms = broker::sasl_mechanisms();
    auto exchange = broker::begin_sasl(mechanisms[data[0] % mechanisms.size()], *world.credentials);
    std::string_view left(reinterpret_cast<const char*>(data + 1), size - 1);
    while (!left.empty()) {
        auto end = left.find('\n');
        if (!exchange->step(left.substr(0, end))) break;
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    }
    if (exchange->is_complete() && exchange->user() != "user") __builtin_trap();
    return 0;
}
