// Transactions as clients see them, old ones (an epoch for the producer's life) and new ones (an epoch for
// each transaction, KIP-890).
#include "broker/group/committed_offsets.h"
#include "broker/server/kafka_server_fixture.h"

namespace penstock::broker {
namespace {

class TransactionsTest : public KafkaServerTest {
protected:
    struct Producer {
        std::string id;
        std::int64_t producer_id = -1;
        std::int16_t epoch = -1;
        std::int32_t sequence = 0;
    };

    kafka::InitProducerIdResponse init(const std::string& id, std::int32_t timeout_ms = 60'000,
                                       std::int16_t version = 4) {
        return client_->call<InitProducerId>({.transactional_id = id, .transaction_timeout_ms = timeout_ms},
                                             version);
    }
    Producer producer(const std::string& id, std::int32_t timeout_ms = 60'000) {
        auto answer = init(id, timeout_ms);
        EXPECT_EQ(answer.error, ErrorCode::none);
        return {id, answer.producer_id, answer.producer_epoch};
    }
    ErrorCode add(const Producer& who, const std::string& topic, std::int32_t partition = 0) {
        kafka::AddPartitionsToTxnRequest request{.transactional_id = who.id,
                                                 .producer_id = who.producer_id,
                                                 .producer_epoch = who.epoch,
                                                 .topics = {{.name = topic, .partitions = {partition}}}};
        return client_->call<AddPartitionsToTxn>(request, 3).topics.at(0).partitions.at(0).error;
    }
    ErrorCode send(Producer& who, const std::string& topic, std::string_view value,
                   std::int16_t version = 9) {
        auto batch = batch_of({value}, {.attributes = kafka::attribute::transactional,
                                        .producer_id = who.producer_id,
                                        .producer_epoch = who.epoch,
                                        .base_sequence = who.sequence});
        kafka::ProduceRequest request{
            .transactional_id = who.id,
            .acks = -1,
            .topics = {{.name = topic, .partitions = {{.index = 0, .records = {batch}}}}}};
        auto error = client_->call<Produce>(request, version).topics.at(0).partitions.at(0).error;
        if (error == ErrorCode::none) ++who.sequence;
        return error;
    }
    kafka::EndTxnResponse end(const Producer& who, bool commits, std::int16_t version = 3) {
        return client_->call<EndTxn>({.transactional_id = who.id,
                                      .producer_id = who.producer_id,
                                      .producer_epoch = who.epoch,
                                      .committed = commits},
                                     version);
    }
    Fetch::Response::Topic::Partition fetch_committed(const std::string& topic, std::int64_t offset) {
        auto request = fetch_request(topic, offset);
        request.isolation_level = 1;
        return client_->call<Fetch>(request, 11).topics.at(0).partitions.at(0);
    }
    /// What a query or a source would read.
    std::vector<std::string> committed_values(const std::string& topic) {
        std::vector<std::string> values;
        std::int64_t offset = 0;
        while (true) {
            auto set = topics_->read(topic, 0, offset, 100);
            EXPECT_TRUE(set);
            for (const auto& record : set->records) values.emplace_back(*record.value);
            if (set->next_offset == offset) return values;
            offset = set->next_offset;
        }
    }
    std::string status(const std::string& id) {
        return client_->call<DescribeTransactions>({.transactional_ids = {id}}, 0).transactions.at(0).state;
    }
    void commit_offset(const Producer& who, std::int64_t offset, std::int16_t version, ErrorCode expected) {
        kafka::TxnOffsetCommitRequest request{
            .transactional_id = who.id,
            .group_id = "g",
            .producer_id = who.producer_id,
            .producer_epoch = who.epoch,
            .topics = {{.name = "t", .partitions = {{.index = 0, .committed_offset = offset}}}}};
        auto answer = client_->call<TxnOffsetCommit>(request, version);
        EXPECT_EQ(answer.topics.at(0).partitions.at(0).error, expected);
    }
    OffsetFetch::Response::Topic::Partition committed_offset(bool stable = false) {
        kafka::OffsetFetchRequest request{
            .group_id = "g", .topics = {{{.name = "t", .partitions = {0}}}}, .require_stable = stable};
        return client_->call<OffsetFetch>(request, 7).topics.at(0).partitions.at(0);
    }
};

using Values = std::vector<std::string>;

TEST_F(TransactionsTest, WhatIsCommittedIsSeenAndWhatIsAbortedIsNamed) {
    create("t");
    auto who = producer("id");
    EXPECT_EQ(send(who, "t", "early"), ErrorCode::invalid_txn_state);  // not added
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    ASSERT_EQ(produce("t", batch_of({"other"})).error, ErrorCode::none);
    auto open = fetch_committed("t", 0);
    EXPECT_EQ(open.last_stable_offset, 0);
    EXPECT_EQ(open.high_watermark, 2);
    EXPECT_EQ(open.records.bytes, "");
    EXPECT_NE(fetch("t", 0).records.bytes, "");  // read_uncommitted
    EXPECT_EQ(committed_values("t"), Values{});
    EXPECT_EQ(status("id"), "Ongoing");

    ASSERT_EQ(end(who, true).error, ErrorCode::none);
    EXPECT_EQ(status("id"), "CompleteCommit");
    EXPECT_EQ(end(who, true).error, ErrorCode::none);  // the answer was lost
    EXPECT_EQ(end(who, false).error, ErrorCode::invalid_txn_state);
    EXPECT_EQ(committed_values("t"), (Values{"a", "other"}));
    EXPECT_EQ(fetch_committed("t", 0).last_stable_offset, 3);  // two records and the marker

    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "b"), ErrorCode::none);
    ASSERT_EQ(produce("t", batch_of({"third"})).error, ErrorCode::none);
    ASSERT_EQ(end(who, false).error, ErrorCode::none);
    EXPECT_EQ(status("id"), "CompleteAbort");
    auto after = fetch_committed("t", 0);
    ASSERT_EQ(after.aborted_transactions->size(), 1u);
    EXPECT_EQ(after.aborted_transactions->at(0).producer_id, who.producer_id);
    EXPECT_EQ(after.aborted_transactions->at(0).first_offset, 3);
    EXPECT_EQ(committed_values("t"), (Values{"a", "other", "third"}));
    EXPECT_TRUE(fetch_committed("t", 6).aborted_transactions->empty());
    EXPECT_FALSE(fetch("t", 0).aborted_transactions.has_value());

