#include "stream/plan/schema_text.h"

#include "codec/json_writer.h"
#include "registry/avro_logical.h"
#include "registry/inferred_schema.h"

namespace penstock::stream {

namespace {

std::string json_string(std::string_view text) {
    std::string out;
    codec::append_json_string(out, text);
    return out;
}

std::string avro_scalar(TypeId type) {
    switch (type) {
        case TypeId::boolean:
            return R"("boolean")";
        case TypeId::int32:
            return R"("int")";
        case TypeId::int64:
            return R"("long")";
        case TypeId::float64:
            return R"("double")";
        case TypeId::binary:
            return R"("bytes")";
        case TypeId::date:
            return R"({"type":"int","logicalType":"date"})";
        case TypeId::timestamp:
            return R"({"type":"long","logicalType":"timestamp-micros"})";
        case TypeId::string:
        case TypeId::json:
            return R"("string")";
    }
    return R"("string")";
}

std::string avro_type(const DataType& type, const std::string& name) {
    switch (type.shape) {
        case DataType::Shape::scalar:
            return avro_scalar(type.scalar);
        case DataType::Shape::array:
        case DataType::Shape::map: {
            bool array = type.shape == DataType::Shape::array;
            return fmt::format(R"({{"type":"{}","{}":["null",{}]}})", array ? "array" : "map",
                               array ? "items" : "values", avro_type(type.elements[0], name + "_item"));
        }
        case DataType::Shape::object:
            break;
    }
    std::string fields;
    for (const auto& field : type.fields) {
        auto avro_name = registry::avro_name_of(field.name);
        if (!fields.empty()) fields += ',';
        fields += fmt::format(R"({{"name":{},"type":["null",{}],"default":null)", json_string(avro_name),
                              avro_type(field.type, fmt::format("{}_{}", name, avro_name)));
        if (avro_name != field.name)
            fields += fmt::format(R"(,"{}":{})", registry::name_property, json_string(field.name));
        fields += '}';
    }
    return fmt::format(R"({{"type":"record","name":{},"fields":[{}]}})", json_string(name), fields);
}

std::string json_type(const DataType& type) {
    switch (type.shape) {
        case DataType::Shape::array:
            return fmt::format(R"({{"type":["null","array"],"items":{}}})", json_type(type.elements[0]));
        case DataType::Shape::map:
            return fmt::format(R"({{"type":["null","object"],"additionalProperties":{}}})",
                               json_type(type.elements[0]));
        case DataType::Shape::object: {
            std::string properties;
            for (const auto& field : type.fields)
                properties += fmt::format("{}{}:{}", properties.empty() ? "" : ",", json_string(field.name),
                                          json_type(field.type));
            return fmt::format(R"({{"type":["null","object"],"properties":{{{}}}}})", properties);
        }
        case DataType::Shape::scalar:
            break;
    }
    switch (type.scalar) {
        case TypeId::boolean:
            return R"({"type":["null","boolean"]})";
        case TypeId::int32:
        case TypeId::int64:
            return R"({"type":["null","integer"]})";
        case TypeId::float64:
            return R"({"type":["null","number"]})";
        case TypeId::json:
            return "{}";
        case TypeId::string:
        case TypeId::binary:
        case TypeId::date:
        case TypeId::timestamp:
            break;
    }
    return R"({"type":["null","string"]})";
}

}  // namespace

std::string avro_text_of(const DataType& columns, std::string_view name) {
    return avro_type(columns, registry::avro_name_of(name));
}

std::string avro_text_of(TypeId type) {
    return fmt::format(R"(["null",{}])", avro_scalar(type));
}

std::string json_schema_text_of(const DataType& columns, std::string_view title) {
    std::string properties;
    for (const auto& field : columns.fields)
        properties += fmt::format("{}{}:{}", properties.empty() ? "" : ",", json_string(field.name),
                                  json_type(field.type));
    return fmt::format(
        R"({{"$schema":"http://json-schema.org/draft-07/schema#","title":{},"type":"object","properties":{{{}}}}})",
        json_string(title), properties);
}

Result<std::string> declared_schema(const pipeline::TopicSpec& topic) {
    bool is_avro = topic.format == pipeline::Format::avro;
    if (topic.schema.text.empty() || (!is_avro && topic.format != pipeline::Format::json_schema))
        return std::string();
    auto columns = parse_ddl(topic.schema.text);
    if (!columns)
        return fail(Errc::invalid, "schema of topic {}: line {}, column {}: {}", topic.name,
                    columns.error().line, columns.error().column, columns.error().text);
    return is_avro ? avro_text_of(*columns, topic.name) : json_schema_text_of(*columns, topic.name);
}

}  // namespace penstock::stream
