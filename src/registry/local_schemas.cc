#include "registry/local_schemas.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/ascii_case.h"
#include "codec/json_writer.h"
#include "registry/json_value.h"
#include "registry/protobuf_schema.h"

namespace penstock::registry {
namespace {

using codec::JsonWriter;

constexpr std::array mode_names{std::pair{Mode::read_write, "READWRITE"},
                                std::pair{Mode::read_only, "READONLY"},
                                std::pair{Mode::read_only_override, "READONLY_OVERRIDE"}};
constexpr std::size_t longest_subject = 1024;
constexpr std::size_t longest_record = 16 * 1024 * 1024;

/// What makes two schemas the same.
std::string identity(SchemaKind kind, std::string_view text, const References& references) {
    auto all = fmt::format("{}:{}", to_string(kind), text);
    for (const auto& one : references) all += fmt::format("\n{}\n{}\n{}", one.name, one.subject, one.version);
    return all;
}

bool seen(bool deleted, Deleted which) {
    switch (which) {
        case Deleted::exclude:
            return !deleted;
        case Deleted::include:
            return true;
        case Deleted::only:
            return deleted;
    }
    return false;
}

std::unexpected<Refusal> no_subject(std::string_view subject) {
    return refuse(refusal::subject_not_found, "Subject '{}' not found.", subject);
}

std::unexpected<Refusal> invalid(SchemaKind kind, const Error& why) {
    return refuse(refusal::invalid_schema, "Invalid schema of type {}, details: {}", to_string(kind),
                  why.text);
}

Answer<bool> check_subject(std::string_view subject) {
    bool control = std::any_of(subject.begin(), subject.end(),
                               [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (!subject.empty() && subject.size() <= longest_subject && !control) return true;
    return refuse(refusal::invalid_subject, "The specified subject '{}' is not a valid subject.",
                  subject.substr(0, longest_subject));
}

std::string text_of(const JsonValue& record, std::string_view name) {
    const auto* value = record.find(name);
    return value != nullptr && value->is_string() ? value->string : std::string();
}
std::int32_t number_of(const JsonValue& record, std::string_view name) {
    const auto* value = record.find(name);
    return value != nullptr ? std::int32_t(value->integer) : 0;
}
bool flag_of(const JsonValue& record, std::string_view name) {
    const auto* value = record.find(name);
    return value != nullptr && value->boolean;
}

}  // namespace

std::string_view to_string(Mode mode) {
    for (const auto& [known, name] : mode_names)
        if (known == mode) return name;
    return "?";
}

std::optional<Mode> mode_of(std::string_view name) {
    auto upper = upper_case(name);
    for (const auto& [mode, known] : mode_names)
        if (upper == known) return mode;
    return std::nullopt;
}

Error error_of(Refusal refusal) {
    auto code = Errc::invalid;
    if (refusal.code / 100 == 404) code = Errc::not_found;
    if (refusal.code / 100 == 500) code = Errc::io;
    return {code, std::move(refusal.text)};
}

Result<std::unique_ptr<LocalSchemas>> LocalSchemas::open(const std::string& directory, io::Files& files) {
    std::unique_ptr<LocalSchemas> schemas(new LocalSchemas);
    schemas->directory_ = directory;
    auto read = [&](std::string_view payload) { return schemas->apply(payload); };
    schemas->log_ =
        std::make_unique<SchemaLog>(TRY(SchemaLog::open(files, directory + "/schemas.log", read)));
    return schemas;
}

// ---- The log's records

/// The one place where the state changes: when the file is read, and behind each append.
Result<> LocalSchemas::apply(std::string_view payload) {
    auto document = TRY(JsonDocument::parse(payload, longest_record));
    const auto& record = document.root();
    auto op = text_of(record, "op");
    auto subject = text_of(record, "subject");
    if (op == "register") {
        Version version{number_of(record, "version"), number_of(record, "id"), false};
        if (record.find("schema") != nullptr) {
            auto kind = kind_of(text_of(record, "type"));
            if (!kind) return fail(Errc::corrupt, "an unknown type of schema");
            Stored stored{*kind, text_of(record, "schema"), {}};
            if (const auto* references = record.find("references"))
                stored.references = TRY(references_of(*references));
            ids_[identity(stored.kind, stored.text, stored.references)] = version.id;
            schemas_[version.id] = std::move(stored);
            last_id_ = std::max(last_id_, version.id);
        }
        subjects_[subject].push_back(version);
    } else if (op == "delete") {
        // Without a version: all of the subject's.
        auto at = subjects_.find(subject);
        if (at == subjects_.end()) return {};
        bool all = record.find("version") == nullptr;
        auto matches = [&](const Version& v) { return all || v.number == number_of(record, "version"); };
        if (flag_of(record, "permanent"))
            std::erase_if(at->second, matches);
        else
            for (auto& v : at->second) v.deleted = v.deleted || matches(v);
        if (at->second.empty()) subjects_.erase(at);
        if (all) levels_.erase(subject), modes_.erase(subject);
    } else if (op == "level") {
        auto level = compatibility_level_of(text_of(record, "level"));
        if (level)
            levels_[subject] = *level;
        else
            levels_.erase(subject);
    } else if (op == "mode") {
        auto mode = mode_of(text_of(record, "mode"));
        if (mode)
            modes_[subject] = *mode;
        else
            modes_.erase(subject);
    } else {
        return fail(Errc::corrupt, "an unknown kind of record, '{}'; a newer version may have written it",
                    op);
    }
    return {};
}

Answer<bool> LocalSchemas::commit(const std::string& payload) {
    auto done = log_->append(payload);
    if (done) done = apply(payload);
    if (done) return true;
    return refuse(refusal::store_failed, "Error in the backend data store: {}", done.error().text);
}

// ---- Looking things up (the mutex is held)

const LocalSchemas::Versions* LocalSchemas::versions_of(std::string_view subject, Deleted deleted) const {
    auto at = subjects_.find(subject);
    if (at == subjects_.end()) return nullptr;
    bool any = std::any_of(at->second.begin(), at->second.end(),
                           [&](const Version& v) { return seen(v.deleted, deleted); });
    return any ? &at->second : nullptr;
}

const LocalSchemas::Version* LocalSchemas::version_of(const Versions& versions, std::int32_t number,
                                                      Deleted deleted) const {
    const Version* found = nullptr;
    for (const auto& version : versions)
        if (seen(version.deleted, deleted) && (number == -1 || version.number == number)) found = &version;
    return found;
}

const LocalSchemas::Version* LocalSchemas::same_schema(const Versions& versions, std::int32_t id,
                                                       Deleted deleted) const {
    const Version* found = nullptr;
    for (const auto& version : versions)
        if (version.id == id && seen(version.deleted, deleted)) found = &version;
    return found;
}

std::optional<std::int32_t> LocalSchemas::id_of(SchemaKind kind, const std::string& text,
                                                const References& references) const {
    auto at = ids_.find(identity(kind, text, references));
    if (at == ids_.end()) return std::nullopt;
    return at->second;
}

RegisteredSchema LocalSchemas::registered(std::string_view subject, const Version& version) const {
    const auto& stored = schemas_.at(version.id);
    return {std::string(subject), version.number, version.id, stored.kind, stored.text, stored.references};
}

CompatibilityLevel LocalSchemas::level_for(std::string_view subject) const {
    for (auto name : {subject, std::string_view()})
        if (auto at = levels_.find(name); at != levels_.end()) return at->second;
    return CompatibilityLevel::backward;
}

Answer<bool> LocalSchemas::check_writable(std::string_view subject) const {
    auto own = modes_.find(subject), global = modes_.find(std::string_view());
    auto global_mode = global == modes_.end() ? Mode::read_write : global->second;
    auto mode = own == modes_.end() || global_mode == Mode::read_only_override ? global_mode : own->second;
    if (mode == Mode::read_write) return true;
    return refuse(refusal::read_only, "Subject {} is in read-only mode", subject);
}

Answer<std::vector<EarlierSchema>> LocalSchemas::earlier_of(const Versions& versions) const {
    std::vector<EarlierSchema> earlier;
    for (const auto& version : versions) {
        if (version.deleted) continue;
        auto stored = schemas_.at(version.id);
        auto referenced = resolve(stored.kind, stored.references, Deleted::include);
        if (!referenced) return std::unexpected(referenced.error());
        earlier.push_back({version.number, stored.kind, {std::move(stored.text), std::move(*referenced)}});
    }
    return earlier;
}

std::vector<std::int32_t> LocalSchemas::referrers(std::string_view subject, std::int32_t number,
                                                  Deleted deleted) const {
    std::set<std::int32_t> ids;
    for (const auto& [name, versions] : subjects_) {
        for (const auto& version : versions) {
            const auto& references = schemas_.at(version.id).references;
            bool refers = std::ranges::any_of(references, [&](const SchemaReference& one) {
                return one.subject == subject && one.version == number;
            });
            if (refers && seen(version.deleted, deleted)) ids.insert(version.id);
        }
    }
    return {ids.begin(), ids.end()};
}

Answer<bool> LocalSchemas::check_unreferenced(std::string_view subject, std::int32_t number) const {
    if (referrers(subject, number, Deleted::exclude).empty()) return true;
    return refuse(
        refusal::reference_exists,
        "One or more references exist to the schema {{magic=1,keytype=SCHEMA,subject={},version={}}}.",
        subject, number);
}

/// The mutex is held. deleted: which versions may be referred to. Puts its number in the place of "the
/// latest".
Answer<ReferencedSchemas> LocalSchemas::resolve(SchemaKind kind, References& references,
                                                Deleted deleted) const {
    auto find = [&](const SchemaReference& reference) -> Result<RegisteredSchema> {
        const auto* all = versions_of(reference.subject, deleted);
        const auto* version = all != nullptr ? version_of(*all, reference.version, deleted) : nullptr;
        if (version == nullptr)
            return fail(Errc::not_found, "No schema reference found for subject \"{}\" and version {}",
                        reference.subject, reference.version);
        return registered(reference.subject, *version);
    };
    for (auto& reference : references) {
        auto found = find(reference);
        if (!found) return invalid(kind, found.error());
        reference.version = found->version;
    }
    auto all = referenced_schemas(kind, references, find);
    if (!all) return invalid(kind, all.error());
    return std::move(*all);
}

/// Without the mutex: reading a text takes a while.
Answer<SchemaText> LocalSchemas::canonical(SchemaKind kind, std::string_view text, References& references,
                                           Deleted deleted) const {
    auto referenced = [&] {
        std::lock_guard lock(mutex_);
        return resolve(kind, references, deleted);
    }();
    if (!referenced) return std::unexpected(referenced.error());
    auto canonical_text = canonical_schema(kind, text, *referenced);
    if (!canonical_text) return invalid(kind, canonical_text.error());
    return SchemaText{std::move(*canonical_text), std::move(*referenced)};
}

// ---- Registering

Answer<RegisteredSchema> LocalSchemas::add(std::string_view subject, SchemaKind kind, std::string_view text,
                                           References references) {
    if (auto right = check_subject(subject); !right) return std::unexpected(right.error());
    auto schema = canonical(kind, text, references, Deleted::exclude);
    if (!schema) return std::unexpected(schema.error());
    std::lock_guard lock(mutex_);
    auto id = id_of(kind, schema->text, references);
    const auto* all = versions_of(subject, Deleted::include);
    if (all != nullptr && id) {
        if (const auto* same = same_schema(*all, *id, Deleted::exclude)) return registered(subject, *same);
    }
    if (auto writable = check_writable(subject); !writable) return std::unexpected(writable.error());
    if (!id && schemas_.size() >= max_schemas)
        return refuse(refusal::store_failed, "The registry holds {} schemas, as many as it can",
                      schemas_.size());
    if (all != nullptr) {
        auto earlier = earlier_of(*all);
        if (!earlier) return std::unexpected(earlier.error());
        auto why = incompatibilities(level_for(subject), kind, *schema, *earlier);
        if (!why) return refuse(refusal::invalid_schema, "{}", why.error().text);
        if (!why->empty()) {
            return refuse(refusal::incompatible,
                          "Schema being registered is incompatible with an earlier schema for "
                          "subject \"{}\", details: [{}]",
                          subject, fmt::join(*why, ", "));
        }
    }
    auto next = all == nullptr ? 1 : all->back().number + 1;
    JsonWriter record;
    record.begin_object()
        .field("op", "register")
        .field("subject", subject)
        .field("version", next)
        .field("id", id ? *id : last_id_ + 1);
    if (!id) record.field("type", to_string(kind)).field("schema", schema->text);
    if (!id && !references.empty()) record.raw_field("references", json_of(references));
    if (auto done = commit(record.end_object().take()); !done) return std::unexpected(done.error());
    return registered(subject, subjects_.find(subject)->second.back());
}

Answer<RegisteredSchema> LocalSchemas::find(std::string_view subject, SchemaKind kind, std::string_view text,
                                            Deleted deleted, References references) {
    auto schema = canonical(kind, text, references, Deleted::include);
    std::lock_guard lock(mutex_);
    const auto* all = versions_of(subject, deleted);
    if (all == nullptr) return no_subject(subject);
    if (!schema) return std::unexpected(schema.error());
    auto id = id_of(kind, schema->text, references);
    const auto* same = id ? same_schema(*all, *id, deleted) : nullptr;
    if (same == nullptr) return refuse(refusal::schema_not_found, "Schema not found");
    return registered(subject, *same);
}

Answer<CompatibilityCheck> LocalSchemas::check(std::string_view subject, std::optional<std::int32_t> version,
                                               SchemaKind kind, std::string_view text,
                                               References references) {
    auto schema = canonical(kind, text, references, Deleted::exclude);
    if (!schema) return std::unexpected(schema.error());
    Answer<std::vector<EarlierSchema>> earlier;
    CompatibilityLevel level;
    {
        std::lock_guard lock(mutex_);
        level = level_for(subject);
        const auto* all = versions_of(subject, Deleted::exclude);
        if (version && all == nullptr) return no_subject(subject);
        if (version) {
            const auto* one = version_of(*all, *version, Deleted::exclude);
            if (one == nullptr) return refuse(refusal::version_not_found, "Version {} not found.", *version);
            earlier = earlier_of({*one});
        } else if (all != nullptr) {
            earlier = earlier_of(*all);
        }
        if (!earlier) return std::unexpected(earlier.error());
    }
    auto why = incompatibilities(level, kind, *schema, *earlier);
    if (!why) return refuse(refusal::invalid_schema, "{}", why.error().text);
    return CompatibilityCheck{why->empty(), std::move(*why)};
}

// ---- Reading

Answer<RegisteredSchema> LocalSchemas::version(std::string_view subject, std::int32_t number,
                                               Deleted deleted) {
    std::lock_guard lock(mutex_);
    const auto* all = versions_of(subject, deleted);
    if (all == nullptr) return no_subject(subject);
    const auto* found = version_of(*all, number, deleted);
    if (found == nullptr) return refuse(refusal::version_not_found, "Version {} not found.", number);
    return registered(subject, *found);
}

Answer<std::vector<std::int32_t>> LocalSchemas::list_versions(std::string_view subject, Deleted deleted) {
    std::lock_guard lock(mutex_);
    const auto* all = versions_of(subject, deleted);
    if (all == nullptr) return no_subject(subject);
    std::vector<std::int32_t> numbers;
    for (const auto& version : *all)
        if (seen(version.deleted, deleted)) numbers.push_back(version.number);
    return numbers;
}

std::vector<std::string> LocalSchemas::list_subjects(std::string_view prefix, Deleted deleted) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, versions] : subjects_) {
        bool live = versions_of(name, Deleted::exclude) != nullptr;
        if (name.starts_with(prefix) && seen(!live, deleted)) names.push_back(name);
    }
    return names;
}

