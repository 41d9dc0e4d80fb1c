#include "store/cql/lexer.h"

#include <array>
#include <cctype>

#include "store/number.h"
#include "store/uuid.h"

namespace penstock::store::cql {
namespace {

/// A token is many times larger than its text: this bounds what a statement costs.
constexpr std::size_t most_tokens = 500'000;

bool is_letter(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '_';
}

struct Lexer {
    std::string_view text;
    std::size_t at = 0;
    int line = 1;
    std::size_t line_start = 0;
    std::vector<Token> tokens;

    char peek(std::size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }

    std::unexpected<Error> error(std::string_view what) const {
        return fail(Errc::invalid, "line {}:{} {}", line, at - line_start, what);
    }

    void note_lines(std::size_t from) {
        for (auto i = from; i < at; ++i) {
            if (text[i] != '\n') continue;
            ++line;
            line_start = i + 1;
        }
    }

    /// Spaces and comments; false when a comment is not closed.
    bool skip() {
        while (at < text.size()) {
            auto from = at;
            if (std::isspace(static_cast<unsigned char>(text[at]))) {
                ++at;
            } else if (text.substr(at).starts_with("--") || text.substr(at).starts_with("//")) {
                at = std::min(text.find('\n', at), text.size());
            } else if (text.substr(at).starts_with("/*")) {
                auto end = text.find("*/", at + 2);
                if (end == std::string_view::npos) return false;
                at = end + 2;
            } else {
                return true;
            }
            note_lines(from);
        }
        return true;
    }

    void push(TokenKind kind, std::string value, std::size_t start) {
        Token token{kind, std::move(value), start, at - start, line, int(start - line_start)};
        tokens.push_back(std::move(token));
    }

    Result<> quoted(char quote, TokenKind kind) {
        auto start = at++;
        std::string value;
        while (true) {
            if (at >= text.size()) {
                at = start;
                return error(fmt::format("mismatched character '<EOF>' expecting '{}'", quote));
            }
            if (text[at] != quote) {
                value += text[at++];
            } else if (peek(1) == quote) {
                value += quote;
                at += 2;
            } else {
                break;
            }
        }
        ++at;
        push(kind, std::move(value), start);
        note_lines(start);
        return {};
    }

    Result<> dollars() {
        auto start = at;
        auto end = text.find("$$", at + 2);
        if (end == std::string_view::npos) return error("mismatched character '<EOF>' expecting '$'");
        at = end + 2;
        push(TokenKind::string, std::string(text.substr(start + 2, end - start - 2)), start);
        note_lines(start);
        return {};
    }

    bool uuid() {
        if (at + 36 > text.size() || is_word(peek(36))) return false;
        auto piece = text.substr(at, 36);
        if (!parse_uuid(piece)) return false;
        auto start = at;
        at += 36;
        push(TokenKind::uuid, std::string(piece), start);
        return true;
    }

    void number() {
        auto start = at;
        if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
            at += 2;
            while (is_hex(peek())) ++at;
            return push(TokenKind::blob, std::string(text.substr(start + 2, at - start - 2)), start);
        }
        while (is_digit(peek())) ++at;
        auto kind = TokenKind::integer;
        if (peek() == '.' && is_digit(peek(1))) {
            kind = TokenKind::number;
            for (++at; is_digit(peek());) ++at;
        } else if (peek() == '.' && !is_letter(peek(1)) && (peek(1) != '.' || peek(2) == '.')) {
            kind = TokenKind::number;
            ++at;
        }
        if ((peek() == 'e' || peek() == 'E') &&
            (is_digit(peek(1)) || ((peek(1) == '+' || peek(1) == '-') && is_digit(peek(2))))) {
            kind = TokenKind::number;
            for (at += 2; is_digit(peek());) ++at;
        }
        if (kind == TokenKind::integer && (is_letter(peek()) || peek() == '\xC2')) {
            auto end = at;
            while (end < text.size() && (is_word(text[end]) || text[end] < 0)) ++end;
            if (parse_duration(text.substr(start, end - start))) {
                at = end;
                return push(TokenKind::duration, std::string(text.substr(start, end - start)), start);
            }
        }
        push(kind, std::string(text.substr(start, at - start)), start);
    }

    /// P0001-02-03T04:05:06
    bool dated_duration() {
        constexpr std::size_t size = 20;
        if (peek() != 'P' || peek(5) != '-' || at + size > text.size() || is_word(peek(size))) return false;
        auto piece = text.substr(at, size);
        if (!parse_duration(piece)) return false;
        auto start = at;
        at += size;
        push(TokenKind::duration, std::string(piece), start);
        return true;
    }

    void word() {
        if (dated_duration()) return;
        auto start = at;
        while (is_word(peek())) ++at;
        auto piece = text.substr(start, at - start);
        if (piece.size() > 1 && piece[0] == 'P' && parse_duration(piece))
            return push(TokenKind::duration, std::string(piece), start);
        std::string lower(piece);
        for (auto& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
        push(TokenKind::word, std::move(lower), start);
    }

    Result<> symbol() {
        static constexpr std::array<std::string_view, 4> pairs{"<=", ">=", "!=", ".."};
        auto start = at;
        for (auto pair : pairs) {
            if (!text.substr(at).starts_with(pair)) continue;
            at += 2;
            push(TokenKind::symbol, std::string(pair), start);
            return {};
        }
        if (std::string_view("(),.;:?=<>+-*/%{}[]").find(text[at]) == std::string_view::npos) {
            auto c = static_cast<unsigned char>(text[at]);
            return error(c >= 0x20 && c < 0x7F
                             ? fmt::format("no viable alternative at character '{}'", text[at])
                             : fmt::format("no viable alternative at byte 0x{:02x}", c));
        }
        ++at;
        push(TokenKind::symbol, std::string(1, text[start]), start);
        return {};
    }

    Result<> run() {
        while (true) {
            if (!skip()) return error("the comment is not closed");
            if (at >= text.size()) break;
            if (tokens.size() >= most_tokens) return error("the statement is too long");
            char c = text[at];
            if (c == '\'')
                TRY(quoted('\'', TokenKind::string));
            else if (c == '"')
                TRY(quoted('"', TokenKind::quoted_name));
            else if (c == '$' && peek(1) == '$')
                TRY(dollars());
            else if (is_hex(c) && uuid())
                continue;
            else if (is_digit(c))
                number();
            else if (is_letter(c))
                word();
            else
                TRY(symbol());
        }
        push(TokenKind::end, "<EOF>", at);
        return {};
    }
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) {
    Lexer lexer{text};
    TRY(lexer.run());
    return std::move(lexer.tokens);
}

std::string place_of(const Token& token) {
    return fmt::format("line {}:{} ", token.line, token.column);
}

}  // namespace penstock::store::cql
