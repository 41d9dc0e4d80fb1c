"""What clients that behave badly can do to the server: nothing that others see."""
import socket
import struct

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import Penstock, wait_until

MIB = 1 << 20


@pytest.fixture(scope="module")
def penstock(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bounds")
    with Penstock(folder, folder / "data") as running:
        yield running


@pytest.fixture
def filled(penstock, topic):
    """32 MB of records."""
    address = f"127.0.0.1:{penstock.ports['kafka']}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    producer = Producer({"bootstrap.servers": address})
    for _ in range(64):
        producer.produce(topic, b"x" * (MIB // 2), partition=0)
        producer.poll(0)
        if len(producer) > 16:
            producer.flush(30)
    assert producer.flush(60) == 0
    return topic


def connect(penstock):
    return socket.create_connection(("127.0.0.1", penstock.ports["kafka"]), timeout=30)


def framed(body):
    return struct.pack(">i", len(body)) + body


def api_versions():
    return framed(struct.pack(">hhih", 18, 0, 7, -1))


def receive(client):
    def exactly(count):
        parts = b""
        while len(parts) < count:
            part = client.recv(count - len(parts))
            assert part, "the connection has ended"
            parts += part
        return parts
    return exactly(struct.unpack(">i", exactly(4))[0])


def fetch(topic):
    """Version 4, all of partition 0, 16 MB at most."""
    name = topic.encode()
    partition = struct.pack(">iqi", 0, 0, 16 * MIB)
    return framed(struct.pack(">hhih", 1, 4, 9, -1) + struct.pack(">iiiib", -1, 0, 1, 16 * MIB, 0) +
                  struct.pack(">ih", 1, len(name)) + name + struct.pack(">i", 1) + partition)


def serves(penstock, topic):
    consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{penstock.ports['kafka']}", "group.id": "bounds"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None and message.error() is None


def test_a_thousand_idle_connections(penstock, filled):
    before = penstock.memory_bytes()
    clients = [connect(penstock) for _ in range(1000)]
    for client in clients:
        client.sendall(api_versions())
    for client in clients:
        assert struct.unpack(">i", receive(client)[:4])[0] == 7
    grown = penstock.memory_bytes() - before
    assert grown < 40 * MIB, f"{grown / 1000 / 1024:.1f} KiB a connection"
    serves(penstock, filled)
    for client in clients:
        client.close()


def test_clients_that_never_read(penstock, filled):
    before = penstock.memory_bytes("RssAnon")
    clients = [connect(penstock) for _ in range(20)]
    for client in clients:
        client.sendall(fetch(filled) * 50)  # 16 GB, were they all answered at once
    serves(penstock, filled)
    assert penstock.memory_bytes("RssAnon") - before < 600 * MIB
    for client in clients:
        client.close()
    serves(penstock, filled)


def test_requests_that_are_announced_and_never_sent(penstock, filled):
    before = penstock.memory_bytes("RssAnon")
    clients = [connect(penstock) for _ in range(50)]
    for client in clients:
        client.sendall(struct.pack(">i", 100 * MIB) + b"\0")
    serves(penstock, filled)
    assert penstock.memory_bytes("RssAnon") - before < 40 * MIB
    too_long = connect(penstock)
    too_long.sendall(struct.pack(">i", 101 * MIB))
    assert too_long.recv(1) == b""
    for client in clients:
        client.close()


def test_pipelined_requests_are_answered_in_order(penstock, filled):
    client = connect(penstock)
    client.sendall(b"".join(framed(struct.pack(">hhih", 18, 0, number, -1)) for number in range(500)))
    assert [struct.unpack(">i", receive(client)[:4])[0] for _ in range(500)] == list(range(500))
    client.close()


def test_a_client_that_stops_in_the_middle_is_forgotten(penstock, filled):
    halves = [connect(penstock) for _ in range(20)]
    for client in halves:
        client.sendall(fetch(filled)[:11])
        client.close()
    serves(penstock, filled)
    wait_until(lambda: penstock.memory_bytes() > 0, "the process is alive")