std::vector<RegisteredSchema> LocalSchemas::list(std::string_view prefix, Deleted deleted, bool latest_only) {
    std::lock_guard lock(mutex_);
    std::vector<RegisteredSchema> all;
    for (const auto& [name, versions] : subjects_) {
        if (!name.starts_with(prefix)) continue;
        const auto* latest = version_of(versions, -1, deleted);
        for (const auto& version : versions)
            if (seen(version.deleted, deleted) && (!latest_only || &version == latest))
                all.push_back(registered(name, version));
    }
    return all;
}

Answer<RegisteredSchema> LocalSchemas::schema(std::int32_t id) {
    std::lock_guard lock(mutex_);
    auto at = schemas_.find(id);
    if (at == schemas_.end()) return refuse(refusal::schema_not_found, "Schema {} not found", id);
    RegisteredSchema found{{}, 0, id, at->second.kind, at->second.text, at->second.references};
    for (const auto& [name, versions] : subjects_) {
        const auto* version = same_schema(versions, id, Deleted::include);
        if (version == nullptr) continue;
        found.subject = name;
        found.version = version->number;
        break;
    }
    return found;
}

std::vector<RegisteredSchema> LocalSchemas::uses(std::int32_t id, Deleted deleted) {
    std::lock_guard lock(mutex_);
    std::vector<RegisteredSchema> all;
    for (const auto& [name, versions] : subjects_)
        for (const auto& version : versions)
            if (version.id == id && seen(version.deleted, deleted)) all.push_back(registered(name, version));
    return all;
}

