#include "app/commands/record_format.h"

#include "base/hex.h"

namespace penstock::app {
namespace {

std::string size_of(const std::optional<std::string>& bytes) {
    return bytes ? std::to_string(bytes->size()) : "-1";
}

std::string joined(const std::vector<std::pair<std::string, std::string>>& headers) {
    std::string text;
    for (const auto& [name, value] : headers) {
        if (!text.empty()) text += ',';
        text += name;
        text += '=';
        text += value;
    }
    return text;
}

std::string value_of(char directive, const ShownRecord& record) {
    switch (directive) {
        case 's':
            return record.value.value_or("");
        case 'S':
            return size_of(record.value);
        case 'k':
            return record.key.value_or("");
        case 'K':
            return size_of(record.key);
        case 't':
            return std::string(record.topic);
        case 'p':
            return std::to_string(record.partition);
        case 'o':
            return std::to_string(record.offset);
        case 'T':
            return std::to_string(record.timestamp_ms);
        case 'h':
            return joined(record.headers);
        default:
            return "";
    }
}

}  // namespace

Result<RecordFormat> RecordFormat::parse(std::string_view text) {
    constexpr std::string_view directives = "sSkKtpoTh";
    RecordFormat format;
    auto literal = [&](char c) {
        if (format.parts_.empty() || format.parts_.back().first) format.parts_.emplace_back();
        format.parts_.back().second += c;
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto next = at + 1 < text.size() ? text[at + 1] : '\0';
        if (text[at] == '%' && next == '%') {
            literal('%');
        } else if (text[at] == '%') {
            if (!next || !directives.contains(next)) {
                return fail(Errc::invalid, "'%{}' at {} of the format: expected one of %{}, or %%",
                            next ? std::string(1, next) : "", at + 1, fmt::join(directives, " %"));
            }
            format.parts_.emplace_back(next, "");
        } else if (text[at] == '\\') {
            constexpr std::string_view letters = "nrt\\";
            constexpr std::string_view meant = "\n\r\t\\";
            auto byte = next == 'x' ? hex_bytes(text.substr(at + 2, 2)) : std::nullopt;
            if (byte && byte->size() == 1) {
                literal(byte->front());
                at += 2;
            } else if (next && letters.contains(next)) {
                literal(meant[letters.find(next)]);
            } else {
                return fail(Errc::invalid,
                            "'\\{}' at {} of the format: expected \\n, \\r, \\t, \\\\ or \\x and two "
                            "hexadecimal digits",
                            next ? std::string(1, next) : "", at + 1);
            }
        } else {
            literal(text[at]);
            continue;
        }
        ++at;
    }
    return format;
}

std::string RecordFormat::text(const ShownRecord& record) const {
    std::string out;
    for (const auto& [directive, bytes] : parts_) out += directive ? value_of(directive, record) : bytes;
    return out;
}

}  // namespace penstock::app
