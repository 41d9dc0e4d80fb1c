// Takes the body of a response apart into records, without writing any of them anew.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::ingest {

/// Records of one response, one stretch of a file, or one post. index counts both kinds in the order of the
/// input.
struct Page {
    struct Record {
        std::string_view value;
        std::optional<std::string_view> key;
        std::uint32_t index = 0;
    };
    /// What is no record, as it was received.
    struct Reject {
        std::string_view raw;
        std::string reason;
        std::uint32_t index = 0;
    };
    std::vector<Record> records;
    std::vector<Reject> rejects;
    std::int64_t without_key = 0;  ///< records that should have had one

    std::uint32_t size() const { return std::uint32_t(records.size() + rejects.size()); }
    void clear();
};

/// Errc::invalid unless the text is empty or a JSON Pointer (RFC 6901).
Result<> check_json_pointer(std::string_view pointer);

/// The views of a page point into the body and into the splitter: both must live and stay as they are as long
/// as the page. For one thread at a time.
class PageSplitter {
public:
    /// records: where the array of records is; empty: the whole body. key: a pointer inside each record;
    /// empty: no keys. Both have been checked.
    PageSplitter(std::string records, std::string key);
    ~PageSplitter();
    PageSplitter(PageSplitter&&) noexcept;

    /// An array's elements, or one object. Grows the body's capacity, not its text. Errc::corrupt when the
    /// body is not JSON, Errc::invalid when it has no such array; both with what it says instead, and an
    /// empty page.
    Result<> split(std::string& body, Page& page);
    /// As split(), and also takes one record in each line.
    Result<> split_any(std::string& body, Page& page);
    /// One JSON object in each line; blank lines are skipped. first_index counts on from earlier pages.
    void split_lines(std::string& body, Page& page);

    /// The text at a pointer, numbers as they are written; nothing when missing or null, or the body is not
    /// JSON.
    std::optional<std::string> text_at(std::string& body, std::string_view pointer);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// What a body without records says, in at most 300 characters: its error or message when it is JSON, else
/// its start.
std::string describe_body(std::string body);

/// Records longer than this go to the dead-letter topic: no Kafka client would be sent them with its usual
/// settings.
inline constexpr std::size_t max_record_bytes = 1'000'000;

}  // namespace penstock::ingest
