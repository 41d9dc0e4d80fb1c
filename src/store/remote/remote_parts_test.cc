// The parts of the client of a Cassandra that need no connection.
#include <gtest/gtest.h>

#include <algorithm>

#include "store/remote/query_store.h"
#include "store/remote/retry.h"
#include "store/remote/ring.h"
#include "store/remote/settings.h"

namespace penstock::store {
namespace {

RingNode node(std::string id, std::string dc, std::string rack, std::vector<std::int64_t> tokens) {
    return {id, id, 9042, std::move(dc), std::move(rack), std::move(tokens)};
}

std::vector<std::string> names(const Ring& ring, const std::vector<std::uint16_t>& nodes) {
    std::vector<std::string> out;
    for (auto index : nodes) out.push_back(ring.nodes()[index].id);
    return out;
}

using Names = std::vector<std::string>;

TEST(RingTest, SimpleStrategyTakesTheNextNodesAroundTheRing) {
    Ring ring(
        {node("a", "dc1", "r1", {-100, 50}), node("b", "dc1", "r1", {0}), node("c", "dc1", "r1", {100})});
    Replication two{{"class", "org.apache.cassandra.locator.SimpleStrategy"}, {"replication_factor", "2"}};
    EXPECT_EQ(names(ring, ring.replicas(two, -100)), (Names{"a", "b"}));
    EXPECT_EQ(names(ring, ring.replicas(two, -99)), (Names{"b", "a"}));
    EXPECT_EQ(names(ring, ring.replicas(two, 51)), (Names{"c", "a"}));
    // Behind the last token the ring begins again.
    EXPECT_EQ(names(ring, ring.replicas(two, 101)), (Names{"a", "b"}));
    EXPECT_EQ(ring.token_at_or_after(101), -100);
    EXPECT_EQ(ring.token_at_or_after(1), 50);
    two["replication_factor"] = "7";
    EXPECT_EQ(names(ring, ring.replicas(two, 0)), (Names{"b", "a", "c"}));
}

TEST(RingTest, NetworkTopologyStrategyPrefersRacksWithoutAReplica) {
    Ring ring({node("a", "dc1", "r1", {0}), node("b", "dc1", "r1", {10}), node("c", "dc1", "r2", {20}),
               node("x", "dc2", "r1", {5}), node("y", "dc2", "r1", {15})});
    Replication replication{
        {"class", "org.apache.cassandra.locator.NetworkTopologyStrategy"}, {"dc1", "2"}, {"dc2", "1"}};
    EXPECT_EQ(names(ring, ring.replicas(replication, 0)), (Names{"a", "c", "x"}));
    EXPECT_EQ(names(ring, ring.replicas(replication, 6)), (Names{"b", "c", "y"}));
    // When all racks have one, those that were passed over come, in their order.
    replication["dc1"] = "3/1";
    EXPECT_EQ(names(ring, ring.replicas(replication, 0)), (Names{"a", "c", "b", "x"}));
    replication["dc1"] = "9";
    EXPECT_EQ(ring.replicas(replication, 0).size(), 4u);
}

TEST(RingTest, OtherStrategiesAndAnEmptyRingHaveNoReplicas) {
    Ring ring({node("a", "dc1", "r1", {0})});
    EXPECT_TRUE(ring.replicas({{"class", "org.apache.cassandra.locator.LocalStrategy"}}, 0).empty());
    EXPECT_TRUE(ring.replicas({}, 0).empty());
    EXPECT_FALSE(Ring().token_at_or_after(0));
    EXPECT_TRUE(Ring().replicas({{"class", "SimpleStrategy"}, {"replication_factor", "1"}}, 0).empty());
}

TEST(RemoteRetryTest, WhatHelpsAgainstWhichError) {
    using wire::cql::ErrorCode;
    EXPECT_EQ(remedy_for(ErrorCode::unprepared), Remedy::prepare);
    for (auto code : {ErrorCode::overloaded, ErrorCode::is_bootstrapping, ErrorCode::server})
        EXPECT_EQ(remedy_for(code), Remedy::other_node);
    for (auto code : {ErrorCode::unavailable, ErrorCode::write_timeout, ErrorCode::read_timeout,
                      ErrorCode::write_failure, ErrorCode::cas_write_unknown})
        EXPECT_EQ(remedy_for(code), Remedy::wait);
    for (auto code :
         {ErrorCode::syntax, ErrorCode::invalid, ErrorCode::unauthorized, ErrorCode::already_exists})
        EXPECT_EQ(remedy_for(code), Remedy::none);
    EXPECT_EQ(error_of({ErrorCode::invalid, "table ks.t does not exist", {}, {}, {}}).code, Errc::not_found);
    EXPECT_EQ(error_of({ErrorCode::invalid, "unconfigured table t", {}, {}, {}}).code, Errc::not_found);
    EXPECT_EQ(error_of({ErrorCode::invalid, "Undefined column name", {}, {}, {}}).code, Errc::invalid);
    EXPECT_EQ(error_of({ErrorCode::unauthorized, "no", {}, {}, {}}).code, Errc::unauthorized);
}

TEST(RemoteRetryTest, BackoffGrowsUpToItsLimit) {
    Backoff backoff;
    auto first = backoff.next();
    EXPECT_GE(first.count(), 37);
    EXPECT_LE(first.count(), 63);
    std::chrono::milliseconds last{};
    for (int i = 0; i < 20; ++i) last = backoff.next();
    EXPECT_GE(last.count(), 1'500);
    EXPECT_LE(last.count(), 2'500);
}

TEST(RemoteSettingsTest, EveryOptionOfTheUrl) {
    ::setenv("PENSTOCK_TEST_PASSWORD", "s3cret", 1);
    auto got = parse_cassandra_url(
        "cassandra://me:${PENSTOCK_TEST_PASSWORD}@h1:9043,h2/"
        "rivers?consistency=quorum&local_dc=dc2&replication=3"
        "&create=false&protocol=4&compression=lz4&connections=2&in_flight=64&page=10&request.for=3s&retry."
        "for=1m"
        "&speculate.after=0s&serial_consistency=serial&connect.for=1s");
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(got->user, "me");
    EXPECT_EQ(got->password, "s3cret");
    ASSERT_EQ(got->hosts.size(), 2u);
    EXPECT_EQ(got->hosts[0].port, 9043);
    EXPECT_EQ(got->hosts[1].port, 9042);
    EXPECT_EQ(got->shown, "h1:9043,h2:9042");
    EXPECT_EQ(got->keyspace, "rivers");
    EXPECT_EQ(got->consistency, Consistency::quorum);
    EXPECT_EQ(got->serial_consistency, Consistency::serial);
    EXPECT_EQ(got->local_dc, "dc2");
    EXPECT_EQ(got->replication, 3);
    EXPECT_FALSE(got->create);
    EXPECT_EQ(got->protocol, 4);
    EXPECT_TRUE(got->compress);
    EXPECT_EQ(got->connections, 2);
    EXPECT_EQ(got->in_flight, 64);
    EXPECT_EQ(got->page_rows, 10);
    EXPECT_EQ(got->request_for, std::chrono::seconds(3));
    EXPECT_EQ(got->retry_for, std::chrono::minutes(1));
    EXPECT_EQ(got->speculate_after.count(), 0);
    EXPECT_EQ(parse_cassandra_url("cassandra://h")->keyspace, "penstock");
}

TEST(RemoteSettingsTest, WhatIsWrongIsNamedAndNoPasswordShown) {
    auto text = [](const std::string& url) { return parse_cassandra_url(url).error().text; };
    EXPECT_NE(text("cassandra://u:hidden@h?nose=1").find("there is no option nose; known are"),
              std::string::npos);
    EXPECT_EQ(text("cassandra://u:hidden@h?nose=1").find("hidden"), std::string::npos);
    EXPECT_NE(text("cassandra://h?consistency=most").find("expected one of one, two"), std::string::npos);
    EXPECT_NE(text("cassandra://h?page=0").find("a number from 1 to"), std::string::npos);
    EXPECT_NE(text("cassandra://h/Two Words").find("not a keyspace's name"), std::string::npos);
    EXPECT_NE(text("cassandra://h?request.for=soon").find("expected a duration"), std::string::npos);
    EXPECT_NE(text("cassandra://h?tls.ca=/nowhere.pem").find("/nowhere.pem"), std::string::npos);
    EXPECT_NE(text("cassandra://h?tls.key=/k.pem").find("go together"), std::string::npos);
    EXPECT_NE(text("cassandra:///ks").find("expected cassandra://host"), std::string::npos);
}

TEST(QueryDeltaTest, ChangesOfStateAreReadAsTheyWereWritten) {
    std::vector<StateWrite> state{{"a", "x"}, {"", ""}, {std::string("\0\xFF", 2), std::nullopt}};
    auto bytes = encode_delta(state);
    auto read = decode_delta(bytes);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 3u);
    EXPECT_EQ((*read)[0].value, "x");
    EXPECT_EQ((*read)[1].value, "");
    EXPECT_EQ((*read)[2].key, std::string("\0\xFF", 2));
    EXPECT_FALSE((*read)[2].value);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
        auto cut = decode_delta(std::string_view(bytes).substr(0, size));
        EXPECT_TRUE(!cut || cut->size() < 3) << size;
    }
}

}  // namespace
}  // namespace penstock::store
