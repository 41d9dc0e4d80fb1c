#include "orchestrate/task_log.h"

#include "base/log.h"
#include "base/units.h"

namespace penstock::orchestrate {
namespace {

constexpr std::size_t batch_lines = 200;
constexpr std::int64_t batch_wait_us = 1'000'000;

/// How many bytes the valid UTF-8 sequence at the front has; 0: it is not valid.
std::size_t sequence_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                         : lead >= 0xe0 && lead < 0xf0 ? 3
                         : lead >= 0xf0 && lead < 0xf5 ? 4
                                                       : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
    if (lead == 0xed && byte(1) > 0x9f) return 0;  // surrogates
    if (lead == 0xf0 && byte(1) < 0x90) return 0;  // overlong
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;  // beyond U+10FFFF
    return length;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        auto length = sequence_length(text);
        auto byte = static_cast<unsigned char>(text[0]);
        bool control = (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f;
        if (length == 0) {
            out += "\xef\xbf\xbd";
        } else if (!control) {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

TaskLog::TaskLog(metadata::Metadata& metadata, const Clock& clock, const metadata::TaskInstance& task)
    : metadata_(metadata),
      clock_(clock),
      dag_(task.dag),
      run_id_(task.run_id),
      task_(task.task),
      try_number_(task.try_number) {}

void TaskLog::add(std::string_view line) {
    if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
    metadata::LogLine entry{clock_.now_us(), printable(line.substr(0, line_bytes_max))};
    if (line.size() > line_bytes_max) entry.text += " ...";
    std::lock_guard lock(mutex_);
    if (lines_ >= lines_max || bytes_ >= bytes_max) {
        last_.push_back(std::move(entry));
        if (last_.size() > last_lines) {
            last_.pop_front();
            ++left_out_;
        }
        return;
    }
    ++lines_;
    bytes_ += entry.text.size();
    if (waiting_.empty()) waiting_since_us_ = clock_.monotonic_us();
    waiting_.push_back(std::move(entry));
    if (waiting_.size() >= batch_lines) write();
}

void TaskLog::flush_old() {
    std::lock_guard lock(mutex_);
    if (clock_.monotonic_us() - waiting_since_us_ >= batch_wait_us) write();
}

void TaskLog::finish() {
    std::lock_guard lock(mutex_);
    if (left_out_ > 0) {
        waiting_.push_back(
            {last_.front().time_us, fmt::format("... {} lines are left out ...", format_count(left_out_))});
    }
    for (auto& line : last_) waiting_.push_back(std::move(line));
    last_.clear();
    left_out_ = 0;
    write();
}

void TaskLog::write() {
    if (waiting_.empty()) return;
    auto written = metadata_.append_log(dag_, run_id_, task_, try_number_, waiting_);
    // A log line is not worth a task: say so once, and go on.
    if (!written && !write_failed_) {
        write_failed_ = true;
        log::warn("cannot keep the log of task {} of DAG {}: {}", task_, dag_, written.error().text);
    }
    waiting_.clear();
}

}  // namespace penstock::orchestrate
