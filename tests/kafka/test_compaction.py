"""A compacted topic keeps of every key the newest record, with its offset; a tombstone takes its key away."""
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import wait_until


@pytest.fixture
def compacted(address, topic):
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1, config={
        "cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "100"})])[topic].result()
    return topic


def write(address, topic, *pairs):
    producer = Producer({"bootstrap.servers": address, "linger.ms": 0})
    for key, value in pairs:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(30) == 0


def records(address, topic):
    """[(offset, key, value)] from the start to the end."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.partition.eof": True,
                         "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    seen = []
    while True:
        message = consumer.poll(20)
        assert message is not None
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            consumer.close()
            return seen
        value = message.value()
        seen.append((message.offset(), message.key().decode(), value.decode() if value is not None else None))


def settle(address, topic, expected):
    """A record now and then closes the segment before it, as only closed ones are compacted."""
    count = 0

    def is_so():
        nonlocal count
        count += 1
        write(address, topic, ("tick", str(count)))
        kept = [each for each in records(address, topic) if each[1] != "tick"]
        return kept == expected
    wait_until(is_so, f"{expected} and no more", 60, 0.3)


def test_the_newest_record_of_each_key_stays(address, compacted):
    for number in range(5):
        write(address, compacted, *((f"k{i}", f"{number}") for i in range(4)))
    settle(address, compacted, [(16 + i, f"k{i}", "4") for i in range(4)])
    write(address, compacted, ("k0", None), ("k1", "5"))
    gone = wait_until(lambda: [each for each in records(address, compacted) if each[1] == "k1" and each[2] == "5"],
                      "the new record")
    settle(address, compacted, [(18, "k2", "4"), (19, "k3", "4"), gone[0]])


def test_records_without_a_key_are_refused(address, compacted):
    errors = []
    producer = Producer({"bootstrap.servers": address})
    producer.produce(compacted, b"no key", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert errors[0].code() == KafkaError.INVALID_RECORD
