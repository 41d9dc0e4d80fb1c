// Bodies of responses and posts: taking them apart must not read beyond them, and every view must lie inside.
#include "base/check.h"
#include "ingest/link_header.h"
#include "ingest/page.h"

namespace {

using namespace penstock::ingest;

void check_inside(const Page& page, const std::string& body) {
    auto inside = [&](std::string_view view) {
        return view.empty() ||
               (view.data() >= body.data() && view.data() + view.size() <= body.data() + body.size());
    };
    std::size_t bytes = 0;
    for (auto& record : page.records) {
        CHECK(inside(record.value));
        CHECK(record.index < page.size());
        if (record.key) bytes += record.key->size();  // reads it
    }
    for (auto& reject : page.rejects) CHECK(inside(reject.raw));
    CHECK(bytes <= 4 * body.size() + 16);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string body(reinterpret_cast<const char*>(data), size);
    static PageSplitter whole("", "/id"), inner("/results", "/login/uuid");
    Page page;
    for (auto* splitter : {&whole, &inner}) {
        (void)splitter->split(body, page);
        check_inside(page, body);
        (void)splitter->split_any(body, page);
        check_inside(page, body);
        splitter->split_lines(body, page);
        check_inside(page, body);
        (void)splitter->text_at(body, "/next/cursor");
    }
    CHECK(describe_body(body).size() <= 300);
    (void)next_link(body);
    return 0;
}
