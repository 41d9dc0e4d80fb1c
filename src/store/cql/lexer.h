// CQL text as tokens, with their places.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::store::cql {

enum class TokenKind : std::uint8_t {
    end,
    word,         ///< keyword or name; text is in lower case
    quoted_name,  ///< "Name", text without quotes
    string,       ///< 'it''s' or $$it's$$, text without quotes
    integer,
    number,  ///< with a fraction or an exponent
    blob,    ///< 0xCAFE
    uuid,
    duration,  ///< 1h30m, P3D
    symbol,    ///< ( ) , . ; : ? = < > <= >= != + - * / % { } [ ]
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;
    std::size_t offset = 0;  ///< in the whole text
    std::size_t size = 0;
    int line = 1;
    int column = 0;  ///< from 0, as Cassandra counts
};

/// Always ends with a token of kind end. Errc::invalid: a character or an open quote, with its place.
Result<std::vector<Token>> tokenize(std::string_view text);

/// "line 1:7 ": how errors begin.
std::string place_of(const Token& token);

}  // namespace penstock::store::cql
