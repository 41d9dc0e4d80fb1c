"""Single requests to a Kafka broker, in a version of one's choice. The messages' layouts are kafka-python's."""
import re
import socket
import struct
import time

import kafka.protocol.admin as admin
import kafka.protocol.consumer as consumer
import kafka.protocol.metadata as metadata
import kafka.protocol.producer as producer
import kafka_messages
from kafka.protocol.sasl import SaslHandshakeRequest
from kafka.record import MemoryRecordsBuilder

MODULES = (admin, consumer, metadata, producer, kafka_messages)
WRITTEN = int(time.time() * 1000)  # now, or a real Kafka's retention takes the records away


def request_class(name):
    for module in MODULES:
        if hasattr(module, name + "Request"):
            return getattr(module, name + "Request")
    return {"SaslHandshake": SaslHandshakeRequest}[name]


def response_class(name):
    for module in MODULES:
        if hasattr(module, name + "Response"):
            return getattr(module, name + "Response")
    raise KeyError(name)


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def build(owner, fields, common, body):
    """Dictionaries as the structs that owner has for them."""
    out = {}
    by_name = {snake(field["name"]): field for field in fields}
    for name, value in body.items():
        field = by_name.get(name, {})
        kind = field.get("type", "").removeprefix("[]")
        inner = field.get("fields") or common.get(kind)
        if inner and value is not None:
            struct_class = getattr(owner, kind)

            def make(each):
                return struct_class(**build(struct_class, inner, common, each))
            value = [make(each) for each in value] if field["type"].startswith("[]") else make(value)
        out[name] = value
    return out


class Broker:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self.remembered, self.epochs = {}, {}
        self.connect()
        answer = self.ask("ApiVersions", 3, client_software_name="differential", client_software_version="1")
        self.offers = {key["api_key"]: (key["min_version"], key["max_version"]) for key in answer["api_keys"]}

    def connect(self):
        host, port = self.address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)

    def exactly(self, count):
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise ConnectionError(f"{self.name} has closed the connection")
            parts += part
        return parts

    def ask(self, api, version, **body):
        request_type = request_class(api)
        schema = request_type.json
        common = {each["name"]: each["fields"] for each in schema.get("commonStructs", [])}
        request = request_type[version](**build(request_type, schema["fields"], common, body))
        request.with_header(correlation_id=1, client_id="differential")
        self.socket.sendall(request.encode(header=True, framed=True))
        answer = self.exactly(struct.unpack(">i", self.exactly(4))[0])
        decoded = response_class(api)[version].decode(answer, header=True)
        return plain(decoded)

    def close(self):
        self.socket.close()


def plain(value):
    """Nothing but dictionaries, lists and scalars."""
    if hasattr(value, "to_dict"):
        return {name: plain(each) for name, each in value.to_dict().items()}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(each) for each in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return value


def batch(value=b"v", producer_id=-1, epoch=-1, sequence=-1, transactional=False, count=1, key=b"k", headers=()):
    """A record batch."""
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=10_000,
                                   transactional=transactional, producer_id=producer_id,
                                   producer_epoch=epoch, base_sequence=sequence)
    for _ in range(count):
        builder.append(timestamp=WRITTEN, key=key, value=value, headers=list(headers))
    builder.close()
    return bytes(builder.buffer())
