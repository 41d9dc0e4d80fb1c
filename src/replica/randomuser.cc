#include "replica/randomuser.h"

#include <array>

#include "base/units.h"
#include "replica/randomuser_names.h"

namespace penstock::replica {
namespace {

constexpr std::array<std::string_view, user_fields> field_names = {"gender", "name", "location",   "email",
                                                                   "login",  "dob",  "registered", "phone",
                                                                   "cell",   "id",   "picture",    "nat"};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = char(c + 32);
    return out;
}

/// The parts between commas, in small letters, without blanks.
std::vector<std::string> parts_of(std::string_view list) {
    std::vector<std::string> parts(1);
    for (char c : lower(list)) {
        if (c == ',')
            parts.emplace_back();
        else if (c != ' ')
            parts.back() += c;
    }
    return parts;
}

int number_in(std::string_view text, std::int64_t from, std::int64_t to) {
    auto number = parse_int(text);
    return number && *number >= from && *number <= to ? int(*number) : 1;
}

unsigned fields_of(std::string_view list) {
    unsigned fields = 0;
    for (auto& part : parts_of(list))
        for (int i = 0; i < user_fields; ++i)
            if (part == field_names[std::size_t(i)]) fields |= 1u << i;
    return fields;
}

/// One bad code voids the whole list.
std::vector<std::uint8_t> nations_of(std::string_view list) {
    std::vector<std::uint8_t> places;
    for (auto& part : parts_of(list)) {
        auto before = places.size();
        for (std::size_t i = 0; i < nations().size(); ++i)
            if (part == lower(nations()[i].code)) places.push_back(std::uint8_t(i));
        if (places.size() == before) return {};
    }
    return places;
}

UserQuery::Format format_of(std::string_view name) {
    auto text = lower(name);
    if (text == "pretty" || text == "prettyjson") return UserQuery::Format::pretty;
    if (text == "csv") return UserQuery::Format::csv;
    if (text == "yaml") return UserQuery::Format::yaml;
    if (text == "xml") return UserQuery::Format::xml;
    return UserQuery::Format::json;
}

PasswordRule password_of(std::string_view rule) {
    PasswordRule made;
    for (auto& part : parts_of(rule)) {
        if (part == "special") made.characters += " !\"#$%&'()*+,- ./:;<=>?@[\\]^_`{|}~";
        if (part == "upper") made.characters += "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        if (part == "lower") made.characters += "abcdefghijklmnopqrstuvwxyz";
        if (part == "number") made.characters += "0123456789";
        auto dash = part.find('-');
        auto from = parse_int(std::string_view(part).substr(0, dash));
        auto to = dash == std::string::npos ? from : parse_int(std::string_view(part).substr(dash + 1));
        if (!from || !to) continue;
        auto bounded = [](std::int64_t n) { return std::uint32_t(n < 1 ? 1 : n > 64 ? 64 : n); };
        made.shortest = bounded(std::min(*from, *to));
        made.longest = bounded(std::max(*from, *to));
    }
    if (made.characters.empty()) made.characters = "abcdefghijklmnopqrstuvwxyz0123456789";
    return made;
}

/// A name that JavaScript can call: anything else would be somebody's script in the answer.
bool is_callable(std::string_view name) {
    if (name.empty() || name.size() > 128 || (name.front() >= '0' && name.front() <= '9')) return false;
    for (char c : name) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '$' && c != '.') return false;
    }
    return true;
}

}  // namespace

UserQuery parse_user_query(const std::vector<std::pair<std::string, std::string>>& query) {
    UserQuery parsed;
    unsigned excluded = 0;
    for (auto& [name, value] : query) {
        if (name == "results")
            parsed.results = number_in(value, 1, 5000);
        else if (name == "page")
            parsed.page = number_in(value, 1, 10'000);
        else if (name == "seed")
            parsed.seed = value.empty() ? std::nullopt : std::optional(value);
        else if (name == "gender") {
            auto gender = lower(value);
            parsed.male.reset();
            if (gender == "male") parsed.male = true;
            if (gender == "female") parsed.male = false;
        } else if (name == "nat" || name == "nationality")
            parsed.nations = nations_of(value);
        else if (name == "inc") {
            unsigned fields = fields_of(value);
            parsed.fields = fields == 0 ? all_user_fields : fields;
        } else if (name == "exc")
            excluded = fields_of(value);
        else if (name == "format" || name == "fmt")
            parsed.format = format_of(value);
        else if (name == "noinfo")
            parsed.info = false;
        else if (name == "dl" || name == "download")
            parsed.download = true;
        else if (name == "lego")
            parsed.lego = true;
        else if (name == "callback")
            parsed.callback = is_callable(value) ? value : "";
        else if (name == "password")
            parsed.password = password_of(value);
    }
    parsed.fields &= ~excluded;
    if (parsed.seed) parsed.male.reset();
    return parsed;
}

std::string_view content_type_of(const UserQuery& query) {
    switch (query.format) {
        case UserQuery::Format::json:
            if (!query.callback.empty()) return "application/javascript; charset=utf-8";
            return "application/json; charset=utf-8";
        case UserQuery::Format::pretty:
            return "application/json; charset=utf-8";
        case UserQuery::Format::csv:
            return "text/csv; charset=utf-8";
        case UserQuery::Format::yaml:
            return "text/x-yaml; charset=utf-8";
        case UserQuery::Format::xml:
            return "text/xml; charset=utf-8";
    }
    return "";
}

std::string_view file_extension_of(UserQuery::Format format) {
    switch (format) {
        case UserQuery::Format::json:
        case UserQuery::Format::pretty:
            return "json";
        case UserQuery::Format::csv:
            return "csv";
        case UserQuery::Format::yaml:
            return "yaml";
        case UserQuery::Format::xml:
            return "xml";
    }
    return "";
}

}  // namespace penstock::replica
