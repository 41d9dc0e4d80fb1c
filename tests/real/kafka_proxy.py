"""Stands between clients and a broker that advertises this port. What it can do to them, Kafka does on bad days only."""
import contextlib
import socket
import struct
import threading

END_TXN = 26


class KafkaProxy:
    """unmarked: commits are answered and not passed on, so that Kafka leaves open what it has said is committed, as a
    Kafka 4.3 does that stops at that moment (src/broker/remote_kept.h)."""

    def __init__(self, broker_port):
        self.broker_port = broker_port
        self.unmarked = False
        self.kept_back = 0  # commits that Kafka does not know of
        self.is_cut = False
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        self.cut()

    def cut(self):
        """From now on the broker cannot be reached."""
        self.is_cut = True
        for each in list(self.connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.is_cut = False

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                broker = None if self.is_cut else socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:  # it is not up
                broker = None
            if not broker:
                client.close()
                continue
            self.connections |= {client, broker}
            lock = threading.Lock()  # of answers to the client
            threading.Thread(target=self.carry, args=(client, broker, client, lock), daemon=True).start()
            threading.Thread(target=self.carry, args=(broker, client, None, lock), daemon=True).start()

    def carry(self, source, target, client, lock):
        """Frame by frame. client: where answers go, when the frames are requests."""
        with contextlib.suppress(OSError):
            while frame := read_frame(source):
                if client and self.unmarked and is_commit(frame):
                    self.kept_back += 1
                    with lock:  # the request's number, no throttling, no error
                        client.sendall(struct.pack(">i4sih", 10, frame[8:12], 0, 0))
                elif client:
                    target.sendall(frame)
                else:
                    with lock:
                        target.sendall(frame)
        for each in (source, target):
            self.connections.discard(each)
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def read_frame(source):
    head = read_exactly(source, 4)
    return head and head + read_exactly(source, struct.unpack(">i", head)[0])


def read_exactly(source, count):
    out = b""
    while len(out) < count:
        piece = source.recv(count - len(out))
        if not piece:
            return b""
        out += piece
    return out


def is_commit(frame):
    key, version = struct.unpack(">hh", frame[4:8])
    assert key != END_TXN or version < 3, "its last byte says that it commits in these versions only"
    return key == END_TXN and frame[-1] == 1
