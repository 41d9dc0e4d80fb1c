// Functions on text. Positions and lengths count characters (code points), as in Spark.
#include <openssl/evp.h>
#include <re2/re2.h>

#include <array>
#include <memory>

#include "stream/expr/function.h"

namespace penstock::stream::detail {

namespace {

using Args = std::span<const Vector>;
using sv = std::string_view;
using i64 = std::int64_t;
constexpr auto S = TypeId::string;
constexpr auto B = TypeId::binary;
constexpr auto I = TypeId::int32;
constexpr auto Y = TypeId::boolean;

/// Longer results of lpad, repeat and the like are an error of their row.
constexpr std::size_t max_result = 16 * 1024 * 1024;

bool is_start(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

i64 character_count(sv text) {
    i64 count = 0;
    for (char c : text) count += is_start(c);
    return count;
}

/// The byte where character number n begins, or the text's size.
std::size_t byte_of(sv text, i64 n) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (is_start(text[i]) && n-- == 0) return i;
    return text.size();
}

char32_t decode(sv text, std::size_t& next) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char first = byte(next);
    std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (next + length > text.size()) length = 1;
    char32_t code = length == 1 ? first : first & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(next + i) & 0x3Fu);
    next += length;
    return code;
}

void encode(std::string& out, char32_t code) {
    if (code < 0x80) {
        out += char(code);
    } else if (code < 0x800) {
        out += char(0xC0 | (code >> 6));
        out += char(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        out += char(0xE0 | (code >> 12));
        out += char(0x80 | ((code >> 6) & 0x3F));
        out += char(0x80 | (code & 0x3F));
    } else {
        out += char(0xF0 | (code >> 18));
        out += char(0x80 | ((code >> 12) & 0x3F));
        out += char(0x80 | ((code >> 6) & 0x3F));
        out += char(0x80 | (code & 0x3F));
    }
}

/// Latin, Greek and Cyrillic letters; others are their own upper case.
char32_t upper_of(char32_t c) {
    if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
    if (c >= 0xE0 && c <= 0xFE && c != 0xF7) return c - 32;
    if (c == 0xFF) return 0x178;
    if (c == 0x131) return 'I';
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c & ~char32_t(1);
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 ? c : c - 1;
    if (c == 0x3C2) return 0x3A3;
    if (c >= 0x3B1 && c <= 0x3C9) return c - 32;
    if (c >= 0x430 && c <= 0x44F) return c - 32;
    if (c >= 0x450 && c <= 0x45F) return c - 80;
    return c;
}

char32_t lower_of(char32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
    if (c == 0x178) return 0xFF;
    if (c == 0x130) return 'i';
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 ? c + 1 : c;
    if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 32;
    if (c >= 0x410 && c <= 0x42F) return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    return c;
}

template <char32_t (*Map)(char32_t)>
void change_case(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, sv>(e, args, out, [&](sv text) {
        bool ascii = true;
        for (char c : text) ascii = ascii && !(c & 0x80);
        if (ascii) {
            char* to = e.arena->allocate(text.size());
            for (std::size_t i = 0; i < text.size(); ++i)
                to[i] = char(Map(char32_t(static_cast<unsigned char>(text[i]))));
            return sv(to, text.size());
        }
        std::string changed;
        for (std::size_t next = 0; next < text.size();) {
            auto code = decode(text, next);
            if (code == 0xDF && Map == upper_of)
                changed += "SS";
            else
                encode(changed, Map(code));
        }
        return e.arena->copy(changed);
    });
}

/// Any argument null makes it null, as Spark's concat.
void concat(Evaluation& e, const Expression&, Args args, Column& out) {
    combine_nulls(e, args, out);
    out.strings.resize(e.rows);
    for (std::size_t row = 0; row < e.rows; ++row) {
        if (!out.nulls.empty() && out.nulls[row]) continue;
        std::size_t size = 0;
        for (const auto& arg : args) size += arg.column->strings[arg.at(row)].size();
        char* to = e.arena->allocate(size);
        out.strings[row] = {to, size};
        for (const auto& arg : args) {
            auto text = arg.column->strings[arg.at(row)];
            if (!text.empty()) std::memcpy(to, text.data(), text.size());
            to += text.size();
        }
    }
}

/// Null arguments are left out; only a null separator makes it null.
void concat_ws(Evaluation& e, const Expression&, Args args, Column& out) {
    combine_nulls(e, args.first(1), out);
    out.strings.resize(e.rows);
    for (std::size_t row = 0; row < e.rows; ++row) {
        if (!out.nulls.empty() && out.nulls[row]) continue;
        auto separator = args[0].column->strings[args[0].at(row)];
        std::size_t size = 0, count = 0;
        for (const auto& arg : args.subspan(1)) {
            if (arg.is_null(row)) continue;
            size += arg.column->strings[arg.at(row)].size() + (count++ ? separator.size() : 0);
        }
        char* to = e.arena->allocate(size);
        out.strings[row] = {to, size};
        bool first = true;
        auto put = [&](sv text) {
            if (!text.empty()) std::memcpy(to, text.data(), text.size());
            to += text.size();
        };
        for (const auto& arg : args.subspan(1)) {
            if (arg.is_null(row)) continue;
            if (!first) put(separator);
            first = false;
            put(arg.column->strings[arg.at(row)]);
        }
    }
}

sv trim_left(sv text, sv blanks) {
    auto begin = text.find_first_not_of(blanks);
    return begin == text.npos ? sv() : text.substr(begin);
}
sv trim_right(sv text, sv blanks) {
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}
sv trim_both(sv text, sv blanks) {
    return trim_right(trim_left(text, blanks), blanks);
}

template <sv (*Trim)(sv, sv)>
void trim(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, sv>(e, args, out, [](sv text) { return Trim(text, " "); });
}

/// Counts from 1; from the end when negative.
sv substring_of(sv text, i64 position, i64 length) {
    auto count = character_count(text);
    auto begin = position > 0 ? position - 1 : position < 0 ? count + position : 0;
    auto end = length > count * 2 + 2 ? count : begin + std::max<i64>(length, 0);
    begin = std::clamp<i64>(begin, 0, count);
    end = std::clamp<i64>(end, begin, count);
    auto first = byte_of(text, begin);
    return text.substr(first, byte_of(text, end) - first);
}

void substring2(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, sv, i64>(e, args, out, [](sv t, i64 p) { return substring_of(t, p, INT32_MAX); });
}
void substring3(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, sv, i64, i64>(e, args, out, [](sv t, i64 p, i64 n) { return substring_of(t, p, n); });
}

sv replace_all(Evaluation& e, sv text, sv search, sv with) {
    if (search.empty() || text.find(search) == text.npos) return text;
    std::string changed;
    std::size_t from = 0;
    for (auto at = text.find(search); at != text.npos; at = text.find(search, from)) {
        changed.append(text.substr(from, at - from)).append(with);
        from = at + search.size();
        if (changed.size() > max_result) {
            e.fail("replace() made a text longer than 16 MB");
            return {};
        }
    }
    return e.arena->copy(changed.append(text.substr(from)));
}

/// Parts count from 1, from the end when negative; empty when there is no such part.
std::optional<sv> split_part(Evaluation& e, sv text, sv delimiter, i64 part) {
    if (part == 0) {
        e.fail("split_part() counts from 1, not 0");
        return std::nullopt;
    }
    if (delimiter.empty()) return part == 1 || part == -1 ? text : sv();
    if (part < 0) {
        i64 parts = 1;
        for (auto at = text.find(delimiter); at != text.npos;
             at = text.find(delimiter, at + delimiter.size()))
            ++parts;
        part = parts + part + 1;
        if (part < 1) return sv();
    }
    while (true) {
        auto end = text.find(delimiter);
        if (--part == 0) return text.substr(0, end);
        if (end == text.npos) return sv();
        text.remove_prefix(end + delimiter.size());
    }
}

template <bool Left>
std::optional<sv> pad(Evaluation& e, sv text, i64 length, sv with) {
    auto count = character_count(text);
    if (length <= count) return text.substr(0, byte_of(text, std::max<i64>(length, 0)));
    if (with.empty()) return text;
    if (std::size_t(length) > max_result / 4) {
        e.fail(fmt::format("a text of {} characters is too long", length));
        return std::nullopt;
    }
    std::string padding;
    auto wanted = length - count;
    auto unit = character_count(with);
    for (; wanted >= unit; wanted -= unit) padding += with;
    padding += with.substr(0, byte_of(with, wanted));
    return e.arena->copy(Left ? padding + std::string(text) : std::string(text) + padding);
}
template <bool Left>
void pad_blank(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, sv, i64>(e, args, out, [&](sv t, i64 n) { return pad<Left>(e, t, n, " "); });
}
template <bool Left>
void pad_with(Evaluation& e, const Expression&, Args args, Column& out) {
    map_rows<sv, sv, i64, sv>(e, args, out, [&](sv t, i64 n, sv with) { return pad<Left>(e, t, n, with); });
}

sv digest_hex(Evaluation& e, sv bytes, const EVP_MD* kind) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest, &size, kind, nullptr);
    char* to = e.arena->allocate(size * 2);
    for (unsigned i = 0; i < size; ++i) {
        to[i * 2] = "0123456789abcdef"[digest[i] >> 4];
        to[i * 2 + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return {to, size * 2};
}

// LIKE and regular expressions. A constant pattern is compiled once; RE2 needs no more stack or time for bad
// ones.

RE2::Options regex_options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    return options;
}

