// The shape of JSON documents, learned from one and recognised in those that follow.
//
// The records of a topic are mostly written by one program: the same keys in the same order, the same
// nesting. A document whose structural characters and keys are those of a document that was walked before
// holds its values at the same ordinal numbers of structural characters, so they are taken without walking
// again. The index of structural characters is simdjson's (Langdale, Lemire: Parsing Gigabytes of JSON per
// Second); to foretell from it where fields are is Mison's idea (Li et al., VLDB 2017).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::stream {

/// Finds a document's structural characters: brackets, colons, commas, and where strings and other scalars
/// begin. Not thread-safe.
class StructuralIndex {
public:
    /// False: not UTF-8, a string without an end, or empty. At least 64 readable bytes must follow document.
    bool find(std::string_view document);
    /// Offsets into the last document, ascending; valid until the next find().
    std::span<const std::uint32_t> offsets() const;

private:
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

class JsonShape {
public:
    /// Where a value that is wanted stands, in ordinal numbers of structural characters.
    struct Value {
        std::uint32_t first = 0;
        std::uint32_t last = 0;  ///< of objects and arrays the closing bracket
        std::size_t node = 0;    ///< what the walk that taught the shape takes the value for
    };

    /// The shape of a valid document with its structural characters, without keys and values yet. Both are
    /// used until the last call of an add function.
    JsonShape(std::string_view document, std::span<const std::uint32_t> offsets);

    /// A key that decides what a value is, by the quote where it begins. Keys that nobody looked at may
    /// differ.
    void add_key(const char* quote);
    void add_value(const char* first, std::size_t node);
    void add_nested(std::string_view text, std::size_t node);
    /// The document is none to learn from: its keys have escapes, or stand twice.
    void spoil() { spoilt_ = true; }
    bool spoilt() const { return spoilt_; }

    /// Whether the document, with at least 64 readable bytes behind it, has the same structural characters
    /// and keys. Then its brackets match and its fields are those of the document learned from.
    bool fits(const char* document, std::span<const std::uint32_t> offsets) const;
    std::span<const Value> values() const { return values_; }

private:
    /// A key in its quotes: the first 16 bytes compared as two words, the rest byte by byte.
    struct Key {
        std::uint32_t at = 0;
        std::uint64_t word[2] = {};
        std::uint64_t mask[2] = {};
        std::string rest;
        bool stands_at(const char* text) const;
    };

    /// The ordinal number of the structural character there.
    std::uint32_t ordinal(const char* place);

    std::string_view document_;
    std::span<const std::uint32_t> offsets_;
    std::string kinds_;  ///< for each structural character itself, or 0 where a scalar begins
    std::vector<Key> keys_;
    std::vector<Value> values_;
    bool spoilt_ = false;
};

/// The shapes last learned, and when it is worth to look for one.
class JsonShapes {
public:
    /// The shape that the document has, or null. Looks at nothing for a while when documents rarely have one.
    const JsonShape* find(std::string_view document);
    /// The structural characters of the document that find() was last called with, when it gave a shape.
    std::span<const std::uint32_t> offsets() const { return index_.offsets(); }
    /// To be called when find() gave null and the document is walked: a shape to fill while walking, or null
    /// when it is too early to learn another one. Valid until keep().
    JsonShape* learn(std::string_view document);
    /// The document was valid to its end: what was filled is remembered, unless it is spoilt.
    void keep();

private:
    static constexpr std::size_t most_shapes = 8;
    static constexpr int most_trust = 64;
    static constexpr std::uint32_t longest_wait = 1024;  ///< documents

    StructuralIndex index_;
    std::vector<JsonShape> shapes_;
    std::unique_ptr<JsonShape> draft_;
    bool indexed_ = false;
    std::size_t oldest_ = 0;
    int trust_ = most_trust;       ///< up with each document that has a shape, down with each that has none
    std::uint32_t resting_ = 0;    ///< documents not looked at
    std::uint32_t wait_ = 0;       ///< documents without a shape until the next is learned
    std::uint32_t shapeless_ = 0;  ///< documents without a shape since the last was learned
};

}  // namespace penstock::stream
