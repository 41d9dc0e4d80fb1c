"""Kafka Connect, whose workers keep everything in topics of the Kafka port, and MirrorMaker's connectors in it.
$PENSTOCK_KAFKA runs them against another broker, such as a real Kafka: they expect the same of both."""
import collections
import contextlib
import uuid

import pytest
from conftest import System, running
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType
from support.process import Penstock, call_json, free_port, wait_until
from test_kafka_tools import address, committed, create  # noqa: F401  (a fixture)

RAW = "org.apache.kafka.connect.converters.ByteArrayConverter"


class Worker:
    def __init__(self, address, group):
        self.port = free_port()
        self.system = System("kafka_connect.sh", f"kafka-connect-{self.port}",
                             {"CONNECT_KAFKA": address, "CONNECT_PORT": self.port, "CONNECT_GROUP": group})
        self.logs = f"kafka-connect-{self.port}/*.log"

    def get(self, path):
        return call_json("GET", f"http://127.0.0.1:{self.port}/connectors/{path}")

    def change(self, method, path, body=None):
        """Asked again for as long as the workers share out their work anew (409)."""
        def changed():
            call_json(method, f"http://127.0.0.1:{self.port}/connectors/{path}", body)
            return True
        wait_until(changed, f"{method} {path}", 60, 0.2)

    def put(self, name, **config):
        self.change("PUT", f"{name}/config", config)

    def tasks(self, name):
        """Of each running task, where it runs. A task that failed is the test's failure."""
        status = self.get(f"{name}/status")
        for what in (status["connector"], *status["tasks"]):
            assert what["state"] != "FAILED", what
        return [task["worker_id"] for task in status["tasks"] if task["state"] == "RUNNING"]


@contextlib.contextmanager
def worker(address, group):
    made = Worker(address, group)
    for made.system in running(made.system, made.logs):
        yield made


@pytest.fixture(scope="module")
def connect(address):  # noqa: F811
    with worker(address, f"connect-{uuid.uuid4().hex[:8]}") as made:
        yield made


def new_name():
    return f"kept-{uuid.uuid4().hex[:10]}"  # "connect-" would be a group that MirrorMaker passes over


def group_offsets(admin, group):
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
    return {(p.topic, p.partition): p.offset for p in asked.topic_partitions}


def committed_lines(address, topic):
    return sorted(message.value().decode() for message in committed(address, topic))


def lines(first, last):
    return [f"line {i}" for i in range(first, last)]


def append(file, what):
    with open(file, "a") as out:
        out.write("".join(f"{line}\n" for line in what))


def read_lines(file):
    return file.read_text().splitlines() if file.exists() else []


def test_a_workers_topics_are_compacted(address, connect):  # noqa: F811
    """It makes them by itself, and refuses those that lose what is old."""
    admin = AdminClient({"bootstrap.servers": address})
    group = connect.system.environment["CONNECT_GROUP"]
    partitions = {f"{group}-configs": 1, f"{group}-offsets": 25, f"{group}-status": 5}
    topics = admin.list_topics(timeout=10).topics
    assert {name: len(topics[name].partitions) for name in partitions} == partitions
    for name in partitions:
        resource = ConfigResource(ResourceType.TOPIC, name)
        assert admin.describe_configs([resource])[resource].result()["cleanup.policy"].value == "compact"


def test_a_file_by_way_of_a_topic_exactly_once_though_the_worker_is_killed(address, connect, tmp_path):  # noqa: F811
    name, source, target = new_name(), tmp_path / "in", tmp_path / "out"
    create(address, name)
    append(source, lines(0, 1000))
    connect.put(f"{name}-in", **{"connector.class": "FileStreamSource", "tasks.max": "1", "file": str(source),
                                 "topic": name, "exactly.once.support": "required", "batch.size": "100"})
    connect.put(f"{name}-out", **{"connector.class": "FileStreamSink", "tasks.max": "1", "file": str(target),
                                  "topics": name})
    wait_until(lambda: len(read_lines(target)) >= 1000, "the lines in the other file", 60, 0.2)
    for begin in (1000, 3000):
        append(source, lines(begin, begin + 1000))
        connect.system("kill")
        append(source, lines(begin + 1000, begin + 2000))
        connect.system("start")
    wait_until(lambda: set(lines(0, 5000)) <= set(read_lines(target)), "all lines in the other file", 90, 0.2)
    assert committed_lines(address, name) == sorted(lines(0, 5000))

    # What was read and written, as the REST API and Kafka's own groups tell it.
    read = connect.get(f"{name}-in/offsets")["offsets"]
    assert read == [{"partition": {"filename": str(source)}, "offset": {"position": source.stat().st_size}}]
    admin = AdminClient({"bootstrap.servers": address})
    consumer = Consumer({"bootstrap.servers": address, "group.id": "check"})
    ends = [consumer.get_watermark_offsets(TopicPartition(name, partition), 10)[1] for partition in (0, 1)]
    consumer.close()
    # Behind the last record stand the marks of transactions, which a reader may have passed or not.
    wait_until(lambda: sum(ends) - sum(group_offsets(admin, f"connect-{name}-out").values()) <= 2,
               "the sink's offsets committed", 30, 0.2)

    # Back to the beginning: both are stopped for it, and their tasks are fenced or leave their group.
    for direction in ("in", "out"):
        connect.change("PUT", f"{name}-{direction}/stop")
        wait_until(lambda: connect.get(f"{name}-{direction}/status")["tasks"] == [], "no tasks any more", 30, 0.2)
        connect.change("DELETE", f"{name}-{direction}/offsets")
    target.unlink()
    for direction in ("in", "out"):
        connect.change("PUT", f"{name}-{direction}/resume")
    twice = collections.Counter(2 * lines(0, 5000))
    wait_until(lambda: twice <= collections.Counter(read_lines(target)), "all lines twice", 60, 0.2)
    assert committed_lines(address, name) == sorted(twice.elements())
    for direction in ("in", "out"):
        connect.change("DELETE", f"{name}-{direction}")


