// Avro records straight into columns, by the schema that they were written with.
//
// The paths that a query uses are laid over the writer's schema once; then each record is walked in its own
// order, and what nobody asked for is skipped by its type. Where the writer's schema lacks a field that the
// reader's has, the reader's default stands in (Avro specification 1.11, Schema Resolution). Bounded in depth
// and in work: a record cannot say that it has more values than its bytes allow for long.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/avro_binary.h"
#include "registry/avro_logical.h"
#include "registry/avro_schema.h"
#include "stream/decode/path_tree.h"
#include "stream/decode/schema_value.h"
#include "stream/decode/slots.h"

namespace penstock::stream {

/// The decoder of what one schema has written. For one thread; the tree outlives it.
class AvroColumns {
public:
    using Failure = Misread;

    /// reader: the topic's schema, whose defaults stand in for what the writer's lacks; may be null.
    AvroColumns(const PathTree& tree, std::shared_ptr<const registry::AvroSchema> writer,
                std::shared_ptr<const registry::AvroSchema> reader);

    /// Why records of this schema do not fit the declared columns, whatever is in them: a field that those do
    /// not have. Empty: they do.
    static std::string unknown_field(const registry::AvroSchema& writer, const DataType& columns);

    /// Writes the value's columns to row of the slots, all of which are null there; false with why() when it
    /// does not fit, and then the row's values are of no meaning.
    bool decode(std::string_view value, std::span<Slot> slots, std::size_t row, Arena& arena);
    /// Appends the whole value as JSON; false with why() when it is none of the schema's.
    bool write_json(std::string_view value, Arena& arena, std::string& out);
    const Failure& why() const { return why_; }

private:
    using Type = registry::AvroType;
    using Reader = codec::AvroReader;

    /// A type of the writer's schema laid over a node of the tree.
    struct Step {
        const Type* type = nullptr;
        std::size_t node = 0;
        registry::AvroLogical logical;
        std::vector<std::size_t> inner;  ///< record: by field; union: by branch; PathTree::none: skipped
        std::vector<std::pair<std::size_t, std::size_t>> children;  ///< array, map: node and its step
        std::vector<std::pair<std::size_t, std::string>> defaults;  ///< record: step, and the bytes it reads
    };
    using Scalar = SchemaValue;

    std::size_t compile(const Type& writer, const Type* reader, std::size_t node);
    void compile_record(Step& step, const Type* reader);
    std::size_t inner_step(const Type& type, const Type* reader, std::size_t node);

    bool take(Reader& in, std::size_t step);
    bool take_record(Reader& in, const Step& step);
    bool take_items(Reader& in, const Step& step);
    bool take_union(Reader& in, const Step& step);
    bool take_scalar(Reader& in, const Step& step);
    bool take_text_of(Reader& in, const Step& step);
    bool read_scalar(Reader& in, const Type& type, const registry::AvroLogical& logical, Scalar& scalar);
    bool write(const PathTree::Leaf& leaf, const Scalar& scalar, std::size_t node);
    bool skip(Reader& in, const Type& type, int depth);
    bool skip_items(Reader& in, const Type& type, int depth);
    bool render(Reader& in, const Type& type, std::string& out, int depth);
    bool render_items(Reader& in, const Type& type, std::string& out, int depth);

    void begin(std::string_view value, Arena& arena);
    bool ends(const Reader& in);
    bool spend(std::int64_t work);
    bool block_ends(std::int64_t bytes, std::size_t left_before, std::size_t left);
    bool cut_short(const Type& type);
    bool fail(std::string reason);
    bool fail_type(std::size_t node, std::string_view expected, std::string_view found);

    const PathTree& tree_;
    std::shared_ptr<const registry::AvroSchema> writer_;
    std::shared_ptr<const registry::AvroSchema> reader_;
    std::vector<Step> steps_;
    std::size_t root_ = 0;

    std::span<Slot> slots_;
    std::size_t row_ = 0;
    Arena* arena_ = nullptr;
    std::int64_t work_left_ = 0;
    Failure why_;
};

/// The columns that records of the schema have. Numbers are as wide as a later version of the schema may make
/// them: BIGINT and DOUBLE.
DataType columns_of(const registry::AvroSchema& schema);
/// The columns of both; where they differ in type, one that takes either.
DataType merged(const DataType& a, const DataType& b);

}  // namespace penstock::stream
