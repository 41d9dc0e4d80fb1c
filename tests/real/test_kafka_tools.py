"""Kafka's own tools and its Java client against the Kafka port. $PENSTOCK_KAFKA runs them against another broker, such as a
real Kafka: they expect the same of both."""
import json
import os
import pathlib
import subprocess
import uuid

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import Penstock, wait_until

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
TOOLS = CACHE / "kafka-4.3.1/lib"
QUIET = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    subprocess.run([HERE / "kafka.sh", "fetch"], check=True, timeout=600)
    if "PENSTOCK_KAFKA" in os.environ:
        yield os.environ["PENSTOCK_KAFKA"]
        return
    folder = tmp_path_factory.mktemp("tools")
    with Penstock(folder, folder / "data") as penstock:
        yield f"127.0.0.1:{penstock.ports['kafka']}"


def create(address, name):
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result()


@pytest.fixture
def topic(address):
    name = f"tools-{uuid.uuid4().hex[:10]}"
    create(address, name)
    return name


def committed(address, topic):
    """All messages that a reader of committed records sees, in order of each partition."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "check", "enable.partition.eof": True,
                         "isolation.level": "read_committed", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    found, ended = [], set()
    while len(ended) < len(partitions):
        message = consumer.poll(20)
        assert message is not None
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF
            ended.add(message.partition())
        else:
            found.append(message)
    consumer.close()
    return found


def tool(name, *arguments, given=None, expect=0):
    done = subprocess.run(["java", *QUIET, "-cp", f"{TOOLS}/*", name, *map(str, arguments)], input=given,
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == expect, f"{name} {arguments}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_console_producer_and_consumer(address, topic):
    tool("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", address, "--topic", topic,
         "--reader-property", "parse.key=true", "--reader-property", "key.separator=:",
         given="".join(f"k{i}:v{i}\n" for i in range(100)))
    for protocol in ("classic", "consumer"):
        out = tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", address, "--topic", topic,
                   "--group", f"{topic}-{protocol}", "--from-beginning", "--max-messages", 100, "--timeout-ms", 60000,
                   "--command-property", f"group.protocol={protocol}")
        assert sorted(out.split()) == sorted(f"v{i}" for i in range(100))


def test_performance_tools(address, topic):
    out = tool("org.apache.kafka.tools.ProducerPerformance", "--bootstrap-server", address, "--topic", topic,
               "--num-records", 20000, "--record-size", 200, "--throughput", -1, "--command-property", "acks=all")
    assert "20000 records sent" in out
    out = tool("org.apache.kafka.tools.ProducerPerformance", "--bootstrap-server", address, "--topic", topic,
               "--num-records", 2000, "--record-size", 200, "--throughput", -1, "--transactional-id", topic,
               "--transaction-duration-ms", 100)
    assert "2000 records sent" in out
    out = tool("org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", address, "--topic", topic,
               "--num-records", 22000, "--timeout", 60000)
    assert int(out.splitlines()[-1].split(",")[4]) >= 22000


def test_topics_groups_and_settings(address, topic):
    described = tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", address, "--describe", "--topic", topic)
    assert "PartitionCount: 2" in described
    tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", address, "--alter", "--topic", topic, "--partitions", 3)
    tool("kafka.admin.ConfigCommand", "--bootstrap-server", address, "--alter", "--entity-type", "topics",
         "--entity-name", topic, "--add-config", "retention.ms=123456")
    out = tool("kafka.admin.ConfigCommand", "--bootstrap-server", address, "--describe", "--entity-type", "topics",
               "--entity-name", topic)
    assert "retention.ms=123456" in out
    producer = Producer({"bootstrap.servers": address})
    for i in range(10):
        producer.produce(topic, str(i), partition=0)
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
    consumer.close()
    group = ["org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", address]
    row = next(line.split() for line in tool(*group, "--describe", "--group", topic).splitlines() if topic in line)
    assert row[2:6] == ["0", "4", "10", "6"]
    tool(*group, "--reset-offsets", "--to-earliest", "--topic", f"{topic}:0", "--group", topic, "--execute")
    row = next(line.split() for line in tool(*group, "--describe", "--group", topic).splitlines() if topic in line)
    assert row[3] == "0"
    assert topic in tool(*group, "--list")
    tool(*group, "--delete-offsets", "--topic", topic, "--group", topic)
    dirs = tool("org.apache.kafka.tools.LogDirsCommand", "--bootstrap-server", address, "--describe", "--topic-list", topic)
    assert f'"{topic}-0"' in dirs


def test_quotas_hold_back_who_has_one(address, topic):
    config = ["kafka.admin.ConfigCommand", "--bootstrap-server", address, "--entity-type", "clients", "--entity-name", topic]
    tool(*config, "--alter", "--add-config", "producer_byte_rate=200000,consumer_byte_rate=300000")
    described = tool(*config, "--describe")
    assert "producer_byte_rate=200000.0" in described and "consumer_byte_rate=300000.0" in described
    throttled = []
    told = {"bootstrap.servers": address, "client.id": topic, "throttle_cb": lambda event: throttled.append(event.throttle_time)}
    producer = Producer({**told, "linger.ms": 5})
    for _ in range(2600):  # ten seconds' worth are free
        producer.produce(topic, b"x" * 1000, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0
    assert throttled, "the producer was never told to wait"
    throttled.clear()
    consumer = Consumer({**told, "group.id": topic, "auto.offset.reset": "earliest", "fetch.message.max.bytes": 200_000,
                         "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    for _ in range(2):  # 5.2 MB, of which 3 MB are free
        consumer.seek(TopicPartition(topic, 0, 0)) if _ else None
        read = 0
        while read < 2600:
            message = consumer.poll(30)
            assert message is not None and message.error() is None
            read += 1
    consumer.poll(0)
    assert throttled, "the consumer was never told to wait"
    consumer.close()
    tool(*config, "--alter", "--delete-config", "producer_byte_rate,consumer_byte_rate")
    assert "byte_rate" not in tool(*config, "--describe")


def test_transactions_command(address, topic):
    producer = Producer({"bootstrap.servers": address, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, "open", partition=0)
    assert producer.flush(30) == 0
    command = ["org.apache.kafka.tools.TransactionsCommand", "--bootstrap-server", address]
    assert topic in tool(*command, "list")
    described = tool(*command, "describe", "--transactional-id", topic)
    assert "Ongoing" in described and f"{topic}-0" in described
    row = tool(*command, "describe-producers", "--topic", topic, "--partition", 0).splitlines()[1].split()
    assert row[-1] == "0"  # where the open transaction starts
    tool(*command, "abort", "--topic", topic, "--partition", 0, "--start-offset", 0)
    row = tool(*command, "describe-producers", "--topic", topic, "--partition", 0).splitlines()[1].split()
    assert row[-1] == "None"


def test_cluster_tools(address, topic, tmp_path):
    """Of the cluster: its quorum, features, brokers, reassignments and elections."""
    def run(name, *arguments, expect=0):
        return tool(f"org.apache.kafka.tools.{name}", "--bootstrap-server", address, *arguments, expect=expect)
    status = dict(line.split(":", 1) for line in run("MetadataQuorumCommand", "describe", "--status").splitlines())
    node = int(status["LeaderId"])
    assert f'"id": {node}' in status["CurrentVoters"] and status["CurrentObservers"].strip() == "[]"
    rows = [line.split() for line in run("MetadataQuorumCommand", "describe", "--replication").splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == [(str(node), "Leader")]
    features = {line.split()[1]: line.split()[-3] for line in run("FeatureCommand", "describe").splitlines()}
    assert (features["transaction.version"], features["group.version"]) == ("2", "1")
    run("FeatureCommand", "upgrade", "--feature", "transaction.version=2")
    run("FeatureCommand", "upgrade", "--feature", "transaction.version=9", expect=1)
    run("FeatureCommand", "upgrade", "--feature", "planet.version=1", expect=1)
    assert "DescribeQuorum(55): 0 to 2" in run("BrokerApiVersionsCommand")
    cluster = ["org.apache.kafka.tools.ClusterTool"]
    assert "Cluster ID:" in tool(*cluster, "cluster-id", "--bootstrap-server", address)
    assert "unfenced" in tool(*cluster, "list-endpoints", "--bootstrap-server", address)
    tool(*cluster, "unregister", "--bootstrap-server", address, "--id", 99, expect=1)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": [node]}]}))
    reassign = ["reassign.ReassignPartitionsCommand", "--reassignment-json-file", plan]
    assert "Successfully started" in run(*reassign, "--execute")
    assert f"Reassignment of partition {topic}-0 is completed" in run(*reassign, "--verify")
    assert "No partition reassignments found" in run("reassign.ReassignPartitionsCommand", "--list")
    elected = run("LeaderElectionCommand", "--election-type", "preferred", "--topic", topic, "--partition", 0)
    assert "Valid replica already elected" in elected


def test_settings_of_everything_else(address, topic, tmp_path):
    """Client metrics, loggers, and the quotas on requests, changes of topics and connections."""
    metrics = ["org.apache.kafka.tools.ClientMetricsCommand", "--bootstrap-server", address]
    tool(*metrics, "--alter", "--name", topic, "--metrics", "org.apache.kafka.producer.", "--interval", 30000, "--match",
         "client_id=x")
    wait_until(lambda: topic in tool(*metrics, "--list"), "the subscription listed", 30, 0.5)
    described = tool(*metrics, "--describe", "--name", topic)
    assert "interval.ms=30000" in described and "match=client_id=x" in described
    tool(*metrics, "--delete", "--name", topic)
    config = ["kafka.admin.ConfigCommand", "--bootstrap-server", address]
    node = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).controller_id
    assert "root=INFO" in tool(*config, "--describe", "--entity-type", "broker-loggers", "--entity-name", node)
    clients = ["--entity-type", "clients", "--entity-name", topic]
    tool(*config, "--alter", *clients, "--add-config", "request_percentage=50,controller_mutation_rate=0.5")
    wait_until(lambda: "request_percentage=50.0" in tool(*config, "--describe", *clients), "the quotas", 30, 0.5)
    as_client = tmp_path / "client.properties"
    as_client.write_text(f"client.id={topic}\n")

    def make(name, expect):
        return tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", address, "--command-config", as_client,
                    "--create", "--topic", name, "--partitions", 30, expect=expect)
    make(f"{topic}-a", 0)  # five and a half partitions are free, and once it may be more
    assert "throttling quota has been exceeded" in make(f"{topic}-b", 1)
    tool(*config, "--alter", *clients, "--delete-config", "request_percentage,controller_mutation_rate")
    address_of = ["--entity-type", "ips", "--entity-name", "10.1.1.1"]
    tool(*config, "--alter", *address_of, "--add-config", "connection_creation_rate=10")
    wait_until(lambda: "connection_creation_rate=10" in tool(*config, "--describe", *address_of), "the quota", 30, 0.5)
    tool(*config, "--alter", *address_of, "--delete-config", "connection_creation_rate")


def test_verifying_and_measuring_tools(address, topic, tmp_path):
    out = tool("org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", address, "--topic", topic,
               "--max-messages", 20)
    assert '"acked":20' in out
    out = tool("org.apache.kafka.tools.VerifiableConsumer", "--bootstrap-server", address, "--topic", topic,
               "--group-id", topic, "--max-messages", 20)
    assert '"name":"offsets_committed"' in out or '"success":true' in out
    offsets = tool("org.apache.kafka.tools.GetOffsetShell", "--bootstrap-server", address, "--topic", topic)
    assert sum(int(line.split(":")[2]) for line in offsets.split()) == 20
    plan = tmp_path / "delete.json"
    partition, end = max(((line.split(":")[1], int(line.split(":")[2])) for line in offsets.split()), key=lambda each: each[1])
    plan.write_text(json.dumps({"version": 1, "partitions": [
        {"topic": topic, "partition": int(partition), "offset": end}]}))
    assert f"low_watermark: {end}" in tool("org.apache.kafka.tools.DeleteRecordsCommand", "--bootstrap-server", address,
                                           "--offset-json-file", plan)
    out = tool("org.apache.kafka.tools.EndToEndLatency", "--bootstrap-server", address, "--topic", topic, "--num-records", 20,
               "--producer-acks", "all", "--record-size", 20)
    assert "Avg latency" in out
    out = tool("org.apache.kafka.tools.StreamsResetter", "--bootstrap-server", address, "--application-id", topic + "-app",
               "--input-topics", topic, "--dry-run")
    assert f"Topic: {topic} Partition: 0" in out
