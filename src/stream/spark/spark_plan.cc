#include "stream/spark/spark_plan.h"

#include <algorithm>

#include "stream/sql/lexer.h"
#include "stream/sql/parser.h"

namespace penstock::stream {

namespace {

using sql::Token;
using sql::TokenKind;

/// What the decoded value and its fault are called inside of a topic's relation.
constexpr std::string_view value_column = "_penstock_value";
constexpr std::string_view fault_column = "_penstock_fault";
constexpr std::string_view reason_column = "_penstock_reason";

constexpr std::string_view metadata_names[] = {"_key", "_partition", "_offset", "_timestamp", "_headers"};

bool is_word(const Token& token, std::string_view word) {
    return token.kind == TokenKind::word && equals_ignoring_case(token.text, word);
}

bool is_name(const Token& token) {
    return token.kind == TokenKind::word || token.kind == TokenKind::quoted_word;
}

/// a.b.c from tokens[at] on, the longest that is a topic; empty when none is.
std::string topic_at(const std::vector<Token>& tokens, std::size_t at,
                     const std::function<bool(const std::string&)>& is_topic) {
    std::string found, name;
    while (is_name(tokens[at])) {
        name += tokens[at].text;
        if (is_topic(name)) found = name;
        if (tokens[at + 1].kind != TokenKind::symbol || tokens[at + 1].text != ".") break;
        name += '.';
        at += 2;
    }
    return found;
}

void understand(SparkText& out, std::string_view sql) {
    auto select = sql::parse_select(sql);
    if (!select || select->items.empty()) return;
    out.understood = true;
    out.is_simple = !select->distinct && select->order_by.empty() && !select->limit;
    if (select->from) {
        out.alias = select->from->alias.empty() ? select->from->name() : select->from->alias;
    }
    auto text_of = [&](const sql::Expr& expr) {
        return std::string(sql.substr(expr.begin, expr.end - expr.begin));
    };
    if (select->where) out.where = text_of(*select->where);
    for (const auto& item : select->items) {
        if (item.expr->kind == sql::ExprKind::star) {
            out.has_star = true;
            continue;
        }
        auto name = item.alias;
        if (name.empty() && item.expr->kind == sql::ExprKind::name) name = item.expr->parts.back();
        if (!name.empty()) out.items[name] = text_of(*item.expr);
    }
    // The list ends where FROM begins.
    if (auto tokens = sql::tokenize(sql)) {
        int depth = 0;
        for (const auto& token : *tokens) {
            if (token.kind == TokenKind::symbol && token.text == "(") ++depth;
            if (token.kind == TokenKind::symbol && token.text == ")") --depth;
            if (depth == 0 && is_word(token, "from")) break;
            out.items_end = token.end;
        }
    }
}

}  // namespace

SqlResult<SparkText> read_spark_text(std::string_view sql,
                                     const std::function<bool(const std::string&)>& is_topic) {
    auto tokens = TRY(sql::tokenize(sql));
    SparkText out;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        const auto& token = tokens[i];
        bool before_relation = is_word(token, "from") || is_word(token, "join") ||
                               (token.kind == TokenKind::symbol && token.text == ",");
        if (before_relation) {
            auto topic = topic_at(tokens, i + 1, is_topic);
            if (!topic.empty() && std::ranges::find(out.topics, topic) == out.topics.end())
                out.topics.push_back(topic);
        }
        if (is_word(token, "group") && is_word(tokens[i + 1], "by")) out.has_group_by = true;
        if (is_name(token))
            for (auto name : metadata_names)
                if (equals_ignoring_case(token.text, name)) out.metadata.emplace(name);
    }
    understand(out, sql);
    return out;
}

// Columns.

namespace {

/// A scan's path from some depth on.
struct Use {
    const Path* path;
    std::size_t depth;
    bool from_text;
    bool ends() const { return depth >= path->size(); }
};

DataType pruned(const DataType& type, const std::vector<Use>& uses, bool as_text) {
    bool all_end = std::ranges::all_of(uses, &Use::ends);
    if (type.shape == DataType::Shape::scalar) {
        bool text = std::ranges::all_of(uses, [](const Use& use) { return use.ends() && use.from_text; });
        return text ? scalar_type(TypeId::string) : type;
    }
    if (all_end) return as_text ? scalar_type(TypeId::string) : type;
    if (std::ranges::any_of(uses, &Use::ends)) return type;
    auto deeper = [](Use use) {
        ++use.depth;
        return use;
    };
    DataType out;
    out.shape = type.shape;
    if (type.shape != DataType::Shape::object) {
        std::vector<Use> inside;
        for (const auto& use : uses) inside.push_back(deeper(use));
        out.elements.push_back(pruned(type.elements[0], inside, as_text));
        return out;
    }
    for (const auto& field : type.fields) {
        std::vector<Use> inside;
        for (const auto& use : uses)
            if (equals_ignoring_case((*use.path)[use.depth].name, field.name)) inside.push_back(deeper(use));
        if (!inside.empty()) out.fields.push_back({field.name, pruned(field.type, inside, as_text)});
    }
    return out;
}

}  // namespace

