// What the Kafka server offers: one handler for each API. ApiVersions is computed from this list.
#pragma once

#include <optional>

#include "broker/server/request.h"
#include "wire/kafka/messages.h"

namespace penstock::broker {

struct Produce {
    using Message = wire::kafka::ProduceRequest;
    using Response = wire::kafka::ProduceResponse;
    /// Nothing when the client wants no answer (acks=0).
    static net::Task<std::optional<Response>> handle(RequestPointer request, Message message);
};

struct Fetch {
    using Message = wire::kafka::FetchRequest;
    using Response = wire::kafka::FetchResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct ListOffsets {
    using Message = wire::kafka::ListOffsetsRequest;
    using Response = wire::kafka::ListOffsetsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct Metadata {
    using Message = wire::kafka::MetadataRequest;
    using Response = wire::kafka::MetadataResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct OffsetCommit {
    using Message = wire::kafka::OffsetCommitRequest;
    using Response = wire::kafka::OffsetCommitResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct OffsetFetch {
    using Message = wire::kafka::OffsetFetchRequest;
    using Response = wire::kafka::OffsetFetchResponse;
    static Response handle(RequestPointer request, Message message);
};

struct FindCoordinator {
    using Message = wire::kafka::FindCoordinatorRequest;
    using Response = wire::kafka::FindCoordinatorResponse;
    static Response handle(RequestPointer request, Message message);
};

struct JoinGroup {
    using Message = wire::kafka::JoinGroupRequest;
    using Response = wire::kafka::JoinGroupResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct Heartbeat {
    using Message = wire::kafka::HeartbeatRequest;
    using Response = wire::kafka::HeartbeatResponse;
    static Response handle(RequestPointer request, Message message);
};

struct LeaveGroup {
    using Message = wire::kafka::LeaveGroupRequest;
    using Response = wire::kafka::LeaveGroupResponse;
    static Response handle(RequestPointer request, Message message);
};

struct SyncGroup {
    using Message = wire::kafka::SyncGroupRequest;
    using Response = wire::kafka::SyncGroupResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeGroups {
    using Message = wire::kafka::DescribeGroupsRequest;
    using Response = wire::kafka::DescribeGroupsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ListGroups {
    using Message = wire::kafka::ListGroupsRequest;
    using Response = wire::kafka::ListGroupsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ApiVersions {
    using Message = wire::kafka::ApiVersionsRequest;
    using Response = wire::kafka::ApiVersionsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct CreateTopics {
    using Message = wire::kafka::CreateTopicsRequest;
    using Response = wire::kafka::CreateTopicsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DeleteTopics {
    using Message = wire::kafka::DeleteTopicsRequest;
    using Response = wire::kafka::DeleteTopicsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DeleteRecords {
    using Message = wire::kafka::DeleteRecordsRequest;
    using Response = wire::kafka::DeleteRecordsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct InitProducerId {
    using Message = wire::kafka::InitProducerIdRequest;
    using Response = wire::kafka::InitProducerIdResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct OffsetForLeaderEpoch {
    using Message = wire::kafka::OffsetForLeaderEpochRequest;
    using Response = wire::kafka::OffsetForLeaderEpochResponse;
    static Response handle(RequestPointer request, Message message);
};

struct DescribeConfigs {
    using Message = wire::kafka::DescribeConfigsRequest;
    using Response = wire::kafka::DescribeConfigsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct CreatePartitions {
    using Message = wire::kafka::CreatePartitionsRequest;
    using Response = wire::kafka::CreatePartitionsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DeleteGroups {
    using Message = wire::kafka::DeleteGroupsRequest;
    using Response = wire::kafka::DeleteGroupsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct IncrementalAlterConfigs {
    using Message = wire::kafka::IncrementalAlterConfigsRequest;
    using Response = wire::kafka::IncrementalAlterConfigsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeCluster {
    using Message = wire::kafka::DescribeClusterRequest;
    using Response = wire::kafka::DescribeClusterResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AddPartitionsToTxn {
    using Message = wire::kafka::AddPartitionsToTxnRequest;
    using Response = wire::kafka::AddPartitionsToTxnResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct AddOffsetsToTxn {
    using Message = wire::kafka::AddOffsetsToTxnRequest;
    using Response = wire::kafka::AddOffsetsToTxnResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct EndTxn {
    using Message = wire::kafka::EndTxnRequest;
    using Response = wire::kafka::EndTxnResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct TxnOffsetCommit {
    using Message = wire::kafka::TxnOffsetCommitRequest;
    using Response = wire::kafka::TxnOffsetCommitResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct WriteTxnMarkers {
    using Message = wire::kafka::WriteTxnMarkersRequest;
    using Response = wire::kafka::WriteTxnMarkersResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeProducers {
    using Message = wire::kafka::DescribeProducersRequest;
    using Response = wire::kafka::DescribeProducersResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeTransactions {
    using Message = wire::kafka::DescribeTransactionsRequest;
    using Response = wire::kafka::DescribeTransactionsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ListTransactions {
    using Message = wire::kafka::ListTransactionsRequest;
    using Response = wire::kafka::ListTransactionsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ElectLeaders {
    using Message = wire::kafka::ElectLeadersRequest;
    using Response = wire::kafka::ElectLeadersResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AlterPartitionReassignments {
    using Message = wire::kafka::AlterPartitionReassignmentsRequest;
    using Response = wire::kafka::AlterPartitionReassignmentsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ListPartitionReassignments {
    using Message = wire::kafka::ListPartitionReassignmentsRequest;
    using Response = wire::kafka::ListPartitionReassignmentsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AlterReplicaLogDirs {
    using Message = wire::kafka::AlterReplicaLogDirsRequest;
    using Response = wire::kafka::AlterReplicaLogDirsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct DescribeLogDirs {
    using Message = wire::kafka::DescribeLogDirsRequest;
    using Response = wire::kafka::DescribeLogDirsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeTopicPartitions {
    using Message = wire::kafka::DescribeTopicPartitionsRequest;
    using Response = wire::kafka::DescribeTopicPartitionsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct OffsetDelete {
    using Message = wire::kafka::OffsetDeleteRequest;
    using Response = wire::kafka::OffsetDeleteResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct AlterConfigs {
    using Message = wire::kafka::AlterConfigsRequest;
    using Response = wire::kafka::AlterConfigsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct ListConfigResources {
    using Message = wire::kafka::ListConfigResourcesRequest;
    using Response = wire::kafka::ListConfigResourcesResponse;
    static Response handle(RequestPointer request, Message message);
};

struct SaslHandshake {
    using Message = wire::kafka::SaslHandshakeRequest;
    using Response = wire::kafka::SaslHandshakeResponse;
    static Response handle(RequestPointer request, Message message);
};

struct SaslAuthenticate {
    using Message = wire::kafka::SaslAuthenticateRequest;
    using Response = wire::kafka::SaslAuthenticateResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeAcls {
    using Message = wire::kafka::DescribeAclsRequest;
    using Response = wire::kafka::DescribeAclsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct CreateAcls {
    using Message = wire::kafka::CreateAclsRequest;
    using Response = wire::kafka::CreateAclsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DeleteAcls {
    using Message = wire::kafka::DeleteAclsRequest;
    using Response = wire::kafka::DeleteAclsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeUserScramCredentials {
    using Message = wire::kafka::DescribeUserScramCredentialsRequest;
    using Response = wire::kafka::DescribeUserScramCredentialsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AlterUserScramCredentials {
    using Message = wire::kafka::AlterUserScramCredentialsRequest;
    using Response = wire::kafka::AlterUserScramCredentialsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct ConsumerGroupHeartbeat {
    using Message = wire::kafka::ConsumerGroupHeartbeatRequest;
    using Response = wire::kafka::ConsumerGroupHeartbeatResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ConsumerGroupDescribe {
    using Message = wire::kafka::ConsumerGroupDescribeRequest;
    using Response = wire::kafka::ConsumerGroupDescribeResponse;
    static Response handle(RequestPointer request, Message message);
};

struct DescribeClientQuotas {
    using Message = wire::kafka::DescribeClientQuotasRequest;
    using Response = wire::kafka::DescribeClientQuotasResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AlterClientQuotas {
    using Message = wire::kafka::AlterClientQuotasRequest;
    using Response = wire::kafka::AlterClientQuotasResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct ShareGroupHeartbeat {
    using Message = wire::kafka::ShareGroupHeartbeatRequest;
    using Response = wire::kafka::ShareGroupHeartbeatResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct ShareGroupDescribe {
    using Message = wire::kafka::ShareGroupDescribeRequest;
    using Response = wire::kafka::ShareGroupDescribeResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ShareFetch {
    using Message = wire::kafka::ShareFetchRequest;
    using Response = wire::kafka::ShareFetchResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct ShareAcknowledge {
    using Message = wire::kafka::ShareAcknowledgeRequest;
    using Response = wire::kafka::ShareAcknowledgeResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeShareGroupOffsets {
    using Message = wire::kafka::DescribeShareGroupOffsetsRequest;
    using Response = wire::kafka::DescribeShareGroupOffsetsResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AlterShareGroupOffsets {
    using Message = wire::kafka::AlterShareGroupOffsetsRequest;
    using Response = wire::kafka::AlterShareGroupOffsetsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DeleteShareGroupOffsets {
    using Message = wire::kafka::DeleteShareGroupOffsetsRequest;
    using Response = wire::kafka::DeleteShareGroupOffsetsResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct DescribeQuorum {
    using Message = wire::kafka::DescribeQuorumRequest;
    using Response = wire::kafka::DescribeQuorumResponse;
    static Response handle(RequestPointer request, Message message);
};

struct UpdateFeatures {
    using Message = wire::kafka::UpdateFeaturesRequest;
    using Response = wire::kafka::UpdateFeaturesResponse;
    static net::Task<Response> handle(RequestPointer request, Message message);
};

struct UnregisterBroker {
    using Message = wire::kafka::UnregisterBrokerRequest;
    using Response = wire::kafka::UnregisterBrokerResponse;
    static Response handle(RequestPointer request, Message message);
};

struct AddRaftVoter {
    using Message = wire::kafka::AddRaftVoterRequest;
    using Response = wire::kafka::AddRaftVoterResponse;
    static Response handle(RequestPointer request, Message message);
};

struct RemoveRaftVoter {
    using Message = wire::kafka::RemoveRaftVoterRequest;
    using Response = wire::kafka::RemoveRaftVoterResponse;
    static Response handle(RequestPointer request, Message message);
};

struct CreateDelegationToken {
    using Message = wire::kafka::CreateDelegationTokenRequest;
    using Response = wire::kafka::CreateDelegationTokenResponse;
    static Response handle(RequestPointer request, Message message);
};

struct RenewDelegationToken {
    using Message = wire::kafka::RenewDelegationTokenRequest;
    using Response = wire::kafka::RenewDelegationTokenResponse;
    static Response handle(RequestPointer request, Message message);
};

struct ExpireDelegationToken {
    using Message = wire::kafka::ExpireDelegationTokenRequest;
    using Response = wire::kafka::ExpireDelegationTokenResponse;
    static Response handle(RequestPointer request, Message message);
};

struct DescribeDelegationToken {
    using Message = wire::kafka::DescribeDelegationTokenRequest;
    using Response = wire::kafka::DescribeDelegationTokenResponse;
    static Response handle(RequestPointer request, Message message);
};

template <class... Handler>
struct HandlerList {};

using Handlers =
    HandlerList<Produce, Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch, FindCoordinator, JoinGroup,
                Heartbeat, LeaveGroup, SyncGroup, DescribeGroups, ListGroups, ApiVersions, CreateTopics,
                DeleteTopics, DeleteRecords, InitProducerId, OffsetForLeaderEpoch, DescribeConfigs,
                CreatePartitions, DeleteGroups, IncrementalAlterConfigs, DescribeCluster, AddPartitionsToTxn,
                AddOffsetsToTxn, EndTxn, TxnOffsetCommit, WriteTxnMarkers, DescribeProducers,
                DescribeTransactions, ListTransactions, ElectLeaders, AlterPartitionReassignments,
                ListPartitionReassignments, AlterReplicaLogDirs, DescribeLogDirs, DescribeTopicPartitions,
                OffsetDelete, AlterConfigs, ListConfigResources, SaslHandshake, SaslAuthenticate,
                DescribeAcls, CreateAcls, DeleteAcls, DescribeUserScramCredentials, AlterUserScramCredentials,
                ConsumerGroupHeartbeat, ConsumerGroupDescribe, DescribeClientQuotas, AlterClientQuotas,
                ShareGroupHeartbeat, ShareGroupDescribe, ShareFetch, ShareAcknowledge,
                DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets, DescribeQuorum,
                UpdateFeatures, UnregisterBroker, AddRaftVoter, RemoveRaftVoter, CreateDelegationToken,
                RenewDelegationToken, ExpireDelegationToken, DescribeDelegationToken>;

}  // namespace penstock::broker
