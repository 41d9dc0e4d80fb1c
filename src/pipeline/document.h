// A YAML file as a tree with the place of every node. Bounded in bytes, nodes and depth; aliases
// share nodes.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/spec.h"

namespace penstock::pipeline {

struct Node {
    enum class Kind { null, scalar, sequence, mapping };
    /// How a scalar is written: plain, 'single', "double", | literal, > folded.
    enum class Style { plain, single_quoted, double_quoted, literal, folded };
    struct Entry {
        std::string key;
        Place place;  ///< of the key
        const Node* value = nullptr;
    };

    Kind kind = Kind::null;
    Style style = Style::plain;
    Place place;
    std::string value;               ///< scalar
    std::vector<const Node*> items;  ///< sequence
    std::vector<Entry> entries;      ///< mapping, in the file's order; merge keys (<<) resolved
};

struct DocumentLimits {
    std::size_t max_bytes = 4 * 1024 * 1024;
    std::size_t max_nodes = 200'000;  ///< counted with every alias written out
    int max_depth = 64;
};

/// One YAML document, and the text it came from.
class Document {
public:
    /// Refuses, with the place: bytes that are no UTF-8, control characters, syntax errors,
    /// duplicate keys, keys that are no scalars, explicit tags, a second document, and what exceeds
    /// the limits. Keeps no reference to text.
    static std::expected<Document, Problem> parse(std::string_view text, std::string_view file,
                                                  const DocumentLimits& limits = {});

    const Node& root() const { return *root_; }
    const std::string& text() const { return text_; }

    /// A scalar's text with the places of its lines.
    Text text_of(const Node& scalar) const;

private:
    Document() = default;

    std::string text_;
    std::vector<std::size_t> line_starts_;
    std::deque<Node> nodes_;  // a deque: addresses stay
    const Node* root_ = nullptr;
};

}  // namespace penstock::pipeline
