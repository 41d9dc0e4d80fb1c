// The path of a request through the server before a handler sees it: decoding and the route table.
#include "base/check.h"
#include "codec/json_writer.h"
#include "net/http_server.h"
#include "net/http_target.h"

namespace {

using namespace penstock::net;

Task<HttpResponse> nothing(HttpRequest) {
    co_return HttpResponse{};
}

const HttpRoutes& routes() {
    static const HttpRoutes table = [] {
        HttpRoutes made;
        made.on("GET", "/", nothing);
        made.on("GET", "/api/topics/{topic}", nothing);
        made.on("POST", "/api/topics/{topic}/records/{partition}", nothing);
        made.on("GET", "/api/topics/special", nothing);
        made.on("GET", "/files/{rest...}", nothing);
        return made;
    }();
    return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto target = parse_http_target(text)) {
        CHECK(is_utf8(target->path));
        for (auto method : {"GET", "POST", "HEAD", "BREW"}) {
            auto match = routes().match(method, target->segments);
            CHECK(!(match.handler && match.events));
            for (auto& [name, value] : match.params) CHECK(is_utf8(value));
        }
    }
    CHECK(percent_decode(percent_encode(text)) == text);
    std::string json;
    penstock::codec::append_json_string(json, text);
    CHECK(is_utf8(json));
    return 0;
}
