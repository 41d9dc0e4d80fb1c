// Tables in memory, for tests. Cells are settled as Cassandra does: the higher timestamp wins, then the
// greater value.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/tables.h"

namespace penstock::stream::testing {

class MemoryTables final : public store::Tables {
public:
    /// What becomes of a commit.
    enum class Fate { applied, refused, applied_but_unknown, rows_only };

    std::string describe() const override { return "tables in memory"; }

    Result<> ensure(const store::TableSpec& spec) override {
        std::lock_guard lock(mutex_);
        auto [found, added] = tables_.try_emplace(spec.full_name());
        if (added) {
            found->second.spec = spec;
            return {};
        }
        for (const auto& column : spec.columns) {
            bool known = false;
            for (const auto& own : found->second.spec.columns) {
                if (own.name != column.name) continue;
                known = true;
                if (own.type != column.type)
                    return fail(Errc::invalid, "column {} has another type", column.name);
            }
            if (!known) found->second.spec.columns.push_back(column);
        }
        return {};
    }
    Result<store::TableSpec> spec(std::string_view table) override {
        std::lock_guard lock(mutex_);
        auto found = tables_.find(table);
        if (found == tables_.end()) return fail(Errc::not_found, "no table {}", table);
        return found->second.spec;
    }
    Result<std::vector<store::TableStatus>> list() override {
        std::lock_guard lock(mutex_);
        std::vector<store::TableStatus> out;
        for (const auto& [name, table] : tables_)
            out.push_back({table.spec.keyspace, table.spec.name, std::int64_t(table.rows.size()), 0});
        return out;
    }

    Result<> commit(const store::Commit& commit) override {
        std::lock_guard lock(mutex_);
        TRY(check_epoch(commit.query, commit.epoch));
        auto fate = decide ? decide(commit) : Fate::applied;
        ++commits;
        if (fate == Fate::refused) return fail(Errc::unavailable, "the store is away");
        for (const auto& write : commit.writes) {
            auto found = tables_.find(write.table);
            if (found == tables_.end()) return fail(Errc::not_found, "no table {}", write.table);
            TRY(apply(found->second, write));
        }
        // A remote table has the rows already when its checkpoint fails.
        if (fate == Fate::rows_only) return fail(Errc::unavailable, "the store is away");
        for (const auto& write : commit.state) {
            if (write.value)
                states_[std::string(commit.query)][write.key] = *write.value;
            else
                states_[std::string(commit.query)].erase(write.key);
        }
        checkpoints_[std::string(commit.query)] = commit.checkpoint;
        if (fate == Fate::applied_but_unknown) return fail(Errc::timeout, "no answer");
        return {};
    }
    Result<std::string> claim(std::string_view query, std::int64_t epoch) override {
        std::lock_guard lock(mutex_);
        TRY(check_epoch(query, epoch));
        if (epoch != 0) epochs_[std::string(query)] = epoch;
        return checkpoints_[std::string(query)];
    }
    Result<std::string> checkpoint(std::string_view query) override {
        std::lock_guard lock(mutex_);
        return checkpoints_[std::string(query)];
    }
    Result<std::vector<std::pair<std::string, std::string>>> state(std::string_view query,
                                                                   std::string_view prefix) override {
        std::lock_guard lock(mutex_);
        std::vector<std::pair<std::string, std::string>> out;
        for (const auto& [key, value] : states_[std::string(query)])
            if (key.starts_with(prefix)) out.emplace_back(key, value);
        return out;
    }
    Result<> forget(std::string_view query) override {
        std::lock_guard lock(mutex_);
        states_.erase(std::string(query));
        checkpoints_.erase(std::string(query));
        return {};
    }
    Result<std::unique_ptr<store::Cursor>> scan(std::string_view table,
                                                const std::vector<std::string>& columns) override {
        std::lock_guard lock(mutex_);
        auto found = tables_.find(table);
        if (found == tables_.end()) return fail(Errc::not_found, "no table {}", table);
        return std::unique_ptr<store::Cursor>(std::make_unique<AllRows>(found->second, columns));
    }
    Result<> flush() override { return {}; }

    // For tests.

    /// Asked for each commit.
    std::function<Fate(const store::Commit&)> decide;
    int commits = 0;

