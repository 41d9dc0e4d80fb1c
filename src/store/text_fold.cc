#include "store/text_fold.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace penstock::store {
namespace {

constexpr utf8proc_int32_t sharp_s = 0xdf;

bool is_true(const std::map<std::string, std::string>& options, const char* name) {
    auto found = options.find(name);
    return found != options.end() && (found->second == "true" || found->second == "TRUE");
}

std::string mapped(std::string_view text, int options) {
    utf8proc_uint8_t* out = nullptr;
    auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                             utf8proc_ssize_t(text.size()), &out, utf8proc_option_t(options));
    std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(out, &std::free);
    if (size < 0) return std::string(text);
    return {reinterpret_cast<const char*>(out), std::size_t(size)};
}

/// Letter by letter, as Java's toLowerCase and toUpperCase without a locale. Of letters that become several,
/// which utf8proc does not know, only the sharp s.
std::string with_case(std::string_view text, bool upper) {
    std::string out;
    out.reserve(text.size());
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    for (auto left = utf8proc_ssize_t(text.size()); left > 0;) {
        utf8proc_int32_t letter = 0;
        auto size = utf8proc_iterate(at, left, &letter);
        if (size <= 0) return std::string(text);
        utf8proc_uint8_t bytes[4];
        if (upper && letter == sharp_s) {
            out += "SS";
        } else {
            auto other = upper ? utf8proc_toupper(letter) : utf8proc_tolower(letter);
            auto count = utf8proc_encode_char(other, bytes);
            out.append(reinterpret_cast<const char*>(bytes), std::size_t(count));
        }
        at += size;
        left -= size;
    }
    return out;
}

}  // namespace

TextFold text_fold_of(const std::map<std::string, std::string>& options) {
    auto sensitive = options.find("case_sensitive");
    return {sensitive != options.end() && (sensitive->second == "false" || sensitive->second == "FALSE"),
            is_true(options, "normalize"), is_true(options, "ascii"), false};
}

std::string folded(const TextFold& fold, std::string_view text) {
    std::string out(text);
    if (fold.case_insensitive) out = with_case(out, false);
    if (fold.upper_case) out = with_case(out, true);
    if (fold.normalized) out = mapped(out, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (fold.ascii)
        out = mapped(out, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK);
    return out;
}

}  // namespace penstock::store
