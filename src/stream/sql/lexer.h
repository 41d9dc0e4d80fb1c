// SQL text -> tokens, each with its place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "stream/sql/error.h"

namespace penstock::stream::sql {

enum class TokenKind { word, quoted_word, integer, decimal, string, symbol, end };

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;  ///< the word, the symbol, the digits, or the string without quotes and escapes
    Position at;
    std::size_t begin = 0;  ///< bytes [begin, end) of the SQL text
    std::size_t end = 0;
};

/// All tokens, the last one of kind end. Comments (-- and /* */) are skipped.
SqlResult<std::vector<Token>> tokenize(std::string_view sql);

}  // namespace penstock::stream::sql
