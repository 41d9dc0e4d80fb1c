// WHERE: which keys to read or write, and what to test on each row besides.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/cql/ast.h"
#include "store/cql/like.h"
#include "store/cql/resolve.h"
#include "store/cql/term_value.h"
#include "store/row_cursor.h"
#include "store/text_fold.h"

namespace penstock::store::cql {

/// A condition on one column. Points into the statement.
struct Restriction {
    const ColumnDefinition* column = nullptr;
    const Relation* relation = nullptr;
};

struct Restrictions {
    /// By position in the key; at most = or IN for the partition key; empty inner lists: unrestricted.
    std::vector<std::vector<Restriction>> partition_key;
    std::vector<std::vector<Restriction>> clustering;
    std::vector<const Relation*> token;
    std::vector<Restriction> filters;  ///< tested row by row
    bool whole_partition_key = false;  ///< every column of it is restricted
    bool needs_filtering = false;      ///< reading would touch rows that do not match
    bool has_partition_in = false;
};

/// Errc::invalid, in Cassandra's words, for conditions that cannot be served.
Result<Restrictions> sort_out(const TableDefinition& table, const std::vector<Relation>& where,
                              std::vector<MarkerSpec>& markers);

/// The partition keys (joined) that = and IN on all its columns name: each once, in the order of
/// their values, as Cassandra reads them.
Result<std::vector<std::string>> partition_keys(const TableDefinition& table,
                                                const Restrictions& restrictions, const Bindings& bindings);

/// Ranges of encoded clustering values, in order and apart: from <= clustering < to; empty to: no end.
struct ClusteringRange {
    std::string from;
    std::string to;
    bool single = false;  ///< one row: from is its whole encoding
};
Result<std::vector<ClusteringRange>> clustering_ranges(const TableDefinition& table,
                                                       const Restrictions& restrictions,
                                                       const Bindings& bindings);

/// The ranges of RocksDB keys that hold all rows that can match: partition by partition, each in key order.
Result<std::vector<KeyRange>> key_ranges(const TableDefinition& table, const Restrictions& restrictions,
                                         const Bindings& bindings);

/// A filter with its values ready.
struct Filter {
    std::uint32_t column = 0;  ///< index in the table's columns
    const DataType* type = nullptr;
    Operator op = Operator::eq;
    std::vector<std::string> values;
    std::optional<std::string> element;
    TextFold fold{};  ///< texts are compared as an index folds them
    std::optional<LikeTest> like{};
    bool by_sasi = false;  ///< values that no SASI index has are not found
    /// (a, b) > (1, 2): the columns (type is the first one's), and tuples of as many values; IN has several.
    std::vector<std::uint32_t> columns{};
    std::vector<const DataType*> types{};
    std::vector<std::vector<std::string>> tuples{};
    bool always = false;  ///< one of the other columns of such a relation: tested with the first
    bool matches(const std::optional<std::string_view>& value) const;
    /// The same of several columns.
    bool matches_row(const std::vector<std::optional<std::string_view>>& row) const;
};
Result<std::vector<Filter>> filters_of(const TableDefinition& table,
                                       const std::vector<Restriction>& restrictions,
                                       const Bindings& bindings);

}  // namespace penstock::store::cql
