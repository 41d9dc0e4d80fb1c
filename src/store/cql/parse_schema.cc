#include <array>
#include <charconv>

#include "base/ascii_case.h"
#include "store/cql/class_type.h"
#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "'";
    for (char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out + "'";
}

/// A value of an option as text without quotes. property: whose it is.
Result<std::string> option_text(TokenStream& in, const std::string& property) {
    if (in.is_word("true") || in.is_word("false")) return in.take().text;
    if (in.is_word("null"))
        return fail(Errc::invalid, "{}Invalid property value: NULL for property: '{}'", syntax_prefix,
                    property);
    auto term = TRY(parse_term(in));
    bool simple = term.kind == Term::Kind::string || term.kind == Term::Kind::integer ||
                  term.kind == Term::Kind::number || term.kind == Term::Kind::uuid;
    if (!simple)
        return fail(Errc::invalid, "{}expected a text, a number or a truth value", place_of(in.peek()));
    return term.text;
}

Result<> option(TokenStream& in, Options& out) {
    auto name = TRY(in.name());
    TRY(in.expect("="));
    if (out.maps.contains(name) || out.texts.contains(name))
        return fail(Errc::invalid, "{}Multiple definitions for property '{}'", syntax_prefix, name);
    if (in.accept("{")) {
        auto& map = out.maps[name];
        if (in.accept("}")) return {};
        do {
            auto key = TRY(option_text(in, name));
            TRY(in.expect(":"));
            if (map.contains(key))
                return fail(Errc::invalid, "{}Multiple definition for property {}", syntax_prefix, key);
            map[key] = TRY(option_text(in, key));
        } while (in.accept(","));
        return in.expect("}");
    }
    bool is_string = in.peek().kind == TokenKind::string;
    auto text = TRY(option_text(in, name));
    out.texts[name] = is_string ? in_quotes(text) : text;
    return {};
}

Result<Options> keyspace_options(TokenStream& in) {
    Options out;
    TRY(in.expect_word("with"));
    do TRY(option(in, out));
    while (in.accept_word("and"));
    return out;
}

}  // namespace

Result<bool> parse_if_not_exists(TokenStream& in) {
    if (!in.accept_word("if")) return false;
    TRY(in.expect_word("not"));
    TRY(in.expect_word("exists"));
    return true;
}

Result<bool> parse_if_exists(TokenStream& in) {
    if (!in.accept_word("if")) return false;
    TRY(in.expect_word("exists"));
    return true;
}

Result<> parse_primary_key(TokenStream& in, std::vector<std::string>& partition_key,
                           std::vector<std::string>& clustering) {
    TRY(in.expect("("));
    if (in.accept("(")) {
        do partition_key.push_back(TRY(in.name()));
        while (in.accept(","));
        TRY(in.expect(")"));
    } else {
        partition_key.push_back(TRY(in.name()));
    }
    while (in.accept(",")) clustering.push_back(TRY(in.name()));
    return in.expect(")");
}

