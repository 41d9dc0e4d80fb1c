#include "registry/avro_compatibility.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/ascii_case.h"

namespace penstock::registry {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool promotes(AvroKind writer, AvroKind reader) {
    switch (writer) {
        case AvroKind::int_type:
            return reader == AvroKind::long_type || reader == AvroKind::float_type ||
                   reader == AvroKind::double_type;
        case AvroKind::long_type:
            return reader == AvroKind::float_type || reader == AvroKind::double_type;
        case AvroKind::float_type:
            return reader == AvroKind::double_type;
        case AvroKind::string:
            return reader == AvroKind::bytes;
        case AvroKind::bytes:
            return reader == AvroKind::string;
        case AvroKind::null_type:
        case AvroKind::boolean:
        case AvroKind::double_type:
        case AvroKind::record:
        case AvroKind::enumeration:
        case AvroKind::array:
        case AvroKind::map:
        case AvroKind::union_type:
        case AvroKind::fixed:
            break;
    }
    return false;
}

/// Collects differences on the way through both schemas. A pair of types that is being compared
/// already is taken as readable: a recursive type reads itself unless something else stands in the
/// way.
class Resolution {
public:
    void compare(const AvroType& reader, const AvroType& writer, const std::string& path) {
        if (++steps_ > most_steps) return;
        if (writer.kind == AvroKind::union_type) return writer_union(reader, writer, path);
        if (reader.kind == AvroKind::union_type) return reader_union(reader, writer, path);
        if (reader.kind != writer.kind) {
            if (promotes(writer.kind, reader.kind)) return;
            return mismatch(reader, writer, path);
        }
        switch (reader.kind) {
            case AvroKind::array:
                return compare(*reader.element, *writer.element, path + "/items");
            case AvroKind::map:
                return compare(*reader.element, *writer.element, path + "/values");
            case AvroKind::fixed:
                if (same_name(reader, writer, path) && reader.size != writer.size) {
                    add("FIXED_SIZE_MISMATCH", path + "/size",
                        "The size of FIXED type field at path '{path}' in the {reader} schema "
                        "does not match with the {writer} schema",
                        fmt::format("expected: {}, found: {}", writer.size, reader.size));
                }
                return;
            case AvroKind::enumeration:
                return enumerations(reader, writer, path);
            case AvroKind::record:
                return records(reader, writer, path);
            case AvroKind::null_type:
            case AvroKind::boolean:
            case AvroKind::int_type:
            case AvroKind::long_type:
            case AvroKind::float_type:
            case AvroKind::double_type:
            case AvroKind::bytes:
            case AvroKind::string:
            case AvroKind::union_type:
                return;
        }
    }

    std::vector<Difference> take() {
        if (steps_ > most_steps) add("TOO_LARGE", "", "The schemas are too large to compare", "");
        return std::move(found_);
    }

private:
    /// Bounds the work: unions in unions of records could keep a processor busy for ever. What is
    /// too much to compare is refused.
    static constexpr std::size_t most_steps = 200'000;

    void add(std::string type, const std::string& path, std::string text, std::string info) {
        auto at = path.empty() ? "/" : path;
        auto mark = text.find("{path}");
        if (mark != std::string::npos) text.replace(mark, 6, at);
        found_.push_back({std::move(type), at, std::move(text), std::move(info)});
    }

    void mismatch(const AvroType& reader, const AvroType& writer, const std::string& path) {
        add("TYPE_MISMATCH", path,
            "The type (path '{path}') of a field in the {reader} schema does not match with the "
            "{writer} schema",
            fmt::format("reader type: {} not compatible with writer type: {}",
                        upper_case(to_string(reader.kind)), upper_case(to_string(writer.kind))));
    }

    /// The unqualified names count, and the reader's aliases.
    bool same_name(const AvroType& reader, const AvroType& writer, const std::string& path) {
        if (reader.name == writer.name || contains(reader.aliases, writer.full_name())) return true;
        add("NAME_MISMATCH", path + "/name", "The name of the schema has changed (path '{path}')",
            fmt::format("expected: {}", writer.full_name()));
        return false;
    }

