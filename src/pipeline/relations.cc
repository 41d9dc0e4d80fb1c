#include "pipeline/relations.h"

#include <algorithm>
#include <set>

namespace penstock::pipeline {
namespace {

struct Token {
    enum class Kind { word, quoted, literal, symbol } kind;
    std::string text;  // a word in lower case as well: see lower
    std::string lower;
    int line;
    int column;
};

bool is_word_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
    return is_word_start(c) || (c >= '0' && c <= '9');
}

/// Splits SQL into words, `names`, literals and symbols; leaves comments and white space out.
class Scanner {
public:
    explicit Scanner(std::string_view sql) : sql_(sql) {}

    std::vector<Token> scan() {
        while (skip_blanks(), at_ < sql_.size()) {
            Token token{Token::Kind::symbol, {}, {}, line_, column_};
            char c = sql_[at_];
            if (c == '`')
                quoted(token);
            else if (c == '\'' || c == '"')
                literal(token, c);
            else if (is_word_start(c))
                word(token);
            else if (c >= '0' && c <= '9')
                number(token);
            else {
                token.text = c;
                step();
            }
            tokens_.push_back(std::move(token));
        }
        return std::move(tokens_);
    }

private:
    void step() {
        if (sql_[at_] == '\n') {
            ++line_;
            column_ = 1;
        } else {
            ++column_;
        }
        ++at_;
    }
    bool starts(std::string_view text) const { return sql_.substr(at_).starts_with(text); }

    void skip_blanks() {
        while (at_ < sql_.size()) {
            if (std::isspace(static_cast<unsigned char>(sql_[at_]))) {
                step();
            } else if (starts("--")) {
                while (at_ < sql_.size() && sql_[at_] != '\n') step();
            } else if (starts("/*")) {
                while (at_ < sql_.size() && !starts("*/")) step();
                for (int i = 0; i < 2 && at_ < sql_.size(); ++i) step();
            } else {
                return;
            }
        }
    }
    void quoted(Token& token) {
        token.kind = Token::Kind::quoted;
        for (step(); at_ < sql_.size(); step()) {
            if (starts("``"))
                step();
            else if (sql_[at_] == '`')
                break;
            token.text += sql_[at_];
        }
        if (at_ < sql_.size()) step();
    }
    void literal(Token& token, char quote) {
        token.kind = Token::Kind::literal;
        for (step(); at_ < sql_.size(); step()) {
            if (sql_[at_] == '\\' && at_ + 1 < sql_.size())
                step();
            else if (sql_[at_] == quote)
                break;
        }
        if (at_ < sql_.size()) step();
    }
    void word(Token& token) {
        token.kind = Token::Kind::word;
        for (; at_ < sql_.size() && is_word(sql_[at_]); step()) token.text += sql_[at_];
        token.lower = token.text;
        std::transform(token.lower.begin(), token.lower.end(), token.lower.begin(),
                       [](unsigned char c) { return char(std::tolower(c)); });
    }
    void number(Token& token) {
        token.kind = Token::Kind::literal;
        for (; at_ < sql_.size() && (is_word(sql_[at_]) || sql_[at_] == '.'); step()) {
        }
    }

    std::string_view sql_;
    std::size_t at_ = 0;
    int line_ = 1;
    int column_ = 1;
    std::vector<Token> tokens_;
};

/// Functions whose own syntax holds a FROM: extract(year FROM t).
bool takes_from(std::string_view function) {
    for (auto name : {"extract", "trim", "substring", "substr", "position", "overlay"})
        if (function == name) return true;
    return false;
}

class Finder {
public:
    explicit Finder(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    std::vector<Relation> find() {
        for (std::size_t i = 0; i < tokens_.size(); ++i)
            if (is(i, "as") && is_symbol(i + 1, '(') && i > 0) expressions_.insert(tokens_[i - 1].text);
        std::vector<bool> function_parens;
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            if (is_symbol(i, '(')) function_parens.push_back(i > 0 && takes_from(tokens_[i - 1].lower));
            if (is_symbol(i, ')') && !function_parens.empty()) function_parens.pop_back();
            bool from = is(i, "from") && !(i > 0 && is(i - 1, "distinct") && i > 1 && is(i - 2, "is")) &&
                        !(i > 1 && is(i - 1, "distinct") && is(i - 2, "not")) &&
                        (function_parens.empty() || !function_parens.back());
            if (from || is(i, "join")) relation_at(i + 1, from);
        }
        return std::move(found_);
    }

private:
    bool is(std::size_t i, std::string_view word) const {
        return i < tokens_.size() && tokens_[i].kind == Token::Kind::word && tokens_[i].lower == word;
    }
    bool is_symbol(std::size_t i, char symbol) const {
        return i < tokens_.size() && tokens_[i].kind == Token::Kind::symbol && tokens_[i].text[0] == symbol;
    }
    bool is_name(std::size_t i) const {
        if (i >= tokens_.size()) return false;
        if (tokens_[i].kind == Token::Kind::quoted) return true;
        if (tokens_[i].kind != Token::Kind::word) return false;
        for (auto keyword :
             {"select", "values", "lateral", "where", "group", "order", "on", "table", "unnest"})
            if (tokens_[i].lower == keyword) return false;
        return true;
    }

    void relation_at(std::size_t i, bool list) {
        while (is_name(i)) {
            Relation relation{tokens_[i].text, false, tokens_[i].line, tokens_[i].column};
            while (is_symbol(i + 1, '.') && is_name(i + 2)) {
                relation.name += "." + tokens_[i + 2].text;
                relation.qualified = true;
                i += 2;
            }
            ++i;
            bool function = is_symbol(i, '(');
            if (!function && !expressions_.contains(relation.name)) found_.push_back(relation);
            if (function || !list) return;
            // FROM a [AS] x, b: the alias, then the next of the list.
            if (is(i, "as")) ++i;
            if (is_name(i) && !is_symbol(i, ',') && is_symbol(i + 1, ',')) ++i;
            if (!is_symbol(i, ',')) return;
            ++i;
        }
    }

    std::vector<Token> tokens_;
    std::set<std::string> expressions_;
    std::vector<Relation> found_;
};

}  // namespace

std::vector<Relation> relations_of(std::string_view sql) {
    return Finder(Scanner(sql).scan()).find();
}

}  // namespace penstock::pipeline
