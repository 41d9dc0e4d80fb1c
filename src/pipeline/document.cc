#include "pipeline/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <optional>
#include <streambuf>
#include <unordered_set>

#include "pipeline/text_place.h"

namespace penstock::pipeline {
namespace {

struct Refused {
    Place place;
    std::string text;
};

Place place_of(const YAML::Mark& mark) {
    if (mark.is_null()) return {1, 1};
    return {mark.line + 1, mark.column + 1};
}

/// The length of the UTF-8 sequence at the front of text, or 0 when it is none (overlong,
/// surrogate, cut off).
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
    return length;
}

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::optional<Refused> check_characters(std::string_view text) {
    Place place{1, 1};
    for (std::size_t at = 0; at < text.size();) {
        auto c = static_cast<unsigned char>(text[at]);
        auto length = utf8_length(text.substr(at));
        if (length == 0)
            return Refused{place, fmt::format("byte 0x{:02X} is not UTF-8; save the file as UTF-8", c)};
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
            return Refused{place, fmt::format("control character U+{:04X} is not allowed", c)};
        at += length;
        if (c == '\n') {
            ++place.line;
            place.column = 1;
        } else {
            place.column += int(length);
        }
    }
    return std::nullopt;
}

/// Reads from memory without a copy.
class ViewBuffer final : public std::streambuf {
public:
    explicit ViewBuffer(std::string_view text) {
        auto* data = const_cast<char*>(text.data());  // never written to: there is no overflow()
        setg(data, data, data + text.size());
    }
};

/// Where a scalar's own text starts, behind the tag and anchor that may stand before it.
std::size_t skip_properties(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == '!' || text[at] == '&')) {
        while (at < text.size() && !std::isspace(static_cast<unsigned char>(text[at]))) ++at;
        while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    }
    return at;
}

/// Builds the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::deque<Node>& nodes, std::string_view text, const std::vector<std::size_t>& line_starts,
                const DocumentLimits& limits)
        : nodes_(nodes), text_(text), line_starts_(line_starts), limits_(limits) {}

    const Node* root() const { return root_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0)
            throw Refused{place_of(mark),
                          "a second YAML document starts here; write each pipeline to a file of its own"};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        leaf(Node::Kind::null, mark, anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (anchor >= anchors_.size() || anchors_[anchor].node == nullptr)
            throw Refused{place_of(mark), "an alias inside its own anchor would never end"};
        if (expects_key()) throw Refused{place_of(mark), "an alias cannot be a key; write the key out"};
        auto target = anchors_[anchor];
        count(target.size, place_of(mark));
        attach(target.node, target.size);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_tag(mark, tag);
        if (expects_key()) {
            begin_entry(mark, value);
            return;
        }
        auto& node = leaf_node(Node::Kind::scalar, mark);
        node.value = value;
        auto at = skip_properties(text_, offset_of(mark));
        place_at(node, at);
        auto first = at < text_.size() ? text_[at] : ' ';
        if (tag != "?") {
            node.style = first == '\''  ? Node::Style::single_quoted
                         : first == '"' ? Node::Style::double_quoted
                         : first == '|' ? Node::Style::literal
                         : first == '>' ? Node::Style::folded
                                        : Node::Style::plain;
        }
        finish_leaf(node, anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::Kind::sequence, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Node::Kind::mapping, mark, tag, anchor);
    }
    void OnMapEnd() override {
        resolve_merges(stack_.back());
        close();
    }