std::vector<std::int32_t> LocalSchemas::referenced_by(std::string_view subject, std::int32_t number,
                                                      Deleted deleted) {
    std::lock_guard lock(mutex_);
    return referrers(subject, number, deleted);
}

Answer<std::string> LocalSchemas::serialized(const RegisteredSchema& schema) {
    auto references = schema.references;
    std::lock_guard lock(mutex_);
    auto referenced = resolve(schema.kind, references, Deleted::include);
    if (!referenced) return std::unexpected(referenced.error());
    auto parsed = ProtobufSchema::parse(schema.text, *referenced);
    if (!parsed) return invalid(schema.kind, parsed.error());
    return parsed->serialized();
}

// ---- Removing

Answer<std::vector<std::int32_t>> LocalSchemas::remove_subject(std::string_view subject, bool permanent) {
    std::lock_guard lock(mutex_);
    const auto* all = versions_of(subject, Deleted::include);
    if (all == nullptr) return no_subject(subject);
    if (auto writable = check_writable(subject); !writable) return std::unexpected(writable.error());
    bool live = versions_of(subject, Deleted::exclude) != nullptr;
    if (permanent && live)
        return refuse(refusal::subject_not_soft_deleted,
                      "Subject '{}' was not deleted first before being permanently deleted", subject);
    if (!permanent && !live)
        return refuse(refusal::subject_soft_deleted,
                      "Subject '{}' was soft deleted. Set permanent=true to delete permanently", subject);
    std::vector<std::int32_t> numbers;
    for (const auto& version : *all)
        if (permanent || !version.deleted) numbers.push_back(version.number);
    for (auto number : numbers)
        if (auto free = check_unreferenced(subject, number); !free) return std::unexpected(free.error());
    JsonWriter record;
    record.begin_object()
        .field("op", "delete")
        .field("subject", subject)
        .field("permanent", permanent)
        .end_object();
    if (auto done = commit(record.take()); !done) return std::unexpected(done.error());
    return numbers;
}

