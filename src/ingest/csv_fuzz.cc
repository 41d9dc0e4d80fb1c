// Rows of CSV: cutting and reading them ends, and what comes out is JSON of the right names.
#include "base/check.h"
#include "ingest/csv.h"
#include "ingest/page.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::ingest;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    static PageSplitter splitter("", "/_c0");
    while (!text.empty()) {
        auto end = csv_row_end(text, true);
        if (!end) break;
        CHECK(*end > 0 && *end <= text.size());
        auto row = parse_csv_row(text.substr(0, *end), ',');
        text.remove_prefix(*end);
        if (!row) continue;
        CHECK(!row->empty());
        auto json = csv_row_as_json(csv_default_names(row->size()), *row);
        if (!json) continue;
        Page page;
        CHECK(splitter.split(*json, page).has_value());
        CHECK(page.size() == 1);
    }
    return 0;
}
