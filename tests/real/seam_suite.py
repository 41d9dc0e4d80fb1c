"""One pipeline whose every row is known, on any combination of layers: what the rows are must not depend on which."""
import contextlib
import http.client
import json

from support.oracle import assert_each_once
from support.paged_api import PER_PAGE, PagedApi, record
from support.process import Penstock, wait_until

PIPELINE = """
pipeline: {name}
sources:
  {name}_pages:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      every: 50ms
    key: /id
    topic: {name}_items
  {name}_posted:
    webhook: {{ path: {name} }}
    key: /id
    topic: {name}_posts
topics:
  {name}_items: {{ partitions: 3, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP, name STRUCT<last: STRING>" }}
  {name}_posts: {{ partitions: 2, schema: "id STRING, n BIGINT" }}
queries:
  {name}_all_items:
    sql: SELECT id, n, upper(kind) AS kind, name.last AS last_name, at FROM {name}_items
    into: {name}.all_items
    key: [id]
  {name}_per_minute:
    watermark: {{ column: at, delay: 6h }}
    sql: |
      SELECT window.start AS minute, kind, count(*) AS items, sum(n) AS total
      FROM {name}_items
      GROUP BY window(at, '1 minute'), kind
    into: {name}.per_minute
    key: [kind, minute]
  {name}_all_posts:
    sql: SELECT id, n FROM {name}_posts
    into: {name}.all_posts
    key: [id]
"""
TABLES = {"all_items": "id, n, kind, last_name, at", "per_minute": "kind, minute, items, total", "all_posts": "id, n"}


class SeamRun:
    """A Penstock on some layers, fed by an API and by posts."""

    def __init__(self, name, folder, options):
        self.name, self.api, self.pages, self.posts, self.bad = name, PagedApi(0), 0, [], 0
        pipelines = folder / "pipelines"
        pipelines.mkdir(parents=True)
        (pipelines / "seam.yaml").write_text(PIPELINE.format(name=name, port=self.api.port))
        self.penstock = Penstock(pipelines, folder / "data", options)

    def close(self):
        self.penstock.stop()
        self.api.stop()

    def more_pages(self, count):
        self.pages += count
        self.api.last = self.pages

    def post(self, lines, good):
        """Posts until it is acknowledged, as a client does; what was acknowledged must be there in the end."""
        body = "\n".join(lines).encode()

        def acknowledged():
            try:
                answer = self.penstock.call("POST", f"/ingest/{self.name}", body,
                                            {"Content-Type": "application/x-ndjson"})
            except http.client.HTTPException as error:
                raise OSError("the connection broke") from error
            return answer["acknowledged"] >= 1
        wait_until(acknowledged, "the post acknowledged", 120, 0.2)
        self.posts += good
        self.bad += len(lines) - len(good)

    def post_numbers(self, start, count):
        good = [{"id": f"post-{n}", "n": n} for n in range(start, start + count)]
        self.post([json.dumps(one) for one in good], good)

    def settled_rows(self):
        """What the tables hold once everything has gone all the way: what the oracle says."""
        self.settle()
        # In a real Kafka transactions' markers have offsets as well: the last page may still be on its way.
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self.rows() == self.oracle(), "the last rows", 30, 0.5)
        rows, oracle = self.rows(), self.oracle()
        for table in TABLES:
            assert_each_once(rows[table], oracle[table], f"rows of {table}")
        assert rows == oracle
        return rows

    def settle(self, timeout=180):
        """Until as many offsets as there are records are in the topic, and the queries have read them."""
        wait_until(lambda: self.penstock.topic_records(f"{self.name}_items") >= self.pages * PER_PAGE,
                   "all pages in the topic", timeout, 0.2)
        for query in TABLES:
            def caught_up(query=query):
                status = self.penstock.query(f"{self.name}_{query}")
                return status["state"] == "running" and status["lag"] == 0
            wait_until(caught_up, f"{query} caught up", timeout, 0.2)

    def rows(self):
        """All of them, by ranges: an answer has no more than 10,000 rows."""
        found = {table: [] for table in TABLES}
        for table, columns in TABLES.items():
            select = f"SELECT {columns} FROM {self.name}.{table}"
            if table != "all_items":
                found[table] = self.penstock.sql(f"{select} LIMIT 10000")
            for start in range(0, self.pages * PER_PAGE if table == "all_items" else 0, 5000):
                found[table] += self.penstock.sql(f"{select} WHERE n >= {start} AND n < {start + 5000} LIMIT 10000")
        return {table: sorted(map(tuple, rows)) for table, rows in found.items()}

    def oracle(self):
        """What the rows must be, from the input alone."""
        items = [record(page, index) for page in range(self.pages) for index in range(PER_PAGE)]
        windows = {}
        for one in items:
            key = (one["kind"], one["at"][:17] + "00.000Z")
            count, total = windows.get(key, (0, 0))
            windows[key] = (count + 1, total + one["n"])
        return {
            "all_items": sorted((r["id"], r["n"], r["kind"].upper(), r["name"]["last"], r["at"]) for r in items),
            "per_minute": sorted((*key, *value) for key, value in windows.items()),
            "all_posts": sorted((one["id"], one["n"]) for one in self.posts),
        }

    def troubles(self):
        """What it shows of systems that do not answer."""
        shown = [f"source {s['name']}: {s['detail']}" for s in self.penstock.get("/api/v1/sources")
                 if s["state"] != "running"]
        shown += [f"query {q['name']}: {q['detail']}" for q in self.penstock.get("/api/v1/queries")
                  if q["state"] != "running"]
        return shown + self.penstock.get("/api/v1/status")["faults"]
