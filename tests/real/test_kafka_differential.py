"""The same requests, in every version that both offer, to a real Kafka and to Penstock; the answers are compared field by
field. What differs is listed here with its reason, or it is a failure. The messages' layouts are kafka-python's.

docs/kafka.md holds the table of what was compared: `--differences docs/kafka.md` writes it, and without that it must be so."""
import collections
import time

import pytest
from kafka.protocol.api_key import ApiKey
from kafka_wire import WRITTEN, Broker, batch, request_class
from support.process import ROOT, Penstock

# Values that belong to one broker or one moment: alike means that both have one.
OWN = {"host", "port", "cluster_id", "topic_id", "log_dir", "total_bytes", "usable_bytes", "partition_size",
       "producer_id", "member_id", "leader", "timestamp", "log_append_time_ms", "error_message", "offset_lag",
       "throttle_time_ms", "transaction_start_time_ms", "last_timestamp",
       "last_fetch_timestamp", "last_caught_up_timestamp",
       "member_epoch", "group_epoch", "assignment_epoch", "finalized_features_epoch"}

# (API, path of the field): why it is not the same.
REASONS = {
    ("ApiVersions", "api_keys"): "each tells what it offers",
    ("ApiVersions", "supported_features"): "only the features of Kafka that have a meaning here",
    ("ApiVersions", "finalized_features"): "only the features of Kafka that have a meaning here",
    ("DescribeQuorum", "topics.partitions.leader_epoch"): "the metadata's only voter is not elected",
    ("DescribeQuorum", "topics.partitions.high_watermark"): "counts the changes since the start",
    ("DescribeQuorum", "topics.partitions.current_voters.log_end_offset"): "counts the changes since the start",
    ("Metadata", "topics.partitions.leader_epoch"): "the leader's epoch is 0 for ever",
    ("ListOffsets", "topics.partitions.leader_epoch"): "the leader's epoch is 0 for ever",
    ("DescribeTopicPartitions", "topics.partitions.leader_epoch"): "the leader's epoch is 0 for ever",
    ("DescribeProducers", "topics.partitions.active_producers.coordinator_epoch"): "one coordinator, epoch 0 for ever",
    ("DescribeConfigs", "results.configs"): "settings that have no meaning on one node; compared by name elsewhere",
    ("CreateTopics", "topics.configs"): "settings that have no meaning on one node",
    ("DescribeCluster", "controller_id"): "a broker of KRaft names any broker",
    ("Fetch", "responses.partitions.records"): "Kafka cuts the last batch off where the limit is; whole batches here",
    ("DescribeTransactions", "transaction_states.topics.partitions"): "__consumer_offsets has one partition here",
}


def sorting(value):
    return sorted(value, key=lambda each: str({k: v for k, v in each.items() if k not in OWN})
                  if isinstance(each, dict) else str(each))


def differences(api, ours, real, path=""):
    if (api, path) in REASONS:
        return []
    name = path.rpartition(".")[2]
    if name in OWN:
        return [] if (ours is None) == (real is None) or name == "error_message" else [(path, ours, real)]
    if isinstance(ours, dict) and isinstance(real, dict):
        return [found for key in sorted(set(ours) | set(real))
                for found in differences(api, ours.get(key), real.get(key), f"{path}.{key}".lstrip("."))]
    if isinstance(ours, list) and isinstance(real, list):
        if len(ours) != len(real):
            return [(path, ours, real)]
        return [found for one, other in zip(sorting(ours), sorting(real))
                for found in differences(api, one, other, path)]
    return [] if ours == real else [(path, ours, real)]


