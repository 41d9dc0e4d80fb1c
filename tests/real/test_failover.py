"""Three processes over real ZooKeeper, Kafka and PostgreSQL: killed, put to sleep, cut off. What they wrote in the end
is what an oracle says, as if nothing had happened."""
import collections
import json
import re
import subprocess

import pytest
from cluster import Cluster, read_committed, wait_committed
from support.oracle import assert_each_once
from support.paged_api import PER_PAGE, PagedApi, record
from support.process import BINARY, wait_until

RATE = 1000
PIPELINE = """
pipeline: shared
sources:
  first:
    http:
      url: http://127.0.0.1:{first}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: {rate} records per 1s
    key: /id
    topic: {t}_first_items
  second:
    http:
      url: http://127.0.0.1:{second}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: {rate} records per 1s
    key: /id
    topic: {t}_second_items
topics:
  {t}_first_items: {{ partitions: 3, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
  {t}_second_items: {{ partitions: 2, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
  {t}_copied: {{ partitions: 3 }}
  {t}_kinds: {{ partitions: 2 }}
queries:
  copy:
    sql: SELECT id, n, upper(kind) AS kind FROM {t}_first_items
    into: topic:{t}_copied
    key: [id]
  only_a:
    sql: SELECT id, n FROM {t}_second_items WHERE kind = 'a'
    into: topic:{t}_kinds
"""


@pytest.fixture(scope="module", autouse=True)
def program():
    assert BINARY.exists(), f"{BINARY} is missing: run make build"


@pytest.fixture(scope="module")
def kafka(real_kafka_module):
    return real_kafka_module


def expected(pages):
    return [record(page, index) for page in range(pages) for index in range(PER_PAGE)]


class Load:
    """Two APIs whose records are known, and the pipeline that reads them."""

    def __init__(self, pages, prefix):
        self.pages, self.prefix = pages, prefix
        self.apis = [PagedApi(pages), PagedApi(pages)]
        self.pipeline = PIPELINE.format(t=prefix, first=self.apis[0].port, second=self.apis[1].port, rate=RATE)

    def stop(self):
        for api in self.apis:
            api.stop()

    def check(self, cluster, kafka):
        """Every record once, in each topic and in what was made of it."""
        records = expected(self.pages)
        of_kind_a = [r for r in records if r["kind"] == "a"]
        wanted = {"first_items": len(records), "second_items": len(records), "copied": len(records),
                  "kinds": len(of_kind_a)}
        found = {topic: wait_committed(kafka, f"{self.prefix}_{topic}", count) for topic, count in wanted.items()}
        ids = [r["id"] for r in records]
        assert_each_once((key for key, _ in found["first_items"]), ids, "of the first")
        assert_each_once((key for key, _ in found["second_items"]), ids, "of the second")
        rows = [json.loads(value) for _, value in found["copied"]]
        assert_each_once((row["id"] for row in rows), ids, "rows copied")
        assert {row["id"]: (row["n"], row["kind"]) for row in rows} == {r["id"]: (r["n"], r["kind"].upper())
                                                                       for r in records}
        rows = ((row["id"], row["n"]) for row in (json.loads(v) for _, v in found["kinds"]))
        assert_each_once(rows, ((r["id"], r["n"]) for r in of_kind_a), "rows of one kind")


@pytest.fixture
def covers_failover(suite, covers):
    shown = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "zookeeper"], capture_output=True, text=True,
                           check=True).stdout
    covers("Apache ZooKeeper", re.match(r"[0-9.]+", shown)[0], "three processes, Kafka, PostgreSQL", "fail-over")
    suite.ran += 1


@pytest.fixture
def load():
    made = []

    def make(pages, prefix):
        made.append(Load(pages, prefix))
        return made[-1]
    yield make
    for each in made:
        each.stop()


def test_any_process_may_be_killed(tmp_path, load, real_zookeeper, kafka, real_postgres, covers_failover):
    """Each in turn, the leader first; the others take its work over, and it comes back."""
    data = load(160, "killed")
    with Cluster(tmp_path / "killed", data.pipeline, real_zookeeper, kafka, real_postgres) as cluster:
        for _ in range(3):
            victim = cluster.leader()
            before = cluster.topic_records(data.prefix + "_copied")
            victim.kill()
            cluster.wait_shared()
            for work in ("source/first", "source/second", "query/copy", "query/only_a"):
                assert cluster.owner(work) not in (None, victim)
            wait_until(lambda: cluster.topic_records(data.prefix + "_copied") > before, "rows after the kill", 30)
            victim.start()
            cluster.wait_shared()
        data.check(cluster, kafka)


