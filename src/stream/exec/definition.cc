#include "stream/exec/definition.h"

#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>

#include "stream/plan/binder.h"
#include "stream/sql/parser.h"

namespace penstock::stream {

namespace {

std::uint64_t hash_of(const std::string& text) {
    return XXH3_64bits(text.data(), text.size());
}

DataType value_column(TypeId type) {
    DataType out;
    out.shape = DataType::Shape::object;
    out.fields.push_back({"value", scalar_type(type)});
    return out;
}

}  // namespace

SqlResult<RelationInfo> topic_relation(std::string_view name, const pipeline::TopicSpec* spec) {
    RelationInfo relation;
    relation.kind = RelationInfo::Kind::topic;
    relation.name = name;
    relation.open = true;
    if (!spec) return relation;
    relation.format = spec->format;
    switch (spec->format) {
        case pipeline::Format::text:
            relation.columns = value_column(TypeId::string);
            relation.open = false;
            break;
        case pipeline::Format::raw:
            relation.columns = value_column(TypeId::binary);
            relation.open = false;
            break;
        case pipeline::Format::avro:
        case pipeline::Format::json_schema:
        case pipeline::Format::protobuf:
        case pipeline::Format::json:
            if (spec->schema.text.empty()) break;
            auto columns = parse_ddl(spec->schema.text);
            if (!columns)
                return sql_fail({1, 1}, "schema of topic {}: line {}, column {}: {}", name,
                                columns.error().line, columns.error().column, columns.error().text);
            relation.columns = std::move(*columns);
            relation.open = false;
            break;
    }
    return relation;
}

SqlResult<QueryPlan> plan_continuous(const pipeline::QuerySpec& query, const RelationInfo& relation) {
    auto select = TRY(sql::parse_select(query.sql.text));
    BindOptions options;
    options.continuous = true;
    options.watermark = query.watermark;
    return bind(select, relation, options);
}

SqlResult<QueryPlan> plan_bounded(std::string_view sql, const RelationInfo& relation) {
    auto select = TRY(sql::parse_select(sql));
    return bind(select, relation, {});
}

std::optional<std::string> target_topic(const pipeline::QuerySpec& query) {
    constexpr std::string_view prefix = "topic:";
    if (!query.into.starts_with(prefix)) return std::nullopt;
    return query.into.substr(prefix.size());
}

std::optional<std::string> target_problem(const pipeline::QuerySpec& query, const QueryPlan& plan) {
    auto topic = target_topic(query);
    if (query.into.empty()) return "into: expected keyspace.table or topic:NAME";
    if (topic && topic->empty()) return "into: expected a topic's name after topic:";
    auto dot = query.into.find('.');
    if (!topic && (dot == 0 || dot == std::string::npos || dot + 1 == query.into.size() ||
                   query.into.find('.', dot + 1) != std::string::npos))
        return fmt::format("into: expected keyspace.table or topic:NAME, found {}", query.into);
    std::vector<std::string> names;
    for (const auto& field : plan.schema) {
        for (const auto& name : names)
            if (equals_ignoring_case(name, field.name))
                return fmt::format("two columns are called {}; give one another name with AS", field.name);
        names.push_back(field.name);
    }
    if (!topic && query.key.empty())
        return fmt::format("key: {} needs a key: name one or more columns", query.into);
    if (query.partition_columns < 1 ||
        (!query.key.empty() && std::size_t(query.partition_columns) > query.key.size()))
        return "key: the partition key must have one column or more";
    bool star = names.empty();  // SELECT * of a topic whose columns are not known yet
    for (const auto& key : query.key) {
        bool found = star;
        for (const auto& name : names) found = found || name == key.column;
        if (!found)
            return fmt::format("key: {} is not among the selected columns{}", key.column,
                               suggestion(key.column, names));
    }
    return std::nullopt;
}

std::optional<std::string> key_remark(const pipeline::QuerySpec& query, const QueryPlan& plan) {
    if (!plan.group || target_topic(query)) return std::nullopt;
    auto is_key = [&](const std::string& column) {
        return std::ranges::any_of(query.key, [&](const auto& key) { return key.column == column; });
    };
    std::vector<std::string> left_out;
    /// By the name that its column has in the result.
    auto look_for = [&](std::string name, std::initializer_list<std::size_t> columns) {
        bool is_named = false;
        for (std::size_t i = 0; i < plan.schema.size(); ++i) {
            std::vector<bool> read(plan.group->schema.size());
            collect_columns(*plan.outputs[i], read);
            if (std::ranges::none_of(columns, [&](std::size_t each) { return read[each]; })) continue;
            if (is_key(plan.schema[i].name)) return;
            if (!is_named) name = plan.schema[i].name;
            is_named = true;
        }
        left_out.push_back(std::move(name));
    };
    if (plan.group->window) look_for("the window", {0, 1});
    const std::size_t first_key = plan.group->window ? 2 : 0;
    for (std::size_t i = 0; i < plan.group->keys.size(); ++i)
        look_for("what is not selected", {first_key + i});
    if (left_out.empty()) return std::nullopt;
    return fmt::format(
        "its rows are grouped by {}, which the key of {} leaves out: groups of one key replace each other",
        fmt::join(left_out, " and "), query.into);
}

store::TableSpec table_spec(const pipeline::QuerySpec& query, Schema columns) {
    store::TableSpec spec;
    auto dot = query.into.find('.');
    spec.keyspace = query.into.substr(0, dot);
    spec.name = query.into.substr(dot + 1);
    spec.columns = std::move(columns);
    for (std::size_t i = 0; i < query.key.size(); ++i) {
        if (i < std::size_t(query.partition_columns))
            spec.partition_key.push_back(query.key[i].column);
        else
            spec.clustering.push_back({query.key[i].column, query.key[i].descending});
    }
    return spec;
}

std::uint64_t query_hash(const pipeline::QuerySpec& query) {
    auto text = query.sql.text;
    if (query.watermark) text += fmt::format("\n{}\n{}", query.watermark->column, query.watermark->delay_us);
    return hash_of(text);
}

std::uint64_t target_hash(const pipeline::QuerySpec& query, std::string_view topic) {
    auto text = fmt::format("{}\n{}\n{}", topic, query.into, query.partition_columns);
    for (const auto& key : query.key) text += fmt::format("\n{} {}", key.column, key.descending);
    return hash_of(text);
}

Error sql_error(const SqlError& error, std::string_view sql) {
    return {Errc::invalid,
            fmt::format("line {}, column {}: {}", error.line, error.column, render(error, sql))};
}

}  // namespace penstock::stream