std::string like_to_regex(sv pattern) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        char c = pattern[i];
        if (c == '\\' && i + 1 < pattern.size())
            out += RE2::QuoteMeta(re2::StringPiece(&pattern[++i], 1));
        else if (c == '%')
            out += ".*";
        else if (c == '_')
            out += '.';
        else if (c & 0x80)
            out += c;
        else
            out += RE2::QuoteMeta(re2::StringPiece(&c, 1));
    }
    return out;
}

std::shared_ptr<const RE2> compile(const Expression& call, sv pattern) {
    auto options = regex_options();
    if (call.name == "like" || call.name == "ilike") {
        options.set_dot_nl(true);
        options.set_case_sensitive(call.name == "like");
        return std::make_shared<const RE2>(like_to_regex(pattern), options);
    }
    return std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
}

std::string prepare_regex(Expression& call) {
    if (!call.args[1]->is_constant() || call.args[1]->value.is_null(0)) return {};
    auto compiled = compile(call, call.args[1]->bytes);
    if (!compiled->ok())
        return fmt::format("'{}' is not a regular expression: {}", call.args[1]->bytes, compiled->error());
    call.prepared = std::move(compiled);
    return {};
}

/// The prepared expression, or the row's own; nullptr after an error.
const RE2* regex_for(Evaluation& e, const Expression& call, sv pattern, std::shared_ptr<const RE2>& own,
                     std::string& own_pattern) {
    if (call.prepared) return static_cast<const RE2*>(call.prepared.get());
    if (!own || own_pattern != pattern) {
        own = compile(call, pattern);
        own_pattern = pattern;
    }
    if (own->ok()) return own.get();
    e.fail(fmt::format("'{}' is not a regular expression: {}", pattern, own->error()));
    return nullptr;
}

