// Where words begin and end: Unicode's default word boundaries (UAX #29), as Lucene's StandardTokenizer has
// them.
#pragma once

#include <string_view>
#include <vector>

namespace penstock::store {

/// The words and numbers of a text in UTF-8, in their order. A word has a letter, a digit or the like in it:
/// what stands between words is left out. Of ideographs and hiragana each is a word; Thai, Lao, Khmer and
/// Burmese, which are written without spaces, are not taken apart. Bytes that are not UTF-8 separate words.
std::vector<std::string_view> words_of(std::string_view text);

}  // namespace penstock::store