private:
    struct Open {
        Node* node;
        YAML::anchor_t anchor;
        std::size_t size = 1;   // nodes under it, aliases written out
        bool in_entry = false;  // the key has been read, its value has not
        std::unordered_set<std::string> keys;
    };
    struct Anchored {
        const Node* node = nullptr;
        std::size_t size = 0;
    };

    std::size_t offset_of(const YAML::Mark& mark) const {
        auto line = std::size_t(mark.line);
        if (mark.is_null() || line >= line_starts_.size()) return text_.size();
        return std::min(line_starts_[line] + std::size_t(mark.column), text_.size());
    }

    void place_at(Node& node, std::size_t offset) const {
        auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset) - line_starts_.begin();
        node.place = {int(line), int(offset - line_starts_[std::size_t(line - 1)]) + 1};
    }

    void count(std::size_t nodes, Place place) {
        total_ += nodes;
        if (total_ > limits_.max_nodes) {
            throw Refused{place,
                          fmt::format("more than {} values, with aliases written out; a pipeline file may "
                                      "not hold more",
                                      limits_.max_nodes)};
        }
    }

    bool expects_key() const {
        return !stack_.empty() && stack_.back().node->kind == Node::Kind::mapping && !stack_.back().in_entry;
    }

    static void check_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        throw Refused{place_of(mark), fmt::format("the tag '{}' has no meaning here; remove it", tag)};
    }

    void begin_entry(const YAML::Mark& mark, const std::string& key) {
        auto& top = stack_.back();
        if (key != "<<" && !top.keys.insert(key).second) {
            Place first;
            for (const auto& entry : top.node->entries)
                if (entry.key == key) first = entry.place;
            throw Refused{place_of(mark),
                          fmt::format("duplicate key '{}'; it stands at line {} already", key, first.line)};
        }
        Node at_key;
        place_at(at_key, skip_properties(text_, offset_of(mark)));
        top.node->entries.push_back({key, at_key.place, nullptr});
        top.in_entry = true;
    }

    Node& leaf_node(Node::Kind kind, const YAML::Mark& mark) {
        count(1, place_of(mark));
        auto& node = nodes_.emplace_back();
        node.kind = kind;
        node.place = place_of(mark);
        return node;
    }

    void leaf(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (expects_key()) throw Refused{place_of(mark), "a key is missing before ':'"};
        finish_leaf(leaf_node(kind, mark), anchor);
    }

    void finish_leaf(const Node& node, YAML::anchor_t anchor) {
        remember(anchor, &node, 1);
        attach(&node, 1);
    }

    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        check_tag(mark, tag);
        if (expects_key())
            throw Refused{place_of(mark), "a key must be a plain text, not a list or a mapping"};
        if (int(stack_.size()) >= limits_.max_depth) {
            throw Refused{place_of(mark), fmt::format("nested deeper than {} levels", limits_.max_depth)};
        }
        auto& node = leaf_node(kind, mark);
        place_at(node, skip_properties(text_, offset_of(mark)));
        remember(anchor, nullptr, 0);
        stack_.push_back({&node, anchor, 1, false, {}});
    }

    void close() {
        auto top = std::move(stack_.back());
        stack_.pop_back();
        remember(top.anchor, top.node, top.size);
        attach(top.node, top.size);
    }

    void attach(const Node* node, std::size_t size) {
        if (stack_.empty()) {
            root_ = node;
            return;
        }
        auto& top = stack_.back();
        top.size += size;
        if (top.node->kind == Node::Kind::sequence) {
            top.node->items.push_back(node);
        } else {
            top.node->entries.back().value = node;
            top.in_entry = false;
        }
    }

    void remember(YAML::anchor_t anchor, const Node* node, std::size_t size) {
        if (anchor == YAML::NullAnchor) return;
        if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
        anchors_[anchor] = {node, size};
    }

    /// YAML's merge keys: '<<: *base' and '<<: [*a, *b]'; what stands in the mapping itself wins,
    /// then the earlier.
    static void resolve_merges(Open& open) {
        auto& entries = open.node->entries;
        std::vector<Node::Entry> merges;
        std::erase_if(entries, [&](const Node::Entry& entry) {
            if (entry.key == "<<") merges.push_back(entry);
            return entry.key == "<<";
        });
        for (const auto& merge : merges) {
            std::vector<const Node*> bases{merge.value};
            if (merge.value->kind == Node::Kind::sequence) bases = merge.value->items;
            for (const auto* base : bases) {
                if (base->kind != Node::Kind::mapping)
                    throw Refused{merge.place,
                                  "'<<' merges mappings; expected an alias such as *name of a mapping"};
                for (const auto& entry : base->entries)
                    if (open.keys.insert(entry.key).second) entries.push_back(entry);
            }
        }
    }

    std::deque<Node>& nodes_;
    std::string_view text_;
    const std::vector<std::size_t>& line_starts_;
    const DocumentLimits& limits_;
    std::vector<Open> stack_;
    std::vector<Anchored> anchors_;
    const Node* root_ = nullptr;
    std::size_t total_ = 0;
    int documents_ = 0;
};