void match(Evaluation& e, const Expression& call, Args args, Column& out) {
    std::shared_ptr<const RE2> own;
    std::string own_pattern;
    bool whole = call.name != "rlike";
    map_rows<i64, sv, sv>(e, args, out, [&](sv text, sv pattern) -> std::optional<i64> {
        const auto* regex = regex_for(e, call, pattern, own, own_pattern);
        if (!regex) return std::nullopt;
        re2::StringPiece piece(text.data(), text.size());
        return regex->Match(piece, 0, text.size(), whole ? RE2::ANCHOR_BOTH : RE2::UNANCHORED, nullptr, 0);
    });
}

/// Java writes groups in the replacement as $1; RE2 as \1.
std::string rewrite_of(sv replacement) {
    std::string out;
    for (std::size_t i = 0; i < replacement.size(); ++i) {
        char c = replacement[i];
        if (c == '$' && i + 1 < replacement.size() && replacement[i + 1] >= '0' &&
            replacement[i + 1] <= '9') {
            out += '\\';
            out += replacement[++i];
        } else if (c == '\\' && i + 1 < replacement.size()) {
            if (replacement[++i] == '\\') out += '\\';
            out += replacement[i];
        } else {
            out += c;
        }
    }
    return out;
}

void regexp_replace(Evaluation& e, const Expression& call, Args args, Column& out) {
    std::shared_ptr<const RE2> own;
    std::string own_pattern;
    map_rows<sv, sv, sv, sv>(e, args, out, [&](sv text, sv pattern, sv with) -> std::optional<sv> {
        const auto* regex = regex_for(e, call, pattern, own, own_pattern);
        if (!regex) return std::nullopt;
        auto rewrite = rewrite_of(with);
        std::string why;
        if (!regex->CheckRewriteString(rewrite, &why)) {
            e.fail(fmt::format("regexp_replace: '{}': {}", with, why));
            return std::nullopt;
        }
        std::string changed(text);
        RE2::GlobalReplace(&changed, *regex, rewrite);
        return e.arena->copy(changed);
    });
}