    /// Whatever branch was written must be readable.
    void writer_union(const AvroType& reader, const AvroType& writer, const std::string& path) {
        for (std::size_t i = 0; i < writer.branches.size(); ++i) {
            if (reader.kind == AvroKind::union_type) {
                reader_union(reader, *writer.branches[i], path);
            } else {
                compare(reader, *writer.branches[i], path);
            }
        }
    }

    void reader_union(const AvroType& reader, const AvroType& writer, const std::string& path) {
        auto before = std::move(found_);
        std::vector<Difference> closest;
        bool readable = false;
        for (std::size_t i = 0; i < reader.branches.size() && !readable; ++i) {
            found_.clear();
            compare(*reader.branches[i], writer, fmt::format("{}/{}", path, i));
            readable = found_.empty();
            // The branch of the same kind says best why.
            if (!readable && reader.branches[i]->kind == writer.kind && writer.is_named() &&
                reader.branches[i]->name == writer.name)
                closest = found_;
        }
        found_ = std::move(before);
        if (readable) return;
        if (!closest.empty()) {
            found_.insert(found_.end(), closest.begin(), closest.end());
            return;
        }
        add("MISSING_UNION_BRANCH", path,
            "The {reader} schema is missing a type inside a union field at path '{path}' in the "
            "{writer} schema",
            fmt::format("reader union lacking writer type: {}", upper_case(to_string(writer.kind))));
    }

    void enumerations(const AvroType& reader, const AvroType& writer, const std::string& path) {
        if (!same_name(reader, writer, path) || reader.default_symbol) return;
        steps_ += reader.symbols.size() + writer.symbols.size();
        std::set<std::string_view> known(reader.symbols.begin(), reader.symbols.end());
        std::vector<std::string> missing;
        for (const auto& symbol : writer.symbols)
            if (!known.contains(symbol)) missing.push_back(symbol);
        if (missing.empty()) return;
        add("MISSING_ENUM_SYMBOLS", path + "/symbols",
            "The {reader} schema is missing enum symbols at path '{path}' in the {writer} schema",
            fmt::format("[{}]", fmt::join(missing, ", ")));
    }

    using Fields = std::map<std::string_view, const AvroField*>;

    static const AvroField* written_field(const Fields& written, const AvroField& reader) {
        auto found = written.find(reader.name);
        for (auto alias = reader.aliases.begin(); found == written.end() && alias != reader.aliases.end();
             ++alias)
            found = written.find(*alias);
        return found == written.end() ? nullptr : found->second;
    }

    void records(const AvroType& reader, const AvroType& writer, const std::string& path) {
        if (!same_name(reader, writer, path)) return;
        if (!under_way_.emplace(&reader, &writer).second) return;
        steps_ += reader.fields.size() + writer.fields.size();
        Fields written;
        for (const auto& field : writer.fields) written.emplace(field.name, &field);
        for (std::size_t i = 0; i < reader.fields.size(); ++i) {
            const auto& field = reader.fields[i];
            auto at = fmt::format("{}/fields/{}", path, i);
            if (const auto* one = written_field(written, field)) {
                compare(*field.type, *one->type, at + "/type");
            } else if (!field.default_json && !field.type->default_symbol) {
                add("READER_FIELD_MISSING_DEFAULT_VALUE", at,
                    fmt::format("The field '{}' at path '{{path}}' in the {{reader}} schema has no "
                                "default value and is missing in the {{writer}}",
                                field.name) +
                        " schema",
                    field.name);
            }
        }
        under_way_.erase({&reader, &writer});
    }

    std::vector<Difference> found_;
    std::set<std::pair<const AvroType*, const AvroType*>> under_way_;
    std::size_t steps_ = 0;
};

}  // namespace

std::vector<Difference> avro_differences(const AvroSchema& reader, const AvroSchema& writer) {
    Resolution resolution;
    resolution.compare(reader.root(), writer.root(), "");
    return resolution.take();
}

}  // namespace penstock::registry