def scenario(topic):
    """(API, body, only in these versions or None). A body may be a function of the broker."""
    group = f"group-{topic}"
    partitions = {"topics": [{"name": topic, "partitions": [0, 9]}]}
    yield "CreateTopics", {"topics": [
        {"name": topic, "num_partitions": 2, "replication_factor": 1, "assignments": [], "configs": []},
        {"name": "a/b", "num_partitions": 1, "replication_factor": 1, "assignments": [], "configs": []},
        {"name": f"{topic}-x", "num_partitions": 0, "replication_factor": 1, "assignments": [], "configs": []},
        {"name": f"{topic}-y", "num_partitions": 1, "replication_factor": 1, "assignments": [],
         "configs": [{"name": "nonsense", "value": "1"}]}], "timeout_ms": 10_000, "validate_only": False}, [5]
    yield "CreateTopics", {"topics": [{"name": topic, "num_partitions": 2, "replication_factor": 1, "assignments": [],
                                       "configs": []}], "timeout_ms": 10_000, "validate_only": False}, None
    yield "Metadata", {"topics": [{"name": topic}, {"name": f"{topic}-none"}, {"name": "a/b"}],
                       "allow_auto_topic_creation": False, "include_cluster_authorized_operations": True,
                       "include_topic_authorized_operations": True}, range(4, 10)
    yield "DescribeTopicPartitions", {"topics": [{"name": topic}, {"name": f"{topic}-none"}],
                                      "response_partition_limit": 1, "cursor": None}, None
    yield "FindCoordinator", {"key": group, "key_type": 0}, range(1, 4)
    yield "FindCoordinator", {"coordinator_keys": [group], "key_type": 0}, range(4, 7)
    yield "FindCoordinator", {"coordinator_keys": [group], "key_type": 1}, range(4, 7)
    for acks in (-1, 1):
        yield "Produce", {"transactional_id": None, "acks": acks, "timeout_ms": 5000, "topic_data": [
            {"name": topic, "partition_data": [{"index": 0, "records": batch()}, {"index": 9, "records": batch()}]},
            {"name": f"{topic}-none", "partition_data": [{"index": 0, "records": batch()}]}]}, range(3, 13)
    damaged = bytearray(batch())
    damaged[-1] ^= 1
    yield "Produce", {"transactional_id": None, "acks": 1, "timeout_ms": 5000, "topic_data": [
        {"name": topic, "partition_data": [{"index": 0, "records": bytes(damaged)}]}]}, range(3, 13)
    yield "Produce", {"transactional_id": None, "acks": 7, "timeout_ms": 5000, "topic_data": [
        {"name": topic, "partition_data": [{"index": 0, "records": batch()}]}]}, range(3, 13)
    for time_asked in (-1, -2, -3, WRITTEN, WRITTEN + 1_000_000):
        yield "ListOffsets", {"replica_id": -1, "isolation_level": 1, "topics": [
            {"name": topic, "partitions": [{"partition_index": 0, "timestamp": time_asked},
                                           {"partition_index": 9, "timestamp": time_asked}]}]}, range(7, 11)
    for offset in (0, 3, 1000):
        yield "Fetch", {"replica_id": -1, "max_wait_ms": 0, "min_bytes": 0, "max_bytes": 1000, "isolation_level": 1,
                        "session_id": 0, "session_epoch": -1, "topics": [
                            {"topic": topic, "partitions": [{"partition": 0, "fetch_offset": offset,
                                                             "partition_max_bytes": 200}]},
                            {"topic": f"{topic}-none", "partitions": [{"partition": 0, "fetch_offset": 0,
                                                                       "partition_max_bytes": 200}]}],
                        "forgotten_topics_data": [], "rack_id": ""}, range(4, 13)
    yield "Fetch", {"replica_id": -1, "max_wait_ms": 0, "min_bytes": 0, "max_bytes": 1000, "isolation_level": 0,
                    "session_id": 77, "session_epoch": 3, "topics": [], "forgotten_topics_data": [],
                    "rack_id": ""}, range(7, 13)
    commit = {"group_id": group, "generation_id_or_member_epoch": -1, "member_id": "", "topics": [
        {"name": topic, "partitions": [{"partition_index": 0, "committed_offset": 3, "committed_metadata": "m"},
                                       {"partition_index": 9, "committed_offset": 3, "committed_metadata": ""}]}]}
    yield "OffsetCommit", commit, range(2, 10)
    yield "OffsetCommit", {**commit, "group_id": "none", "generation_id_or_member_epoch": 4,
                           "member_id": "nobody"}, range(2, 10)
    yield "OffsetFetch", {"group_id": group, "topics": [{"name": topic, "partition_indexes": [0, 1]}]}, range(1, 8)
    yield "OffsetFetch", {"group_id": group, "topics": None}, range(2, 8)
    yield "OffsetFetch", {"groups": [{"group_id": group, "topics": None}, {"group_id": "none", "topics": None}]}, [8]
    join = {"group_id": group, "session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000, "member_id": "",
            "protocol_type": "consumer", "protocols": [{"name": "range", "metadata": b""}]}
    yield "JoinGroup", join, range(4, 10)
    yield "JoinGroup", {**join, "member_id": "nobody"}, range(0, 10)
    yield "JoinGroup", {**join, "session_timeout_ms": 1}, range(0, 10)
    yield "JoinGroup", {**join, "group_id": ""}, range(0, 10)
    yield "Heartbeat", {"group_id": group, "generation_id": 1, "member_id": "nobody"}, None
    yield "Heartbeat", {"group_id": "none", "generation_id": 1, "member_id": "nobody"}, None
    yield "SyncGroup", {"group_id": group, "generation_id": 1, "member_id": "nobody", "assignments": []}, range(0, 5)
    yield "LeaveGroup", {"group_id": group, "member_id": "nobody"}, range(0, 3)
    yield "LeaveGroup", {"group_id": group, "members": [{"member_id": "nobody"}]}, range(3, 6)
    yield "DescribeGroups", {"groups": ["none"], "include_authorized_operations": True}, None
    yield from classic_groups(topic, commit, join)
    yield "OffsetDelete", {"group_id": group, "topics": [{"name": topic, "partitions": [{"partition_index": 0},
                                                                                      {"partition_index": 9}]}]}, None
    yield "OffsetDelete", {"group_id": "none", "topics": []}, None
    yield "DeleteGroups", {"groups_names": ["none"]}, None
    yield "InitProducerId", {"transactional_id": None, "transaction_timeout_ms": 1000}, range(0, 3)
    yield "InitProducerId", {"transactional_id": "", "transaction_timeout_ms": 1000}, range(0, 3)
    yield "InitProducerId", {"transactional_id": group, "transaction_timeout_ms": 999_999_999}, range(0, 3)

    def own(broker, more):
        got = broker.remembered["InitProducerId"]
        return {"producer_id": got["producer_id"], "producer_epoch": got["producer_epoch"], **more}

    def v3(broker, more, shift=0):
        got = broker.remembered["InitProducerId"]
        return {"v3_and_below_transactional_id": group, "v3_and_below_producer_id": got["producer_id"] + shift,
                "v3_and_below_producer_epoch": got["producer_epoch"], "v3_and_below_topics": more}
    yield "InitProducerId", {"transactional_id": group, "transaction_timeout_ms": 60_000}, [2]
    yield "EndTxn", lambda b: own(b, {"transactional_id": group, "committed": True}), range(0, 5)
    yield "AddPartitionsToTxn", lambda b: v3(b, [{"name": topic, "partitions": [0, 9]}]), range(0, 4)
    yield "AddPartitionsToTxn", lambda b: v3(b, [{"name": topic, "partitions": [0]}], 1), range(0, 4)
    yield "AddPartitionsToTxn", lambda b: v3(b, [{"name": topic, "partitions": [0]}]), range(0, 4)
    yield "AddOffsetsToTxn", lambda b: own(b, {"transactional_id": group, "group_id": group}), range(0, 5)
    yield "TxnOffsetCommit", lambda b: own(b, {"transactional_id": group, "group_id": group, "topics": [
        {"name": topic, "partitions": [{"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}]}]}), \
        range(0, 5)
    yield "DescribeTransactions", {"transactional_ids": [group, "none"]}, None
    yield "ListTransactions", {"state_filters": ["Ongoing", "Nonsense"], "producer_id_filters": []}, [0]
    yield "EndTxn", lambda b: own(b, {"transactional_id": group, "committed": True}), [3]
    yield "EndTxn", lambda b: own(b, {"transactional_id": group, "committed": True}), range(0, 5)
    yield "EndTxn", lambda b: own(b, {"transactional_id": group, "committed": False}), range(0, 5)
    yield "EndTxn", lambda b: own(b, {"transactional_id": "none", "committed": False}), range(0, 5)
    yield "DescribeProducers", {"topics": [{"name": topic, "partition_indexes": [1, 9]}]}, None
    yield "DescribeCluster", {"include_cluster_authorized_operations": True}, [0]
    yield "DescribeConfigs", {"resources": [{"resource_type": 2, "resource_name": f"{topic}-none",
                                             "configuration_keys": None}]}, None
    alter = {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "retention.ms", "config_operation": 0, "value": "5000"}]}], "validate_only": False}
    yield "IncrementalAlterConfigs", alter, None
    yield "AlterConfigs", {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "nonsense", "value": "5000"}]}], "validate_only": False}, None
    yield "AlterConfigs", {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "retention.ms", "value": "6000"}]}], "validate_only": False}, None
    for name, value in (("message.format.version", "3.0-IV1"), ("message.downconversion.enable", "true"),
                        ("message.timestamp.difference.max.ms", "5"), ("leader.replication.throttled.replicas", "0:1, 1:1"),
                        ("leader.replication.throttled.replicas", "0"), ("follower.replication.throttled.replicas", "*"),
                        ("follower.replication.throttled.replicas", "*,0:1")):
        yield "IncrementalAlterConfigs", {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
            {"name": name, "config_operation": 0, "value": value}]}], "validate_only": True}, [1]
    yield "IncrementalAlterConfigs", {"resources": [{"resource_type": 4, "resource_name": "1", "configs": [
        {"name": "log.cleaner.backoff.ms", "config_operation": 0, "value": "x"}]}], "validate_only": True}, [1]
    yield "CreatePartitions", {"topics": [{"name": topic, "count": 1, "assignments": None}], "timeout_ms": 5000,
                               "validate_only": False}, None
    yield "CreatePartitions", {"topics": [{"name": f"{topic}-none", "count": 3, "assignments": None}],
                               "timeout_ms": 5000, "validate_only": True}, None
    for assignments in ([], [{"broker_ids": [1]}], [{"broker_ids": [1]}, {"broker_ids": [7]}],
                        [{"broker_ids": [1]}, {"broker_ids": []}], [{"broker_ids": [1]}, {"broker_ids": [1, 1]}]):
        yield "CreatePartitions", {"topics": [{"name": topic, "count": 4, "assignments": assignments}],
                                   "timeout_ms": 5000, "validate_only": True}, None
    yield "AlterReplicaLogDirs", {"dirs": [{"path": "/nowhere", "topics": [{"name": topic, "partitions": [0, 9]}]}]}, None
    yield "ElectLeaders", {"election_type": 0, "topic_partitions": [{"topic": topic, "partitions": [0, 9]}],
                           "timeout_ms": 5000}, range(1, 3)
    yield "ListPartitionReassignments", {"timeout_ms": 5000, "topics": None}, None
    yield "DescribeLogDirs", {"topics": [{"topic": topic, "partitions": [0]}]}, None
    yield "DescribeAcls", {"resource_type_filter": 1, "resource_name_filter": None, "pattern_type_filter": 1,
                           "principal_filter": None, "host_filter": None, "operation": 1, "permission_type": 1}, None
    yield "DescribeUserScramCredentials", {"users": [{"name": "nobody"}]}, None
    for epoch in (-1, -2):
        yield "OffsetForLeaderEpoch", {"replica_id": -1, "topics": [{"topic": topic, "partitions": [
            {"partition": 0, "leader_epoch": 0, "current_leader_epoch": epoch}]}]}, range(2, 5)
    for name, index in (("__cluster_metadata", 0), ("__cluster_metadata", 1), (topic, 0)):
        yield "DescribeQuorum", {"topics": [{"topic_name": name, "partitions": [{"partition_index": index}]}]}, None
    for feature, level in (("transaction.version", 2), ("transaction.version", 9), ("planet.version", 1)):
        yield "UpdateFeatures", {"feature_updates": [{"feature": feature, "max_version_level": level, "upgrade_type": 1}],
                                 "timeout_ms": 5000, "validate_only": True}, range(1, 3)
    yield from consumer_groups(topic)
    yield from quotas(topic)
    yield from share_groups(topic)
    yield from redelivery(topic)
    yield from feature_levels(topic)
    yield "DeleteRecords", {"topics": [{"name": topic, "partitions": [
        {"partition_index": 0, "offset": 2}, {"partition_index": 9, "offset": 0}]}], "timeout_ms": 5000}, None
    yield "DeleteRecords", {"topics": [{"name": topic, "partitions": [
        {"partition_index": 0, "offset": 9999}]}], "timeout_ms": 5000}, None
    yield "IncrementalAlterConfigs", {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "cleanup.policy", "config_operation": 0, "value": "compact"}]}]}, [1]
    for offset in (3, -1, 9999):
        yield "DeleteRecords", {"topics": [{"name": topic, "partitions": [
            {"partition_index": 0, "offset": offset}]}], "timeout_ms": 5000}, [2]
    yield "DeleteTopics", {"topic_names": [f"{topic}-none"], "timeout_ms": 5000}, range(1, 6)
    yield "DeleteTopics", {"topic_names": [topic], "timeout_ms": 5000}, [5]


