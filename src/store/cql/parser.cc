#include "store/cql/parser.h"

#include <algorithm>
#include <array>

#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

constexpr std::array<std::string_view, 12> schema_verbs{"create", "alter",    "drop", "truncate",
                                                        "use",    "describe", "desc", "grant",
                                                        "revoke", "list",     "add",  "comment"};

Result<Statement> statement(TokenStream& in) {
    if (in.accept_word("select")) return TRY(parse_select(in));
    if (in.accept_word("insert")) return TRY(parse_insert(in));
    if (in.accept_word("update")) return TRY(parse_update(in));
    if (in.accept_word("delete")) return TRY(parse_delete(in));
    if (in.accept_word("begin")) return TRY(parse_batch(in));
    if (in.peek().kind != TokenKind::word ||
        std::ranges::find(schema_verbs, in.peek().text) == schema_verbs.end())
        return in.no_alternative();
    auto verb = in.take().text;
    return parse_schema_statement(in, verb);
}

}  // namespace

Result<Parsed> parse(std::string_view text) {
    TokenStream in(text, TRY(tokenize(text)));
    Parsed out;
    out.statement = TRY(statement(in));
    while (in.accept(";")) {
    }
    // What is not offered is not parsed to its end either.
    bool unsupported = std::holds_alternative<Unsupported>(out.statement);
    if (in.peek().kind != TokenKind::end && !unsupported) return in.mismatch("EOF");
    out.markers = in.take_markers();
    return out;
}

}  // namespace penstock::store::cql