std::optional<sv> extract(Evaluation& e, const RE2* regex, sv text, i64 group) {
    if (!regex) return std::nullopt;
    if (group < 0 || group > regex->NumberOfCapturingGroups()) {
        e.fail(fmt::format("regexp_extract: the pattern has no group {}", group));
        return std::nullopt;
    }
    std::vector<re2::StringPiece> groups(std::size_t(group) + 1);
    re2::StringPiece piece(text.data(), text.size());
    if (!regex->Match(piece, 0, text.size(), RE2::UNANCHORED, groups.data(), int(groups.size()))) return sv();
    const auto& found = groups[std::size_t(group)];
    return found.data() ? sv(found.data(), found.size()) : sv();
}

void regexp_extract2(Evaluation& e, const Expression& call, Args args, Column& out) {
    std::shared_ptr<const RE2> own;
    std::string own_pattern;
    map_rows<sv, sv, sv>(e, args, out, [&](sv text, sv pattern) {
        return extract(e, regex_for(e, call, pattern, own, own_pattern), text, 1);
    });
}
void regexp_extract3(Evaluation& e, const Expression& call, Args args, Column& out) {
    std::shared_ptr<const RE2> own;
    std::string own_pattern;
    map_rows<sv, sv, sv, i64>(e, args, out, [&](sv text, sv pattern, i64 group) {
        return extract(e, regex_for(e, call, pattern, own, own_pattern), text, group);
    });
}

void add_slices(std::vector<Function>& to) {
    for (auto name : {"substring", "substr"}) {
        to.push_back({name, {S, I}, false, S, substring2});
        to.push_back({name, {S, I, I}, false, S, substring3});
    }
    to.push_back({"left", {S, I}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv, i64>(e, a, out, [](sv t, i64 n) { return substring_of(t, 1, n); });
                  }});
    to.push_back({"right", {S, I}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv, i64>(e, a, out, [](sv t, i64 n) {
                          return n <= 0 ? sv() : substring_of(t, n >= character_count(t) ? 1 : -n, n);
                      });
                  }});
    to.push_back({"split_part", {S, S, I}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv, sv, i64>(e, a, out,
                                                [&](sv t, sv d, i64 n) { return split_part(e, t, d, n); });
                  }});
    to.push_back({"lpad", {S, I}, false, S, pad_blank<true>});
    to.push_back({"rpad", {S, I}, false, S, pad_blank<false>});
    to.push_back({"lpad", {S, I, S}, false, S, pad_with<true>});
    to.push_back({"rpad", {S, I, S}, false, S, pad_with<false>});
}

