// The parser's view of its tokens: looking ahead, taking, and saying what was expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii_case.h"
#include "store/cql/ast.h"
#include "store/cql/lexer.h"

namespace penstock::store::cql {

/// In front of an error's text that is one of syntax although it names no place; not shown.
inline constexpr std::string_view syntax_prefix = "syntax: ";
/// The same of errors that Cassandra calls those of configuration.
inline constexpr std::string_view config_prefix = "config: ";
/// And of what no client may send.
inline constexpr std::string_view protocol_prefix = "protocol: ";

/// Nested terms, types and selectors deeper than this are refused, so that text cannot exhaust the stack.
inline constexpr int max_nesting = 150;

class TokenStream {
public:
    TokenStream(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

    const Token& peek(std::size_t ahead = 0) const {
        return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
    }
    const Token& take() {
        const auto& token = peek();
        if (at_ + 1 < tokens_.size()) ++at_;
        return token;
    }
    bool is(std::string_view symbol, std::size_t ahead = 0) const {
        return peek(ahead).kind == TokenKind::symbol && peek(ahead).text == symbol;
    }
    bool is_word(std::string_view word, std::size_t ahead = 0) const {
        return peek(ahead).kind == TokenKind::word && peek(ahead).text == word;
    }
    bool accept(std::string_view symbol) { return is(symbol) && (take(), true); }
    bool accept_word(std::string_view word) { return is_word(word) && (take(), true); }
    /// Both or none.
    bool accept_words(std::string_view first, std::string_view second) {
        return is_word(first) && is_word(second, 1) && (take(), take(), true);
    }

    Result<> expect(std::string_view symbol) {
        if (accept(symbol)) return {};
        return mismatch("'" + std::string(symbol) + "'");
    }
    Result<> expect_word(std::string_view word) {
        if (accept_word(word)) return {};
        return mismatch("K_" + upper_case(word));
    }
    /// A name: a word that is not reserved, or in double quotes.
    Result<std::string> name();
    /// A whole number or a bind marker.
    Result<Term> int_value();
    Result<Name> table_name();

    /// line 1:7 mismatched input 'x' expecting WHAT (...[x]...)
    std::unexpected<Error> mismatch(std::string_view expected) const;
    /// line 1:7 no viable alternative at input 'x' (...[x]...)
    std::unexpected<Error> no_alternative() const;

    /// The bind markers met so far.
    int add_marker(std::string marker_name) {
        markers_.push_back(std::move(marker_name));
        return int(markers_.size()) - 1;
    }
    bool has_markers() const { return !markers_.empty(); }
    std::vector<std::string> take_markers() { return std::move(markers_); }
    /// The text between two tokens, as it was written.
    std::string written(std::size_t from_offset) const;
    int depth = 0;

private:
    std::string context() const;
    std::string_view text_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::vector<std::string> markers_;
};

/// Literals, markers, collections, function calls, and what is calculated of them.
Result<Term> parse_term(TokenStream& in);
/// The same without + - * / % on the outside.
Result<Term> parse_operand(TokenStream& in);
/// A type's text up to its end, in lower case.
Result<std::string> parse_type_text(TokenStream& in);
/// IF NOT EXISTS and IF EXISTS, or nothing: whether it is there.
Result<bool> parse_if_not_exists(TokenStream& in);
Result<bool> parse_if_exists(TokenStream& in);
/// Behind PRIMARY KEY: its columns in parentheses, those of a partition key of several in their own.
Result<> parse_primary_key(TokenStream& in, std::vector<std::string>& partition_key,
                           std::vector<std::string>& clustering);
/// WHERE's conditions, joined by AND.
Result<std::vector<Relation>> parse_relations(TokenStream& in);
Result<Select> parse_select(TokenStream& in);
Result<Insert> parse_insert(TokenStream& in);
Result<Update> parse_update(TokenStream& in);
Result<Delete> parse_delete(TokenStream& in);
Result<Batch> parse_batch(TokenStream& in);
/// CREATE, ALTER and DROP of roles, GRANT, REVOKE, LIST. Behind that word; nothing: it is about something
/// else.
Result<std::optional<RoleStatement>> parse_role_statement(TokenStream& in, std::string_view verb);
/// Behind CREATE and DROP.
Result<CreateIndex> parse_create_index(TokenStream& in);
Result<DropIndex> parse_drop_index(TokenStream& in);
Result<CreateView> parse_create_view(TokenStream& in);
Result<DropView> parse_drop_view(TokenStream& in);
/// WITH ... of a table or view, or nothing.
Result<> parse_table_properties(TokenStream& in, CreateTable& out);
/// CREATE, ALTER, DROP, TRUNCATE, USE, DESCRIBE and what else begins with a word. Behind that word.
Result<Statement> parse_schema_statement(TokenStream& in, std::string_view verb);

}  // namespace penstock::store::cql
