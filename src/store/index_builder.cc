#include "store/index_builder.h"

#include "base/log.h"
#include "store/index_entries.h"
#include "store/row_cursor.h"
#include "store/row_key.h"
#include "store/view_entries.h"

namespace penstock::store {
namespace {

constexpr std::size_t most_batch_bytes = 1u << 20;

}  // namespace

IndexBuilder::IndexBuilder(Database& database) : database_(database), thread_([this] { run(); }) {}

IndexBuilder::~IndexBuilder() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void IndexBuilder::wake() {
    {
        std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_all();
}

bool IndexBuilder::is_stopping() {
    std::lock_guard lock(mutex_);
    return stopping_;
}

void IndexBuilder::run() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return woken_ || stopping_; });
            if (stopping_) return;
            woken_ = false;
        }
        auto catalogue = database_.catalogue();
        for (const auto& [name, keyspace] : catalogue->keyspaces) {
            for (const auto& [table_name, table] : keyspace.tables) {
                if (table->view && !table->view->is_built) {
                    auto base = catalogue->table(name, table->view->base);
                    auto built = base ? build_view(base, table) : Result<>{};
                    if (is_stopping()) return;
                    if (!built)
                        log::error("tables: view {} cannot be built: {}", table_name, built.error().text);
                }
                for (const auto& index : table->indexes) {
                    if (index.is_built) continue;
                    auto built = build(table, index);
                    if (is_stopping()) return;
                    if (!built)
                        log::error("tables: index {} cannot be built: {}", index.name, built.error().text);
                }
            }
        }
    }
}

Result<> IndexBuilder::build(const std::shared_ptr<const TableDefinition>& table,
                             const IndexDefinition& index) {
    // Whoever wrote a row without knowing of the index has done so after this.
    TRY(database_.settle());
    IndexedColumn column;
    if (!describe_index(*table, index, column)) return {};
    TRY(fill(*table, [&](std::string_view key, const Row& row, rocksdb::WriteBatch& batch) {
        append_index_entries(column, key, row, batch);
    }));
    return database_.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto now = catalogue.table(table->keyspace, table->name);
        if (!now) return {};
        auto changed = *now;
        for (auto& one : changed.indexes) one.is_built = one.is_built || one.id == index.id;
        catalogue.keyspaces[table->keyspace].tables[table->name] =
            std::make_shared<const TableDefinition>(std::move(changed));
        return {};
    });
}

Result<> IndexBuilder::build_view(const std::shared_ptr<const TableDefinition>& base,
                                  const std::shared_ptr<const TableDefinition>& view) {
    TRY(database_.settle());
    TRY(fill(*base, [&](std::string_view key, const Row& row, rocksdb::WriteBatch& batch) {
        append_view_entry(*base, *view, key, row, batch);
    }));
    return database_.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto now = catalogue.table(view->keyspace, view->name);
        if (!now || !now->view || now->id != view->id) return {};
        auto changed = *now;
        auto definition = *now->view;
        definition.is_built = true;
        changed.view = std::make_shared<const ViewDefinition>(std::move(definition));
        catalogue.keyspaces[view->keyspace].tables[view->name] =
            std::make_shared<const TableDefinition>(std::move(changed));
        return {};
    });
}

/// What the rows of a table that are there lead to, durably.
Result<> IndexBuilder::fill(const TableDefinition& table, const Entries& entries) {
    auto range = table_range(table);
    rocksdb::Slice upper(range.to);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper;
    options.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> it(database_.rocks().NewIterator(options));
    rocksdb::WriteBatch batch;
    Row row;
    for (it->Seek(range.from); it->Valid(); it->Next()) {
        if (!parse_row({it->value().data(), it->value().size()}, row)) continue;
        entries({it->key().data(), it->key().size()}, row, batch);
        if (batch.GetDataSize() < most_batch_bytes) continue;
        TRY(database_.write_unlogged(batch));
        batch.Clear();
        if (is_stopping()) return fail(Errc::cancelled, "the tables are being closed");
    }
    if (!it->status().ok()) return fail(error_of(it->status()));
    TRY(database_.write_unlogged(batch));
    return database_.flush();
}

}  // namespace penstock::store
