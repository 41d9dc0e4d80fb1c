#include "store/text_analyzer.h"

#include <algorithm>

#include "store/sasi.h"
#include "store/words.h"

namespace penstock::store {
namespace {

// Lucene's StandardTokenizer leaves out longer ones. It counts UTF-16's units.
constexpr std::size_t longest_word = 255;

/// Of UTF-16, for a text in UTF-8.
std::size_t utf16_units(std::string_view text) {
    std::size_t out = 0;
    for (unsigned char byte : text) out += (byte & 0xc0) != 0x80 ? (byte >= 0xf0 ? 2 : 1) : 0;
    return out;
}

}  // namespace

TextAnalyzer analyzer_of(const IndexDefinition& index, const ColumnDefinition& column) {
    if (index.is_sasi()) return sasi_of(index, column).analyzer;
    TextAnalyzer out;
    out.fold = text_fold_of(index.options);
    return out;
}

std::vector<std::string> terms_of(const TextAnalyzer& analyzer, std::string_view text) {
    std::vector<std::string> out;
    switch (analyzer.kind) {
        case TextAnalyzer::Kind::whole:
            out.push_back(folded(analyzer.fold, text));
            break;
        case TextAnalyzer::Kind::words:
            for (auto word : words_of(text))
                if (utf16_units(word) <= longest_word) out.push_back(folded(analyzer.fold, word));
            break;
        case TextAnalyzer::Kind::delimited:
            while (!text.empty()) {
                auto end = std::min(text.find(analyzer.delimiter), text.size());
                if (end > 0) out.push_back(folded(analyzer.fold, text.substr(0, end)));
                text.remove_prefix(std::min(text.size(), end + analyzer.delimiter.size()));
            }
            break;
    }
    return out;
}

}  // namespace penstock::store
