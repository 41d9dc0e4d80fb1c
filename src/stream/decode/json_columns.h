// One pass over a JSON document, straight into columns.
//
// A document of a shape that was seen before gives its values without a walk (json_shape.h); any doubt there,
// and it is walked as if it were the first.
//
// The paths that a query uses are compiled into a tree. Each document is walked once, in its own order: a key
// that is not in the tree is skipped unparsed, a value at a leaf is written into the leaf's columns. Nothing
// is allocated for a record, but the bytes of strings that have escapes. What is skipped is checked only as
// far as finding its end needs: UTF-8, brackets and quotes are, the spelling of a literal that nobody asked
// for is not.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stream/decode/json_shape.h"
#include "stream/decode/path_tree.h"
#include "stream/decode/slots.h"
#include "stream/plan/plan.h"

namespace penstock::stream {

class JsonColumns {
public:
    /// scan's payload columns, by their index; the others are left alone.
    JsonColumns(std::span<const ScanColumn> scan, const DataType& schema, bool strict);

    bool empty() const { return nodes_[0].children.empty() && !strict_; }

    using Failure = Misread;
    /// Writes the document's values to row of the slots; false with why() when it does not fit. Then the
    /// row's values are of no meaning. At least 64 readable bytes must follow document.
    bool decode(std::string_view document, std::span<Slot> slots, std::size_t row, Arena& arena);
    const Failure& why() const { return why_; }

private:
    using Value = simdjson::ondemand::value;

    using Leaf = PathTree::Leaf;
    struct Node {
        PathStep step;
        Path path;
        DataType::Shape shape = DataType::Shape::scalar;
        bool closed = false;  ///< an unknown field is a misfit
        std::vector<std::size_t> children;
        std::vector<Leaf> leaves;
        std::uint64_t seen = 0;
    };
    /// A scalar as it stands in the document.
    struct Token {
        enum class Kind { null, boolean, number, string } kind = Kind::null;
        std::string_view text;  ///< of strings without quotes and escapes
        bool escaped = false;   ///< a string whose escapes are still there
    };

    std::size_t node_for(const Path& path, const DataType& schema);
    std::size_t child_of(std::size_t parent, const PathStep& step, DataType::Shape shape);
    void add_schema(std::size_t node, const DataType& type);

    bool walk(std::string_view document);
    bool take_as(const JsonShape& shape, std::string_view document);
    bool walk_object(simdjson::ondemand::object& object, std::size_t node);
    bool walk_array(simdjson::ondemand::array& array, std::size_t node);
    bool take(Value& value, std::size_t node);
    bool take_object(Value& value, std::size_t node);
    bool take_array(Value& value, std::size_t node);
    bool take_scalar(Value& value, std::size_t node);
    bool take_nested_text(std::string_view text, std::size_t node);
    bool write_scalar(const Token& token, std::size_t node);
    bool read_token(Value& value, Token& token);
    bool scan_token(std::string_view text, Token& token);
    bool write(const Leaf& leaf, const Token& token, std::size_t node);
    bool write_text(const Leaf& leaf, std::string_view text, std::size_t node);
    std::size_t find_child(const Node& node, const char* key, std::size_t& hint) const;
    void clear(std::size_t node);

    bool fail(std::string reason);
    bool fail(simdjson::error_code error);
    bool fail_type(std::size_t node, std::string_view expected, std::string_view found);

    std::vector<Node> nodes_;  ///< 0: the document
    bool strict_ = false;
    simdjson::ondemand::parser parser_;
    JsonShapes shapes_;
    JsonShape* learning_ = nullptr;  ///< filled by the walk
    std::uint64_t document_ = 0;
    std::span<Slot> slots_;
    std::size_t row_ = 0;
    Arena* arena_ = nullptr;
    Failure why_;
};

}  // namespace penstock::stream