std::size_t tab_in_indentation(std::string_view line) {
    return line.substr(0, line.find_first_not_of(" \t")).find('\t');
}

/// yaml-cpp's words for a syntax error, said for people.
std::string explain(const YAML::ParserException& error, std::string_view line) {
    if (tab_in_indentation(line) != std::string_view::npos)
        return "a tab in the indentation; YAML allows spaces only";
    std::string_view message = error.msg;
    if (message == "illegal map value")
        return "':' is not expected here; put a text that holds ': ' in quotes, or check the "
               "indentation";
    if (message == "end of map not found")
        return "expected 'key: value' at the indentation of the lines above";
    if (message == "end of sequence not found")
        return "expected '- value' at the indentation of the lines above";
    if (message == "end of map flow not found") return "expected ',' or '}'";
    if (message == "end of sequence flow not found") return "expected ',' or ']'";
    if (message == "illegal EOF in scalar") return "the quote that starts here has no end";
    if (message == "illegal block entry") return "'- ' is not expected here; check the indentation";
    return fmt::format("YAML syntax error: {}", message);
}

}  // namespace

std::expected<Document, Problem> Document::parse(std::string_view text, std::string_view file,
                                                 const DocumentLimits& limits) {
    auto refuse = [&](Refused refused) {
        return std::unexpected(Problem{std::string(file), refused.place, std::move(refused.text)});
    };
    if (text.size() > limits.max_bytes)
        return refuse({{0, 0},
                       fmt::format("{} bytes long; a pipeline file may not be longer than {}", text.size(),
                                   limits.max_bytes)});
    Document document;
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    document.text_ = text;
    text = document.text_;
    document.line_starts_.push_back(0);
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == '\n') document.line_starts_.push_back(at + 1);
    if (auto refused = check_characters(text)) return refuse(std::move(*refused));
    try {
        ViewBuffer buffer(text);
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        TreeBuilder builder(document.nodes_, text, document.line_starts_, limits);
        while (parser.HandleNextDocument(builder)) {
        }
        document.root_ = builder.root();
    } catch (const Refused& refused) {
        return refuse(refused);
    } catch (const YAML::ParserException& error) {
        auto place = place_of(error.mark);
        auto line = line_of(text, place.line);
        auto tab = tab_in_indentation(line);
        if (tab != std::string_view::npos) place.column = int(tab) + 1;
        return refuse({place, explain(error, line)});
    } catch (const std::exception& error) {
        return refuse({{1, 1}, fmt::format("YAML syntax error: {}", error.what())});
    }
    if (document.root_ == nullptr) document.root_ = &document.nodes_.emplace_back(Node{.place = {1, 1}});
    return document;
}

Text Document::text_of(const Node& scalar) const {
    auto line = std::size_t(scalar.place.line - 1);
    if (line >= line_starts_.size()) return {scalar.value, scalar.place, 0, {}};
    auto offset = line_starts_[line] + std::size_t(scalar.place.column - 1);
    switch (scalar.style) {
        case Node::Style::literal:
            return place_literal(scalar.value, text_, offset, scalar.place);
        case Node::Style::folded:
        case Node::Style::double_quoted:
        case Node::Style::single_quoted:
        case Node::Style::plain:
            break;
    }
    return place_flow(scalar.value, text_, offset, scalar.style == Node::Style::double_quoted, scalar.place);
}

}  // namespace penstock::pipeline
