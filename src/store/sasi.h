// SASI indexes: what their options say, and which comparisons they answer. Named as in Cassandra's IndexMode.
#pragma once

#include <cstdint>

#include "store/catalogue.h"
#include "store/text_analyzer.h"

namespace penstock::store {

/// How a condition looks at the terms of an index.
enum class TermMatch : std::uint8_t {
    equal,
    range,
    whole,    ///< LIKE 'x'
    prefix,   ///< LIKE 'x%'
    suffix,   ///< LIKE '%x'
    contains  ///< LIKE '%x%'
};

struct SasiIndex {
    enum class Mode : std::uint8_t { prefix, contains, sparse };
    Mode mode = Mode::prefix;
    bool literal = false;   ///< has texts, which LIKE looks into, and no ranges
    bool analyzed = false;  ///< by whatever analyzer
    TextAnalyzer analyzer;

    bool supports(TermMatch match) const;
};

/// Of an index with options that can be read (cql/sasi_options.h checks them); what cannot is left out of
/// account.
SasiIndex sasi_of(const IndexDefinition& index, const ColumnDefinition& column);

/// "CONTAINS", in whatever case. False: there is no such mode.
bool parse_sasi_mode(std::string_view text, SasiIndex::Mode& out);
using IndexOptions = std::map<std::string, std::string>;
/// Null: it is not there.
const std::string* option_of(const IndexOptions& options, const char* name);
/// Whether it is there and is_true().
bool is_on(const IndexOptions& options, const char* name);
/// As Java has it: "true" in whatever case, and nothing else.
bool is_true(std::string_view text);
/// Texts that analyzers take: a descending clustering column is of another type in Cassandra.
bool takes_analyzers(const ColumnDefinition& column);

/// What is empty, or has so many bytes, is in none of Cassandra's SASI indexes, and is not found by one.
inline constexpr std::size_t sasi_term_limit = 1024;

/// The package of Cassandra's analyzers, with its last dot.
inline constexpr std::string_view sasi_analyzers = "org.apache.cassandra.index.sasi.analyzer.";

}  // namespace penstock::store
