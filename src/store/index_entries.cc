#include "store/index_entries.h"

#include <vector>

#include "store/bytes.h"
#include "store/clustering.h"
#include "store/row_cursor.h"
#include "store/row_key.h"
#include "store/value.h"
#include "store/view_entries.h"

namespace penstock::store {
namespace {

// An empty value is one of every type, and has no encoding as a clustering value of most.
constexpr char empty_value = '\x00';
constexpr char some_value = '\x01';

void append_one(std::string& out, const DataType& type, std::string_view value) {
    if (value.empty()) {
        out += empty_value;
        return;
    }
    out += some_value;
    if (can_cluster(type)) {
        append_clustering(out, type, false, value);
    } else {
        append_big_endian(out, std::uint32_t(value.size()));
        out += value;
    }
}

bool skip_one(std::string_view& rest, const DataType& type) {
    if (rest.empty()) return false;
    char tag = rest.front();
    rest.remove_prefix(1);
    if (tag == empty_value) return true;
    if (can_cluster(type)) {
        std::string ignored;
        return take_clustering(rest, type, false, ignored);
    }
    ByteReader reader{rest};
    reader.bytes(reader.fixed<std::uint32_t>());
    rest = reader.rest;
    return reader.ok;
}

void append_folded(std::string& out, const DataType& type, const TextFold& fold, std::string_view value) {
    if (fold.changes() && type.is_text())
        append_one(out, type, folded(fold, value));
    else
        append_one(out, type, value);
}

struct Collector final : rocksdb::WriteBatch::Handler {
    const Catalogue* catalogue = nullptr;
    std::uint32_t last_id = UINT32_MAX;
    std::shared_ptr<const TableDefinition> table;
    std::vector<IndexedColumn> columns;
    std::vector<std::shared_ptr<const TableDefinition>> views;
    rocksdb::WriteBatch entries;
    Row row;

    rocksdb::Status MergeCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
        std::string_view bytes(key.data(), key.size());
        ParsedKey parsed;
        if (!parse_key(bytes, parsed) || parsed.tag == deletion_tag) return rocksdb::Status::OK();
        if (parsed.table != last_id) look_up(parsed.table);
        if ((columns.empty() && views.empty()) || !parse_row({value.data(), value.size()}, row))
            return rocksdb::Status::OK();
        for (const auto& column : columns) append_index_entries(column, bytes, row, entries);
        for (const auto& view : views) append_view_entry(*table, *view, bytes, row, entries);
        return rocksdb::Status::OK();
    }
    rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice&) override { return rocksdb::Status::OK(); }

    void look_up(std::uint32_t id) {
        last_id = id;
        columns.clear();
        views.clear();
        table = catalogue->table_by_id(id);
        if (!table) return;
        for (const auto& [name, other] : catalogue->keyspaces.at(table->keyspace).tables)
            if (other->view && other->view->base == table->name) views.push_back(other);
        for (const auto& index : table->indexes)
            if (IndexedColumn one; describe_index(*table, index, one)) columns.push_back(std::move(one));
    }
};

}  // namespace

std::string index_prefix(std::uint32_t index) {
    std::string out(1, index_tag);
    append_big_endian(out, index);
    return out;
}

bool describe_index(const TableDefinition& table, const IndexDefinition& index, IndexedColumn& out) {
    const auto* column = table.by_id(index.column);
    // The nearest vectors are not found by their bytes.
    if (column == nullptr || column->type.kind == Kind::vector) return false;
    out.table = &table;
    out.index = &index;
    out.column = column;
    const auto& type = column->type;
    using Target = IndexDefinition::Target;
    if (index.target == Target::keys)
        out.type = type.parameters[0];
    else if (index.target == Target::values || index.target == Target::entries)
        out.type = type.parameters.back();
    else
        out.type = type;
    out.analyzer = analyzer_of(index, *column);
    return true;
}

void append_indexed_value(std::string& out, const IndexedColumn& column, std::string_view value) {
    append_folded(out, column.type, column.analyzer.fold, value);
}

