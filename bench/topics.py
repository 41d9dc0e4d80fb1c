#!/usr/bin/env python3
"""Topics beside Apache Kafka, on one machine in one run, with Kafka's own performance tools as the load for both.

  bench/topics.py [--only produce,durable,latency,partitions,connections] [--records 1000000] [--rounds 3] [--full]
                  [--json FILE]

Two pairs of brokers, by what an acknowledgement means: "page cache" is Kafka's default (written, not flushed) against
--fsync memory; "durable" is Kafka with flush.messages=1 on the topic against --fsync durable, which is our default. One
broker runs at a time, in turns; what is told is the median of the rounds, and the least and most of a round's ratio.
CPU-seconds are user and system time of the broker's whole process, so that what the load costs does not count; Kafka's JVM
is warmed with a tenth of the records first, and so is the machine's memory. Latencies are whole milliseconds, as the tool
tells them.
Without --full: 200 B and 1 KB, one and eight partitions, acks=all, none and lz4, fewer combinations.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/real"), str(ROOT / "tests")]
os.environ.setdefault("REAL_RUN", f"/tmp/penstock-bench-{os.getpid()}")
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
from conftest import System  # noqa: E402
from machine import TICKS, cpu_seconds, machine, resident_mb, warm_memory  # noqa: E402
from support.process import Penstock, free_port, wait_until  # noqa: E402

CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
TOOLS = ["java", "-Xmx512m", "-Dlog4j2.level=ERROR", "-cp", f"{CACHE}/kafka-4.3.1/lib/*"]


class Broker:
    """What is measured: an address, a process, and settings that topics get."""

    def __init__(self, name, address, pid, topic_settings):
        self.name, self.address, self.pid, self.topic_settings = name, address, pid, topic_settings
        self.admin = AdminClient({"bootstrap.servers": address, "log_level": 0})

    def create(self, topic, partitions):
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=self.topic_settings)],
                                 request_timeout=600)[topic].result(600)

    def remove(self, topic):
        self.admin.delete_topics([topic])[topic].result(120)


@contextlib.contextmanager
def penstock(fsync):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-topics-"))
    (folder / "p").mkdir()
    with Penstock(folder / "p", folder / "data", ["--fsync", fsync]) as process:
        yield Broker("Penstock", f"127.0.0.1:{process.ports['kafka']}", process.process.pid, {})
    shutil.rmtree(folder)


@contextlib.contextmanager
def kafka(fsync):
    port = free_port()
    system = System("kafka.sh", "kafka-4.3.1", {"KAFKA_MODE": "kraft", "KAFKA_PORT": port,
                                                "KAFKA_CONTROLLER_PORT": free_port()})
    system("start")
    try:
        pid = int((pathlib.Path(os.environ["REAL_RUN"]) / f"kafka-{port}/pid").read_text())
        settings = {"flush.messages": "1"} if fsync == "durable" else {}
        yield Broker("Kafka 4.3.1", f"127.0.0.1:{port}", pid, settings)
    finally:
        system("wipe")


def tool(name, *arguments):
    done = subprocess.run([*TOOLS, f"org.apache.kafka.tools.{name}", *map(str, arguments)], capture_output=True, text=True,
                          timeout=1200)
    assert done.returncode == 0, f"{name} {arguments}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def produce(broker, topic, records, size, acks, compression, throughput=-1, linger_ms=5, warm_up=0):
    """The tool's last line: of all records, or of those behind the first warm_up ones."""
    out = tool("ProducerPerformance", "--bootstrap-server", broker.address, "--topic", topic, "--num-records", records,
               "--record-size", size, "--throughput", throughput, *(["--warmup-records", warm_up] if warm_up else []),
               "--command-property", f"acks={acks}", f"compression.type={compression}", "batch.size=65536",
               f"linger.ms={linger_ms}", "buffer.memory=67108864")
    return [line for line in out.splitlines() if "records sent" in line][-1]


