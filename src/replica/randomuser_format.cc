// Writes users as JSON, CSV, YAML and XML. One walk over a user's fields, one writer for each format.
#include <fmt/format.h>

#include <cstring>

#include "replica/randomuser_user.h"

namespace penstock::replica {
namespace {

/// Users are written here first: no user, in any format, is larger.
constexpr std::size_t user_bytes_max = 8192;

class Buffer {
public:
    void operator+=(std::string_view text) {
        std::memcpy(end_, text.data(), text.size());
        end_ += text.size();
    }
    void operator+=(char c) { *end_++ = c; }
    void number(std::uint64_t value) {
        fmt::format_int digits(value);
        *this += std::string_view(digits.data(), digits.size());
    }
    std::string_view view() const { return {bytes_, std::size_t(end_ - bytes_)}; }
    void clear() { end_ = bytes_; }

private:
    char bytes_[user_bytes_max];
    char* end_ = bytes_;
};

void put_json_escaped(auto& out, std::string_view text) {
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (std::uint8_t(c) < 0x20) {
            char escape[8];
            auto end = fmt::format_to_n(escape, 7, "\\u{:04x}", int(c)).out;
            out += std::string_view(escape, std::size_t(end - escape));
        } else {
            out += c;
        }
    }
}

/// Values made of several pieces, so that nothing is put together twice.
template <class... Pieces>
void put_all(Buffer& out, const Pieces&... pieces) {
    ((out += std::string_view(pieces)), ...);
}

/// {"a":1,"b":{"c":"d"}}; keys are literals that need no escape, and neither do values but the password.
class JsonWriter {
public:
    explicit JsonWriter(Buffer& out) : out_(out) {}
    void begin(std::string_view key) {
        put_key(key);
        out_ += '{';
        first_ = true;
    }
    void end() {
        out_ += '}';
        first_ = false;
    }
    template <class... Pieces>
    void text(std::string_view key, const Pieces&... pieces) {
        put_key(key);
        out_ += '"';
        put_all(out_, pieces...);
        out_ += '"';
    }
    void any_text(std::string_view key, std::string_view value) {
        put_key(key);
        out_ += '"';
        put_json_escaped(out_, value);
        out_ += '"';
    }
    void number(std::string_view key, std::uint64_t value) {
        put_key(key);
        out_.number(value);
    }
    void raw(std::string_view key, std::string_view digits) {
        put_key(key);
        out_ += digits;
    }
    void null(std::string_view key) {
        put_key(key);
        out_ += "null";
    }
    void begin_user() {
        out_ += '{';
        first_ = true;
    }
    void end_user() {
        out_ += '}';
        first_ = false;
    }

private:
    void put_key(std::string_view key) {
        if (!first_) out_ += ',';
        first_ = false;
        out_ += '"';
        out_ += key;
        out_ += "\":";
    }
    Buffer& out_;
    bool first_ = true;
};

/// As JSON.stringify(value, null, 2) writes it, inside {"results": [.
class PrettyWriter {
public:
    explicit PrettyWriter(Buffer& out) : out_(out) {}
    void begin(std::string_view key) {
        put_key(key);
        out_ += '{';
        first_ = true;
        ++depth_;
    }
    void end() {
        --depth_;
        first_ = false;
        new_line();
        out_ += '}';
    }
    template <class... Pieces>
    void text(std::string_view key, const Pieces&... pieces) {
        put_key(key);
        out_ += '"';
        put_all(out_, pieces...);
        out_ += '"';
    }
    void any_text(std::string_view key, std::string_view value) {
        put_key(key);
        out_ += '"';
        put_json_escaped(out_, value);
        out_ += '"';
    }
    void number(std::string_view key, std::uint64_t value) {
        put_key(key);
        out_.number(value);
    }
    void raw(std::string_view key, std::string_view digits) {
        put_key(key);
        out_ += digits;
    }
    void null(std::string_view key) {
        put_key(key);
        out_ += "null";
    }
    void begin_user() {
        depth_ = 2;
        new_line();
        out_ += '{';
        first_ = true;
        ++depth_;
    }
    void end_user() {
        --depth_;
        if (!first_) new_line();
        out_ += '}';
        first_ = false;
    }

private:
    void new_line() {
        out_ += '\n';
        for (int i = 0; i < depth_; ++i) out_ += "  ";
    }
    void put_key(std::string_view key) {
        if (!first_) out_ += ',';
        first_ = false;
        new_line();
        out_ += '"';
        out_ += key;
        out_ += "\": ";
    }
    Buffer& out_;
    int depth_ = 0;
    bool first_ = true;
};

/// The names of the columns: "name.first,name.last".
class CsvHeader {
public:
    explicit CsvHeader(Buffer& out) : out_(out) {}
    void begin(std::string_view key) {
        path_ += key;
        path_ += '.';
    }
    void end() {
        path_.pop_back();
        auto dot = path_.rfind('.');
        path_.resize(dot == std::string::npos ? 0 : dot + 1);
    }
    void text(std::string_view key, const auto&...) { put(key); }
    void any_text(std::string_view key, std::string_view) { put(key); }
    void number(std::string_view key, std::uint64_t) { put(key); }
    void raw(std::string_view key, std::string_view) { put(key); }
    void null(std::string_view key) { put(key); }
    void begin_user() {}
    void end_user() {}

private:
    void put(std::string_view key) {
        if (!first_) out_ += ',';
        first_ = false;
        put_all(out_, path_, key);
    }
    Buffer& out_;
    std::string path_;
    bool first_ = true;
};

class CsvWriter {
public:
    explicit CsvWriter(Buffer& out) : out_(out) {}
    void begin(std::string_view) {}
    void end() {}
    template <class... Pieces>
    void text(std::string_view key, const Pieces&... pieces) {
        Buffer whole;
        put_all(whole, pieces...);
        any_text(key, whole.view());
    }
    void any_text(std::string_view, std::string_view value) {
        comma();
        bool quoted = value.find_first_of(",\"\r\n") != std::string_view::npos;
        if (quoted) out_ += '"';
        for (char c : value) {
            if (c == '"') out_ += '"';
            out_ += c;
        }
        if (quoted) out_ += '"';
    }
    void number(std::string_view, std::uint64_t value) {
        comma();
        out_.number(value);
    }
    void raw(std::string_view, std::string_view digits) {
        comma();
        out_ += digits;
    }
    void null(std::string_view) { comma(); }
    void begin_user() {
        out_ += '\n';
        first_ = true;
    }
    void end_user() {}

private:
    void comma() {
        if (!first_) out_ += ',';
        first_ = false;
    }
    Buffer& out_;
    bool first_ = true;
};

class YamlWriter {
public:
    explicit YamlWriter(Buffer& out) : out_(out) {}
    void begin(std::string_view key) {
        put_key(key);
        ++depth_;
    }
    void end() { --depth_; }
    template <class... Pieces>
    void text(std::string_view key, const Pieces&... pieces) {
        Buffer whole;
        put_all(whole, pieces...);
        any_text(key, whole.view());
    }
    void any_text(std::string_view key, std::string_view value) {
        put_key(key);
        out_ += " '";
        for (char c : value) {
            if (c == '\'') out_ += '\'';
            out_ += c;
        }
        out_ += '\'';
    }
    void number(std::string_view key, std::uint64_t value) {
        put_key(key);
        out_ += ' ';
        out_.number(value);
    }
    void raw(std::string_view key, std::string_view digits) {
        put_key(key);
        put_all(out_, " ", digits);
    }
    void null(std::string_view key) {
        put_key(key);
        out_ += " null";
    }
    void begin_user() {
        out_ += "\n    -";
        depth_ = 2;
    }
    void end_user() {}

private:
    void put_key(std::string_view key) {
        out_ += '\n';
        for (int i = 0; i < depth_; ++i) out_ += "    ";
        put_all(out_, key, ":");
    }
    Buffer& out_;
    int depth_ = 0;
};

void put_xml_escaped(auto& out, std::string_view text) {
    for (char c : text) {
        if (c == '&')
            out += std::string_view("&amp;");
        else if (c == '<')
            out += std::string_view("&lt;");
        else if (c == '>')
            out += std::string_view("&gt;");
        else if (std::uint8_t(c) < 0x20)
            out += ' ';  // most of them cannot stand in XML at all
        else
            out += c;
    }
}

class XmlWriter {
public:
    explicit XmlWriter(Buffer& out) : out_(out) {}
    void begin(std::string_view key) {
        put_all(out_, "<", key, ">");
        open_[depth_++] = key;
    }
    void end() { put_all(out_, "</", open_[--depth_], ">"); }
    template <class... Pieces>
    void text(std::string_view key, const Pieces&... pieces) {
        Buffer whole;
        put_all(whole, pieces...);
        any_text(key, whole.view());
    }
    void any_text(std::string_view key, std::string_view value) {
        put_all(out_, "<", key, ">");
        put_xml_escaped(out_, value);
        put_all(out_, "</", key, ">");
    }
    void number(std::string_view key, std::uint64_t value) {
        put_all(out_, "<", key, ">");
        out_.number(value);
        put_all(out_, "</", key, ">");
    }
    void raw(std::string_view key, std::string_view digits) { any_text(key, digits); }
    void null(std::string_view key) { put_all(out_, "<", key, "/>"); }
    void begin_user() { begin("results"); }
    void end_user() { end(); }

private:
    Buffer& out_;
    std::string_view open_[8];
    std::size_t depth_ = 0;
};

void write_location(auto& out, const User& user) {
    out.begin("location");
    out.begin("street");
    out.number("number", user.street_number);
    out.text("name", user.street);
    out.end();
    out.text("city", user.city);
    out.text("state", user.state);
    out.text("country", user.nation->country);
    if (user.postcode_is_number)
        out.raw("postcode", user.postcode.view());
    else
        out.text("postcode", user.postcode.view());
    out.begin("coordinates");
    out.text("latitude", user.latitude.view());
    out.text("longitude", user.longitude.view());
    out.end();
    out.begin("timezone");
    out.text("offset", user.timezone->offset);
    out.text("description", user.timezone->description);
    out.end();
    out.end();
}

void write_login(auto& out, const User& user) {
    out.begin("login");
    out.text("uuid", user.uuid.view());
    out.text("username", user.username.view());
    out.any_text("password", user.password.view());
    out.text("salt", user.salt.view());
    out.text("md5", user.md5.view());
    out.text("sha1", user.sha1.view());
    out.text("sha256", user.sha256.view());
    out.end();
}

void write_picture(auto& out, const User& user) {
    constexpr std::string_view portraits = "https://randomuser.me/api/portraits/";
    char digits[2];
    auto size = std::size_t(user.picture < 10 ? 1 : 2);
    digits[0] = char('0' + (size == 1 ? user.picture : user.picture / 10));
    digits[1] = char('0' + user.picture % 10);
    std::string_view number(digits, size);
    out.begin("picture");
    out.text("large", portraits, user.picture_kind, "/", number, ".jpg");
    out.text("medium", portraits, "med/", user.picture_kind, "/", number, ".jpg");
    out.text("thumbnail", portraits, "thumb/", user.picture_kind, "/", number, ".jpg");
    out.end();
}

void write_user(auto& out, const User& user, unsigned fields) {
    auto has = [fields](UserField field) { return (fields & (1u << int(field))) != 0; };
    out.begin_user();
    if (has(UserField::gender)) out.text("gender", user.male ? "male" : "female");
    if (has(UserField::name)) {
        out.begin("name");
        out.text("title", user.title);
        out.text("first", user.first->text);
        out.text("last", user.last->text);
        out.end();
    }
    if (has(UserField::location)) write_location(out, user);
    if (has(UserField::email)) out.text("email", user.first->mail, ".", user.last->mail, "@example.com");
    if (has(UserField::login)) write_login(out, user);
    if (has(UserField::dob)) {
        out.begin("dob");
        out.text("date", user.born.view());
        out.number("age", std::uint64_t(std::max(user.age, 0)));
        out.end();
    }
    if (has(UserField::registered)) {
        out.begin("registered");
        out.text("date", user.registered.view());
        out.number("age", std::uint64_t(std::max(user.registered_age, 0)));
        out.end();
    }
    if (has(UserField::phone)) out.text("phone", user.phone.view());
    if (has(UserField::cell)) out.text("cell", user.cell.view());
    if (has(UserField::id)) {
        out.begin("id");
        out.text("name", user.nation->id_name);
        if (user.id.size == 0)
            out.null("value");
        else
            out.text("value", user.id.view());
        out.end();
    }
    if (has(UserField::picture)) write_picture(out, user);
    if (has(UserField::nat)) out.text("nat", user.nation->code);
    out.end_user();
}

/// All users of the answer, with separator between them.
template <class Writer>
void write_users(std::string& body, const UserQuery& query, const UserMaker& maker,
                 std::string_view separator) {
    Buffer buffer;
    Writer writer(buffer);
    User user;
    for (int i = 0; i < query.results; ++i) {
        if (i > 0) buffer += separator;
        maker.make(std::uint32_t(i), user);
        write_user(writer, user, query.fields);
        body.append(buffer.view());
        buffer.clear();
    }
}

std::string json_text(std::string_view text) {
    std::string out;
    put_json_escaped(out, text);
    return out;
}

void write_json(std::string& body, const UserQuery& query, std::string_view seed, const UserMaker& maker) {
    body += R"({"results":[)";
    write_users<JsonWriter>(body, query, maker, ",");
    body += ']';
    if (query.info)
        body += fmt::format(R"(,"info":{{"seed":"{}","results":{},"page":{},"version":"1.4"}})",
                            json_text(seed), query.results, query.page);
    body += '}';
}

void write_pretty(std::string& body, const UserQuery& query, std::string_view seed, const UserMaker& maker) {
    body += "{\n  \"results\": [";
    write_users<PrettyWriter>(body, query, maker, ",");
    body += "\n  ]";
    if (query.info)
        body += fmt::format(
            ",\n  \"info\": {{\n    \"seed\": \"{}\",\n    \"results\": {},\n"
            "    \"page\": {},\n    \"version\": \"1.4\"\n  }}",
            json_text(seed), query.results, query.page);
    body += "\n}";
}

void write_csv(std::string& body, const UserQuery& query, const UserMaker& maker) {
    Buffer header;
    CsvHeader writer(header);
    User user;
    maker.make(0, user);
    write_user(writer, user, query.fields);
    body += header.view();
    write_users<CsvWriter>(body, query, maker, "");
}

void write_yaml(std::string& body, const UserQuery& query, std::string_view seed, const UserMaker& maker) {
    body += "results:";
    write_users<YamlWriter>(body, query, maker, "");
    if (query.info)  // a double-quoted scalar of YAML is what a string of JSON is
        body += fmt::format("\ninfo:\n    seed: \"{}\"\n    results: {}\n    page: {}\n    version: '1.4'",
                            json_text(seed), query.results, query.page);
    body += '\n';
}

void write_xml(std::string& body, const UserQuery& query, std::string_view seed, const UserMaker& maker) {
    body += R"(<?xml version="1.0" encoding="UTF-8"?><user>)";
    write_users<XmlWriter>(body, query, maker, "");
    if (query.info) {
        std::string escaped;
        put_xml_escaped(escaped, seed);
        body += fmt::format(
            "<info><seed>{}</seed><results>{}</results><page>{}</page>"
            "<version>1.4</version></info>",
            escaped, query.results, query.page);
    }
    body += "</user>";
}

}  // namespace

std::string random_users(const UserQuery& query, std::string_view seed, std::int64_t now_us) {
    if (query.seed) seed = *query.seed;
    UserMaker maker(query, seed, now_us);
    std::string body;
    body.reserve(std::size_t(query.results) * 1200 + 256);
    switch (query.format) {
        case UserQuery::Format::json:
            if (!query.callback.empty()) body += query.callback + "(";
            write_json(body, query, seed, maker);
            if (!query.callback.empty()) body += ");";
            break;
        case UserQuery::Format::pretty:
            write_pretty(body, query, seed, maker);
            break;
        case UserQuery::Format::csv:
            write_csv(body, query, maker);
            break;
        case UserQuery::Format::yaml:
            write_yaml(body, query, seed, maker);
            break;
        case UserQuery::Format::xml:
            write_xml(body, query, seed, maker);
            break;
    }
    return body;
}

}  // namespace penstock::replica
