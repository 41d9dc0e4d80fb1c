// Any text is a statement or an error.
#include "store/cql/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto parsed = penstock::store::cql::parse({reinterpret_cast<const char*>(data), size});
    if (!parsed && parsed.error().text.empty()) __builtin_trap();
    return 0;
}
