// The run of a file source: reads stretches of whole lines or rows, and sends each with its place in the
// file.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "ingest/csv.h"
#include "ingest/environment.h"
#include "ingest/input_file.h"
#include "ingest/source_run.h"

namespace penstock::ingest {
namespace {

/// A stretch has at most so many bytes. After a crash the same stretch must be read again: do not change it
/// lightly.
constexpr std::size_t stretch_bytes = 1024 * 1024;
/// A line or row that is longer is cut and rejected.
constexpr std::size_t max_line_bytes = 16 * 1024 * 1024;
constexpr std::size_t fingerprint_bytes = 256;
constexpr std::size_t max_open_files = 512;
constexpr std::int64_t look_every_us = 200'000;
constexpr std::int64_t list_every_us = 1'000'000;

using Kind = pipeline::FileSource::Kind;

/// Where a stretch begins, and the file's first bytes, as kept in InputPosition::token.
struct Place {
    std::int64_t byte = 0;
    std::int64_t line = 0;  ///< lines before it
    std::int64_t fingerprinted = 0;
    std::string fingerprint;

    std::string text() const { return fmt::format("{} {} {} {}", byte, line, fingerprinted, fingerprint); }
    static Result<Place> parse(std::string_view text) {
        Place place;
        for (auto* number : {&place.byte, &place.line, &place.fingerprinted}) {
            auto blank = text.find(' ');
            *number = TRY(parse_int(text.substr(0, blank)));
            text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
        }
        place.fingerprint = text;
        return place;
    }
};

/// A file that is being read.
struct Reading {
    std::unique_ptr<InputFile> file;
    InputCursor cursor;
    std::int64_t number = 0;         ///< of the next stretch
    Place place;                     ///< where it begins
    std::string pending;             ///< read from there on
    std::vector<std::string> names;  ///< CSV
    std::optional<Error> broken;     ///< what comes after pending cannot be read
    bool told = false;               ///< of broken
};

class FileRun final : public SourceRun {
public:
    explicit FileRun(RunSetting setting)
        : SourceRun(std::move(setting)), file_(std::get<pipeline::FileSource>(spec().input)) {}

    Result<> check() override {
        TRY(check_json_pointer(spec().key));
        TRY(expand_environment(file_.path));
        if (file_.path.empty()) return fail(Errc::invalid, "the path is empty");
        return {};
    }

    bool has_position() const override { return true; }

private:
    Result<> loop() override {
        pattern_ = TRY(expand_environment(file_.path));
        show_endpoint(pattern_, false);
        if (file_.follow) return follow();
        for (auto& path : matching_files(pattern_)) {
            if (control().ending()) return {};
            auto reading = TRY(open(path));
            if (!reading) continue;
            while (!control().ending()) {
                bool more = TRY(step(*reading, true));
                if (!more) break;
            }
            TRY(settle_all());  // the cursor is in use until then
        }
        return {};
    }

    Result<> follow() {
        std::int64_t next_list_us = 0;
        std::set<std::string> current;
        while (!control().ending()) {
            auto now = system_clock().monotonic_us();
            if (now >= next_list_us) {
                next_list_us = now + list_every_us;
                current = TRY(list());
            }
            bool progress = false;
            for (auto entry = open_.begin(); entry != open_.end() && !control().ending();) {
                auto& reading = *entry->second;
                bool left_behind = !current.contains(entry->first);  // rotated away: its end is final
                if (!left_behind) TRY(check_truncated(reading));
                bool more = TRY(step(reading, left_behind));
                progress = progress || more;
                if (left_behind && !more) {
                    TRY(settle_all());
                    entry = open_.erase(entry);
                } else {
                    ++entry;
                }
            }
            if (progress) continue;
            TRY(settle_all());
            if (setting().bounded && setting().for_us == 0) return {};
            control().wait_us(look_every_us);
        }
        return {};
    }