Answer<std::int32_t> LocalSchemas::remove_version(std::string_view subject, std::int32_t number,
                                                  bool permanent) {
    std::lock_guard lock(mutex_);
    const auto* all = versions_of(subject, Deleted::include);
    if (all == nullptr) return no_subject(subject);
    // "latest" is the latest of those that the call could remove.
    const auto* version = version_of(*all, number,
                                     number != -1 ? Deleted::include
                                     : permanent  ? Deleted::only
                                                  : Deleted::exclude);
    if (version == nullptr) return refuse(refusal::version_not_found, "Version {} not found.", number);
    if (auto writable = check_writable(subject); !writable) return std::unexpected(writable.error());
    number = version->number;
    if (permanent && !version->deleted)
        return refuse(refusal::version_not_soft_deleted,
                      "Subject '{}' Version {} was not deleted first before being permanently deleted",
                      subject, number);
    if (!permanent && version->deleted)
        return refuse(refusal::version_soft_deleted,
                      "Subject '{}' Version {} was soft deleted. Set permanent=true to delete permanently",
                      subject, number);
    if (auto free = check_unreferenced(subject, number); !free) return std::unexpected(free.error());
    JsonWriter record;
    record.begin_object()
        .field("op", "delete")
        .field("subject", subject)
        .field("version", number)
        .field("permanent", permanent)
        .end_object();
    if (auto done = commit(record.take()); !done) return std::unexpected(done.error());
    return number;
}

