#include "ingest/csv.h"

#include <algorithm>

#include "codec/json_writer.h"
#include "net/http_target.h"

namespace penstock::ingest {

std::optional<std::size_t> csv_row_end(std::string_view text, bool at_end) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"')
            quoted = !quoted;  // a doubled quote is two turns
        else if (text[i] == '\n' && !quoted)
            return i + 1;
    }
    if (at_end && !quoted && !text.empty()) return text.size();
    return std::nullopt;
}

Result<CsvRow> parse_csv_row(std::string_view row, char delimiter) {
    if (row.ends_with('\n')) row.remove_suffix(1);
    if (row.ends_with('\r')) row.remove_suffix(1);
    CsvRow fields;
    std::size_t at = 0;
    while (true) {
        CsvField field;
        if (at < row.size() && row[at] == '"') {
            field.quoted = true;
            ++at;
            while (true) {
                if (at >= row.size())
                    return fail(Errc::invalid, "field {} has no closing quote", fields.size() + 1);
                if (row[at] != '"')
                    field.text += row[at++];
                else if (at + 1 < row.size() && row[at + 1] == '"') {
                    field.text += '"';
                    at += 2;
                } else {
                    ++at;
                    break;
                }
            }
            if (at < row.size() && row[at] != delimiter)
                return fail(Errc::invalid, "field {} goes on after its closing quote", fields.size() + 1);
        } else {
            auto end = std::min(row.find(delimiter, at), row.size());
            field.text = row.substr(at, end - at);
            if (field.text.find('"') != std::string::npos)
                return fail(Errc::invalid, "field {} holds a quote and does not begin with one",
                            fields.size() + 1);
            at = end;
        }
        fields.push_back(std::move(field));
        if (at >= row.size()) return fields;
        ++at;  // the delimiter
        if (at == row.size()) {
            fields.emplace_back();
            return fields;
        }
    }
}

Result<std::string> csv_row_as_json(const std::vector<std::string>& names, const CsvRow& row) {
    if (row.size() != names.size())
        return fail(Errc::invalid, "expected {} fields, found {}", names.size(), row.size());
    std::string out = "{";
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) out += ',';
        codec::append_json_string(out, names[i]);
        out += ':';
        if (!net::is_utf8(row[i].text)) return fail(Errc::invalid, "field '{}' is not UTF-8", names[i]);
        if (row[i].text.empty() && !row[i].quoted)
            out += "null";
        else
            codec::append_json_string(out, row[i].text);
    }
    out += '}';
    return out;
}

Result<std::vector<std::string>> csv_names(const CsvRow& header) {
    std::vector<std::string> names;
    for (auto& field : header) {
        if (field.text.empty())
            return fail(Errc::invalid, "the header's field {} has no name", names.size() + 1);
        if (std::ranges::find(names, field.text) != names.end())
            return fail(Errc::invalid, "the header names '{}' twice", field.text);
        names.push_back(field.text);
    }
    return names;
}

std::vector<std::string> csv_default_names(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("_c" + std::to_string(i));
    return names;
}

}  // namespace penstock::ingest
