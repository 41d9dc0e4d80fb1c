// JSON values as Avro's binary encoding, by a schema.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "registry/avro_logical.h"
#include "registry/avro_schema.h"

namespace penstock::registry {

struct AvroEncoderOptions {
    /// A member that the record's schema does not have: refused, or left out.
    bool refuse_unknown = false;
    /// "0xCAFE" stands for bytes; else a text's own bytes are taken.
    bool hex_bytes = false;
    /// Texts for bytes and fixed are those of defaults in schemas: each character is one byte.
    bool bytes_as_characters = false;
};

/// Numbers go where they fit; dates and timestamps are taken as ISO texts or as the numbers that they are in
/// Avro, decimals as numbers or texts. A union takes the first branch that the value fits best. A member that
/// is missing has the field's default, or null where that is a branch. For one thread.
class AvroEncoder {
public:
    /// The type's schema must outlive the encoder.
    explicit AvroEncoder(const AvroType& root, AvroEncoderOptions options = {})
        : root_(root), options_(options) {}

    /// Appends the value's bytes; false with why() when it does not fit, and then out is as it was.
    bool encode(simdjson::dom::element value, std::string& out);
    const std::string& why() const { return why_; }

private:
    using Element = simdjson::dom::element;

    bool write(const AvroType& type, Element value, std::string& out, int depth);
    bool write_record(const AvroType& type, Element value, std::string& out, int depth);
    bool write_missing(const AvroField& field, std::string& out);
    bool write_array(const AvroType& type, Element value, std::string& out, int depth);
    bool write_map(const AvroType& type, Element value, std::string& out, int depth);
    bool write_union(const AvroType& type, Element value, std::string& out, int depth);
    bool write_whole(const AvroType& type, Element value, std::string& out);
    bool write_bytes(const AvroType& type, Element value, std::string& out);
    bool write_decimal(const AvroType& type, const AvroLogical& logical, Element value, std::string& out);
    std::string path_text() const;
    bool refuse(std::string_view expected, Element found);
    const std::vector<std::string>& names_of(const AvroType& record);
    const AvroLogical& logical(const AvroType& type);

    const AvroType& root_;
    const AvroEncoderOptions options_;
    std::unordered_map<const AvroType*, std::vector<std::string>> names_;
    std::unordered_map<const AvroType*, AvroLogical> logical_;
    std::unordered_map<const AvroField*, std::string> defaults_;
    std::vector<std::string> path_;
    std::int64_t work_left_ = 0;
    std::string why_;
};

/// The bytes of a field's default. Errc::invalid.
Result<std::string> avro_default(const AvroType& type, std::string_view default_json);

}  // namespace penstock::registry