// ---- Settings

CompatibilityLevel LocalSchemas::level() const {
    std::lock_guard lock(mutex_);
    return level_for({});
}

std::optional<CompatibilityLevel> LocalSchemas::level(std::string_view subject) const {
    std::lock_guard lock(mutex_);
    auto at = levels_.find(subject);
    if (at == levels_.end()) return std::nullopt;
    return at->second;
}

Answer<CompatibilityLevel> LocalSchemas::set_level(std::string_view subject,
                                                   std::optional<CompatibilityLevel> level) {
    if (!subject.empty())
        if (auto right = check_subject(subject); !right) return std::unexpected(right.error());
    std::lock_guard lock(mutex_);
    auto before = level_for(subject);
    if (!level && !levels_.contains(subject)) {
        if (!subject.empty())
            return refuse(refusal::no_subject_level,
                          "Subject '{}' does not have subject-level compatibility configured", subject);
        return before;
    }
    JsonWriter record;
    record.begin_object().field("op", "level").field("subject", subject);
    if (level) record.field("level", to_string(*level));
    if (auto done = commit(record.end_object().take()); !done) return std::unexpected(done.error());
    return level.value_or(before);
}

Mode LocalSchemas::mode() const {
    std::lock_guard lock(mutex_);
    auto at = modes_.find(std::string_view());
    return at == modes_.end() ? Mode::read_write : at->second;
}

