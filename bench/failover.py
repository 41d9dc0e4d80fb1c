#!/usr/bin/env python3
"""How long nothing moves when a process is killed: three Penstock processes over real ZooKeeper, Kafka and PostgreSQL.

  bench/failover.py [--kills 20] [--session 2s] [--json FILE]

One source feeds one query; each kill -9 takes the process that runs one of the two, in turn. A fail-over's time is from
the kill to the first row that the query has written since, as a consumer of its topic sees it: the end of the session,
the assignment, the take-over of the producer, the first request, the first commit. The killed process comes back before
the next kill. ZooKeeper cannot hold a process for dead before its session has ended, so the session is the floor; the
product's default is 6s.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/real"), str(ROOT / "tests")]
os.environ.setdefault("REAL_RUN", f"/tmp/penstock-bench-{os.getpid()}")
from cluster import Cluster  # noqa: E402
from conftest import System, kafka  # noqa: E402
from support.paged_api import PagedApi  # noqa: E402
from support.process import free_port, wait_until  # noqa: E402

PIPELINE = """
pipeline: failover
sources:
  pages:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      every: 20ms
    key: /id
    topic: items
topics:
  items: {{ partitions: 2, schema: "id STRING, n BIGINT" }}
  copied: {{ partitions: 2 }}
queries:
  copy:
    sql: SELECT id, n FROM items
    into: topic:copied
    key: [id]
"""


def one_failover(cluster, work):
    """Seconds from the kill of who runs the work to the first row after it; and when that stood still."""
    victim = cluster.owner(work)
    asked = next(m for m in cluster.members if m is not victim)
    victim.kill()
    killed = time.monotonic()
    # What was committed at the kill may still become visible; then nothing moves.
    still = asked.topic_records("copied")
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 0.5:
        now = asked.topic_records("copied")
        if now != still:
            still, quiet_since = now, time.monotonic()
        time.sleep(0.01)
    wait_until(lambda: asked.topic_records("copied") > still, f"rows after the kill of {work}", 120, 0.01)
    took = time.monotonic() - killed
    victim.start()
    cluster.wait_shared()
    wait_until(lambda: asked.topic_records("copied") > still + 200, "rows with all three", 60, 0.05)
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--session", default="2s")
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    api = PagedApi(10_000_000)
    zookeeper_port, postgres_port = free_port(), free_port()
    zookeeper = System("zookeeper.sh", "zookeeper", {"ZOOKEEPER_PORT": zookeeper_port})
    zookeeper.url = f"zookeeper://127.0.0.1:{zookeeper_port}"
    postgres = System("postgresql.sh", "postgresql", {"POSTGRES_PORT": postgres_port})
    postgres.url = f"postgresql://penstock:penstock@127.0.0.1:{postgres_port}/penstock"
    times = []
    starting = kafka("kraft", "4.3.1", {})
    try:
        zookeeper("start")
        postgres("start")
        topics = next(starting)
        with tempfile.TemporaryDirectory() as folder, \
                Cluster(pathlib.Path(folder) / "bench", PIPELINE.format(port=api.port), zookeeper, topics, postgres,
                        session=given.session) as cluster:
            wait_until(lambda: cluster.topic_records("copied") > 500, "the first rows", 60, 0.1)
            for number in range(given.kills):
                work = ("source/pages", "query/copy")[number % 2]
                times.append(one_failover(cluster, work))
                print(f"  kill {number + 1:2}  {work:13} {times[-1]:6.2f} s", flush=True)
    finally:
        starting.close()
        zookeeper("wipe")
        postgres("wipe")
        api.stop()
    result = {"session": given.session, "kills": len(times), "p50_s": statistics.median(times), "max_s": max(times),
              "min_s": min(times), "load": os.getloadavg()[0]}
    print(f"fail-over of {len(times)} kills, session {given.session}, load {result['load']:.1f}: "
          f"p50 {result['p50_s']:.2f} s, max {result['max_s']:.2f} s, min {result['min_s']:.2f} s")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
