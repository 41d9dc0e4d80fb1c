#include "stream/spark/spark_probe.h"

#include <array>
#include <random>

#include "codec/uuid.h"
#include "stream/spark/spark_session.h"

namespace penstock::stream {

Result<std::string> probe_spark(const std::string& url) {
    auto server = connect_spark(TRY(parse_spark_url(url)));
    std::array<std::uint8_t, 16> bytes{};
    std::random_device random;
    for (auto& byte : bytes) byte = std::uint8_t(random());
    auto session = server->session(codec::Uuid::from_random(bytes).text());
    auto version = session->version();
    if (version) (void)session->release();
    return version;
}

}  // namespace penstock::stream
