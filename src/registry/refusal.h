// Why the registry refuses, in the codes that Confluent's Schema Registry documents and its clients
// know.
#pragma once

#include <expected>
#include <string>

#include "base/result.h"

namespace penstock::registry {

struct Refusal {
    int code = 50001;  ///< the first three digits are the HTTP status
    std::string text;
};

template <class T>
using Answer = std::expected<T, Refusal>;

namespace refusal {
constexpr int subject_not_found = 40401;
constexpr int version_not_found = 40402;
constexpr int schema_not_found = 40403;
constexpr int subject_soft_deleted = 40404;
constexpr int subject_not_soft_deleted = 40405;
constexpr int version_soft_deleted = 40406;
constexpr int version_not_soft_deleted = 40407;
constexpr int no_subject_level = 40408;
constexpr int no_subject_mode = 40409;
constexpr int incompatible = 409;
constexpr int unprocessable = 422;
constexpr int invalid_schema = 42201;
constexpr int invalid_version = 42202;
constexpr int invalid_level = 42203;
constexpr int invalid_mode = 42204;
constexpr int read_only = 42205;
constexpr int reference_exists = 42206;
constexpr int invalid_subject = 42208;
constexpr int store_failed = 50001;
}  // namespace refusal

template <class... Args>
[[nodiscard]] std::unexpected<Refusal> refuse(int code, fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(Refusal{code, fmt::format(text, std::forward<Args>(args)...)});
}

/// What the seam says in place of the code.
Error error_of(Refusal refusal);

}  // namespace penstock::registry
