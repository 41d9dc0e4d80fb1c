#include "replica/randomuser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <regex>
#include <set>

#include "net/http_client.h"
#include "net/http_target.h"
#include "replica/randomuser_names.h"
#include "replica/replica.h"

namespace penstock::replica {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t noon_2026 = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z

std::string users(Pairs query, std::string_view seed = "base") {
    return random_users(parse_user_query(query), seed, noon_2026);
}

/// The records of an answer in JSON, each as its text.
std::vector<std::string> records_of(const std::string& body) {
    simdjson::dom::parser parser;
    std::vector<std::string> records;
    for (auto user : parser.parse(body)["results"].get_array()) records.push_back(simdjson::minify(user));
    return records;
}

TEST(RandomUserTest, AUserHasTheApisKeysInTheApisOrder) {
    auto body = users({{"nat", "us"}, {"seed", "abc"}});
    std::regex shape(
        R"re(\{"results":\[\{"gender":"(male|female)","name":\{"title":"\w+","first":"\w+","last":"\w+"\},)re"
        R"re("location":\{"street":\{"number":\d+,"name":"[^"]+"\},"city":"[^"]+","state":"[^"]+",)re"
        R"re("country":"United States","postcode":\d{5},)re"
        R"re("coordinates":\{"latitude":"-?\d{1,2}\.\d{4}","longitude":"-?\d{1,3}\.\d{4}"\},)re"
        R"re("timezone":\{"offset":"[-+]?\d+:\d\d","description":"[^"]+"\}\},)re"
        R"re("email":"\w+\.\w+@example\.com","login":\{)re"
        R"re("uuid":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",)re"
        R"re("username":"[a-z]+\d{3}","password":"\w+","salt":"\w{8}","md5":"[0-9a-f]{32}",)re"
        R"re("sha1":"[0-9a-f]{40}","sha256":"[0-9a-f]{64}"\},)re"
        R"re("dob":\{"date":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","age":\d+\},)re"
        R"re("registered":\{"date":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","age":\d+\},)re"
        R"re("phone":"\(\d{3}\) \d{3}-\d{4}","cell":"\(\d{3}\) \d{3}-\d{4}",)re"
        R"re("id":\{"name":"SSN","value":"\d{3}-\d\d-\d{4}"\},)re"
        R"re("picture":\{"large":"https://randomuser\.me/api/portraits/(men|women)/\d+\.jpg",)re"
        R"re("medium":"https://randomuser\.me/api/portraits/med/(men|women)/\d+\.jpg",)re"
        R"re("thumbnail":"https://randomuser\.me/api/portraits/thumb/(men|women)/\d+\.jpg"\},"nat":"US"\}\],)re"
        R"re("info":\{"seed":"abc","results":1,"page":1,"version":"1\.4"\}\})re");
    EXPECT_TRUE(std::regex_match(body, shape)) << body;
}

TEST(RandomUserTest, TheSameRequestGivesTheSameBytes) {
    Pairs query{{"seed", "abc"}, {"page", "3"}, {"results", "50"}};
    EXPECT_EQ(users(query), users(query));
    EXPECT_NE(users(query), users({{"seed", "abc"}, {"page", "4"}, {"results", "50"}}));
    EXPECT_EQ(users({}, "one"), users({}, "one"));
    EXPECT_NE(users({}, "one"), users({}, "two"));
}

TEST(RandomUserTest, FewerResultsAreThePrefixOfMore) {
    auto ten = records_of(users({{"seed", "abc"}, {"results", "10"}}));
    auto twenty = records_of(users({{"seed", "abc"}, {"results", "20"}}));
    ASSERT_EQ(ten.size(), 10u);
    twenty.resize(10);
    EXPECT_EQ(ten, twenty);
}

TEST(RandomUserTest, AResultsNumberThatIsNotAllowedIsSilentlyOne) {
    for (auto value : {"0", "-1", "5001", "ten", "1.5", ""})
        EXPECT_EQ(records_of(users({{"results", value}})).size(), 1u) << value;
    EXPECT_EQ(records_of(users({{"results", "5000"}})).size(), 5000u);
    EXPECT_EQ(records_of(users({{"results", "7"}, {"results", "3"}})).size(), 3u);
    EXPECT_THAT(users({{"page", "10001"}}), HasSubstr(R"("page":1,)"));
}