    start({});  // all of it is still so
    EXPECT_EQ(committed_values("t"), (Values{"a", "other", "third"}));
    EXPECT_EQ(fetch_committed("t", 0).aborted_transactions->size(), 1u);
    EXPECT_EQ(status("id"), "CompleteAbort");
}

TEST_F(TransactionsTest, EveryTransactionMayHaveItsOwnEpoch) {
    create("t");
    auto who = producer("id");
    ASSERT_EQ(send(who, "t", "a", 12), ErrorCode::none);  // adds the partition by itself
    auto ended = end(who, true, 5);
    ASSERT_EQ(ended.error, ErrorCode::none);
    EXPECT_EQ(ended.producer_id, who.producer_id);
    EXPECT_EQ(ended.producer_epoch, who.epoch + 1);
    auto again = end(who, true, 5);  // the answer was lost
    EXPECT_EQ(again.error, ErrorCode::none);
    EXPECT_EQ(again.producer_epoch, who.epoch + 1);
    auto late = who;
    EXPECT_EQ(send(late, "t", "late", 12), ErrorCode::invalid_producer_epoch);
    who.epoch = ended.producer_epoch;
    who.sequence = 0;
    ASSERT_EQ(send(who, "t", "b", 12), ErrorCode::none);
    ended = end(who, false, 5);
    ASSERT_EQ(ended.error, ErrorCode::none);
    who.epoch = ended.producer_epoch;
    auto nothing = end(who, false, 5);  // an abort of nothing is a new epoch too
    EXPECT_EQ(nothing.error, ErrorCode::none);
    EXPECT_EQ(nothing.producer_epoch, who.epoch + 1);
    who.epoch = nothing.producer_epoch;
    EXPECT_EQ(end(who, true, 5).error, ErrorCode::invalid_txn_state);
    EXPECT_EQ(committed_values("t"), Values{"a"});
}

