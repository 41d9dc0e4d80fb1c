#include "registry/compatibility.h"

#include "base/ascii_case.h"
#include "registry/avro_compatibility.h"
#include "registry/avro_schema.h"
#include "registry/json_compatibility.h"
#include "registry/json_value.h"

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

std::unexpected<Error> no_protobuf() {
    return fail(Errc::unsupported, "schemas of the type PROTOBUF are not offered; expected AVRO or JSON");
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

Result<std::string> canonical_schema(SchemaKind kind, std::string_view text) {
    switch (kind) {
        case SchemaKind::avro:
            return TRY(AvroSchema::parse(text)).text();
        case SchemaKind::json: {
            auto document = TRY(JsonDocument::parse(text));
            TRY(check_json_schema(document.root()));
            return document.root().text();
        }
        case SchemaKind::protobuf:
            return no_protobuf();
    }
    return no_protobuf();
}

Result<std::vector<Difference>> differences(SchemaKind kind, std::string_view reader,
                                            std::string_view writer) {
    switch (kind) {
        case SchemaKind::avro: {
            auto mine = TRY(AvroSchema::parse(reader));
            auto theirs = TRY(AvroSchema::parse(writer));
            return avro_differences(mine, theirs);
        }
        case SchemaKind::json: {
            auto mine = TRY(JsonDocument::parse(reader));
            auto theirs = TRY(JsonDocument::parse(writer));
            return json_differences(mine.root(), theirs.root());
        }
        case SchemaKind::protobuf:
            return no_protobuf();
    }
    return no_protobuf();
}

Result<std::vector<std::string>> incompatibilities(CompatibilityLevel level, SchemaKind kind,
                                                   std::string_view text,
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
                for (const auto& found : TRY(differences(kind, text, old.text)))
                    messages.push_back(message_of(found, true));
            if (looks_forward(level))
                for (const auto& found : TRY(differences(kind, old.text, text)))
                    messages.push_back(message_of(found, false));
        }
        if (messages.empty()) continue;
        messages.push_back(fmt::format("{{oldSchemaVersion: {}}}", old.version));
        messages.push_back(fmt::format("{{oldSchema: '{}'}}", old.text));
        messages.push_back(fmt::format("{{compatibility: '{}'}}", to_string(level)));
        break;
    }
    return messages;
}

}  // namespace penstock::registry
