// Records of one topic as Confluent's serializers write them: the schema is registered under <topic>-value
// (TopicNameStrategy), and each record carries its id.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/spec.h"
#include "registry/inferred_schema.h"
#include "registry/record_encoder.h"
#include "registry/schemas.h"

namespace penstock::registry {

struct TopicEncoderOptions {
    std::string topic;
    SchemaKind kind = SchemaKind::avro;  ///< protobuf: only as it is registered, by its file's first message
    pipeline::TopicSpec::Drift on_drift = pipeline::TopicSpec::Drift::evolve;
    std::string declared;    ///< the schema's text; empty: it follows the data
    bool hex_bytes = false;  ///< "0xCAFE" stands for bytes
};

/// Thread-safe; waits for the registry when a schema is new.
class TopicEncoder {
public:
    TopicEncoder(Schemas& schemas, TopicEncoderOptions options);

    struct Encoded {
        std::string bytes;
        std::string refused;  ///< why there are no bytes; empty: there are
    };
    /// One for each document, which is a JSON object's text. An error is of the registry or of the topic's
    /// schema, and holds for all: Errc::unavailable and Errc::timeout may be asked again.
    Result<std::vector<Encoded>> encode(std::span<const std::string_view> documents);

    /// What the first schema begins with: fields whose types do not follow the data. Before the first
    /// encode().
    void start_with(InferredSchema fixed) { fixed_ = std::move(fixed); }

private:
    Result<> start();
    static std::optional<InferredSchema> inferred_of(const RegisteredSchema& schema);
    Result<> use(const RegisteredSchema& registered);
    Result<> follow(std::span<const std::string_view> documents);
    Result<simdjson::dom::element> parse(std::string_view document);
    Encoded encode(std::string_view document);
    Result<> check_json(simdjson::dom::element document);
    std::string subject() const { return options_.topic + "-value"; }
    std::string text_of(const InferredSchema& schema) const;

    Schemas& schemas_;
    const TopicEncoderOptions options_;
    std::mutex mutex_;  // guards what follows
    simdjson::dom::parser parser_;
    std::optional<InferredSchema> fixed_;
    std::optional<InferredSchema> inferred_;
    std::string inferred_text_;
    std::optional<RecordEncoder> current_;
    bool started_ = false;
    bool widened_ = false;      ///< by what start_with() gave
    std::string incompatible_;  ///< what the registry said to the last change
};

/// Of the schemas in the registry that records of the format have; none where they have none.
std::optional<SchemaKind> schema_kind_of(pipeline::Format format);

/// The encoder for what a topic's file says; null when its records are written as they are.
std::shared_ptr<TopicEncoder> make_topic_encoder(Schemas* schemas, const pipeline::TopicSpec& topic,
                                                 std::string declared);

}  // namespace penstock::registry
