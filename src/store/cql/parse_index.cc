#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

using Target = IndexDefinition::Target;

/// column, or keys(column), values(...), entries(...), full(...).
Result<std::pair<Target, std::string>> target(TokenStream& in) {
    auto kind = Target::value;
    if (in.is("(", 1)) {
        if (in.accept_word("keys"))
            kind = Target::keys;
        else if (in.accept_word("values"))
            kind = Target::values;
        else if (in.accept_word("entries"))
            kind = Target::entries;
        else if (in.accept_word("full"))
            kind = Target::full;
        else
            return in.no_alternative();
        TRY(in.expect("("));
    }
    auto name = TRY(in.name());
    if (kind != Target::value) TRY(in.expect(")"));
    return std::pair(kind, std::move(name));
}

Result<> options(TokenStream& in, CreateIndex& out) {
    TRY(in.expect_word("options"));
    TRY(in.expect("="));
    TRY(in.expect("{"));
    out.has_options = true;
    if (in.accept("}")) return {};
    do {
        auto key = in.peek().text;
        if (in.peek().kind != TokenKind::string) return in.mismatch("STRING_LITERAL");
        in.take();
        TRY(in.expect(":"));
        // Numbers and truth values are taken as well as text.
        auto value = in.peek();
        if (value.kind == TokenKind::symbol || value.kind == TokenKind::end) return in.no_alternative();
        in.take();
        out.options[key] = value.text;
    } while (in.accept(","));
    return in.expect("}");
}

}  // namespace

Result<CreateIndex> parse_create_index(TokenStream& in) {
    CreateIndex out;
    out.custom = in.accept_word("custom");
    TRY(in.expect_word("index"));
    out.if_not_exists = TRY(parse_if_not_exists(in));
    if (!in.is_word("on")) out.name = TRY(in.table_name());
    TRY(in.expect_word("on"));
    out.table = TRY(in.table_name());
    TRY(in.expect("("));
    if (!in.is(")")) {
        do out.columns.push_back(TRY(target(in)));
        while (in.accept(","));
    }
    TRY(in.expect(")"));
    if (in.accept_word("using")) {
        if (in.peek().kind != TokenKind::string) return in.mismatch("STRING_LITERAL");
        out.class_name = in.take().text;
        out.has_using = true;
    }
    if (in.accept_word("with")) {
        do TRY(options(in, out));
        while (in.accept_word("and"));
    }
    return out;
}

Result<DropIndex> parse_drop_index(TokenStream& in) {
    DropIndex out;
    TRY(in.expect_word("index"));
    out.if_exists = TRY(parse_if_exists(in));
    out.name = TRY(in.table_name());
    return out;
}

}  // namespace penstock::store::cql
