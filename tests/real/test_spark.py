"""Queries on a real Apache Spark: the same SQL on the same topic as the embedded engine, and the same rows."""
import datetime
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

import pytest
import yaml
from confluent_kafka import Producer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from sql_files import read_blocks, topic_of  # noqa: E402
from support.kafka_log import read_topic  # noqa: E402
from support.process import BINARY, ROOT, Penstock, empty_pipeline, wait_until  # noqa: E402
from test_doctor import doctor  # noqa: E402,F401  (a fixture)

#: A whole minute some hours ago: topics keep their records for days.
START_MS = (int(time.time()) // 60 - 300) * 60_000
#: More than columns are inferred from, so that what does not fit comes later.
PEOPLE = 1200
#: Values that do not fit, each with the reason that both engines give. The last one fits created_users, which does not
#: look at the age.
BAD = [
    (b"not json", "expected a JSON object"),
    (b"[1]", "expected a JSON object"),
    (b'{"login": {"uuid": "bad-1"}, "dob": {"age": "old"}}', "dob.age: expected BIGINT, found 'old'"),
]
LETTERS = {"created_users": 2, "users_per_minute": 3}
ROWS = "SELECT id, first_name, last_name, gender, address, post_code, email, username, dob, registered_date, phone, " \
       "picture FROM {}.created_users"
MINUTES = "SELECT nat, minute, people, mean_age FROM {}.users_per_minute"


@pytest.fixture(scope="module")
def people():
    """What the API's replica gives, the same each time."""
    replica = subprocess.Popen([str(BINARY), "replica", "randomuser", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        url = replica.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}?results={PEOPLE}&seed=spark", timeout=30) as answer:
            return json.load(answer)["results"]
    finally:
        replica.terminate()
        replica.wait()


def produce(penstock, people, minute=None, topic="users_created", kafka=None):
    """Ten in each minute, or all in one: then none can be late, in whatever order partitions are read."""
    producer = Producer({"bootstrap.servers": kafka or f"127.0.0.1:{penstock.ports['kafka']}"})
    for i, person in enumerate(people):
        at = i * 6000 if minute is None else minute * 60_000 + i * 1000
        producer.produce(topic, json.dumps(person).encode(), key=person["login"]["uuid"].encode(), partition=i % 4,
                         timestamp=START_MS + at)
    producer.flush(30)


def produce_bad(penstock, topic="users_created"):
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{penstock.ports['kafka']}"})
    for value, _ in BAD:
        producer.produce(topic, value, key=b"bad", partition=3, timestamp=START_MS)
    producer.flush(30)


def write_pipeline(folder, into, **more):
    """The example's queries as they are written, into other tables; no source. into: None: no query either."""
    example = yaml.safe_load((ROOT / "examples/users/users.yaml").read_text())
    queries = {name: {**query, "into": query["into"].replace("spark_streams", into)}
               for name, query in example["queries"].items() if into}
    folder.mkdir(exist_ok=True)
    topics = {"users_created": {"partitions": 4, "on_drift": "freeze"}}
    (folder / "users.yaml").write_text(yaml.safe_dump(
        {"pipeline": "users", "topics": topics, "queries": {**queries, **more}}))


def caught_up(penstock, *names, timeout=240):
    for name in names:
        def reached():
            query = penstock.query(name)
            assert query["state"] == "running" and query["lag"] == 0, query
            return True
        wait_until(reached, f"{name} caught up", timeout)


def rows(penstock, sql):
    return sorted(map(tuple, penstock.sql(sql)))


def dead_letters(penstock, query):
    """(offset, reason) of the query's records in the dead-letter topic."""
    found = []
    for line in subprocess.run(["kcat", "-C", "-b", f"127.0.0.1:{penstock.ports['kafka']}", "-t", "users_created.dlq",
                                "-o", "beginning", "-e", "-q", "-f", "%h\t%s\\n"], capture_output=True, text=True,
                               timeout=60, check=True).stdout.splitlines():
        headers = dict(part.split("=", 1) for part in line.split("\t")[0].split(",penstock."))
        reason = headers["dlq.reason"]
        if headers["dlq.query"] == query:
            found.append((int(headers["dlq.offset"]), reason))
    return sorted(found)


class OnSpark:
    """One data directory, first worked on by the embedded engine, then by Spark."""

    def __init__(self, folder, spark, people):
        self.folder = folder
        self.spark = spark
        self.people = people
        write_pipeline(folder / "p", None)
        self.penstock = Penstock(folder / "p", folder / "data").start()
        wait_until(lambda: self.penstock.topic_records("users_created") == 0, "the topic")
        produce(self.penstock, people)
        write_pipeline(folder / "p", "embedded")
        caught_up(self.penstock, "created_users", "users_per_minute")
        produce_bad(self.penstock)
        for name, letters in LETTERS.items():
            wait_until(lambda: self.penstock.query(name)["rejected"] == letters, "the dead letters")
        caught_up(self.penstock, "created_users", "users_per_minute")
        self.letters = {name: dead_letters(self.penstock, name) for name in LETTERS}
        assert self.penstock.stop() == 0

    def start(self, into, options="", **more):
        write_pipeline(self.folder / "p", into, **more)
        # Reading tables to compare them is not what is measured here: the embedded engine does that.
        self.penstock.options = ["--engine", f"{self.spark.url}/;select=embedded{options}"]
        self.penstock.start()
        return self.penstock

    def check_rows(self, into):
        penstock = self.penstock
        assert rows(penstock, ROWS.format(into)) == rows(penstock, ROWS.format("embedded"))
        assert rows(penstock, MINUTES.format(into)) == rows(penstock, MINUTES.format("embedded"))


# The SQL tests of the embedded engine, on Spark.

#: What Spark answers otherwise, and why (docs/sql.md, On Spark): by the expression, or the SELECT; on every version, or
#: on those that begin with a number.
DIFFERENCES = json.loads((pathlib.Path(__file__).parent / "spark_differences.json").read_text())


def golden(spark, tmp_path, suite):
    problems, ran = [], 0
    different = {**DIFFERENCES["every"], **DIFFERENCES.get(spark.version[0], {})}
    with Penstock(empty_pipeline(tmp_path), tmp_path / "data", ["--engine", spark.url]) as penstock:
        def ask(sql):
            try:
                return penstock.sql(sql)
            except urllib.error.HTTPError as error:
                return json.loads(error.read())["error"]["message"]

        for file in sorted((ROOT / "tests/sql").glob("*.test")):
            for block in read_blocks(file):
                if block.kind == "topic":
                    topic_of(block).create(penstock)
                elif block.kind == "values":
                    ran += values(ask, block, different, problems)
                elif block.kind == "select" and block.text not in different:
                    ran += 1
                    got = ask(block.text)
                    expected = block.rows()
                    shown = got if isinstance(got, str) else [cells(row) for row in got]
                    if "sorted" in block.arguments and isinstance(shown, list):
                        shown.sort()
                    if shown != expected:
                        problems.append(f"{file.name}: {block.text}\n  Spark: {shown}\n  expected: {expected}")
    assert not problems, f"{len(problems)} of {ran}:\n" + "\n".join(problems)
    suite.ran += ran


def cells(row):
    return " | ".join(map(cell, row))


def cell(value):
    """As the SQL tests write values."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, str) and len(value) == 24 and value.endswith("Z") and value[10] == "T":
        return str(datetime.datetime.fromisoformat(value[:-1]))
    return str(value)


def values(ask, block, different, problems):
    """All that have a value at once; those that must fail each alone."""
    good, bad = [], []
    for line in block.lines:
        expression, _, expected = line.partition(" => ")
        if expression in different:
            continue
        (bad if expected.startswith("error: ") else good).append((expression, expected))

    def several(pairs):
        got = ask("SELECT " + ", ".join(f"CAST({expression} AS STRING) AS c{i}"
                                        for i, (expression, _) in enumerate(pairs)))
        if isinstance(got, list):
            for (expression, expected), value in zip(pairs, got[0]):
                if cell(value) != expected:
                    problems.append(f"{expression} => {expected}; Spark: {cell(value)}")
        elif len(pairs) == 1:
            problems.append(f"{pairs[0][0]} => {pairs[0][1]}; Spark: {got}")
        else:
            several(pairs[:len(pairs) // 2])
            several(pairs[len(pairs) // 2:])
    several(good)
    for expression, _ in bad:
        got = ask(f"SELECT {expression} AS c")
        if not isinstance(got, str):
            problems.append(f"{expression} => an error; Spark: {got}")
    return len(good) + len(bad)


class TestSpark3:
    """One cluster for both: it takes a quarter of a minute to start."""

    def test_the_example_with_the_cassandra_connector(self, real_spark_3, tmp_path, people, suite, covers):
        covers("Apache Spark", real_spark_3.version, "standalone, Cassandra connector 3.5.1", "engine")
        on = OnSpark(tmp_path, real_spark_3, people)
        penstock = on.start("on_spark", bad={"sql": "SELECT no_such_function(email) AS e FROM users_created",
                                             "into": "on_spark.bad", "key": ["e"]})
        try:
            caught_up(penstock, "created_users", "users_per_minute")
            on.check_rows("on_spark")
            query = penstock.query("created_users")
            assert query["processed"] == len(people) + len(BAD) and query["stored"] == len(people) + 1
            for name, letters in LETTERS.items():
                wait_until(lambda: penstock.query(name)["rejected"] == letters, "the dead letters", 120)
                # Each is there twice now: from the embedded engine and from Spark, with the same words.
                assert dead_letters(penstock, name) == sorted(on.letters[name] * 2)
                assert [reason for _, reason in on.letters[name]] == [reason for _, reason in BAD[:letters]]
            # Spark's words, with the place in the file's SQL.
            wait_until(lambda: penstock.query("bad")["state"] == "failed", "failed", 180)
            assert "no_such_function" in penstock.query("bad")["detail"]
            with urllib.request.urlopen(f"{real_spark_3.ui}/json/", timeout=10) as answer:
                assert json.load(answer)["aliveworkers"] == 1
            suite.ran += 4

            # Killed and started again it finds its queries where they are.
            penstock.kill()
            penstock.start()
            caught_up(penstock, "created_users", "users_per_minute")
            assert "runs on Spark already" in penstock.output()
            more = [{**person, "login": {**person["login"], "uuid": "again-" + person["login"]["uuid"]}}
                    for person in people[:50]]
            produce(penstock, more, minute=130)
            wait_until(lambda: penstock.query("created_users")["processed"] == 50, "the new records", 180)
            caught_up(penstock, "created_users", "users_per_minute")
            assert len(rows(penstock, ROWS.format("on_spark"))) == PEOPLE + 51
            assert sum(row[2] for row in rows(penstock, MINUTES.format("on_spark"))) == PEOPLE + 50
            suite.ran += 1

            # Spark goes away: waiting, with the reason. It comes back, and nothing is lost or counted twice.
            real_spark_3("kill")
            wait_until(lambda: penstock.query("created_users")["state"] == "waiting", "waiting", 180)
            assert "Spark at 127.0.0.1" in penstock.query("created_users")["detail"]
            third = [{**person, "login": {**person["login"], "uuid": "third-" + person["login"]["uuid"]}}
                     for person in people[:30]]
            produce(penstock, third, minute=131)
            real_spark_3("start")
            caught_up(penstock, "created_users", "users_per_minute")
            assert len(rows(penstock, ROWS.format("on_spark"))) == PEOPLE + 81
            assert sum(row[2] for row in rows(penstock, MINUTES.format("on_spark"))) == PEOPLE + 80
            suite.ran += 1

            # A query that is taken out of the file ends on Spark too; the other goes on.
            text = yaml.safe_load((tmp_path / "p/users.yaml").read_text())
            checkpoints = tmp_path / "data/spark/users/users_per_minute"
            del text["queries"]["users_per_minute"]
            (tmp_path / "p/users.yaml").write_text(yaml.safe_dump(text))
            wait_until(lambda: penstock.query("users_per_minute")["state"] == "stopped", "stopped", 180)
            commits = len(list(checkpoints.glob("*/commits/[0-9]*")))
            produce(penstock, people[:10], minute=132)
            caught_up(penstock, "created_users")
            assert len(list(checkpoints.glob("*/commits/[0-9]*"))) == commits > 0
            assert len(rows(penstock, ROWS.format("on_spark"))) == PEOPLE + 81  # the same people again
            assert penstock.stop() == 0
            suite.ran += 1
        finally:
            penstock.stop()

    def test_with_a_real_kafka_and_a_real_cassandra(self, real_spark_3, real_kafka_kraft, real_cassandra, tmp_path,
                                                    people, suite, covers):
        """Nothing of the data's way is embedded; the embedded engine and tables say what the rows must be."""
        covers("Apache Spark", real_spark_3.version, "with Apache Kafka and Apache Cassandra", "engine")
        topics = ["--kafka", real_kafka_kraft.url]
        write_pipeline(tmp_path / "p", None)
        embedded = Penstock(tmp_path / "p", tmp_path / "embedded", topics).start()
        try:
            wait_until(lambda: embedded.topic_records("users_created") == 0, "the topic")
            produce(embedded, people, kafka=real_kafka_kraft.url.removeprefix("kafka://"))
            write_pipeline(tmp_path / "p", "embedded")
            caught_up(embedded, "created_users", "users_per_minute")
            expected = [rows(embedded, sql.format("embedded")) for sql in (ROWS, MINUTES)]
        finally:
            embedded.stop()
        write_pipeline(tmp_path / "p", "on_spark")
        options = [*topics, "--tables", real_cassandra.url, "--engine", f"{real_spark_3.url}/;select=embedded"]
        with Penstock(tmp_path / "p", tmp_path / "spark", options) as penstock:
            caught_up(penstock, "created_users", "users_per_minute", timeout=400)
            assert [rows(penstock, sql.format("on_spark")) for sql in (ROWS, MINUTES)] == expected
            assert len(expected[0]) == PEOPLE
            suite.ran += 1

    def test_golden_set(self, real_spark_3, tmp_path, suite, covers):
        covers("Apache Spark", real_spark_3.version, "standalone, Cassandra connector 3.5.1", "engine")
        golden(real_spark_3, tmp_path, suite)


class TestSpark4:
    def test_the_example_with_kafka(self, real_spark_4, tmp_path, people, suite, covers):
        covers("Apache Spark", real_spark_4.version, "standalone, Kafka as the sink", "engine")
        on = OnSpark(tmp_path, real_spark_4, people)
        sql = "SELECT login.uuid AS id, name, dob.age AS age, CAST(dob.date AS TIMESTAMP) AS born, nat " \
              "FROM users_created"
        penstock = on.start("on_spark", people_topic={"sql": sql, "into": "topic:people", "key": ["id"]})
        try:
            # Spark 4 has no connector to tables: their rows go through a topic.
            caught_up(penstock, "created_users", "users_per_minute", "people_topic")
            on.check_rows("on_spark")
            written = {key: json.loads(value) for key, value in read_topic(penstock.ports["kafka"], "people")}
            assert len(written) == len(people)
            for person in people:
                row = written[person["login"]["uuid"]]
                assert row == {"id": person["login"]["uuid"], "name": person["name"], "age": person["dob"]["age"],
                               "born": person["dob"]["date"], "nat": person["nat"]}
            suite.ran += 2
        finally:
            penstock.stop()

    def test_golden_set(self, real_spark_4, tmp_path, suite, covers):
        covers("Apache Spark", real_spark_4.version, "standalone, Kafka as the sink", "engine")
        golden(real_spark_4, tmp_path, suite)

    def test_doctor(self, doctor, real_spark_4, covers, suite):  # noqa: F811
        covers("Apache Spark", real_spark_4.version, "Connect", "doctor")
        found = doctor("engine", real_spark_4.url, "engine")
        assert f"Spark {real_spark_4.version}" in found["ok"] and not found["error"], found
        real_spark_4("stop")
        assert doctor("engine", real_spark_4.url, "engine")["error"]
        suite.ran += 2
