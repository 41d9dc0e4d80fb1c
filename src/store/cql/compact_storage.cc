#include "store/cql/compact_storage.h"

#include <algorithm>

namespace penstock::store::cql {
namespace {

/// The name itself, or with the first number that makes it one of none of the columns.
std::string free_name(const TableDefinition& table, const std::string& name, int number) {
    auto candidate = number == 0 ? name : name + std::to_string(number);
    return table.find(candidate) == nullptr ? candidate : free_name(table, name, number + 1);
}

}  // namespace

Result<> check_compact_table(const TableDefinition& table) {
    auto is_key = [](const ColumnDefinition& column) {
        return column.role == ColumnRole::partition_key || column.role == ColumnRole::clustering;
    };
    std::vector<std::string> others;
    bool multi_cell = false, statics = false, clusters = false;
    for (const auto& column : table.columns) {
        clusters = clusters || column.role == ColumnRole::clustering;
        statics = statics || column.role == ColumnRole::static_;
        if (is_key(column)) continue;
        others.push_back(column.name);
        multi_cell = multi_cell || column.type.is_multi_cell();
    }
    if (multi_cell)
        return fail(Errc::invalid, "Non-frozen collections and UDTs are not supported with COMPACT STORAGE");
    if (statics) return fail(Errc::invalid, "Static columns are not supported in COMPACT STORAGE tables");
    if (!clusters && others.empty())
        return fail(Errc::invalid, "No definition found that is not part of the PRIMARY KEY");
    if (!clusters || others.size() <= 1) return {};
    std::ranges::sort(others);
    return fail(Errc::invalid,
                "COMPACT STORAGE with composite PRIMARY KEY allows no more than one column not part of the "
                "PRIMARY KEY (got: {})",
                fmt::join(others, ", "));
}

Result<> check_compact_insert(const TableDefinition& table, bool gives_regulars) {
    if (gives_regulars) return {};
    if (table.is_static_compact())
        return fail(Errc::invalid, "Some clustering keys are missing: {}", hidden_clustering_name(table));
    if (!table.is_dense() || table.key_columns() == table.columns.size()) return {};
    return fail(Errc::invalid, "Column {} is mandatory for this COMPACT STORAGE table",
                table.columns[table.key_columns()].name);
}

std::string hidden_clustering_name(const TableDefinition& table) {
    return free_name(table, "column", 1);
}

std::vector<ShownColumn> shown_columns(const TableDefinition& table) {
    std::vector<ShownColumn> out;
    for (const auto& column : table.columns)
        out.push_back({column.name, table.shown_role(column), column.position, column.descending,
                       to_string(column.type)});
    auto add_value = [&](std::string type) {
        out.push_back({free_name(table, "value", 0), ColumnRole::regular, 0, false, std::move(type)});
    };
    if (table.is_static_compact()) {
        out.push_back({hidden_clustering_name(table), ColumnRole::clustering, 0, false, "text"});
        add_value(table.is_counter() ? "counter" : "blob");
    } else if (table.is_dense() && table.key_columns() == table.columns.size()) {
        add_value("empty");
    }
    std::ranges::sort(out, {}, &ShownColumn::name);
    return out;
}

std::vector<std::string> table_flags(const TableDefinition& table) {
    std::vector<std::string> out;
    if (!table.compact_storage || table.clustering_columns > 1) out.emplace_back("compound");
    if (table.is_counter()) out.emplace_back("counter");
    if (table.is_dense()) out.emplace_back("dense");
    return out;
}

}  // namespace penstock::store::cql
