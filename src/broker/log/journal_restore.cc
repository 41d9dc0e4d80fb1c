// What a start does with what the process before it has left in the journal.
#include <algorithm>

#include "base/log.h"
#include "base/units.h"
#include "broker/checked_text.h"
#include "broker/log/journal.h"

namespace penstock::broker {
namespace {

constexpr std::string_view state_line = "penstock journal 1";

/// The header of the frame that may begin there.
Result<FrameHeader> header_at(const io::File& file, std::int64_t position) {
    char bytes[frame_header_size];
    auto got = TRY(file.read_at(position, bytes));
    return decode_frame_header({bytes, got});
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(io::Files& files, std::string directory,
                                               const JournalOptions& options) {
    auto journal = std::make_unique<Journal>(Private(), files, std::move(directory), options);
    if (files.exists(journal->path("state"))) TRY(journal->read_back());
    return journal;
}

/// A line each for the journal's id and the first frame that may be needed.
Result<> Journal::save_state() {
    auto lines = fmt::format("id {}\nforgotten {}\n", id_.text(), forgotten_);
    return files_->replace_file(path("state"), checked_text(state_line, lines));
}

Result<> Journal::read_state() {
    auto text = TRY(files_->read_file(path("state")));
    auto lines = lines_of_checked_text(text, state_line);
    if (!lines) return fail(path("state"), std::move(lines).error());
    auto value_of = [&](std::string_view name) {
        auto line = take_until(*lines, '\n');
        return take_until(line, ' ') == name ? line : std::string_view();
    };
    auto id = codec::Uuid::parse(value_of("id"));
    auto number = parse_int(value_of("forgotten"));
    if (!id || !number || *number < 1)
        return fail(Errc::corrupt, "{}: expected an id, and a number of at least 1", path("state"));
    id_ = *id;
    sequence_ = forgotten_ = std::uint64_t(*number);
    return {};
}

Result<> Journal::read_back() {
    TRY(read_state());
    std::vector<std::uint64_t> sequences;
    for (const auto& name : TRY(files_->list(directory_)))
        if (parse_int(name)) TRY(scan(path(name), sequences));
    std::ranges::sort(sequences);
    for (std::size_t i = 1; i < sequences.size(); ++i)
        if (sequences[i] != sequences[i - 1] + 1)
            log::error(
                "{}: writes {} to {} of the journal cannot be read: records that were appended then may be "
                "missing where they had not been written into their segments",
                directory_, sequences[i - 1] + 1, sequences[i] - 1);
    if (!sequences.empty()) sequence_ = sequences.back() + 1;
    for (auto& [place, entries] : found_) std::ranges::sort(entries, {}, &Found::sequence);
    return {};
}

/// Frames stand one behind the other from the file's beginning; older ones, or none, follow. A block that
/// belongs to no frame is stepped over, as whole ones may stand behind one that is damaged.
Result<> Journal::scan(const std::string& path, std::vector<std::uint64_t>& sequences) {
    auto file = TRY(files_->open(path, io::OpenMode::read));
    const auto size = TRY(file->size());
    std::string bytes;
    auto least = forgotten_;
    for (std::int64_t at = 0; at + frame_header_size <= size;) {
        auto header = header_at(*file, at);
        if (!header || header->journal != id_ || header->sequence < least || at + header->size > size) {
            // A process begins a file anew, so that all of it is as old as its first frame.
            if (at == 0 && header && header->journal == id_ && header->sequence < least) return {};
            at += journal_block;
            continue;
        }
        bytes.resize(std::size_t(header->size));
        bytes.resize(TRY(file->read_at(at, bytes)));
        auto entries = decode_frame(*header, bytes);
        if (!entries) {
            at += journal_block;
            continue;
        }
        for (const auto& entry : *entries)
            found_[{entry.place.log, entry.place.segment}].push_back(
                {.sequence = header->sequence,
                 .path = path,
                 .at = at + (entry.bytes.data() - bytes.data()),
                 .length = std::int64_t(entry.bytes.size()),
                 .position = entry.place.position});
        sequences.push_back(header->sequence);
        least = header->sequence + 1;
        at += whole_blocks(header->size);
    }
    return {};
}

Result<> Journal::restore(const LogId& log, std::int64_t segment, io::File& file) {
    auto found = found_.find({log, segment});
    if (found == found_.end()) return {};
    std::string bytes;
    std::unique_ptr<io::File> from;
    for (const auto& entry : found->second) {
        if (!from || from->path() != entry.path) from = TRY(files_->open(entry.path, io::OpenMode::read));
        bytes.resize(std::size_t(entry.length));
        if (TRY(from->read_at(entry.at, bytes)) != bytes.size())
            return fail(Errc::corrupt, "{} is shorter than it was", entry.path);
        TRY(file.write_at(entry.position, bytes));
    }
    return {};
}

void Journal::restored() {
    is_restored_ = true;
    if (sequence_ == forgotten_) return;
    found_.clear();
    forgotten_ = sequence_;
    if (auto saved = save_state(); !saved) give_up(saved.error());
}

}  // namespace penstock::broker
