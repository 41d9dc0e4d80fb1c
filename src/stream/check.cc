#include "stream/check.h"

#include "stream/exec/definition.h"
#include "stream/sql/parser.h"

namespace penstock::stream {

const pipeline::TopicSpec* find_topic(const std::vector<pipeline::TopicSpec>& topics, std::string_view name) {
    for (const auto& topic : topics)
        if (topic.name == name) return &topic;
    return nullptr;
}

std::optional<SqlError> check_query(const pipeline::QuerySpec& query,
                                    const std::vector<pipeline::TopicSpec>& topics,
                                    const std::function<KnownRelation(std::string_view)>& exists) {
    auto select = sql::parse_select(query.sql.text);
    if (!select) return select.error();
    if (!select->from) return SqlError{1, 1, "a continuous query needs FROM and a topic"};
    auto name = select->from->name();
    const auto* spec = find_topic(topics, name);
    auto at = select->from->at;
    auto known = spec ? KnownRelation::topic : exists(name);
    if (known == KnownRelation::table)
        return SqlError{at.line, at.column,
                        fmt::format("{} is a table; a continuous query reads a topic", name)};
    if (known == KnownRelation::none) {
        std::vector<std::string> names;
        for (const auto& topic : topics) names.push_back(topic.name);
        return SqlError{
            at.line, at.column,
            fmt::format("unknown topic {}{}; declare it under topics", name, suggestion(name, names))};
    }
    auto relation = topic_relation(name, spec);
    if (!relation) return SqlError{at.line, at.column, relation.error().text};
    auto plan = plan_continuous(query, *relation);
    if (!plan) return plan.error();
    if (auto problem = target_problem(query, *plan)) return SqlError{1, 1, *problem};
    return std::nullopt;
}

}  // namespace penstock::stream
