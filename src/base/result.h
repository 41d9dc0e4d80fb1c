// Errors are values: Result<T> = std::expected<T, Error>. Exceptions stay at the borders of libraries.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace penstock {

/// What kind of thing went wrong; protocol servers map it to their own codes in one function each.
enum class Errc {
    invalid,       ///< the input is wrong: text says what was expected
    not_found,     ///< the named thing does not exist
    exists,        ///< the named thing exists already
    out_of_range,  ///< an offset, page or index that is not there (any more)
    corrupt,       ///< stored bytes fail their checksum or cannot be read
    io,            ///< the operating system refused: disk, file, permission
    full,          ///< no room on disk or in a bounded buffer
    unavailable,   ///< a peer cannot be reached now; trying again may help
    timeout,       ///< it took longer than allowed
    unauthorized,  ///< not allowed to do this
    unsupported,   ///< known, and not offered
    fenced,        ///< somebody newer took over
    cancelled,     ///< stopped on request
    internal,      ///< our fault
};

std::string_view to_string(Errc code);

struct Error {
    Errc code = Errc::internal;
    std::string text;  ///< for people: what, where, what was expected
};

template <class T = void>
using Result = std::expected<T, Error>;

/// fail(Errc::invalid, "line {}: expected a number", line): usable as the return value of any Result<T>.
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
    return std::unexpected(std::move(error));
}
/// Puts "context: " before the text, so that the reader knows where it happened.
[[nodiscard]] inline std::unexpected<Error> fail(std::string_view context, Error error) {
    error.text = fmt::format("{}: {}", context, error.text);
    return std::unexpected(std::move(error));
}

/// auto value = TRY(expression): the value, or returns the error from this function. Not in coroutines.
#define TRY(expression)                                                           \
    __extension__({                                                               \
        auto try_result_ = (expression);                                          \
        if (!try_result_) return std::unexpected(std::move(try_result_).error()); \
        ::penstock::detail::take(std::move(try_result_));                         \
    })

namespace detail {
template <class T>
T take(Result<T>&& result) {
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace detail

}  // namespace penstock

template <>
struct fmt::formatter<penstock::Errc> : fmt::formatter<std::string_view> {
    auto format(penstock::Errc code, format_context& out) const {
        return fmt::formatter<std::string_view>::format(penstock::to_string(code), out);
    }
};
