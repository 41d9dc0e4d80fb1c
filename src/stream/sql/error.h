// Errors in SQL text, with the place where they stand, and how they are shown to people.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "stream/engine.h"

namespace penstock::stream {

/// Where something stands in the SQL text; both count from 1, columns count characters.
struct Position {
    int line = 1;
    int column = 1;
};

template <class T = void>
using SqlResult = std::expected<T, SqlError>;

/// sql_fail(at, "unknown column {}", name): usable as the return value of any SqlResult<T>.
template <class... Args>
[[nodiscard]] std::unexpected<SqlError> sql_fail(Position at, fmt::format_string<Args...> text,
                                                 Args&&... args) {
    return std::unexpected(SqlError{at.line, at.column, fmt::format(text, std::forward<Args>(args)...)});
}

/// The message, the line of the text and a caret below the place:
///   unknown column emial; did you mean email?
///     2 | SELECT emial
///       |        ^
std::string render(const SqlError& error, std::string_view sql);

/// The candidate that is closest to the name in spelling, or empty when none is close.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);
/// "; did you mean X?", or empty.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

/// ASCII only: keywords, functions and column names compare this way.
std::string lower_case(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace penstock::stream

namespace penstock::detail {
/// Lets TRY() take SqlResult apart too.
template <class T>
T take(std::expected<T, stream::SqlError>&& result) {
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace penstock::detail
