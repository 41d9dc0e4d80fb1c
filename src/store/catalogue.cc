#include "store/catalogue.h"

#include <algorithm>

#include "store/bytes.h"
#include "store/uuid.h"

namespace penstock::store {
namespace {

/// 1: no user-defined types. 2: a keyspace's come before its tables.
constexpr std::uint8_t format_version = 2;

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

void append_type(std::string& out, const DataType& type) {
    append_text(out, type.user->name);
    append_varint(out, std::uint32_t(type.parameters.size()));
    for (std::size_t i = 0; i < type.parameters.size(); ++i) {
        append_text(out, type.user->fields[i]);
        append_text(out, to_string(type.parameters[i]));
    }
}

/// Types as they are stored: those that others are made of may come later.
struct StoredTypes {
    std::string keyspace;
    std::map<std::string, std::vector<std::pair<std::string, std::string>>, std::less<>> fields;
    std::map<std::string, DataType>& known;
    int depth = 0;

    Result<DataType> find(std::string_view name) {
        if (auto at = known.find(std::string(name)); at != known.end()) return at->second;
        auto at = fields.find(name);
        if (at == fields.end() || ++depth > 64)
            return fail(Errc::corrupt, "the catalogue does not define the type {}.{}", keyspace, name);
        DataType out(Kind::udt);
        auto user = std::make_shared<UserTypeName>(UserTypeName{keyspace, std::string(name), {}});
        for (const auto& [field, text] : at->second) {
            user->fields.push_back(field);
            out.parameters.push_back(
                TRY(parse_data_type(text, [this](auto, std::string_view other) { return find(other); })));
        }
        --depth;
        out.user = std::move(user);
        known[std::string(name)] = out;
        return out;
    }
};

Result<> read_types(ByteReader& reader, KeyspaceDefinition& keyspace) {
    StoredTypes stored{keyspace.name, {}, keyspace.types};
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        auto& fields = stored.fields[std::string(reader.text())];
        for (auto size = reader.varint(); size > 0 && reader.ok; --size) {
            std::string field(reader.text());
            fields.emplace_back(std::move(field), reader.text());
        }
    }
    for (const auto& [name, fields] : stored.fields) TRY(stored.find(name));
    return {};
}

DataType refreshed(const DataType& type, const std::map<std::string, DataType>& types) {
    auto out = type;
    if (type.kind == Kind::udt && type.user)
        if (auto at = types.find(type.user->name); at != types.end()) {
            out = at->second;
            if (type.frozen) out = frozen(std::move(out));
        }
    for (auto& parameter : out.parameters) parameter = refreshed(parameter, types);
    if (out.frozen || out.kind == Kind::tuple) out = frozen(std::move(out));
    return out;
}

std::map<std::string, std::string> read_texts(ByteReader& reader) {
    std::map<std::string, std::string> out;
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        std::string key(reader.text());
        out[key] = reader.text();
    }
    return out;
}

Result<TableDefinition> read_table(ByteReader& reader, const UserTypes& user_types) {
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
        column.type = TRY(parse_data_type(type, user_types));
        table.columns.push_back(std::move(column));
    }
    if (!reader.ok) return fail(Errc::corrupt, "the catalogue ends in the middle of table {}", table.name);
    return table;
}

/// What came after the first format stands behind the keyspaces, each part with its tag: a program that does
/// not know a part refuses the catalogue, and older catalogues have none.
constexpr std::uint8_t indexes_part = 1;
constexpr std::uint8_t views_part = 2;
constexpr std::uint8_t dropped_part = 3;
constexpr std::uint8_t compact_part = 4;

void append_dropped(std::string& out, const Catalogue& catalogue) {
    for (const auto& [name, keyspace] : catalogue.keyspaces) {
        for (const auto& [table_name, table] : keyspace.tables) {
            for (const auto& column : table->dropped) {
                out += char(dropped_part);
                append_text(out, name);
                append_text(out, table_name);
                append_varint(out, column.id);
                append_text(out, column.name);
                append_text(out, to_string(column.type));
                out += char(column.role);
                append_big_endian(out, column.dropped_us);
                out += char(column.comes_back);
            }
        }
    }
}

Result<> read_dropped(ByteReader& reader, Catalogue& catalogue) {
    std::string keyspace(reader.text()), table(reader.text());
    DroppedColumn column;
    column.id = reader.varint();
    column.name = reader.text();
    auto type = reader.text();
    column.role = ColumnRole(reader.fixed<std::uint8_t>());
    column.dropped_us = reader.fixed<std::int64_t>();
    column.comes_back = reader.fixed<std::uint8_t>() != 0;
    auto of = reader.ok ? catalogue.table(keyspace, table) : nullptr;
    if (of == nullptr)
        return fail(Errc::corrupt, "the catalogue has a dropped column of no table, {}.{}", keyspace, table);
    // A type that was dropped as well says only that nothing else can take the column's place.
    auto known = parse_data_type(type, catalogue.keyspace(keyspace)->user_types());
    column.type = known ? std::move(*known) : DataType(Kind::tuple);
    auto with = *of;
    with.dropped.push_back(std::move(column));
    catalogue.keyspaces[keyspace].tables[table] = std::make_shared<const TableDefinition>(std::move(with));
    return {};
}

