"""What many clients at once cost. Against Penstock alone: its memory is looked at."""
import resource
import socket
import struct

import pytest
from support.process import Penstock, empty_pipeline

MIB = 1024 * 1024


def frame(opcode, body):
    return struct.pack(">BBhBI", 4, 0, 1, opcode, len(body)) + body


def string(text):
    return struct.pack(">H", len(text)) + text


STARTUP = frame(0x01, struct.pack(">H", 1) + string(b"CQL_VERSION") + string(b"3.4.5"))
SELECT = b"SELECT key FROM system.local"
QUERY = frame(0x07, struct.pack(">I", len(SELECT)) + SELECT + struct.pack(">HB", 1, 0))
READY, RESULT = 0x02, 0x08


def answer(client):
    """The opcode of the next answer, which is read to its end."""
    header = client.recv(9, socket.MSG_WAITALL)
    assert len(header) == 9, "the connection was closed"
    length = struct.unpack(">I", header[5:])[0]
    if length:
        client.recv(length, socket.MSG_WAITALL)
    return header[4]


@pytest.fixture
def penstock(tmp_path):
    with Penstock(empty_pipeline(tmp_path), tmp_path / "data") as running:
        yield running


def test_ten_thousand_connections(penstock):
    """Nearly: as many as both processes may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(9_900, hard - 500)
    before = penstock.memory_bytes("RssAnon")
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", penstock.ports["cql"]), timeout=30)
            client.sendall(STARTUP)
            clients.append(client)
        assert all(answer(client) == READY for client in clients)
        for client in clients:
            client.sendall(QUERY)
        assert all(answer(client) == RESULT for client in clients)
        grown = penstock.memory_bytes("RssAnon") - before
        assert grown < count * 20 * 1024 + 20 * MIB, f"{grown / count / 1024:.1f} KiB a connection"
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
