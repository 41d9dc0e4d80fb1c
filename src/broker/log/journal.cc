// How a file of the journal goes round:
//   1. Frames are written and synced one behind the other. Blocks are put on the disk as zeros before, so
//   that
//      no sync has to write the file's metadata as well.
//   2. When the next frame does not fit, the file is full. Another thread syncs the segments that it speaks
//      of, without holding up their appends, and the file is clean.
//   3. Only a clean file is written again, from its beginning.
// When the disk fails in one of these, the journal is not written any more, and what it has is kept for the
// next start; logs sync their segments themselves.
#include "broker/log/journal.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/metrics.h"
#include "base/round_up.h"
#include "broker/log/log.h"
#include "broker/random_uuid.h"

namespace penstock::broker {
namespace {

metrics::Counter& writes =
    metrics::counter("penstock_journal_writes_total", "Writes of the topics' journal, each synced.");
metrics::Counter& written_bytes =
    metrics::counter("penstock_journal_written_bytes_total", "Bytes written into the topics' journal.");

}  // namespace

void Journal::Free::operator()(char* memory) const {
    std::free(memory);
}

Journal::Journal(Private, io::Files& files, std::string directory, const JournalOptions& options)
    : files_(&files), directory_(std::move(directory)), options_(options) {
    slots_.resize(std::size_t(options_.files));
}

Journal::~Journal() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (syncing_.joinable()) syncing_.join();
}

bool Journal::has_failed() {
    std::lock_guard lock(mutex_);
    return failed_;
}

void Journal::give_up(const Error& why) {
    log::error("{} is not written any more, so appends take longer: {}", directory_, why.text);
    std::lock_guard lock(mutex_);
    failed_ = true;
}

Result<> Journal::write(std::span<const JournalEntry> entries, std::span<const std::shared_ptr<Log>> owners) {
    if (has_failed()) return fail(Errc::io, "the journal is not written any more");
    const auto size = frame_size(entries);
    const auto padded = whole_blocks(size);
    if (auto room = find_room(padded); !room) {
        if (room.error().code != Errc::full && !has_failed()) give_up(room.error());
        return room;
    }
    if (buffer_size_ < padded) make_buffer(padded);
    encode_frame(id_, sequence_, entries, std::span(buffer_.get(), std::size_t(size)));
    std::memset(buffer_.get() + size, 0, std::size_t(padded - size));
    auto& slot = slots_[current_];
    if (auto written = write_frame(slot, padded); !written) {
        give_up(written.error());
        return written;
    }
    // Assigned, as another log may have had that address since the file was begun.
    for (const auto& owner : owners) slot.logs.insert_or_assign(owner.get(), owner);
    position_ += padded;
    ++sequence_;
    writes.add();
    written_bytes.add(padded);
    return {};
}

void Journal::make_buffer(std::int64_t size) {
    constexpr std::int64_t huge_page = 2 << 20, worth_it = 128 << 10;
    const bool huge = size >= worth_it;
    buffer_size_ = huge ? round_up(size, huge_page) : size;
    buffer_.reset(static_cast<char*>(
        std::aligned_alloc(std::size_t(huge ? huge_page : journal_block), std::size_t(buffer_size_))));
    // A write past the page cache tells the disk of every page of its memory. Where there are no large ones,
    // it is as it was.
    if (huge) (void)::madvise(buffer_.get(), std::size_t(buffer_size_), MADV_HUGEPAGE);
}

Result<> Journal::write_frame(Slot& slot, std::int64_t size) {
    TRY(slot.file->write_at(position_, std::string_view(buffer_.get(), std::size_t(size))));
    return slot.file->sync();
}

/// So many bytes on the disk, at position_ of the current slot.
Result<> Journal::find_room(std::int64_t bytes) {
    if (position_ + bytes > options_.file_bytes) TRY(next_slot());
    auto& slot = slots_[current_];
    if (!slot.file) TRY(open_slot(slot, int(current_)));
    if (position_ + bytes <= slot.allocated) return {};
    const auto wanted = std::min(std::max(position_ + bytes, slot.allocated + options_.extend_bytes),
                                 whole_blocks(options_.file_bytes));
    constexpr std::int64_t step = 1 << 20;
    alignas(journal_block) static char zeros[step];  // never written, so that it takes no memory
    for (auto at = slot.allocated; at < wanted; at += step)
        TRY(slot.file->write_at(at, std::string_view(zeros, std::size_t(std::min(step, wanted - at)))));
    TRY(slot.file->sync());
    slot.allocated = wanted;
    return {};
}

Result<> Journal::open_slot(Slot& slot, int number) {
    if (id_.is_zero()) {
        TRY(files_->create_directories(directory_));
        TRY(files_->sync_directory(io::directory_of(directory_)));
        id_ = random_uuid();
        if (auto saved = save_state(); !saved) {
            id_ = {};
            return saved;
        }
    }
    auto file = TRY(files_->open(path(fmt::format("{}", number)), io::OpenMode::direct));
    TRY(files_->sync_directory(directory_));
    slot.allocated = TRY(file->size()) / journal_block * journal_block;
    slot.file = std::move(file);
    return {};
}

Result<> Journal::next_slot() {
    std::unique_lock lock(mutex_);
    auto& full = slots_[current_];
    full.is_clean = false;
    full_.push_back(&full);
    if (!syncing_.joinable()) syncing_ = std::thread([this] { sync_full_slots(); });
    changed_.notify_all();
    const auto next = (current_ + 1) % slots_.size();
    changed_.wait(lock, [&] { return slots_[next].is_clean || failed_; });
    if (failed_) return fail(Errc::io, "the journal is not written any more");
    current_ = next;
    position_ = 0;
    return {};
}

void Journal::sync_full_slots() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !full_.empty(); });
        if (stopping_) return;
        auto* slot = full_.front();
        full_.pop_front();
        lock.unlock();
        Result<> outcome;
        for (const auto& [key, owner] : slot->logs)
            if (auto log = owner.lock())
                if (auto synced = log->sync_active(); !synced) outcome = synced;
        slot->logs.clear();
        if (!outcome) give_up(outcome.error());  // its frames may be all that there is: they stay
        lock.lock();
        slot->is_clean = outcome.has_value();
        changed_.notify_all();
    }
}

void Journal::close() {
    if (!is_restored_ || has_failed() || sequence_ == forgotten_) return;
    forgotten_ = sequence_;
    if (auto saved = save_state(); !saved)  // the next start restores what stands there already
        log::warn("{}: {}", directory_, saved.error().text);
}

}  // namespace penstock::broker
