"""Settings of a broker by Kafka's names, and what clients see of them."""
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient,
                                   AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourcePatternType,
                                   ResourceType)
from support.process import Penstock

GIVEN = ["--kafka-set", "num.partitions=4", "--kafka-set", "log.retention.ms=3600000",
         "--kafka-set", "group.min.session.timeout.ms=1000", "--kafka-super-users", "User:ANONYMOUS"]


@pytest.fixture(scope="module")
def set_up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    with Penstock(folder, folder / "data", GIVEN) as penstock:
        yield f"127.0.0.1:{penstock.ports['kafka']}"


def described(address, kind, name):
    resource = ConfigResource(kind, name)
    admin = AdminClient({"bootstrap.servers": address})
    return admin.describe_configs([resource])[resource].result()


def test_clients_see_them(set_up, topic):
    broker = described(set_up, ConfigResource.Type.BROKER, "1")
    assert broker["num.partitions"].value == "4"
    assert broker["advertised.listeners"].value == f"PLAINTEXT://{set_up}"
    admin = AdminClient({"bootstrap.servers": set_up})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    retention = described(set_up, ConfigResource.Type.TOPIC, topic)["retention.ms"]
    assert retention.value == "3600000"
    assert "log.retention.ms" in retention.synonyms


def test_a_broker_has_the_number_it_is_given(tmp_path, topic):
    with Penstock(tmp_path, tmp_path / "data", ["--kafka-set", "node.id=0"]) as penstock:
        address = f"127.0.0.1:{penstock.ports['kafka']}"
        admin = AdminClient({"bootstrap.servers": address})
        admin.create_topics([NewTopic(topic, 1, replica_assignment=[[0]])])[topic].result()
        metadata = admin.list_topics(topic, timeout=10)
        assert list(metadata.brokers) == [0] and metadata.controller_id == 0
        partition = metadata.topics[topic].partitions[0]
        assert (partition.leader, partition.replicas, partition.isrs) == (0, [0], [0])
        cluster = admin.describe_cluster().result()
        assert cluster.controller.id == 0 and [node.id for node in cluster.nodes] == [0]
        assert described(address, ConfigResource.Type.BROKER, "0")["node.id"].value == "0"
        producer = Producer({"bootstrap.servers": address})
        producer.produce(topic, b"x")
        assert producer.flush(30) == 0
        consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        message = consumer.poll(30)
        assert message is not None and message.value() == b"x"
        consumer.close()
        group = admin.describe_consumer_groups([topic])[topic].result()
        assert group.coordinator.id == 0


def test_topics_that_are_made_by_writing_have_as_many_partitions(set_up, topic):
    producer = Producer({"bootstrap.servers": set_up})
    producer.produce(topic, b"x", partition=3)
    assert producer.flush(30) == 0
    assert len(AdminClient({"bootstrap.servers": set_up}).list_topics(topic).topics[topic].partitions) == 4


def test_sessions_may_be_as_short_as_is_set(set_up, topic):
    producer = Producer({"bootstrap.servers": set_up})
    producer.produce(topic, b"x")
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": set_up, "group.id": topic, "session.timeout.ms": 2000,
                         "heartbeat.interval.ms": 500, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    message = consumer.poll(30)
    assert message is not None and message.error() is None
    consumer.close()


def test_permissions_are_kept_for_super_users_without_login(set_up, topic):
    admin = AdminClient({"bootstrap.servers": set_up})
    acl = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:bob", "*", AclOperation.READ,
                     AclPermissionType.ALLOW)
    admin.create_acls([acl])[acl].result()
    mine = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.ANY, None, None, AclOperation.ANY,
                            AclPermissionType.ANY)
    assert admin.describe_acls(mine).result() == [acl]


def test_what_is_no_setting_is_refused(tmp_path):
    refused = Penstock(tmp_path, tmp_path / "data", ["--kafka-set", "num.partitions=none"]).start(wait=False)
    assert refused.process.wait(30) != 0
    assert "num.partitions" in refused.output()


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
def test_a_topic_may_have_a_compression_of_its_own(address, topic, compression):
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1, config={"compression.type": compression})])[topic].result()
    values = [b"x" * 1000, b"", b"y"]
    producer = Producer({"bootstrap.servers": address, "compression.type": "gzip", "linger.ms": 50})
    for value in values:
        producer.produce(topic, value, headers={"h": value})
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "check.crcs": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = consumer.consume(3, 30)
    assert [message.value() for message in messages] == values
    assert [message.headers() for message in messages] == [[("h", value)] for value in values]
    consumer.close()


def test_a_record_without_a_key_does_not_fail_its_batch_silently(address, topic):
    """Those that are wrong are named, the others may be sent again (KIP-467)."""
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})])[topic].result()
    codes = {}
    producer = Producer({"bootstrap.servers": address, "linger.ms": 500})
    for i in range(4):
        producer.produce(topic, b"v", key=None if i % 2 else b"k",
                         on_delivery=lambda error, _, i=i: codes.__setitem__(i, error.code()))
    assert producer.flush(30) == 0
    assert codes[1] == codes[3] == KafkaError.INVALID_RECORD
    assert codes[0] == codes[2] == KafkaError._INVALID_DIFFERENT_RECORD


def altered(address, resource):
    admin = AdminClient({"bootstrap.servers": address})
    return admin.incremental_alter_configs([resource])[resource].result()


def test_settings_of_brokers_and_groups_are_changed_and_kept(tmp_path, topic):
    broker = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[
        ConfigEntry("log.retention.ms", "7000000", incremental_operation=AlterConfigOpType.SET)])
    group = ConfigResource(ResourceType.GROUP, topic, incremental_configs=[
        ConfigEntry("consumer.session.timeout.ms", "50000", incremental_operation=AlterConfigOpType.SET)])
    fixed = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[
        ConfigEntry("num.partitions", "3", incremental_operation=AlterConfigOpType.SET)])
    for start in range(2):
        with Penstock(tmp_path, tmp_path / "data") as penstock:
            address = f"127.0.0.1:{penstock.ports['kafka']}"
            admin = AdminClient({"bootstrap.servers": address})
            if start == 0:
                admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
                altered(address, broker)
                altered(address, group)
                with pytest.raises(KafkaException) as refused:
                    altered(address, fixed)
                assert refused.value.args[0].code() == KafkaError.INVALID_REQUEST
            assert described(address, ConfigResource.Type.TOPIC, topic)["retention.ms"].value == "7000000"
            assert described(address, ResourceType.GROUP, topic)["consumer.session.timeout.ms"].value == "50000"
