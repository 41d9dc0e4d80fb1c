// The keys in RocksDB. docs/formats/table_key.md has the byte table.
//
//   01 ...  the catalogue (store/catalogue.h)
//   02 query                      a query's checkpoint
//   03 query key                  a query's state
//   04 table token partition 00   deletion of a whole partition, or (with bounds) of a range of its rows
//   04 table token partition 01   the values of the partition's static columns
//   04 table token partition 02 clustering   a row
//   05                            roles and their permissions (store/roles.h)
//   06 index value ...            an entry of an index (store/index_entries.h)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::store {

inline constexpr char catalogue_tag = '\x01';
inline constexpr char checkpoint_tag = '\x02';
inline constexpr char state_tag = '\x03';
inline constexpr char table_tag = '\x04';
inline constexpr char index_tag = '\x06';
inline constexpr char roles_tag = '\x05';

inline constexpr char deletion_tag = '\x00';
inline constexpr char static_tag = '\x01';
inline constexpr char row_tag = '\x02';

inline constexpr std::size_t table_prefix_size = 1 + 4;
inline constexpr std::size_t token_prefix_size = table_prefix_size + 8;
/// As in Cassandra; the length is stored in 16 bits.
inline constexpr std::size_t max_partition_key = 65535;

std::string checkpoint_key(std::string_view query);
/// All state keys of a query start with this; the state's own key follows as it is.
std::string state_prefix(std::string_view query);

std::string table_prefix(std::uint32_t table);
/// Every key with a token >= this one starts here or after. token counts as signed.
std::string token_prefix(std::uint32_t table, std::int64_t token);
/// What all keys of one partition start with. The key's bytes are at most max_partition_key.
std::string partition_prefix(std::uint32_t table, std::string_view partition_key);
void append_partition_prefix(std::string& out, std::uint32_t table, std::int64_t token,
                             std::string_view partition_key);

/// What all keys of this key's partition start with; empty: it is not a key of a table, or ends before that.
std::string_view partition_prefix_of(std::string_view key);

/// The least key that is greater than all that start with prefix. Empty: there is none.
std::string after_prefix(std::string prefix);

/// A table's key taken apart; the views point into it.
struct ParsedKey {
    std::uint32_t table = 0;
    std::int64_t token = 0;
    std::string_view partition_key;
    std::string_view partition_prefix;  ///< up to and with the partition key
    char tag = row_tag;
    std::string_view rest;  ///< clustering of a row, bounds of a deletion
};
/// False when it is not a key of a table.
bool parse_key(std::string_view key, ParsedKey& out);

/// Bounds of a range deletion as the rest of its key: rows with from <= clustering < to (as bytes).
std::string range_deletion_rest(std::string_view from, std::string_view to);
bool parse_range_deletion(std::string_view rest, std::string_view& from, std::string_view& to);

}  // namespace penstock::store