namespace {

Result<ColumnDeclaration> column(TokenStream& in) {
    ColumnDeclaration out;
    out.name = TRY(in.name());
    if (in.peek().kind == TokenKind::string)
        out.is_reversed = TRY(parse_class_type(in.peek().text)).is_reversed;
    out.type = TRY(parse_type_text(in));
    out.is_static = in.accept_word("static");
    out.is_masked = in.accept_words("masked", "with");
    return out;
}

/// As a Cassandra answers whose settings have masks off, which is its default.
Unsupported masks() {
    return {"MASKED WITH",
            "Cannot mask columns because dynamic data masking is not enabled. You can enable it with the "
            "dynamic_data_masking_enabled property on cassandra.yaml"};
}

Result<> table_properties(TokenStream& in, CreateTable& out) {
    if (!in.accept_word("with")) return {};
    do {
        if (in.accept_words("clustering", "order")) {
            TRY(in.expect_word("by"));
            TRY(in.expect("("));
            do {
                auto name = TRY(in.name());
                bool descending = in.accept_word("desc");
                if (!descending) in.accept_word("asc");
                out.order.emplace_back(std::move(name), descending);
            } while (in.accept(","));
            TRY(in.expect(")"));
        } else if (in.accept_words("compact", "storage")) {
            out.compact_storage = true;
        } else {
            TRY(option(in, out.options));
        }
    } while (in.accept_word("and"));
    return {};
}

Result<Statement> create_table(TokenStream& in) {
    CreateTable out;
    out.if_not_exists = TRY(parse_if_not_exists(in));
    out.table = TRY(in.table_name());
    TRY(in.expect("("));
    if (in.is(")")) return in.no_alternative();
    do {
        // Cassandra's grammar lets there be nothing between two commas.
        if (in.is(")")) break;
        if (in.is(",")) continue;
        if (in.accept_words("primary", "key")) {
            out.several_keys = out.several_keys || !out.partition_key.empty();
            TRY(parse_primary_key(in, out.partition_key, out.clustering));
            continue;
        }
        auto declared = TRY(column(in));
        if (declared.is_masked) return masks();
        if (in.accept_words("primary", "key")) {
            out.several_keys = out.several_keys || !out.partition_key.empty();
            out.partition_key.push_back(declared.name);
        }
        out.columns.push_back(std::move(declared));
    } while (in.accept(","));
    TRY(in.expect(")"));
    TRY(table_properties(in, out));
    return out;
}

/// A number, behind USING TIMESTAMP.
Result<std::int64_t> timestamp_of(TokenStream& in) {
    auto sign = in.accept("-") ? std::string("-") : std::string();
    if (in.peek().kind != TokenKind::integer) return in.no_alternative();
    auto text = sign + in.take().text;
    std::int64_t out = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc()) return fail(Errc::invalid, "{}{} is not a timestamp", syntax_prefix, text);
    return out;
}

Result<Statement> alter_table(TokenStream& in) {
    AlterTable out;
    out.if_exists = TRY(parse_if_exists(in));
    out.table = TRY(in.table_name());
    if (in.accept_word("add")) {
        out.if_column = TRY(parse_if_not_exists(in));
        bool many = in.accept("(");
        do {
            out.added.push_back(TRY(column(in)));
            if (out.added.back().is_masked) return masks();
        } while (in.accept(","));
        if (many) TRY(in.expect(")"));
        return out;
    }
    if (in.accept_word("drop")) {
        if (in.accept_words("compact", "storage")) {
            out.kind = AlterTable::Kind::drop_compact_storage;
            return out;
        }
        out.kind = AlterTable::Kind::drop;
        out.if_column = TRY(parse_if_exists(in));
        bool many = in.accept("(");
        do out.dropped.push_back(TRY(in.name()));
        while (in.accept(","));
        if (many) TRY(in.expect(")"));
        if (in.accept_words("using", "timestamp")) out.dropped_us = TRY(timestamp_of(in));
        return out;
    }
    if (in.accept_word("rename")) {
        out.kind = AlterTable::Kind::rename;
        out.if_column = TRY(parse_if_exists(in));
        do {
            auto from = TRY(in.name());
            TRY(in.expect_word("to"));
            out.renamed.emplace_back(std::move(from), TRY(in.name()));
        } while (in.accept_word("and"));
        return out;
    }
    if (in.accept_word("alter")) {
        out.if_column = TRY(parse_if_exists(in));
        out.unmasked = TRY(in.name());
        if (in.is_word("masked")) return masks();
        if (in.accept_words("drop", "masked")) {
            out.kind = AlterTable::Kind::drop_mask;
            return out;
        }
        return Unsupported{"ALTER TABLE ... ALTER", "Altering column types is no longer supported"};
    }
    out.kind = AlterTable::Kind::options;
    out.options = TRY(keyspace_options(in));
    return out;
}