TEST(RandomUserTest, OneBadNationVoidsTheList) {
    std::set<std::string> seen;
    for (auto& user : records_of(users({{"results", "500"}, {"nat", "us,zz"}})))
        seen.insert(user.substr(user.rfind("\"nat\":")));
    EXPECT_EQ(seen.size(), 21u);
    seen.clear();
    for (auto& user : records_of(users({{"results", "500"}, {"nat", "US, fr"}})))
        seen.insert(user.substr(user.rfind("\"nat\":")));
    EXPECT_THAT(seen, testing::UnorderedElementsAre("\"nat\":\"FR\"}", "\"nat\":\"US\"}"));
}

TEST(RandomUserTest, GenderIsIgnoredWithASeed) {
    auto count_men = [](const std::string& body) {
        int men = 0;
        for (auto& user : records_of(body)) men += user.find(R"("gender":"male")") != std::string::npos;
        return men;
    };
    EXPECT_EQ(count_men(users({{"gender", "female"}, {"results", "100"}})), 0);
    EXPECT_GT(count_men(users({{"gender", "female"}, {"results", "100"}, {"seed", "x"}})), 10);
}

TEST(RandomUserTest, TheEndOfASeedOfEighteenCharactersSelectsTheNation) {
    for (auto& user : records_of(users({{"seed", "56d27f4a53bd544100"}, {"results", "20"}})))
        EXPECT_THAT(user, testing::EndsWith(R"("nat":"AU"})"));
}

TEST(RandomUserTest, FieldsAreIncludedAndExcluded) {
    auto body = users({{"inc", "name,nat,nonsense"}, {"noinfo", ""}});
    EXPECT_THAT(body, StartsWith(R"({"results":[{"name":{)"));
    EXPECT_EQ(body.find("gender"), std::string::npos);
    EXPECT_EQ(body.find("info"), std::string::npos);
    EXPECT_EQ(users({{"exc", "login"}}).find("\"login\""), std::string::npos);
    auto all = records_of(users({{"seed", "s"}, {"results", "2"}}));
    auto names = records_of(users({{"seed", "s"}, {"results", "2"}, {"inc", "name"}}));
    auto name_of = [](const std::string& user) {
        auto start = user.find("\"name\":{");
        return user.substr(start, user.find('}', start) - start);
    };
    EXPECT_EQ(name_of(all[0]), name_of(names[0]));
    EXPECT_NE(name_of(all[1]), name_of(names[1]));
}

TEST(RandomUserTest, TheDataHasTheTrapsOfTheApi) {
    simdjson::dom::parser parser;
    auto body = users({{"results", "5000"}, {"seed", "traps"}});
    std::set<std::string> mails, uuids, pictures, titles;
    int text_postcodes = 0, null_ids = 0, broken_finns = 0, right_to_left = 0, lost_zeros = 0;
    int trailing_blanks = 0, commas = 0;
    for (auto user : parser.parse(body)["results"].get_array()) {
        std::string_view nat = user["nat"];
        mails.emplace(std::string_view(user["email"]));
        uuids.emplace(std::string_view(user["login"]["uuid"]));
        pictures.emplace(std::string_view(user["picture"]["large"]));
        titles.emplace(std::string_view(user["name"]["title"]));
        bool text = user["location"]["postcode"].is_string();
        EXPECT_EQ(text, nat == "CA" || nat == "GB" || nat == "NO");
        text_postcodes += text;
        lost_zeros += nat == "AU" && std::int64_t(user["location"]["postcode"]) < 1000;
        bool null = user["id"]["value"].is_null();
        EXPECT_EQ(null, nat == "IR" || nat == "NZ" || nat == "TR" || nat == "UA");
        EXPECT_EQ(null, std::string_view(user["id"]["name"]).empty());
        null_ids += null;
        if (nat == "FI") {
            std::string_view id = user["id"]["value"];
            broken_finns += id.starts_with("NaNNA") && id.ends_with("undefined");
        }
        right_to_left += nat == "IR" && std::uint8_t(std::string_view(user["name"]["last"])[0]) >= 0xD8;
        trailing_blanks += std::string_view(user["name"]["last"]).ends_with(' ');
        commas += std::string_view(user["location"]["city"]).find(',') != std::string_view::npos;
        std::string_view born = user["dob"]["date"], registered = user["registered"]["date"];
        EXPECT_TRUE(born >= "1944-08-26" && born < "2001-05-20");
        EXPECT_TRUE(registered >= "2002-03-21" && registered < "2022-05-22");
    }
    EXPECT_LT(mails.size(), 5000u);
    EXPECT_GT(mails.size(), 4000u);
    EXPECT_EQ(uuids.size(), 5000u);
    EXPECT_EQ(pictures.size(), 197u);
    EXPECT_THAT(titles, testing::UnorderedElementsAre("Mr", "Mrs", "Ms", "Miss", "Monsieur", "Madame",
                                                      "Mademoiselle"));
    EXPECT_NEAR(text_postcodes, 5000 * 3 / 21, 120);
    EXPECT_NEAR(null_ids, 5000 * 4 / 21, 140);
    EXPECT_NEAR(broken_finns, 5000 / 21, 70);
    EXPECT_NEAR(right_to_left, 5000 / 21, 70);
    EXPECT_GT(lost_zeros, 0);
    EXPECT_GT(trailing_blanks, 0);
    EXPECT_GT(commas, 0);
    EXPECT_NEAR(double(body.size()) / 5000, 1100, 60);
}

