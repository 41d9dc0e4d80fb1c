#include "store/cql/resolve.h"

#include "store/cql/functions.h"
#include "store/cql/operators.h"
#include "store/cql/system_tables.h"
#include "store/cql/term_value.h"
#include "store/vector_value.h"

namespace penstock::store::cql {

Result<TableRef> resolve_table(const Catalogue& catalogue, const Name& name,
                               std::string_view session_keyspace) {
    auto keyspace = name.keyspace.empty() ? session_keyspace : std::string_view(name.keyspace);
    if (keyspace.empty())
        return fail(
            Errc::invalid,
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
    if (is_system_keyspace(keyspace)) {
        if (auto table = system_table(keyspace, name.name)) return TableRef{table, true};
        return fail(Errc::invalid, "table {} does not exist", name.name);
    }
    if (catalogue.keyspace(keyspace) == nullptr)
        return fail(Errc::invalid, "keyspace {} does not exist", keyspace);
    if (auto table = catalogue.table(keyspace, name.name)) return TableRef{table, false};
    return fail(Errc::invalid, "table {} does not exist", name.name);
}

Result<TableRef> resolve_writable(const Catalogue& catalogue, const Name& name,
                                  std::string_view session_keyspace) {
    auto out = TRY(resolve_table(catalogue, name, session_keyspace));
    if (out.is_virtual)
        return fail(Errc::unauthorized, "{} keyspace is not user-modifiable.", out.table->keyspace);
    return out;
}

Result<const ColumnDefinition*> resolve_column(const TableDefinition& table, std::string_view name) {
    if (const auto* column = table.find(name)) return column;
    return fail(Errc::invalid, "Undefined column name {} in table {}", name, table.full_name());
}

void note_markers(const Term& term, const DataType& type, std::string_view name,
                  std::vector<MarkerSpec>& markers) {
    if (term.kind == Term::Kind::marker) {
        if (markers.size() <= std::size_t(term.marker)) markers.resize(std::size_t(term.marker) + 1);
        markers[std::size_t(term.marker)] = {term.text.empty() ? std::string(name) : term.text, type, true};
        return;
    }
    for (std::size_t i = 0; i < term.items.size(); ++i) {
        DataType of = type;
        if (term.kind == Term::Kind::operation) {
            if (i == 1 && (type.kind == Kind::timestamp || type.kind == Kind::date)) of = Kind::duration;
            auto name_of_operand = fmt::format("arg{}(system.{})", i, operator_function(term));
            note_markers(term.items[i], of, name_of_operand, markers);
            continue;
        } else if (term.kind == Term::Kind::function) {
            auto wanted = parameter_type(term.text, i);
            of = wanted ? *wanted : natural_type(term.items[i]);
            if (term.text == "fromjson" || term.text == "from_json") of = Kind::text;
            note_markers(term.items[i], of, fmt::format("arg{}(system.{})", i, term.text), markers);
            continue;
        } else if (term.kind == Term::Kind::cast) {
            of = term.type;
        } else if (!type.parameters.empty()) {
            auto step = type.kind == Kind::map ? i % 2 : type.is_tuple() ? i : 0;
            if (term.kind == Term::Kind::udt && type.kind == Kind::udt) {
                auto field = type.user->field(term.names[i]);
                if (field < 0) continue;
                step = std::size_t(field);
            }
            if (step < type.parameters.size()) of = type.parameters[step];
        }
        note_markers(term.items[i], of, name, markers);
    }
}

void note_column_markers(const Term& term, const ColumnDefinition& column, std::vector<MarkerSpec>& markers) {
    note_markers(term, column.type, column.name, markers);
    if (term.kind == Term::Kind::marker && column.role == ColumnRole::partition_key)
        markers[std::size_t(term.marker)].partition_column = int(column.position);
}

wire::cql::TypeOption type_option(const DataType& type) {
    wire::cql::TypeOption out{std::uint16_t(type.kind), {}};
    if (type.kind == Kind::vector) {
        out.id = 0;
        out.name = marshal_class(type);
        return out;
    }
    for (const auto& parameter : type.parameters) out.parameters.push_back(type_option(parameter));
    if (type.kind == Kind::udt) {
        out.keyspace = type.user->keyspace;
        out.name = type.user->name;
        out.fields = type.user->fields;
    }
    return out;
}

wire::cql::ColumnSpec column_spec(const TableDefinition& table, std::string_view name, const DataType& type) {
    return {table.keyspace, table.name, std::string(name), type_option(type)};
}

}  // namespace penstock::store::cql