    /// "a | b | c" for each row, sorted.
    std::vector<std::string> rows(std::string_view table) {
        std::lock_guard lock(mutex_);
        std::vector<std::string> out;
        auto found = tables_.find(table);
        if (found == tables_.end()) return out;
        for (const auto& [key, row] : found->second.rows) {
            std::string line;
            for (const auto& column : found->second.spec.columns) {
                if (&column != &found->second.spec.columns.front()) line += " | ";
                auto cell = row.find(column.name);
                line += cell == row.end() || !cell->second.value ? "NULL" : cell->second.text;
            }
            out.push_back(std::move(line));
        }
        std::sort(out.begin(), out.end());
        return out;
    }
    std::size_t states(const std::string& query) {
        std::lock_guard lock(mutex_);
        return states_[query].size();
    }

private:
    struct Cell {
        std::int64_t timestamp_us = 0;
        std::optional<Column> value;  ///< one value; none: null
        std::string bytes;
        std::string text;
    };
    using Row = std::map<std::string, Cell>;
    struct Table {
        store::TableSpec spec;
        std::map<std::string, Row> rows;
    };

    static Result<> apply(Table& table, const store::TableWrite& write) {
        const auto& batch = *write.rows;
        std::set<std::string> keys(table.spec.partition_key.begin(), table.spec.partition_key.end());
        for (const auto& column : table.spec.clustering) keys.insert(column.name);
        for (std::size_t row = 0; row < batch.rows; ++row) {
            std::string key;
            for (const auto& name : keys) {
                auto index = batch.column_index(name);
                if (index < 0 || batch.columns[std::size_t(index)].is_null(row))
                    return fail(Errc::invalid, "no value for the key column {}", name);
                key += value_text(batch.columns[std::size_t(index)], row) + '\0';
            }
            auto& cells = table.rows[key];
            for (std::size_t i = 0; i < batch.columns.size(); ++i) {
                auto& cell = cells[batch.schema[i].name];
                auto text = value_text(batch.columns[i], row);
                if (cell.timestamp_us > write.timestamp_us ||
                    (cell.timestamp_us == write.timestamp_us && cell.text >= text))
                    continue;
                cell.timestamp_us = write.timestamp_us;
                cell.text = text;
                cell.value.reset();
                if (batch.columns[i].is_null(row)) continue;
                cell.value.emplace();
                cell.value->type = batch.columns[i].type;
                cell.value->append_from(batch.columns[i], row);
                if (!cell.value->strings.empty()) {
                    cell.bytes = cell.value->strings[0];
                    cell.value->strings[0] = cell.bytes;
                }
            }
        }
        return {};
    }

    class AllRows final : public store::Cursor {
    public:
        AllRows(const Table& table, const std::vector<std::string>& columns) {
            for (const auto& column : table.spec.columns)
                if (columns.empty() ||
                    std::find(columns.begin(), columns.end(), column.name) != columns.end())
                    schema_.push_back(column);
            for (const auto& [key, row] : table.rows) rows_.push_back(row);
        }
        Result<Batch> next(std::size_t max_rows) override {
            auto batch = make_batch(schema_);
            auto arena = std::make_shared<Arena>();
            for (; next_ < rows_.size() && batch.rows < max_rows; ++next_, ++batch.rows) {
                for (std::size_t i = 0; i < schema_.size(); ++i) {
                    auto cell = rows_[next_].find(schema_[i].name);
                    if (cell == rows_[next_].end() || !cell->second.value)
                        batch.columns[i].append_null();
                    else if (storage_of(schema_[i].type) == Storage::strings)
                        batch.columns[i].append_string(arena->copy(cell->second.bytes));
                    else
                        batch.columns[i].append_from(*cell->second.value, 0);
                }
            }
            batch.keep_alive.push_back(std::move(arena));
            return batch;
        }

    private:
        Schema schema_;
        std::vector<Row> rows_;
        std::size_t next_ = 0;
    };

    Result<> check_epoch(std::string_view query, std::int64_t epoch) {
        if (epoch == 0 || epochs_[std::string(query)] <= epoch) return {};
        return fail(Errc::fenced, "query {} was taken over", query);
    }

    std::mutex mutex_;
    std::map<std::string, std::int64_t> epochs_;
    std::map<std::string, Table, std::less<>> tables_;
    std::map<std::string, std::map<std::string, std::string>> states_;
    std::map<std::string, std::string> checkpoints_;
};

}  // namespace penstock::stream::testing
