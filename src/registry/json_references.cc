#include "registry/json_references.h"

#include <algorithm>

#include "codec/json_writer.h"

namespace penstock::registry {
namespace {

constexpr std::size_t most_bytes = 8 * 1024 * 1024;

class Bundler {
public:
    Result<JsonDocument> bundle(std::string_view text, const ReferencedSchemas& referenced) {
        auto main = TRY(JsonDocument::parse(text));
        if (referenced.empty() || !main.root().is_object()) return main;
        for (const auto& other : referenced) {
            auto document = JsonDocument::parse(other.text);
            if (!document)
                return fail(fmt::format("the reference {}", other.name), std::move(document.error()));
            documents_.push_back({other.name, std::move(*document)});
        }
        out_.begin_object();
        members(main.root(), "#");
        out_.key("$referenced").begin_object();
        for (std::size_t i = 0; i < documents_.size(); ++i) {
            out_.key(std::to_string(i));
            value(documents_[i].document.root(), place(i));
        }
        return JsonDocument::parse(out_.end_object().end_object().take(), most_bytes);
    }

private:
    struct Document {
        std::string name;
        JsonDocument document;

        bool is_called(std::string_view address) const {
            const auto* id = document.root().find("$id");
            return address == name || (id != nullptr && id->is_string() && id->string == address);
        }
    };

    static std::string place(std::size_t document) { return fmt::format("#/$referenced/{}", document); }

    /// Of a $ref in the document at this place.
    std::string moved(std::string_view reference, const std::string& here) const {
        auto hash = std::min(reference.find('#'), reference.size());
        auto address = reference.substr(0, hash);
        auto pointer = reference.substr(std::min(hash + 1, reference.size()));
        if (address.empty()) return here + std::string(pointer);
        auto found =
            std::ranges::find_if(documents_, [&](const Document& one) { return one.is_called(address); });
        if (found == documents_.end()) return std::string(reference);
        return place(std::size_t(found - documents_.begin())) + std::string(pointer);
    }

    void members(const JsonValue& object, const std::string& here) {
        for (const auto& [name, member] : object.members) {
            out_.key(name);
            if (name == "$ref" && member->is_string())
                out_.value(moved(member->string, here));
            else
                value(*member, here);
        }
    }

    void value(const JsonValue& json, const std::string& here) {
        if (json.is_object()) {
            out_.begin_object();
            members(json, here);
            out_.end_object();
        } else if (json.is_array()) {
            out_.begin_array();
            for (const auto* item : json.items) value(*item, here);
            out_.end_array();
        } else {
            out_.raw(json.text());
        }
    }

    std::vector<Document> documents_;
    codec::JsonWriter out_;
};

}  // namespace

Result<JsonDocument> json_schema_with_references(std::string_view text, const ReferencedSchemas& referenced) {
    return Bundler().bundle(text, referenced);
}

}  // namespace penstock::registry
