// A SELECT with names resolved and types known: what the operators are built from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/spec.h"
#include "record/type.h"
#include "stream/expr/expression.h"
#include "stream/plan/data_type.h"

namespace penstock::registry {
class AvroSchema;
}

namespace penstock::stream {

/// What stands after FROM.
struct RelationInfo {
    enum class Kind { none, topic, table } kind = Kind::none;
    std::string name;
    pipeline::Format format = pipeline::Format::json;
    DataType columns{DataType::Shape::object};  ///< payload columns, or the table's
    bool open = false;                          ///< the columns are not known yet: every name is taken
    /// Of avro topics: the registered schema, whose defaults stand in for fields that a record's own schema
    /// lacks.
    std::shared_ptr<const registry::AvroSchema> reader;
};

/// A step into a value: a field or map key, or an array's element.
struct PathStep {
    std::string name;
    std::int64_t index = -1;  ///< from 0; -1: name counts
    bool operator==(const PathStep&) const = default;
};
using Path = std::vector<PathStep>;
std::string to_string(const Path& path);

enum class ColumnSource { payload, whole_value, key, partition, offset, timestamp, headers, table };

/// One column that the query needs of its input.
struct ScanColumn {
    ColumnSource source = ColumnSource::payload;
    Path path;  ///< payload: where in the document; table: one step, the column's name
    TypeId type = TypeId::string;
    bool from_text = false;  ///< any scalar is taken as its text, and the text cast to the type
    DataType natural;        ///< the schema's type at the path
    bool operator==(const ScanColumn&) const = default;
};

enum class AggregateKind {
    count_all,
    count,
    count_distinct,
    sum,
    avg,
    min,
    max,
    first,
    last,
    variance,  ///< of a sample, as deviation is
    variance_of_all,
    deviation,
    deviation_of_all,
};

struct AggregateCall {
    AggregateKind kind = AggregateKind::count_all;
    ExpressionPtr argument;  ///< none for count(*)
    TypeId input = TypeId::int64;
    TypeId result = TypeId::int64;
    std::string text;  ///< canonical, to find equal ones
};

struct WindowPlan {
    ExpressionPtr time;
    std::int64_t size_us = 0;
    std::int64_t slide_us = 0;
    std::string text;
};

/// GROUP BY. Its rows are [window start, window end] if there is a window, then the keys, then the
/// aggregates.
struct GroupPlan {
    std::optional<WindowPlan> window;
    std::vector<ExpressionPtr> keys;
    std::vector<std::string> key_texts;
    std::vector<AggregateCall> aggregates;
    Schema schema;
};

struct SortKey {
    std::size_t column = 0;  ///< of the outputs
    bool descending = false;
    bool nulls_first = true;
};

struct QueryPlan {
    RelationInfo relation;
    std::vector<ScanColumn> scan;
    Schema scan_schema;
    ExpressionPtr filter;  ///< over the scanned columns
    std::optional<GroupPlan> group;
    ExpressionPtr having;  ///< over the group's rows
    std::vector<ExpressionPtr>
        outputs;    ///< over the group's rows if there is a group, else the scanned columns
    Schema schema;  ///< of the outputs that are shown; those behind are for sorting only
    bool distinct = false;
    std::vector<SortKey> order;
    std::optional<std::int64_t> limit;
    ExpressionPtr watermark;  ///< event time, over the scanned columns
    std::int64_t watermark_delay_us = 0;
};

}  // namespace penstock::stream
