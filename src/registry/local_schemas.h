// Our own schema registry: subjects, versions, compatibility, in memory and in one file
// (schema_log.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/files.h"
#include "registry/compatibility.h"
#include "registry/refusal.h"
#include "registry/schema_log.h"
#include "registry/schemas.h"

namespace penstock::registry {

/// Which of the soft-deleted are seen.
enum class Deleted { exclude, include, only };

enum class Mode { read_write, read_only, read_only_override };
std::string_view to_string(Mode mode);  ///< READWRITE, READONLY, READONLY_OVERRIDE
std::optional<Mode> mode_of(std::string_view name);

struct CompatibilityCheck {
    bool compatible = true;
    std::vector<std::string> messages;
};

/// Thread-safe. A change is on the disk when the call that makes it returns; calls that change wait
/// for the disk. Texts are kept and given in their canonical form: what differs in white space or
/// in the order of Avro's attributes is the same schema. At most max_schemas different ones are
/// kept.
class LocalSchemas final : public Schemas {
public:
    static constexpr std::size_t max_schemas = 100'000;

    /// Opens or creates <directory>/schemas.log. Errc::corrupt when it is damaged otherwise than by
    /// a crash.
    static Result<std::unique_ptr<LocalSchemas>> open(const std::string& directory,
                                                      io::Files& files = io::system_files());

    // The seam.
    std::string describe() const override;
    Result<RegisteredSchema> put(std::string_view subject, SchemaKind kind, std::string_view text,
                                 const References& references = {}) override;
    Result<RegisteredSchema> by_id(std::int32_t id) override;
    Result<RegisteredSchema> get(std::string_view subject, std::int32_t version) override;
    Result<std::vector<std::string>> subjects() override;
    Result<std::vector<std::int32_t>> versions(std::string_view subject) override;

    // What the REST API offers beyond it.
    Answer<RegisteredSchema> add(std::string_view subject, SchemaKind kind, std::string_view text,
                                 References references = {});
    /// The version of the subject that is this schema.
    Answer<RegisteredSchema> find(std::string_view subject, SchemaKind kind, std::string_view text,
                                  Deleted deleted, References references = {});
    Answer<RegisteredSchema> version(std::string_view subject, std::int32_t version, Deleted deleted);
    Answer<std::vector<std::int32_t>> list_versions(std::string_view subject, Deleted deleted);
    std::vector<std::string> list_subjects(std::string_view prefix, Deleted deleted);
    /// All versions of all subjects.
    std::vector<RegisteredSchema> list(std::string_view prefix, Deleted deleted, bool latest_only);
    Answer<RegisteredSchema> schema(std::int32_t id);
    std::vector<RegisteredSchema> uses(std::int32_t id, Deleted deleted);
    /// The ids of schemas that refer to a version.
    std::vector<std::int32_t> referenced_by(std::string_view subject, std::int32_t version, Deleted deleted);
    /// A Protobuf schema's FileDescriptorProto in base64.
    Answer<std::string> serialized(const RegisteredSchema& schema);

    /// Soft: no longer seen, its id still answers. Permanent: only what was soft-deleted before. What others
    /// refer to stays.
    Answer<std::vector<std::int32_t>> remove_subject(std::string_view subject, bool permanent);
    Answer<std::int32_t> remove_version(std::string_view subject, std::int32_t version, bool permanent);

    CompatibilityLevel level() const;
    std::optional<CompatibilityLevel> level(std::string_view subject) const;
    /// subject empty: the global one. Nothing: back to the default, or to the global one.
    Answer<CompatibilityLevel> set_level(std::string_view subject, std::optional<CompatibilityLevel> level);
    Mode mode() const;
    std::optional<Mode> mode(std::string_view subject) const;
    Answer<Mode> set_mode(std::string_view subject, std::optional<Mode> mode);

    /// Would the schema fit this version (nothing: those that the level looks at)?
    Answer<CompatibilityCheck> check(std::string_view subject, std::optional<std::int32_t> version,
                                     SchemaKind kind, std::string_view text, References references = {});

private:
    struct Version {
        std::int32_t number = 0;
        std::int32_t id = 0;
        bool deleted = false;
    };
    struct Stored {
        SchemaKind kind;
        std::string text;
        References references;
    };
    using Versions = std::vector<Version>;

    LocalSchemas() = default;

    Result<> apply(std::string_view payload);
    Answer<bool> commit(const std::string& payload);
    const Versions* versions_of(std::string_view subject, Deleted deleted) const;
    const Version* version_of(const Versions& versions, std::int32_t number, Deleted deleted) const;
    const Version* same_schema(const Versions& versions, std::int32_t id, Deleted deleted) const;
    std::optional<std::int32_t> id_of(SchemaKind kind, const std::string& text,
                                      const References& references) const;
    RegisteredSchema registered(std::string_view subject, const Version& version) const;
    CompatibilityLevel level_for(std::string_view subject) const;
    Answer<bool> check_writable(std::string_view subject) const;
    Answer<std::vector<EarlierSchema>> earlier_of(const Versions& versions) const;
    Answer<ReferencedSchemas> resolve(SchemaKind kind, References& references, Deleted deleted) const;
    Answer<SchemaText> canonical(SchemaKind kind, std::string_view text, References& references,
                                 Deleted deleted) const;
    std::vector<std::int32_t> referrers(std::string_view subject, std::int32_t version,
                                        Deleted deleted) const;
    Answer<bool> check_unreferenced(std::string_view subject, std::int32_t version) const;

    std::string directory_;
    mutable std::mutex mutex_;
    std::unique_ptr<SchemaLog> log_;
    std::map<std::string, Versions, std::less<>> subjects_;
    std::map<std::int32_t, Stored> schemas_;
    std::unordered_map<std::string, std::int32_t> ids_;              // by identity()
    std::map<std::string, CompatibilityLevel, std::less<>> levels_;  // "": the global one
    std::map<std::string, Mode, std::less<>> modes_;
    std::int32_t last_id_ = 0;
};

}  // namespace penstock::registry
