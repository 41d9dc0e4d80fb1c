// The registry's one file: every change, appended and synced before it is acknowledged.
//
// Format (version 1), numbers little endian:
//   file   := "PSTKSCH1" record*
//   record := magic u32 (0x52435350 "PSCR"), length u32, crc32c u32 of the payload, payload
// The payload is a JSON object; local_schemas.cc knows what it says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/files.h"

namespace penstock::registry {

/// For one thread at a time.
class SchemaLog {
public:
    /// Opens or creates, and hands each record to `read` in order. What a crash left unfinished at
    /// the end is cut off (it was never acknowledged); a damaged record with whole ones behind it
    /// is Errc::corrupt.
    static Result<SchemaLog> open(io::Files& files, const std::string& path,
                                  const std::function<Result<>(std::string_view)>& read);

    /// The record survives a power cut when this returns. After an error the log takes no more
    /// (Errc::io) until it is opened again: what is on the disk is not known.
    Result<> append(std::string_view payload);

private:
    SchemaLog(std::unique_ptr<io::File> file, std::int64_t end) : file_(std::move(file)), end_(end) {}

    std::unique_ptr<io::File> file_;
    std::int64_t end_;
    bool broken_ = false;
};

}  // namespace penstock::registry
