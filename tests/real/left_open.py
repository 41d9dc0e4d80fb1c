"""A transaction that a real Kafka leaves open although its coordinator says that nothing is: records of a transactional
producer whose partition the coordinator was never told of. Bytes by hand, as no client would send them."""
import socket
import struct

from kafka.record.default_records import DefaultRecordBatchBuilder
from support.process import wait_until

INIT_PRODUCER_ID, PRODUCE = 22, 0


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def call(self, api, version, body):
        head = struct.pack(">hhi", api, version, 7) + text("left-open")
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        size, = struct.unpack(">i", self.read(4))
        answer = self.read(size)
        assert answer[:4] == struct.pack(">i", 7)
        return answer[4:]

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "Kafka has closed the connection"
            data += more
        return data


def leave_open(port, transactional_id, records):
    """records: (topic, partition, key, value, headers). The broker must not verify partitions of transactions."""
    connection = Connection(port)
    answer = connection.call(INIT_PRODUCER_ID, 1, text(transactional_id) + struct.pack(">i", 60_000))
    _, error, producer, epoch = struct.unpack(">ihqh", answer)
    assert error == 0, f"InitProducerId: {error}"
    for topic, partition, key, value, headers in records:
        batch = DefaultRecordBatchBuilder(2, 0, True, producer, epoch, 0, 1 << 20)
        batch.append(0, None, key, value, headers)
        data = bytes(batch.build())
        body = text(transactional_id) + struct.pack(">hii", -1, 30_000, 1) + text(topic) + \
            struct.pack(">iii", 1, partition, len(data)) + data

        def is_taken(body=body, topic=topic):
            answer = connection.call(PRODUCE, 7, body)
            error, = struct.unpack_from(">h", answer, 4 + 2 + len(topic) + 4 + 4)
            assert error == 0, f"Produce to {topic}: {error}"
            return True
        # That it verifies nothing any more, a broker learns a moment after it was told.
        wait_until(is_taken, f"Kafka taking a record of {topic}-{partition}", 30, 0.2)
