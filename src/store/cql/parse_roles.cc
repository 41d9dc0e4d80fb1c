#include <optional>

#include "store/cql/role_ast.h"
#include "store/cql/token_stream.h"

namespace penstock::store::cql {
namespace {

/// A role's name: a word in lower case, or text or a quoted name as they are.
Result<std::string> role_name(TokenStream& in) {
    if (in.peek().kind == TokenKind::string) return in.take().text;
    return in.name();
}

/// CREATE USER and its like keep the case of a word, and take no quoted name.
Result<std::string> user_name(TokenStream& in, RoleStatement& out) {
    if (in.peek().kind == TokenKind::quoted_name)
        out.syntax_fault =
            "Quoted strings are are not supported for user names and USER is deprecated, please use ROLE";
    auto from = in.peek().offset;
    bool word = in.peek().kind == TokenKind::word;
    auto name = TRY(role_name(in));
    return word ? in.written(from) : name;
}

Result<std::string> text(TokenStream& in) {
    if (in.peek().kind != TokenKind::string) return in.mismatch("STRING_LITERAL");
    return in.take().text;
}

Result<bool> truth(TokenStream& in) {
    if (in.accept_word("true")) return true;
    if (in.accept_word("false")) return false;
    return in.mismatch("BOOLEAN");
}

template <class T>
void once(std::optional<T>& option, T value, std::string_view name, RoleStatement& out) {
    if (option && out.syntax_fault.empty())
        out.syntax_fault = fmt::format("Multiple definition for property '{}'", name);
    option = std::move(value);
}

Result<> access_option(TokenStream& in, RoleStatement& out) {
    bool to = in.accept_word("to");
    if (!to) TRY(in.expect_word("from"));
    std::set<std::string> names;
    bool all = in.accept_word("all");
    TRY(in.expect_word(to ? "datacenters" : "cidrs"));
    if (!all) {
        TRY(in.expect("{"));
        do names.insert(TRY(text(in)));
        while (in.accept(","));
        TRY(in.expect("}"));
    }
    if (to)
        once(out.options.data_centers, std::move(names), "DATACENTERS", out);
    else
        out.options.has_cidrs = !all;
    return {};
}

Result<> role_option(TokenStream& in, RoleStatement& out) {
    auto& options = out.options;
    if (in.accept_word("password")) {
        TRY(in.expect("="));
        once(options.password, TRY(text(in)), "PASSWORD", out);
    } else if (in.accept_words("hashed", "password")) {
        TRY(in.expect("="));
        once(options.hashed_password, TRY(text(in)), "HASHED_PASSWORD", out);
    } else if (in.accept_word("superuser")) {
        TRY(in.expect("="));
        once(options.superuser, TRY(truth(in)), "SUPERUSER", out);
    } else if (in.accept_word("login")) {
        TRY(in.expect("="));
        once(options.login, TRY(truth(in)), "LOGIN", out);
    } else if (in.accept_word("options")) {
        TRY(in.expect("="));
        TRY(parse_term(in));
        options.has_options = true;
    } else if (in.accept_word("access")) {
        TRY(access_option(in, out));
    } else {
        return in.no_alternative();
    }
    return {};
}

Result<> role_options(TokenStream& in, RoleStatement& out) {
    if (!in.accept_word("with")) return {};
    do TRY(role_option(in, out));
    while (in.accept_word("and"));
    if (out.options.password && out.options.hashed_password && out.syntax_fault.empty())
        out.syntax_fault = "Options 'password' and 'hashed password' are mutually exclusive";
    return {};
}

Result<> user_options(TokenStream& in, RoleStatement& out) {
    if (in.accept_word("with")) {
        bool hashed = in.accept_word("hashed");
        TRY(in.expect_word("password"));
        (hashed ? out.options.hashed_password : out.options.password) = TRY(text(in));
    }
    if (in.accept_word("superuser"))
        out.options.superuser = true;
    else if (in.accept_word("nosuperuser"))
        out.options.superuser = false;
    return {};
}

std::optional<Permission> permission_of(std::string_view word) {
    for (int i = 0; i < permission_count; ++i) {
        std::string name(name_of(Permission(i)));
        for (auto& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
        if (name == word) return Permission(i);
    }
    return std::nullopt;
}

/// ALL [PERMISSIONS], or some [PERMISSION], ...
Result<> permissions(TokenStream& in, RoleStatement& out) {
    if (in.accept_word("all")) {
        in.accept_word("permissions");
        out.all_permissions = true;
        return {};
    }
    do {
        auto one = in.peek().kind == TokenKind::word ? permission_of(in.peek().text) : std::nullopt;
        if (!one) return in.no_alternative();
        in.take();
        in.accept_word("permission");
        out.permissions.add(*one);
    } while (in.accept(","));
    return {};
}

ResourceName named(std::string name) {
    return {ResourceName::Kind::named, std::move(name), {}, {}};
}

Result<ResourceName> resource_name(TokenStream& in) {
    if (in.accept_word("all")) {
        if (in.accept_word("keyspaces")) return named(resource::all_keyspaces());
        if (in.accept_word("roles")) return named(resource::all_roles());
        if (in.accept_word("mbeans")) return named(resource::all_mbeans());
        bool tables = in.accept_word("tables");
        if (!tables) TRY(in.expect_word("functions"));
        if (!tables && !in.is_word("in")) return named(resource::all_functions());
        TRY(in.expect_word("in"));
        TRY(in.expect_word("keyspace"));
        auto keyspace = TRY(in.name());
        return named(tables ? resource::all_tables(keyspace) : resource::functions(keyspace));
    }
    if (in.accept_word("keyspace")) return named(resource::keyspace(TRY(in.name())));
    if (in.is_word("role") && !in.is(".", 1)) {
        in.take();
        return named(resource::role(TRY(role_name(in))));
    }
    if (in.accept_word("mbean") || in.accept_word("mbeans")) return named("mbean/" + TRY(text(in)));
    bool function = in.is_word("function") && !in.is(".", 1);
    if (function) in.take();
    in.accept_word("table");
    auto name = TRY(in.table_name());
    if (function) {
        TRY(in.expect("("));
        while (!in.accept(")")) {
            TRY(parse_type_text(in));
            in.accept(",");
        }
    }
    return ResourceName{
        function ? ResourceName::Kind::function : ResourceName::Kind::table, {}, name.keyspace, name.name};
}

/// GRANT and REVOKE: permissions ON resource, or a role.
Result<RoleStatement> grant(TokenStream& in, bool revoke) {
    RoleStatement out;
    bool is_permission =
        in.is_word("all") || (in.peek().kind == TokenKind::word && permission_of(in.peek().text) &&
                              !in.is_word("to", 1) && !in.is_word("from", 1));
    if (is_permission) {
        out.kind = revoke ? RoleStatement::Kind::revoke : RoleStatement::Kind::grant;
        TRY(permissions(in, out));
        TRY(in.expect_word("on"));
        out.on = TRY(resource_name(in));
    } else {
        out.kind = revoke ? RoleStatement::Kind::revoke_role : RoleStatement::Kind::grant_role;
        out.granted = TRY(role_name(in));
    }
    TRY(in.expect_word(revoke ? "from" : "to"));
    out.role = TRY(role_name(in));
    return out;
}

Result<RoleStatement> list(TokenStream& in) {
    RoleStatement out;
    if (in.accept_word("users")) {
        out.kind = RoleStatement::Kind::list_users;
        return out;
    }
    out.kind = RoleStatement::Kind::list_roles;
    if (!in.accept_word("roles")) {
        out.kind = RoleStatement::Kind::list_permissions;
        TRY(permissions(in, out));
        if (in.accept_word("on")) out.on = TRY(resource_name(in));
    }
    if (in.accept_word("of")) out.of = TRY(role_name(in));
    out.recursive = !in.accept_word("norecursive");
    return out;
}

}  // namespace

Result<std::optional<RoleStatement>> parse_role_statement(TokenStream& in, std::string_view verb) {
    if (verb == "grant") return TRY(grant(in, false));
    if (verb == "revoke") return TRY(grant(in, true));
    if (verb == "list") return TRY(list(in));
    bool user = in.is_word("user");
    if (!user && !in.is_word("role")) return std::optional<RoleStatement>{};
    in.take();
    RoleStatement out;
    out.kind = verb == "create"  ? RoleStatement::Kind::create
               : verb == "alter" ? RoleStatement::Kind::alter
                                 : RoleStatement::Kind::drop;
    if (in.accept_word("if")) {
        if (verb == "create") TRY(in.expect_word("not"));
        TRY(in.expect_word("exists"));
        out.conditional = true;
    }
    out.role = user ? TRY(user_name(in, out)) : TRY(role_name(in));
    if (verb == "drop") return out;
    if (user) {
        TRY(user_options(in, out));
        if (verb == "create") out.options.login = true;
    } else {
        TRY(role_options(in, out));
    }
    return out;
}

}  // namespace penstock::store::cql
