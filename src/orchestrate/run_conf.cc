#include "orchestrate/run_conf.h"

#include <simdjson.h>

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

}  // namespace penstock::orchestrate