void append_indexed_entry(std::string& out, const IndexedColumn& column, std::string_view key,
                          std::string_view value) {
    append_one(out, column.column->type.parameters[0], key);
    append_folded(out, column.type, column.analyzer.fold, value);
}

void append_indexed_prefix(std::string& out, const IndexedColumn& column, std::string_view term) {
    append_one(out, column.type, term);
    // The end of an encoded text.
    constexpr std::size_t end_size = 2;
    out.resize(out.size() - end_size);
}

bool take_indexed_term(std::string_view& rest, const IndexedColumn& column, std::string& term) {
    term.clear();
    if (rest.empty() || rest.front() != some_value) return skip_one(rest, column.type);
    rest.remove_prefix(1);
    return take_clustering(rest, column.type, false, term);
}

bool skip_indexed_value(std::string_view& rest, const IndexedColumn& column) {
    if (column.index->target == IndexDefinition::Target::entries &&
        !skip_one(rest, column.column->type.parameters[0]))
        return false;
    return skip_one(rest, column.type);
}

bool is_ordered(const IndexedColumn& column) {
    return can_cluster(column.type) && !column.analyzer.changes();
}

void append_index_entries(const IndexedColumn& column, std::string_view row_key, const Row& row,
                          rocksdb::WriteBatch& batch) {
    const auto& definition = *column.column;
    ParsedKey parsed;
    if (!parse_key(row_key, parsed)) return;
    bool of_key = definition.role == ColumnRole::partition_key;
    bool of_static = definition.role == ColumnRole::static_;
    if (!of_key && of_static != (parsed.tag == static_tag)) return;
    // The whole partition has the value, whatever of it was written.
    auto partition_key = std::string(parsed.partition_prefix) + static_tag;
    auto suffix = (of_key ? std::string_view(partition_key) : row_key).substr(table_prefix_size);
    auto prefix = index_prefix(column.index->id);
    std::string key;
    auto put = [&](auto&& append) {
        key = prefix;
        append(key);
        key += suffix;
        batch.Put(key, rocksdb::Slice());
    };
    auto put_value = [&](std::string_view value) {
        if (!column.analyzer.tokenizes()) {
            put([&](std::string& to) { append_indexed_value(to, column, value); });
            return;
        }
        for (const auto& term : terms_of(column.analyzer, value))
            put([&](std::string& to) { append_one(to, column.type, term); });
    };
    if (of_key) {
        std::vector<std::string_view> values;
        if (split_partition_key(*column.table, parsed.partition_key, values))
            put_value(values[definition.position]);
        return;
    }
    if (definition.role == ColumnRole::clustering) {
        std::vector<std::optional<std::string>> values;
        bool split = split_clustering(*column.table, parsed.rest, values);
        if (split && values[definition.position]) put_value(*values[definition.position]);
        return;
    }
    bool elements_are_keys = definition.type.kind == Kind::set;
    for (const auto& cell : row.cells) {
        if (cell.column != definition.id || cell.kind != CellKind::value) continue;
        if (!definition.type.is_multi_cell()) {
            put_value(cell.value);
        } else if (column.index->target == IndexDefinition::Target::entries) {
            put([&](std::string& to) { append_indexed_entry(to, column, cell.path, cell.value); });
        } else {
            bool by_path = elements_are_keys || column.index->target == IndexDefinition::Target::keys;
            put_value(by_path ? cell.path : cell.value);
        }
    }
}

void append_index_entries(const Catalogue& catalogue, rocksdb::WriteBatch& batch) {
    Collector collector;
    collector.catalogue = &catalogue;
    if (!batch.Iterate(&collector).ok() || collector.entries.Count() == 0) return;
    struct Append final : rocksdb::WriteBatch::Handler {
        rocksdb::WriteBatch* to = nullptr;
        rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice& key,
                              const rocksdb::Slice& value) override {
            return to->Put(key, value);
        }
    } append;
    append.to = &batch;
    collector.entries.Iterate(&append);
}

}  // namespace penstock::store
