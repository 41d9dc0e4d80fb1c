// How consume writes a record, in the words of kcat -f.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock::app {

/// The bytes of a record; nothing: null.
struct ShownRecord {
    std::string_view topic;
    std::int64_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::string>> headers;
};

/// %s value, %S its size (-1: null), %k key, %K its size, %t topic, %p partition, %o offset, %T time in
/// milliseconds, %h headers as name=value,name=value, %% a percent sign; \n, \r, \t, \\ and \xff.
class RecordFormat {
public:
    /// Errc::invalid, with what stands where: another letter after % or \.
    static Result<RecordFormat> parse(std::string_view text);
    std::string text(const ShownRecord& record) const;

private:
    /// A directive's letter, or 0 and bytes as they are.
    std::vector<std::pair<char, std::string>> parts_;
};

}  // namespace penstock::app
