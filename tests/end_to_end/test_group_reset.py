"""penstock groups reset: what its preview says is what a consumer then reads."""
import json
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def reset(users, group, *arguments):
    return users.command("groups", "reset", group, *arguments, "--output", "json")


def consumer_of(address, group):
    return Consumer({"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "latest",
                     "enable.auto.commit": False, "session.timeout.ms": 6000})


def read(consumer, count):
    messages = []
    while len(messages) < count:
        got = consumer.consume(count - len(messages), timeout=10)
        assert got, f"{len(messages)} of {count} records came"
        messages += got
    return [message.value().decode() for message in messages]


def test_a_consumer_goes_on_where_the_preview_said(users):
    address = f"127.0.0.1:{users.ports['kafka']}"
    topic = f"reset-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result()
    producer = Producer({"bootstrap.servers": address})
    for partition in (0, 1):
        for i in range(10):
            producer.produce(topic, f"{partition}:{i}", partition=partition, timestamp=1_700_000_000_000 + i * 1000)
    assert producer.flush(30) == 0
    group = f"{topic}-readers"
    consumer = consumer_of(address, group)
    consumer.commit(offsets=[TopicPartition(topic, 0, 10), TopicPartition(topic, 1, 6)], asynchronous=False)

    shown = reset(users, group, "--to-datetime", "2023-11-14T22:13:27Z")  # the eighth record's time
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["partitions"] == [
        {"topic": topic, "partition": 0, "committed": 10, "offset": 7, "end_offset": 10, "again": 3, "skipped": 0},
        {"topic": topic, "partition": 1, "committed": 6, "offset": 7, "end_offset": 10, "again": 0, "skipped": 1}]
    before = consumer.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=10)
    assert [each.offset for each in before] == [10, 6], "a preview changes nothing"

    done = reset(users, group, "--to-datetime", "2023-11-14T22:13:27Z", "--execute")
    assert done.returncode == 0, done.stderr
    consumer.subscribe([topic])
    assert sorted(read(consumer, 6)) == ["0:7", "0:8", "0:9", "1:7", "1:8", "1:9"]

    refused = reset(users, group, "--to-earliest", "--execute")
    assert refused.returncode == 1
    assert "and has a member: its offsets can be reset when it has none" in refused.stderr
    consumer.close()
    done = reset(users, group, "--to-earliest", "--topic", f"{topic}:1", "--execute")
    assert done.returncode == 0, done.stderr
    later = consumer_of(address, group)
    later.subscribe([topic])
    assert sorted(read(later, 13)) == [f"0:{i}" for i in (7, 8, 9)] + [f"1:{i}" for i in range(10)]
    later.close()
