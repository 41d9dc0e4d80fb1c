#include "ingest/page.h"

#include <simdjson.h>

#include "base/units.h"

namespace penstock::ingest {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view trimmed(std::string_view text) {
    auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    return text;
}

std::string_view name_of(ondemand::json_type type) {
    switch (type) {
        case ondemand::json_type::array:
            return "an array";
        case ondemand::json_type::object:
            return "an object";
        case ondemand::json_type::number:
            return "a number";
        case ondemand::json_type::string:
            return "a string";
        case ondemand::json_type::boolean:
            return "true or false";
        case ondemand::json_type::null:
            return "null";
    }
    return "something else";
}

std::string too_long(std::size_t bytes) {
    return fmt::format("the record has {}, more than {}", format_bytes(std::int64_t(bytes)),
                       format_bytes(std::int64_t(max_record_bytes)));
}

/// A bound on how deep a pointer's look-up and simdjson's own stack go.
constexpr std::size_t max_depth = 256;

/// A scalar's type is told by its first character alone.
simdjson::error_code whole_scalar(ondemand::document& document, ondemand::json_type type) {
    switch (type) {
        case ondemand::json_type::string:
            return document.get_string().error();
        case ondemand::json_type::number:
            return document.get_number().error();
        case ondemand::json_type::boolean:
            return document.get_bool().error();
        default: {
            bool is_null = false;
            auto error = document.is_null().get(is_null);
            return error || is_null ? error : simdjson::N_ATOM_ERROR;
        }
    }
}

}  // namespace

struct PageSplitter::Impl {
    std::string records;
    std::string key;
    ondemand::parser parser;
    std::string keys;  ///< keys of lines: the parser's own buffer is written anew for each

    Impl(std::string records_pointer, std::string key_pointer)
        : records(std::move(records_pointer)), key(std::move(key_pointer)) {}

    simdjson::simdjson_result<ondemand::document> parse(std::string& body) {
        if (body.capacity() < body.size() + simdjson::SIMDJSON_PADDING)
            body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
        // The capacity may grow without bound only as far as the caller lets the body grow.
        if (parser.capacity() < body.size()) {
            auto error = parser.allocate(body.size() + body.size() / 4 + 1024, max_depth);
            if (error) return error;
        }
        return parser.iterate(body.data(), body.size(), body.capacity());
    }

    std::optional<std::string_view> key_in(ondemand::object& object) {
        ondemand::value found;
        if (object.at_pointer(key).get(found)) return std::nullopt;
        ondemand::json_type type;
        if (found.type().get(type)) return std::nullopt;
        std::string_view text;
        switch (type) {
            case ondemand::json_type::string:
                if (found.get_string().get(text)) return std::nullopt;
                return text;
            case ondemand::json_type::number:
            case ondemand::json_type::boolean:
                return trimmed(found.raw_json_token());
            case ondemand::json_type::null:
            case ondemand::json_type::array:
            case ondemand::json_type::object:
                return std::nullopt;
        }
        return std::nullopt;
    }

    /// The record's bytes, and its key. An error is one of the JSON: nothing after it can be trusted.
    simdjson::error_code take(ondemand::object object, Page& page) {
        std::string_view raw;
        if (auto error = object.raw_json().get(raw)) return error;
        raw = trimmed(raw);
        std::uint32_t index = page.size();
        if (raw.size() > max_record_bytes) {
            page.rejects.push_back({raw, too_long(raw.size()), index});
            return simdjson::SUCCESS;
        }
        Page::Record record{raw, std::nullopt, index};
        if (!key.empty()) {
            bool some;
            if (auto error = object.reset().get(some)) return error;
            record.key = key_in(object);
            page.without_key += record.key ? 0 : 1;
        }
        page.records.push_back(record);
        return simdjson::SUCCESS;
    }