std::optional<Mode> LocalSchemas::mode(std::string_view subject) const {
    std::lock_guard lock(mutex_);
    auto at = modes_.find(subject);
    if (at == modes_.end()) return std::nullopt;
    return at->second;
}

Answer<Mode> LocalSchemas::set_mode(std::string_view subject, std::optional<Mode> mode) {
    if (!subject.empty())
        if (auto right = check_subject(subject); !right) return std::unexpected(right.error());
    std::lock_guard lock(mutex_);
    auto at = modes_.find(subject);
    if (!mode && at == modes_.end()) {
        if (!subject.empty())
            return refuse(refusal::no_subject_mode,
                          "Subject '{}' does not have subject-level mode configured", subject);
        return Mode::read_write;
    }
    auto before = at == modes_.end() ? Mode::read_write : at->second;
    JsonWriter record;
    record.begin_object().field("op", "mode").field("subject", subject);
    if (mode) record.field("mode", to_string(*mode));
    if (auto done = commit(record.end_object().take()); !done) return std::unexpected(done.error());
    return mode.value_or(before);
}

// ---- The seam

std::string LocalSchemas::describe() const {
    return "embedded registry";
}

namespace {
template <class T>
Result<T> result_of(Answer<T> answer) {
    if (answer) return std::move(*answer);
    return std::unexpected(error_of(std::move(answer.error())));
}
}  // namespace

Result<RegisteredSchema> LocalSchemas::put(std::string_view subject, SchemaKind kind, std::string_view text,
                                           const References& references) {
    return result_of(add(subject, kind, text, references));
}
Result<RegisteredSchema> LocalSchemas::by_id(std::int32_t id) {
    return result_of(schema(id));
}
Result<RegisteredSchema> LocalSchemas::get(std::string_view subject, std::int32_t number) {
    return result_of(version(subject, number, Deleted::exclude));
}
Result<std::vector<std::string>> LocalSchemas::subjects() {
    return list_subjects({}, Deleted::exclude);
}
Result<std::vector<std::int32_t>> LocalSchemas::versions(std::string_view subject) {
    return result_of(list_versions(subject, Deleted::exclude));
}

}  // namespace penstock::registry
