"""A pipeline whose topics are a real Kafka's, under load: Kafka dies and comes back; nothing is lost, nothing doubled,
and Kafka's own tools see how far the queries are."""
import collections
import json
import subprocess

import pytest
from cluster import read_committed, wait_committed
from conftest import kafka_tool
from left_open import leave_open
from support.oracle import assert_each_once
from support.paged_api import PER_PAGE, PagedApi, record
from support.process import BINARY, Penstock, wait_until

PAGES = 200
PIPELINE = """
pipeline: load
sources:
  pages:
    http:
      url: http://127.0.0.1:{port}/items
      records: /items
      pagination: {{ page: {{ parameter: page, first: 0 }} }}
      limit: 1500 records per 1s
    key: /id
    topic: load_items
topics:
  load_items: {{ partitions: 3, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
  load_copied: {{ partitions: 2 }}
  load_kinds: {{ partitions: 1 }}
queries:
  all_items:
    sql: SELECT id, n, upper(kind) AS kind FROM load_items
    into: load.all_items
    key: [id]
  per_kind:
    sql: SELECT kind, count(*) AS items, sum(n) AS total FROM load_items GROUP BY kind
    into: load.per_kind
    key: [kind]
  copied:
    sql: SELECT id, n FROM load_items
    into: topic:load_copied
    key: [id]
  counted:
    sql: SELECT kind, count(*) AS items FROM load_items GROUP BY kind
    into: topic:load_kinds
    key: [kind]
"""


@pytest.fixture(params=["KRaft", pytest.param("with ZooKeeper", marks=pytest.mark.long)])
def kafka(request):
    name = "real_kafka_kraft" if request.param == "KRaft" else "real_kafka_with_zookeeper"
    system = request.getfixturevalue(name)
    system.mode = request.param
    return system


def check_exact(penstock, kafka, expected, more_copied=()):
    """Topics and tables against the oracle."""
    ids = [r["id"] for r in expected]
    assert_each_once((key for key, _ in read_committed(kafka, "load_items")), ids)
    rows = {row[0]: (row[1], row[2]) for row in penstock.sql("SELECT id, n, kind FROM load.all_items")}
    assert rows == {r["id"]: (r["n"], r["kind"].upper()) for r in expected}
    kinds = collections.Counter(r["kind"] for r in expected)
    totals = collections.Counter()
    for r in expected:
        totals[r["kind"]] += r["n"]
    rows = {row[0]: (row[1], row[2]) for row in penstock.sql("SELECT kind, items, total FROM load.per_kind")}
    assert rows == {kind: (kinds[kind], totals[kind]) for kind in kinds}
    copied = (json.loads(value)["id"] for _, value in read_committed(kafka, "load_copied"))
    assert_each_once(copied, [*ids, *more_copied], "rows copied")
    last = {}
    for _, value in read_committed(kafka, "load_kinds"):
        row = json.loads(value)
        assert row["items"] > last.get(row["kind"], 0), "no count is told twice, nor goes back"
        last[row["kind"]] = row["items"]
    assert last == kinds


def test_kafka_dies_under_load(tmp_path, kafka, suite, covers):
    covers("Apache Kafka", kafka.version, kafka.mode, "topics")
    suite.ran += 1
    assert BINARY.exists(), f"{BINARY} is missing: run make build"
    api = PagedApi(PAGES)
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "load.yaml").write_text(PIPELINE.format(port=api.port))
    expected = [record(page, index) for page in range(PAGES) for index in range(PER_PAGE)]
    with Penstock(folder, tmp_path / "data", ["--kafka", f"{kafka.url}?retry.for=2s"]) as penstock:
        wait_until(lambda: penstock.query("copied")["stored"] > 500, "rows before", 60)
        kafka("kill")
        wait_until(lambda: penstock.source("pages")["state"] == "backing_off", "the source saying so", 60)
        wait_until(lambda: penstock.query("copied")["state"] == "waiting", "the query saying so", 60)
        assert "Kafka" in penstock.source("pages")["detail"] and "Kafka" in penstock.query("copied")["detail"]
        kafka("start")
        wait_committed(kafka, "load_items", len(expected))
        for query in ("all_items", "per_kind", "copied", "counted"):
            wait_until(lambda query=query: penstock.query(query)["lag"] == 0, f"{query} being done", 60, 0.1)
        check_exact(penstock, kafka, expected)

        # How far the queries are, in our own view and in Kafka's.
        def groups():
            return {g["group"]: sum(t["lag"] for t in g["topics"]) for g in penstock.get("/api/v1/groups")
                    if g["topics"]}
        wait_until(lambda: groups().get("penstock-copied") == 0 and groups().get("penstock-all_items") == 0,
                   "the groups' lag in the console", 30, 0.2)
    described = kafka_tool(kafka, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--describe",
                           "--group", "penstock-copied")
    lines = [line.split() for line in described.splitlines() if line.startswith("penstock-copied")]
    assert len(lines) == 3, described
    # Offsets count the transactions' markers too.
    assert all(line[3] == line[4] for line in lines) and {line[5] for line in lines} == {"0"}, described
    assert sum(int(line[3]) for line in lines) >= len(expected), described
    api.stop()


