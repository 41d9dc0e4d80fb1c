#include "registry/topic_encoder.h"

#include "base/log.h"
#include "registry/wire_format.h"

namespace penstock::registry {

using Drift = pipeline::TopicSpec::Drift;

TopicEncoder::TopicEncoder(Schemas& schemas, TopicEncoderOptions options)
    : schemas_(schemas), options_(std::move(options)) {}

std::string TopicEncoder::text_of(const InferredSchema& schema) const {
    return options_.kind == SchemaKind::avro ? schema.avro_text() : schema.json_text();
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
        inferred_ = options_.kind == SchemaKind::avro ? InferredSchema::read_avro(latest->text)
                                                      : InferredSchema::read_json(latest->text);
        if (inferred_) inferred_text_ = text_of(*inferred_);
        widened_ = inferred_ && fixed_ && inferred_->take_fixed(*fixed_);
    } else {
        inferred_ = fixed_ ? *fixed_ : InferredSchema(options_.topic);
    }
    started_ = true;
    return {};
}

Result<> TopicEncoder::use(const RegisteredSchema& registered) {
    Current next{.id = registered.id, .schema = nullptr, .encoder = nullptr};
    if (options_.kind == SchemaKind::avro) {
        next.schema = std::make_unique<AvroSchema>(TRY(avro_schema(schemas_, registered)));
        bool refuse = options_.on_drift == Drift::dead_letter ||
                      (options_.on_drift == Drift::evolve && options_.declared.empty());
        next.encoder = std::make_unique<AvroEncoder>(
            next.schema->root(),
            AvroEncoderOptions{.refuse_unknown = refuse, .hex_bytes = options_.hex_bytes});
    }
    current_ = std::move(next);
    return {};
}

Result<bool> TopicEncoder::make_room(InferredSchema& schema, std::string_view document) {
    simdjson::dom::element element;
    if (auto error = parser_.parse(document.data(), document.size()).get(element))
        return fail(Errc::invalid, "not valid JSON: {}", simdjson::error_message(error));
    return schema.add(element);
}

/// Lets the schema follow the documents, and registers it when it has changed.
Result<> TopicEncoder::follow(std::span<const std::string_view> documents) {
    bool first = !current_;
    if (!inferred_ || (options_.on_drift != Drift::evolve && !first)) return {};
    auto next = *inferred_;
    bool changed = first || widened_;
    for (auto document : documents) {
        auto more = make_room(next, document);  // what has none is refused when its turn comes
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
    for (auto document : documents)
        out.push_back(options_.kind == SchemaKind::avro ? encode_avro(document) : encode_json(document));
    return out;
}

TopicEncoder::Encoded TopicEncoder::encode_avro(std::string_view document) {
    Encoded out;
    simdjson::dom::element element;
    if (auto error = parser_.parse(document.data(), document.size()).get(element)) {
        out.refused = fmt::format("not valid JSON: {}", simdjson::error_message(error));
        return out;
    }
    append_wire_header(out.bytes, current_->id);
    if (current_->encoder->encode(element, out.bytes)) return out;
    out.bytes.clear();
    out.refused =
        fmt::format("does not fit schema {} of {}: {}", current_->id, subject(), current_->encoder->why());
    if (!incompatible_.empty()) out.refused += "; the registry refused a wider one: " + incompatible_;
    return out;
}

TopicEncoder::Encoded TopicEncoder::encode_json(std::string_view document) {
    Encoded out;
    // Whether a document fits is known when the schema was made here; one that follows the data fits already.
    bool follows = options_.on_drift == Drift::evolve && incompatible_.empty();
    bool compare = inferred_ && options_.on_drift != Drift::freeze && !follows;
    auto schema = compare ? *inferred_ : InferredSchema(options_.topic);
    auto more = make_room(schema, document);
    if (!more) {
        out.refused = more.error().text;
    } else if (compare && *more && text_of(schema) != inferred_text_) {
        out.refused = fmt::format("does not fit schema {} of {}", current_->id, subject());
        if (!incompatible_.empty()) out.refused += "; the registry refused a wider one: " + incompatible_;
    }
    if (!out.refused.empty()) return out;
    append_wire_header(out.bytes, current_->id);
    out.bytes += document;
    return out;
}

std::shared_ptr<TopicEncoder> make_topic_encoder(Schemas* schemas, const pipeline::TopicSpec& topic,
                                                 std::string declared) {
    auto format = topic.format;
    if (schemas == nullptr || (format != pipeline::Format::avro && format != pipeline::Format::json_schema))
        return nullptr;
    return std::make_shared<TopicEncoder>(
        *schemas,
        TopicEncoderOptions{.topic = topic.name,
                            .kind = format == pipeline::Format::avro ? SchemaKind::avro : SchemaKind::json,
                            .on_drift = topic.on_drift,
                            .declared = std::move(declared)});
}

}  // namespace penstock::registry