TEST(RandomUserTest, TheHashesAreThoseOfPasswordAndSalt) {
    auto body = users({{"password", "lower,3-3"}, {"seed", "hash"}});
    simdjson::dom::parser parser;
    auto login = parser.parse(body)["results"].at(0)["login"];
    EXPECT_EQ(std::string_view(login["password"]).size(), 3u);
    // The hashes are those that md5sum, sha1sum and sha256sum print for these letters.
    EXPECT_EQ(std::string(std::string_view(login["password"])) + std::string(std::string_view(login["salt"])),
              "nauaD6m0IsD");
    EXPECT_EQ(std::string_view(login["md5"]), "e8ad38b58d1ba796b961a476625281b0");
    EXPECT_EQ(std::string_view(login["sha1"]), "e042f285d6aa6e6121ae7cec7d248a8f109a7cef");
    EXPECT_EQ(std::string_view(login["sha256"]),
              "15ae553c4114e8d520b5a0c82273d9fba8870a0d742227f49bc49539fc6e9925");
}

TEST(RandomUserTest, APasswordOfAnyCharactersIsWellFormed) {
    auto body = users({{"results", "200"}, {"password", "special,upper,lower,number,64"}});
    EXPECT_EQ(records_of(body).size(), 200u);
    EXPECT_THAT(body, HasSubstr(R"(\")"));
}

TEST(RandomUserTest, TheAgeIsThatOfToday) {
    auto query = parse_user_query({{"seed", "age"}});
    auto body = random_users(query, "", noon_2026);
    simdjson::dom::parser parser;
    auto dob = parser.parse(body)["results"].at(0)["dob"];
    int born = std::stoi(std::string(std::string_view(dob["date"]).substr(0, 4)));
    EXPECT_NEAR(double(std::int64_t(dob["age"])), 2026 - born, 1);
}

