#include "registry/topic_encoder.h"

#include "base/log.h"

namespace penstock::registry {

using Drift = pipeline::TopicSpec::Drift;

TopicEncoder::TopicEncoder(Schemas& schemas, TopicEncoderOptions options)
    : schemas_(schemas), options_(std::move(options)) {}

std::string TopicEncoder::text_of(const InferredSchema& schema) const {
    return options_.kind == SchemaKind::avro ? schema.avro_text() : schema.json_text();
}

/// Nothing: it is not one that can follow the data.
std::optional<InferredSchema> TopicEncoder::inferred_of(const RegisteredSchema& schema) {
    switch (schema.kind) {
        case SchemaKind::avro:
            return InferredSchema::read_avro(schema.text);
        case SchemaKind::json:
            return InferredSchema::read_json(schema.text);
        case SchemaKind::protobuf:
            break;
    }
    return std::nullopt;
}

/// What the topic's schema is before the first record of this process.
Result<> TopicEncoder::start() {
    if (started_) return {};
    if (!options_.declared.empty()) {
        auto put = schemas_.put(subject(), options_.kind, options_.declared);
        if (!put) return fail("the topic's declared schema", std::move(put.error()));
        TRY(use(*put));
        started_ = true;
        return {};
    }
    auto latest = schemas_.get(subject(), -1);
    if (!latest && latest.error().code != Errc::not_found) return fail(std::move(latest.error()));
    if (latest && latest->kind != options_.kind)
        return fail(Errc::invalid, "the subject {} holds {} schemas, and the topic's format is {}", subject(),
                    to_string(latest->kind), to_string(options_.kind));
    if (latest) {
        TRY(use(*latest));
        inferred_ = inferred_of(*latest);
        if (inferred_) inferred_text_ = text_of(*inferred_);
        widened_ = inferred_ && fixed_ && inferred_->take_fixed(*fixed_);
    } else if (options_.kind == SchemaKind::protobuf) {
        return fail(Errc::invalid, "a Protobuf schema does not follow the data: register one as {} first",
                    subject());
    } else {
        inferred_ = fixed_ ? *fixed_ : InferredSchema(options_.topic);
    }
    started_ = true;
    return {};
}

Result<> TopicEncoder::use(const RegisteredSchema& registered) {
    bool refuse = options_.on_drift == Drift::dead_letter ||
                  (options_.on_drift == Drift::evolve && options_.declared.empty());
    current_ = TRY(RecordEncoder::make(schemas_, registered,
                                       {.refuse_unknown = refuse, .hex_bytes = options_.hex_bytes}));
    return {};
}

Result<simdjson::dom::element> TopicEncoder::parse(std::string_view document) {
    simdjson::dom::element element;
    if (auto error = parser_.parse(document.data(), document.size()).get(element))
        return fail(Errc::invalid, "not valid JSON: {}", simdjson::error_message(error));
    return element;
}

/// Lets the schema follow the documents, and registers it when it has changed.
Result<> TopicEncoder::follow(std::span<const std::string_view> documents) {
    bool first = !current_;
    if (!inferred_ || (options_.on_drift != Drift::evolve && !first)) return {};
    auto next = *inferred_;
    bool changed = first || widened_;
    for (auto document : documents) {
        auto parsed = parse(document);  // what is wrong is refused when its turn comes
        auto more = parsed ? next.add(*parsed) : Result<bool>(false);
        changed = changed || (more && *more);
    }
    if (!changed) return {};
    auto text = text_of(next);
    if (text != inferred_text_ || first) {
        auto put = schemas_.put(subject(), options_.kind, text);
        if (!put && put.error().code == Errc::invalid && !first) {
            if (incompatible_ != put.error().text)
                log::warn("topic {}: its schema cannot follow the data: {}", options_.topic,
                          put.error().text);
            incompatible_ = put.error().text;
            return {};
        }
        if (!put) return fail(std::move(put.error()));
        TRY(use(*put));
        log::info("topic {}: its schema is id {} of {} from now on", options_.topic, put->id, subject());
    }
    incompatible_.clear();
    widened_ = false;
    inferred_ = std::move(next);
    inferred_text_ = std::move(text);
    return {};
}

Result<std::vector<TopicEncoder::Encoded>> TopicEncoder::encode(std::span<const std::string_view> documents) {
    std::lock_guard lock(mutex_);
    std::vector<Encoded> out;
    if (documents.empty()) return out;
    TRY(start());
    TRY(follow(documents));
    out.reserve(documents.size());
    for (auto document : documents) out.push_back(encode(document));
    return out;
}

TopicEncoder::Encoded TopicEncoder::encode(std::string_view document) {
    auto parsed = parse(document);
    if (!parsed) return {.bytes = {}, .refused = parsed.error().text};
    auto fits = options_.kind == SchemaKind::json ? check_json(*parsed) : Result<>();
    auto bytes = fits ? current_->encode(*parsed, document) : Result<std::string>(fail(fits.error()));
    if (bytes) return {.bytes = std::move(*bytes), .refused = {}};
    auto& refused = bytes.error().text;
    if (!incompatible_.empty()) refused += "; the registry refused a wider one: " + incompatible_;
    return {.bytes = {}, .refused = std::move(refused)};
}

/// Whether a document fits is known when the schema was made here; one that follows the data fits already.
Result<> TopicEncoder::check_json(simdjson::dom::element document) {
    bool follows = options_.on_drift == Drift::evolve && incompatible_.empty();
    bool compare = inferred_ && options_.on_drift != Drift::freeze && !follows;
    auto schema = compare ? *inferred_ : InferredSchema(options_.topic);
    auto more = TRY(schema.add(document));
    if (!compare || !more || text_of(schema) == inferred_text_) return {};
    return fail(Errc::invalid, "does not fit schema {} of {}", current_->id(), subject());
}

std::optional<SchemaKind> schema_kind_of(pipeline::Format format) {
    switch (format) {
        case pipeline::Format::avro:
            return SchemaKind::avro;
        case pipeline::Format::json_schema:
            return SchemaKind::json;
        case pipeline::Format::protobuf:
            return SchemaKind::protobuf;
        case pipeline::Format::json:
        case pipeline::Format::text:
        case pipeline::Format::raw:
            break;
    }
    return std::nullopt;
}

std::shared_ptr<TopicEncoder> make_topic_encoder(Schemas* schemas, const pipeline::TopicSpec& topic,
                                                 std::string declared) {
    auto kind = schema_kind_of(topic.format);
    if (schemas == nullptr || !kind) return nullptr;
    return std::make_shared<TopicEncoder>(
        *schemas,
        TopicEncoderOptions{
            .topic = topic.name, .kind = *kind, .on_drift = topic.on_drift, .declared = std::move(declared)});
}

}  // namespace penstock::registry
