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

template <class... Handler>
struct HandlerList {};

using Handlers =
    HandlerList<Produce, Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch, FindCoordinator, JoinGroup,
                Heartbeat, LeaveGroup, SyncGroup, DescribeGroups, ListGroups, ApiVersions, CreateTopics,
                DeleteTopics, DeleteRecords, InitProducerId, OffsetForLeaderEpoch, DescribeConfigs,
                CreatePartitions, DeleteGroups, IncrementalAlterConfigs, DescribeCluster>;

}  // namespace penstock::broker
