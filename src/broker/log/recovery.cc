// What is true after the process ended, however it did. What the journal has of the last segment is written
// into it. The newest checkpoint says up to where everything was synced; from there on every batch is
// checked, the tail that was cut short is cut off (nobody had been told of it), and what is damaged before
// whole batches is reported and stepped over.
#include "base/log.h"
#include "broker/log/journal.h"
#include "broker/log/log.h"

namespace penstock::broker {

Log::Log(Private, Place place) : place_(std::move(place)) {}

Result<std::shared_ptr<Log>> Log::open(Place place, const LogOptions& options, std::function<void()> moved) {
    auto log = std::make_shared<Log>(Private(), std::move(place));
    log->options_ = options;
    log->moved_ = std::move(moved);
    TRY(log->recover());
    return log;
}

SegmentOptions Log::segment_options() const {
    return {.map_bytes = options_.segment_bytes, .index_interval_bytes = options_.index_interval_bytes};
}

std::optional<Checkpoint> Log::newest_checkpoint(const std::vector<std::string>& names) {
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        if (!segment_file_offset(*name, ".snapshot")) continue;
        auto bytes = place_.files->read_file(place_.directory + "/" + *name);
        auto checkpoint = bytes ? Checkpoint::decode(*bytes) : fail(bytes.error());
        if (checkpoint) return std::move(*checkpoint);
        log::warn("{}: {} is ignored: {}", place_.name, *name, checkpoint.error().text);
    }
    return std::nullopt;
}

Result<> Log::recover() {
    TRY(place_.files->create_directories(place_.directory));
    auto names = TRY(place_.files->list(place_.directory));
    auto checkpoint = newest_checkpoint(names);
    std::vector<std::int64_t> bases;
    for (const auto& name : names) {
        if (name.ends_with(".tmp")) TRY(place_.files->remove(place_.directory + "/" + name));
        if (auto base = segment_file_offset(name, ".log")) bases.push_back(*base);
    }
    if (checkpoint) {
        start_offset_ = checkpoint->start_offset;
        producers_ = checkpoint->producers;
    }
    TRY(recover_segments(bases, checkpoint));
    if (segments_.empty()) {
        end_offset_ = checkpoint ? checkpoint->end_offset : 0;
        segments_[end_offset_] =
            TRY(Segment::open(*place_.files, place_.directory, place_.name, end_offset_, segment_options()));
    }
    TRY(place_.files->sync_directory(place_.directory));
    start_offset_ = std::max(start_offset_, segments_.begin()->first);
    end_offset_ = std::max(end_offset_, start_offset_);
    stable_offset_ = producers_.first_open_offset().value_or(end_offset_);
    active_since_ms_ = place_.clock->now_ms();
    last_checkpoint_ = checkpoint ? checkpoint->position : 0;
    TRY(remove_segments_before(start_offset_));
    return is_as_closed_ ? Result<>() : active()->remove_indexes();
}

Result<> Log::recover_segments(const std::vector<std::int64_t>& bases, std::optional<Checkpoint> checkpoint) {
    auto visit = [this](const wire::kafka::BatchHeader& header, std::string_view batch) {
        if (header.has(wire::kafka::attribute::control)) {
            auto marker = decode_marker(header, batch);
            if (!marker) return;
            if (auto aborted = producers_.ended(header, *marker, place_.clock->now_ms()))
                producers_.add_aborted(*aborted);
            return;
        }
        producers_.appended(header, place_.clock->now_ms());
        if (header.has(wire::kafka::attribute::producer_position)) producers_.take_position(header, batch);
    };
    std::int64_t cut = 0;
    for (std::size_t i = 0; i < bases.size(); ++i) {
        auto base = bases[i];
        bool last = i + 1 == bases.size();
        auto segment =
            TRY(Segment::open(*place_.files, place_.directory, place_.name, base, segment_options()));
        auto file = TRY(place_.files->open(place_.directory + "/" + segment_file_name(base, ".log"),
                                           io::OpenMode::read_write));
        if (last && place_.journal) TRY(place_.journal->restore(place_.id, base, *file));
        auto size = TRY(file->size());
        if (checkpoint && base < checkpoint->segment_base) {
            TRY(segment->load(-1));
        } else if (checkpoint && base == checkpoint->segment_base && size == checkpoint->position) {
            is_as_closed_ = TRY(segment->load(size));
            end_offset_ = checkpoint->end_offset;
        } else {
            bool behind = checkpoint && base == checkpoint->segment_base && size > checkpoint->position;
            if (checkpoint && base == checkpoint->segment_base && size < checkpoint->position)
                log::error(
                    "{}: {} has {} bytes, and had {} when they were last synced: records up to "
                    "offset {} are lost",
                    place_.name, segment_file_name(base, ".log"), size, checkpoint->position,
                    checkpoint->end_offset);
            auto recovered = TRY(segment->recover(behind ? checkpoint->position : 0,
                                                  behind ? checkpoint->end_offset : base, last, visit));
            // Readers will see what was found, so it must not go away any more.
            TRY(segment->sync());
            is_as_closed_ = false;
            end_offset_ = recovered.next_offset;
            cut += recovered.cut_bytes;
        }
        segments_[base] = std::move(segment);
    }
    if (cut > 0)
        log::warn(
            "{}: the last {} bytes were written in part when the process ended, and "
            "are cut off; nobody had been told that they are stored",
            place_.name, cut);
    return {};
}

}  // namespace penstock::broker
