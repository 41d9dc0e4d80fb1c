#!/usr/bin/env python3
"""The embedded tables beside Apache Cassandra, on one machine in one run, with latte as the load for both.

  bench/tables.py [--only insert,read,range,start] [--pairs durable,written] [--seconds 20] [--start-rows 10000000]
                  [--json FILE]
  bench/tables.py --seconds 4 --start-rows 500000      # the short form, about three minutes

latte (latte-cli 0.29.0, from crates.io; its driver is Rust's scylla) is compiled into the cache when it is not there, which
takes some ten minutes on two cores. Its work is the script tables.rn: prepared inserts of rows of about 130 bytes, point
reads of such rows by key, and 100 rows from anywhere in a partition of 1,000.

Two pairs, by what an acknowledgement means: "durable" is Cassandra's commitlog_sync: batch against ours, which is our
default: fsync comes first. "written" is Cassandra's default, periodic, on both sides: in the page cache, fsync within 10 s.
Reads are measured in the second pair alone. One server runs at a time. Each work is first done for twice --seconds
without being measured, so that Cassandra's JVM has compiled it; then as fast as it goes with --in-flight requests on
--connections; then at a fixed rate, a third of what Cassandra took in this run, for the latencies. Cassandra has --heap and
the JVM's options of its release; both sides have their defaults besides. The rows that reads choose from fit into the memory of both.

Operations per CPU-second: user and system time of the server's processes, all of them, so that what the load costs does not
count; for inserts with what the server does in the two seconds after. latte checks no values: that no request failed and that
each had its number of rows is checked here. It counts a latency from the sending of a request, so a server that stalls at
the fixed rate shows in the share of the rate that was held, which is printed when it is below 98 %.

"start" is Penstock alone: from the process to the answer of a first query by key, median of five, with --start-rows rows
on disk (the operating system's cache is as the filling left it), and the memory it has then.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/real"), str(ROOT / "tests")]
os.environ.setdefault("REAL_RUN", f"/tmp/penstock-bench-{os.getpid()}")
from conftest import System  # noqa: E402
from machine import TICKS, cpu_seconds, machine, resident_mb  # noqa: E402
from support.cql_probe import CqlProbe  # noqa: E402
from support.process import Penstock, free_port, wait_until  # noqa: E402

CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
LATTE_VERSION = "0.29.0"
LATTE = CACHE / f"latte-{LATTE_VERSION}/bin/latte"
WORKS = ("insert", "read", "range")
ROWS_OF = {"insert": 0, "read": 1, "range": 100}
BATCH_ROWS, PARTITION_ROWS = 50, 1000  # as in tables.rn
SETTLE_S = 2
CASSANDRA = "Cassandra 5.0.9"


def compile_latte():
    if not LATTE.exists():
        print(f"compiling latte-cli {LATTE_VERSION} into {LATTE.parent.parent}", flush=True)
        subprocess.run(["cargo", "install", "latte-cli", "--version", LATTE_VERSION, "--locked", "--quiet",
                        "--root", LATTE.parent.parent], env={**os.environ, "CARGO_HOME": str(CACHE / "cargo")}, check=True)
    told = subprocess.run([LATTE, "--version"], capture_output=True, text=True, check=True).stdout
    assert LATTE_VERSION in told, f"{LATTE} is {told.strip()}"


class Server:
    """What is measured: a port, a process, and latte on it."""

    def __init__(self, name, port, pid, arguments):
        self.name, self.port, self.pid, self.arguments = name, port, pid, arguments
        self.cycle = 1_000_000_000  # inserts after those of the filling

    def latte(self, command, *options):
        parameters = {"rows": self.arguments.rows, "partitions": self.arguments.partitions}
        script = ROOT / "bench/tables.rn"
        given = [text for name, value in parameters.items() for text in ("-P", f"{name}={value}")]
        done = subprocess.run([LATTE, command, *given, *map(str, options), script, f"127.0.0.1:{self.port}"],
                              capture_output=True, text=True, timeout=3600, cwd=os.environ["REAL_RUN"])
        assert done.returncode == 0, f"latte {command} {options}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def run(self, work, duration, rate=None, in_flight=None):
        """latte's own figures of a run of seconds ("5s") or of so many cycles."""
        report = pathlib.Path(os.environ["REAL_RUN"]) / "latte.json"
        options = ["--quiet", "--functions", work, "--duration", duration, "--warmup", 1, "--start-cycle", self.cycle,
                   "--connections", self.arguments.connections, "--concurrency", in_flight or self.arguments.in_flight,
                   "--threads", self.arguments.threads, "--request-timeout", "60s", "--output", report]
        if rate:
            options += ["--rate", rate]
        self.latte("run", *options)
        result = json.loads(report.read_text())["result"]
        assert not result["errors"] and result["error_count"] == 0, result["errors"][:3]
        if work in ROWS_OF:
            assert result["row_count"] == ROWS_OF[work] * result["request_count"] > 0 or work == "insert", (work, result)
            self.cycle += result["cycle_count"] + 1
        return result

    def fill(self, work, rows):
        """Every row once: the cycles of tables.rn's batches, from 0."""
        before, self.cycle = self.cycle, 0
        result = self.run(work, rows // BATCH_ROWS, in_flight=64)
        self.cycle = before
        assert result["cycle_count"] == rows // BATCH_ROWS, result["cycle_count"]


@contextlib.contextmanager
def penstock(sync, arguments):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-tables-"))
    (folder / "p").mkdir()
    try:
        with Penstock(folder / "p", folder / "data", ["--commitlog-sync", sync]) as process:
            yield Server("Penstock", process.ports["cql"], process.process.pid, arguments)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def cassandra(sync, arguments):
    port = free_port()
    system = System("cassandra.sh", "cassandra", {
        "CASSANDRA_PORT": port, "CASSANDRA_STORAGE_PORT": free_port(), "CASSANDRA_JMX_PORT": free_port(),
        "CASSANDRA_HEAP": arguments.heap, "CASSANDRA_GC": "shipped", "CASSANDRA_SYNC": sync})
    try:
        system("start")
        pid = int((pathlib.Path(os.environ["REAL_RUN"]) / f"cassandra-127.0.0.1-{port}/pid").read_text())
        yield Server(CASSANDRA, port, pid, arguments)
    finally:
        system("wipe")


def percentiles(result):
    """latte has these, in milliseconds, between 0, 1, 2, 5, 10, 25 and 75, 90, 95, 98; 99.9, 99.99, 100."""
    values = [one["value"] for one in result["request_latency"]["percentiles"]]
    assert len(values) == 15, len(values)
    return {"p50_ms": values[6], "p99_ms": values[11]}


def throughput(server, work, seconds):
    before = cpu_seconds(server.pid)
    report = server.run(work, f"{seconds}s")
    if work == "insert":
        time.sleep(SETTLE_S)
    used = max(cpu_seconds(server.pid) - before, 1 / TICKS)
    return {"per_s": report["request_count"] / report["elapsed_time_s"], "per_cpu_s": report["request_count"] / used,
            **percentiles(report)}


def latency(server, work, rate, seconds):
    report = server.run(work, f"{seconds}s", rate=rate)
    return {"rate": rate, "held": report["request_count"] / report["elapsed_time_s"] / rate, **percentiles(report)}


def measured(server, works, rates):
    """All works on one server; rates: those of Cassandra, which it gives when it is the one that is measured."""
    arguments, found = server.arguments, {}
    server.latte("schema")
    if "read" in works:
        server.fill("fill_people", arguments.rows)
    if "range" in works:
        server.fill("fill_events", arguments.partitions * PARTITION_ROWS)
    for work in works:
        server.run(work, f"{2 * arguments.seconds}s")
        found[work] = throughput(server, work, arguments.seconds)
        rate = rates.setdefault(work, max(round(found[work]["per_s"] / 3), 1))
        found[work]["latency"] = latency(server, work, rate, arguments.seconds)
    found["resident_mb"] = resident_mb(server.pid)
    return found


def show(label, theirs, ours):
    by_cpu, by_time = (ours[key] / theirs[key] for key in ("per_cpu_s", "per_s"))
    p99 = ours["latency"]["p99_ms"] / theirs["latency"]["p99_ms"]
    print(f"  {label}, as fast as it goes")
    for name, side in ((CASSANDRA, theirs), ("Penstock", ours)):
        print(f"    {name:15} {side['per_s']:10,.0f}/s {side['per_cpu_s']:10,.0f}/CPU-s   p50 {side['p50_ms']:7.2f} ms   "
              f"p99 {side['p99_ms']:7.2f} ms")
    print(f"    {'':15} {by_cpu:.1f}x by CPU (aim 5x), {by_time:.1f}x by time")
    print(f"  {label}, {theirs['latency']['rate']:,} a second")
    for name, side in ((CASSANDRA, theirs["latency"]), ("Penstock", ours["latency"])):
        held = "" if side["held"] >= 0.98 else f"   held {side['held']:.0%} of the rate"
        print(f"    {name:15} p50 {side['p50_ms']:7.2f} ms   p99 {side['p99_ms']:7.2f} ms{held}")
    print(f"    {'':15} p99 {p99:.2f} of Cassandra's (aim 0.33)", flush=True)
    return {"by_cpu": by_cpu, "by_time": by_time, "p99_ratio": p99}


def pair(arguments, results, meaning, sync, works):
    found, rates = {}, {}
    for start in (cassandra, penstock):
        with start(sync, arguments) as server:
            found[server.name] = measured(server, works, rates)
    theirs, ours = found[CASSANDRA], found["Penstock"]
    for work in works:
        label = f"{work}, {meaning}"
        results[label] = {"Cassandra": theirs[work], "Penstock": ours[work], **show(label, theirs[work], ours[work])}
    results[f"resident_mb, {meaning}"] = {"Cassandra": theirs["resident_mb"], "Penstock": ours["resident_mb"]}
    print(f"  memory afterwards: {CASSANDRA} {theirs['resident_mb']:,.0f} MiB (heap {arguments.heap}), "
          f"Penstock {ours['resident_mb']:,.0f} MiB", flush=True)


def starts(process, query):
    """Seconds from the process to its first answer, five times, and MiB that it has then."""
    times, memory = [], []
    for _ in range(5):
        begin = time.monotonic()
        process.start(wait=False)
        wait_until(lambda: CqlProbe(process.ports["cql"]).row_count(query) == 1, "an answer", 120, pause=0.001)
        times.append(time.monotonic() - begin)
        process.wait_ready()
        memory.append(resident_mb(process.process.pid))
        process.stop()
    return times, statistics.median(memory)


def start(arguments, results):
    rows = arguments.start_rows
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-tables-"))
    (folder / "p").mkdir()
    try:
        with Penstock(folder / "p", folder / "data", ["--commitlog-sync", "periodic"]) as process:
            server = Server("Penstock", process.ports["cql"], process.process.pid, arguments)
            server.latte("schema")
            begin = time.monotonic()
            server.fill("fill_people", rows)
            filling = time.monotonic() - begin
            process.stop()
            times, memory = starts(process, f"SELECT id FROM bench.people WHERE id = {rows // 2}")
        size = sum(file.stat().st_size for file in (folder / "data/tables").rglob("*") if file.is_file()) / 2**20
    finally:
        shutil.rmtree(folder)
    took = statistics.median(times)
    results["start"] = {"rows": rows, "fill_s": filling, "start_s": took, "all_s": times, "resident_mb": memory,
                        "disk_mb": size}
    print(f"  start to first query with {rows:,} rows, {size:,.0f} MiB on disk: {took * 1000:.0f} ms "
          f"({min(times) * 1000:.0f} to {max(times) * 1000:.0f}; aim 100), {memory:.0f} MiB resident; "
          f"filled in {filling:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="insert,read,range,start", help="insert, read, range, start")
    parser.add_argument("--pairs", default="durable,written", help="durable, written")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement; each has twice as many before it")
    parser.add_argument("--rows", type=int, default=100_000, help="that point reads choose from")
    parser.add_argument("--partitions", type=int, default=100, help="of 1,000 rows, that range reads choose from")
    parser.add_argument("--start-rows", type=int, default=10_000_000)
    parser.add_argument("--in-flight", type=int, default=128, help="requests of each of latte's threads")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1, help="latte's")
    parser.add_argument("--heap", default="4G", help="Cassandra's")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    wanted, pairs, results = arguments.only.split(","), arguments.pairs.split(","), {}
    run = pathlib.Path(os.environ["REAL_RUN"])
    run.mkdir(parents=True, exist_ok=True)
    compile_latte()
    subprocess.run([ROOT / "tests/real/cassandra.sh", "fetch"], check=True)
    print(f"{machine()}; {arguments.seconds} s a measurement, {arguments.in_flight} in flight on {arguments.connections} "
          "connections", flush=True)
    if "durable" in pairs and "insert" in wanted:
        pair(arguments, results, "durable", "batch", ["insert"])
    works = [work for work in WORKS if work in wanted]
    if "written" in pairs and works:
        pair(arguments, results, "written", "periodic", works)
    if "start" in wanted:
        start(arguments, results)
    shutil.rmtree(run, ignore_errors=True)
    results["load"] = os.getloadavg()[0]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