def rate(line):
    return float(re.search(r"([\d.]+) records/sec", line)[1])


def consume(broker, topic, records):
    out = tool("ConsumerPerformance", "--bootstrap-server", broker.address, "--topic", topic, "--num-records", records,
               "--timeout", 120000, "--hide-header")
    return float(out.splitlines()[-1].split(",")[9])  # fetch.nMsg.sec: without the time to join


def measured(broker, records, work):
    before = cpu_seconds(broker.pid)
    records_per_s = work()
    used = max(cpu_seconds(broker.pid) - before, 1 / TICKS)
    return {"records_per_s": records_per_s, "records_per_cpu_s": records / used}


def throughput(broker, arguments, case):
    size, partitions, acks, compression = case
    topic = "bench"
    broker.create(topic, partitions)
    produce(broker, topic, max(arguments.records // 10, 1000), size, acks, compression)
    warm_memory()
    made = measured(broker, arguments.records, lambda: rate(produce(broker, topic, arguments.records, size, acks, compression)))
    read = measured(broker, arguments.records, lambda: consume(broker, topic, arguments.records))
    broker.remove(topic)
    return {"produce": made, "consume": read}


def cases(arguments):
    if arguments.full:
        return [(size, partitions, acks, compression) for size in (200, 1024) for partitions in (1, 8)
                for acks in ("1", "all") for compression in ("none", "lz4")]
    return [(200, 1, "all", "none"), (200, 8, "1", "lz4"), (1024, 8, "all", "none")]


def medians(rounds):
    return {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}


def show(label, theirs, ours, aim):
    """Of both, what each round measured."""
    ratios = [our["records_per_cpu_s"] / their["records_per_cpu_s"] for their, our in zip(theirs, ours)]
    kafkas, ourselves = medians(theirs), medians(ours)
    by_cpu, by_time = (ourselves[figure] / kafkas[figure] for figure in ("records_per_cpu_s", "records_per_s"))
    print(f"  {label:52} Kafka {kafkas['records_per_s']:10,.0f}/s {kafkas['records_per_cpu_s']:10,.0f}/CPU-s   "
          f"Penstock {ourselves['records_per_s']:10,.0f}/s {ourselves['records_per_cpu_s']:10,.0f}/CPU-s   "
          f"{by_cpu:5.1f}x by CPU ({min(ratios):.1f} to {max(ratios):.1f}, aim {aim}), {by_time:4.1f}x by time", flush=True)
    return {"Kafka": kafkas, "Penstock": ourselves, "by_cpu": by_cpu, "by_time": by_time, "by_cpu_of_rounds": ratios}


def throughputs(arguments, results, fsync, meaning, aims):
    found = collections.defaultdict(list)
    for _ in range(arguments.rounds):
        for start in (kafka, penstock):
            with start(fsync) as broker:
                for case in cases(arguments):
                    for work, measurement in throughput(broker, arguments, case).items():
                        found[broker.name, case, work].append(measurement)
    for case in cases(arguments):
        size, partitions, acks, compression = case
        for work in ("produce", "consume"):
            label = f"{work}, {meaning}, {size} B, {partitions} p., acks={acks}, {compression}"
            results[label] = show(label, found["Kafka 4.3.1", case, work], found["Penstock", case, work], aims[work])


# What an acknowledgement means, records/s, and how long the producer waits for more before it sends (5 ms is its default,
# and both brokers' latencies have it in them). Kafka holds all of them.
LOADS = [("durable", 10_000, 5), ("durable", 10_000, 0), ("memory", 10_000, 5), ("memory", 10_000, 0), ("memory", 40_000, 0)]


def latency(results):
    """From send to acknowledgement, 1 KB, acks=all, eight partitions, behind 5 s in which the JVMs get warm. "Alone" is the
    same producer with acks=0: to its own socket, whatever the broker does, so what no broker can be below."""
    def milliseconds(broker, load, linger_ms, acks="all"):
        line = produce(broker, "bench", load * 20, 1024, acks, "none", load, linger_ms, warm_up=load * 5)
        return [int(re.search(rf"(\d+) ms {part}th", line)[1]) for part in ("50", "99", "99.9")]

    found, alone = {}, {}
    for fsync in ("durable", "memory"):
        for start in (kafka, penstock):
            with start(fsync) as broker:
                broker.create("bench", 8)
                warm_memory()
                for load in (each for each in LOADS if each[0] == fsync):
                    found[broker.name, *load] = milliseconds(broker, *load[1:])
                    if broker.name == "Penstock":
                        alone[load] = milliseconds(broker, *load[1:], acks="0")
    for load in LOADS:
        theirs, ours = found["Kafka 4.3.1", *load], found["Penstock", *load]
        results["latency_ms, {}, {} records/s, linger {} ms".format(*load)] = {"Kafka": theirs, "Penstock": ours,
                                                                              "the producer alone": alone[load]}
        print("  latency, {:10} {:6,} records/s, linger {} ms: p50, p99, p99.9   Kafka {:2}, {:3}, {:3} ms   "
              "Penstock {:2}, {:3}, {:3} ms   alone {:2}, {:3}, {:3} ms   p99 {:.2f} of Kafka's (aim 0.5)".format(
                  "page cache" if load[0] == "memory" else load[0], *load[1:], *theirs, *ours, *alone[load],
                  ours[1] / theirs[1]), flush=True)


def partitions(results):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-topics-"))
    (folder / "p").mkdir()
    process = Penstock(folder / "p", folder / "data").start()
    Broker("Penstock", f"127.0.0.1:{process.ports['kafka']}", 0, {}).create("many", 10_000)
    process.stop()
    begin = time.monotonic()
    process.start()
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{process.ports['kafka']}"})
    wait_until(lambda: len(admin.list_topics("many", timeout=10).topics["many"].partitions) == 10_000, "all of them", 60)
    took, memory = time.monotonic() - begin, resident_mb(process.process.pid)
    process.stop()
    shutil.rmtree(folder)
    results["10000_partitions"] = {"start_s": took, "resident_mb": memory}
    print(f"  10,000 partitions: starts and answers in {took:.2f} s, {memory:.0f} MiB resident", flush=True)


def connections(results):
    with penstock("durable") as broker:
        before = resident_mb(broker.pid)
        host, port = broker.address.split(":")
        # ApiVersions 0, so that each connection has been served once.
        request = bytes.fromhex("0000000e" "0012" "0000" "00000001" "0004") + b"test"
        open_ones = []
        for _ in range(1000):
            one = socket.create_connection((host, int(port)))
            one.sendall(request)
            assert one.recv(4096)
            open_ones.append(one)
        memory = resident_mb(broker.pid)
        for one in open_ones:
            one.close()
    results["1000_connections_mb"] = memory - before
    print(f"  1,000 idle connections: {memory - before:.1f} MiB more, {memory:.0f} MiB resident", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="produce,durable,latency,partitions,connections",
                        help="produce (with consume), durable, latency, partitions, connections")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="of produce and durable")
    parser.add_argument("--full", action="store_true", help="every combination")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    wanted, results = arguments.only.split(","), {}
    subprocess.run([ROOT / "tests/real/kafka.sh", "fetch"], check=True)
    print(f"{machine()}; {arguments.records:,} records a case", flush=True)
    if "produce" in wanted:
        throughputs(arguments, results, "memory", "page cache", {"produce": "3x", "consume": "1.5x"})
    if "durable" in wanted:
        throughputs(arguments, results, "durable", "durable", {"produce": "10x", "consume": "1.5x"})
    for name, work in (("latency", latency), ("partitions", partitions), ("connections", connections)):
        if name in wanted:
            work(results)
    results["load"] = os.getloadavg()[0]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