    /// Opens what has appeared; returns who is there.
    Result<std::set<std::string>> list() {
        std::set<std::string> current;
        for (auto& path : matching_files(pattern_)) {
            auto identity = identity_at(path);
            if (identity.empty()) continue;
            current.insert(identity);
            if (open_.contains(identity)) continue;
            if (open_.size() >= max_open_files) {
                show(SourceState::running,
                     fmt::format("more than {} files match; the others wait", max_open_files));
                continue;
            }
            auto reading = TRY(open(path));
            if (reading) open_.emplace(reading->file->identity(), std::move(reading));
        }
        if (open_.empty())
            show(SourceState::waiting, fmt::format("there is no file {} yet", pattern_));
        else
            show(SourceState::running);
        return current;
    }

    /// Goes on where the log says; null when the file is not there, and may come.
    Result<std::unique_ptr<Reading>> open(const std::string& path) {
        auto file = InputFile::open(path);
        if (!file && file.error().code == Errc::not_found && file_.follow) return nullptr;
        if (!file) return fail(std::move(file.error()));
        auto reading = std::make_unique<Reading>();
        reading->file = std::move(*file);
        reading->cursor = TRY(cursor_of(producer() + "/" + reading->file->identity()));
        auto& latest = reading->cursor.latest;
        reading->number = latest.page + 1;
        if (latest.page < 0) return reading;
        auto place = TRY(Place::parse(latest.token));
        auto fingerprint = TRY(reading->file->fingerprint(std::size_t(place.fingerprinted)));
        auto size = TRY(reading->file->size());
        bool same = fingerprint == place.fingerprint &&
                    (reading->file->kind() != InputFile::Kind::plain || size >= place.byte);
        if (!same) {
            log::info("source {}: {} is another file than the one read before; it is read from its start",
                      spec().name, path);
            return reading;
        }
        reading->number = latest.page;
        reading->place = place;
        if (place.byte > 0) log::info("source {}: goes on in {} at byte {}", spec().name, path, place.byte);
        if (file_.kind == Kind::json_lines) {
            TRY(reading->file->seek(place.byte));
        }
        return reading;
    }

    Result<> check_truncated(Reading& reading) {
        if (reading.file->kind() != InputFile::Kind::plain) return {};
        auto size = TRY(reading.file->size());
        auto read = reading.place.byte + std::int64_t(reading.pending.size());
        bool shorter = size < read;
        if (!shorter && reading.place.fingerprinted > 0) {
            auto now = TRY(reading.file->fingerprint(std::size_t(reading.place.fingerprinted)));
            shorter = now != reading.place.fingerprint;
        }
        if (!shorter) return {};
        log::warn("source {}: {} was truncated; it is read from its start", spec().name,
                  reading.file->path());
        TRY(settle_all());
        reading.pending.clear();
        reading.names.clear();
        reading.place = {};
        return reading.file->seek(0);
    }

    /// Sends one stretch; whether there was one. final: what is there now ends the file, and its last line.
    Result<bool> step(Reading& reading, bool final) {
        if (reading.told) return false;
        auto more = stretch(reading, final || reading.broken);
        if (!more && more.error().code == Errc::corrupt) {
            // Kept where people look for what went wrong; the other files go on.
            reading.told = true;
            counts().failures += 1;
            log::warn("source {}: {}", spec().name, more.error().text);
            auto page = new_page();
            page->body.clear();
            page->page.clear();
            page->page.rejects.push_back({page->body, more.error().text, 0});
            TRY(send_page(reading, std::move(page)));
            return true;
        }
        return more;
    }

