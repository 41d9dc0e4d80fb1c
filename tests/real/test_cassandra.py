"""Tables in a real Cassandra: the seam's whole suite, the example pipeline against the embedded run, and what only a
system that goes away can show."""
import collections
import json
import os
import signal

import pytest
from cassandra import ConsistencyLevel, OperationTimedOut, ReadFailure, ReadTimeout, Unavailable
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from support.kafka_log import read_topic
from support.oracle import assert_each_once
from support.paged_api import PER_PAGE, PagedApi, record
from support.process import ROOT, Penstock, wait_until

PATIENCE_S = 300  # three nodes and all else on a few cores: a JVM may pause for many seconds


def run_suites(cassandra, suite, mode, covers, tests, options=""):
    covers("Apache Cassandra", cassandra.version, mode, "tables")
    suite.run("store_test", tests, {"PENSTOCK_TEST_CASSANDRA": cassandra.url + options}, timeout=600)


def test_tables_suite(real_cassandra, suite, covers):
    run_suites(real_cassandra, suite, "one node, protocol 5", covers, "*/Cassandra", "?page=100")


@pytest.mark.parametrize("protocol", [4, 5])
def test_older_protocol_and_compression(real_cassandra, suite, covers, protocol):
    run_suites(real_cassandra, suite, f"one node, protocol {protocol}, LZ4", covers,
               "*EngineValuesRoundTrip/Cassandra:*LargePartitionsWithKeysOfSeveralColumns/Cassandra:"
               "*CommitsOfEverySizeAreTheSame/Cassandra", f"?protocol={protocol}&compression=lz4")


def test_password_and_tls(real_cassandra_secured, suite, covers):
    run_suites(real_cassandra_secured, suite, "one node, TLS and password", covers,
               "*StateAndCheckpointBelongToTheirQuery/Cassandra:*CommitsOfEverySizeAreTheSame/Cassandra",
               f"?tls.ca={real_cassandra_secured.certificate}")


TABLES = {
    "created_users": "SELECT id, first_name, last_name, gender, address, post_code, email, username, dob, "
                     "registered_date, phone, picture FROM spark_streams.created_users",
    "users_per_minute": "SELECT nat, minute, people, mean_age FROM spark_streams.users_per_minute",
}


def rows_of(penstock, table):
    return sorted(json.dumps(row) for row in penstock.sql(TABLES[table]))


def caught_up(penstock, *queries):
    for name in queries:
        wait_until(lambda: penstock.query(name)["state"] == "running" and penstock.query(name)["lag"] == 0,
                   f"{name} caught up", 120, 0.1)


def test_example_has_the_rows_of_the_embedded_run(real_cassandra, tmp_path, covers, suite):
    """The same topic twice: embedded tables first, then a copy of the data directory on Cassandra."""
    covers("Apache Cassandra", real_cassandra.version, "example pipeline, rows as embedded", "tables")
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "users.yaml").write_text((ROOT / "examples/users/users.yaml").read_text())
    embedded = Penstock(folder, tmp_path / "data").start()
    wait_until(lambda: embedded.query("created_users")["stored"] >= 300, "rows stored")
    embedded.call("POST", "/api/v1/sources/random_users/stop", {})
    wait_until(lambda: embedded.source("random_users")["state"] == "stopped", "the source stopped")
    caught_up(embedded, *TABLES)
    expected = {table: rows_of(embedded, table) for table in TABLES}
    # The topic is all that the other run starts from, and nothing more comes in.
    assert embedded.stop() == 0
    assert len(expected["created_users"]) >= 300
    text = (folder / "users.yaml").read_text()
    begin, end = text.index("sources:"), text.index("topics:")
    text = text[:begin] + text[end:text.index("dags:")]
    (folder / "users.yaml").write_text(text)
    with Penstock(folder, tmp_path / "data", ["--tables", real_cassandra.url]) as remote:
        assert "cql" not in remote.get("/api/v1/status").get("ports", {})
        caught_up(remote, *TABLES)
        for table, rows in expected.items():
            assert rows_of(remote, table) == rows, table
        suite.ran += 1


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
topics:
  items: {{ partitions: 3, schema: "id STRING, n BIGINT, kind STRING, at TIMESTAMP" }}
queries:
  all_items:
    sql: SELECT id, n, upper(kind) AS kind FROM items
    into: {keyspace}.all_items
    key: [id]
  per_kind:
    sql: SELECT kind, count(*) AS items, sum(n) AS total FROM items GROUP BY kind
    into: {keyspace}.per_kind
    key: [kind]
  per_minute:
    watermark: {{ column: at, delay: 6h }}
    sql: |
      SELECT window.start AS minute, kind, count(*) AS items
      FROM items
      GROUP BY window(at, '1 minute'), kind
    into: {keyspace}.per_minute
    key: [kind, minute]