    simdjson::error_code take_all(ondemand::array array, Page& page) {
        for (auto element : array) {
            ondemand::value value;
            if (auto error = element.get(value)) return error;
            ondemand::json_type type;
            if (auto error = value.type().get(type)) return error;
            if (type == ondemand::json_type::object) {
                ondemand::object object;
                if (auto error = value.get_object().get(object)) return error;
                if (auto error = take(object, page)) return error;
                continue;
            }
            std::string_view raw = value.raw_json_token();
            if (type == ondemand::json_type::array) {
                ondemand::array inner;
                if (auto error = value.get_array().get(inner)) return error;
                if (auto error = inner.raw_json().get(raw)) return error;
            }
            page.rejects.push_back({trimmed(raw),
                                    fmt::format("a record must be a JSON object, this is {}", name_of(type)),
                                    page.size()});
        }
        return simdjson::SUCCESS;
    }

    /// When the array breaks off at something that is no JSON, what follows is kept as one reject.
    void reject_rest(ondemand::document& document, const std::string& body, Page& page,
                     simdjson::error_code error) {
        const char* location = nullptr;
        std::size_t at = 0;
        if (!document.current_location().get(location) && location >= body.data() &&
            location <= body.data() + body.size())
            at = std::size_t(location - body.data());
        else if (!page.records.empty())
            at = std::size_t(page.records.back().value.data() - body.data()) +
                 page.records.back().value.size();
        page.rejects.push_back({trimmed(std::string_view(body).substr(at)),
                                fmt::format("not JSON at byte {}: {}", at, simdjson::error_message(error)),
                                page.size()});
    }
};

void Page::clear() {
    records.clear();
    rejects.clear();
    without_key = 0;
}

