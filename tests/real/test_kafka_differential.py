"""The same requests, in every version that both offer, to a real Kafka and to Penstock; the answers are compared field by
field. What differs is listed here with its reason, or it is a failure. The messages' layouts are kafka-python's.

Written to docs/kafka.md by --differences FILE: how many answers of which API were compared."""
import collections
import re
import socket
import struct
import time

import kafka.protocol.admin as admin
import kafka.protocol.consumer as consumer
import kafka.protocol.metadata as metadata
import kafka.protocol.producer as producer
import pytest
from kafka.protocol.sasl import SaslHandshakeRequest
from support.process import Penstock

pytestmark = pytest.mark.long

MODULES = (admin, consumer, metadata, producer)
WRITTEN = int(time.time() * 1000)  # now, or a real Kafka's retention takes the records away

# Values that belong to one broker or one moment: alike means that both have one.
OWN = {"host", "port", "cluster_id", "topic_id", "log_dir", "total_bytes", "usable_bytes", "partition_size",
       "producer_id", "member_id", "leader", "timestamp", "log_append_time_ms", "error_message", "offset_lag",
       "throttle_time_ms", "transaction_start_time_ms", "last_timestamp", "authorized_operations",
       "cluster_authorized_operations", "topic_authorized_operations", "finalized_features_epoch"}

# (API, path of the field): why it is not the same.
REASONS = {
    ("ApiVersions", "api_keys"): "each tells what it offers",
    ("ApiVersions", "supported_features"): "of Kafka's features only transaction.version has a meaning here",
    ("ApiVersions", "finalized_features"): "of Kafka's features only transaction.version has a meaning here",
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


def request_class(name):
    for module in MODULES:
        if hasattr(module, name + "Request"):
            return getattr(module, name + "Request")
    return {"SaslHandshake": SaslHandshakeRequest}[name]


def response_class(name):
    for module in MODULES:
        if hasattr(module, name + "Response"):
            return getattr(module, name + "Response")
    raise KeyError(name)


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def build(owner, fields, common, body):
    """Dictionaries as the structs that owner has for them."""
    out = {}
    by_name = {snake(field["name"]): field for field in fields}
    for name, value in body.items():
        field = by_name.get(name, {})
        kind = field.get("type", "").removeprefix("[]")
        inner = field.get("fields") or common.get(kind)
        if inner and value is not None:
            struct_class = getattr(owner, kind)

            def make(each):
                return struct_class(**build(struct_class, inner, common, each))
            value = [make(each) for each in value] if field["type"].startswith("[]") else make(value)
        out[name] = value
    return out


class Broker:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self.remembered = {}
        self.connect()
        answer = self.ask("ApiVersions", 3, client_software_name="differential", client_software_version="1")
        self.offers = {key["api_key"]: (key["min_version"], key["max_version"]) for key in answer["api_keys"]}

    def connect(self):
        host, port = self.address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)

    def exactly(self, count):
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise ConnectionError(f"{self.name} has closed the connection")
            parts += part
        return parts

    def ask(self, api, version, **body):
        request_type = request_class(api)
        schema = request_type.json
        common = {each["name"]: each["fields"] for each in schema.get("commonStructs", [])}
        request = request_type[version](**build(request_type, schema["fields"], common, body))
        request.with_header(correlation_id=1, client_id="differential")
        self.socket.sendall(request.encode(header=True, framed=True))
        answer = self.exactly(struct.unpack(">i", self.exactly(4))[0])
        decoded = response_class(api)[version].decode(answer, header=True)
        return plain(decoded)

    def close(self):
        self.socket.close()


def plain(value):
    """Nothing but dictionaries, lists and scalars."""
    if hasattr(value, "to_dict"):
        return {name: plain(each) for name, each in value.to_dict().items()}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(each) for each in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return value


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