DataType spark_columns(const DataType& all, const std::vector<ScanColumn>& scan, bool as_text) {
    std::vector<Use> uses;
    for (const auto& column : scan)
        if (column.source == ColumnSource::payload || column.source == ColumnSource::whole_value)
            uses.push_back({&column.path, 0, column.from_text});
    DataType out;
    out.shape = DataType::Shape::object;
    if (uses.empty()) return out;
    return pruned(all, uses, as_text);
}

// Text.

std::string spark_name(std::string_view name) {
    std::string out = "`";
    for (char c : name) {
        if (c == '`') out += '`';
        out += c;
    }
    return out + '`';
}

std::string spark_string(std::string_view text) {
    std::string out = "'";
    for (char c : text) {
        switch (c) {
            case '\'':
            case '\\':
                out += '\\';
                out += c;
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += c;
        }
    }
    return out + "'";
}

namespace {

std::string type_text(const DataType& type) {
    std::string out;
    switch (type.shape) {
        case DataType::Shape::scalar:
            return std::string(to_string(type.column_type()));
        case DataType::Shape::array:
            return "ARRAY<" + type_text(type.elements[0]) + ">";
        case DataType::Shape::map:
            return "MAP<STRING, " + type_text(type.elements[0]) + ">";
        case DataType::Shape::object:
            for (const auto& field : type.fields) {
                if (!out.empty()) out += ", ";
                out += spark_name(field.name) + ": " + type_text(field.type);
            }
            return "STRUCT<" + out + ">";
    }
    return out;
}

std::string metadata_expression(std::string_view name) {
    if (name == "_key") return "CAST(key AS STRING)";
    if (name == "_partition") return "partition";
    if (name == "_offset") return "offset";
    if (name == "_timestamp") return "timestamp";
    return "coalesce(to_json(transform(headers, h -> named_struct('key', h.key, 'value', CAST(h.value AS "
           "STRING)))), "
           "'[]')";
}

bool decodes(const SparkTopic& topic) {
    return topic.format == pipeline::Format::json && !topic.columns.fields.empty();
}

/// raw with the payload decoded.
std::string decoded(const SparkTopic& topic, std::string_view raw) {
    auto schema = spark_ddl(topic.columns);
    schema += fmt::format(", {} STRING", spark_name(fault_column));
    return fmt::format(
        "(SELECT *, from_json(CAST(value AS STRING), {}, map('mode', 'PERMISSIVE', "
        "'columnNameOfCorruptRecord', "
        "'{}')) AS {} FROM {})",
        spark_string(schema), fault_column, value_column, raw);
}

constexpr std::string_view is_object =
    "startswith(trim(LEADING ' \\t\\r\\n' FROM CAST(value AS STRING)), '{')";

/// Never null.
std::string misfit_condition() {
    return fmt::format("({0} IS NULL OR {0}.{1} IS NOT NULL OR NOT {2})", value_column, fault_column,
                       is_object);
}

std::string payload_columns(const SparkTopic& topic) {
    std::string out;
    switch (topic.format) {
        case pipeline::Format::text:
            return "CAST(value AS STRING) AS value";
        case pipeline::Format::raw:
            return "value";
        case pipeline::Format::avro:
        case pipeline::Format::json_schema:
        case pipeline::Format::protobuf:
        case pipeline::Format::json:
            break;
    }
    for (const auto& field : topic.columns.fields) {
        if (!out.empty()) out += ", ";
        out += fmt::format("{}.{} AS {}", value_column, spark_name(field.name), spark_name(field.name));
    }
    return out;
}

std::string relation_columns(const SparkTopic& topic) {
    std::string out = payload_columns(topic);
    for (const auto& name : topic.metadata)
        out += fmt::format("{}{} AS {}", out.empty() ? "" : ", ", metadata_expression(name), name);
    // A relation needs a column, though count(*) reads none.
    return out.empty() ? "partition AS _partition" : out;
}

/// Where the values that may not fit stand: those outside of arrays and maps.
void each_leaf(const DataType& type, const std::string& shown, const std::string& json_path,
               const std::string& value,
               const std::function<void(const DataType&, const std::string&, const std::string&,
                                        const std::string&)>& leaf) {
    for (const auto& field : type.fields) {
        auto name = shown.empty() ? field.name : shown + "." + field.name;
        auto path = json_path + "['" + field.name + "']";
        auto inside = value + "." + spark_name(field.name);
        if (field.type.shape == DataType::Shape::object)
            each_leaf(field.type, name, path, inside, leaf);
        else
            leaf(field.type, name, path, inside);
    }
}

std::string misfit_reason(const SparkTopic& topic) {
    constexpr std::string_view text = "CAST(value AS STRING)";
    std::string out = fmt::format(
        "CASE WHEN value IS NULL THEN 'the record has no value' WHEN NOT {1} THEN 'expected a JSON object' "
        "WHEN "
        "get_json_object({0}, '$') IS NULL THEN 'not valid JSON'",
        text, is_object);
    each_leaf(topic.columns, "", "$", std::string(value_column),
              [&](const DataType& type, const std::string& name, const std::string& path,
                  const std::string& value) {
                  auto found = fmt::format("get_json_object({}, {})", text, spark_string(path));
                  out += fmt::format(
                      " WHEN {0} IS NULL AND {1} IS NOT NULL THEN concat({2}, {1}, '\\'')", value, found,
                      spark_string(fmt::format("{}: expected {}, found '", name, type_text(type))));
              });
    return out + " ELSE 'a value does not fit its column' END";
}

}  // namespace

