#include "store/cql/sasi_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/units.h"
#include "store/sasi.h"

namespace penstock::store::cql {
namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;

template <class... Args>
std::unexpected<ErrorResponse> misconfigured(fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(
        ErrorResponse{ErrorCode::config, fmt::format(text, std::forward<Args>(args)...), {}, {}, {}});
}

/// Whether Cassandra has stop words or a stemmer for the language of the locale.
template <std::size_t Size>
bool has_language(const std::string& locale, const std::array<std::string_view, Size>& languages) {
    return std::ranges::find(languages, std::string_view(locale).substr(0, 2)) != languages.end();
}

std::expected<void, ErrorResponse> check_standard(const IndexOptions& options) {
    constexpr std::array<std::string_view, 15> stemmed{"de", "da", "es", "en", "fl", "fr", "hu", "it",
                                                       "nl", "no", "pt", "ro", "ru", "sv", "tr"};
    constexpr std::array<std::string_view, 16> with_stop_words{
        "ar", "bg", "cs", "de", "en", "es", "fi", "fr", "hi", "hu", "it", "pl", "pt", "ro", "ru", "sv"};
    if (is_on(options, "tokenization_normalize_lowercase") &&
        is_on(options, "tokenization_normalize_uppercase"))
        return misconfigured(
            "Options to normalize terms cannot be both uppercase and lowercase at the same time");
    // Without a locale Cassandra does neither.
    const auto* locale = option_of(options, "tokenization_locale");
    if (locale == nullptr) return {};
    if (is_on(options, "tokenization_enable_stemming") && has_language(*locale, stemmed))
        return misconfigured("tokenization_enable_stemming is not supported here");
    if (is_on(options, "tokenization_skip_stop_words") && has_language(*locale, with_stop_words))
        return misconfigured("tokenization_skip_stop_words is not supported here");
    return {};
}

std::expected<void, ErrorResponse> check_non_tokenizing(const IndexOptions& options) {
    if (options.contains("case_sensitive") &&
        (options.contains("normalize_lowercase") || options.contains("normalize_uppercase")))
        return misconfigured(
            "case_sensitive option cannot be specified together with either normalize_lowercase or "
            "normalize_uppercase");
    if (is_on(options, "normalize_lowercase") && is_on(options, "normalize_uppercase"))
        return misconfigured(
            "Options to normalize terms cannot be both uppercase and lowercase at the same time");
    return {};
}

std::expected<void, ErrorResponse> check_delimiter(const IndexOptions& options) {
    const auto* delimiter = option_of(options, "delimiter");
    if (delimiter == nullptr) return {};
    // One of UTF-16's units, of which a character outside the first plane has two.
    auto letters =
        std::ranges::count_if(*delimiter, [](unsigned char byte) { return (byte & 0xc0) != 0x80; });
    if (letters != 1 || (static_cast<unsigned char>(delimiter->front()) >= 0xf0))
        return misconfigured("Only single character delimiters supported, was {}", *delimiter);
    return {};
}

std::expected<void, ErrorResponse> check_analyzer(const IndexDefinition& index,
                                                  const ColumnDefinition& column) {
    const auto* name = option_of(index.options, "analyzer_class");
    if (name == nullptr) return {};
    std::string_view analyzer(*name);
    bool ours = analyzer.starts_with(sasi_analyzers);
    if (ours) analyzer.remove_prefix(sasi_analyzers.size());
    bool known = ours && (analyzer == "StandardAnalyzer" || analyzer == "NonTokenizingAnalyzer" ||
                          analyzer == "DelimiterAnalyzer" || analyzer == "NoOpAnalyzer");
    if (!known) return misconfigured("Unable to find analyzer class '{}'", *name);
    if (analyzer == "NoOpAnalyzer") return {};
    if (!takes_analyzers(column))
        return misconfigured("{} does not support type {}", analyzer, to_string(column.type));
    if (analyzer == "StandardAnalyzer") return check_standard(index.options);
    return analyzer == "DelimiterAnalyzer" ? check_delimiter(index.options)
                                           : check_non_tokenizing(index.options);
}

}  // namespace

std::expected<void, ErrorResponse> check_sasi_options(const IndexDefinition& index,
                                                      const ColumnDefinition& column) {
    if (column.type.is_multi_cell()) return misconfigured("complex columns are not yet supported by SASI");
    if (column.role == ColumnRole::partition_key)
        return misconfigured("partition key columns are not yet supported by SASI");
    if (auto right = check_analyzer(index, column); !right) return right;
    auto mode = SasiIndex::Mode::prefix;
    if (const auto* name = option_of(index.options, "mode"); name != nullptr && !parse_sasi_mode(*name, mode))
        return misconfigured("Incorrect index mode: {}", *name);
    const auto* memory = option_of(index.options, "max_compaction_flush_memory_in_mb");
    if (memory != nullptr && !parse_int(*memory)) {
        std::string options;
        for (const auto& [key, value] : index.options)
            options += (options.empty() ? "" : ", ") + key + "=" + value;
        return misconfigured("Failed to validate custom indexer options: {{{}, class_name={}, target={}}}",
                             options, index.class_name, column.name);
    }
    auto sasi = sasi_of(index, column);
    if (mode != SasiIndex::Mode::sparse) return {};
    if (sasi.literal) return misconfigured("SPARSE mode is only supported on non-literal columns.");
    if (sasi.analyzed) return misconfigured("SPARSE mode doesn't support analyzers.");
    return {};
}

}  // namespace penstock::store::cql
