#include "broker/catalogue.h"

#include "base/units.h"
#include "broker/checked_text.h"

namespace penstock::broker {
namespace {

constexpr std::string_view first_line = "penstock topics 1";

}  // namespace

std::string encode_catalogue(const std::vector<CatalogueEntry>& topics) {
    std::string out;
    for (const auto& topic : topics) {
        out += fmt::format("topic {} {} {}\n", topic.spec.name, topic.id.text(), topic.spec.partitions);
        for (const auto& [name, value] : topic.spec.config) out += fmt::format("config {} {}\n", name, value);
    }
    return checked_text(first_line, out);
}

Result<std::vector<CatalogueEntry>> decode_catalogue(std::string_view text) {
    auto end = text.rfind("crc32c ");
    if (end == std::string_view::npos || (end > 0 && text[end - 1] != '\n'))
        return fail(Errc::corrupt, "the last line is not a checksum");
    text = TRY(lines_of_checked_text(text, first_line));
    std::vector<CatalogueEntry> topics;
    for (int number = 2; !text.empty(); ++number) {
        auto line = take_until(text, '\n');
        auto kind = take_until(line, ' ');
        if (kind == "topic") {
            CatalogueEntry entry;
            entry.spec.name = take_until(line, ' ');
            auto id = codec::Uuid::parse(take_until(line, ' '));
            auto partitions = parse_int(line);
            if (!id || !partitions || *partitions < 1 || *partitions > INT32_MAX)
                return fail(Errc::corrupt, "line {}: expected: topic NAME UUID PARTITIONS", number);
            entry.id = *id;
            entry.spec.partitions = std::int32_t(*partitions);
            topics.push_back(std::move(entry));
        } else if (kind == "config" && !topics.empty()) {
            auto name = take_until(line, ' ');
            topics.back().spec.config[std::string(name)] = line;
        } else {
            return fail(Errc::corrupt, "line {}: expected topic or config", number);
        }
    }
    return topics;
}

}  // namespace penstock::broker