def batch(value=b"v", producer_id=-1, epoch=-1, sequence=-1, transactional=False):
    """A record batch of one record."""
    from kafka.record import MemoryRecordsBuilder
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=10_000,
                                   transactional=transactional, producer_id=producer_id,
                                   producer_epoch=epoch, base_sequence=sequence)
    builder.append(timestamp=WRITTEN, key=b"k", value=value, headers=[])
    builder.close()
    return bytes(builder.buffer())


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
                       "allow_auto_topic_creation": False}, range(4, 10)
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
    yield "DescribeGroups", {"groups": ["none"]}, None
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
    yield "DescribeCluster", {"include_cluster_authorized_operations": False}, [0]
    yield "DescribeConfigs", {"resources": [{"resource_type": 2, "resource_name": f"{topic}-none",
                                             "configuration_keys": None}]}, None
    alter = {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "retention.ms", "config_operation": 0, "value": "5000"}]}], "validate_only": False}
    yield "IncrementalAlterConfigs", alter, None
    yield "AlterConfigs", {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "nonsense", "value": "5000"}]}], "validate_only": False}, None
    yield "AlterConfigs", {"resources": [{"resource_type": 2, "resource_name": topic, "configs": [
        {"name": "retention.ms", "value": "6000"}]}], "validate_only": False}, None
    yield "CreatePartitions", {"topics": [{"name": topic, "count": 1, "assignments": None}], "timeout_ms": 5000,
                               "validate_only": False}, None
    yield "CreatePartitions", {"topics": [{"name": f"{topic}-none", "count": 3, "assignments": None}],
                               "timeout_ms": 5000, "validate_only": True}, None
    yield "ElectLeaders", {"election_type": 0, "topic_partitions": [{"topic": topic, "partitions": [0, 9]}],
                           "timeout_ms": 5000}, range(1, 3)
    yield "ListPartitionReassignments", {"timeout_ms": 5000, "topics": None}, None
    yield "DescribeLogDirs", {"topics": [{"topic": topic, "partitions": [0]}]}, None
    yield "DescribeAcls", {"resource_type_filter": 1, "resource_name_filter": None, "pattern_type_filter": 1,
                           "principal_filter": None, "host_filter": None, "operation": 1, "permission_type": 1}, None
    yield "DescribeUserScramCredentials", {"users": [{"name": "nobody"}]}, None
    yield "OffsetForLeaderEpoch", {"replica_id": -1, "topics": [{"topic": topic, "partitions": [
        {"partition": 0, "leader_epoch": 0, "current_leader_epoch": -1}]}]}, range(2, 5)
    yield "DeleteRecords", {"topics": [{"name": topic, "partitions": [
        {"partition_index": 0, "offset": 2}, {"partition_index": 9, "offset": 0}]}], "timeout_ms": 5000}, None
    yield "DeleteRecords", {"topics": [{"name": topic, "partitions": [
        {"partition_index": 0, "offset": 9999}]}], "timeout_ms": 5000}, None
    yield "DeleteTopics", {"topic_names": [f"{topic}-none"], "timeout_ms": 5000}, range(1, 6)
    yield "DeleteTopics", {"topic_names": [topic], "timeout_ms": 5000}, [5]


@pytest.fixture
def brokers(real_kafka_kraft, tmp_path):
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        both = (Broker("Penstock", f"127.0.0.1:{penstock.ports['kafka']}"),
                Broker("Kafka", real_kafka_kraft.url.removeprefix("kafka://")))
        yield both
        for broker in both:
            broker.close()


RETRIED = {14, 15, 16, 51}  # the coordinator loads, or the last step is still under way


def ask(broker, api, version, body):
    end = time.monotonic() + 60
    while True:
        answer = broker.ask(api, version, **(body(broker) if callable(body) else body))
        if answer.get("error_code") not in RETRIED or time.monotonic() > end:
            return answer
        time.sleep(0.05)  # as clients do


def test_answers_are_those_of_a_real_kafka(brokers):
    ours, real = brokers
    compared, found = collections.Counter(), []
    for api, body, versions in scenario("differential"):
        schema = request_class(api).json
        key = schema["apiKey"]
        assert key in ours.offers, f"{api} is not offered"
        low, high = (max(a, b) if i == 0 else min(a, b) for i, (a, b) in
                     enumerate(zip(ours.offers[key], real.offers[key])))
        high = min(high, request_class(api).max_version)
        for version in range(low, high + 1):
            if versions is not None and version not in versions:
                continue
            answers = [ask(broker, api, version, body) for broker in brokers]
            for broker, answer in zip(brokers, answers):
                broker.remembered[api] = answer
            compared[api] += 1
            found += [f"{api} {version} {path}: Penstock {one!r}, Kafka {other!r}"
                      for path, one, other in differences(api, *answers)]
    print(f"{sum(compared.values())} answers of {len(compared)} APIs compared: "
          f"{', '.join(f'{api} {count}' for api, count in sorted(compared.items()))}")
    assert not found, f"{len(found)} differences:\n" + "\n".join(found)
