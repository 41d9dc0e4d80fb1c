// Expressions of a SELECT, computed row by row or over groups of rows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/cql/select_plan.h"
#include "store/row_value.h"

namespace penstock::store::cql {

using OptionalBytes = std::optional<std::string>;

/// One row's columns as they are needed, wherever it comes from.
struct RowValues {
    std::vector<std::optional<std::string_view>> values;  ///< by column index
    const Row* row = nullptr;                             ///< of a stored table, for writetime and ttl
    const Row* static_row = nullptr;                      ///< the same of its partition
    std::string_view partition_key;
    std::vector<std::string_view> partition;
    std::vector<std::optional<std::string>> clustering;
    std::vector<std::string> collections;
};

struct Accumulator {
    std::int64_t count = 0;
    std::string exact;  ///< sums of varint and decimal
    std::int64_t integer = 0;
    double number = 0;
    std::optional<std::string> extreme;
};

/// Which keys of a collection are meant; both ends are part of it.
struct PartRange {
    OptionalBytes from, to;
};

/// Of one SELECT; plan and bindings must outlive it. Used by one thread.
class Evaluator {
public:
    /// now in seconds since 1970.
    Evaluator(const SelectPlan& plan, const Bindings& bindings, std::int64_t now)
        : plan_(plan), bindings_(bindings), now_(now), accumulators_(plan.aggregates) {}

    /// Null row: only what was added counts.
    Result<OptionalBytes> value(const Expression& of, const RowValues* row);
    /// The row is one of the group's.
    Result<> add(const Expression& of, const RowValues& row);
    /// A new group begins.
    void reset() { accumulators_.assign(accumulators_.size(), {}); }

private:
    Result<OptionalBytes> token(const Expression& of, const RowValues* row);
    Result<OptionalBytes> collected(const Expression& of, const RowValues* row);
    Result<PartRange> part_of(const Expression& of) const;
    Result<OptionalBytes> aggregate(const Expression& of) const;
    OptionalBytes written_when(const Expression& of, const RowValues* row,
                               const std::optional<PartRange>& part) const;

    const SelectPlan& plan_;
    const Bindings& bindings_;
    std::int64_t now_;
    std::vector<Accumulator> accumulators_;
};

}  // namespace penstock::store::cql