Result<> check_json_pointer(std::string_view pointer) {
    if (pointer.empty()) return {};
    if (pointer.front() != '/')
        return fail(Errc::invalid, "'{}' is not a JSON Pointer: it must begin with '/'", pointer);
    for (std::size_t i = 0; i < pointer.size(); ++i)
        if (pointer[i] == '~' &&
            (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')))
            return fail(Errc::invalid, "'{}' is not a JSON Pointer: '~' must be followed by 0 or 1", pointer);
    return {};
}

PageSplitter::PageSplitter(std::string records, std::string key)
    : impl_(std::make_unique<Impl>(std::move(records), std::move(key))) {}
PageSplitter::~PageSplitter() = default;
PageSplitter::PageSplitter(PageSplitter&&) noexcept = default;

Result<> PageSplitter::split(std::string& body, Page& page) {
    page.clear();
    ondemand::document document;
    auto error = impl_->parse(body).get(document);
    ondemand::value whole;
    ondemand::json_type type{};
    if (!error && impl_->records.empty()) {
        error = document.type().get(type);
        if (!error && type == ondemand::json_type::array) {
            ondemand::array array;
            error = document.get_array().get(array);
            if (!error) error = impl_->take_all(array, page);
        } else if (!error && type == ondemand::json_type::object) {
            ondemand::object object;
            error = document.get_object().get(object);
            if (!error) error = impl_->take(object, page);
        } else if (!error) {
            error = whole_scalar(document, type);
            if (!error) return fail(Errc::invalid, "expected an array or an object, found {}", name_of(type));
        }
    } else if (!error) {
        error = document.at_pointer(impl_->records).get(whole);
        if (!error) error = whole.type().get(type);
        if (!error && type == ondemand::json_type::null) return {};
        if (error == simdjson::NO_SUCH_FIELD || error == simdjson::INCORRECT_TYPE ||
            error == simdjson::INDEX_OUT_OF_BOUNDS || error == simdjson::SCALAR_DOCUMENT_AS_VALUE)
            return fail(Errc::invalid, "there are no records at {}; it says: {}", impl_->records,
                        describe_body(body));
        if (!error && type == ondemand::json_type::array) {
            ondemand::array array;
            error = whole.get_array().get(array);
            if (!error) error = impl_->take_all(array, page);
        } else if (!error && type == ondemand::json_type::object) {
            ondemand::object object;
            error = whole.get_object().get(object);
            if (!error) error = impl_->take(object, page);
        } else if (!error) {
            return fail(Errc::invalid, "expected an array at {}, found {}", impl_->records, name_of(type));
        }
    }
    if (!error) return {};
    if (page.size() > 0) {
        impl_->reject_rest(document, body, page, error);
        return {};
    }
    return fail(Errc::corrupt, "not JSON ({}): {}", simdjson::error_message(error), describe_body(body));
}

Result<> PageSplitter::split_any(std::string& body, Page& page) {
    auto text = trimmed(body);
    // An object that ends before the body does, at a line's end, is the first of many.
    auto first_line = trimmed(text.substr(0, text.find('\n')));
    if (impl_->records.empty() && first_line.size() < text.size() && first_line.starts_with('{') &&
        first_line.ends_with('}')) {
        std::string line(first_line);
        PageSplitter one("", "");
        Page parsed;
        if (one.split(line, parsed) && parsed.records.size() == 1 &&
            parsed.records[0].value.size() == line.size()) {
            split_lines(body, page);
            return {};
        }
    }
    return split(body, page);
}

void PageSplitter::split_lines(std::string& body, Page& page) {
    page.clear();
    if (body.capacity() < body.size() + simdjson::SIMDJSON_PADDING)
        body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    impl_->keys.clear();
    impl_->keys.reserve(body.size());  // a key is not longer than its line: never grows, so views stay
    std::string_view rest = body;
    auto& parser = impl_->parser;
    while (!rest.empty()) {
        auto end = rest.find('\n');
        auto line = trimmed(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.empty()) continue;
        if (line.size() > max_record_bytes) {
            page.rejects.push_back({line, too_long(line.size()), page.size()});
            continue;
        }
        // simdjson reads behind the line, into the next ones and at last into the body's padding.
        auto readable = std::size_t(body.data() + body.capacity() - line.data());
        ondemand::document document;
        ondemand::object object;
        simdjson::error_code error = simdjson::SUCCESS;
        if (parser.capacity() < line.size()) error = parser.allocate(line.size() * 2 + 4096, max_depth);
        if (!error) error = parser.iterate(line.data(), line.size(), readable).get(document);
        if (!error) error = document.get_object().get(object);
        auto records = page.records.size();
        if (!error) error = impl_->take(object, page);
        if (!error && page.records.size() > records) {
            auto& record = page.records.back();
            if (record.value.size() != line.size()) {
                page.without_key -= !impl_->key.empty() && !record.key ? 1 : 0;
                page.records.pop_back();
                error = simdjson::TAPE_ERROR;
            } else if (record.key) {
                auto at = impl_->keys.size();
                impl_->keys.append(*record.key);
                record.key = std::string_view(impl_->keys).substr(at);
            }
        }
        if (error)
            page.rejects.push_back(
                {line, fmt::format("expected one JSON object in a line: {}", simdjson::error_message(error)),
                 page.size()});
    }
}

std::optional<std::string> PageSplitter::text_at(std::string& body, std::string_view pointer) {
    ondemand::document document;
    ondemand::value found;
    ondemand::json_type type{};
    if (impl_->parse(body).get(document) || document.at_pointer(pointer).get(found) || found.type().get(type))
        return std::nullopt;
    std::string_view text;
    if (type == ondemand::json_type::string && !found.get_string().get(text)) return std::string(text);
    if (type == ondemand::json_type::number) return std::string(trimmed(found.raw_json_token()));
    return std::nullopt;
}

std::string describe_body(std::string body) {
    constexpr std::size_t longest = 300;
    std::string said;
    PageSplitter splitter("", "");
    if (body.size() > 64 * 1024) body.resize(64 * 1024);  // whatever it is, its start says it
    for (auto pointer : {"/error/message", "/error", "/message", "/errors/0/message", "/detail"}) {
        if (auto text = splitter.text_at(body, pointer)) {
            said = std::move(*text);
            break;
        }
    }
    if (said.empty()) said = std::string(trimmed(body).substr(0, longest));
    if (said.empty()) return "(an empty body)";
    for (char& c : said)
        if (std::uint8_t(c) < 0x20) c = ' ';
    if (said.size() > longest) said.resize(longest);
    return said;
}

}  // namespace penstock::ingest
