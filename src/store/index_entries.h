// Entries of secondary indexes: keys without values, written with the rows that they lead to.
//
//   06 index value token partition tag rest
//
// index is the index's id, value the indexed value so encoded that bytes sort as values do, and what follows
// is the row's own key behind its table's id. So the rows of one value come in the table's order.
//
// An entry says that a row has, or once had, the value: whoever reads by an index looks at the row itself. So
// timestamps, expiry and deletions need nothing here, and entries may be written in any order and twice.
// Where texts are taken apart into terms a row has an entry for each of them.
#pragma once

#include <rocksdb/write_batch.h>

#include <string>
#include <string_view>

#include "store/catalogue.h"
#include "store/row_value.h"
#include "store/text_analyzer.h"

namespace penstock::store {

/// What all entries of an index start with.
std::string index_prefix(std::uint32_t index);

/// An index with what is needed to encode: views into its table.
struct IndexedColumn {
    const TableDefinition* table = nullptr;
    const IndexDefinition* index = nullptr;
    const ColumnDefinition* column = nullptr;
    DataType type;  ///< of what is indexed: a list's elements, a map's keys, ...
    TextAnalyzer analyzer;
};
/// False: the column is gone, or a vector, which has no entries.
bool describe_index(const TableDefinition& table, const IndexDefinition& index, IndexedColumn& out);

/// Appends a value's encoding. For entries(map) it is that of the key and then that of the value.
void append_indexed_value(std::string& out, const IndexedColumn& column, std::string_view value);
void append_indexed_entry(std::string& out, const IndexedColumn& column, std::string_view key,
                          std::string_view value);
/// What the encodings of all texts that begin with this term have in front. The column is of texts.
void append_indexed_prefix(std::string& out, const IndexedColumn& column, std::string_view term);
/// Takes an encoded value off the front of an entry behind its index's id. False: it is none.
bool skip_indexed_value(std::string_view& rest, const IndexedColumn& column);
/// The same of a column of texts, which tells the term.
bool take_indexed_term(std::string_view& rest, const IndexedColumn& column, std::string& term);
/// Whether bytes of encoded values sort as the values do: so ranges can be read.
bool is_ordered(const IndexedColumn& column);

/// Adds the entries of all rows that a batch writes. Cheap when no table of the batch has an index.
void append_index_entries(const Catalogue& catalogue, rocksdb::WriteBatch& batch);
/// Adds those of one row of one index.
void append_index_entries(const IndexedColumn& column, std::string_view row_key, const Row& row,
                          rocksdb::WriteBatch& batch);

}  // namespace penstock::store