Result<std::pair<std::string, std::string>> field(TokenStream& in) {
    auto name = TRY(in.name());
    auto type = TRY(parse_type_text(in));
    return std::pair(std::move(name), std::move(type));
}

Result<Statement> create_type(TokenStream& in) {
    CreateType out;
    out.if_not_exists = TRY(parse_if_not_exists(in));
    out.name = TRY(in.table_name());
    TRY(in.expect("("));
    do {
        if (in.is(")")) break;
        out.fields.push_back(TRY(field(in)));
    } while (in.accept(","));
    TRY(in.expect(")"));
    return out;
}

Result<Statement> alter_type(TokenStream& in) {
    AlterType out;
    out.if_exists = TRY(parse_if_exists(in));
    out.name = TRY(in.table_name());
    if (in.accept_word("add")) {
        out.if_field = TRY(parse_if_not_exists(in));
        out.added.push_back(TRY(field(in)));
        return out;
    }
    if (in.is_word("alter")) {
        in.take();
        return fail(Errc::invalid, "Altering field types is no longer supported");
    }
    TRY(in.expect_word("rename"));
    out.if_field = TRY(parse_if_exists(in));
    do {
        auto from = TRY(in.name());
        TRY(in.expect_word("to"));
        out.renamed.emplace_back(std::move(from), TRY(in.name()));
    } while (in.accept_word("and"));
    return out;
}

bool accept_table_word(TokenStream& in) {
    return in.accept_word("table") || in.accept_word("columnfamily");
}

Result<Statement> create(TokenStream& in) {
    if (in.accept_word("keyspace") || in.accept_word("schema")) {
        CreateKeyspace out;
        out.if_not_exists = TRY(parse_if_not_exists(in));
        out.name = TRY(in.name());
        out.options = TRY(keyspace_options(in));
        return out;
    }
    if (accept_table_word(in)) return create_table(in);
    if (in.accept_word("type")) return create_type(in);
    if (in.accept_words("materialized", "view")) return TRY(parse_create_view(in));
    if (in.is_word("index") || (in.is_word("custom") && in.is_word("index", 1)))
        return TRY(parse_create_index(in));
    // As a Cassandra does whose settings do not allow them, which is the default.
    bool function = in.is_word("function") || in.is_word("aggregate");
    if (function || (in.is_word("or") && in.is_word("replace", 1)))
        return Unsupported{"CREATE FUNCTION",
                           "User-defined functions are disabled in cassandra.yaml - set "
                           "user_defined_functions_enabled=true to enable"};
    if (in.peek().kind != TokenKind::word) return in.no_alternative();
    return Unsupported{"CREATE " + upper_case(in.peek().text)};
}

Result<Statement> alter(TokenStream& in) {
    if (in.accept_word("keyspace") || in.accept_word("schema")) {
        AlterKeyspace out;
        out.if_exists = TRY(parse_if_exists(in));
        out.name = TRY(in.name());
        out.options = TRY(keyspace_options(in));
        return out;
    }
    if (accept_table_word(in)) return alter_table(in);
    if (in.accept_words("materialized", "view")) {
        AlterTable out;
        out.of_view = true;
        out.kind = AlterTable::Kind::options;
        out.if_exists = TRY(parse_if_exists(in));
        out.table = TRY(in.table_name());
        out.options = TRY(keyspace_options(in));
        return out;
    }
    if (in.accept_word("type")) return alter_type(in);
    if (in.peek().kind != TokenKind::word) return in.no_alternative();
    return Unsupported{"ALTER " + upper_case(in.peek().text)};
}