def classic_groups(topic, commit, join):
    """Of groups of offsets alone, and of one whose members have not been assigned anything yet."""
    group, members = commit["group_id"], f"members-{topic}"
    yield "DescribeGroups", {"groups": [group], "include_authorized_operations": True}, None
    yield "ListGroups", {"states_filter": ["Empty"], "types_filter": ["classic"]}, [5]
    yield "FindCoordinator", {"coordinator_keys": [members], "key_type": 0}, [4]
    join = {**join, "group_id": members, "group_instance_id": "i"}
    yield "JoinGroup", join, [5]
    yield "DescribeGroups", {"groups": [members], "include_authorized_operations": True}, None
    sync = {"group_id": members, "generation_id": 1, "member_id": "nobody", "assignments": []}
    for protocol in ({}, {"protocol_type": "consumer", "protocol_name": "range"}):
        yield "SyncGroup", {**sync, **protocol}, [5]
    yield "OffsetDelete", {"group_id": members, "topics": [{"name": topic, "partitions": [{"partition_index": 0}]}]}, None
    yield "ShareGroupHeartbeat", {"group_id": group, "member_id": "a", "member_epoch": 0, "rack_id": None,
                                  "subscribed_topic_names": [topic]}, None
    yield "ShareGroupHeartbeat", {"group_id": members, "member_id": "a", "member_epoch": 0, "rack_id": None,
                                  "subscribed_topic_names": [topic]}, None
    yield "LeaveGroup", {"group_id": members, "members": [{"member_id": "", "group_instance_id": "i"}]}, [4]
    yield "DescribeGroups", {"groups": [members], "include_authorized_operations": True}, None


