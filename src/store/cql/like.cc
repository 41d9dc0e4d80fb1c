#include "store/cql/like.h"

#include <algorithm>

#include "store/cql/term_value.h"

namespace penstock::store::cql {
namespace {

struct Pattern {
    TermMatch match = TermMatch::whole;
    std::string_view text;
};

/// % has a meaning at both ends and nowhere else; there is no way to write one that is meant.
Result<Pattern> parse_pattern(std::string_view pattern) {
    constexpr std::string_view wildcard = "%";
    bool open_begin = pattern.starts_with(wildcard), open_end = pattern.ends_with(wildcard);
    Pattern out{open_end ? (open_begin ? TermMatch::contains : TermMatch::prefix)
                         : (open_begin ? TermMatch::suffix : TermMatch::whole),
                pattern};
    if (open_begin) out.text.remove_prefix(1);
    if (open_end && !out.text.empty()) out.text.remove_suffix(1);
    if (out.text.empty()) return empty_pattern();
    return out;
}

std::string_view shape_of(TermMatch match) {
    switch (match) {
        case TermMatch::prefix:
            return "'<term>%'";
        case TermMatch::suffix:
            return "'%<term>'";
        case TermMatch::contains:
            return "'%<term>%'";
        default:
            return "'<term>'";
    }
}

}  // namespace

bool LikeTest::matches_term(std::string_view of_value, std::string_view of_pattern) const {
    if (of_value.size() >= sasi_term_limit) return false;
    switch (match) {
        case TermMatch::prefix:
            return of_value.starts_with(of_pattern);
        case TermMatch::suffix:
            return of_value.ends_with(of_pattern);
        case TermMatch::contains:
            return of_value.find(of_pattern) != std::string_view::npos;
        default:
            return of_value == of_pattern;
    }
}

bool LikeTest::matches(std::string_view value) const {
    auto of_value = terms_of(analyzer, value);
    return !terms.empty() && std::ranges::all_of(terms, [&](const std::string& wanted) {
        return std::ranges::any_of(of_value,
                                   [&](const std::string& term) { return matches_term(term, wanted); });
    });
}

bool can_be_like(const TableDefinition& table, const ColumnDefinition& column) {
    return std::ranges::any_of(table.indexes, [&](const IndexDefinition& index) {
        return index.is_sasi() && index.column == column.id && sasi_of(index, column).literal;
    });
}

std::unexpected<Error> empty_pattern() {
    return fail(Errc::invalid, "LIKE value can't be empty.");
}

std::unexpected<Error> like_without_index(const Relation& relation) {
    return fail(Errc::invalid,
                "LIKE restriction is only supported on properly indexed columns. {} LIKE {} is not valid.",
                relation.columns.empty() ? "" : relation.columns[0],
                relation.values.empty() ? "" : term_text(relation.values[0]));
}

Result<LikeTest> like_test(const TableDefinition& table, const ColumnDefinition& column,
                           std::string_view pattern) {
    auto parsed = TRY(parse_pattern(pattern));
    for (const auto& index : table.indexes) {
        if (!index.is_sasi() || index.column != column.id) continue;
        auto sasi = sasi_of(index, column);
        if (!sasi.supports(parsed.match)) continue;
        LikeTest out{&index, parsed.match, std::move(sasi.analyzer), {}};
        out.terms = terms_of(out.analyzer, parsed.text);
        return out;
    }
    return fail(Errc::invalid, "{} LIKE {} {} is only supported on properly indexed columns", column.name,
                shape_of(parsed.match), parsed.text);
}

}  // namespace penstock::store::cql
