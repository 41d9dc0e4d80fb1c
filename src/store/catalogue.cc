#include "store/catalogue.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/uuid.h"

namespace penstock::store {
namespace {

constexpr std::uint8_t format_version = 1;

void append_texts(std::string& out, const std::map<std::string, std::string>& texts) {
    append_varint(out, std::uint32_t(texts.size()));
    for (const auto& [key, value] : texts) {
        append_text(out, key);
        append_text(out, value);
    }
}

void append_table(std::string& out, const TableDefinition& table) {
    append_varint(out, table.id);
    append_text(out, table.uuid);
    append_text(out, table.name);
    append_varint(out, table.next_column);
    append_texts(out, table.options);
    append_varint(out, std::uint32_t(table.columns.size()));
    for (const auto& column : table.columns) {
        append_varint(out, column.id);
        append_text(out, column.name);
        append_text(out, to_string(column.type));
        out += char(column.role);
        append_varint(out, column.position);
        out += char(column.descending);
    }
}

std::map<std::string, std::string> read_texts(ByteReader& reader) {
    std::map<std::string, std::string> out;
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        std::string key(reader.text());
        out[key] = reader.text();
    }
    return out;
}

Result<TableDefinition> read_table(ByteReader& reader) {
    TableDefinition table;
    table.id = reader.varint();
    table.uuid = reader.text();
    table.name = reader.text();
    table.next_column = reader.varint();
    table.options = read_texts(reader);
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        ColumnDefinition column;
        column.id = reader.varint();
        column.name = reader.text();
        auto type = reader.text();
        column.role = ColumnRole(reader.fixed<std::uint8_t>());
        column.position = reader.varint();
        column.descending = reader.fixed<std::uint8_t>() != 0;
        if (!reader.ok) break;
        column.type = TRY(parse_data_type(type));
        table.columns.push_back(std::move(column));
    }
    if (!reader.ok) return fail(Errc::corrupt, "the catalogue ends in the middle of table {}", table.name);
    return table;
}

}  // namespace

const ColumnDefinition* TableDefinition::find(std::string_view column) const {
    for (const auto& candidate : columns)
        if (candidate.name == column) return &candidate;
    return nullptr;
}

const ColumnDefinition* TableDefinition::by_id(std::uint32_t column) const {
    for (const auto& candidate : columns)
        if (candidate.id == column) return &candidate;
    return nullptr;
}

bool TableDefinition::is_counter() const {
    return std::ranges::any_of(columns, [](const auto& column) { return column.type.kind == Kind::counter; });
}

void TableDefinition::arrange() {
    std::ranges::sort(columns, {}, [](const ColumnDefinition& column) {
        bool key = column.role == ColumnRole::partition_key || column.role == ColumnRole::clustering;
        return std::tuple(column.role, key ? column.position : column.id);
    });
    auto of_role = [&](ColumnRole role) {
        return std::uint32_t(std::ranges::count(columns, role, &ColumnDefinition::role));
    };
    partition_columns = of_role(ColumnRole::partition_key);
    clustering_columns = of_role(ColumnRole::clustering);
    static_columns = of_role(ColumnRole::static_);
}

const KeyspaceDefinition* Catalogue::keyspace(std::string_view name) const {
    auto found = keyspaces.find(name);
    return found == keyspaces.end() ? nullptr : &found->second;
}

std::shared_ptr<const TableDefinition> Catalogue::table(std::string_view keyspace_name,
                                                        std::string_view name) const {
    const auto* in = keyspace(keyspace_name);
    if (in == nullptr) return nullptr;
    auto found = in->tables.find(std::string(name));
    return found == in->tables.end() ? nullptr : found->second;
}

bool Catalogue::has_table_id(std::uint32_t id) const {
    for (const auto& [name, in] : keyspaces)
        for (const auto& [table_name, table] : in.tables)
            if (table->id == id) return true;
    return false;
}

std::string serialize(const Catalogue& catalogue) {
    std::string out(1, char(format_version));
    append_varint(out, catalogue.next_table);
    append_varint(out, std::uint32_t(catalogue.keyspaces.size()));
    for (const auto& [name, keyspace] : catalogue.keyspaces) {
        append_text(out, name);
        append_texts(out, keyspace.replication);
        out += char(keyspace.durable_writes);
        append_varint(out, std::uint32_t(keyspace.tables.size()));
        for (const auto& [table_name, table] : keyspace.tables) append_table(out, *table);
    }
    return out;
}

Result<Catalogue> parse_catalogue(std::string_view bytes) {
    ByteReader reader{bytes};
    auto version = reader.fixed<std::uint8_t>();
    if (version != format_version)
        return fail(Errc::corrupt, "the catalogue has format {}, this program reads format {}", version,
                    format_version);
    Catalogue out;
    out.next_table = reader.varint();
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        KeyspaceDefinition keyspace;
        keyspace.name = reader.text();
        keyspace.replication = read_texts(reader);
        keyspace.durable_writes = reader.fixed<std::uint8_t>() != 0;
        for (auto tables = reader.varint(); tables > 0 && reader.ok; --tables) {
            auto table = TRY(read_table(reader));
            table.keyspace = keyspace.name;
            table.arrange();
            auto name = table.name;
            keyspace.tables[name] = std::make_shared<const TableDefinition>(std::move(table));
        }
        auto name = keyspace.name;
        out.keyspaces[name] = std::move(keyspace);
    }
    if (!reader.ok) return fail(Errc::corrupt, "the catalogue is cut short");
    out.version = name_uuid(bytes);
    return out;
}

}  // namespace penstock::store
