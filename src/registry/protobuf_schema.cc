#include "registry/protobuf_schema.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/api.pb.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/source_context.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <array>
#include <set>

#include "codec/base64.h"

namespace penstock::registry {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t most_bytes = 1024 * 1024;
constexpr int deepest = 64;
constexpr int most_ranges = 1000;

// What Confluent's serializers let schemas import without a reference (its protobuf-types).
constexpr std::string_view confluent_meta = R"(syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta {
  string doc = 1;
  map<string, string> params = 2;
  repeated string tags = 3;
  repeated Rule rules = 4;
}
message Rule {
  string name = 1;
  string doc = 2;
  string expr = 3;
  string sql = 4;
}
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
)";
constexpr std::string_view confluent_decimal = R"(syntax = "proto3";
package confluent.type;
message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
)";

/// The first thing that is wrong, and where.
class FirstError : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
public:
    void AddError(int line, int column, const std::string& message) override {
        say(fmt::format("line {}, column {}: {}", line + 1, column + 1, message));
    }
    void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                  const std::string& message) override {
        say(fmt::format("{}{}{}: {}", file, element.empty() || element == file ? "" : " ",
                        element == file ? "" : element, message));
    }
    const std::string& text() const { return text_; }

private:
    void say(std::string text) {
        if (text_.empty()) text_ = std::move(text);
    }
    std::string text_;
};

/// Ends at the first error: the parser would go on behind it, deeper than brackets tell.
class UntilError final : public pb::io::ZeroCopyInputStream {
public:
    UntilError(std::string_view text, const FirstError& error)
        : input_(text.data(), int(text.size()), 64), error_(error) {}

    bool Next(const void** data, int* size) override {
        return error_.text().empty() && input_.Next(data, size);
    }
    void BackUp(int count) override { input_.BackUp(count); }
    bool Skip(int count) override { return input_.Skip(count); }
    std::int64_t ByteCount() const override { return input_.ByteCount(); }

private:
    pb::io::ArrayInputStream input_;
    const FirstError& error_;
};

/// Parsers go one call deeper for each bracket. Those in texts and comments do not count.
bool is_too_deep(std::string_view text) {
    constexpr std::array<std::string_view, 3> brackets{"{}", "<>", "[]"};
    std::array<int, 3> depths{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto rest = text.substr(i);
        if (rest.starts_with("//")) {
            i += std::min(rest.find('\n'), rest.size());
        } else if (rest.starts_with("/*")) {
            i += std::min(rest.find("*/", 2), rest.size());
        } else if (rest[0] == '"' || rest[0] == '\'') {
            for (++i; i < text.size() && text[i] != rest[0] && text[i] != '\n'; ++i)
                if (text.substr(i, 1) == "\\" && text.substr(i + 1, 1) != "\n") ++i;
        }
        for (std::size_t kind = 0; kind < brackets.size(); ++kind) {
            // What closes nothing counts as nothing.
            if (rest[0] == brackets[kind][1]) depths[kind] = std::max(depths[kind] - 1, 0);
            if (rest[0] == brackets[kind][0] && ++depths[kind] > deepest) return true;
        }
    }
    return false;
}

/// What a parsed file may not hold. Ranges: each is compared with each other one. Options whose values are
/// texts still, as deep as they like: protoc leaves none in a descriptor.
Result<> check_content(const pb::Message& message, bool may_have_open_options) {
    if (!may_have_open_options && message.GetDescriptor() == pb::UninterpretedOption::descriptor())
        return fail(Errc::invalid, "a FileDescriptorProto with options that are not interpreted");
    const auto& reflection = *message.GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const auto* field : fields) {
        if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
        if (!field->is_repeated()) {
            TRY(check_content(reflection.GetMessage(message, field), may_have_open_options));
            continue;
        }
        auto count = reflection.FieldSize(message, field);
        if (count > most_ranges && field->message_type()->name().ends_with("Range"))
            return fail(Errc::invalid, "more than {} ranges of numbers that are reserved or for extensions",
                        most_ranges);
        for (int i = 0; i < count; ++i)
            TRY(check_content(reflection.GetRepeatedMessage(message, field, i), may_have_open_options));
    }
    return {};
}

