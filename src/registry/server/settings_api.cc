// /config and /mode: of the registry, and of one subject.
#include "codec/json_writer.h"
#include "registry/server/registry_api.h"

namespace penstock::registry {
namespace {

using codec::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;

HttpResponse say(std::string_view name, std::string_view value) {
    JsonWriter json;
    return answer(json.begin_object().field(name, value).end_object().take());
}

Answer<CompatibilityLevel> level_in_body(const HttpRequest& request) {
    auto text = body_member(request, "compatibility");
    if (!text) return std::unexpected(text.error());
    if (auto level = compatibility_level_of(*text)) return *level;
    return refuse(refusal::invalid_level,
                  "Invalid compatibility level '{}'. Valid values are none, backward, forward, "
                  "full, backward_transitive, "
                  "forward_transitive, and full_transitive",
                  *text);
}

HttpResponse get_level(LocalSchemas& schemas, const HttpRequest& request) {
    auto subject = param(request, "subject");
    if (subject.empty()) return say("compatibilityLevel", to_string(schemas.level()));
    auto level = schemas.level(subject);
    if (!level && flag(request, "defaultToGlobal")) level = schemas.level();
    if (level) return say("compatibilityLevel", to_string(*level));
    return refused(
        {refusal::no_subject_level,
         fmt::format("Subject '{}' does not have subject-level compatibility configured", subject)});
}

HttpResponse put_level(LocalSchemas& schemas, const HttpRequest& request) {
    auto level = level_in_body(request);
    if (!level) return refused(level.error());
    auto set = schemas.set_level(param(request, "subject"), *level);
    return set ? say("compatibility", to_string(*set)) : refused(set.error());
}

HttpResponse delete_level(LocalSchemas& schemas, const HttpRequest& request) {
    auto before = schemas.set_level(param(request, "subject"), std::nullopt);
    return before ? say("compatibilityLevel", to_string(*before)) : refused(before.error());
}

HttpResponse get_mode(LocalSchemas& schemas, const HttpRequest& request) {
    auto subject = param(request, "subject");
    if (subject.empty()) return say("mode", to_string(schemas.mode()));
    auto mode = schemas.mode(subject);
    if (!mode && flag(request, "defaultToGlobal")) mode = schemas.mode();
    if (mode) return say("mode", to_string(*mode));
    return refused({refusal::no_subject_mode,
                    fmt::format("Subject '{}' does not have subject-level mode configured", subject)});
}

HttpResponse put_mode(LocalSchemas& schemas, const HttpRequest& request) {
    auto text = body_member(request, "mode");
    if (!text) return refused(text.error());
    auto mode = mode_of(*text);
    if (!mode)
        return refused(
            {refusal::invalid_mode,
             fmt::format("Invalid mode '{}'. Valid values are READWRITE, READONLY and READONLY_OVERRIDE",
                         *text)});
    auto set = schemas.set_mode(param(request, "subject"), *mode);
    return set ? say("mode", to_string(*set)) : refused(set.error());
}

HttpResponse delete_mode(LocalSchemas& schemas, const HttpRequest& request) {
    auto before = schemas.set_mode(param(request, "subject"), std::nullopt);
    return before ? say("mode", to_string(*before)) : refused(before.error());
}

}  // namespace

const std::vector<ApiRoute>& setting_routes() {
    static const std::vector<ApiRoute> routes{
        {"GET", "/config", get_level},
        {"PUT", "/config", put_level},
        {"DELETE", "/config", delete_level},
        {"GET", "/config/{subject}", get_level},
        {"PUT", "/config/{subject}", put_level},
        {"DELETE", "/config/{subject}", delete_level},
        {"GET", "/mode", get_mode},
        {"PUT", "/mode", put_mode},
        {"GET", "/mode/{subject}", get_mode},
        {"PUT", "/mode/{subject}", put_mode},
        {"DELETE", "/mode/{subject}", delete_mode},
    };
    return routes;
}

}  // namespace penstock::registry
