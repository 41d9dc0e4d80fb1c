#!/usr/bin/env python3
"""Measures the main job: time to the first row, idle memory, installed size, HTTP to acknowledged, a backlog through
the query into the table, and the headline: CPU-seconds per million records from HTTP to table.

  bench/main_job.py [--records 1000000] [--only first_row,idle,size,backlog,headline] [--json FILE]

What is acknowledged from HTTP is the backlog's beginning: --only backlog measures both. The API is the built-in replica
in a process of its own, so its cost is not counted as the pipeline's. CPU-seconds are user and system time of the whole
Penstock process, compaction and fsync threads included.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from machine import machine, processor  # noqa: E402
from support.cql_probe import CqlProbe  # noqa: E402
from support.process import BINARY, Penstock, free_port, wait_until  # noqa: E402

# Measured with Kafka 3.9, Spark 3.5 and Cassandra 5.0 on two cores (docs/performance.md says how).
PEERS = {
    "Kafka + Spark + Cassandra, topic to table": 390.0,
    "Spark, parse and project only": 1e6 / 17_000,
    "Flink SQL, parse and project only": 1e6 / 19_000,
}

SOURCE = """pipeline: bench
sources:
  people:
    http:
      url: http://127.0.0.1:{port}/api/
      query: {{ results: 5000 }}
      records: /results
      every: 1ms
    key: /login/uuid
    topic: users_created
    autostart: {run_source}
topics:
  users_created: {{ partitions: 4, retention: 7d, format: json }}
"""
QUERY = """queries:
  created_users:
    sql: |
      SELECT login.uuid AS id, name.first AS first_name, name.last AS last_name, gender,
             concat_ws(', ', concat(CAST(location.street.number AS STRING), ' ', location.street.name),
                       location.city, location.state, location.country) AS address,
             CAST(location.postcode AS STRING) AS post_code, email, login.username AS username,
             CAST(dob.date AS TIMESTAMP) AS dob, CAST(registered.date AS TIMESTAMP) AS registered_date,
             phone, picture.medium AS picture
      FROM users_created
    into: spark_streams.created_users
    key: [id]
"""


class Replica:
    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([str(BINARY), "replica", "randomuser", "--port", str(self.port)],
                                        stdout=subprocess.DEVNULL)

    def __enter__(self):
        import socket
        wait_until(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None, "the replica")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def pipeline(folder, port, source=True, query=True):
    text = SOURCE.format(port=port, run_source="true" if source else "false") + (QUERY if query else "")
    (folder / "bench.yaml").write_text(text)


def fresh(where):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-bench-", dir=where))
    (folder / "p").mkdir()
    return folder


def first_row(arguments, results):
    """From exec to a row that a CQL client sees, on an empty directory, the built-in replica as the source."""
    times = []
    for _ in range(arguments.rounds):
        folder = fresh(arguments.directory)
        shutil.copy(ROOT / "examples/users/users.yaml", folder / "p/users.yaml")
        penstock = Penstock(folder / "p", folder / "data")
        start = time.monotonic()
        penstock.start(wait=False)

        def row():
            try:
                return CqlProbe(penstock.ports["cql"], 1).row_count(
                    "SELECT id FROM spark_streams.created_users LIMIT 1") == 1
            except RuntimeError:  # the table is not there yet
                return False
        wait_until(row, "a row over CQL", 30, 0.002)
        times.append(time.monotonic() - start)
        penstock.stop()
        shutil.rmtree(folder)
    results["first_row_s"] = statistics.median(times)
    print(f"  first row over CQL             {statistics.median(times):8.3f} s    median of {len(times)}, "
          f"{min(times):.3f} to {max(times):.3f}; limit 1 s, real systems over 60 s")


def idle(arguments, results):
    folder = fresh(arguments.directory)
    shutil.copy(ROOT / "examples/users/users.yaml", folder / "p/users.yaml")
    with Penstock(folder / "p", folder / "data") as penstock:
        wait_until(lambda: penstock.query("created_users")["stored"] > 0, "rows")
        penstock.call("POST", "/api/v1/sources/random_users/stop", {})
        time.sleep(3)
        before = penstock.cpu_seconds()
        time.sleep(5)
        results["idle_rss_mb"] = penstock.memory_bytes() / 2**20
        results["idle_cpu_percent"] = (penstock.cpu_seconds() - before) / 5 * 100
    shutil.rmtree(folder)
    print(f"  idle memory                    {results['idle_rss_mb']:8.1f} MiB  limit 100; "
          f"{results['idle_cpu_percent']:.1f} % of a core")


def size(_, results):
    stripped = pathlib.Path(tempfile.mkdtemp()) / "penstock"
    subprocess.run(["strip", "-o", str(stripped), str(BINARY)], check=True)
    results["installed_mb"] = stripped.stat().st_size / 2**20
    shutil.rmtree(stripped.parent)
    print(f"  installed size, with console   {results['installed_mb']:8.1f} MiB  limit 60")


def fill(penstock, records):
    """Runs the source until the topic has that many records; returns seconds of wall and CPU for each million."""
    wait_until(lambda: penstock.topic_records("users_created") > 0, "the first page")
    wall, cpu, start = time.monotonic(), penstock.cpu_seconds(), penstock.topic_records("users_created")
    wait_until(lambda: penstock.topic_records("users_created") >= start + records, "records in the topic", 600, 0.05)
    millions = (penstock.topic_records("users_created") - start) / 1e6
    wall, cpu = time.monotonic() - wall, penstock.cpu_seconds() - cpu
    return millions, wall, cpu


def stage_seconds(penstock, query):
    """CPU-seconds of the query's thread, by stage, from its metrics."""
    with urllib.request.urlopen(penstock.url("/metrics"), timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'penstock_stream_stage_cpu_microseconds_total\{query="(\w+)",stage="(\w+)"\} (\d+)', text)
    times = {stage: int(us) / 1e6 for name, stage, us in found if name == query}
    return {stage: times[stage] for stage in ("read", "decode", "evaluate", "write")}


