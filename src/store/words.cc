#include "store/words.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>

namespace penstock::store {
namespace {

/// UAX #29's classes of letters, as far as the rules tell them apart.
enum class Class : std::uint8_t {
    other,
    letter,
    hebrew,
    digit,
    katakana,
    hiragana,
    ideograph,
    unspaced,    ///< Line_Break = Complex_Context: scripts without spaces
    connector,   ///< ExtendNumLet: _ and its like
    mid_letter,  ///< between letters only: colon, middle dot
    mid_number,  ///< between digits only: comma, semicolon
    mid_both,    ///< full stop, curved apostrophe
    quote,       ///< '
    double_quote,
    extend  ///< marks and format characters: they belong to what is before them
};

struct Range {
    utf8proc_int32_t from;
    utf8proc_int32_t to;
    Class is;
};

// What Unicode's general category does not tell. In order.
constexpr std::array ranges{
    Range{0x22, 0x22, Class::double_quote},   Range{0x27, 0x27, Class::quote},
    Range{0x2c, 0x2c, Class::mid_number},     Range{0x2e, 0x2e, Class::mid_both},
    Range{0x3a, 0x3a, Class::mid_letter},     Range{0x3b, 0x3b, Class::mid_number},
    Range{0xb7, 0xb7, Class::mid_letter},     Range{0x37e, 0x37e, Class::mid_number},
    Range{0x387, 0x387, Class::mid_letter},   Range{0x589, 0x589, Class::mid_number},
    Range{0x5d0, 0x5f2, Class::hebrew},       Range{0x5f3, 0x5f3, Class::letter},
    Range{0x5f4, 0x5f4, Class::mid_letter},   Range{0x60c, 0x60d, Class::mid_number},
    Range{0x66b, 0x66b, Class::digit},        Range{0x66c, 0x66c, Class::mid_number},
    Range{0x7f8, 0x7f8, Class::mid_number},   Range{0x200b, 0x200b, Class::other},
    Range{0x2018, 0x2019, Class::mid_both},   Range{0x2024, 0x2024, Class::mid_both},
    Range{0x2027, 0x2027, Class::mid_letter}, Range{0x2044, 0x2044, Class::mid_number},
    Range{0x24b6, 0x24e9, Class::letter},     Range{0x2e80, 0x2fd5, Class::ideograph},
    Range{0x3005, 0x3005, Class::ideograph},  Range{0x3007, 0x3007, Class::ideograph},
    Range{0x3021, 0x3029, Class::ideograph},  Range{0x3031, 0x3035, Class::katakana},
    Range{0x3038, 0x303b, Class::ideograph},  Range{0x3041, 0x3096, Class::hiragana},
    Range{0x309b, 0x309c, Class::katakana},   Range{0x309d, 0x309f, Class::hiragana},
    Range{0x30a0, 0x30fa, Class::katakana},   Range{0x30fc, 0x30ff, Class::katakana},
    Range{0x31f0, 0x31ff, Class::katakana},   Range{0x32d0, 0x32fe, Class::katakana},
    Range{0x3300, 0x3357, Class::katakana},   Range{0x3400, 0x4db5, Class::ideograph},
    Range{0x4e00, 0x9fff, Class::ideograph},  Range{0xf900, 0xfad9, Class::ideograph},
    Range{0xfb1d, 0xfb1d, Class::hebrew},     Range{0xfb1f, 0xfb28, Class::hebrew},
    Range{0xfb2a, 0xfb4f, Class::hebrew},     Range{0xfe10, 0xfe10, Class::mid_number},
    Range{0xfe13, 0xfe13, Class::mid_letter}, Range{0xfe14, 0xfe14, Class::mid_number},
    Range{0xfe50, 0xfe50, Class::mid_number}, Range{0xfe52, 0xfe52, Class::mid_both},
    Range{0xfe54, 0xfe54, Class::mid_number}, Range{0xfe55, 0xfe55, Class::mid_letter},
    Range{0xff07, 0xff07, Class::mid_both},   Range{0xff0c, 0xff0c, Class::mid_number},
    Range{0xff0e, 0xff0e, Class::mid_both},   Range{0xff1a, 0xff1a, Class::mid_letter},
    Range{0xff1b, 0xff1b, Class::mid_number}, Range{0xff66, 0xff9d, Class::katakana},
    Range{0xff9e, 0xff9f, Class::extend},     Range{0x1b000, 0x1b000, Class::katakana},
    Range{0x1b001, 0x1b001, Class::hiragana}, Range{0x20000, 0x2fa1d, Class::ideograph},
};

/// Thai, Lao, Myanmar, Khmer, Tai Le and Lue, Tai Tham, and their extensions.
bool is_unspaced(utf8proc_int32_t letter) {
    return (letter >= 0xe00 && letter <= 0xeff) || (letter >= 0x1000 && letter <= 0x109f) ||
           (letter >= 0x1780 && letter <= 0x17ff) || (letter >= 0x1950 && letter <= 0x19df) ||
           (letter >= 0x1a20 && letter <= 0x1aaf) || (letter >= 0xaa60 && letter <= 0xaadf);
}

Class class_of(utf8proc_int32_t letter) {
    for (const auto& range : ranges)
        if (letter >= range.from && letter <= range.to) return range.is;
    switch (utf8proc_category(letter)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_NL:
            return is_unspaced(letter) ? Class::unspaced : Class::letter;
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME:
            return is_unspaced(letter) ? Class::unspaced : Class::extend;
        case UTF8PROC_CATEGORY_CF:
            return Class::extend;
        case UTF8PROC_CATEGORY_ND:
            return Class::digit;
        case UTF8PROC_CATEGORY_PC:
            return Class::connector;
        default:
            return Class::other;
    }
}

struct Letter {
    std::size_t from = 0;
    std::size_t to = 0;  ///< behind its marks, too
    Class is = Class::other;
};

/// Letters with what extends them (rule WB4).
std::vector<Letter> letters_of(std::string_view text) {
    std::vector<Letter> out;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    for (std::size_t at = 0; at < text.size();) {
        utf8proc_int32_t letter = 0;
        auto size = utf8proc_iterate(bytes + at, utf8proc_ssize_t(text.size() - at), &letter);
        auto to = at + std::size_t(size > 0 ? size : 1);
        auto is = size > 0 ? class_of(letter) : Class::other;
        bool belongs = is == Class::extend && !out.empty() && out.back().is != Class::other;
        if (belongs)
            out.back().to = to;
        else
            out.push_back({at, to, is == Class::extend ? Class::other : is});
        at = to;
    }
    return out;
}

bool is_letter(Class is) {
    return is == Class::letter || is == Class::hebrew;
}

/// Alone they are no word, though they may be part of one.
bool makes_word(Class is) {
    return is_letter(is) || is == Class::digit || is == Class::katakana || is == Class::hiragana ||
           is == Class::ideograph || is == Class::unspaced;
}

bool joins_letters(Class is) {
    return is == Class::mid_letter || is == Class::mid_both || is == Class::quote;
}

bool joins_digits(Class is) {
    return is == Class::mid_number || is == Class::mid_both || is == Class::quote;
}

/// Whether the letter at i belongs to the same word as the one before it: rules WB5 to WB13b.
bool is_joined(const std::vector<Letter>& letters, std::size_t i) {
    auto at = [&](std::size_t place) { return place < letters.size() ? letters[place].is : Class::other; };
    auto before = at(i - 1), here = at(i), next = at(i + 1);
    auto before_that = i >= 2 ? at(i - 2) : Class::other;
    bool core_before = is_letter(before) || before == Class::digit;
    bool core_here = is_letter(here) || here == Class::digit;
    if (core_before && core_here) return true;
    if (is_letter(before) && joins_letters(here) && is_letter(next)) return true;
    if (is_letter(before_that) && joins_letters(before) && is_letter(here)) return true;
    if (before == Class::hebrew && here == Class::quote) return true;
    if (before == Class::hebrew && here == Class::double_quote && next == Class::hebrew) return true;
    if (before_that == Class::hebrew && before == Class::double_quote && here == Class::hebrew) return true;
    if (before == Class::digit && joins_digits(here) && next == Class::digit) return true;
    if (before_that == Class::digit && joins_digits(before) && here == Class::digit) return true;
    if (before == Class::katakana && here == Class::katakana) return true;
    if (before == Class::unspaced && here == Class::unspaced) return true;
    bool connects = before == Class::connector || here == Class::connector;
    auto takes = [](Class is) {
        return is_letter(is) || is == Class::digit || is == Class::katakana || is == Class::connector;
    };
    return connects && takes(before) && takes(here);
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> out;
    auto letters = letters_of(text);
    for (std::size_t i = 0; i < letters.size();) {
        auto end = i + 1;
        bool is_word = makes_word(letters[i].is);
        for (; end < letters.size() && is_joined(letters, end); ++end)
            is_word = is_word || makes_word(letters[end].is);
        if (is_word) out.push_back(text.substr(letters[i].from, letters[end - 1].to - letters[i].from));
        i = end;
    }
    return out;
}

}  // namespace penstock::store