def test_a_sleeper_finds_itself_fenced(tmp_path, load, real_zookeeper, kafka, real_postgres, covers_failover):
    """Stopped longer than its session, in the middle of its work; it wakes up, does no harm, and is a member again."""
    data = load(160, "sleeps")
    with Cluster(tmp_path / "sleeps", data.pipeline, real_zookeeper, kafka, real_postgres) as cluster:
        for work in ("source/first", "query/copy"):
            sleeper = cluster.owner(work)
            awake = [m for m in cluster.members if m is not sleeper]
            before = cluster.topic_records(data.prefix + "_copied")
            sleeper.pause()
            cluster.wait_shared(among=awake)
            assert cluster.owner(work, among=awake) in awake
            wait_until(lambda: awake[0].topic_records(data.prefix + "_copied") > before, "rows while it sleeps", 30)
            sleeper.resume()
            wait_until(lambda: sleeper.logged("the session with ZooKeeper has ended"), "the sleeper knowing", 30)
            cluster.wait_shared()
        data.check(cluster, kafka)


DAGS = """
pipeline: runs
sources:
  bounded:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: 2000 records per 1s
    key: /id
    topic: {t}_items
    autostart: false
topics:
  {t}_items: {{ partitions: 2 }}
dags:
  import:
    tasks:
      before: {{ shell: "sleep 0.3", retries: 5, retry_delay: 200ms }}
      fetch: {{ run: bounded, retries: 5, retry_delay: 200ms, after: [before] }}
      left: {{ shell: "sleep 0.3; echo left", retries: 5, retry_delay: 200ms, after: [fetch] }}
      right: {{ shell: "sleep 0.3; echo right", retries: 5, retry_delay: 200ms, after: [fetch] }}
      after: {{ shell: "echo done", retries: 5, retry_delay: 200ms, after: [left, right] }}
  ticks:
    schedule: every 2s
    tasks:
      tick: {{ shell: "echo tick", retries: 5, retry_delay: 200ms }}
"""


def trigger_import(cluster):
    """Only the leader does it; who asks another is told whom to ask."""
    leader = cluster.leader()
    others = [m for m in cluster.members if m is not leader]
    refused = others[0].command("trigger", "import")
    assert refused.returncode != 0 and leader.url("") in refused.stderr, refused.stderr
    return leader, others, leader.call("POST", "/api/v1/dags/import/trigger")["run_id"]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_leader_goes_in_the_middle_of_a_run(tmp_path, real_zookeeper, kafka, real_postgres, covers_failover, how):
    """Another one leads and goes on with the runs: every task instance has one success, every record comes once."""
    pages = 60
    api = PagedApi(pages)
    prefix = f"runs_{how}"
    pipeline = DAGS.format(port=api.port, t=prefix)
    with Cluster(tmp_path / prefix, pipeline, real_zookeeper, kafka, real_postgres) as cluster:
        # On a busy machine a session of two seconds may end, and somebody else lead, in between.
        leader, others, run_id = wait_until(lambda: trigger_import(cluster), "a leader that starts the run", 30)
        wait_until(lambda: leader.topic_records(f"{prefix}_items") > PER_PAGE, "the task in its middle", 60)
        if how == "killed":
            leader.kill()
        else:
            leader.pause()
        cluster.wait_shared(among=others)
        run = wait_until(lambda: ended_run(others[0], "import", run_id), "the run's end", 120, 0.1)
        assert run["state"] == "success", run
        assert [task["state"] for task in run["tasks"]] == ["success"] * 5, run
        if how == "stopped":
            leader.resume()
            wait_until(lambda: leader.logged("does not lead any more"), "the old leader knowing", 30)
            cluster.wait_shared()
            assert ended_run(leader, "import", run_id) == run, "what it still had in hand changed nothing"
        new = cluster.leader()
        assert new is not leader
        runs = [r for r in new.get("/api/v1/runs?limit=500") if r["dag"] == "ticks"]
        assert len({r["run_id"] for r in runs}) == len(runs) > 1
        records = expected(pages)
        assert_each_once((key for key, _ in read_committed(kafka, f"{prefix}_items")), (r["id"] for r in records))
    api.stop()