def test_what_kafka_has_committed_and_then_aborts_is_appended_again(tmp_path, kafka_behind_proxy, suite, covers):
    """A Kafka 4.3 that stops says of transactions that they are committed, and leaves them open. They are aborted with the
    next one, when Kafka is away for longer than is waited for."""
    kafka = kafka_behind_proxy
    covers("Apache Kafka", kafka.version, "KRaft", "topics")
    suite.ran += 1
    api = PagedApi(PAGES)
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "load.yaml").write_text(PIPELINE.format(port=api.port))
    with Penstock(folder, tmp_path / "data", ["--kafka", f"{kafka.url}?retry.for=2s"]) as penstock:
        wait_until(lambda: penstock.query("copied")["stored"] > 500, "rows before", 60)
        kafka.proxy.unmarked = True
        wait_until(lambda: kafka.proxy.kept_back >= 6, "commits that Kafka does not know of", 60)
        kafka.proxy.cut()
        wait_until(lambda: penstock.source("pages")["state"] == "backing_off", "the source saying so", 60)
        kafka.proxy.unmarked = False
        kafka.proxy.mend()
        wait_committed(kafka, "load_items", PAGES * PER_PAGE)
        for query in ("all_items", "per_kind", "copied", "counted"):
            wait_until(lambda query=query: penstock.query(query)["lag"] == 0, f"{query} being done", 60, 0.1)
        check_exact(penstock, kafka, [record(page, index) for page in range(PAGES) for index in range(PER_PAGE)])
        assert "appends of source:pages that it had committed: they are appended once more" in penstock.output()
    api.stop()


@pytest.mark.parametrize("was", ["committed", "aborted"])
def test_a_transaction_that_kafka_has_left_open_is_ended(tmp_path, real_kafka_kraft, suite, covers, was):
    """As a Kafka 4.3 does that was killed while it ended a transaction: what follows in the topics is hidden for ever, and
    the positions of all sources and queries are among it. What it has aborted comes again, and must not be there twice."""
    kafka = real_kafka_kraft
    covers("Apache Kafka", kafka.version, "KRaft", "topics")
    suite.ran += 1
    api = PagedApi(10)
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "load.yaml").write_text(PIPELINE.format(port=api.port))
    penstock = Penstock(folder, tmp_path / "data", ["--kafka", f"{kafka.url}?retry.for=2s"])
    with penstock:
        wait_committed(kafka, "load_copied", 10 * PER_PAGE)
        wait_until(lambda: penstock.query("copied")["lag"] == 0, "all being copied", 60)
    # Without it, Kafka would not take records of a partition that the coordinator does not know of.
    kafka_tool(kafka, "kafka.admin.ConfigCommand", "--alter", "--entity-type", "brokers", "--entity-default",
               "--add-config", "transaction.partition.verification.enable=false")
    # What its producer was told is committed, and must be there in the end.
    printed = subprocess.run(["kcat", "-C", "-b", kafka.url.split("//")[1], "-t", "__penstock_positions", "-e", "-q", "-J",
                              "-X", "isolation.level=read_committed"], capture_output=True, timeout=60, check=True)
    last = [one for one in map(json.loads, printed.stdout.splitlines()) if one["key"].startswith("query:copied\n")][-1]
    key, position = last["key"].encode(), last["payload"].encode()
    if was == "aborted":
        position += b", and further"
    headers = [("penstock.producer", b"query:copied"), ("penstock.position", position)]
    left = [("load_copied", int(key.split(b"\n")[2]), b"more", b'{"id": "more", "n": 1}', headers)]
    if was == "committed":
        left.append(("__penstock_positions", 0, key, position, []))
    more = ["more"] if was == "committed" else []
    leave_open(kafka.url.removeprefix("kafka://"), "penstock.query:copied", left)
    api.last = 20
    with penstock:
        wait_committed(kafka, "load_copied", api.last * PER_PAGE + len(more))
        wait_until(lambda: penstock.query("copied")["lag"] == 0, "all being copied", 60)
        expected = [record(page, index) for page in range(api.last) for index in range(PER_PAGE)]
        check_exact(penstock, kafka, expected, more)
        said = {"committed": "has left a transaction of query:copied open",
                "aborted": "hides records of query:copied in load_copied"}
        assert said[was] in penstock.output()
    api.stop()