"""
QUERIES = ("all_items", "per_kind", "per_minute")


class Load:
    """Pages of known records, through three queries into Cassandra."""

    def __init__(self, cassandra, tmp_path, pages, rate=2500, options=""):
        self.api = PagedApi(pages)
        self.contacts, self.port = ["127.0.0.1"], int(cassandra.environment["CASSANDRA_PORT"])
        self.keyspace = f"load_{os.getpid()}_{self.api.port}"
        self.expected = [record(page, index) for page in range(pages) for index in range(PER_PAGE)]
        folder = tmp_path / "pipelines"
        folder.mkdir()
        (folder / "crash.yaml").write_text(PIPELINE.format(port=self.api.port, rate=rate, keyspace=self.keyspace))
        # A keyspace of its own for checkpoints: these queries are those of another test by name.
        self.penstock = Penstock(folder, tmp_path / "data",
                                 ["--tables", f"{cassandra.url}/{self.keyspace}_state?retry.for=5s&request.for=20s{options}"])

    def check(self):
        penstock = self.penstock
        wait_until(lambda: penstock.topic_records("items") >= len(self.expected), "all pages in the topic", 120, 0.1)
        caught_up(penstock, *QUERIES)
        in_topic = (key for key, _ in read_topic(penstock.ports["kafka"], "items"))
        assert_each_once(in_topic, (r["id"] for r in self.expected))
        # Of the replicas of a row, a quorum has what was acknowledged; the driver's default asks one, which may lack it.
        quorum = ExecutionProfile(consistency_level=ConsistencyLevel.LOCAL_QUORUM, request_timeout=60)
        with Cluster(self.contacts, port=self.port, execution_profiles={EXEC_PROFILE_DEFAULT: quorum}) as cluster:
            session = cluster.connect(self.keyspace)
            session.default_fetch_size = 500
            self.check_rows(lambda query: wait_until(lambda: self.ask(session, query), query, 180, 1))

    @staticmethod
    def ask(session, query):
        """A node that was killed is asked until the others have noticed."""
        try:
            return list(session.execute(query))
        except (OperationTimedOut, ReadFailure, ReadTimeout, Unavailable, NoHostAvailable) as error:
            raise OSError(str(error)) from error

    def check_rows(self, cql):
        rows = {row[0]: (row[1], row[2]) for row in cql("SELECT id, n, kind FROM all_items")}
        assert rows == {r["id"]: (r["n"], r["kind"].upper()) for r in self.expected}
        kinds, totals, minutes = collections.Counter(), collections.Counter(), collections.Counter()
        for r in self.expected:
            kinds[r["kind"]] += 1
            totals[r["kind"]] += r["n"]
            minutes[(r["at"][:16], r["kind"])] += 1
        rows = {row[0]: (row[1], row[2]) for row in cql("SELECT kind, items, total FROM per_kind")}
        assert rows == {kind: (kinds[kind], totals[kind]) for kind in kinds}
        rows = {(row[0].strftime("%Y-%m-%dT%H:%M"), row[1]): row[2]
                for row in cql("SELECT minute, kind, items FROM per_minute")}
        assert rows == dict(minutes)

    def stored(self):
        return self.penstock.query("all_items")["stored"]

    def is_done(self):
        return (self.penstock.topic_records("items") >= len(self.expected)
                and all(query["lag"] == 0 for query in self.states().values()))

    def states(self):
        return {name: self.penstock.query(name) for name in QUERIES}

    def __enter__(self):
        self.penstock.start()
        wait_until(lambda: len(self.states()) == len(QUERIES), "the queries listed")
        return self

    def __exit__(self, *_):
        self.penstock.stop()
        self.api.stop()


def waits(load):
    """One that has nothing to commit does not notice."""
    return any(query["state"] == "waiting" and "Cassandra at" in query["detail"] for query in load.states().values())


def test_stopped_and_started_under_load(real_cassandra, tmp_path, covers, suite):
    covers("Apache Cassandra", real_cassandra.version, "stopped, killed and frozen under load", "tables")
    with Load(real_cassandra, tmp_path, 700, rate=800) as load:
        for stop, start in (("stop", "start"), ("kill", "start")):
            before = load.stored()
            wait_until(lambda: load.stored() > before or load.is_done(), "rows stored", PATIENCE_S)
            real_cassandra(stop)
            # On a slow machine all may have come in before the second time.
            wait_until(lambda: waits(load) or (stop == "kill" and load.is_done()), f"a query waiting after {stop}", PATIENCE_S)
            records = load.penstock.topic_records("items")
            if records < len(load.expected):
                wait_until(lambda: load.penstock.topic_records("items") > records, "the source going on", 30)
            real_cassandra(start)
        wait_until(lambda: all(query["state"] == "running" for query in load.states().values()), "running again", PATIENCE_S)
        real_cassandra("freeze")
        try:
            wait_until(lambda: waits(load) or load.penstock.query("all_items")["lag"] == 0, "waiting", PATIENCE_S)
        finally:
            real_cassandra("thaw")
        load.check()
        suite.ran += 1


def test_killed_under_load(real_cassandra, tmp_path, covers, suite):
    """kill -9 of Penstock: no row lost, each counted once."""
    covers("Apache Cassandra", real_cassandra.version, "Penstock killed under load", "tables")
    with Load(real_cassandra, tmp_path, 240) as load:
        for _ in range(6):
            before = load.stored()
            wait_until(lambda: load.stored() > before or load.penstock.query("all_items")["lag"] == 0, "rows stored",
                       PATIENCE_S)
            os.kill(load.penstock.process.pid, signal.SIGKILL)
            load.penstock.process.wait()
            load.penstock.start()
            wait_until(lambda: len(load.states()) == len(QUERIES), "the queries listed")
        load.check()
        suite.ran += 1


def test_node_killed_under_load(real_cassandra_cluster, tmp_path, covers, suite):
    """The others are found through the first; when that one is killed, nothing is lost and nothing stays waiting."""
    covers("Apache Cassandra", real_cassandra_cluster[0].version, "three nodes, one killed under load", "tables")
    with Load(real_cassandra_cluster[0], tmp_path, 160, options="&replication=3") as load:
        wait_until(lambda: load.stored() > 0, "rows stored", PATIENCE_S)
        assert "3 node(s)" in load.penstock.output()
        real_cassandra_cluster[0]("kill")
        load.contacts = ["127.0.0.2"]
        load.check()
        suite.ran += 1
