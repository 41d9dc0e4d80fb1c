#include "store/cql/token_stream.h"

#include <algorithm>
#include <array>

namespace penstock::store::cql {
namespace {

/// What cannot be a name without quotes (Cassandra's reserved keywords).
bool is_reserved(std::string_view word) {
    static constexpr std::array<std::string_view, 50> words{
        "add",   "allow",       "alter",  "and",          "apply",    "asc",     "authorize",
        "batch", "begin",       "by",     "columnfamily", "create",   "default", "delete",
        "desc",  "describe",    "drop",   "entries",      "execute",  "from",    "full",
        "grant", "if",          "in",     "index",        "infinity", "insert",  "into",
        "is",    "keyspace",    "limit",  "materialized", "mbean",    "mbeans",  "modify",
        "nan",   "norecursive", "not",    "null",         "of",       "on",      "or",
        "order", "primary",     "rename", "replace",      "revoke",   "schema",  "select",
        "set"};
    static constexpr std::array<std::string_view, 12> more{"table",    "to",    "token",  "truncate",
                                                           "unlogged", "unset", "update", "use",
                                                           "using",    "view",  "where",  "with"};
    return std::ranges::find(words, word) != words.end() || std::ranges::find(more, word) != more.end();
}

}  // namespace

Result<std::string> TokenStream::name() {
    const auto& token = peek();
    bool usable =
        token.kind == TokenKind::quoted_name || (token.kind == TokenKind::word && !is_reserved(token.text));
    if (!usable) return no_alternative();
    if (token.text.empty()) return fail(Errc::invalid, "{}a name may not be empty", place_of(token));
    return take().text;
}

Result<Term> TokenStream::int_value() {
    bool negative = is("-") && peek(1).kind == TokenKind::integer;
    if (!negative && peek().kind != TokenKind::integer && !is("?") && !is(":")) return no_alternative();
    return parse_operand(*this);
}

Result<Name> TokenStream::table_name() {
    Name out;
    out.name = TRY(name());
    if (accept(".")) {
        out.keyspace = std::move(out.name);
        out.name = TRY(name());
    }
    return out;
}

/// Up to eight tokens before the place, it in brackets, one after.
std::string TokenStream::context() const {
    auto piece = [&](std::size_t i) { return std::string(text_.substr(tokens_[i].offset, tokens_[i].size)); };
    auto from = at_ > 8 ? at_ - 8 : 0;
    std::string out = from > 0 ? "..." : "";
    for (auto i = from; i < at_; ++i) {
        if (i > from && tokens_[i].offset > tokens_[i - 1].offset + tokens_[i - 1].size) out += ' ';
        out += piece(i);
    }
    if (at_ > from && tokens_[at_].offset > tokens_[at_ - 1].offset + tokens_[at_ - 1].size) out += ' ';
    if (tokens_[at_].kind != TokenKind::end) out += "[" + piece(at_) + "]";
    if (at_ + 2 < tokens_.size()) out += "...";
    return out;
}

std::unexpected<Error> TokenStream::mismatch(std::string_view expected) const {
    const auto& token = peek();
    if (token.kind == TokenKind::end)
        return fail(Errc::invalid, "line 0:-1 mismatched input '<EOF>' expecting {}", expected);
    auto shown = std::string(text_.substr(token.offset, token.size));
    return fail(Errc::invalid, "{}mismatched input '{}' expecting {} ({})", place_of(token), shown, expected,
                context());
}

std::unexpected<Error> TokenStream::no_alternative() const {
    const auto& token = peek();
    if (token.kind == TokenKind::end)
        return fail(Errc::invalid, "line 0:-1 no viable alternative at input '<EOF>'");
    auto shown = std::string(text_.substr(token.offset, token.size));
    return fail(Errc::invalid, "{}no viable alternative at input '{}' ({})", place_of(token), shown,
                context());
}

std::string TokenStream::written(std::size_t from_offset) const {
    if (at_ == 0) return {};
    const auto& last = tokens_[at_ - 1];
    if (last.offset + last.size < from_offset) return {};
    return std::string(text_.substr(from_offset, last.offset + last.size - from_offset));
}

}  // namespace penstock::store::cql
