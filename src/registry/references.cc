#include "registry/references.h"

#include <limits>
#include <set>

#include "codec/json_writer.h"

namespace penstock::registry {
namespace {

class Follower {
public:
    Follower(SchemaKind kind, const FindReferenced& find) : kind_(kind), find_(find) {}

    Result<> follow(const References& references) {
        for (const auto& reference : references) {
            if (seen_.contains(reference.name)) continue;
            if (seen_.size() >= most_schemas)
                return fail(Errc::invalid, "more than {} schemas are referred to", most_schemas);
            seen_.insert(reference.name);
            auto schema = TRY(find_(reference));
            if (schema.kind != kind_)
                return fail(Errc::invalid, "the reference {} leads to a schema of type {}; expected {}",
                            reference.name, to_string(schema.kind), to_string(kind_));
            bytes_ += schema.text.size();
            if (bytes_ > most_bytes)
                return fail(Errc::invalid, "the schemas that are referred to are longer than {} bytes",
                            most_bytes);
            TRY(follow(schema.references));
            // One version under two names is one schema.
            auto place = std::pair(schema.subject, schema.version);
            if (kind_ == SchemaKind::avro && !places_.insert(std::move(place)).second) continue;
            found_.push_back({reference.name, std::move(schema.text)});
        }
        return {};
    }

    ReferencedSchemas take() { return std::move(found_); }

private:
    static constexpr std::size_t most_schemas = 200;  // and so deep at most
    static constexpr std::size_t most_bytes = 4 * 1024 * 1024;

    const SchemaKind kind_;
    const FindReferenced& find_;
    std::set<std::string> seen_;
    std::set<std::pair<std::string, std::int32_t>> places_;
    std::size_t bytes_ = 0;
    ReferencedSchemas found_;
};

}  // namespace

Result<ReferencedSchemas> referenced_schemas(SchemaKind kind, const References& references,
                                             const FindReferenced& find) {
    Follower follower(kind, find);
    TRY(follower.follow(references));
    return follower.take();
}

Result<ReferencedSchemas> referenced_schemas(Schemas& schemas, const RegisteredSchema& schema) {
    return referenced_schemas(schema.kind, schema.references, [&](const SchemaReference& reference) {
        return schemas.get(reference.subject, reference.version);
    });
}

std::string json_of(const References& references) {
    codec::JsonWriter json;
    json.begin_array();
    for (const auto& one : references)
        json.begin_object()
            .field("name", one.name)
            .field("subject", one.subject)
            .field("version", one.version)
            .end_object();
    return json.end_array().take();
}

Result<References> references_of(const JsonValue& json) {
    auto wrong = fail(Errc::invalid, "references: expected a list of objects with name, subject and version");
    if (!json.is_array()) return wrong;
    References references;
    for (const auto* one : json.items) {
        const auto* name = one->find("name");
        const auto* subject = one->find("subject");
        const auto* version = one->find("version");
        bool right = name != nullptr && name->is_string() && subject != nullptr && subject->is_string() &&
                     version != nullptr && version->kind == JsonValue::Kind::integer &&
                     version->integer >= -1 && version->integer <= std::numeric_limits<std::int32_t>::max();
        if (!right) return wrong;
        references.push_back({name->string, subject->string, std::int32_t(version->integer)});
    }
    return references;
}

}  // namespace penstock::registry
