"""penstock groups over a real Kafka: what librdkafka can ask for, and what it cannot."""
import json
import uuid

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import Penstock, wait_until


@pytest.fixture(scope="module")
def penstock(real_kafka_module, tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    (folder / "p").mkdir()
    with Penstock(folder / "p", folder / "data", ["--kafka", real_kafka_module.url]) as process:
        yield process


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_shows_who_reads_what(real_kafka_module, penstock, protocol):
    address = f"127.0.0.1:{real_kafka_module.environment['KAFKA_PORT']}"
    topic = f"readers-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result()
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "group.protocol": protocol, "client.id": "reader",
                         "enable.auto.commit": False})
    consumer.subscribe([topic])

    def assigned():
        consumer.poll(0.05)
        return len(consumer.assignment()) == 2
    wait_until(assigned, "the assignment", 60)
    shown = penstock.command("groups", topic, "--output", "json")
    assert shown.returncode == 0, shown.stderr
    group = json.loads(shown.stdout)
    if protocol == "classic":
        assert (group["state"], group["members"]) == ("Stable", 1)
        assert [(each["partition"], each["client"], each["host"]) for each in group["topics"]] == [
            (0, "reader", "/127.0.0.1"), (1, "reader", "/127.0.0.1")]
    else:  # not "Dead", as Kafka says to those who ask in the classic protocol's words
        assert (group["state"], group["members"], group["topics"]) == ("Unknown", 0, [])
    consumer.close()
