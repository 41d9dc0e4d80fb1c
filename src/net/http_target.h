// The request target of HTTP (RFC 9112 section 3.2) and percent-encoding (RFC 3986 section 2.1).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace penstock::net {

/// A target taken apart. Everything is percent-decoded.
struct HttpTarget {
    std::string path;                   ///< begins with '/'
    std::vector<std::string> segments;  ///< the path between its slashes; one slash at the end does not count
    std::vector<std::pair<std::string, std::string>> query;  ///< in order; '+' means a blank
};

/// "/a/b?x=1", "http://host/a/b?x=1" or "*". Errc::invalid for a bad percent escape, a NUL, bytes that are
/// not UTF-8, and for "." and ".." as a part of the path, however they are encoded.
Result<HttpTarget> parse_http_target(std::string_view target);

/// Errc::invalid when '%' is not followed by two hexadecimal digits.
Result<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);
/// Encodes everything but the unreserved characters of RFC 3986.
std::string percent_encode(std::string_view text);

/// Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

}  // namespace penstock::net
