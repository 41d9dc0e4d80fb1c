// Any text is a schema or refused; a schema's canonical text is a schema that has itself as canonical text
// (of Protobuf another one at most), and every schema reads what it wrote.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/compatibility.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::registry;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (auto kind : {SchemaKind::avro, SchemaKind::json, SchemaKind::protobuf}) {
        auto canonical = canonical_schema(kind, text);
        if (!canonical) continue;
        auto again = canonical_schema(kind, *canonical);
        if (!again || (*again != *canonical && kind != SchemaKind::protobuf)) std::abort();
        auto found = differences(kind, {*canonical}, {*canonical});
        if (!found) std::abort();
        if (kind != SchemaKind::json && !found->empty()) std::abort();
    }
    return 0;
}