bool is_base64(std::string_view text) {
    return !text.empty() && text.find_first_not_of(
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789+/=") == text.npos;
}

Result<pb::FileDescriptorProto> read_file(std::string_view text, const std::string& name) {
    pb::FileDescriptorProto file;
    if (text.size() > most_bytes) return fail(Errc::invalid, "longer than {} bytes", most_bytes);
    if (is_base64(text)) {
        auto bytes = codec::decode_base64(text);
        if (!bytes || !file.ParseFromString(*bytes))
            return fail(Errc::invalid, "expected a .proto file, or a FileDescriptorProto in base64");
    } else {
        if (is_too_deep(text)) return fail(Errc::invalid, "nested deeper than {} levels", deepest);
        FirstError error;
        UntilError input(text, error);
        pb::io::Tokenizer tokens(&input, &error);
        pb::compiler::Parser parser;
        parser.RecordErrorsTo(&error);
        if (!parser.Parse(&tokens, &file) || !error.text().empty())
            return fail(Errc::invalid, "{}", error.text().empty() ? "no .proto file" : error.text());
    }
    file.clear_source_code_info();
    TRY(check_content(file, !is_base64(text)));
    file.set_name(name);
    return file;
}

const pb::FileDescriptor* known_file(std::string_view name) {
    static const std::array files{pb::Any::descriptor()->file(),
                                  pb::Api::descriptor()->file(),
                                  pb::FileDescriptorProto::descriptor()->file(),
                                  pb::Duration::descriptor()->file(),
                                  pb::Empty::descriptor()->file(),
                                  pb::FieldMask::descriptor()->file(),
                                  pb::SourceContext::descriptor()->file(),
                                  pb::Struct::descriptor()->file(),
                                  pb::Timestamp::descriptor()->file(),
                                  pb::Type::descriptor()->file(),
                                  pb::Int32Value::descriptor()->file()};
    auto found =
        std::ranges::find(files, name, [](const auto* file) { return std::string_view(file->name()); });
    return found == files.end() ? nullptr : *found;
}

class Builder {
public:
    Builder(pb::DescriptorPool& pool, const ReferencedSchemas& referenced)
        : pool_(pool), referenced_(referenced) {}

    Result<const pb::FileDescriptor*> build(const pb::FileDescriptorProto& file) {
        under_way_.insert(file.name());
        for (const auto& import : file.dependency()) {
            if (pool_.FindFileByName(import) != nullptr) continue;
            if (under_way_.contains(import)) return fail(Errc::invalid, "{} imports itself", import);
            auto imported = imported_file(import);
            if (!imported) return fail(fmt::format("import \"{}\"", import), std::move(imported.error()));
            TRY(build(*imported));
        }
        FirstError error;
        const auto* built = pool_.BuildFileCollectingErrors(file, &error);
        if (built == nullptr) return fail(Errc::invalid, "{}", error.text());
        return built;
    }

private:
    Result<pb::FileDescriptorProto> imported_file(const std::string& name) {
        auto found = std::ranges::find(referenced_, name, &ReferencedSchema::name);
        if (found != referenced_.end()) return read_file(found->text, name);
        if (name == "confluent/meta.proto") return read_file(confluent_meta, name);
        if (name == "confluent/type/decimal.proto") return read_file(confluent_decimal, name);
        const auto* known = known_file(name);
        if (known == nullptr) return fail(Errc::invalid, "none of the references has this name");
        pb::FileDescriptorProto file;
        known->CopyTo(&file);
        return file;
    }

    pb::DescriptorPool& pool_;
    const ReferencedSchemas& referenced_;
    std::set<std::string> under_way_;
};

}  // namespace

ProtobufSchema::ProtobufSchema() : pool_(std::make_unique<pb::DescriptorPool>()) {}
ProtobufSchema::ProtobufSchema(ProtobufSchema&&) noexcept = default;
ProtobufSchema& ProtobufSchema::operator=(ProtobufSchema&&) noexcept = default;
ProtobufSchema::~ProtobufSchema() = default;

Result<ProtobufSchema> ProtobufSchema::parse(std::string_view text, const ReferencedSchemas& referenced) {
    pb::LogSilencer quiet;  // the caller is told, not the process's log
    auto file = TRY(read_file(text, "schema"));
    ProtobufSchema schema;
    schema.file_ = TRY(Builder(*schema.pool_, referenced).build(file));
    return schema;
}

std::string ProtobufSchema::text() const {
    return file_->DebugString();
}

std::string ProtobufSchema::serialized() const {
    pb::FileDescriptorProto file;
    file_->CopyTo(&file);
    return codec::encode_base64(file.SerializeAsString());
}

Result<ProtobufSchema> protobuf_schema(Schemas& schemas, const RegisteredSchema& schema) {
    return ProtobufSchema::parse(schema.text, TRY(referenced_schemas(schemas, schema)));
}

}  // namespace penstock::registry
