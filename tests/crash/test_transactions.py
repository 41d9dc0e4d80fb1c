"""kill -9 under transactional producers, start again, and compare with a model: a transaction whose commit was
acknowledged is there as a whole, once and in order; one that was aborted is not; one of unknown outcome is there as a
whole or not at all."""
import collections
import os
import random
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from support.process import Penstock, wait_until

KILLS = int(os.environ.get("PENSTOCK_CRASHES", "5"))
SEED = int(os.environ.get("PENSTOCK_SEED", str(random.randrange(1 << 30))))
PARTITIONS = 2
RECORDS = 10  # of a transaction, over the partitions in turn
TOPIC = "ledger"


class Writer(threading.Thread):
    """One transaction after another, each committed or aborted; remembers what became of them."""

    def __init__(self, address, name, chance):
        super().__init__(daemon=True)
        self.address, self.name_, self.chance = address, name, chance
        self.committed, self.aborted, self.unknown, self.number = set(), set(), set(), 0
        self.ended, self.failure = threading.Event(), None

    def connect(self):
        while not self.ended.is_set():
            producer = Producer({"bootstrap.servers": self.address, "transactional.id": self.name_,
                                 "transaction.timeout.ms": 10_000, "linger.ms": 0,
                                 "reconnect.backoff.max.ms": 200, "log_level": 0})
            try:
                producer.init_transactions(20)
                return producer
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
        return None

    def transact(self, producer):
        number, commits = self.number, self.chance.random() < 0.7
        self.number += 1
        begun = False
        try:
            producer.begin_transaction()
            for i in range(RECORDS):
                producer.produce(TOPIC, f"{self.name_} {number} {i}", partition=i % PARTITIONS)
            begun = commits
            while True:
                try:
                    if commits:
                        producer.commit_transaction(20)
                        self.committed.add(number)
                    else:
                        producer.abort_transaction(20)
                        self.aborted.add(number)
                    return True
                except KafkaException as error:
                    if not error.args[0].retriable():
                        raise
        except KafkaException as error:
            if error.args[0].fatal() or not error.args[0].txn_requires_abort():
                (self.unknown if begun else self.aborted).add(number)
                return False
            # The client says that this transaction was not committed.
            producer.abort_transaction(30)
            self.aborted.add(number)
            return True

    def run(self):
        try:
            producer = self.connect()
            while not self.ended.is_set():
                try:
                    if not self.transact(producer):
                        producer = self.connect()
                except KafkaException:  # of abort_transaction: what became of it, a new producer decides
                    self.unknown.add(self.number - 1)
                    producer = self.connect()
        except BaseException as error:  # noqa: BLE001 - the test's thread shall see it
            self.failure = error


def read_committed(address):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "model", "enable.partition.eof": True,
                         "isolation.level": "read_committed", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
    seen, ended = {p: [] for p in range(PARTITIONS)}, set()
    while len(ended) < PARTITIONS:
        message = consumer.poll(30)
        assert message is not None
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            seen[message.partition()].append(message.value().decode().split())
    consumer.close()
    return seen


def check(writer, seen):
    counts = collections.Counter()
    for partition, records in seen.items():
        own = [(int(number), int(i)) for name, number, i in records if name == writer.name_]
        assert own == sorted(own), f"{writer.name_} out of order in partition {partition}"
        counts.update(own)
    assert not counts or max(counts.values()) == 1, "a record is there twice"
    whole = {number for number in range(writer.number) if all((number, i) in counts for i in range(RECORDS))}
    part = {number for number, _ in counts} - whole
    assert not part, f"transactions {part} are there in part"
    assert writer.committed <= whole, f"lost: {writer.committed - whole}"
    assert not writer.aborted & whole, f"aborted, and there: {writer.aborted & whole}"
    assert whole <= writer.committed | writer.unknown


def test_transactions_survive_kills(tmp_path):
    print(f"PENSTOCK_SEED={SEED}", file=sys.stderr)
    chance = random.Random(SEED)
    folder = tmp_path / "pipelines"
    folder.mkdir()
    penstock = Penstock(folder, tmp_path / "data").start()
    address = f"127.0.0.1:{penstock.ports['kafka']}"
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result()
    writers = [Writer(address, f"writer-{i}", random.Random(SEED + i)) for i in range(3)]
    for writer in writers:
        writer.start()

    def commits():
        return sum(len(writer.committed) for writer in writers)
    for _ in range(KILLS):
        before = commits()
        wait_until(lambda: commits() > before or any(w.failure for w in writers), "a commit", 120)
        time.sleep(chance.uniform(0.0, 0.5))  # the moment of the kill, at random
        penstock.kill()
        penstock.start(wait=False)
        penstock.wait_ready(60)
    before = commits()
    wait_until(lambda: commits() > before or any(w.failure for w in writers), "a commit after the last kill", 120)
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join(120)
        assert writer.failure is None, writer.failure
        assert not writer.is_alive()
    # Whoever comes after under the same id ends what a writer has left open.
    for writer in writers:
        writer.ended.clear()
        assert writer.connect()
    seen = read_committed(address)
    for writer in writers:
        check(writer, seen)
    assert sum(len(writer.aborted) for writer in writers) > 0
    penstock.stop()
