"""kcat (librdkafka 2.0) against the Kafka port: list, produce, consume."""
import subprocess

import pytest


def kcat(address, *arguments, given=""):
    command = ["kcat", "-b", address, "-X", "topic.metadata.refresh.interval.ms=500", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def consume(address, topic, *arguments, form="%s\n"):
    return kcat(address, "-C", "-t", topic, "-e", "-q", "-f", form, *arguments).splitlines()


def test_list_names_the_broker_and_the_topic(address, topic):
    kcat(address, "-P", "-t", topic, given="x\n")
    listed = kcat(address, "-L")
    assert f"broker 1 at {address} (controller)" in listed
    assert f'topic "{topic}" with 1 partitions' in listed
    assert "leader 1, replicas: 1, isrs: 1" in listed


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_keys_values_and_headers_come_back(address, topic, compression):
    lines = "".join(f"key{i}:value {i} {'x' * i}\n" for i in range(200))
    kcat(address, "-P", "-t", topic, "-K:", "-H", "trace=abc", "-H", "empty=", "-z", compression, given=lines)
    got = consume(address, topic, form="%o %k:%s %h\n")
    assert got == [f"{i} key{i}:value {i} {'x' * i} trace=abc,empty=" for i in range(200)]


def test_null_values_and_empty_keys(address, topic):
    kcat(address, "-P", "-t", topic, "-K:", "-Z", given="deleted:\n:unkeyed\n")
    assert consume(address, topic, form="%K %S\n") == ["7 -1", "-1 7"]


def test_reading_from_an_offset_and_from_the_end(address, topic):
    kcat(address, "-P", "-t", topic, given="".join(f"{i}\n" for i in range(10)))
    assert consume(address, topic, "-o", "7") == ["7", "8", "9"]
    assert consume(address, topic, "-o", "-2") == ["8", "9"]
    assert consume(address, topic, "-o", "end") == []


def test_reading_from_a_time(address, topic):
    kcat(address, "-P", "-t", topic, given="a\nb\n")
    stamps = consume(address, topic, form="%T\n")
    assert consume(address, topic, "-o", f"s@{stamps[0]}")[0] == "a"
    assert consume(address, topic, "-o", f"s@{int(stamps[-1]) + 1000}") == []
    assert kcat(address, "-Q", "-t", f"{topic}:0:{stamps[0]}").strip() == f"{topic} [0] offset 0"


def test_an_idempotent_producer(address, topic):
    kcat(address, "-P", "-t", topic, "-X", "enable.idempotence=true", given="".join(f"{i}\n" for i in range(1000)))
    assert consume(address, topic) == [str(i) for i in range(1000)]


def test_a_group_goes_on_where_it_stopped(address, topic):
    kcat(address, "-P", "-t", topic, given="a\nb\n")
    group = ["-G", f"group-{topic}", "-q", "-e", "-f", "%s\n", "-X", "auto.offset.reset=earliest", topic]
    assert kcat(address, *group).split() == ["a", "b"]
    kcat(address, "-P", "-t", topic, given="c\n")
    assert kcat(address, *group).split() == ["c"]


def test_large_records(address, topic):
    line = "y" * 900_000
    kcat(address, "-P", "-t", topic, given=f"{line}\nsmall\n")
    assert consume(address, topic) == [line, "small"]