    Result<bool> stretch(Reading& reading, bool final) {
        if (file_.kind == Kind::csv && reading.names.empty()) {
            bool ready = TRY(read_header(reading, final));
            if (!ready) return false;
        }
        std::size_t end = 0;
        for (auto wanted = stretch_bytes; end == 0; wanted += stretch_bytes) {
            bool at_end = TRY(fill(reading, wanted));
            final = final || reading.broken;
            if (reading.place.byte == 0 && reading.pending.starts_with("\xEF\xBB\xBF")) {
                reading.pending.erase(0, 3);
                reading.place.byte = 3;
            }
            end = whole_lines(reading.pending, at_end && final);
            if (end == 0 && reading.pending.size() >= max_line_bytes) return reject_long_line(reading, final);
            if (at_end && end == 0) {
                if (reading.broken && reading.pending.empty()) return fail(*reading.broken);
                if (!final || reading.pending.empty()) return false;
                end = reading.pending.size();  // CSV: a quote that is never closed
            }
        }
        auto page = new_page();
        page->page.clear();
        page->raw.assign(reading.pending, 0, end);
        if (file_.kind == Kind::json_lines)
            split_lines(reading, *page);
        else
            split_rows(reading, *page);
        auto lines = std::count(page->raw.begin(), page->raw.end(), '\n');
        reading.pending.erase(0, end);
        TRY(send_page(reading, std::move(page)));
        advance(reading, end, lines);
        return true;
    }

    /// Reads until pending has that many bytes; whether the file ended before.
    static Result<bool> fill(Reading& reading, std::size_t wanted) {
        while (reading.pending.size() < wanted) {
            if (reading.broken) return true;
            auto got = reading.file->read(reading.pending, wanted - reading.pending.size());
            if (!got && got.error().code != Errc::corrupt) return fail(std::move(got.error()));
            if (!got)
                reading.broken = std::move(got.error());  // what was read before it is taken first
            else if (*got == 0)
                return true;
        }
        return false;
    }

    std::size_t whole_lines(std::string_view text, bool at_end) const {
        if (file_.kind == Kind::json_lines) {
            if (at_end) return text.size();
            auto last = text.rfind('\n');
            return last == std::string_view::npos ? 0 : last + 1;
        }
        std::size_t end = 0;
        while (auto row = csv_row_end(text.substr(end), at_end)) end += *row;
        return end;
    }

    void split_lines(Reading& reading, OutgoingPage& page) {
        page.body.assign(page.raw);
        if (!page.splitter) page.splitter = std::make_unique<PageSplitter>("", spec().key);
        page.splitter->split_lines(page.body, page.page);
        for (auto& reject : page.page.rejects) {
            auto line =
                reading.place.line + 1 + std::count(std::as_const(page.body).data(), reject.raw.data(), '\n');
            reject.reason = fmt::format("line {}: {}", line, reject.reason);
        }
    }

    void split_rows(Reading& reading, OutgoingPage& page) {
        page.body.clear();
        std::vector<std::uint32_t> good;  // which row each record is
        std::vector<Page::Reject> bad;
        std::string_view rest = page.raw;
        auto line = reading.place.line + 1;
        std::uint32_t row_number = 0;
        while (!rest.empty()) {
            auto row = rest.substr(0, csv_row_end(rest, true).value_or(rest.size()));
            rest.remove_prefix(row.size());
            bool blank = row == "\n" || row == "\r\n";
            if (!blank) {
                auto json = row_as_json(reading, row);
                if (json) {
                    page.body.append(*json).append("\n");
                    good.push_back(row_number++);
                } else {
                    bad.push_back({row, fmt::format("line {}: {}", line, json.error().text), row_number++});
                }
            }
            line += std::count(row.begin(), row.end(), '\n');
        }
        if (!page.splitter) page.splitter = std::make_unique<PageSplitter>("", spec().key);
        page.splitter->split_lines(page.body, page.page);
        for (auto& record : page.page.records) record.index = good[record.index];
        for (auto& reject : page.page.rejects) reject.index = good[reject.index];
        for (auto& reject : bad) page.page.rejects.push_back(std::move(reject));
    }

    Result<std::string> row_as_json(Reading& reading, std::string_view row) const {
        auto fields = TRY(parse_csv_row(row, file_.delimiter));
        if (reading.names.empty()) reading.names = csv_default_names(fields.size());
        return csv_row_as_json(reading.names, fields);
    }