void add_searches(std::vector<Function>& to) {
    to.push_back({"replace", {S, S, S}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv, sv, sv>(e, a, out,
                                               [&](sv t, sv s, sv w) { return replace_all(e, t, s, w); });
                  }});
    to.push_back({"instr", {S, S}, false, I, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, sv, sv>(e, a, out, [](sv t, sv s) {
                          auto at = t.find(s);
                          return at == t.npos ? 0 : character_count(t.substr(0, at)) + 1;
                      });
                  }});
    to.push_back({"startswith", {S, S}, false, Y, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, sv, sv>(e, a, out, [](sv t, sv s) { return i64(t.starts_with(s)); });
                  }});
    to.push_back({"endswith", {S, S}, false, Y, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, sv, sv>(e, a, out, [](sv t, sv s) { return i64(t.ends_with(s)); });
                  }});
    to.push_back({"contains", {S, S}, false, Y, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<i64, sv, sv>(e, a, out, [](sv t, sv s) { return i64(t.find(s) != t.npos); });
                  }});
    for (auto name : {"like", "ilike", "rlike"})
        to.push_back({name, {S, S}, false, Y, match, true, prepare_regex});
    to.push_back({"regexp_replace", {S, S, S}, false, S, regexp_replace, true, prepare_regex});
    to.push_back({"regexp_extract", {S, S}, false, S, regexp_extract2, true, prepare_regex});
    to.push_back({"regexp_extract", {S, S, I}, false, S, regexp_extract3, true, prepare_regex});
}

void add_digests(std::vector<Function>& to) {
    to.push_back({"md5", {B}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv>(e, a, out, [&](sv t) { return digest_hex(e, t, EVP_md5()); });
                  }});
    for (auto name : {"sha1", "sha"})
        to.push_back({name, {B}, false, S, [](auto& e, auto&, Args a, Column& out) {
                          map_rows<sv, sv>(e, a, out, [&](sv t) { return digest_hex(e, t, EVP_sha1()); });
                      }});
    to.push_back({"sha2", {B, I}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv, i64>(e, a, out, [&](sv t, i64 bits) -> std::optional<sv> {
                          switch (bits) {
                              case 0:
                              case 256:
                                  return digest_hex(e, t, EVP_sha256());
                              case 224:
                                  return digest_hex(e, t, EVP_sha224());
                              case 384:
                                  return digest_hex(e, t, EVP_sha384());
                              case 512:
                                  return digest_hex(e, t, EVP_sha512());
                          }
                          return std::nullopt;  // as Spark
                      });
                  }});
}

}  // namespace

void add_text_functions(std::vector<Function>& to) {
    to.push_back({"concat", {S}, true, S, concat});
    to.push_back({"concat_ws", {S, S}, true, S, concat_ws});
    for (auto name : {"upper", "ucase"}) to.push_back({name, {S}, false, S, change_case<upper_of>});
    for (auto name : {"lower", "lcase"}) to.push_back({name, {S}, false, S, change_case<lower_of>});
    to.push_back({"trim", {S}, false, S, trim<trim_both>});
    to.push_back({"ltrim", {S}, false, S, trim<trim_left>});
    to.push_back({"rtrim", {S}, false, S, trim<trim_right>});
    for (auto name : {"length", "char_length", "len"})
        to.push_back({name, {S}, false, I, [](auto& e, auto&, Args a, Column& out) {
                          map_rows<i64, sv>(e, a, out, [](sv t) { return character_count(t); });
                      }});
    to.push_back({"reverse", {S}, false, S, [](auto& e, auto&, Args a, Column& out) {
                      map_rows<sv, sv>(e, a, out, [&](sv t) {
                          std::string out_text;
                          for (std::size_t end = t.size(); end > 0;) {
                              auto begin = end - 1;
                              while (begin > 0 && !is_start(t[begin])) --begin;
                              out_text += t.substr(begin, end - begin);
                              end = begin;
                          }
                          return e.arena->copy(out_text);
                      });
                  }});
    add_slices(to);
    add_searches(to);
    add_digests(to);
}

}  // namespace penstock::stream::detail
