// The log of one try of a task: bounded, written in batches.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "metadata/metadata.h"

namespace penstock::orchestrate {

/// The text as valid UTF-8 without control characters other than tabs and line breaks; other bytes become
/// U+FFFD.
std::string printable(std::string_view text);

/// Thread-safe. Of a long log the beginning and the last lines are kept.
class TaskLog {
public:
    static constexpr std::size_t line_bytes_max = 8 * 1024;
    static constexpr std::size_t lines_max = 5'000;
    static constexpr std::size_t bytes_max = 1024 * 1024;
    static constexpr std::size_t last_lines = 100;

    TaskLog(metadata::Metadata& metadata, const Clock& clock, const metadata::TaskInstance& task);

    void add(std::string_view line);
    /// Writes what waits for longer than a second, so that a quiet task's lines can be read.
    void flush_old();
    /// Writes all that waits, and the last lines of a log that was too long.
    void finish();

private:
    // The callers of these hold the mutex.
    void write();

    metadata::Metadata& metadata_;
    const Clock& clock_;
    const std::string dag_;
    const std::string run_id_;
    const std::string task_;
    const int try_number_;
    std::mutex mutex_;
    std::vector<metadata::LogLine> waiting_;
    std::int64_t waiting_since_us_ = 0;
    std::size_t lines_ = 0;
    std::size_t bytes_ = 0;
    std::int64_t left_out_ = 0;
    std::deque<metadata::LogLine> last_;
    bool write_failed_ = false;
};

}  // namespace penstock::orchestrate