TEST_F(TransactionsTest, ANewProducerFencesTheOldOne) {
    create("t");
    auto old = producer("id");
    ASSERT_EQ(add(old, "t"), ErrorCode::none);
    ASSERT_EQ(send(old, "t", "a"), ErrorCode::none);
    auto first = init("id");
    EXPECT_EQ(first.error, ErrorCode::concurrent_transactions);  // the old transaction is aborted first
    while (first.error == ErrorCode::concurrent_transactions) first = init("id");
    ASSERT_EQ(first.error, ErrorCode::none);
    EXPECT_EQ(first.producer_id, old.producer_id);
    EXPECT_GT(first.producer_epoch, old.epoch);
    EXPECT_EQ(send(old, "t", "b"), ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(add(old, "t"), ErrorCode::producer_fenced);
    EXPECT_EQ(end(old, true).error, ErrorCode::producer_fenced);
    EXPECT_EQ(end(old, true, 1).error, ErrorCode::invalid_producer_epoch);  // an older client
    EXPECT_EQ(committed_values("t"), Values{});
    auto stranger = old;
    stranger.producer_id += 1000;
    EXPECT_EQ(add(stranger, "t"), ErrorCode::invalid_producer_id_mapping);
    stranger.id = "unknown";
    EXPECT_EQ(end(stranger, true).error, ErrorCode::invalid_producer_id_mapping);
}

TEST_F(TransactionsTest, AProducerGoesOnWithTheIdThatItHas) {
    auto first = producer("id");
    auto ask = [&](std::int64_t producer_id, std::int16_t epoch) {
        return client_->call<InitProducerId>({.transactional_id = "id",
                                              .transaction_timeout_ms = 1000,
                                              .producer_id = producer_id,
                                              .producer_epoch = epoch},
                                             4);
    };
    auto next = ask(first.producer_id, first.epoch);
    EXPECT_EQ(next.error, ErrorCode::none);
    EXPECT_EQ(next.producer_epoch, first.epoch + 1);
    EXPECT_EQ(ask(first.producer_id, first.epoch).producer_epoch, first.epoch + 1);  // asked again
    ask(first.producer_id, next.producer_epoch);
    EXPECT_EQ(ask(first.producer_id, first.epoch).error, ErrorCode::producer_fenced);
    EXPECT_EQ(ask(first.producer_id + 5, 0).error, ErrorCode::producer_fenced);
    EXPECT_EQ(init("id", 0).error, ErrorCode::invalid_transaction_timeout);
    EXPECT_EQ(init("id", 900'001).error, ErrorCode::invalid_transaction_timeout);
}

TEST_F(TransactionsTest, ATransactionThatTakesTooLongIsAborted) {
    create("t");
    auto who = producer("id", 5000);
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    clock_.advance_us(5'001'000);
    topics_->transactions().tick();
    while (status("id") != "CompleteAbort") std::this_thread::yield();
    EXPECT_EQ(send(who, "t", "b"), ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(end(who, true).error, ErrorCode::producer_fenced);
    EXPECT_EQ(fetch_committed("t", 0).last_stable_offset, 2);
    EXPECT_EQ(committed_values("t"), Values{});
}

TEST_F(TransactionsTest, AnOpenTransactionIsStillOpenAfterAPowerCut) {
    create("t");
    auto who = producer("id");
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    server_.reset();
    topics_.reset();
    files_.crash();
    start({});
    EXPECT_EQ(fetch_committed("t", 0).last_stable_offset, 0);
    EXPECT_EQ(status("id"), "Ongoing");
    ASSERT_EQ(send(who, "t", "b"), ErrorCode::none);
    ASSERT_EQ(end(who, true).error, ErrorCode::none);
    EXPECT_EQ(committed_values("t"), (Values{"a", "b"}));
}

TEST_F(TransactionsTest, ADecisionIsCarriedOutAfterACrash) {
    create("t");
    auto who = producer("id");
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    // As if the process had ended after the decision: the topic's last record says prepare_commit.
    auto state = *topics_->transactions().find("id");
    state.status = TransactionStatus::prepare_commit;
    auto key = encode_transaction_key("id"), value = encode_transaction_value(state);
    NewRecord record;
    record.key = key;
    record.value = value;
    ASSERT_TRUE(append_and_wait(*topics_, {.topic = transactions_topic, .records = {&record, 1}}));
    start({});
    while (status("id") != "CompleteCommit") std::this_thread::yield();
    EXPECT_EQ(committed_values("t"), Values{"a"});
}

TEST_F(TransactionsTest, MarkersThatCouldNotBeWrittenAreWrittenLater) {
    create("t");
    auto who = producer("id");
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    files_.fill_up(1);  // room for the decision only
    client_->send_raw(Client::request(kafka::EndTxnRequest{.transactional_id = "id",
                                                           .producer_id = who.producer_id,
                                                           .producer_epoch = who.epoch,
                                                           .committed = true},
                                      3));
    while (topics_->transactions().find("id")->status != TransactionStatus::prepare_commit)
        std::this_thread::yield();
    files_.set_room();
    while (topics_->transactions().find("id")->status != TransactionStatus::complete_commit)
        topics_->transactions().tick();
    EXPECT_NE(client_->receive(), "");
    EXPECT_EQ(committed_values("t"), Values{"a"});
}

TEST_F(TransactionsTest, OffsetsOfATransactionAreSeenWhenItIsCommitted) {
    create("t");
    auto who = producer("id");
    commit_offset(who, 5, 3, ErrorCode::invalid_txn_state);
    kafka::AddOffsetsToTxnRequest add_offsets{.transactional_id = "id",
                                              .producer_id = who.producer_id,
                                              .producer_epoch = who.epoch,
                                              .group_id = "g"};
    ASSERT_EQ(client_->call<AddOffsetsToTxn>(add_offsets, 3).error, ErrorCode::none);
    commit_offset(who, 5, 3, ErrorCode::none);
    EXPECT_EQ(committed_offset().committed_offset, -1);
    EXPECT_EQ(committed_offset(true).error, ErrorCode::unstable_offset_commit);
    start({});
    EXPECT_EQ(committed_offset(true).error, ErrorCode::unstable_offset_commit);
    ASSERT_EQ(end(who, true).error, ErrorCode::none);
    EXPECT_EQ(committed_offset(true).committed_offset, 5);
    commit_offset(who, 9, 5, ErrorCode::none);  // adds the group by itself
    auto ended = end(who, false, 5);
    ASSERT_EQ(ended.error, ErrorCode::none);
    EXPECT_EQ(committed_offset(true).committed_offset, 5);
    who.epoch = ended.producer_epoch;
    commit_offset(who, 7, 5, ErrorCode::none);
    ASSERT_EQ(end(who, true, 5).error, ErrorCode::none);
    start({});
    EXPECT_EQ(committed_offset(true).committed_offset, 7);
}

TEST_F(TransactionsTest, ProducersAndTransactionsAreDescribed) {
    create("t");
    auto who = producer("id");
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    auto producers = client_->call<DescribeProducers>(
        {.topics = {{.name = "t", .partitions = {0, 7}}, {.name = "none", .partitions = {0}}}}, 0);
    auto& active = producers.topics[0].partitions[0].active_producers;
    ASSERT_EQ(active.size(), 1u);
    EXPECT_EQ(active[0].producer_id, who.producer_id);
    EXPECT_EQ(active[0].last_sequence, 0);
    EXPECT_EQ(active[0].current_txn_start_offset, 0);
    EXPECT_EQ(producers.topics[0].partitions[1].error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(producers.topics[1].partitions[0].error, ErrorCode::unknown_topic_or_partition);

    auto listed = [&](kafka::ListTransactionsRequest request) {
        return client_->call<ListTransactions>(request, 2);
    };
    EXPECT_EQ(listed({}).transactions.size(), 1u);
    EXPECT_EQ(listed({.state_filters = {"Ongoing"}}).transactions.size(), 1u);
    auto other = listed({.state_filters = {"Empty", "Nonsense"}});
    EXPECT_TRUE(other.transactions.empty());
    EXPECT_EQ(other.unknown_state_filters, std::vector<std::string>{"Nonsense"});
    EXPECT_TRUE(listed({.duration_filter = 1000}).transactions.empty());
    EXPECT_EQ(listed({.transactional_id_pattern = "i."}).transactions.size(), 1u);
    EXPECT_EQ(listed({.transactional_id_pattern = "("}).error, ErrorCode::invalid_regular_expression);
    auto unknown = client_->call<DescribeTransactions>({.transactional_ids = {"none"}}, 0);
    EXPECT_EQ(unknown.transactions[0].error, ErrorCode::transactional_id_not_found);

    // A transaction that nobody ends is ended by hand.
    kafka::WriteTxnMarkersRequest abort{.markers = {{.producer_id = who.producer_id,
                                                     .producer_epoch = who.epoch,
                                                     .topics = {{.name = "t", .partitions = {0}}}}}};
    auto marked = client_->call<WriteTxnMarkers>(abort, 1);
    EXPECT_EQ(marked.markers[0].topics[0].partitions[0].error, ErrorCode::none);
    EXPECT_EQ(fetch_committed("t", 0).last_stable_offset, 2);
}

TEST_F(TransactionsTest, WritingOutsideOfTheOwnTransactionIsRefused) {
    create("t");
    auto who = producer("id");
    ASSERT_EQ(add(who, "t"), ErrorCode::none);
    ASSERT_EQ(send(who, "t", "a"), ErrorCode::none);
    auto plain = batch_of(
        {"b"}, {.producer_id = who.producer_id, .producer_epoch = who.epoch, .base_sequence = who.sequence});
    EXPECT_EQ(produce("t", plain).error, ErrorCode::invalid_txn_state);
    auto control = encode_marker(who.producer_id, who.epoch, {}, 1000);
    EXPECT_EQ(produce("t", control).error, ErrorCode::invalid_record);  // clients may not end them so
    EXPECT_EQ(add(who, "none"), ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace penstock::broker
