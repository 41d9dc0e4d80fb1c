"""Transactions by librdkafka (confluent-kafka) and kafka-python: what is committed is seen once, what is aborted is not,
and a producer that was replaced may not write any more."""
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer, KafkaProducer


def create(address, topic):
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result()


@pytest.fixture
def two_partitions(address, topic):
    create(address, topic)
    return topic


def transactional(address, name, **settings):
    producer = Producer({"bootstrap.servers": address, "transactional.id": name, "transaction.timeout.ms": 30_000,
                         **settings})
    producer.init_transactions(30)
    return producer


def values(address, topic, isolation="read_committed", partitions=(0, 1)):
    """All that a reader sees from the start to the end, in the order of the partition."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.partition.eof": True,
                         "isolation.level": isolation, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    seen, ended = [], set()
    while len(ended) < len(partitions):
        message = consumer.poll(20)
        assert message is not None, f"no end of {topic} after {seen}"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            seen.append(message.value().decode())
    consumer.close()
    return seen


def test_committed_records_are_seen_and_aborted_ones_are_not(address, two_partitions):
    topic = two_partitions
    producer = transactional(address, topic)
    expected = []
    for number in range(6):
        producer.begin_transaction()
        for i in range(10):
            producer.produce(topic, f"{number}-{i}", partition=i % 2)
        if number % 2:
            producer.flush(30)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            expected += [f"{number}-{i}" for i in range(10)]
    assert sorted(values(address, topic)) == sorted(expected)
    assert len(values(address, topic, "read_uncommitted")) == 60


def test_an_open_transaction_holds_back_what_comes_after_it(address, two_partitions):
    topic = two_partitions
    producer = transactional(address, topic)
    producer.begin_transaction()
    producer.produce(topic, "open", partition=0)
    assert producer.flush(30) == 0
    other = Producer({"bootstrap.servers": address})
    other.produce(topic, "after", partition=0)
    assert other.flush(30) == 0
    assert values(address, topic, partitions=[0]) == []
    assert values(address, topic, "read_uncommitted", [0]) == ["open", "after"]
    producer.commit_transaction(30)
    assert values(address, topic, partitions=[0]) == ["open", "after"]


def test_a_replaced_producer_is_fenced(address, two_partitions):
    topic = two_partitions
    old = transactional(address, topic)
    old.begin_transaction()
    old.produce(topic, "old", partition=0)
    old.flush(30)
    new = transactional(address, topic)
    new.begin_transaction()
    new.produce(topic, "new", partition=0)
    new.commit_transaction(30)
    with pytest.raises(KafkaException) as refused:
        old.commit_transaction(30)
    assert refused.value.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED,
                                            KafkaError.INVALID_PRODUCER_EPOCH)
    assert refused.value.args[0].fatal()
    assert values(address, topic) == ["new"]


def test_read_process_write_is_exactly_once(address, two_partitions):
    """Offsets are committed with the output: when half of the work is aborted, it is done again, and once."""
    source, target = two_partitions, f"{two_partitions}-out"
    create(address, target)
    plain = Producer({"bootstrap.servers": address})
    for i in range(100):
        plain.produce(source, str(i), partition=i % 2)
    assert plain.flush(30) == 0
    producer = transactional(address, source)
    done, rounds = 0, 0
    while done < 100:
        consumer = Consumer({"bootstrap.servers": address, "group.id": source, "auto.offset.reset": "earliest",
                             "enable.auto.commit": False, "isolation.level": "read_committed"})
        consumer.subscribe([source])
        messages = []
        while len(messages) < min(20, 100 - done):
            got = consumer.consume(min(20, 100 - done) - len(messages), timeout=20)
            assert got, f"nothing came after {done} and {len(messages)}"
            messages += got
        assert all(m.error() is None for m in messages)
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, message.value(), partition=message.partition())
        producer.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                             consumer.consumer_group_metadata(), 30)
        rounds += 1
        if rounds % 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            done += len(messages)
        consumer.close()
    assert sorted(values(address, target), key=int) == [str(i) for i in range(100)]


def test_kafka_python_takes_part(address, two_partitions):
    topic = two_partitions
    producer = KafkaProducer(bootstrap_servers=address, transactional_id=topic)
    producer.init_transactions()
    for number, ends in enumerate((producer.commit_transaction, producer.abort_transaction) * 2):
        producer.begin_transaction()
        producer.send(topic, b"%d" % number, partition=0)
        ends()
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=address, isolation_level="read_committed",
                             auto_offset_reset="earliest", consumer_timeout_ms=3000, enable_auto_commit=False)
    from kafka import TopicPartition as Partition
    consumer.assign([Partition(topic, 0)])
    assert [m.value for m in consumer] == [b"0", b"2"]
    consumer.close()
    assert values(address, topic) == ["0", "2"]
