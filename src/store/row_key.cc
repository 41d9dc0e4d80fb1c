#include "store/row_key.h"

#include "store/bytes.h"
#include "store/token.h"

namespace penstock::store {
namespace {

constexpr std::uint64_t sign_bit = 1ULL << 63;

void append_query(std::string& out, std::string_view query) {
    append_big_endian(out, std::uint16_t(query.size()));
    out += query;
}

}  // namespace

std::string checkpoint_key(std::string_view query) {
    std::string out(1, checkpoint_tag);
    append_query(out, query);
    return out;
}

std::string state_prefix(std::string_view query) {
    std::string out(1, state_tag);
    append_query(out, query);
    return out;
}

std::string table_prefix(std::uint32_t table) {
    std::string out(1, table_tag);
    append_big_endian(out, table);
    return out;
}

std::string token_prefix(std::uint32_t table, std::int64_t token) {
    auto out = table_prefix(table);
    append_big_endian(out, std::uint64_t(token) ^ sign_bit);
    return out;
}

void append_partition_prefix(std::string& out, std::uint32_t table, std::int64_t token,
                             std::string_view partition_key) {
    char head[token_prefix_size + 2];
    head[0] = table_tag;
    char* at = store_big_endian(head + 1, table);
    at = store_big_endian(at, std::uint64_t(token) ^ sign_bit);
    store_big_endian(at, std::uint16_t(partition_key.size()));
    out.append(head, sizeof head);
    out += partition_key;
}

std::string partition_prefix(std::uint32_t table, std::string_view partition_key) {
    std::string out;
    append_partition_prefix(out, table, token_of(partition_key), partition_key);
    return out;
}

std::string_view partition_prefix_of(std::string_view key) {
    constexpr auto head = token_prefix_size + 2;
    if (key.size() < head || key[0] != table_tag) return {};
    std::size_t size = load_big_endian<std::uint16_t>(key.data() + token_prefix_size);
    return key.size() < head + size ? std::string_view() : key.substr(0, head + size);
}

std::string after_prefix(std::string prefix) {
    while (!prefix.empty() && prefix.back() == '\xFF') prefix.pop_back();
    if (!prefix.empty()) ++prefix.back();
    return prefix;
}

bool parse_key(std::string_view key, ParsedKey& out) {
    auto prefix = partition_prefix_of(key);
    if (prefix.empty() || key.size() == prefix.size()) return false;
    out.table = load_big_endian<std::uint32_t>(key.data() + 1);
    out.token = std::int64_t(load_big_endian<std::uint64_t>(key.data() + table_prefix_size) ^ sign_bit);
    out.partition_key = prefix.substr(token_prefix_size + 2);
    out.partition_prefix = prefix;
    out.tag = key[prefix.size()];
    out.rest = key.substr(prefix.size() + 1);
    return true;
}

std::string range_deletion_rest(std::string_view from, std::string_view to) {
    std::string out;
    append_big_endian(out, std::uint32_t(from.size()));
    out += from;
    out += to;
    return out;
}

bool parse_range_deletion(std::string_view rest, std::string_view& from, std::string_view& to) {
    ByteReader reader{rest};
    auto size = reader.fixed<std::uint32_t>();
    from = reader.bytes(size);
    to = reader.rest;
    return reader.ok;
}

}  // namespace penstock::store
