"""Reads tests/sql/*.test, whose form tests/sql/README.md tells."""
import re

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic


class Block:
    def __init__(self, header):
        self.kind, _, self.arguments = header.partition(" ")
        self.parts = [[]]

    @property
    def lines(self):
        return self.parts[0]

    @property
    def text(self):
        return "\n".join(self.lines)

    def rows(self):
        return self.parts[1] if len(self.parts) > 1 else []


def read_blocks(file):
    blocks, inside = [], False
    for line in file.read_text().splitlines():
        if line.startswith("#") and not inside:
            continue
        if not line:
            inside = False
        elif not inside:
            blocks.append(Block(line))
            inside = True
        elif line == "----":
            blocks[-1].parts.append([])
        else:
            blocks[-1].parts[-1].append(line)
    return blocks


class Topic:
    def __init__(self, name, partitions, records):
        self.name = name
        self.partitions = partitions
        self.records = records

    def create(self, penstock):
        """A topic of an earlier file that has the same name is replaced."""
        address = {"bootstrap.servers": f"127.0.0.1:{penstock.ports['kafka']}"}
        admin = AdminClient(address)
        if self.name in admin.list_topics(timeout=10).topics:
            admin.delete_topics([self.name])[self.name].result(10)
        # The records' times are of long ago.
        topic = NewTopic(self.name, self.partitions, 1, config={"retention.ms": "-1"})
        admin.create_topics([topic])[self.name].result(10)
        producer = Producer(address)
        for partition, timestamp, key, value in self.records:
            # A timestamp of 0 means now to this client.
            producer.produce(self.name, value.encode(), key=key, partition=partition, timestamp=max(timestamp, 1))
        producer.flush(10)


def topic_of(block):
    name = block.arguments.split()[0]
    partitions = int((re.search(r"partitions (\d+)", block.arguments) or [0, 1])[1])
    records = []
    for number, line in enumerate(block.lines):
        partition, timestamp, key = number % partitions, 0, None
        while found := re.match(r"(p\d+|@\d+|key=\S+) ", line):
            word = found[1]
            if word[0] == "p":
                partition = int(word[1:])
            elif word[0] == "@":
                timestamp = int(word[1:])
            else:
                key = word[4:].encode()
            line = line[found.end():]
        records.append((partition, timestamp, key, line))
    return Topic(name, partitions, records)
