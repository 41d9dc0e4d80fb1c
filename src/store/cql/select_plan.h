// A SELECT made ready: names resolved, types known, keys sorted out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/cql/ast.h"
#include "store/cql/index_choice.h"
#include "store/cql/resolve.h"
#include "store/cql/restrictions.h"
#include "store/cql/vector_search.h"

namespace penstock::store::cql {

/// What one result column is made of.
struct Expression {
    enum class Kind : std::uint8_t {
        column,
        literal,
        function,
        cast,
        writetime,
        ttl,
        count_rows,
        aggregate,
        token,
        field,      ///< of the first argument; column is its number
        operation,  ///< function is the operator, on one or two arguments
        element,    ///< of the first argument: literal is which
        slice,      ///< of the first argument: from literal to literal_to
        collect     ///< all arguments, as a tuple, list or set
    };
    Kind kind = Kind::column;
    std::uint32_t column = 0;  ///< index in the table's columns
    DataType type;
    std::string function;
    std::vector<Expression> arguments;
    Term literal, literal_to;
    bool latest = false;     ///< maxwritetime
    std::uint32_t slot = 0;  ///< aggregates: which accumulator
};

struct SelectPlan {
    TableRef ref;
    TableRef base{};                 ///< of a materialised view
    const Select* select = nullptr;  ///< lives as long as the statement
    Restrictions where;
    std::vector<Expression> outputs;
    std::vector<std::string> names;  ///< as many as outputs; also the keys of SELECT JSON
    std::vector<wire::cql::ColumnSpec> result;
    IndexChoice index;
    std::optional<AnnOrder> ann;
    std::uint32_t aggregates = 0;
    std::vector<Expression> group;  ///< GROUP BY: rows in a row that have the same values
    bool reversed = false;
    bool sorts = false;  ///< ORDER BY over several partitions
    /// Partitions that have static values and no rows appear as one row.
    bool static_partitions = false;
    std::vector<bool> needed;  ///< columns that must be read
    const TableDefinition& table() const { return *ref.table; }
};

/// What Cassandra says of aggregates over more than one partition; empty: nothing.
std::string_view aggregation_warning(const SelectPlan& plan);

Result<SelectPlan> plan_select(const Select& select, const Catalogue& catalogue,
                               std::string_view session_keyspace, std::vector<MarkerSpec>& markers);

}  // namespace penstock::store::cql
