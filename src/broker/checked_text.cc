#include "broker/checked_text.h"

#include "codec/crc32c.h"

namespace penstock::broker {
namespace {

std::string last_line(std::string_view before) {
    return fmt::format("crc32c {:08x}\n", codec::crc32c(before));
}

}  // namespace

std::string checked_text(std::string_view first_line, std::string_view lines) {
    auto out = fmt::format("{}\n{}", first_line, lines);
    return out + last_line(out);
}

Result<std::string_view> lines_of_checked_text(std::string_view text, std::string_view first_line) {
    auto end = text.rfind("crc32c ");
    if (end == std::string_view::npos || text.substr(end) != last_line(text.substr(0, end)))
        return fail(Errc::corrupt, "the checksum in the last line is wrong");
    text = text.substr(0, end);
    if (take_until(text, '\n') != first_line) return fail(Errc::corrupt, "line 1: expected '{}'", first_line);
    return text;
}

std::string_view take_until(std::string_view& text, char separator) {
    auto at = text.find(separator);
    auto taken = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return taken;
}

}  // namespace penstock::broker
