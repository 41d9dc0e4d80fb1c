// Files that stand in the program itself: the console as npm built it, and openapi.json. The tables are
// written by tools/embed_files.py at build time.
#pragma once

#include <span>
#include <string_view>

namespace penstock::monitor {

struct EmbeddedFile {
    std::string_view path;  ///< "/assets/index-3f2a.js"
    std::string_view content_type;
    std::string_view etag;   ///< with its quotes
    bool immutable = false;  ///< its name changes with its content
    std::string_view bytes;
    std::string_view gzip;  ///< the same, compressed; empty when that is no gain
};

/// Empty when the program was built without the console (PENSTOCK_CONSOLE=OFF).
std::span<const EmbeddedFile> console_files();
/// openapi.json.
const EmbeddedFile& openapi_file();

}  // namespace penstock::monitor
