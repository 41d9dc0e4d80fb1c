"""Kafka Streams and Flink between two topics of the Kafka port, exactly once though they are killed. $PENSTOCK_KAFKA runs
them against another broker, such as a real Kafka: they expect the same of both."""
import collections
import subprocess

import pytest
from confluent_kafka import Producer
from support.process import wait_until
from test_kafka_tools import HERE, QUIET, address, committed, create, topic  # noqa: F401  (fixtures)

# What Flink's own scripts give the JVM: it serialises classes of the JDK.
OPENED = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "util", "time")]


def committed_values(address, topic):
    """Of each key, what a reader of committed records sees, in order."""
    values = collections.defaultdict(list)
    for message in committed(address, topic):
        values[message.key().decode()].append(int(message.value()))
    return values


def last_values(address, topic):
    return {key: values[-1] for key, values in committed_values(address, topic).items()}


def count_words_though_killed(address, topic, tmp_path, jars_script, program, options):
    """Starts the program, which counts the words of the topic into another, kills it twice amid its work, and waits until
    all words are counted. Returns how often each word was there, and the other topic."""
    jars = subprocess.run([HERE / jars_script], check=True, capture_output=True, text=True, timeout=600).stdout.strip()
    target = f"{topic}-counts"
    create(address, target)
    classes = tmp_path / "classes"
    subprocess.run(["javac", "-cp", f"{jars}/*", "-d", classes, HERE / f"java/{program}.java"], check=True, timeout=120)
    producer = Producer({"bootstrap.servers": address})
    expected = collections.Counter()

    def write(rounds):
        for i in range(rounds):
            words = [f"w{(i * k) % 17}" for k in range(1, 6)]
            expected.update(words)
            producer.produce(topic, " ".join(words), partition=i % 2)
        assert producer.flush(30) == 0

    def start():
        log = open(tmp_path / "program.log", "ab")
        return subprocess.Popen(["java", *QUIET, *OPENED, "-cp", f"{classes}:{jars}/*", program, address, topic, target,
                                 str(tmp_path / "state"), *options], stdout=log, stderr=log)

    def wait_while_it_runs(condition, what, timeout):
        def holds():
            if process.poll() is not None:
                raise RuntimeError(f"{program} has ended")
            return condition()
        wait_until(holds, what, timeout, 0.5)
    process = start()
    try:
        for _ in range(2):
            write(500)
            wait_while_it_runs(lambda: sum(last_values(address, target).values()) > 0.2 * sum(expected.values()),
                               "some of the words counted", 120)
            write(500)
            process.kill()
            process.wait()
            process = start()
        wait_while_it_runs(lambda: last_values(address, target) == expected, "all words counted, and once", 180)
    finally:
        process.terminate()
        process.wait(30)
        print((tmp_path / "program.log").read_text(errors="replace")[-3000:])
    return expected, target


def test_streams_word_count_is_exactly_once_though_it_is_killed(address, topic, tmp_path):
    count_words_though_killed(address, topic, tmp_path, "kafka_streams.sh", "StreamsWordCount", [])


@pytest.mark.parametrize("naming", ["INCREMENTING", "POOLING"])  # of transactional ids: by number, or those that are free
def test_flink_word_count_is_exactly_once_though_it_is_killed(address, topic, tmp_path, naming):
    expected, target = count_words_though_killed(address, topic, tmp_path, "flink.sh", "FlinkWordCount", [naming])
    # It writes every step, and each of them is there once.
    assert committed_values(address, target) == {word: list(range(1, count + 1)) for word, count in expected.items()}
