// The types a table's columns can have: Cassandra's, which are what the clients of the port know.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/type.h"

namespace penstock::store {

/// The numbers are those of the native protocol's type options (native_protocol_v5.spec, section 6).
enum class Kind : std::uint16_t {
    ascii = 0x01,
    bigint = 0x02,
    blob = 0x03,
    boolean = 0x04,
    counter = 0x05,
    decimal = 0x06,
    double_ = 0x07,
    float_ = 0x08,
    int_ = 0x09,
    timestamp = 0x0B,
    uuid = 0x0C,
    text = 0x0D,
    varint = 0x0E,
    timeuuid = 0x0F,
    inet = 0x10,
    date = 0x11,
    time = 0x12,
    smallint = 0x13,
    tinyint = 0x14,
    duration = 0x15,
    list = 0x20,
    map = 0x21,
    set = 0x22,
    udt = 0x30,
    tuple = 0x31,
    vector = 0xF0,  ///< the protocol has no number for it: it goes by its class's name
};

/// What a user-defined type is called; its fields' types are the parameters of the DataType.
struct UserTypeName {
    std::string keyspace;
    std::string name;
    std::vector<std::string> fields;
    bool operator==(const UserTypeName&) const = default;
    /// Index of a field, or -1.
    int field(std::string_view wanted) const;
};

struct DataType {
    Kind kind = Kind::text;
    bool frozen = false;               ///< collections and user-defined types; tuples are always frozen
    std::vector<DataType> parameters;  ///< types of the elements of list, set, map (key, value), of a tuple's
                                       ///< components and of a user-defined type's fields
    std::shared_ptr<const UserTypeName> user{};  ///< of user-defined types
    std::uint32_t dimension = 0;                 ///< of vectors

    DataType() = default;
    DataType(Kind of) : kind(of) {}  // NOLINT: a kind without parameters is a type
    DataType(Kind of, std::vector<DataType> parts, bool is_frozen = false)
        : kind(of), frozen(is_frozen), parameters(std::move(parts)) {}

    bool is_collection() const { return kind == Kind::list || kind == Kind::set || kind == Kind::map; }
    bool is_text() const { return kind == Kind::text || kind == Kind::ascii; }
    /// Serialised as components, null or not, one after the other.
    bool is_tuple() const { return kind == Kind::tuple || kind == Kind::udt; }
    /// Stored as one cell for each element or field, so that they can be changed alone.
    bool is_multi_cell() const { return (is_collection() || kind == Kind::udt) && !frozen; }
    bool operator==(const DataType& other) const;
};

/// Such a type has no order: a month may be longer than 30 days, or not.
bool has_duration(const DataType& type);

/// The same type, with everything inside it frozen, too.
DataType frozen(DataType type);

/// "frozen<map<text, int>>", as CQL writes it.
std::string to_string(const DataType& type);
/// The inverse for the names of simple types: "int", "varchar", ...
std::optional<Kind> kind_of_name(std::string_view name);
/// The inverse for all types. Errc::invalid names what is not understood.
Result<DataType> parse_data_type(std::string_view text);
/// Finds a user-defined type (not frozen); keyspace is empty when the text names none.
using UserTypes = std::function<Result<DataType>(std::string_view keyspace, std::string_view name)>;
Result<DataType> parse_data_type(std::string_view text, const UserTypes& user_types);
/// A name as CQL writes it: in double quotes when it would be read differently without.
std::string quoted_name(std::string_view name);

/// The CQL type that a column of the streaming engine gets in a new table.
DataType type_of(TypeId type);
/// How the streaming engine sees values of a CQL type; values without a counterpart travel as text or JSON.
TypeId engine_type_of(const DataType& type);

}  // namespace penstock::store
