"""confluent-kafka (librdkafka) and kafka-python against the Kafka port: admin, produce, consume, groups."""
import threading

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic
from kafka import KafkaConsumer, KafkaProducer


@pytest.fixture
def admin(address):
    return AdminClient({"bootstrap.servers": address})


@pytest.fixture
def three_partitions(admin, topic):
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result()
    return topic


def produce(address, topic, count, **settings):
    producer = Producer({"bootstrap.servers": address, **settings})
    failures = []
    for i in range(count):
        producer.produce(topic, key=f"k{i}", value=f"v{i}",
                         on_delivery=lambda error, _: failures.append(error) if error else None)
        producer.poll(0)
    assert producer.flush(30) == 0
    assert failures == []


def read(consumer, count):
    messages = []
    while len(messages) < count:
        got = consumer.consume(count - len(messages), timeout=10)
        assert got, f"{len(messages)} of {count} records came"
        for message in got:
            assert message.error() is None
            messages.append(message)
    return messages


def test_admin_creates_describes_changes_and_deletes(admin, topic):
    admin.create_topics([NewTopic(topic, 2, 1, config={"retention.ms": "5000"})])[topic].result()
    with pytest.raises(KafkaException) as twice:
        admin.create_topics([NewTopic(topic, 2, 1)])[topic].result()
    assert twice.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    config = admin.describe_configs([resource])[resource].result()
    assert config["retention.ms"].value == "5000"
    assert config["segment.bytes"].is_default
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result()
    assert len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 4
    admin.delete_topics([topic])[topic].result()
    assert topic not in admin.list_topics(timeout=10).topics


def test_unknown_settings_are_refused_by_name(admin, topic):
    with pytest.raises(KafkaException) as refused:
        admin.create_topics([NewTopic(topic, 1, 1, config={"retention": "1"})])[topic].result()
    assert refused.value.args[0].code() == KafkaError.INVALID_CONFIG
    assert "retention" in refused.value.args[0].str()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_idempotent_producer_and_group_consumer(address, three_partitions, compression):
    topic = three_partitions
    produce(address, topic, 3000, **{"enable.idempotence": True, "compression.type": compression})
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([topic])
    messages = read(consumer, 3000)
    assert {m.value().decode() for m in messages} == {f"v{i}" for i in range(3000)}
    by_partition = {}
    for message in messages:
        by_partition.setdefault(message.partition(), []).append(message.offset())
    for offsets in by_partition.values():
        assert offsets == list(range(len(offsets)))
    consumer.commit(asynchronous=False)
    committed = consumer.committed([TopicPartition(topic, p) for p in range(3)], timeout=10)
    assert sum(p.offset for p in committed) == 3000
    consumer.close()


def test_a_second_consumer_takes_its_share(address, three_partitions, admin):
    topic = three_partitions
    settings = {"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest",
                "session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    consumers = [Consumer(settings) for _ in range(3)]
    counts = [0, 0, 0]
    stop = threading.Event()

    def run(index):
        consumers[index].subscribe([topic])
        while not stop.is_set():
            consumers[index].poll(0.1)
            counts[index] = len(consumers[index].assignment())

    threads = [threading.Thread(target=run, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(600):
            if counts == [1, 1, 1]:
                break
            stop.wait(0.1)
        assert counts == [1, 1, 1]
        described = admin.describe_consumer_groups([topic])[topic].result()
        assert len(described.members) == 3
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for consumer in consumers:
            consumer.close()
    produce(address, topic, 100)
    alone = Consumer(settings)
    alone.subscribe([topic])
    assert len(read(alone, 100)) == 100
    alone.close()


def test_kafka_python_produces_and_consumes_in_a_group(address, topic):
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    sent = [producer.send(topic, key=b"k", value=b"v%d" % i, headers=[("h", b"1")]) for i in range(300)]
    assert [f.get(timeout=30).offset for f in sent] == list(range(300))
    producer.close()

    def consume(count):
        consumer = KafkaConsumer(topic, bootstrap_servers=address, group_id=topic, auto_offset_reset="earliest",
                                 enable_auto_commit=False, consumer_timeout_ms=20_000)
        got = []
        for message in consumer:
            got.append(message)
            if len(got) == count:
                break
        consumer.commit()
        consumer.close()
        return got

    got = consume(300)
    assert [m.value for m in got] == [b"v%d" % i for i in range(300)]
    assert got[0].headers == [("h", b"1")]
    producer = KafkaProducer(bootstrap_servers=address)
    producer.send(topic, value=b"next").get(timeout=30)
    producer.close()
    assert [m.value for m in consume(1)] == [b"next"]


def test_offsets_by_time(address, topic):
    produce(address, topic, 10)
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    assert (low, high) == (0, 10)
    found = consumer.offsets_for_times([TopicPartition(topic, 0, 1000)], timeout=10)
    assert found[0].offset == 0
    consumer.close()


def test_a_record_above_the_limit_is_refused(address, admin, topic):
    admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": "1000"})])[topic].result()
    errors = []
    producer = Producer({"bootstrap.servers": address})
    producer.produce(topic, value=b"x" * 5000, on_delivery=lambda error, _: errors.append(error))
    producer.flush(30)
    assert errors[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_deleted_records_are_gone(address, admin, topic):
    produce(address, topic, 10)
    admin.delete_records([TopicPartition(topic, 0, 6)])[TopicPartition(topic, 0)].result()
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert [m.offset() for m in read(consumer, 4)] == [6, 7, 8, 9]
    consumer.close()
