"""A transaction that a real Kafka leaves open although its coordinator says that nothing is: records of a transactional
producer whose partition the coordinator was never told of, as no client would send them."""
import contextlib

from kafka_wire import Broker, batch
from support.process import wait_until


def leave_open(address, transactional_id, records):
    """records: (topic, partition, key, value, headers). The broker must not verify partitions of transactions."""
    with contextlib.closing(Broker("Kafka", address)) as broker:
        producer = broker.ask("InitProducerId", 1, transactional_id=transactional_id, transaction_timeout_ms=60_000)
        assert producer["error_code"] == 0, producer
        for topic, partition, key, value, headers in records:
            data = batch(value, producer["producer_id"], producer["producer_epoch"], 0, True, key=key, headers=headers)

            def is_taken(topic=topic, partition=partition, data=data):
                answer = broker.ask("Produce", 7, transactional_id=transactional_id, acks=-1, timeout_ms=30_000,
                                    topic_data=[{"name": topic, "partition_data": [{"index": partition, "records": data}]}])
                told = answer["responses"][0]["partition_responses"][0]
                assert told["error_code"] == 0, told
                return True
            # That it verifies nothing any more, a broker learns a moment after it was told.
            wait_until(is_taken, f"Kafka taking a record of {topic}-{partition}", 30, 0.2)
