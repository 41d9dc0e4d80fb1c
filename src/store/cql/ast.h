// CQL statements as they were written; nothing is looked up yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "store/cql/index_ast.h"
#include "store/cql/name.h"
#include "store/cql/role_ast.h"
#include "store/data_type.h"

namespace penstock::store::cql {

struct Term {
    enum class Kind : std::uint8_t {
        null,
        string,
        integer,
        number,  ///< also NaN and Infinity
        boolean,
        blob,
        uuid,
        duration,
        marker,     ///< ? or :name
        list,       ///< [a, b]
        set,        ///< {a, b}; {} too
        map,        ///< {k: v}: items are key, value, key, value ...
        tuple,      ///< (a, b)
        udt,        ///< {name: a, other: b}: names has the fields
        operation,  ///< items[0] text items[1], text is + - * / %; with one item: -items[0]
        function,   ///< name(items)
        cast,       ///< (type) items[0]
    };
    Kind kind = Kind::null;
    std::string text;  ///< of literals; a function's or a marker's name
    int marker = -1;   ///< its index among all markers of the statement
    std::vector<Term> items;
    DataType type;                   ///< casts
    std::vector<std::string> names;  ///< as many as items, of user-defined types
};

enum class Operator : std::uint8_t { eq, ne, lt, le, gt, ge, in, contains, contains_key, not_null, like };

/// One condition of WHERE or IF.
struct Relation {
    enum class Kind : std::uint8_t { column, token, tuple, element, field };
    Kind kind = Kind::column;
    std::vector<std::string> columns;
    Operator op = Operator::eq;
    std::vector<Term> values;  ///< one; for IN (a, b) as many as there are; IN ? is one marker with in_marker
    bool in_marker = false;
    bool single_in = false;       ///< was IN (a): that is =
    std::optional<Term> element;  ///< m[element] = value
    std::string field;            ///< u.field = value, in IF
};

struct Selector {
    enum class Kind : std::uint8_t {
        column,
        function,
        cast,
        count_rows,
        writetime,
        ttl,
        literal,
        field,
        operation,
        element,
        slice,
        collect,
        hint  ///< (type) argument
    };
    Kind kind = Kind::column;
    std::string name;  ///< column, function, operator, or field of the first argument; of collect the kind
    std::vector<Selector> arguments;
    DataType type;    ///< casts
    Term literal;     ///< also an element's key, and where a slice begins
    Term literal_to;  ///< where a slice ends; null: open, as of literal
    std::string alias;
    std::string written;  ///< as a result column is called: "count", "system.max(a)"
};

struct Select {
    bool json = false;
    bool distinct = false;
    bool all = false;  ///< SELECT *
    std::vector<Selector> selectors;
    Name table;
    std::vector<Relation> where;
    std::vector<Selector> group;                      ///< GROUP BY: columns, or floor() of one
    std::vector<std::pair<std::string, bool>> order;  ///< column, descending
    std::optional<std::pair<std::string, Term>> ann;  ///< ORDER BY column ANN OF vector
    int ann_orderings = 0;
    bool ann_descending = false;
    std::optional<Term> per_partition_limit;
    std::optional<Term> limit;
    bool allow_filtering = false;
};

/// What INSERT, UPDATE and DELETE share after USING.
struct Using {
    std::optional<Term> timestamp;
    std::optional<Term> ttl;
};

struct Insert {
    Name table;
    std::vector<std::string> columns;
    std::vector<Term> values;
    bool json = false;
    Term json_value;
    bool default_unset = false;
    bool if_not_exists = false;
    Using with;
};

struct Assignment {
    enum class Kind : std::uint8_t { set, set_element, set_field, add, prepend, subtract };
    Kind kind = Kind::set;
    std::string column;
    std::string field;  ///< set_field: which
    Term element;       ///< set_element: which
    Term value;
};

struct Update {
    Name table;
    Using with;
    std::vector<Assignment> assignments;
    std::vector<Relation> where;
    bool if_exists = false;
    std::vector<Relation> conditions;
};

/// What DELETE removes of a row: a column, an element or a field of it.
struct Deleted {
    std::string column;
    std::optional<Term> element;
    std::string field;
};
struct Delete {
    Name table;
    std::vector<Deleted> columns;
    Using with;
    std::vector<Relation> where;
    bool if_exists = false;
    std::vector<Relation> conditions;
};

struct Batch;

struct Use {
    std::string keyspace;
};
struct Truncate {
    Name table;
};

/// The value of an option: 'text', a number, true, or {'key': 'value'}; written back by describe.
using OptionMap = std::map<std::string, std::string>;
struct Options {
    std::map<std::string, std::string> texts;  ///< each as CQL writes it
    std::map<std::string, OptionMap> maps;
};

struct CreateKeyspace {
    std::string name;
    bool if_not_exists = false;
    Options options;
};
struct AlterKeyspace {
    std::string name;
    bool if_exists = false;
    Options options;
};
struct DropKeyspace {
    std::string name;
    bool if_exists = false;
};
struct ColumnDeclaration {
    std::string name;
    std::string type;  ///< as written, in lower case
    bool is_static = false;
    bool is_masked = false;
    bool is_reversed = false;  ///< by its type's class
};
struct CreateTable {
    Name table;
    bool several_keys = false;  ///< PRIMARY KEY more than once
    bool if_not_exists = false;
    std::vector<ColumnDeclaration> columns;
    std::vector<std::string> partition_key;
    std::vector<std::string> clustering;
    std::vector<std::pair<std::string, bool>> order;  ///< column, descending
    Options options;
    bool compact_storage = false;
};
struct AlterTable {
    enum class Kind : std::uint8_t { add, drop, rename, options, drop_mask, drop_compact_storage };
    Name table;
    bool of_view = false;  ///< ALTER MATERIALIZED VIEW
    bool if_exists = false;
    Kind kind = Kind::add;
    bool if_column = false;  ///< ADD IF NOT EXISTS, DROP IF EXISTS
    std::vector<ColumnDeclaration> added;
    std::vector<std::string> dropped;
    std::optional<std::int64_t> dropped_us;                    ///< DROP ... USING TIMESTAMP
    std::vector<std::pair<std::string, std::string>> renamed;  ///< from, to
    std::string unmasked;                                      ///< ALTER column DROP MASKED
    Options options;
};
struct DropTable {
    Name table;
    bool if_exists = false;
};
struct CreateType {
    Name name;
    bool if_not_exists = false;
    std::vector<std::pair<std::string, std::string>> fields;  ///< name, type as written
};
struct AlterType {
    Name name;
    bool if_exists = false;
    bool if_field = false;                                     ///< ADD IF NOT EXISTS, RENAME IF EXISTS
    std::vector<std::pair<std::string, std::string>> added;    ///< name, type as written
    std::vector<std::pair<std::string, std::string>> renamed;  ///< from, to
};
struct DropType {
    Name name;
    bool if_exists = false;
};
struct DropFunction {
    Name name;
    bool aggregate = false;
    bool if_exists = false;
};
struct CreateView {
    Name name;
    bool if_not_exists = false;
    Name base;
    bool all = false;
    std::vector<std::string> columns;
    std::vector<Relation> where;
    std::string where_text;
    std::vector<std::string> partition_key;
    std::vector<std::string> clustering;
    std::vector<std::pair<std::string, bool>> order;  ///< column, descending
    Options options;
};
struct DropView {
    Name name;
    bool if_exists = false;
};
struct Describe {
    enum class What : std::uint8_t {
        cluster,
        schema,
        full_schema,
        keyspaces,
        keyspace,
        tables,
        table,
        index,
        view,
        types,
        type,
        functions,
        aggregates,
        anything
    };
    What what = What::schema;
    Name name;
    bool only = false;  ///< the keyspace without its tables
};
/// Known to Cassandra, not offered here; what names it.
struct Unsupported {
    std::string what;
    std::string error{};  ///< Cassandra's own words, when it would refuse as well
};

using Modification = std::variant<Insert, Update, Delete>;
struct Batch {
    enum class Kind : std::uint8_t { logged, unlogged, counter };
    Kind kind = Kind::logged;
    Using with;
    std::vector<Modification> statements;
};

using Statement = std::variant<Select, Insert, Update, Delete, Batch, Use, Truncate, CreateKeyspace,
                               AlterKeyspace, DropKeyspace, CreateTable, AlterTable, DropTable, CreateType,
                               AlterType, DropType, DropFunction, Describe, RoleStatement, CreateIndex,
                               DropIndex, CreateView, DropView, Unsupported>;

struct Parsed {
    Statement statement;
    std::vector<std::string> markers;  ///< the names of the bind markers in order; empty: ?
};

}  // namespace penstock::store::cql
