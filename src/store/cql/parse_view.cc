#include "store/cql/token_stream.h"

namespace penstock::store::cql {

/// Behind CREATE MATERIALIZED VIEW.
Result<CreateView> parse_create_view(TokenStream& in) {
    CreateView out;
    out.if_not_exists = TRY(parse_if_not_exists(in));
    out.name = TRY(in.table_name());
    TRY(in.expect_word("as"));
    TRY(in.expect_word("select"));
    if (in.accept("*")) {
        out.all = true;
    } else {
        do {
            auto from = in.peek().offset;
            out.columns.push_back(TRY(in.name()));
            if (!in.accept("[")) continue;
            TRY(parse_term(in));
            if (in.accept("..")) TRY(parse_term(in));
            TRY(in.expect("]"));
            return fail(Errc::invalid,
                        "Can only select columns by name when defining a materialized view (got {})",
                        in.written(from));
        } while (in.accept(","));
    }
    TRY(in.expect_word("from"));
    out.base = TRY(in.table_name());
    if (in.accept_word("where")) {
        auto from = in.peek().offset;
        out.where = TRY(parse_relations(in));
        out.where_text = in.written(from);
    }
    if (in.has_markers())
        return fail(Errc::invalid, "Bind variables are not allowed in CREATE MATERIALIZED VIEW statements");
    TRY(in.expect_word("primary"));
    TRY(in.expect_word("key"));
    TRY(parse_primary_key(in, out.partition_key, out.clustering));
    CreateTable properties;
    TRY(parse_table_properties(in, properties));
    out.order = std::move(properties.order);
    out.options = std::move(properties.options);
    return out;
}

Result<DropView> parse_drop_view(TokenStream& in) {
    DropView out;
    out.if_exists = TRY(parse_if_exists(in));
    out.name = TRY(in.table_name());
    return out;
}

}  // namespace penstock::store::cql