def test_the_tasks_of_a_worker_that_dies_go_to_the_other(address, tmp_path):  # noqa: F811
    name, group, sources = new_name(), f"connect-{uuid.uuid4().hex[:8]}", [tmp_path / f"in{i}" for i in range(4)]
    create(address, name)
    with worker(address, group) as first, worker(address, group) as second:
        for i, source in enumerate(sources):
            append(source, [f"{i}: {line}" for line in lines(0, 100)])
            first.put(f"{name}-{i}", **{"connector.class": "FileStreamSource", "tasks.max": "1", "file": str(source),
                                        "topic": name, "exactly.once.support": "required"})

        def places():
            return [place for i in range(4) for place in first.tasks(f"{name}-{i}")]
        wait_until(lambda: len(places()) == 4 and len(set(places())) == 2, "tasks on both workers", 60, 0.2)
        second.system("kill")
        for i, source in enumerate(sources):
            append(source, [f"{i}: {line}" for line in lines(100, 200)])
        wait_until(lambda: len(places()) == 4 and len(set(places())) == 1, "all tasks on one worker", 90, 0.2)
        wait_until(lambda: len(committed(address, name)) >= 800, "all lines", 60, 0.2)
        assert committed_lines(address, name) == sorted(f"{i}: {line}" for i in range(4) for line in lines(0, 200))


def test_mirror_maker(address, connect, tmp_path):  # noqa: F811
    """Topics of another Penstock with their settings, partitions, keys, headers, and how far a group has read."""
    name = new_name()
    folder = tmp_path / "other"
    folder.mkdir()
    with Penstock(folder, folder / "data") as penstock:
        west = f"127.0.0.1:{penstock.ports['kafka']}"
        there, here = AdminClient({"bootstrap.servers": west}), AdminClient({"bootstrap.servers": address})
        settings = {"retention.ms": "123456789", "cleanup.policy": "compact"}
        there.create_topics([NewTopic(name, 3, 1, config=settings)])[name].result()
        producer = Producer({"bootstrap.servers": west})

        def write(first, last):
            for i in range(first, last):
                producer.produce(name, f"v{i}", f"k{i}", partition=i % 3, headers=[("h", str(i).encode()), ("h", None)])
            assert producer.flush(30) == 0
        write(0, 300)
        clusters = {"source.cluster.alias": "west", "target.cluster.alias": "east", "source.cluster.bootstrap.servers": west,
                    "target.cluster.bootstrap.servers": address, "tasks.max": "2", "key.converter": RAW,
                    "value.converter": RAW, "header.converter": RAW, "replication.factor": "1"}
        connect.put(f"{name}-mirror", **clusters, **{
            "connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector", "topics": name,
            "refresh.topics.interval.seconds": "1", "sync.topic.configs.interval.seconds": "1",
            "offset-syncs.topic.replication.factor": "1", "offset.lag.max": "0", "exactly.once.support": "required",
            "source.consumer.isolation.level": "read_committed"})
        connect.put(f"{name}-checkpoints", **clusters, **{
            "connector.class": "org.apache.kafka.connect.mirror.MirrorCheckpointConnector", "groups": f"{name}-readers",
            "topics": name, "emit.checkpoints.interval.seconds": "1", "sync.group.offsets.enabled": "true",
            "sync.group.offsets.interval.seconds": "1", "refresh.groups.interval.seconds": "1",
            "checkpoints.topic.replication.factor": "1"})
        connect.put(f"{name}-heartbeats", **clusters, **{
            "connector.class": "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
            "heartbeats.topic.replication.factor": "1", "emit.heartbeats.interval.seconds": "1"})
        mirrored = f"west.{name}"
        wait_until(lambda: mirrored in here.list_topics(timeout=10).topics, "the mirrored topic", 60, 0.2)

        def arrived(count):
            wait_until(lambda: len(committed(address, mirrored)) >= count, f"{count} records mirrored", 60, 0.2)
            return sorted((m.partition(), m.key(), m.value(), m.headers()) for m in committed(address, mirrored))
        assert arrived(300) == sorted((i % 3, f"k{i}".encode(), f"v{i}".encode(), [("h", str(i).encode()), ("h", None)])
                                      for i in range(300))
        resource = ConfigResource(ResourceType.TOPIC, mirrored)
        told = here.describe_configs([resource])[resource].result()
        assert {key: told[key].value for key in settings} == settings

        # A group reads on at the other place where it stopped here. Its offsets can be told where a later record is there.
        consumer = Consumer({"bootstrap.servers": west, "group.id": f"{name}-readers", "auto.offset.reset": "earliest"})
        consumer.subscribe([name])
        assert len(consumer.consume(300, 60)) == 300
        consumer.close()
        write(300, 600)
        arrived(600)

        def translated():
            offsets = group_offsets(here, f"{name}-readers")
            return {partition for (topic, partition), offset in offsets.items() if topic == mirrored and offset > 0}
        wait_until(lambda: translated() == {0, 1, 2}, "the group's offsets at the other place", 60, 0.2)
        assert any(b"west" in message.key() for message in committed(address, "heartbeats"))

        there.create_partitions([NewPartitions(name, 5)])[name].result()
        wait_until(lambda: len(here.list_topics(mirrored, timeout=10).topics[mirrored].partitions) == 5, "five partitions", 60, 0.2)
        for what in ("mirror", "checkpoints", "heartbeats"):
            connect.change("DELETE", f"{name}-{what}")
