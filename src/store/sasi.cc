#include "store/sasi.h"

#include "base/ascii_case.h"

namespace penstock::store {
namespace {

TextAnalyzer standard_analyzer(const IndexOptions& options) {
    TextAnalyzer out{TextAnalyzer::Kind::words, {}};
    out.fold = {is_on(options, "tokenization_normalize_lowercase"), true, false,
                is_on(options, "tokenization_normalize_uppercase")};
    return out;
}

TextAnalyzer non_tokenizing_analyzer(const IndexOptions& options) {
    TextAnalyzer out;
    out.fold.normalized = true;
    for (const auto& [name, value] : options) {
        if (name == "normalize_lowercase") out.fold.case_insensitive = is_true(value);
        if (name == "normalize_uppercase") out.fold.upper_case = is_true(value);
        if (name == "case_sensitive") out.fold.case_insensitive = !is_true(value);
    }
    return out;
}

}  // namespace

const std::string* option_of(const IndexOptions& options, const char* name) {
    auto found = options.find(name);
    return found == options.end() ? nullptr : &found->second;
}

bool is_on(const IndexOptions& options, const char* name) {
    const auto* value = option_of(options, name);
    return value != nullptr && is_true(*value);
}

bool is_true(std::string_view text) {
    return upper_case(text) == "TRUE";
}

bool parse_sasi_mode(std::string_view text, SasiIndex::Mode& out) {
    auto name = upper_case(text);
    if (name == "PREFIX")
        out = SasiIndex::Mode::prefix;
    else if (name == "CONTAINS")
        out = SasiIndex::Mode::contains;
    else if (name == "SPARSE")
        out = SasiIndex::Mode::sparse;
    else
        return false;
    return true;
}

bool takes_analyzers(const ColumnDefinition& column) {
    return column.type.is_text() && !column.descending;
}

bool SasiIndex::supports(TermMatch match) const {
    switch (match) {
        case TermMatch::equal:
            return !analyzer.tokenizes();
        case TermMatch::range:
            return !literal && mode != Mode::contains;
        case TermMatch::whole:
            return mode != Mode::sparse;
        case TermMatch::prefix:
            return mode == Mode::prefix || (mode == Mode::contains && !analyzer.tokenizes());
        case TermMatch::suffix:
        case TermMatch::contains:
            return mode == Mode::contains;
    }
    return false;
}

SasiIndex sasi_of(const IndexDefinition& index, const ColumnDefinition& column) {
    SasiIndex out;
    auto option = [&](const char* name) { return option_of(index.options, name); };
    if (const auto* mode = option("mode")) parse_sasi_mode(*mode, out.mode);
    const auto* literal = option("is_literal");
    out.literal = literal != nullptr ? is_true(*literal) : takes_analyzers(column);
    const auto* analyzer = option("analyzer_class");
    const auto* analyzed = option("analyzed");
    out.analyzed = analyzed != nullptr ? is_true(*analyzed) : analyzer != nullptr;
    if (!out.analyzed || !takes_analyzers(column)) return out;
    if (analyzer == nullptr || *analyzer == std::string(sasi_analyzers) + "StandardAnalyzer") {
        out.analyzer = standard_analyzer(index.options);
    } else if (*analyzer == std::string(sasi_analyzers) + "NonTokenizingAnalyzer") {
        out.analyzer = non_tokenizing_analyzer(index.options);
    } else if (*analyzer == std::string(sasi_analyzers) + "DelimiterAnalyzer") {
        out.analyzer.kind = TextAnalyzer::Kind::delimited;
        const auto* delimiter = option("delimiter");
        if (delimiter != nullptr && !delimiter->empty()) out.analyzer.delimiter = *delimiter;
    }
    return out;
}

}  // namespace penstock::store