def report(name, millions, wall, cpu, note):
    print(f"  {name:30} {millions * 1e6 / wall:8,.0f} records/s {cpu / millions:7.2f} CPU-s per million  {note}")


def ingest_and_backlog(arguments, results):
    folder = fresh(arguments.directory)
    with Replica() as replica:
        pipeline(folder / "p", replica.port, source=True, query=False)
        with Penstock(folder / "p", folder / "data") as penstock:
            millions, wall, cpu = fill(penstock, arguments.records)
            results["ingest"] = {"records_per_s": millions * 1e6 / wall, "cpu_s_per_million": cpu / millions}
            report("HTTP to acknowledged", millions, wall, cpu, "fsync before every acknowledgement")
    pipeline(folder / "p", 1, source=False, query=True)
    penstock = Penstock(folder / "p", folder / "data")
    wall = time.monotonic()
    penstock.start()
    total = penstock.topic_records("users_created")
    wait_until(lambda: penstock.query("created_users")["state"] == "running"
               and penstock.query("created_users")["lag"] == 0
               and penstock.query("created_users")["processed"] >= total, "the backlog processed", 600, 0.02)
    cpu, wall = penstock.cpu_seconds(), time.monotonic() - wall
    status = penstock.query("created_users")
    millions = status["processed"] / 1e6
    results["backlog"] = {"records_per_s": millions * 1e6 / wall, "cpu_s_per_million": cpu / millions}
    report("backlog, topic to table", millions, wall, cpu,
           f"{PEERS['Kafka + Spark + Cassandra, topic to table'] / (cpu / millions):.0f}x less than the real stack")
    for stage, seconds in stage_seconds(penstock, "created_users").items():
        results["backlog"][stage] = seconds / millions
        print(f"    {stage:28} {seconds / millions:8.2f} CPU-s per million, {millions * 1e6 / seconds:12,.0f} records "
              "per CPU-second, of the query's thread")
    time.sleep(2)
    settled = penstock.cpu_seconds()
    results["backlog"]["settled_cpu_s_per_million"] = settled / millions
    print(f"    with compaction, 2 s later   {settled / millions:8.3f} CPU-s per million")
    rows = penstock.sql("SELECT count(*) FROM spark_streams.created_users")[0][0]
    assert rows == status["processed"] - status["rejected"], (rows, status)
    penstock.stop()
    shutil.rmtree(folder)


def headline(arguments, results):
    folder = fresh(arguments.directory)
    with Replica() as replica:
        pipeline(folder / "p", replica.port)
        with Penstock(folder / "p", folder / "data") as penstock:
            wait_until(lambda: penstock.query("created_users")["stored"] > 0, "rows")
            stored, wall, cpu = penstock.query("created_users")["stored"], time.monotonic(), penstock.cpu_seconds()
            wait_until(lambda: penstock.query("created_users")["stored"] >= stored + arguments.records,
                       "rows in the table", 600, 0.05)
            millions = (penstock.query("created_users")["stored"] - stored) / 1e6
            wall, cpu = time.monotonic() - wall, penstock.cpu_seconds() - cpu
    shutil.rmtree(folder)
    results["headline"] = {"records_per_s": millions * 1e6 / wall, "cpu_s_per_million": cpu / millions}
    report("HTTP to table", millions, wall, cpu, "the headline; limit of this machine class 2.0 to 2.5")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", help="where the data goes; default: the temporary directory")
    parser.add_argument("--only", default="first_row,idle,size,backlog,headline")
    parser.add_argument("--json", help="append the results to this file, one line a run")
    arguments = parser.parse_args()
    print(machine())
    results = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": processor(), "cores": os.cpu_count()}
    steps = {"first_row": first_row, "idle": idle, "size": size, "backlog": ingest_and_backlog, "headline": headline}
    for name in arguments.only.split(","):
        steps[name](arguments, results)
    print("  peers, measured apart, CPU-s per million:")
    for peer, seconds in PEERS.items():
        print(f"    {peer:44} {seconds:6.1f}")
    if arguments.json:
        with open(arguments.json, "a") as out:
            out.write(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