def ended_run(member, dag, run_id):
    run = member.get(f"/api/v1/dags/{dag}/runs/{run_id}")
    return run if run["state"] in ("success", "failed") else None


def test_layers_of_one_process_are_refused(tmp_path):
    """And the answer says what to set."""
    (tmp_path / "empty").mkdir()
    done = subprocess.run([BINARY, "up", tmp_path / "empty", "--coordination", "zookeeper://127.0.0.1:1"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "--kafka kafka://" in done.stderr and "--metadata postgresql://" in done.stderr, done.stderr


def test_a_query_that_needs_tables_says_so(tmp_path, real_zookeeper, kafka, real_postgres):
    """Embedded tables are one process's own: whoever went on with the query would not find them."""
    pipeline = """
pipeline: tables
topics:
  tables_items: { schema: "id STRING, kind STRING" }
queries:
  into_table: { sql: SELECT id FROM tables_items, into: ks.t, key: [id] }
  counts: { sql: "SELECT kind, count(*) AS n FROM tables_items GROUP BY kind", into: "topic:tables_counts", key: [kind] }
  copies: { sql: SELECT id FROM tables_items, into: "topic:tables_copies", key: [id] }
"""
    with Cluster(tmp_path / "tables", pipeline, real_zookeeper, kafka, real_postgres, count=1) as cluster:
        [member] = cluster.members
        wait_until(lambda: member.query("copies")["state"] == "running", "the query that needs none", 30)
        for name in ("into_table", "counts"):
            wait_until(lambda name=name: member.query(name)["state"] == "failed", f"{name} being refused", 30)
            assert "--tables" in member.query(name)["detail"]


TABLES = """
pipeline: tables
sources:
  items:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: 500 records per 1s
    key: /id
    topic: {t}_items
topics:
  {t}_items: {{ partitions: 3, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
  {t}_kinds: {{ partitions: 1 }}
queries:
  all_items: {{ sql: "SELECT id, n, upper(kind) AS kind FROM {t}_items", into: {t}.all_items, key: [id] }}
  per_kind:
    sql: SELECT kind, count(*) AS items, sum(n) AS total FROM {t}_items GROUP BY kind
    into: {t}.per_kind
    key: [kind]
  per_minute:
    watermark: {{ column: at, delay: 6h }}
    sql: |
      SELECT window.start AS minute, kind, count(*) AS items FROM {t}_items GROUP BY window(at, '1 minute'), kind
    into: {t}.per_minute
    key: [kind, minute]
  kinds: {{ sql: "SELECT kind, count(*) AS items FROM {t}_items GROUP BY kind", into: "topic:{t}_kinds", key: [kind] }}
"""


def check_tables(asked, keyspace, records):
    """Every record, and the counts and sums of each kind; how many there are of each."""
    rows = {row[0]: (row[1], row[2]) for row in asked.sql(f"SELECT id, n, kind FROM {keyspace}.all_items LIMIT 10000")}
    assert rows == {r["id"]: (r["n"], r["kind"].upper()) for r in records}
    kinds = collections.Counter(r["kind"] for r in records)
    totals = collections.Counter()
    for r in records:
        totals[r["kind"]] += r["n"]
    rows = {row[0]: (row[1], row[2]) for row in asked.sql(f"SELECT kind, items, total FROM {keyspace}.per_kind")}
    assert rows == {kind: (kinds[kind], totals[kind]) for kind in kinds}
    return kinds


def test_tables_in_cassandra(tmp_path, real_zookeeper, kafka, real_postgres, real_cassandra, covers_failover):
    """Counts and windows in shared tables: whoever has a query is killed, or sleeps, and no row is wrong in the end."""
    pages = 160
    api = PagedApi(pages)
    records = expected(pages)
    options = ["--tables", f"{real_cassandra.url}/failover"]
    with Cluster(tmp_path / "tables_failover", TABLES.format(port=api.port, t="failover"), real_zookeeper, kafka,
                 real_postgres, options=options) as cluster:
        for work, kills in (("query/per_kind", True), ("query/per_minute", False), ("query/all_items", True),
                            ("query/kinds", False)):
            victim = cluster.owner(work)
            others = [m for m in cluster.members if m is not victim]
            name = work.split("/")[1]
            if kills:
                victim.kill()
            else:
                victim.pause()
            cluster.wait_shared(among=others)
            new = cluster.owner(work, among=others)
            wait_until(lambda new=new, name=name: new.query(name)["stored"] > 0 or new.query(name)["lag"] == 0,
                       f"{name} being gone on with", 60)
            if kills:
                victim.start()
            else:
                victim.resume()
            cluster.wait_shared()
        asked = cluster.members[0]
        items = wait_committed(kafka, "failover_items", len(records))
        for name in ("all_items", "per_kind", "per_minute", "kinds"):
            owner = cluster.owner(f"query/{name}")
            wait_until(lambda owner=owner, name=name: owner.query(name)["lag"] == 0, f"{name} being done", 60, 0.1)
        assert_each_once((key for key, _ in items), (r["id"] for r in records))
        kinds = check_tables(asked, "failover", records)
        minutes = collections.Counter((r["kind"], r["at"][:16]) for r in records)
        rows = asked.sql("SELECT kind, minute, items FROM failover.per_minute")
        assert {(kind, minute[:16]): items for kind, minute, items in rows} == minutes
        last = {}
        for _, value in read_committed(kafka, "failover_kinds"):
            row = json.loads(value)
            assert row["items"] > last.get(row["kind"], 0), "no count is told twice, nor goes back"
            last[row["kind"]] = row["items"]
        assert last == kinds
    api.stop()


ON_SPARK = """
pipeline: onspark
sources:
  items:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: 300 records per 1s
    key: /id
    topic: onspark_items
topics:
  onspark_items: {{ partitions: 2, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
queries:
  all_items: {{ sql: "SELECT id, n, upper(kind) AS kind FROM onspark_items", into: onspark.all_items, key: [id] }}
  per_kind:
    sql: SELECT kind, count(*) AS items, sum(n) AS total FROM onspark_items GROUP BY kind
    into: onspark.per_kind
    key: [kind]
"""


def test_queries_on_spark(tmp_path, real_zookeeper, kafka, real_postgres, real_cassandra, spark_for_seams, covers_failover):
    """Who has a query is killed, or sleeps: another one finds it on Spark and goes on; no row is wrong in the end."""
    pages = 200
    api = PagedApi(pages)
    records = expected(pages)
    options = ["--tables", f"{real_cassandra.url}/onspark",
               "--engine", f"{spark_for_seams.url}/;checkpoints={tmp_path}/checkpoints"]
    with Cluster(tmp_path / "onspark", ON_SPARK.format(port=api.port), real_zookeeper, kafka, real_postgres,
                 options=options) as cluster:
        for work, kills in (("query/all_items", True), ("query/per_kind", False)):
            name = work.split("/")[1]

            def on_spark(work=work, name=name):  # it may move once more, while the work is shared out
                owner = cluster.owner(work)
                return owner if owner and owner.query(name)["processed"] > 0 else None
            victim = wait_until(on_spark, f"{name} on Spark", 300)
            others = [m for m in cluster.members if m is not victim]
            if kills:
                victim.kill()
            else:
                victim.pause()
            cluster.wait_shared(among=others)
            new = cluster.owner(work, among=others)
            wait_until(lambda new=new, name=name: new.query(name)["state"] == "running", f"{name} gone on with", 60)
            assert new.logged(f"query {name}: runs on Spark already")
            if kills:
                victim.start()
            else:
                victim.resume()
            cluster.wait_shared()
        asked = cluster.members[0]
        wait_committed(kafka, "onspark_items", len(records))
        for name in ("all_items", "per_kind"):
            owner = cluster.owner(f"query/{name}")
            wait_until(lambda owner=owner, name=name: owner.query(name)["state"] == "running"
                       and owner.query(name)["lag"] == 0, f"{name} being done", 120, 0.2)
        check_tables(asked, "onspark", records)
    api.stop()
