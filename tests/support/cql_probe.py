"""The smallest CQL client: asks one question in protocol v4, so that a benchmark times the server and not a driver."""
import socket
import struct


class CqlProbe:
    def __init__(self, port, timeout=5, address="127.0.0.1"):
        self.socket = socket.create_connection((address, port), timeout)
        self._call(1, struct.pack(">H", 1) + self._string("CQL_VERSION") + self._string("3.0.0"))

    @staticmethod
    def _string(text):
        return struct.pack(">H", len(text)) + text.encode()

    def _read(self, size):
        got = b""
        while len(got) < size:
            more = self.socket.recv(size - len(got))
            if not more:
                raise ConnectionError("closed")
            got += more
        return got

    def _call(self, opcode, body):
        self.socket.sendall(struct.pack(">BBhBi", 4, 0, 1, opcode, len(body)) + body)
        _, _, _, answered, length = struct.unpack(">BBhBi", self._read(9))
        body = self._read(length)
        if answered == 0:
            raise RuntimeError(body[6:].decode(errors="replace"))
        return body

    def row_count(self, statement):
        """How many rows the statement's first page has."""
        text = statement.encode()
        body = self._call(7, struct.pack(">i", len(text)) + text + struct.pack(">HB", 1, 0))
        kind, flags, columns = struct.unpack(">iii", body[:12])
        assert kind == 2 and not flags & 2, (kind, flags)
        at = 12

        def skip_string(at):
            return at + 2 + struct.unpack(">H", body[at:at + 2])[0]

        if flags & 1:
            at = skip_string(skip_string(at))
        for _ in range(columns):
            at = skip_string(at)
            (option,) = struct.unpack(">H", body[at:at + 2])
            at += 2
            assert option < 0x20, "the probe reads simple types only"
        return struct.unpack(">i", body[at:at + 4])[0]
