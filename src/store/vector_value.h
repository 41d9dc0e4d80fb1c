// Values of vector<type, n>: bytes as Cassandra has them, and how alike two are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/data_type.h"

namespace penstock::store {

/// Elements of a valid vector: as many as its type says, of fixed size one after the other, others behind
/// their length each. False when the bytes are none.
bool split_vector(const DataType& type, std::string_view value, std::vector<std::string_view>& elements);
void append_vector_element(std::string& out, const DataType& element_type, std::string_view element);

/// "org.apache.cassandra.db.marshal.FloatType": what the protocol calls a type that it has no number for.
std::string marshal_class(const DataType& type);
/// Of a class's name without its package: "FloatType".
std::optional<Kind> kind_of_class(std::string_view name);

enum class Similarity : std::uint8_t { cosine, euclidean, dot_product };
/// "cosine", "euclidean" or "dot_product", in any case.
std::optional<Similarity> similarity_of(std::string_view name);

/// Of two vectors of floats as they are stored, of the same dimension: between 0 and 1 for unit vectors,
/// greater is nearer, as Cassandra's functions give it. Nothing: cosine of a vector without a direction.
std::optional<float> similarity(Similarity by, std::string_view a, std::string_view b);

}  // namespace penstock::store
