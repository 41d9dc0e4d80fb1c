#include "store/table_scan.h"

#include "store/bytes.h"
#include "store/row_cursor.h"
#include "store/value.h"

namespace penstock::store {
namespace {

class TableScan final : public Cursor {
public:
    TableScan(Database& database, std::shared_ptr<const TableDefinition> table,
              std::vector<std::uint32_t> wanted)
        : table_(table),
          wanted_(std::move(wanted)),
          rows_(database, table, {table_range(*table)}, false, Reading::scan) {
        for (auto index : wanted_) {
            const auto& column = table_->columns[index];
            schema_.push_back({column.name, engine_type_of(column.type)});
        }
    }

    Result<Batch> next(std::size_t max_rows) override {
        auto batch = make_batch(schema_);
        auto arena = std::make_shared<Arena>();
        for (auto& column : batch.columns) column.reserve(std::min<std::size_t>(max_rows, 4096));
        while (batch.rows < max_rows) {
            if (!TRY(rows_.next())) break;
            if (!read_keys())
                return fail(Errc::corrupt, "table {} holds a key that is not one", table_->full_name());
            append(batch, *arena);
        }
        batch.keep_alive.push_back(std::move(arena));
        return batch;
    }

private:
    bool read_keys() {
        return split_partition_key(*table_, rows_.parsed().partition_key, partition_) &&
               split_clustering(*table_, rows_.parsed().rest, clustering_);
    }

    void append(Batch& batch, Arena& arena) {
        const auto& row = rows_.row();
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            const auto& column = table_->columns[wanted_[i]];
            auto& out = batch.columns[i];
            switch (column.role) {
                case ColumnRole::partition_key:
                    append_engine_value(out, arena, column.type, partition_[column.position]);
                    break;
                case ColumnRole::clustering:
                    if (const auto& value = clustering_[column.position])
                        append_engine_value(out, arena, column.type, *value);
                    else
                        out.append_null();
                    break;
                case ColumnRole::regular:
                    append_cell(out, arena, column, row);
                    break;
                case ColumnRole::static_:
                    append_cell(out, arena, column, rows_.static_row());
                    break;
            }
        }
        ++batch.rows;
    }

    void append_cell(Column& out, Arena& arena, const ColumnDefinition& column, const Row& row) {
        if (column.type.is_multi_cell()) {
            scratch_.clear();
            if (!collect_elements(row, column, scratch_)) return out.append_null();
            return append_engine_value(out, arena, column.type, scratch_);
        }
        for (const auto& cell : row.cells)
            if (cell.column == column.id) return append_engine_value(out, arena, column.type, cell.value);
        out.append_null();
    }

    std::shared_ptr<const TableDefinition> table_;
    std::vector<std::uint32_t> wanted_;
    RowCursor rows_;
    Schema schema_;
    std::vector<std::string_view> partition_;
    std::vector<std::optional<std::string>> clustering_;
    std::string scratch_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> make_table_scan(Database& database,
                                                std::shared_ptr<const TableDefinition> table,
                                                const std::vector<std::string>& columns) {
    std::vector<std::uint32_t> wanted;
    for (const auto& name : columns) {
        const auto* column = table->find(name);
        if (column == nullptr)
            return fail(Errc::not_found, "table {} has no column {}", table->full_name(), name);
        wanted.push_back(std::uint32_t(column - table->columns.data()));
    }
    if (columns.empty())
        for (std::uint32_t i = 0; i < table->columns.size(); ++i) wanted.push_back(i);
    return std::make_unique<TableScan>(database, std::move(table), std::move(wanted));
}

SizeEstimate estimate_size(Database& database, const TableDefinition& table) {
    auto& db = database.rocks();
    auto bounds = table_range(table);
    rocksdb::Range range(bounds.from, bounds.to);
    std::uint64_t on_disk = 0, in_memory_rows = 0, in_memory_bytes = 0;
    db.GetApproximateSizes(&range, 1, &on_disk);
    db.GetApproximateMemTableStats(range, &in_memory_rows, &in_memory_bytes);
    // Rows of the files that touch the table, in proportion to how much of the file is the table's.
    rocksdb::TablePropertiesCollection properties;
    double rows = 0;
    if (db.GetPropertiesOfTablesInRange(db.DefaultColumnFamily(), &range, 1, &properties).ok()) {
        std::uint64_t entries = 0, bytes = 0;
        for (const auto& [file, of] : properties) {
            entries += of->num_entries;
            bytes += of->data_size + of->index_size + of->filter_size;
        }
        if (bytes > 0) rows = double(entries) * std::min(1.0, double(on_disk) / double(bytes));
    }
    return {std::int64_t(rows) + std::int64_t(in_memory_rows), std::int64_t(on_disk + in_memory_bytes)};
}

}  // namespace penstock::store
