#include "broker/catalogue.h"

#include "base/units.h"
#include "codec/crc32c.h"

namespace penstock::broker {
namespace {

constexpr std::string_view first_line = "penstock topics 1";

/// Takes text up to the separator from the front.
std::string_view take(std::string_view& text, char separator) {
    auto at = text.find(separator);
    auto taken = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return taken;
}

}  // namespace

std::string encode_catalogue(const std::vector<CatalogueEntry>& topics) {
    std::string out(first_line);
    out += '\n';
    for (const auto& topic : topics) {
        out += fmt::format("topic {} {} {}\n", topic.spec.name, topic.id.text(), topic.spec.partitions);
        for (const auto& [name, value] : topic.spec.config) out += fmt::format("config {} {}\n", name, value);
    }
    return out + fmt::format("crc32c {:08x}\n", codec::crc32c(out));
}

Result<std::vector<CatalogueEntry>> decode_catalogue(std::string_view text) {
    auto end = text.rfind("crc32c ");
    if (end == std::string_view::npos || (end > 0 && text[end - 1] != '\n'))
        return fail(Errc::corrupt, "the last line is not a checksum");
    auto checksum = fmt::format("crc32c {:08x}\n", codec::crc32c(text.substr(0, end)));
    if (text.substr(end) != checksum) return fail(Errc::corrupt, "the checksum in the last line is wrong");
    text = text.substr(0, end);
    if (take(text, '\n') != first_line) return fail(Errc::corrupt, "line 1: expected '{}'", first_line);
    std::vector<CatalogueEntry> topics;
    for (int number = 2; !text.empty(); ++number) {
        auto line = take(text, '\n');
        auto kind = take(line, ' ');
        if (kind == "topic") {
            CatalogueEntry entry;
            entry.spec.name = take(line, ' ');
            auto id = codec::Uuid::parse(take(line, ' '));
            auto partitions = parse_int(line);
            if (!id || !partitions || *partitions < 1 || *partitions > INT32_MAX)
                return fail(Errc::corrupt, "line {}: expected: topic NAME UUID PARTITIONS", number);
            entry.id = *id;
            entry.spec.partitions = std::int32_t(*partitions);
            topics.push_back(std::move(entry));
        } else if (kind == "config" && !topics.empty()) {
            auto name = take(line, ' ');
            topics.back().spec.config[std::string(name)] = line;
        } else {
            return fail(Errc::corrupt, "line {}: expected topic or config", number);
        }
    }
    return topics;
}

}  // namespace penstock::broker
