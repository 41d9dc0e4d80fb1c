"""The consumer protocol of Kafka 4 (KIP-848), where the broker assigns: librdkafka with group.protocol=consumer."""
import threading

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import wait_until


@pytest.fixture
def admin(address):
    return AdminClient({"bootstrap.servers": address})


@pytest.fixture
def six_partitions(admin, topic):
    admin.create_topics([NewTopic(topic, 6, 1)])[topic].result()
    return topic


def consumer(address, group, **settings):
    return Consumer({"bootstrap.servers": address, "group.id": group, "group.protocol": "consumer",
                     "auto.offset.reset": "earliest", "enable.auto.commit": False, **settings})


def produce(address, topic, count):
    producer = Producer({"bootstrap.servers": address})
    for i in range(count):
        producer.produce(topic, f"v{i}", partition=i % 6)
    assert producer.flush(30) == 0


def read(reader, count):
    values = []
    while len(values) < count:
        message = reader.poll(20)
        assert message is not None, f"{len(values)} of {count} records came"
        assert message.error() is None, message.error()
        values.append(message.value().decode())
    return values


@pytest.mark.parametrize("assignor", ["uniform", "range"])
def test_a_group_reads_commits_and_goes_on(address, six_partitions, assignor):
    topic = six_partitions
    produce(address, topic, 60)
    first = consumer(address, topic, **{"group.remote.assignor": assignor})
    first.subscribe([topic])
    assert sorted(read(first, 60)) == sorted(f"v{i}" for i in range(60))
    assert len(first.assignment()) == 6
    first.commit(asynchronous=False)
    first.close()
    produce(address, topic, 6)
    second = consumer(address, topic)
    second.subscribe([topic])
    assert sorted(read(second, 6)) == sorted(f"v{i}" for i in range(6))
    second.close()


def test_members_share_and_take_over(address, six_partitions, admin):
    topic = six_partitions
    readers = [consumer(address, topic) for _ in range(3)]
    counts = [0, 0, 0]
    stop = [threading.Event() for _ in readers]

    def run(index):
        readers[index].subscribe([topic])
        while not stop[index].is_set():
            readers[index].poll(0.1)
            counts[index] = len(readers[index].assignment())
        readers[index].close()
        counts[index] = 0

    def wait_for(expected):
        for _ in range(600):
            if sorted(counts) == expected:
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"{counts}, expected {expected}")
    threads = [threading.Thread(target=run, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_for([2, 2, 2])
        described = admin.describe_consumer_groups([topic])[topic].result()
        assert described.state == ConsumerGroupState.STABLE
        assert described.type == ConsumerGroupType.CONSUMER
        assert len(described.members) == 3
        assigned = [p for member in described.members for p in member.assignment.topic_partitions]
        assert sorted(p.partition for p in assigned) == list(range(6))
        stop[0].set()
        threads[0].join()
        wait_for([0, 3, 3])
    finally:
        for event in stop:
            event.set()
        for thread in threads:
            thread.join()
    listed = {group.group_id: group.type for group in admin.list_consumer_groups().result().valid}
    assert listed[topic] == ConsumerGroupType.CONSUMER


def test_topics_by_expression_come_when_they_are_made(address, admin, topic):
    reader = consumer(address, topic, **{"topic.metadata.refresh.interval.ms": 500})
    reader.subscribe([f"^{topic}-.*"])
    reader.poll(0.5)
    name = f"{topic}-late"
    admin.create_topics([NewTopic(name, 6, 1)])[name].result()
    produce(address, name, 6)
    assert len(read(reader, 6)) == 6
    reader.close()


def test_offsets_of_a_group_that_is_read_may_not_be_set_from_outside(address, six_partitions, admin):
    topic = six_partitions
    produce(address, topic, 6)
    reader = consumer(address, topic)
    reader.subscribe([topic])
    read(reader, 6)
    other = Consumer({"bootstrap.servers": address, "group.id": topic})
    with pytest.raises(Exception) as refused:
        other.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    assert "UNKNOWN_MEMBER" in str(refused.value)
    other.close()
    reader.close()


class Member(threading.Thread):
    """Polls until told to leave; how many partitions it has, and what it has read."""

    def __init__(self, address, group, **settings):
        super().__init__(daemon=True)
        self.reader = Consumer({"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest",
                                "auto.commit.interval.ms": 100, **settings})
        self.reader.subscribe([group])
        self.count, self.values, self.leaves = 0, [], threading.Event()
        self.start()

    def run(self):
        while not self.leaves.is_set():
            message = self.reader.poll(0.1)
            if message is not None and message.error() is None:
                self.values.append(message.value().decode())
            self.count = len(self.reader.assignment())
        self.reader.close()

    def leave(self):
        self.leaves.set()
        self.join()


@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
def test_a_running_group_is_changed_over_and_back(address, six_partitions, strategy):
    topic, members = six_partitions, []

    def join(protocol):
        settings = {"partition.assignment.strategy": strategy, "heartbeat.interval.ms": 300,
                    "session.timeout.ms": 10_000} if protocol == "classic" else {}
        members.append(Member(address, topic, **{"group.protocol": protocol, **settings}))
        return members[-1]

    def settles(*present):
        wait_until(lambda: [each.count for each in present] == [6 // len(present)] * len(present),
                   f"{len(present)} members that share", 60)

    def reads(count):
        produce(address, topic, 60)
        wait_until(lambda: sum(len(each.values) for each in members) == count, f"{count} records read", 60)
    try:
        first, second = join("classic"), join("classic")
        settles(first, second)
        reads(60)
        third = join("consumer")
        settles(first, second, third)
        reads(120)
        first.leave()
        second.leave()
        settles(third)
        back = join("classic")
        settles(third, back)
        third.leave()
        settles(back)
        reads(180)
    finally:
        for each in members:
            each.leave()
    values = [value for each in members for value in each.values]
    assert sorted(values) == sorted([f"v{i}" for i in range(60)] * 3)
