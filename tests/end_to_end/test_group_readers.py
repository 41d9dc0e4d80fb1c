"""penstock groups: which client reads a partition, of groups of both protocols."""
import json
import uuid

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import wait_until


def partitions_of(users, group):
    shown = users.command("groups", group, "--output", "json")
    return json.loads(shown.stdout)["topics"] if shown.returncode == 0 else []


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_shows_who_reads_what(users, protocol):
    address = f"127.0.0.1:{users.ports['kafka']}"
    topic = f"readers-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result()
    consumers = {name: Consumer({"bootstrap.servers": address, "group.id": topic, "group.protocol": protocol,
                                 "client.id": name, "enable.auto.commit": False}) for name in ("left", "right")}
    for consumer in consumers.values():
        consumer.subscribe([topic])

    def told():
        """What is shown, when it is what the consumers themselves know: each has one."""
        for consumer in consumers.values():
            consumer.poll(0.05)
        known = {(name, each.partition) for name, consumer in consumers.items() for each in consumer.assignment()}
        shown = partitions_of(users, topic)
        agree = {(each.get("client"), each["partition"]) for each in shown} == known
        return shown if agree and {name for name, partition in known} == set(consumers) else None
    shown = wait_until(told, "each reading one", 60)
    assert [(each["partition"], each["host"], "committed" in each, "lag" in each) for each in shown] == [
        (0, "/127.0.0.1", False, False), (1, "/127.0.0.1", False, False)]
    text = users.command("groups", topic).stdout
    assert [line.split()[2:] for line in text.splitlines()[-2:]] == [
        ["-", "0", "-", each["client"], "/127.0.0.1"] for each in shown], text
    for consumer in consumers.values():
        consumer.close()