void append_compact(std::string& out, const Catalogue& catalogue) {
    for (const auto& [name, keyspace] : catalogue.keyspaces) {
        for (const auto& [table_name, table] : keyspace.tables) {
            if (!table->compact_storage) continue;
            out += char(compact_part);
            append_text(out, name);
            append_text(out, table_name);
        }
    }
}

Result<> read_compact(ByteReader& reader, Catalogue& catalogue) {
    std::string keyspace(reader.text()), name(reader.text());
    auto of = reader.ok ? catalogue.table(keyspace, name) : nullptr;
    if (of == nullptr)
        return fail(Errc::corrupt, "the catalogue has compact storage of no table, {}.{}", keyspace, name);
    auto with = *of;
    with.compact_storage = true;
    with.arrange();
    catalogue.keyspaces[keyspace].tables[name] = std::make_shared<const TableDefinition>(std::move(with));
    return {};
}

void append_views(std::string& out, const Catalogue& catalogue) {
    for (const auto& [name, keyspace] : catalogue.keyspaces) {
        for (const auto& [table_name, table] : keyspace.tables) {
            if (!table->view) continue;
            out += char(views_part);
            append_text(out, name);
            append_text(out, table_name);
            append_text(out, table->view->base);
            append_text(out, table->view->where);
            out += char(int(table->view->include_all) | int(table->view->is_built) << 1);
        }
    }
}

Result<> read_view(ByteReader& reader, Catalogue& catalogue) {
    std::string keyspace(reader.text()), name(reader.text());
    ViewDefinition view;
    view.base = reader.text();
    view.where = reader.text();
    auto flags = reader.fixed<std::uint8_t>();
    view.include_all = (flags & 1) != 0;
    view.is_built = (flags & 2) != 0;
    auto of = reader.ok ? catalogue.table(keyspace, name) : nullptr;
    if (of == nullptr || !catalogue.table(keyspace, view.base))
        return fail(Errc::corrupt, "the catalogue has a view of no table, {}.{}", keyspace, name);
    auto with = *of;
    with.view = std::make_shared<const ViewDefinition>(std::move(view));
    catalogue.keyspaces[keyspace].tables[name] = std::make_shared<const TableDefinition>(std::move(with));
    return {};
}

void append_indexes(std::string& out, const Catalogue& catalogue) {
    for (const auto& [name, keyspace] : catalogue.keyspaces) {
        for (const auto& [table_name, table] : keyspace.tables) {
            for (const auto& index : table->indexes) {
                out += char(indexes_part);
                append_text(out, name);
                append_text(out, table_name);
                append_varint(out, index.id);
                append_text(out, index.name);
                append_varint(out, index.column);
                out += char(index.target);
                append_text(out, index.class_name);
                append_texts(out, index.options);
                out += char(index.is_built);
            }
        }
    }
}

Result<> read_index(ByteReader& reader, Catalogue& catalogue) {
    std::string keyspace(reader.text()), table(reader.text());
    IndexDefinition index;
    index.id = reader.varint();
    index.name = reader.text();
    index.column = reader.varint();
    index.target = IndexDefinition::Target(reader.fixed<std::uint8_t>());
    index.class_name = reader.text();
    index.options = read_texts(reader);
    index.is_built = reader.fixed<std::uint8_t>() != 0;
    auto of = reader.ok ? catalogue.table(keyspace, table) : nullptr;
    if (of == nullptr)
        return fail(Errc::corrupt, "the catalogue has an index of no table, {}.{}", keyspace, table);
    auto with = *of;
    with.indexes.push_back(std::move(index));
    catalogue.keyspaces[keyspace].tables[table] = std::make_shared<const TableDefinition>(std::move(with));
    return {};
}

}  // namespace

const IndexDefinition* TableDefinition::index(std::string_view index_name) const {
    auto found = std::ranges::find(indexes, index_name, &IndexDefinition::name);
    return found == indexes.end() ? nullptr : &*found;
}

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
    for (auto& column : columns)
        column.nullable = is_dense() && column.role == ColumnRole::clustering && column.position > 0;
}

const KeyspaceDefinition* Catalogue::keyspace(std::string_view name) const {
    auto found = keyspaces.find(name);
    return found == keyspaces.end() ? nullptr : &found->second;
}

