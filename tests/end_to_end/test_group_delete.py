"""penstock groups delete: what a group committed is gone, and one with members stays."""
import uuid

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def test_a_group_goes_with_its_offsets_once_nobody_is_in_it(users):
    address = f"127.0.0.1:{users.ports['kafka']}"
    topic = f"delete-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    group = f"{topic}-readers"
    settings = {"bootstrap.servers": address, "group.id": group, "enable.auto.commit": False}
    member = Consumer(settings)
    assigned = []
    member.subscribe([topic], on_assign=lambda _, partitions: assigned.extend(partitions))
    for _ in range(60):
        member.poll(0.5)
        if assigned:
            break
    assert assigned, "the consumer got its partition"
    member.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)

    refused = users.command("groups", "delete", group)
    assert refused.returncode == 1
    assert refused.stderr == f"error: group {group} has members: it can be deleted when it has none\n"
    member.close()

    deleted = users.command("groups", "delete", group)
    assert (deleted.returncode, deleted.stdout) == (0, f"deleted {group}\n"), deleted.stderr
    later = Consumer(settings)
    assert later.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == -1001  # OFFSET_INVALID: none
    later.close()
    gone = users.command("groups", group)
    assert gone.stderr == f"error: there is no consumer group {group}\n"
