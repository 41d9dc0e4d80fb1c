#include "registry/compatibility.h"

#include "base/ascii_case.h"
#include "registry/avro_compatibility.h"
#include "registry/avro_schema.h"
#include "registry/json_compatibility.h"
#include "registry/json_references.h"
#include "registry/json_value.h"
#include "registry/protobuf_compatibility.h"

namespace penstock::registry {
namespace {

constexpr std::array level_names{std::pair{CompatibilityLevel::none, "NONE"},
                                 std::pair{CompatibilityLevel::backward, "BACKWARD"},
                                 std::pair{CompatibilityLevel::backward_transitive, "BACKWARD_TRANSITIVE"},
                                 std::pair{CompatibilityLevel::forward, "FORWARD"},
                                 std::pair{CompatibilityLevel::forward_transitive, "FORWARD_TRANSITIVE"},
                                 std::pair{CompatibilityLevel::full, "FULL"},
                                 std::pair{CompatibilityLevel::full_transitive, "FULL_TRANSITIVE"}};

bool looks_backward(CompatibilityLevel level) {
    return level == CompatibilityLevel::backward || level == CompatibilityLevel::backward_transitive ||
           level == CompatibilityLevel::full || level == CompatibilityLevel::full_transitive;
}
bool looks_forward(CompatibilityLevel level) {
    return level == CompatibilityLevel::forward || level == CompatibilityLevel::forward_transitive ||
           level == CompatibilityLevel::full || level == CompatibilityLevel::full_transitive;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

std::string message_of(const Difference& difference, bool reader_is_new) {
    auto words = [&](std::string text) {
        return replace_all(replace_all(std::move(text), "{reader}", reader_is_new ? "new" : "old"),
                           "{writer}", reader_is_new ? "old" : "new");
    };
    return fmt::format("{{errorType:'{}', description:'{}', additionalInfo:'{}'}}", difference.type,
                       words(difference.text), words(difference.info));
}

/// What libprotobuf writes is what it reads, but for rare defaults and options of its own.
Result<std::string> canonical_protobuf(std::string_view text, const ReferencedSchemas& referenced) {
    auto written = TRY(ProtobufSchema::parse(text, referenced)).text();
    return ProtobufSchema::parse(written, referenced) ? std::move(written) : std::string(text);
}

}  // namespace

std::string_view to_string(SchemaKind kind) {
    switch (kind) {
        case SchemaKind::avro:
            return "AVRO";
        case SchemaKind::json:
            return "JSON";
        case SchemaKind::protobuf:
            return "PROTOBUF";
    }
    return "?";
}

std::optional<SchemaKind> kind_of(std::string_view name) {
    for (auto kind : {SchemaKind::avro, SchemaKind::json, SchemaKind::protobuf})
        if (to_string(kind) == name) return kind;
    return std::nullopt;
}

std::string_view to_string(CompatibilityLevel level) {
    for (const auto& [known, name] : level_names)
        if (known == level) return name;
    return "?";
}

std::optional<CompatibilityLevel> compatibility_level_of(std::string_view name) {
    auto upper = upper_case(name);
    for (const auto& [level, known] : level_names)
        if (upper == known) return level;
    return std::nullopt;
}

bool is_transitive(CompatibilityLevel level) {
    return level == CompatibilityLevel::backward_transitive ||
           level == CompatibilityLevel::forward_transitive || level == CompatibilityLevel::full_transitive;
}

Result<std::string> canonical_schema(SchemaKind kind, std::string_view text,
                                     const ReferencedSchemas& referenced) {
    switch (kind) {
        case SchemaKind::avro:
            return TRY(AvroSchema::parse(text, referenced)).text();
        case SchemaKind::json: {
            auto document = TRY(JsonDocument::parse(text));
            TRY(check_json_schema(document.root()));
            return document.root().text();
        }
        case SchemaKind::protobuf:
            return canonical_protobuf(text, referenced);
    }
    return fail(Errc::invalid, "an unknown type of schema");
}

Result<std::vector<Difference>> differences(SchemaKind kind, const SchemaText& reader,
                                            const SchemaText& writer) {
    switch (kind) {
        case SchemaKind::avro: {
            auto mine = TRY(AvroSchema::parse(reader.text, reader.referenced));
            auto theirs = TRY(AvroSchema::parse(writer.text, writer.referenced));
            return avro_differences(mine, theirs);
        }
        case SchemaKind::json: {
            auto mine = TRY(json_schema_with_references(reader.text, reader.referenced));
            auto theirs = TRY(json_schema_with_references(writer.text, writer.referenced));
            return json_differences(mine.root(), theirs.root());
        }
        case SchemaKind::protobuf: {
            auto mine = TRY(ProtobufSchema::parse(reader.text, reader.referenced));
            auto theirs = TRY(ProtobufSchema::parse(writer.text, writer.referenced));
            return protobuf_differences(mine, theirs);
        }
    }
    return fail(Errc::invalid, "an unknown type of schema");
}

Result<std::vector<std::string>> incompatibilities(CompatibilityLevel level, SchemaKind kind,
                                                   const SchemaText& schema,
                                                   const std::vector<EarlierSchema>& earlier) {
    std::vector<std::string> messages;
    if (level == CompatibilityLevel::none || earlier.empty()) return messages;
    // The newest first: what stands in the way there is what the user works on.
    auto count = is_transitive(level) ? earlier.size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& old = earlier[earlier.size() - 1 - i];
        if (old.kind != kind) {
            messages.push_back(
                fmt::format("Incompatible because of different schema type: {} now, {} in version {}",
                            to_string(kind), to_string(old.kind), old.version));
        } else {
            if (looks_backward(level))
                for (const auto& found : TRY(differences(kind, schema, old.schema)))
                    messages.push_back(message_of(found, true));
            if (looks_forward(level))
                for (const auto& found : TRY(differences(kind, old.schema, schema)))
                    messages.push_back(message_of(found, false));
        }
        if (messages.empty()) continue;
        messages.push_back(fmt::format("{{oldSchemaVersion: {}}}", old.version));
        messages.push_back(fmt::format("{{oldSchema: '{}'}}", old.schema.text));
        messages.push_back(fmt::format("{{compatibility: '{}'}}", to_string(level)));
        break;
    }
    return messages;
}

}  // namespace penstock::registry