def feature_levels(topic):
    """Some are lowered, and with them what they are for; and raised again."""
    def update(feature, level, kind, validate_only=False):
        return "UpdateFeatures", {"feature_updates": [{"feature": feature, "max_version_level": level, "upgrade_type": kind}],
                                  "timeout_ms": 5000, "validate_only": validate_only}, [2]
    for feature, level in (("transaction.version", 1), ("transaction.version", 0), ("transaction.version", 2),
                           ("transaction.version", -1), ("group.version", 0), ("share.version", 0), ("planet", 0)):
        for kind in (0, 1, 2, 3, 9):
            yield update(feature, level, kind, True)
    yield update("transaction.version", 1, 2)
    yield update("transaction.version", 2, 3)
    yield update("transaction.version", 2, 1)
    joins = {"group_id": f"late-{topic}", "member_id": "a", "member_epoch": 0}
    unsupported = 35

    def is_off(answer):
        return answer["error_code"] == unsupported

    def is_on(answer):
        return answer["error_code"] != unsupported
    consumer_joins = {**joins, "rebalance_timeout_ms": 60_000, "subscribed_topic_names": [topic], "topic_partitions": []}
    yield update("group.version", 0, 2)
    yield "ConsumerGroupHeartbeat", consumer_joins, [1], is_off
    yield "ConsumerGroupDescribe", {"group_ids": [f"late-{topic}"], "include_authorized_operations": False}, None
    yield update("group.version", 1, 1)
    yield "ConsumerGroupHeartbeat", {**consumer_joins, "member_epoch": -3}, [1], is_on
    share_joins = {**joins, "group_id": f"late-share-{topic}", "rack_id": None, "subscribed_topic_names": [topic]}
    yield update("share.version", 0, 3)
    yield "ShareGroupHeartbeat", share_joins, None, is_off
    group = {"group_id": f"late-share-{topic}"}
    yield "ShareGroupDescribe", {"group_ids": [group["group_id"]], "include_authorized_operations": False}, None
    session = {**group, "member_id": "a", "share_session_epoch": 0, "topics": []}
    yield "ShareFetch", {**session, "max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1, "max_records": 1, "batch_size": 1,
                         "forgotten_topics_data": []}, [2]
    yield "ShareAcknowledge", session, [2]
    yield "DescribeShareGroupOffsets", {"groups": [{**group, "topics": None}]}, None
    yield "AlterShareGroupOffsets", {**group, "topics": []}, None
    yield "DeleteShareGroupOffsets", {**group, "topics": []}, None
    yield update("share.version", 1, 1)
    yield "ShareGroupHeartbeat", {**share_joins, "member_epoch": -2}, None, is_on


