#include "stream/decode/json_shape.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace penstock::stream {

namespace {

constexpr auto kinds = [] {
    std::array<char, 256> out{};
    for (char c : {'{', '}', '[', ']', ':', ','}) out[static_cast<unsigned char>(c)] = c;
    return out;
}();

char kind_of(char c) {
    return kinds[static_cast<unsigned char>(c)];
}

}  // namespace

bool StructuralIndex::find(std::string_view document) {
    if (!parser_ || parser_->capacity() < document.size()) {
        auto capacity = std::max<std::size_t>(2 * document.size(), 16 << 10);
        parser_.reset();
        auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
            capacity, simdjson::DEFAULT_MAX_DEPTH, parser_);
        if (error) return false;
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(document.data());
    return !parser_->stage1(bytes, document.size(), simdjson::stage1_mode::regular);
}

std::span<const std::uint32_t> StructuralIndex::offsets() const {
    return {parser_->structural_indexes.get(), parser_->n_structural_indexes};
}

JsonShape::JsonShape(std::string_view document, std::span<const std::uint32_t> offsets)
    : document_(document), offsets_(offsets) {
    kinds_.reserve(offsets.size());
    for (auto at : offsets) kinds_ += kind_of(document[at]);
}

std::uint32_t JsonShape::ordinal(const char* place) {
    auto offset = std::uint32_t(place - document_.data());
    auto at = std::lower_bound(offsets_.begin(), offsets_.end(), offset);
    if (at == offsets_.end() || *at != offset) {
        spoil();
        return 0;
    }
    return std::uint32_t(at - offsets_.begin());
}

void JsonShape::add_key(const char* quote) {
    const char* end = quote + 1;
    while (*end != '"' && *end != '\\') ++end;
    if (*end == '\\') return spoil();
    std::string_view text(quote, std::size_t(end - quote) + 1);
    Key key;
    key.at = ordinal(quote);
    auto words = text.substr(0, sizeof key.word);
    std::memcpy(key.word, words.data(), words.size());
    std::memset(key.mask, 0xff, words.size());
    key.rest = text.substr(words.size());
    keys_.push_back(std::move(key));
}

void JsonShape::add_value(const char* first, std::size_t node) {
    auto at = ordinal(first);
    values_.push_back({at, at, node});
}

void JsonShape::add_nested(std::string_view text, std::size_t node) {
    auto first = ordinal(text.data());
    values_.push_back({first, ordinal(text.data() + text.size() - 1), node});
}

bool JsonShape::Key::stands_at(const char* text) const {
    std::uint64_t there[2];
    std::memcpy(there, text, sizeof there);
    auto differs = ((there[0] ^ word[0]) & mask[0]) | ((there[1] ^ word[1]) & mask[1]);
    return differs == 0 && (rest.empty() || std::memcmp(text + sizeof there, rest.data(), rest.size()) == 0);
}

bool JsonShape::fits(const char* document, std::span<const std::uint32_t> offsets) const {
    if (offsets.size() != kinds_.size()) return false;
    int differs = 0;
    for (std::size_t i = 0; i < offsets.size(); ++i) differs |= kind_of(document[offsets[i]]) ^ kinds_[i];
    if (differs != 0) return false;
    for (const auto& key : keys_)
        if (!key.stands_at(document + offsets[key.at])) return false;
    return true;
}

const JsonShape* JsonShapes::find(std::string_view document) {
    indexed_ = false;
    if (resting_ > 0) {
        --resting_;
        return nullptr;
    }
    indexed_ = index_.find(document);
    if (!indexed_) return nullptr;
    for (const auto& shape : shapes_) {
        if (!shape.fits(document.data(), index_.offsets())) continue;
        trust_ = std::min(trust_ + 1, most_trust);
        return &shape;
    }
    if (!shapes_.empty() && --trust_ <= 0) {
        resting_ = longest_wait;
        trust_ = most_trust / 4;
    }
    return nullptr;
}

JsonShape* JsonShapes::learn(std::string_view document) {
    draft_.reset();
    if (!indexed_ || ++shapeless_ <= wait_) return nullptr;
    shapeless_ = 0;
    wait_ = std::min(2 * wait_ + 1, longest_wait);
    draft_ = std::make_unique<JsonShape>(document, index_.offsets());
    return draft_.get();
}

void JsonShapes::keep() {
    if (!draft_ || draft_->spoilt()) return;
    if (shapes_.size() < most_shapes) {
        shapes_.push_back(std::move(*draft_));
    } else {
        shapes_[oldest_] = std::move(*draft_);
        oldest_ = (oldest_ + 1) % most_shapes;
    }
    draft_.reset();
}

}  // namespace penstock::stream
