// The schema's history, as a list that only grows: number n is the n-th entry, counted from 1.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace penstock::metadata {

/// How the databases differ in the few places where they do.
struct Dialect {
    std::string_view integer;       ///< a signed 64-bit column
    std::string_view table_suffix;  ///< after a table's closing bracket
};

constexpr Dialect sqlite_dialect{"INTEGER", " STRICT"};
constexpr Dialect postgres_dialect{"BIGINT", ""};

/// SQL with the words INT64 and ENDTABLE in the places where dialects differ.
std::span<const std::string_view> migrations();
/// The migration's text for that database.
std::string migration_text(std::string_view migration, const Dialect& dialect);

}  // namespace penstock::metadata