def consumer_groups(topic):
    """Of the protocol in which the broker assigns."""
    group = f"consumers-{topic}"
    joins = {"group_id": group, "member_id": "a", "member_epoch": 0, "rebalance_timeout_ms": 60_000,
             "subscribed_topic_names": [topic], "topic_partitions": []}
    for wrong in ({"group_id": ""}, {"member_epoch": -3}, {"rebalance_timeout_ms": -1}, {"subscribed_topic_names": None},
                  {"instance_id": ""}, {"server_assignor": "best"},
                  {"topic_partitions": [{"topic_id": "00000000-0000-0000-0000-000000000007", "partitions": [0]}]},
                  {"member_epoch": -2}):
        yield "ConsumerGroupHeartbeat", {**joins, **wrong}, None
    yield "ConsumerGroupHeartbeat", {**joins, "member_id": ""}, [1]
    yield "ConsumerGroupHeartbeat", {**joins, "subscribed_topic_regex": "("}, [1]
    yield "ConsumerGroupHeartbeat", joins, None
    yield "ConsumerGroupHeartbeat", {**joins, "member_id": "b", "instance_id": "i", "server_assignor": "range"}, [1]
    yield "ConsumerGroupHeartbeat", {**joins, "member_id": "c", "instance_id": "i"}, [1]
    yield "ConsumerGroupHeartbeat", {"group_id": group, "member_id": "a", "member_epoch": 99}, None
    yield "ConsumerGroupHeartbeat", {"group_id": group, "member_id": "nobody", "member_epoch": 1}, None
    yield "ConsumerGroupHeartbeat", {"group_id": group, "member_id": "b", "member_epoch": 1, "instance_id": "other"}, [1]

    def beat(member, owned):
        return lambda broker: {"group_id": group, "member_id": member, "member_epoch": broker.epochs[member],
                               "topic_partitions": owned}

    def has(count):
        return lambda answer: answer["assignment"] and count == sum(
            len(each["partitions"]) for each in answer["assignment"]["topic_partitions"])
    # Kafka assigns when it gets to it.
    yield "ConsumerGroupHeartbeat", beat("a", None), [1], has(1)
    yield "ConsumerGroupDescribe", {"group_ids": [group], "include_authorized_operations": True}, None
    yield "ConsumerGroupHeartbeat", beat("a", []), [1]
    yield "ConsumerGroupHeartbeat", beat("b", []), [1], has(1)
    yield "ConsumerGroupDescribe", {"group_ids": [group, "none", f"group-{topic}"],
                                    "include_authorized_operations": True}, None
    classic = {"group_id": group, "session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000, "member_id": "",
               "protocol_type": "consumer", "protocols": [{"name": "range", "metadata": b""}]}
    yield "JoinGroup", classic, [5, 9]
    yield "JoinGroup", {**classic, "protocol_type": "connect"}, [5]
    yield "ShareGroupHeartbeat", {"group_id": group, "member_id": "s", "member_epoch": 0, "rack_id": None,
                                  "subscribed_topic_names": [topic]}, None
    commit = {"group_id": group, "generation_id_or_member_epoch": 99, "member_id": "a", "topics": [
        {"name": topic, "partitions": [{"partition_index": 0, "committed_offset": 3, "committed_metadata": "m"}]}]}
    yield "OffsetCommit", commit, range(5, 10)
    yield "OffsetCommit", lambda b: {**commit, "generation_id_or_member_epoch": b.epochs["a"]}, [9]
    yield "OffsetCommit", {**commit, "member_id": "nobody"}, [9]
    yield "OffsetCommit", {**commit, "member_id": "", "generation_id_or_member_epoch": -1}, [9]
    fetch = {"group_id": group, "topics": [{"name": topic, "partition_indexes": [0, 1]}]}
    yield "OffsetFetch", lambda b: {"groups": [{**fetch, "member_id": "a", "member_epoch": b.epochs["a"]}]}, [9]
    for wrong in ({"member_id": "a", "member_epoch": 99}, {"member_id": "nobody", "member_epoch": 1},
                  {"member_id": None, "member_epoch": -1}):
        yield "OffsetFetch", {"groups": [{**fetch, **wrong}]}, [9]
    yield "DescribeGroups", {"groups": [group], "include_authorized_operations": True}, None
    yield "DeleteGroups", {"groups_names": [group]}, None
    yield "OffsetDelete", {"group_id": group, "topics": [{"name": topic, "partitions": [{"partition_index": 0}]}]}, None
    yield "ConsumerGroupHeartbeat", {"group_id": group, "member_id": "b", "member_epoch": -2, "instance_id": "i"}, [1]
    yield "ConsumerGroupHeartbeat", {**joins, "member_id": "c", "instance_id": "i"}, [1]
    for member in ("a", "c", "c"):
        yield "ConsumerGroupHeartbeat", {"group_id": group, "member_id": member, "member_epoch": -1}, [1]
    yield "ConsumerGroupDescribe", {"group_ids": [group], "include_authorized_operations": True}, None
    yield "ListGroups", {"states_filter": [], "types_filter": ["consumer"]}, [5]
    yield "DeleteGroups", {"groups_names": [group]}, [2]
    yield "ListGroups", {"states_filter": [], "types_filter": ["consumer"]}, [5]


def new_topic(name):
    """Made, and described once it is known: Kafka's broker may learn of it some time after its creation was answered."""
    yield "CreateTopics", {"topics": [{"name": name, "num_partitions": 1, "replication_factor": 1, "assignments": [],
                                       "configs": []}], "timeout_ms": 10_000, "validate_only": False}, [5]
    yield "DescribeTopicPartitions", {"topics": [{"name": name}], "response_partition_limit": 1, "cursor": None}, None, \
        lambda answer: answer["topics"][0]["error_code"] == 0


