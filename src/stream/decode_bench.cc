// Records decoded per CPU-second: nested JSON of 1.1 KB each into the 14 columns of the example pipeline's
// query.
#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "stream/decode/decoder.h"
#include "stream/decode/schema_inference.h"
#include "stream/plan/binder.h"
#include "stream/sql/parser.h"

namespace {

std::string user(int i) {
    return fmt::format(
        R"({{"gender":"female","name":{{"title":"Miss","first":"Jennie{0}","last":"Nichols"}},"location":{{"street":)"
        R"({{"number":{1},"name":"Valwood Pkwy"}},"city":"Billings","state":"Michigan","country":"United States",)"
        R"("postcode":{2},"coordinates":{{"latitude":"-69.8246","longitude":"134.8719"}},"timezone":{{"offset":)"
        R"("+9:30","description":"Adelaide, Darwin"}}}},"email":"jennie.nichols{0}@example.com","login":{{"uuid":)"
        R"("7a0eed16-9430-4d68-901f-{0:012d}","username":"yellowpeacock{0}","password":"addison","salt":"sld1yGtd",)"
        R"("md5":"ab54ac4c0be9480ae8fa5e9e2a5196a3","sha1":"edcf2ce613cbdea349133c52dc2f3b83168dc51b","sha256":)"
        R"("48df5229235ada28389b91e60a935e4f9b73eb4bdb855ef9258a1751f10bdc5d"}},"dob":{{"date":)"
        R"("1992-03-08T15:13:16.688Z","age":30}},"registered":{{"date":"2007-07-09T05:51:59.390Z","age":14}},)"
        R"("phone":"(272) 790-0888","cell":"(489) 330-2385","id":{{"name":"SSN","value":"405-88-3636"}},"picture":)"
        R"({{"large":"https://randomuser.me/api/portraits/men/75.jpg","medium":)"
        R"("https://randomuser.me/api/portraits/med/men/75.jpg","thumbnail":)"
        R"("https://randomuser.me/api/portraits/thumb/men/75.jpg"}},"nat":"US"}})",
        i, i % 9000, i % 3 ? std::to_string(10000 + i % 80000) : fmt::format("\"AB{} 1XY\"", i % 99));
}

double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

}  // namespace

int main() {
    using namespace penstock;
    constexpr int count = 20'000, rounds = 10;
    std::string bytes;
    std::vector<std::size_t> ends;
    for (int i = 0; i < count; ++i) {
        bytes += user(i);
        ends.push_back(bytes.size());
    }
    bytes.append(64, '\0');
    std::vector<broker::Record> records(count);
    stream::SchemaInference inference;
    for (std::size_t i = 0, begin = 0; i < records.size(); begin = ends[i++]) {
        records[i].offset = std::int64_t(i);
        records[i].value = std::string_view(bytes).substr(begin, ends[i] - begin);
        if (i < 1000) inference.add(*records[i].value);
    }
    auto select = stream::sql::parse_select(
        "SELECT login.uuid AS id, name.first, name.last, gender, CAST(location.street.number AS STRING) AS "
        "n, "
        "location.street.name AS street, location.city, location.state, location.country, "
        "CAST(location.postcode AS STRING) AS post_code, email, login.username, "
        "CAST(dob.date AS TIMESTAMP) AS dob, CAST(registered.date AS TIMESTAMP) AS registered_date FROM t");
    stream::RelationInfo relation{stream::RelationInfo::Kind::topic, "t"};
    relation.columns = inference.result();
    auto plan = stream::bind(*select, relation, {});
    if (!plan) {
        std::printf("%s\n", plan.error().text.c_str());
        return 1;
    }
    auto decoder = stream::make_decoder(*plan, false);
    std::size_t rows = 0;
    auto start = cpu_seconds();
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < records.size(); i += 2000) {
            Arena arena;
            auto batch = make_batch(plan->scan_schema);
            std::vector<std::uint32_t> origins;
            std::vector<stream::Misfit> misfits;
            (void)decoder->decode(std::span(records).subspan(i, 2000), 0, arena, batch, origins, misfits);
            rows += batch.rows;
        }
    }
    auto seconds = cpu_seconds() - start;
    std::printf("%zu records of %zu bytes into %zu columns: %.0f records and %.0f MB per CPU-second\n", rows,
                bytes.size() / count, plan->scan.size(), double(rows) / seconds,
                double(bytes.size()) * rounds / seconds / 1e6);
    return rows == std::size_t(count) * rounds ? 0 : 1;
}
