"""kill -9 at random moments under load, start again, and compare with what an oracle says: nothing acknowledged is
lost, no row is counted twice."""
import collections
import os
import random
import sys
import threading
import time
import urllib.error

from cassandra.cluster import Cluster
from support.kafka_log import read_topic
from support.oracle import assert_each_once
from support.paged_api import PER_PAGE, PagedApi, record
from support.process import Penstock, wait_until

KILLS = int(os.environ.get("PENSTOCK_CRASHES", "5"))
SEED = int(os.environ.get("PENSTOCK_SEED", str(random.randrange(1 << 30))))

PIPELINE = """
pipeline: crash
sources:
  pages:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: {rate} records per 1s
    key: /id
    topic: items
  posted:
    webhook: {{ path: posted }}
    key: /id
    topic: posts
topics:
  items: {{ partitions: 3, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
  posts: {{ partitions: 2, schema: "id STRING, n BIGINT" }}
queries:
  all_items:
    sql: SELECT id, n, upper(kind) AS kind FROM items
    into: crash.all_items
    key: [id]
  per_kind:
    sql: SELECT kind, count(*) AS items, sum(n) AS total FROM items GROUP BY kind
    into: crash.per_kind
    key: [kind]
  per_minute:
    watermark: {{ column: at, delay: 6h }}
    sql: |
      SELECT window.start AS minute, kind, count(*) AS items
      FROM items
      GROUP BY window(at, '1 minute'), kind
    into: crash.per_minute
    key: [kind, minute]
  all_posts:
    sql: SELECT id, n FROM posts
    into: crash.all_posts
    key: [id]
"""


class Poster(threading.Thread):
    """Posts numbered records one after another, and remembers which were acknowledged."""

    def __init__(self, penstock):
        super().__init__(daemon=True)
        self.penstock, self.acknowledged, self.sent, self.ended = penstock, set(), 0, threading.Event()

    def run(self):
        while not self.ended.is_set():
            number = self.sent
            self.sent += 1
            try:
                answer = self.penstock.call("POST", "/ingest/posted", {"id": f"post-{number}", "n": number})
                if answer["acknowledged"] == 1:
                    self.acknowledged.add(f"post-{number}")
            except (OSError, urllib.error.URLError):
                time.sleep(0.02)  # the server is down: that is what this test is about


def test_killed_at_random_moments(tmp_path):
    print(f"PENSTOCK_SEED={SEED}", file=sys.stderr)
    chance = random.Random(SEED)
    rate = 2000
    pages = max(40, rate * KILLS * 2 // 3 // PER_PAGE)
    api = PagedApi(pages)
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "crash.yaml").write_text(PIPELINE.format(port=api.port, rate=rate))
    penstock = Penstock(folder, tmp_path / "data").start()
    poster = Poster(penstock)
    poster.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 1.0))
        penstock.kill()
        penstock.start(wait=False)
        if chance.random() < 0.8:
            penstock.wait_ready()
    penstock.wait_ready()
    poster.ended.set()
    poster.join()

    cluster = Cluster(["127.0.0.1"], port=penstock.ports["cql"])
    cql = cluster.connect().execute
    expected = [record(page, index) for page in range(pages) for index in range(PER_PAGE)]
    wait_until(lambda: penstock.topic_records("items") >= len(expected), "all pages in the topic", 300, 0.2)
    for name in ("all_items", "per_kind", "per_minute", "all_posts"):
        wait_until(lambda: penstock.query(name)["state"] == "running" and penstock.query(name)["lag"] == 0,
                   f"{name} caught up", 120, 0.1)

    assert_each_once((key for key, _ in read_topic(penstock.ports["kafka"], "items")), (r["id"] for r in expected))

    rows = {row[0]: (row[1], row[2]) for row in cql("SELECT id, n, kind FROM crash.all_items")}
    assert rows == {r["id"]: (r["n"], r["kind"].upper()) for r in expected}

    kinds = collections.Counter(r["kind"] for r in expected)
    totals = collections.Counter()
    for r in expected:
        totals[r["kind"]] += r["n"]
    rows = {row[0]: (row[1], row[2]) for row in cql("SELECT kind, items, total FROM crash.per_kind")}
    assert rows == {kind: (kinds[kind], totals[kind]) for kind in kinds}

    minutes = collections.Counter((r["kind"], r["at"][:16]) for r in expected)
    rows = cql("SELECT kind, minute, items FROM crash.per_minute")
    assert {(kind, minute.strftime("%Y-%m-%dT%H:%M")): items for kind, minute, items in rows} == minutes

    posts = collections.Counter(key for key, _ in read_topic(penstock.ports["kafka"], "posts"))
    assert poster.acknowledged, "no post was ever acknowledged: the test tested nothing"
    assert set(posts) >= poster.acknowledged, sorted(poster.acknowledged - set(posts))[:5]
    assert max(posts.values()) == 1
    rows = {row[0] for row in cql("SELECT id FROM crash.all_posts")}
    assert rows == set(posts)
    cluster.shutdown()
    assert penstock.stop() == 0
    api.stop()