def share_groups(topic):
    group, shared = f"share-{topic}", f"{topic}-shared"
    yield from new_topic(shared)
    for i in range(4):
        yield "Produce", {"transactional_id": None, "acks": -1, "timeout_ms": 5000, "topic_data": [
            {"name": shared, "partition_data": [{"index": 0, "records": batch()}]}]}, [9]
    for name, value in (("share.auto.offset.reset", "earliest"), ("share.auto.offset.reset", "soon"),
                        ("share.delivery.count.limit", "99"), ("share.isolation.level", "none")):
        yield "IncrementalAlterConfigs", {"resources": [{"resource_type": 32, "resource_name": group, "configs": [
            {"name": name, "config_operation": 0, "value": value}]}], "validate_only": False}, [1]
    joins = {"group_id": group, "member_id": "a", "member_epoch": 0, "rack_id": None, "subscribed_topic_names": [shared]}
    for wrong in ({"group_id": ""}, {"member_id": ""}, {"member_epoch": -2}, {"subscribed_topic_names": None}):
        yield "ShareGroupHeartbeat", {**joins, **wrong}, None
    beat = {**joins, "subscribed_topic_names": None}
    # Kafka assigns when it gets to it.
    yield "ShareGroupHeartbeat", joins, None, lambda answer: (answer["assignment"] or {}).get("topic_partitions")
    yield "ShareGroupHeartbeat", lambda b: {**joins, "member_epoch": b.epochs["a"]}, None
    yield "ShareGroupHeartbeat", {**beat, "member_epoch": 99}, None
    yield "ShareGroupHeartbeat", {**beat, "member_id": "nobody", "member_epoch": 1}, None
    yield "ShareGroupHeartbeat", {**beat, "member_id": "nobody", "member_epoch": -1}, None
    yield "ShareGroupDescribe", {"group_ids": [group, "none", f"group-{topic}"], "include_authorized_operations": True}, None
    yield "ConsumerGroupDescribe", {"group_ids": [group], "include_authorized_operations": False}, [1]
    yield "ConsumerGroupHeartbeat", {"group_id": group, "member_id": "c", "member_epoch": 0, "rebalance_timeout_ms": 60_000,
                                     "subscribed_topic_names": [shared], "topic_partitions": []}, [1]
    yield "ListGroups", {"states_filter": [], "types_filter": ["share"]}, [5]
    yield "FindCoordinator", {"coordinator_keys": [group], "key_type": 2}, [6]
    for member in ("", "somebody"):
        yield "JoinGroup", {"group_id": group, "session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000,
                            "member_id": member, "protocol_type": "consumer",
                            "protocols": [{"name": "range", "metadata": b""}]}, None
        yield "OffsetCommit", {"group_id": group, "generation_id_or_member_epoch": len(member) - 1, "member_id": member,
                               "topics": [{"name": shared, "partitions": [
                                   {"partition_index": 0, "committed_offset": 0, "committed_metadata": ""}]}]}, range(2, 10)
    yield "Heartbeat", {"group_id": group, "generation_id": 1, "member_id": "a"}, None
    yield "LeaveGroup", {"group_id": group, "members": [{"member_id": "a"}]}, [5]
    yield "OffsetFetch", {"groups": [{"group_id": group, "member_id": "a", "member_epoch": 1, "topics": None}]}, [9]

    def partitions(broker, said, index=0):
        known = {each["name"]: each["topic_id"] for each in broker.remembered["DescribeTopicPartitions"]["topics"]}
        return {"topics": [{"topic_id": known[shared], "partitions": [{"partition_index": index, "acknowledgement_batches": [
            {"first_offset": first, "last_offset": last, "acknowledge_types": types} for first, last, types in said]}]}]}

    def fetch(epoch, *said, member="a", index=0, **more):
        return "ShareFetch", lambda b: {
            "group_id": group, "member_id": member, "share_session_epoch": epoch, "max_wait_ms": 500, "min_bytes": 1,
            "max_bytes": 100_000, "max_records": 2, "batch_size": 2, "forgotten_topics_data": [],
            **partitions(b, said, index), **more}, [2]

    def say(epoch, *said, member="a", **more):
        return "ShareAcknowledge", lambda b: {"group_id": group, "member_id": member, "share_session_epoch": epoch,
                                              **partitions(b, said), **more}, [2]
    yield fetch(1)
    yield fetch(-1)
    yield fetch(0, (0, 0, [1]))
    yield fetch(0, share_acquire_mode=1)
    yield fetch(5)
    yield fetch(1, is_renew_ack=True)
    yield say(0, (0, 0, [1]))
    yield say(7, (0, 0, [1]))
    yield say(1, (0, 0, [1]), member="nobody")
    for epoch, said in enumerate(([(1, 0, [1])], [(0, 1, [])], [(0, 1, [9])], [(0, 1, [1, 1, 1])], [(0, 1, [4])],
                                  [(0, 0, [1]), (0, 1, [1])], [(0, 99, [1])], [(77, 99, [1])], [(0, 1, [1, 2])], [(0, 0, [1])],
                                  [(1, 1, [1])]), 1):
        yield say(epoch, *said)
    yield fetch(12, share_acquire_mode=1)
    yield fetch(13, (1, 1, [1]), share_acquire_mode=1)
    yield fetch(14, index=9)
    yield fetch(0, member="b", index=9)
    yield fetch(-1)
    yield fetch(15)
    yield "DescribeShareGroupOffsets", {"groups": [{"group_id": "none", "topics": None}]}, None
    yield "AlterShareGroupOffsets", {"group_id": group, "topics": []}, None
    yield "DeleteShareGroupOffsets", {"group_id": group, "topics": []}, None
    yield "DeleteGroups", {"groups_names": [group]}, [2]
    yield "ShareGroupHeartbeat", {**beat, "member_epoch": -1}, None
    yield "ShareGroupDescribe", {"group_ids": [group], "include_authorized_operations": False}, None
    yield "AlterShareGroupOffsets", {"group_id": "none", "topics": []}, None
    yield "AlterShareGroupOffsets", {"group_id": group, "topics": [
        {"topic_name": shared, "partitions": [{"partition_index": 0, "start_offset": 1}]},
        {"topic_name": f"{topic}-none", "partitions": [{"partition_index": 0, "start_offset": 1}]}]}, None
    yield "DescribeShareGroupOffsets", {"groups": [{"group_id": group, "topics": None}]}, None
    # Of partitions that are not there Kafka may never answer.
    yield "DescribeShareGroupOffsets", {"groups": [{"group_id": group, "topics": [
        {"topic_name": shared, "partitions": [0]}]}]}, None
    yield "DeleteShareGroupOffsets", {"group_id": "none", "topics": []}, None
    yield "DeleteShareGroupOffsets", {"group_id": group, "topics": [{"topic_name": shared}, {"topic_name": topic},
                                                                    {"topic_name": f"{topic}-none"}]}, None
    yield "DeleteGroups", {"groups_names": [group]}, [2]
    yield "DeleteTopics", {"topic_names": [shared], "timeout_ms": 5000}, [5]


