// Any text: parse, and bind what parses; then the same as DDL and as an interval. Nothing may crash or hang.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "stream/plan/binder.h"
#include "stream/sql/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::stream;
    if (size > 20'000) return 0;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    static const auto columns = *parse_ddl(
        "id BIGINT, name STRUCT<first: STRING, last: STRING>, at TIMESTAMP, tags ARRAY<STRING>, "
        "props MAP<STRING, DOUBLE>, ok BOOLEAN, day DATE");
    auto select = sql::parse_select(text);
    if (select) {
        RelationInfo relation{RelationInfo::Kind::topic, "t"};
        relation.columns = columns;
        if (!select->from) relation.kind = RelationInfo::Kind::none;
        auto plan = bind(*select, relation, {});
        if (!plan)
            (void)render(plan.error(), text);
        else
            CHECK(plan->schema.size() <= plan->outputs.size());
    } else {
        CHECK(select.error().line >= 1 && select.error().column >= 1);
        (void)render(select.error(), text);
    }
    if (auto type = parse_ddl(text)) {
        auto again = parse_ddl(ddl_of(*type));
        CHECK(again && *again == *type);
    }
    (void)sql::parse_interval_text(text, {});
    return 0;
}
