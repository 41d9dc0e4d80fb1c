// LIKE: patterns, and the SASI indexes that every one of them needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/catalogue.h"
#include "store/cql/ast.h"
#include "store/sasi.h"

namespace penstock::store::cql {

/// A pattern made ready: what its index makes of it.
struct LikeTest {
    const IndexDefinition* index = nullptr;  ///< of the table
    TermMatch match = TermMatch::whole;
    TextAnalyzer analyzer;
    std::vector<std::string> terms;  ///< of the pattern without its %; a value that matches has all of them
    bool matches(std::string_view value) const;
    /// Whether a term of a value is, begins with, ... this one of the pattern.
    bool matches_term(std::string_view of_value, std::string_view of_pattern) const;
};

/// Whether the column has an index for LIKE, of whatever pattern.
bool can_be_like(const TableDefinition& table, const ColumnDefinition& column);
/// Errc::invalid: "LIKE restriction is only supported on properly indexed columns. c LIKE 'x' is not valid."
std::unexpected<Error> like_without_index(const Relation& relation);

/// Errc::invalid: "LIKE value can't be empty."
std::unexpected<Error> empty_pattern();
/// Errc::invalid, in Cassandra's words: an empty pattern, or one of a kind that the column's indexes do not
/// have.
Result<LikeTest> like_test(const TableDefinition& table, const ColumnDefinition& column,
                           std::string_view pattern);

}  // namespace penstock::store::cql