def redelivery(topic):
    """What is given back time after time comes fewer at a time, and alone in the end."""
    group, poison = f"poison-{topic}", f"{topic}-poison"
    yield from new_topic(poison)
    yield "Produce", {"transactional_id": None, "acks": -1, "timeout_ms": 5000, "topic_data": [
        {"name": poison, "partition_data": [{"index": 0, "records": batch(count=8)}]}]}, [9]
    yield "IncrementalAlterConfigs", {"resources": [{"resource_type": 32, "resource_name": group, "configs": [
        {"name": "share.auto.offset.reset", "config_operation": 0, "value": "earliest"}]}], "validate_only": False}, [1]
    yield "ShareGroupHeartbeat", {"group_id": group, "member_id": "a", "member_epoch": 0, "rack_id": None,
                                  "subscribed_topic_names": [poison]}, None, \
        lambda answer: (answer["assignment"] or {}).get("topic_partitions")

    def ask_for(broker, epoch, said):
        topic_id = broker.remembered["DescribeTopicPartitions"]["topics"][0]["topic_id"]
        return {"group_id": group, "member_id": "a", "share_session_epoch": epoch, "topics": [
            {"topic_id": topic_id, "partitions": [{"partition_index": 0, "acknowledgement_batches": said}]}]}
    wanted = {"max_wait_ms": 5000, "min_bytes": 1, "max_bytes": 100_000, "max_records": 500, "batch_size": 500,
              "forgotten_topics_data": []}
    for turn, (first, last) in enumerate([(0, 7)] * 3 + [(0, 3), (0, 0), (1, 1), (2, 2), (3, 3), (4, 7), (4, 4)]):
        yield "ShareFetch", lambda b, turn=turn: {**ask_for(b, 2 * turn, []), **wanted}, [2]
        given_back = [{"first_offset": first, "last_offset": last, "acknowledge_types": [2]}]
        yield "ShareAcknowledge", lambda b, turn=turn, said=given_back: ask_for(b, 2 * turn + 1, said), [2]
    yield "DeleteTopics", {"topic_names": [poison], "timeout_ms": 5000}, [5]