UserTypes KeyspaceDefinition::user_types() const {
    return [this](std::string_view in, std::string_view wanted) -> Result<DataType> {
        if (!in.empty() && in != name)
            return fail(Errc::invalid,
                        "Statement on keyspace {} cannot refer to a user type in keyspace {}; user types can "
                        "only be used in the keyspace they are defined in",
                        name, in);
        auto at = types.find(std::string(wanted));
        if (at == types.end()) return fail(Errc::invalid, "Unknown type {}.{}", name, wanted);
        return at->second;
    };
}

void KeyspaceDefinition::refresh_types() {
    // Each pass carries a change one level further.
    for (std::size_t pass = 0; pass <= types.size(); ++pass)
        for (auto& [type_name, type] : types)
            for (auto& field : type.parameters) field = refreshed(field, types);
    for (auto& [table_name, slot] : tables) {
        auto table = *slot;
        bool changed = false;
        for (auto& column : table.columns) {
            auto now = refreshed(column.type, types);
            changed = changed || !(now == column.type);
            column.type = std::move(now);
        }
        if (changed) slot = std::make_shared<const TableDefinition>(std::move(table));
    }
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

bool Catalogue::has_index_id(std::uint32_t id) const {
    for (const auto& [name, in] : keyspaces)
        for (const auto& [table_name, table] : in.tables)
            for (const auto& index : table->indexes)
                if (index.id == id) return true;
    return false;
}

bool Catalogue::has_indexes() const {
    for (const auto& [name, in] : keyspaces)
        for (const auto& [table_name, table] : in.tables)
            if (!table->indexes.empty() || table->view) return true;
    return false;
}

std::shared_ptr<const TableDefinition> Catalogue::table_by_id(std::uint32_t id) const {
    for (const auto& [name, in] : keyspaces)
        for (const auto& [table_name, table] : in.tables)
            if (table->id == id) return table;
    return nullptr;
}

std::string serialize(const Catalogue& catalogue) {
    std::string out(1, char(format_version));
    append_varint(out, catalogue.next_table);
    append_varint(out, std::uint32_t(catalogue.keyspaces.size()));
    for (const auto& [name, keyspace] : catalogue.keyspaces) {
        append_text(out, name);
        append_texts(out, keyspace.replication);
        out += char(keyspace.durable_writes);
        append_varint(out, std::uint32_t(keyspace.types.size()));
        for (const auto& [type_name, type] : keyspace.types) append_type(out, type);
        append_varint(out, std::uint32_t(keyspace.tables.size()));
        for (const auto& [table_name, table] : keyspace.tables) append_table(out, *table);
    }
    append_indexes(out, catalogue);
    append_views(out, catalogue);
    append_dropped(out, catalogue);
    append_compact(out, catalogue);
    return out;
}

Result<Catalogue> parse_catalogue(std::string_view bytes) {
    ByteReader reader{bytes};
    auto version = reader.fixed<std::uint8_t>();
    if (version == 0 || version > format_version)
        return fail(Errc::corrupt, "the catalogue has format {}, this program reads up to format {}", version,
                    format_version);
    Catalogue out;
    out.next_table = reader.varint();
    for (auto count = reader.varint(); count > 0 && reader.ok; --count) {
        KeyspaceDefinition keyspace;
        keyspace.name = reader.text();
        keyspace.replication = read_texts(reader);
        keyspace.durable_writes = reader.fixed<std::uint8_t>() != 0;
        if (version >= 2) TRY(read_types(reader, keyspace));
        auto user_types = keyspace.user_types();
        for (auto tables = reader.varint(); tables > 0 && reader.ok; --tables) {
            auto table = TRY(read_table(reader, user_types));
            table.keyspace = keyspace.name;
            table.arrange();
            auto name = table.name;
            keyspace.tables[name] = std::make_shared<const TableDefinition>(std::move(table));
        }
        auto name = keyspace.name;
        out.keyspaces[name] = std::move(keyspace);
    }
    while (reader.ok && !reader.rest.empty()) {
        auto part = reader.fixed<std::uint8_t>();
        if (part == views_part) {
            TRY(read_view(reader, out));
            continue;
        }
        if (part == compact_part) {
            TRY(read_compact(reader, out));
            continue;
        }
        if (part == dropped_part) {
            TRY(read_dropped(reader, out));
            continue;
        }
        if (part != indexes_part)
            return fail(Errc::corrupt, "the catalogue has a part {} that this program does not know", part);
        TRY(read_index(reader, out));
    }
    if (!reader.ok) return fail(Errc::corrupt, "the catalogue is cut short");
    out.version = name_uuid(bytes);
    return out;
}

}  // namespace penstock::store
