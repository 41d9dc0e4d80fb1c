#include "store/cql/index_schema.h"

#include <algorithm>
#include <array>

#include "base/ascii_case.h"
#include "store/cql/describe.h"
#include "store/cql/option_values.h"
#include "store/cql/sasi_options.h"
#include "store/cql/system_tables.h"
#include "store/index_builder.h"
#include "store/text_fold.h"
#include "store/vector_value.h"

namespace penstock::store::cql {
namespace {

using wire::cql::ErrorCode;
using wire::cql::ErrorResponse;
using Target = IndexDefinition::Target;

std::unexpected<ErrorResponse> refuse(ErrorCode code, std::string text) {
    return std::unexpected(ErrorResponse{code, std::move(text), {}, {}, {}});
}
std::unexpected<ErrorResponse> invalid(std::string text) {
    return refuse(ErrorCode::invalid, std::move(text));
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

bool names_sai(std::string_view class_name) {
    auto name = lower(class_name);
    return name == "sai" || name == "storageattachedindex" ||
           class_name == "org.apache.cassandra.index.sai.StorageAttachedIndex";
}

std::string_view name_of(Target target) {
    switch (target) {
        case Target::value:
            return "values";
        case Target::keys:
            return "keys";
        case Target::values:
            return "values";
        case Target::entries:
            return "entries";
        case Target::full:
            return "full";
    }
    return "";
}

/// What an index on the column is on, or why there can be none.
std::expected<Target, ErrorResponse> check_target(const TableDefinition& table,
                                                  const ColumnDefinition& column, Target target) {
    const auto& type = column.type;
    bool of_key = column.role == ColumnRole::partition_key || column.role == ColumnRole::clustering;
    if (table.compact_storage && of_key)
        return invalid(
            "Secondary indexes are not supported on PRIMARY KEY columns in COMPACT STORAGE tables");
    if (table.is_dense())
        return invalid(
            "Secondary indexes are not supported on compact value column of COMPACT STORAGE tables");
    if (column.role == ColumnRole::partition_key && table.partition_columns == 1)
        return invalid(
            fmt::format("Cannot create secondary index on the only partition key column {}", column.name));
    if (type.kind == Kind::duration)
        return invalid("Secondary indexes are not supported on duration columns");
    if (has_duration(type))
        return invalid(fmt::format("Secondary indexes are not supported on {} containing durations",
                                   type.is_collection()     ? "collections"
                                   : type.kind == Kind::udt ? "UDTs"
                                                            : "tuples"));
    if (target == Target::full) {
        if (!type.is_collection() || !type.frozen)
            return invalid("full() indexes can only be created on frozen collections");
        return target;
    }
    if (type.kind == Kind::udt && !type.frozen)
        return invalid(fmt::format("Cannot create index on non-frozen UDT column {}", column.name));
    if (!type.is_collection()) {
        if (target != Target::value)
            return invalid(fmt::format(
                "Cannot create {}() index on {}. Non-collection columns only support simple indexes",
                name_of(target), column.name));
        return target;
    }
    if (type.frozen)
        return invalid(
            fmt::format("Cannot create {0}() index on frozen column {1}. Frozen collections are immutable "
                        "and must be fully indexed by using the 'full({1})' modifier",
                        name_of(target), column.name));
    if (target == Target::value) target = Target::values;
    if ((target == Target::keys || target == Target::entries) && type.kind != Kind::map)
        return invalid(fmt::format("Cannot create index on {} of column {} with non-map type",
                                   name_of(target), column.name));
    return target;
}

bool sai_takes(const DataType& type) {
    constexpr std::array kinds{Kind::ascii,  Kind::bigint,    Kind::date,     Kind::decimal,  Kind::double_,
                               Kind::float_, Kind::int_,      Kind::inet,     Kind::smallint, Kind::text,
                               Kind::time,   Kind::timestamp, Kind::timeuuid, Kind::tinyint,  Kind::uuid,
                               Kind::varint, Kind::boolean};
    return type.frozen || type.kind == Kind::tuple || std::ranges::find(kinds, type.kind) != kinds.end();
}

/// What an index on a vector may say.
std::expected<void, ErrorResponse> check_vector(const DataType& type, const CreateIndex& statement) {
    if (type.parameters[0].kind != Kind::float_)
        return invalid("SAI ANN indexes are only allowed on vector columns with float elements");
    auto index_name = statement.name.name.empty() ? std::string("null") : statement.name.name;
    auto by = statement.options.find("similarity_function");
    auto chosen = Similarity::cosine;
    if (by != statement.options.end()) {
        auto known = similarity_of(by->second);
        if (!known)
            return invalid(
                fmt::format("Similarity function {} was not recognized for index {}. Valid values are: "
                            "EUCLIDEAN, DOT_PRODUCT, COSINE",
                            upper_case(by->second), index_name));
        chosen = *known;
    }
    for (auto [name, what, most] :
         {std::tuple("maximum_node_connections", "Maximum number of connections", 512),
          std::tuple("construction_beam_width", "Construction beam width", 3200)}) {
        auto given = statement.options.find(name);
        if (given == statement.options.end()) continue;
        const auto& text = given->second;
        auto value = parse_int32(text);
        if (!value)
            return invalid(fmt::format("{} {} is not a valid integer for index {}", what, text, index_name));
        if (*value <= 0 || *value > most)
            return invalid(fmt::format("{} for index {} cannot be <= 0 or > {}, was {}", what, index_name,
                                       most, *value));
    }
    if (auto given = statement.options.find("optimize_for"); given != statement.options.end()) {
        auto wanted = upper_case(given->second);
        if (wanted != "LATENCY" && wanted != "RECALL")
            return invalid(fmt::format(
                "optimize_for '{}' was not recognized for index {}. Valid values are: LATENCY, RECALL",
                wanted, index_name));
    }
    if (chosen == Similarity::cosine && type.dimension == 1)
        return invalid("Cosine similarity is not supported for single-dimension vectors");
    return {};
}

constexpr std::string_view sasi_warning =
    "SASI indexes are experimental and are not recommended for production use.";

constexpr std::string_view vector_warning =
    "SAI ANN indexes on vector columns are experimental and are not recommended for production use.\n"
    "They don't yet support SELECT queries with:\n * Consistency level higher than ONE/LOCAL_ONE.\n * "
    "Paging.\n"
    " * No LIMIT clauses.\n * PER PARTITION LIMIT clauses.\n * GROUP BY clauses.\n * Aggregation functions.\n"
    " * Filters on columns without a SAI index.";

std::expected<void, ErrorResponse> check_sai(const ColumnDefinition& column, Target target,
                                             const CreateIndex& statement) {
    std::string unknown;
    bool analyzed = false;
    for (const auto& [name, value] : statement.options) {
        bool folds = name == "case_sensitive" || name == "normalize" || name == "ascii";
        analyzed = analyzed || folds;
        bool of_vectors = column.type.kind == Kind::vector &&
                          (name == "similarity_function" || name == "maximum_node_connections" ||
                           name == "construction_beam_width" || name == "optimize_for");
        if (!folds && !of_vectors && name != "target" && name != "class_name")
            unknown += (unknown.empty() ? "" : ", ") + name;
    }
    auto indexed = column.type.is_multi_cell()
                       ? (target == Target::keys ? column.type.parameters[0] : column.type.parameters.back())
                       : column.type;
    if (analyzed && indexed.kind != Kind::text && indexed.kind != Kind::ascii)
        return invalid(fmt::format("CQL type {} cannot be analyzed.", to_string(column.type)));
    if (!unknown.empty())
        return refuse(
            ErrorCode::config,
            fmt::format("Properties specified [{}] are not understood by StorageAttachedIndex", unknown));
    if (indexed.kind == Kind::vector) return check_vector(indexed, statement);
    if (!sai_takes(indexed)) return invalid(fmt::format("Unsupported type for SAI: {}", to_string(indexed)));
    return {};
}

bool name_taken(const KeyspaceDefinition& keyspace, std::string_view name) {
    return std::ranges::any_of(keyspace.tables, [&](const auto& one) {
        return one.second->index(name) != nullptr || one.first == name;
    });
}

std::string made_name(const KeyspaceDefinition& keyspace, const std::string& table,
                      const std::string& column) {
    std::string base;
    for (char c : table + "_" + column + "_idx")
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') base += c;
    auto name = base;
    for (int i = 1; name_taken(keyspace, name); ++i) name = fmt::format("{}_{}", base, i);
    return name;
}

/// The index that is the same already, as it is written; empty: none.
std::string duplicate(const TableDefinition& table, const IndexDefinition& made) {
    for (const auto& other : table.indexes)
        if (other.class_name == made.class_name && other.column == made.column &&
            other.target == made.target && other.options == made.options)
            return other.name;
    return {};
}

struct Maker {
    const CreateIndex& statement;
    std::string keyspace_name;
    bool sasi_enabled = false;
    bool is_there = false;  ///< and that is what IF NOT EXISTS is for

    /// A SASI index on none or on several, in the words of a Cassandra that looks for one of that name.
    std::unexpected<ErrorResponse> without_one_column() const {
        std::vector<std::string> names;
        for (const auto& [kind, column] : statement.columns) {
            if (std::ranges::find(names, column) != names.end())
                return invalid(fmt::format("Duplicate column '{}' in index target list", column));
            names.push_back(column);
        }
        return refuse(ErrorCode::config,
                      fmt::format("failed to retrieve target column for: {}", fmt::join(names, ", ")));
    }

    std::expected<IndexDefinition, ErrorResponse> make(const KeyspaceDefinition& keyspace,
                                                       const TableDefinition& table) {
        IndexDefinition out;
        out.name = statement.name.name;
        bool sai = names_sai(statement.class_name);
        auto class_name = lower(statement.class_name);
        bool legacy = class_name == "legacy_local_table" || !statement.has_using;
        bool sasi = statement.class_name == IndexDefinition::sasi_class;
        if (sasi && !sasi_enabled)
            return invalid("SASI indexes are disabled. Enable in cassandra.yaml to use.");
        if (statement.has_options && legacy && !statement.custom)
            return invalid("Cannot specify options for a non-CUSTOM index");
        if ((!sai && !sasi && !legacy) || (statement.custom && legacy))
            return refuse(ErrorCode::config,
                          fmt::format("Unable to find custom indexer class '{}'",
                                      statement.has_using ? statement.class_name : "legacy_local_table"));
        if (table.view) return invalid("Secondary indexes on materialized views aren't supported");
        if (table.is_counter()) return invalid("Secondary indexes on counter tables aren't supported");
        if (!out.name.empty() && name_taken(keyspace, out.name)) {
            is_there = statement.if_not_exists;
            return invalid(fmt::format("Index '{}' already exists", out.name));
        }
        if (sasi && statement.columns.size() != 1) return without_one_column();
        if (statement.columns.empty())
            return invalid("Only CUSTOM indexes can be created without specifying a target column");
        if (statement.columns.size() > 1) {
            if (!sai) return invalid("Only CUSTOM indexes support multiple columns");
            std::string names;
            for (const auto& [kind, column] : statement.columns)
                names += (names.empty() ? "" : ", ") + column;
            return invalid("A storage-attached index cannot be created over multiple columns: " + names);
        }
        const auto& [kind, column_name] = statement.columns[0];
        const auto* column = table.find(column_name);
        if (column == nullptr)
            return invalid(
                fmt::format("Undefined column name {} in table {}", column_name, table.full_name()));
        auto target = check_target(table, *column, kind);
        if (!target) return std::unexpected(target.error());
        out.target = *target;
        out.column = column->id;
        for (auto own : {"class_name", "target"})
            if (statement.options.contains(own))
                return invalid(fmt::format("Cannot specify {} as a CUSTOM option", own));
        out.options = statement.options;
        if (sai || sasi) out.class_name = statement.class_name;
        if (out.name.empty()) out.name = made_name(keyspace, table.name, column->name);
        // That there is the same already is told first, as in Cassandra.
        if (auto other = duplicate(table, out); !other.empty()) {
            is_there = statement.if_not_exists;
            return invalid(fmt::format("Index {} is a duplicate of existing index {}", out.name, other));
        }
        if (sai) {
            for (const auto& other : table.indexes)
                if (other.is_sai() && other.column == out.column && other.target == out.target)
                    return invalid("Cannot create more than one storage-attached index on the same column: " +
                                   column->name);
            if (auto right = check_sai(*column, *target, statement); !right)
                return std::unexpected(right.error());
        }
        if (sasi)
            if (auto right = check_sasi_options(out, *column); !right) return std::unexpected(right.error());
        bool plain =
            std::ranges::all_of(out.name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
        if (!plain) return refuse(ErrorCode::config, "Illegal index name " + out.name);
        return out;
    }
};

}  // namespace

bool takes_ranges(const DataType& type) {
    return type.kind != Kind::text && type.kind != Kind::ascii && type.kind != Kind::boolean &&
           !type.is_collection() && type.kind != Kind::tuple;
}

std::expected<Change, ErrorResponse> create_index(Database& database, const CreateIndex& statement,
                                                  std::string_view session_keyspace,
                                                  std::vector<std::string>& warnings) {
    const auto& table_name = statement.table;
    Maker maker{statement, table_name.keyspace.empty() ? std::string(session_keyspace) : table_name.keyspace,
                database.options().sasi_indexes};
    const auto& keyspace_name = maker.keyspace_name;
    if (keyspace_name.empty())
        return invalid(
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
    if (is_system_keyspace(keyspace_name))
        return refuse(ErrorCode::unauthorized,
                      fmt::format("{} keyspace is not user-modifiable.", keyspace_name));
    std::optional<ErrorResponse> refusal;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto keyspace = catalogue.keyspaces.find(keyspace_name);
        if (keyspace == catalogue.keyspaces.end())
            return fail(Errc::invalid, "Keyspace '{}' doesn't exist", keyspace_name);
        auto table = keyspace->second.tables.find(table_name.name);
        if (table == keyspace->second.tables.end())
            return fail(Errc::invalid, "Table '{}' doesn't exist", table_name.name);
        auto made = maker.make(keyspace->second, *table->second);
        if (!made) {
            refusal = made.error();
            return fail(Errc::invalid, "{}", made.error().text);
        }
        auto changed = *table->second;
        made->id = catalogue.next_table++;
        const auto* column = table->second->by_id(made->column);
        // There is nothing to fill: the nearest vectors are looked for among all rows.
        made->is_built = column->type.kind == Kind::vector;
        if (made->is_built && made->is_sai()) warnings.emplace_back(vector_warning);
        if (made->is_sasi()) warnings.emplace_back(sasi_warning);
        changed.indexes.push_back(std::move(*made));
        std::ranges::sort(changed.indexes, {}, &IndexDefinition::name);
        table->second = std::make_shared<const TableDefinition>(std::move(changed));
        return {};
    });
    if (maker.is_there && statement.class_name == IndexDefinition::sasi_class)
        warnings.emplace_back(sasi_warning);
    if (maker.is_there) return Change{};
    if (refusal) return std::unexpected(*refusal);
    if (!done) return std::unexpected(error_response(done.error()));
    database.index_builder().wake();
    return Change({"UPDATED", "TABLE", keyspace_name, table_name.name});
}

std::shared_ptr<const TableDefinition> table_of_index(const Catalogue& catalogue, std::string_view keyspace,
                                                      std::string_view index) {
    const auto* in = catalogue.keyspace(keyspace);
    if (in == nullptr) return nullptr;
    for (const auto& [name, table] : in->tables)
        if (table->index(index) != nullptr) return table;
    return nullptr;
}

std::expected<Change, ErrorResponse> drop_index(Database& database, const DropIndex& statement,
                                                std::string_view session_keyspace) {
    auto keyspace = statement.name.keyspace.empty() ? std::string(session_keyspace) : statement.name.keyspace;
    if (keyspace.empty())
        return invalid(
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
    if (is_system_keyspace(keyspace))
        return refuse(ErrorCode::unauthorized, fmt::format("{} keyspace is not user-modifiable.", keyspace));
    std::string table_name;
    auto done = database.change_catalogue([&](Catalogue& catalogue) -> Result<> {
        auto table = table_of_index(catalogue, keyspace, statement.name.name);
        if (!table) return fail(Errc::invalid, "Index '{}.{}' doesn't exist'", keyspace, statement.name.name);
        table_name = table->name;
        auto changed = *table;
        std::erase_if(changed.indexes, [&](const auto& one) { return one.name == statement.name.name; });
        catalogue.keyspaces[keyspace].tables[table_name] =
            std::make_shared<const TableDefinition>(std::move(changed));
        return {};
    });
    if (table_name.empty() && statement.if_exists) return Change{};
    if (!done) return std::unexpected(error_response(done.error()));
    return Change({"UPDATED", "TABLE", keyspace, table_name});
}

std::string target_text(const TableDefinition& table, const IndexDefinition& index) {
    const auto* column = table.by_id(index.column);
    auto name = quoted_name(column == nullptr ? "" : column->name);
    if (index.target == Target::value) return name;
    return fmt::format("{}({})", name_of(index.target), name);
}

std::string create_index_text(const TableDefinition& table, const IndexDefinition& index) {
    auto out = fmt::format("CREATE {}INDEX {} ON {}.{} ({})", index.is_custom() ? "CUSTOM " : "",
                           quoted_name(index.name), quoted_name(table.keyspace), quoted_name(table.name),
                           target_text(table, index));
    if (index.is_custom()) out += fmt::format(" USING '{}'", index.class_name);
    std::string options;
    for (const auto& [name, value] : index.options)
        options += fmt::format("{}'{}': '{}'", options.empty() ? "" : ", ", name, value);
    if (!options.empty()) out += fmt::format(" WITH OPTIONS = {{{}}}", options);
    return out + ";";
}

}  // namespace penstock::store::cql
