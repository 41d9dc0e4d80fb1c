// Any bytes are a value of a type or an error; what is valid can be printed and compared.
#include "store/clustering.h"
#include "store/row_value.h"
#include "store/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::store;
    if (size == 0) return 0;
    static const char* const types[] = {"ascii",
                                        "bigint",
                                        "blob",
                                        "boolean",
                                        "date",
                                        "decimal",
                                        "double",
                                        "duration",
                                        "float",
                                        "inet",
                                        "int",
                                        "smallint",
                                        "text",
                                        "time",
                                        "timestamp",
                                        "timeuuid",
                                        "tinyint",
                                        "uuid",
                                        "varint",
                                        "list<text>",
                                        "set<int>",
                                        "map<text, decimal>",
                                        "tuple<int, frozen<list<tuple<text, duration>>>>",
                                        "vector<float, 3>",
                                        "frozen<list<vector<text, 2>>>"};
    auto type = parse_data_type(types[data[0] % std::size(types)]);
    std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    // What is read back from a key is a value, and is written as the same key.
    for (bool descending : {false, true}) {
        std::string_view encoded = bytes;
        std::string value, again;
        if (!can_cluster(*type) || !take_clustering(encoded, *type, descending, value)) continue;
        append_clustering(again, *type, descending, value);
        std::string twice;
        std::string_view rest = again;
        if (!take_clustering(rest, *type, descending, twice) || !rest.empty()) __builtin_trap();
    }
    // A decimal may announce an exponent that would fill memory with zeros when printed: printing is bounded
    // by text.
    if (bytes.size() < 4096 && validate(*type, bytes)) {
        std::string json;
        append_value_as_json(json, *type, bytes);
        if (compare(*type, bytes, bytes) != 0) __builtin_trap();
    }
    Row row;
    if (parse_row(bytes, row)) {
        std::string again;
        append_row(again, row);
        // The input may say a thing in a longer way than append_row() does; what that wrote must stay as it
        // is.
        Row twice;
        if (!parse_row(again, twice) || twice.cells.size() != row.cells.size()) __builtin_trap();
        std::string same;
        append_row(same, twice);
        if (same != again) __builtin_trap();
    }
    return 0;
}