    /// CSV: the names of the columns, from the file's first row; then goes to the stretch that is to be read.
    Result<bool> read_header(Reading& reading, bool final) {
        auto resume = reading.place;
        TRY(reading.file->seek(0));
        reading.pending.clear();
        std::size_t start = 0;
        std::optional<std::size_t> end;
        for (auto wanted = stretch_bytes; !end; wanted += stretch_bytes) {
            bool at_end = TRY(fill(reading, wanted));
            if (reading.pending.starts_with("\xEF\xBB\xBF")) start = 3;
            end = csv_row_end(std::string_view(reading.pending).substr(start), at_end && final);
            if (end) break;
            if (at_end) {
                reading.pending.clear();
                if (reading.broken) return fail(*reading.broken);
                return false;
            }
            if (reading.pending.size() > max_line_bytes)
                return fail(Errc::corrupt, "{}: line 1 is longer than {}", reading.file->path(),
                            format_bytes(std::int64_t(max_line_bytes)));
        }
        auto row = std::string_view(reading.pending).substr(start, *end);
        auto fields = parse_csv_row(row, file_.delimiter);
        if (!fields) return fail(Errc::corrupt, "{}: line 1: {}", reading.file->path(), fields.error().text);
        auto lines = std::count(row.begin(), row.end(), '\n');
        if (file_.header) {
            auto names = csv_names(*fields);
            if (!names)
                return fail(Errc::corrupt, "{}: line 1: {}", reading.file->path(), names.error().text);
            reading.names = std::move(*names);
            start += *end;
        } else {
            reading.names = csv_default_names(fields->size());
            lines = 0;
        }
        if (resume.byte > std::int64_t(start)) {
            reading.pending.clear();
            TRY(reading.file->seek(resume.byte));
            return true;
        }
        reading.pending.erase(0, start);
        reading.place.byte = std::int64_t(start);
        reading.place.line = lines;
        return true;
    }

    /// A line without end: its start is kept, the rest is passed over.
    Result<bool> reject_long_line(Reading& reading, bool final) {
        auto page = new_page();
        page->page.clear();
        page->raw.assign(reading.pending, 0, max_record_bytes);
        std::size_t passed = 0;
        std::size_t line_end = std::string::npos;
        std::size_t searched = 0;
        while (true) {
            line_end = reading.pending.find('\n', searched);
            if (line_end != std::string::npos) break;
            passed += reading.pending.size();
            reading.pending.clear();
            searched = 0;
            bool at_end = TRY(fill(reading, stretch_bytes));
            if (!at_end || !reading.pending.empty()) continue;
            if (!final) {  // its end is still being written: from its start again, when there is more
                TRY(reading.file->seek(reading.place.byte));
                control().wait_us(look_every_us);
                return false;
            }
            line_end = 0;
            break;
        }
        auto end = std::min(line_end + 1, reading.pending.size());
        reading.pending.erase(0, end);
        page->page.rejects.push_back({page->raw,
                                      fmt::format("line {}: longer than {}", reading.place.line + 1,
                                                  format_bytes(std::int64_t(max_line_bytes))),
                                      0});
        TRY(send_page(reading, std::move(page)));
        advance(reading, passed + end, 1);
        return true;
    }

    Result<> send_page(Reading& reading, std::unique_ptr<OutgoingPage> page) {
        auto size = TRY(reading.file->size());
        auto& place = reading.place;
        place.fingerprinted = std::min<std::int64_t>(size, std::int64_t(fingerprint_bytes));
        place.fingerprint = TRY(reading.file->fingerprint(std::size_t(place.fingerprinted)));
        page->number = reading.number;
        page->token = place.text();
        page->url = "file://" + reading.file->path();
        if (page->page.size() == 0) {
            give_back(std::move(page));
            return {};
        }
        return send(std::move(page), &reading.cursor);
    }

    void advance(Reading& reading, std::size_t bytes, std::int64_t lines) {
        counts().bytes += std::int64_t(bytes);
        ++reading.number;
        reading.place.byte += std::int64_t(bytes);
        reading.place.line += lines;
    }

    const pipeline::FileSource file_;
    std::string pattern_;
    std::map<std::string, std::unique_ptr<Reading>> open_;  ///< following: by identity
};

}  // namespace

std::unique_ptr<SourceRun> make_file_run(RunSetting setting) {
    return std::make_unique<FileRun>(std::move(setting));
}

}  // namespace penstock::ingest
