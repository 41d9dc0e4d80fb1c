#include "orchestrate/run_conf.h"

#include <simdjson.h>

#include <algorithm>
#include <cctype>

namespace penstock::orchestrate {

Result<std::string> checked_conf(std::string_view conf) {
    if (conf.empty()) return std::string("{}");
    constexpr std::size_t conf_bytes_max = 64 * 1024;
    if (conf.size() > conf_bytes_max) {
        return fail(Errc::invalid, "conf has {} bytes; expected at most {}", conf.size(), conf_bytes_max);
    }
    simdjson::dom::parser parser;
    simdjson::dom::element value;
    auto error = parser.parse(conf.data(), conf.size()).get(value);
    if (error) return fail(Errc::invalid, "conf is not JSON: {}", simdjson::error_message(error));
    if (!value.is_object())
        return fail(Errc::invalid, "conf is not a JSON object; expected {{\"name\": value}}");
    return std::string(conf);
}

Result<> check_run_id(std::string_view run_id) {
    constexpr std::size_t longest = 250;
    if (run_id.size() > longest)
        return fail(Errc::invalid, "run_id has {} characters; expected at most {}", run_id.size(), longest);
    auto allowed = [](unsigned char c) {
        return std::isalnum(c) || std::string_view("_.~:+-").contains(char(c));
    };
    if (std::ranges::all_of(run_id, allowed)) return {};
    return fail(Errc::invalid, "run_id '{}': expected letters, digits, and any of _ . ~ : + -", run_id);
}

}  // namespace penstock::orchestrate
