#include "stream/sql/lexer.h"

#include <cctype>

namespace penstock::stream::sql {

namespace {

bool is_word_start(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80);
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_word_part(char c) {
    return is_word_start(c) || is_digit(c);
}

void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
        out += char(code);
    } else if (code < 0x800) {
        out += char(0xC0 | (code >> 6));
        out += char(0x80 | (code & 0x3F));
    } else {
        out += char(0xE0 | (code >> 12));
        out += char(0x80 | ((code >> 6) & 0x3F));
        out += char(0x80 | (code & 0x3F));
    }
}

class Lexer {
public:
    explicit Lexer(std::string_view sql) : sql_(sql) {}

    SqlResult<std::vector<Token>> run() {
        std::vector<Token> tokens;
        while (true) {
            TRY(skip_blanks());
            Token token;
            token.at = at_;
            token.begin = next_;
            if (next_ < sql_.size()) TRY(read(token));
            token.end = next_;
            tokens.push_back(std::move(token));
            if (tokens.back().kind == TokenKind::end) return tokens;
        }
    }

private:
    char peek(std::size_t ahead = 0) const {
        return next_ + ahead < sql_.size() ? sql_[next_ + ahead] : '\0';
    }
    char take() {
        char c = sql_[next_++];
        if (c == '\n') {
            ++at_.line;
            at_.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
            ++at_.column;
        }
        return c;
    }
    bool left() const { return next_ < sql_.size(); }

    SqlResult<> skip_blanks() {
        while (left()) {
            if (std::isspace(static_cast<unsigned char>(peek()))) {
                take();
            } else if (peek() == '-' && peek(1) == '-') {
                while (left() && peek() != '\n') take();
            } else if (peek() == '/' && peek(1) == '*') {
                auto start = at_;
                take(), take();
                while (left() && !(peek() == '*' && peek(1) == '/')) take();
                if (!left()) return sql_fail(start, "this comment is never closed; expected */");
                take(), take();
            } else {
                break;
            }
        }
        return {};
    }

    SqlResult<> read(Token& token) {
        char c = peek();
        if ((c == 'r' || c == 'R') && (peek(1) == '\'' || peek(1) == '"')) {
            take();
            return read_string(token, true);
        }
        if (is_word_start(c)) {
            token.kind = TokenKind::word;
            while (left() && is_word_part(peek())) token.text += take();
            return {};
        }
        if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return read_number(token);
        if (c == '\'' || c == '"') return read_string(token, false);
        if (c == '`') return read_quoted_word(token);
        return read_symbol(token);
    }

    SqlResult<> read_number(Token& token) {
        token.kind = TokenKind::integer;
        while (is_digit(peek())) token.text += take();
        if (peek() == '.' && !is_word_start(peek(1))) {
            token.kind = TokenKind::decimal;
            token.text += take();
            while (is_digit(peek())) token.text += take();
        }
        auto sign = peek(1) == '+' || peek(1) == '-' ? 1u : 0u;
        if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
            token.kind = TokenKind::decimal;
            for (std::size_t i = 0; i <= sign; ++i) token.text += take();
            while (is_digit(peek())) token.text += take();
        }
        return read_number_suffix(token);
    }

    /// 12L is a BIGINT, 1D and 1.5BD are decimals.
    SqlResult<> read_number_suffix(Token& token) {
        if (!is_word_part(peek())) return {};
        auto at = at_;
        std::string suffix;
        while (left() && is_word_part(peek())) suffix += take();
        auto known = lower_case(suffix);
        if (known == "l" && token.kind == TokenKind::integer) return {};
        if (known == "d" || known == "f" || known == "bd") {
            token.kind = TokenKind::decimal;
            return {};
        }
        return sql_fail(at, "unexpected {} after the number {}", suffix, token.text);
    }

    SqlResult<> read_string(Token& token, bool raw) {
        token.kind = TokenKind::string;
        char quote = take();
        while (left()) {
            char c = take();
            if (c == quote) {
                if (raw || peek() != quote) return {};
                token.text += take();
            } else if (c == '\\' && !raw && left()) {
                read_escape(token.text);
            } else {
                token.text += c;
            }
        }
        return sql_fail(token.at, "this string is never closed; expected {}", quote);
    }

    void read_escape(std::string& out) {
        char c = take();
        switch (c) {
            case 'n':
                out += '\n';
                break;
            case 't':
                out += '\t';
                break;
            case 'r':
                out += '\r';
                break;
            case 'b':
                out += '\b';
                break;
            case '0':
                out += '\0';
                break;
            case 'Z':
                out += '\x1A';
                break;
            case '%':
                out += "\\%";
                break;  // kept for LIKE
            case '_':
                out += "\\_";
                break;
            case 'u':
                read_unicode(out);
                break;
            default:
                out += c;
        }
    }

    void read_unicode(std::string& out) {
        unsigned code = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            if (!std::isxdigit(static_cast<unsigned char>(peek(i)))) {
                out += 'u';
                return;
            }
        }
        for (int i = 0; i < 4; ++i) {
            char c = take();
            code = code * 16 + unsigned(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
        }
        append_utf8(out, code);
    }

    SqlResult<> read_quoted_word(Token& token) {
        token.kind = TokenKind::quoted_word;
        take();
        while (left()) {
            char c = take();
            if (c == '`') {
                if (peek() != '`') {
                    if (token.text.empty()) return sql_fail(token.at, "an empty name");
                    return {};
                }
                take();
            }
            token.text += c;
        }
        return sql_fail(token.at, "this name is never closed; expected `");
    }

    SqlResult<> read_symbol(Token& token) {
        static constexpr std::string_view doubles[] = {"<=", ">=", "<>", "!=", "==", "||", "::"};
        token.kind = TokenKind::symbol;
        if (sql_.substr(next_).starts_with("<=>")) {
            token.text = "<=>";
        } else {
            for (auto symbol : doubles)
                if (sql_.substr(next_).starts_with(symbol)) token.text = symbol;
        }
        static constexpr std::string_view singles = "()[],.+-*/%<>=;";
        if (token.text.empty()) {
            if (singles.find(peek()) == singles.npos || peek() == '\0')
                return sql_fail(at_, "unexpected character {}", printable(peek()));
            token.text = std::string(1, peek());
        }
        for (std::size_t i = 0; i < token.text.size(); ++i) take();
        return {};
    }

    static std::string printable(char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte >= 0x7F ? fmt::format("0x{:02x}", byte) : std::string(1, c);
    }

    std::string_view sql_;
    std::size_t next_ = 0;
    Position at_;
};

}  // namespace

SqlResult<std::vector<Token>> tokenize(std::string_view sql) {
    return Lexer(sql).run();
}

}  // namespace penstock::stream::sql