def quotas(topic):
    def named(**names):
        return [{"entity_type": kind.replace("_", "-"), "entity_name": name} for kind, name in names.items()]

    def change(entity, key, value, remove=False):
        return {"entries": [{"entity": entity, "ops": [{"key": key, "value": value, "remove": remove}]}],
                "validate_only": False}
    for entity, key, value in (([], "producer_byte_rate", 1), (named(planet="x"), "producer_byte_rate", 1),
                               (named(user=""), "producer_byte_rate", 1), (named(user="a"), "nonsense", 1),
                               (named(user="a"), "producer_byte_rate", 0), (named(user="a"), "producer_byte_rate", 1.5),
                               (named(user="a") * 2, "producer_byte_rate", 1),
                               (named(user=topic), "producer_byte_rate", 1e9),
                               (named(user=topic), "consumer_byte_rate", 2e9),
                               (named(user=topic, client_id=None), "consumer_byte_rate", 3e9),
                               (named(client_id=topic), "consumer_byte_rate", 4e9),
                               (named(client_id=topic), "request_percentage", 0),
                               (named(client_id=topic), "request_percentage", 12.5),
                               (named(client_id=topic), "controller_mutation_rate", 1e5),
                               (named(client_id=topic), "connection_creation_rate", 5),
                               (named(ip="10.1.1.1"), "connection_creation_rate", 5),
                               (named(ip="10.1.1.1"), "connection_creation_rate", 1.5),
                               (named(ip="10.1.1.1"), "connection_creation_rate", 0),
                               (named(ip="10.1.1.1"), "producer_byte_rate", 5),
                               (named(ip="10.1.1.1", user="a"), "connection_creation_rate", 5),
                               (named(ip=None), "connection_creation_rate", 1e6)):
        yield "AlterClientQuotas", change(entity, key, value), None
    for components in ([], [("user", 0, topic)], [("user", 1, None)], [("user", 2, None)], [("client-id", 2, None)],
                       [("user", 0, topic), ("client-id", 1, None)], [("client-id", 0, topic)], [("ip", 2, None)],
                       [("ip", 0, "10.1.1.1")], [("ip", 1, None)], [("planet", 2, None)],
                       [("user", 2, None), ("ip", 2, None)], [("user", 2, None), ("user", 2, None)],
                       [("user", 7, None)], [("user", 0, None)]):
        for strict in (False, True):
            yield "DescribeClientQuotas", {"strict": strict, "components": [
                {"entity_type": kind, "match_type": how, "match": name} for kind, how, name in components]}, None
    yield "AlterClientQuotas", change(named(user="nobody"), "producer_byte_rate", 0, True), None
    for entity, key in ((named(user=topic), "producer_byte_rate"), (named(user=topic), "consumer_byte_rate"),
                        (named(user=topic, client_id=None), "consumer_byte_rate"),
                        (named(client_id=topic), "consumer_byte_rate"), (named(client_id=topic), "request_percentage"),
                        (named(client_id=topic), "controller_mutation_rate"),
                        (named(ip="10.1.1.1"), "connection_creation_rate"), (named(ip=None), "connection_creation_rate")):
        yield "AlterClientQuotas", change(entity, key, 0, True), None
    yield "DescribeClientQuotas", {"strict": False, "components": []}, None


@pytest.fixture
def brokers(real_kafka_kraft, tmp_path):
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        both = (Broker("Penstock", f"127.0.0.1:{penstock.ports['kafka']}"),
                Broker("Kafka", real_kafka_kraft.url.removeprefix("kafka://")))
        yield both
        for broker in both:
            broker.close()


RETRIED = {14, 15, 16, 51}  # the coordinator loads, or the last step is still under way


def ask(broker, api, version, body, until=None):
    end = time.monotonic() + 60
    while True:
        answer = broker.ask(api, version, **(body(broker) if callable(body) else body))
        codes = {answer.get("error_code"), *(each["error_code"] for each in answer.get("coordinators") or ())}
        if api in ("ConsumerGroupHeartbeat", "ShareGroupHeartbeat") and answer["error_code"] == 0:
            broker.epochs[answer["member_id"]] = answer["member_epoch"]
        if time.monotonic() > end or not codes & RETRIED and (until is None or until(answer)):
            return answer
        time.sleep(0.05)  # as clients do


BEGIN = "<!-- written by tests/real/test_kafka_differential.py --differences docs/kafka.md -->\n"
END = "<!-- until here -->\n"


def name_of(key):
    try:
        return ApiKey(key).name
    except ValueError:
        return f"API {key}"


def as_table(ours, real, compared):
    def versions(offers):
        low, high = offers
        return f"{low}-{high}" if low < high else f"{low}"
    asked = {request_class(api).json["apiKey"]: (api, count) for api, count in compared.items()}
    rows = []
    for key in sorted(ours.offers):
        name, count = asked.get(key, (name_of(key), ""))
        rows.append(f"| {name} | {versions(ours.offers[key])} | {versions(real.offers[key])} | {count} |")
    missing = [name_of(key) for key in sorted(set(real.offers) - set(ours.offers))]
    reasons = [f"| {api} | `{path}` | {why} |" for (api, path), why in REASONS.items()]
    return "\n".join([
        "| API | versions here | of Kafka 4.3 | answers compared |", "|---|---|---|---|", *rows, "",
        "Not offered, and so not advertised: " + ", ".join(missing) + ".", "",
        f"Of {sum(compared.values())} answers these fields differ, or may:", "",
        "| API | field | why |", "|---|---|---|", *reasons, ""])


def test_answers_are_those_of_a_real_kafka(brokers, request):
    ours, real = brokers
    compared, found = collections.Counter(), []
    for api, body, versions, *until in scenario("differential"):
        schema = request_class(api).json
        key = schema["apiKey"]
        assert key in ours.offers, f"{api} is not offered"
        low, high = (max(a, b) if i == 0 else min(a, b) for i, (a, b) in
                     enumerate(zip(ours.offers[key], real.offers[key])))
        high = min(high, request_class(api).max_version)
        for version in range(low, high + 1):
            if versions is not None and version not in versions:
                continue
            answers = [ask(broker, api, version, body, *until) for broker in brokers]
            for broker, answer in zip(brokers, answers):
                broker.remembered[api] = answer
            compared[api] += 1
            found += [f"{api} {version} {path}: Penstock {one!r}, Kafka {other!r}"
                      for path, one, other in differences(api, *answers)]
    print(f"{sum(compared.values())} answers of {len(compared)} APIs compared: "
          f"{', '.join(f'{api} {count}' for api, count in sorted(compared.items()))}")
    assert not found, f"{len(found)} differences:\n" + "\n".join(found)
    document = ROOT / "docs/kafka.md"
    before, _, rest = document.read_text().partition(BEGIN)
    written, _, after = rest.partition(END)
    table = as_table(ours, real, compared)
    if file := request.config.getoption("--differences"):
        (ROOT / file).write_text(before + BEGIN + table + END + after)
    else:
        assert written == table, "docs/kafka.md tells something else: --differences docs/kafka.md writes it"
