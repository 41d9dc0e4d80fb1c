// Texts as the terms that an index has of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/catalogue.h"
#include "store/text_fold.h"

namespace penstock::store {

struct TextAnalyzer {
    enum class Kind : std::uint8_t {
        whole,     ///< the text is its only term
        words,     ///< each of its words is one (words.h)
        delimited  ///< each of its parts between delimiters is one
    };
    Kind kind = Kind::whole;
    TextFold fold;
    std::string delimiter = ",";

    bool tokenizes() const { return kind != Kind::whole; }
    bool changes() const { return tokenizes() || fold.changes(); }
};

/// What the options of an index on the column make of texts; of other types nothing.
TextAnalyzer analyzer_of(const IndexDefinition& index, const ColumnDefinition& column);

/// In their order, folded. What is not UTF-8 has the terms that can be read.
std::vector<std::string> terms_of(const TextAnalyzer& analyzer, std::string_view text);

}  // namespace penstock::store
