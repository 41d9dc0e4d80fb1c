// A schema that follows its data: of records as JSON, in Avro and in JSON Schema.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "registry/json_value.h"

namespace penstock::registry {

/// Every field may be null and may be missing, so that each change (a field more, a type more) lets a reader
/// of the new schema read what the earlier ones have written. Whole numbers are long, others double, both
/// together double.
class InferredSchema {
public:
    static constexpr int max_fields = 5000;  ///< all together
    static constexpr int max_depth = 32;

    /// Without fields; its record is named after the topic.
    explicit InferredSchema(std::string_view topic);
    /// A schema that is registered already. Fields that are not as this class writes them are kept as they
    /// are and never change. None: it is no schema of records.
    static std::optional<InferredSchema> read_avro(std::string_view text);
    /// Only what this class has written itself.
    static std::optional<InferredSchema> read_json(std::string_view text);

    /// Makes room for the document: true when the schema has changed for that. Errc::invalid when the
    /// document is no object, or would need too many fields; the schema may have changed then.
    Result<bool> add(simdjson::dom::element document);
    /// A field whose type is fixed: its Avro type as JSON text.
    void add_fixed(std::string_view name, std::string_view avro_type);
    /// The other's fixed fields, where this one has no field of the name. True: it has more now.
    bool take_fixed(const InferredSchema& other);

    std::string avro_text() const;
    std::string json_text() const;

private:
    struct Field;
    struct Record {
        std::string name;
        std::vector<Field> fields;
    };
    /// The types that a value has been seen with.
    struct Shape {
        bool null = false;
        bool boolean = false;
        bool whole = false;
        bool real = false;
        bool text = false;
        std::vector<Record> record;  ///< none or one
        std::vector<Shape> element;  ///< none or one

        bool is_empty() const {
            return !boolean && !whole && !real && !text && record.empty() && element.empty();
        }
    };
    struct Field {
        std::string name;       ///< as the data has it
        std::string avro_name;  ///< the same unless Avro does not allow it
        Shape shape;
        std::string verbatim;  ///< the whole field as JSON, when it is not ours
        std::string fixed;     ///< the type as JSON, when it does not follow the data
    };

    InferredSchema() = default;
    Result<bool> add_value(Shape& shape, simdjson::dom::element value, const std::string& name, int depth);
    Result<bool> add_members(Record& record, simdjson::dom::object object, int depth);
    Field& new_field(Record& record, std::string_view name);

    static std::string avro_field(const Field& field);
    static std::string avro_record(const Record& record, const std::string& head);
    static std::string avro_branches(const Shape& shape, bool nullable);
    static std::string json_properties(const Record& record);
    static std::string json_shape(const Shape& shape);
    bool read_avro_fields(const JsonValue& json, Record& record, int depth);
    bool read_avro_field(const JsonValue& json, Field& field, int depth);
    bool read_avro_branch(const JsonValue& json, Shape& shape, int depth);
    bool read_json_object(const JsonValue& json, Record& record, int depth);
    bool read_json_shape(const JsonValue& json, Shape& shape, const std::string& name, int depth);

    Record root_;
    std::string head_;  ///< the root's attributes besides its fields, as JSON without braces
    std::string title_;
    int fields_ = 0;
};

/// The text with every character that no Avro name may have replaced by '_'.
std::string avro_name_of(std::string_view text);

}  // namespace penstock::registry