TEST(RandomUserTest, OtherFormatsHoldTheSameUsers) {
    auto csv = users({{"format", "csv"}, {"results", "2"}, {"inc", "name,location"}, {"seed", "f"}});
    EXPECT_THAT(csv, StartsWith("name.title,name.first,name.last,location.street.number,"
                                "location.street.name,location.city,location.state,location.country,"
                                "location.postcode,location.coordinates.latitude,"
                                "location.coordinates.longitude,location.timezone.offset,"
                                "location.timezone.description\n"));
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
    auto xml = users({{"format", "xml"}, {"results", "2"}});
    EXPECT_THAT(xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?><user><results><gender>"));
    EXPECT_THAT(xml, testing::EndsWith("<version>1.4</version></info></user>"));
    EXPECT_THAT(users({{"fmt", "yaml"}}), StartsWith("results:\n    -\n        gender: '"));
    auto pretty = users({{"format", "pretty"}, {"seed", "p"}, {"results", "3"}});
    EXPECT_THAT(pretty, StartsWith("{\n  \"results\": [\n    {\n      \"gender\": \""));
    EXPECT_EQ(records_of(pretty), records_of(users({{"seed", "p"}, {"results", "3"}})));
}

TEST(RandomUserTest, OnlyAFunctionsNameIsACallback) {
    EXPECT_THAT(users({{"callback", "page.show"}}), StartsWith("page.show({\"results\""));
    EXPECT_THAT(users({{"callback", "alert(1);//"}}), StartsWith("{\"results\""));
}

TEST(RandomUserTest, ASeedIsEscaped) {
    auto body = users({{"seed", "a\"\\\n<b>"}});
    EXPECT_THAT(body, HasSubstr(R"("seed":"a\"\\\u000a<b>")"));
    EXPECT_THAT(users({{"seed", "<&>"}, {"format", "xml"}}), HasSubstr("<seed>&lt;&amp;&gt;</seed>"));
}

TEST(RandomUserNamesTest, EveryNameMakesAnAddressAndNeedsNoEscape) {
    for (auto& nation : nations()) {
        for (auto* list : {&nation.male, &nation.female, &nation.last}) {
            for (auto& name : *list) {
                EXPECT_EQ(name.mail.find('?'), std::string::npos) << name.text;
                EXPECT_FALSE(name.mail.empty()) << name.text;
                EXPECT_EQ(name.text.find_first_of("\"\\&<>"), std::string_view::npos) << name.text;
            }
        }
        for (auto* list : {&nation.streets, &nation.cities, &nation.states})
            for (auto text : *list) EXPECT_EQ(text.find_first_of("\"\\&<>"), std::string_view::npos) << text;
    }
    EXPECT_EQ(mail_name("П'єр"), "p'ier");
    EXPECT_EQ(mail_name("Schröder"), "schroder");
}

class ReplicaTest : public testing::Test {
protected:
    std::unique_ptr<Replica> start(ReplicaOptions options = {}) {
        auto started = Replica::start(shards_, options);
        EXPECT_TRUE(started) << started.error().text;
        return std::move(*started);
    }
    net::Shards shards_{1};
};

TEST_F(ReplicaTest, ServesTheApiOverHttp) {
    auto replica = start();
    auto result = net::http_request("GET", replica->base_url() + "/api/?results=2&seed=x");
    ASSERT_TRUE(result) << result.error().text;
    EXPECT_EQ(result->status, 200);
    EXPECT_EQ(result->header("content-type"), "application/json; charset=utf-8");
    EXPECT_EQ(result->header("x-penstock-replica"), "randomuser");
    EXPECT_EQ(result->header("access-control-allow-origin"), "*");
    EXPECT_EQ(records_of(result->body).size(), 2u);
    EXPECT_EQ(net::http_request("GET", replica->base_url() + "/api/1.4/?seed=x")->status, 200);
    EXPECT_EQ(net::http_request("GET", replica->base_url() + "/?results=5")->status, 200);
    EXPECT_EQ(replica->requests(), 3);
    EXPECT_EQ(replica->records(), 8);
}

TEST_F(ReplicaTest, AnUnknownVersionIs404AsText) {
    auto replica = start();
    auto result = net::http_request("GET", replica->base_url() + "/api/9.9/");
    EXPECT_EQ(result->status, 404);
    EXPECT_THAT(std::string(result->header("content-type")), StartsWith("text/plain"));
}

TEST_F(ReplicaTest, WithoutASeedEachRequestHasItsOwnAndRunsRepeat) {
    auto run = [this] {
        auto replica = start({.seed = "run"});
        auto url = replica->base_url() + "/api/";
        return std::pair(net::http_request("GET", url)->body, net::http_request("GET", url)->body);
    };
    auto first = run();
    EXPECT_NE(first.first, first.second);
    EXPECT_EQ(first, run());
}

TEST_F(ReplicaTest, TheLimitCountsUsersBeforeTheAdditionAndResetsForAll) {
    ManualClock clock(noon_2026);
    auto replica = start({.user_limit = 20'000, .clock = &clock});
    auto url = replica->base_url() + "/api/?results=5000";
    for (int i = 0; i < 4; ++i) EXPECT_EQ(net::http_request("GET", url)->status, 200);
    auto refused = net::http_request("GET", url);
    EXPECT_EQ(refused->status, 429);
    EXPECT_EQ(refused->header("retry-after"), "");
    EXPECT_THAT(refused->body, StartsWith(R"({"error":"Whoa, ease up there cowboy. You've requested 20000)"));
    EXPECT_EQ(net::http_request("GET", url, {}, {{"X-Forwarded-For", "10.0.0.1"}})->status, 200);
    clock.advance_us(300'000'000);
    EXPECT_EQ(net::http_request("GET", url)->status, 200);
}

TEST_F(ReplicaTest, ADownloadIsNamedAfterItsFormat) {
    auto replica = start();
    auto result = net::http_request("GET", replica->base_url() + "/api/?dl&format=csv");
    EXPECT_EQ(result->header("content-disposition"), "attachment; filename=\"download.csv\"");
    EXPECT_EQ(result->header("content-type"), "text/csv; charset=utf-8");
}

TEST_F(ReplicaTest, AnUnknownNameIsRefusedWithThoseThereAre) {
    auto refused = Replica::start(shards_, {.name = "weather"});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("randomuser"));
}

}  // namespace
}  // namespace penstock::replica
