// Casts between all types, by Spark's ANSI rules: a value that does not fit is an error of its row.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "stream/expr/expression.h"

namespace penstock::stream {

/// The kernel that casts, or nullptr when there is no such cast (BOOLEAN to DATE ...).
Kernel cast_kernel(TypeId from, TypeId to);

/// Text to value, as CAST does it: blanks around it are ignored. None: it does not fit.
std::optional<std::int64_t> integer_of_text(std::string_view text, TypeId type);
std::optional<double> double_of_text(std::string_view text);
std::optional<std::int64_t> boolean_of_text(std::string_view text);

/// "cannot cast 'abc' to INT", with long values cut.
std::string cast_reason(std::string_view value, TypeId to);

}  // namespace penstock::stream
