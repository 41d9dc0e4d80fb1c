#include "store/table_spec.h"

#include "store/engine_value.h"
#include "store/uuid.h"

namespace penstock::store {

Result<TableDefinition> define(const TableSpec& spec) {
    TableDefinition table;
    table.keyspace = spec.keyspace;
    table.name = spec.name;
    table.uuid = random_uuid();
    for (const auto& field : spec.columns) {
        if (table.find(field.name))
            return fail(Errc::invalid, "table {}: column {} twice", spec.full_name(), field.name);
        table.columns.push_back(
            {table.next_column++, field.name, type_of(field.type), ColumnRole::regular, 0, false});
    }
    auto assign = [&](const std::string& name, ColumnRole role, std::size_t position,
                      bool descending) -> Result<> {
        for (auto& column : table.columns) {
            if (column.name != name) continue;
            if (column.role != ColumnRole::regular)
                return fail(Errc::invalid, "table {}: key column {} twice", spec.full_name(), name);
            column.role = role;
            column.position = std::uint32_t(position);
            column.descending = descending;
            return {};
        }
        return fail(Errc::invalid, "table {}: key column {} is not among its columns", spec.full_name(),
                    name);
    };
    if (spec.partition_key.empty()) return fail(Errc::invalid, "table {}: it needs a key", spec.full_name());
    for (std::size_t i = 0; i < spec.partition_key.size(); ++i)
        TRY(assign(spec.partition_key[i], ColumnRole::partition_key, i, false));
    for (std::size_t i = 0; i < spec.clustering.size(); ++i)
        TRY(assign(spec.clustering[i].name, ColumnRole::clustering, i, spec.clustering[i].descending));
    table.arrange();
    return table;
}

Result<bool> adopt(TableDefinition& table, const TableDefinition& wanted, const TableSpec& spec) {
    auto name = table.full_name();
    if (table.compact_storage)
        return fail(Errc::invalid, "table {} has COMPACT STORAGE: queries of pipelines cannot write it",
                    name);
    auto key = [](const TableDefinition& of) {
        std::string out;
        for (std::uint32_t i = 0; i < of.key_columns(); ++i) {
            if (i > 0) out += ", ";
            out += of.columns[i].name;
            if (of.columns[i].role == ColumnRole::clustering)
                out += of.columns[i].descending ? " DESC" : " ASC";
        }
        return out;
    };
    if (table.partition_columns != wanted.partition_columns || key(table) != key(wanted))
        return fail(Errc::invalid, "table {} has the key ({}), not ({}): drop it or name another table", name,
                    key(table), key(wanted));
    bool changed = false;
    for (const auto& field : spec.columns) {
        if (const auto* column = table.find(field.name)) {
            if (!can_write(field.type, column->type))
                return fail(Errc::invalid, "table {}: column {} is {}, which {} cannot be written to", name,
                            field.name, to_string(column->type), penstock::to_string(field.type));
            continue;
        }
        table.columns.push_back(
            {table.next_column++, field.name, type_of(field.type), ColumnRole::regular, 0, false});
        changed = true;
    }
    if (changed) table.arrange();
    return changed;
}

TableSpec spec_of(const TableDefinition& table) {
    TableSpec out;
    out.keyspace = table.keyspace;
    out.name = table.name;
    for (const auto& column : table.columns) {
        out.columns.push_back({column.name, engine_type_of(column.type)});
        if (column.role == ColumnRole::partition_key) out.partition_key.push_back(column.name);
        if (column.role == ColumnRole::clustering) out.clustering.push_back({column.name, column.descending});
    }
    return out;
}

}  // namespace penstock::store