Result<Statement> drop(TokenStream& in) {
    if (in.is_word("index")) return TRY(parse_drop_index(in));
    if (in.accept_words("materialized", "view")) return TRY(parse_drop_view(in));
    if (in.accept_word("keyspace") || in.accept_word("schema")) {
        DropKeyspace out;
        out.if_exists = TRY(parse_if_exists(in));
        out.name = TRY(in.name());
        return out;
    }
    if (accept_table_word(in)) {
        DropTable out;
        out.if_exists = TRY(parse_if_exists(in));
        out.table = TRY(in.table_name());
        return out;
    }
    if (in.is_word("function") || in.is_word("aggregate")) {
        DropFunction out;
        out.aggregate = in.take().text == "aggregate";
        out.if_exists = TRY(parse_if_exists(in));
        out.name = TRY(in.table_name());
        if (!in.accept("(")) return out;
        if (in.accept(")")) return out;
        do TRY(parse_type_text(in));
        while (in.accept(","));
        TRY(in.expect(")"));
        return out;
    }
    if (in.accept_word("type")) {
        DropType out;
        out.if_exists = TRY(parse_if_exists(in));
        out.name = TRY(in.table_name());
        return out;
    }
    if (in.peek().kind != TokenKind::word) return in.no_alternative();
    return Unsupported{"DROP " + upper_case(in.peek().text)};
}

Result<Statement> describe(TokenStream& in) {
    using What = Describe::What;
    Describe out;
    if (in.accept_word("cluster"))
        out.what = What::cluster;
    else if (in.accept_words("full", "schema"))
        out.what = What::full_schema;
    else if (in.accept_word("schema"))
        out.what = What::schema;
    else if (in.accept_word("keyspaces"))
        out.what = What::keyspaces;
    else if (in.accept_word("tables") || in.accept_word("columnfamilies"))
        out.what = What::tables;
    else if (in.accept_word("types"))
        out.what = What::types;
    else if (in.accept_word("functions"))
        out.what = What::functions;
    else if (in.accept_word("aggregates"))
        out.what = What::aggregates;
    else if (in.is_word("keyspace") || in.is_word("only")) {
        out.what = What::keyspace;
        out.only = in.accept_word("only");
        in.accept_word("keyspace");
        if (in.peek().kind != TokenKind::end && !in.is(";") && !in.is_word("with"))
            out.name.name = TRY(in.name());
    } else if (accept_table_word(in)) {
        out.what = What::table;
        out.name = TRY(in.table_name());
    } else if (in.accept_word("materialized")) {
        TRY(in.expect_word("view"));
        out.what = What::view;
        out.name = TRY(in.table_name());
    } else if (in.accept_word("index")) {
        out.what = What::index;
        out.name = TRY(in.table_name());
    } else if (in.is_word("type") && in.peek(1).kind != TokenKind::end && !in.is(";", 1)) {
        in.take();
        out.what = What::type;
        out.name = TRY(in.table_name());
    } else if (in.is_word("function") || in.is_word("aggregate")) {
        return Unsupported{"DESCRIBE " + upper_case(in.peek().text)};
    } else {
        out.what = What::anything;
        out.name = TRY(in.table_name());
    }
    if (in.accept_words("with", "internals")) return out;
    return out;
}

}  // namespace

Result<> parse_table_properties(TokenStream& in, CreateTable& out) {
    return table_properties(in, out);
}

Result<Statement> parse_schema_statement(TokenStream& in, std::string_view verb) {
    bool of_roles =
        verb == "grant" || verb == "revoke" || verb == "list" || in.is_word("role") || in.is_word("user");
    if (of_roles && verb != "use" && verb != "describe" && verb != "desc" && verb != "truncate")
        if (auto about_roles = TRY(parse_role_statement(in, verb))) return std::move(*about_roles);
    if (verb == "create") return create(in);
    if (verb == "alter") return alter(in);
    if (verb == "drop") return drop(in);
    if (verb == "describe" || verb == "desc") return describe(in);
    if (verb == "use" && (in.is("?") || in.is(":")))
        return fail(Errc::invalid, "{}Bind variables cannot be used for keyspace names", syntax_prefix);
    if (verb == "use") return Use{TRY(in.name())};
    if (verb == "truncate") {
        accept_table_word(in);
        return Truncate{TRY(in.table_name())};
    }
    return Unsupported{upper_case(verb)};
}

}  // namespace penstock::store::cql
