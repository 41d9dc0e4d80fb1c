// Base64 with padding (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::codec {

std::string encode_base64(std::string_view bytes);
/// Nothing when the text is not base64, or not in its shortest form.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace penstock::codec
