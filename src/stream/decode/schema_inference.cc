#include "stream/decode/schema_inference.h"

namespace penstock::stream {

namespace {
constexpr int max_depth = 40;             ///< deeper values are text
constexpr std::size_t max_fields = 2000;  ///< of one object; more are left out

void merge_scalar(std::optional<TypeId>& into, bool& mixed, TypeId type) {
    if (!into || *into == type) {
        into = type;
        return;
    }
    bool numbers = (*into == TypeId::int64 || *into == TypeId::float64) &&
                   (type == TypeId::int64 || type == TypeId::float64);
    if (numbers)
        into = TypeId::float64;
    else
        mixed = true;
}
}  // namespace

bool SchemaInference::add(std::string_view json) {
    simdjson::dom::element document;
    if (parser_.parse(json.data(), json.size()).get(document) || !document.is_object()) return false;
    merge(root_, document, 0);
    ++documents_;
    return true;
}

void SchemaInference::merge(Seen& into, simdjson::dom::element value, int depth) {
    using Type = simdjson::dom::element_type;
    if (depth > max_depth) {
        into.mixed = true;
        return;
    }
    switch (value.type()) {
        case Type::OBJECT:
            into.object = true;
            for (auto field : simdjson::dom::object(value)) {
                auto found = into.fields.find(field.key);
                if (found == into.fields.end()) {
                    if (into.fields.size() >= max_fields) continue;
                    found = into.fields.emplace(std::string(field.key), Seen()).first;
                }
                merge(found->second, field.value, depth + 1);
            }
            break;
        case Type::ARRAY:
            into.array = true;
            for (auto item : simdjson::dom::array(value)) merge(into.element[""], item, depth + 1);
            break;
        case Type::INT64:
            merge_scalar(into.scalar, into.mixed, TypeId::int64);
            break;
        case Type::UINT64:
        case Type::DOUBLE:
            merge_scalar(into.scalar, into.mixed, TypeId::float64);
            break;
        case Type::STRING:
            merge_scalar(into.scalar, into.mixed, TypeId::string);
            break;
        case Type::BOOL:
            merge_scalar(into.scalar, into.mixed, TypeId::boolean);
            break;
        case Type::NULL_VALUE:
            break;
    }
}

DataType SchemaInference::type_of(const Seen& seen) {
    int kinds = int(seen.scalar.has_value()) + int(seen.object) + int(seen.array);
    if (seen.mixed || kinds != 1) return scalar_type(TypeId::string);
    if (seen.scalar) return scalar_type(*seen.scalar);
    DataType out;
    if (seen.array) {
        out.shape = DataType::Shape::array;
        auto element = seen.element.find("");
        out.elements.push_back(element == seen.element.end() ? scalar_type(TypeId::string)
                                                             : type_of(element->second));
        return out;
    }
    out.shape = DataType::Shape::object;
    for (const auto& [name, field] : seen.fields) out.fields.push_back({name, type_of(field)});
    return out;
}

DataType SchemaInference::result() const {
    auto out = type_of(root_);
    out.shape = DataType::Shape::object;
    return out;
}

}  // namespace penstock::stream