std::string spark_ddl(const DataType& object) {
    std::string out;
    for (const auto& field : object.fields) {
        if (!out.empty()) out += ", ";
        out += spark_name(field.name) + " " + type_text(field.type);
    }
    return out;
}

std::string topic_sql(const SparkTopic& topic, std::string_view raw) {
    if (!decodes(topic)) return fmt::format("SELECT {} FROM {}", relation_columns(topic), raw);
    return fmt::format("SELECT {} FROM {} WHERE NOT {}", relation_columns(topic), decoded(topic, raw),
                       misfit_condition());
}

std::optional<std::string> dead_letters_sql(const SparkTopic& topic, std::string_view raw,
                                            std::string_view query, const SparkText& text,
                                            const std::vector<std::string>& keys) {
    if (!decodes(topic) && keys.empty()) return std::nullopt;
    // Inside: the relation as the query sees it, the raw record beside it, and whether it was decoded. Around
    // it the query's own words, which know the relation's names.
    std::string inner = relation_columns(topic);
    for (auto name : {"key", "value", "partition", "offset"})
        inner += fmt::format(", {0} AS _penstock_raw_{0}", name);
    inner += ", ";
    inner += decodes(topic)
                 ? fmt::format("CASE WHEN {} THEN {} END", misfit_condition(), misfit_reason(topic))
                 : "CAST(NULL AS STRING)";
    inner += fmt::format(" AS {}", reason_column);
    auto source = decodes(topic) ? decoded(topic, raw) : std::string(raw);

    auto reason = fmt::format("CASE WHEN {0} IS NOT NULL THEN {0}", reason_column);
    std::string condition = text.where.empty() ? "" : fmt::format("({}) AND ", text.where);
    for (const auto& key : keys)
        reason += fmt::format(" WHEN {}({}) IS NULL THEN {}", condition, text.items.at(key),
                              spark_string(fmt::format("the key column {} is null", key)));
    reason += " END";

    auto header = [](std::string_view name, std::string_view value) {
        return fmt::format("named_struct('key', 'penstock.dlq.{}', 'value', CAST({} AS BINARY))", name,
                           value);
    };
    auto headers = fmt::format("array({}, {}, {}, {}, {})", header("topic", spark_string(topic.name)),
                               header("partition", "CAST(_penstock_raw_partition AS STRING)"),
                               header("offset", "CAST(_penstock_raw_offset AS STRING)"),
                               header("reason", "_penstock_letter"), header("query", spark_string(query)));
    return fmt::format(
        "SELECT _penstock_raw_key AS key, _penstock_raw_value AS value, CAST(_penstock_raw_partition % {} AS "
        "INT) AS "
        "partition, {} AS headers FROM (SELECT *, {} AS _penstock_letter FROM (SELECT {} FROM {}) AS {}) "
        "WHERE "
        "_penstock_letter IS NOT NULL",
        std::max(1, topic.dead_letter_partitions), headers, reason, inner, source,
        spark_name(text.alias.empty() ? topic.name : text.alias));
}

// Rows.

