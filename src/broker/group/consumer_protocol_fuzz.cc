// What members of a group tell each other: read by the broker when the group changes its protocol.
#include "broker/group/consumer_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const penstock::wire::kafka::Bytes bytes(data, data + size);
    (void)penstock::broker::parse_subscription(bytes);
    const auto assignment = penstock::broker::parse_assignment(bytes);
    if (penstock::broker::parse_assignment(penstock::broker::encode_assignment(assignment, 1)) != assignment)
        __builtin_trap();
    return 0;
}