TypeId SparkColumn::type() const {
    switch (kind) {
        case Kind::boolean:
            return TypeId::boolean;
        case Kind::int32:
        case Kind::as_int:
            return TypeId::int32;
        case Kind::int64:
            return TypeId::int64;
        case Kind::float64:
        case Kind::as_double:
            return TypeId::float64;
        case Kind::binary:
            return TypeId::binary;
        case Kind::date:
            return TypeId::date;
        case Kind::timestamp:
        case Kind::as_timestamp:
            return TypeId::timestamp;
        case Kind::nested:
            return TypeId::json;
        case Kind::string:
        case Kind::as_text:
            return TypeId::string;
    }
    return TypeId::string;
}

namespace {

std::string converted(const SparkColumn& column) {
    auto name = spark_name(column.name);
    switch (column.kind) {
        case SparkColumn::Kind::as_int:
            return fmt::format("CAST({} AS INT)", name);
        case SparkColumn::Kind::as_double:
            return fmt::format("CAST({} AS DOUBLE)", name);
        case SparkColumn::Kind::as_timestamp:
            return fmt::format("CAST({} AS TIMESTAMP)", name);
        case SparkColumn::Kind::as_text:
            return fmt::format("CAST({} AS STRING)", name);
        case SparkColumn::Kind::nested:
            return fmt::format("to_json({}, map('ignoreNullFields', 'false'))", name);
        default:
            return name;
    }
}

std::string not_null_condition(const std::vector<std::string>& keys) {
    std::string out;
    for (const auto& key : keys)
        out += fmt::format("{}{} IS NOT NULL", out.empty() ? " WHERE " : " AND ", spark_name(key));
    return out;
}

}  // namespace

std::string table_rows_sql(const std::vector<SparkColumn>& columns, const std::vector<std::string>& keys,
                           const std::vector<std::string>& extra, std::string_view rows) {
    std::string list;
    for (const auto& column : columns)
        list +=
            fmt::format("{}{} AS {}", list.empty() ? "" : ", ", converted(column), spark_name(column.name));
    for (const auto& name : extra) list += ", " + spark_name(name);
    return fmt::format("SELECT {} FROM {}{}", list, rows, not_null_condition(keys));
}

std::string bounded_rows_sql(const std::vector<SparkColumn>& columns, std::string_view rows) {
    return table_rows_sql(columns, {}, {}, rows);
}

std::string topic_rows_sql(const std::vector<SparkColumn>& columns, const std::vector<std::string>& keys,
                           bool exact, bool not_null, std::string_view rows) {
    std::string fields, key;
    for (const auto& column : columns) {
        auto value = column.kind == SparkColumn::Kind::nested ? spark_name(column.name) : converted(column);
        if (column.type() == TypeId::float64)
            value = fmt::format("if(isnan({0}) OR abs({0}) = double('Infinity'), CAST(NULL AS DOUBLE), {0})",
                                value);
        if (column.type() == TypeId::binary) value = fmt::format("concat('0x', lower(hex({})))", value);
        fields += fmt::format("{}{}, {}", fields.empty() ? "" : ", ", spark_string(column.name), value);
    }
    for (const auto& name : keys) {
        auto text = fmt::format("CAST({} AS STRING)", spark_name(name));
        for (const auto& column : columns)
            if (column.name == name)
                text = column.type() == TypeId::binary
                           ? fmt::format("concat('0x', lower(hex({})))", spark_name(name))
                           : fmt::format("CAST({} AS STRING)", converted(column));
        if (keys.size() > 1) text = fmt::format("coalesce({}, 'NULL')", text);
        key += (key.empty() ? "" : ", ") + text;
    }
    if (key.empty()) key = "CAST(NULL AS STRING)";
    if (keys.size() > 1) key = fmt::format("concat_ws('|', {})", key);
    return fmt::format(
        "SELECT {} AS key, to_json(named_struct({}), map('ignoreNullFields', 'false', 'timestampFormat', "
        "{})) AS value "
        "FROM {}{}",
        key, fields, spark_string(exact ? "yyyy-MM-dd'T'HH:mm:ss.SSSSSSX" : "yyyy-MM-dd'T'HH:mm:ss.SSSX"),
        rows, not_null ? not_null_condition(keys) : "");
}

std::string with_write_time(std::string_view sql, const SparkText& text, std::int64_t first_us) {
    auto out = std::string(sql.substr(0, text.items_end));
    out += fmt::format(", CAST({} AS BIGINT) + _offset AS {}", first_us, write_time_column);
    return out + std::string(sql.substr(text.items_end));
}

}  // namespace penstock::stream
