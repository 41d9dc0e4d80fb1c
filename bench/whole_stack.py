#!/usr/bin/env python3
"""The tutorial's stack and Penstock on the same machine, with the same records, in one run.

  bench/whole_stack.py [--backlog 200000] [--seconds 30] [--heap 6G] [--only stack,mixed,penstock] [--json FILE]

The stack: an API, Apache Airflow with PostgreSQL running the tutorial's DAG, Apache Kafka with ZooKeeper, the tutorial's
Spark job on a standalone master with a worker, Apache Cassandra; each with its own defaults and the heaps of tests/real,
Cassandra with the heap and the JVM's options that its release has.
Penstock: the same API, one process. Then the mixed form: Penstock's engine between that Kafka and that Cassandra.

  first row       from the first process started to a row that a CQL client sees
  one by one      the API asked for one person a request, without a pause: records/s, and milliseconds from the answer
                  of the API to the row being seen by CQL, of every 20th person
  memory          while that runs: of all processes, their proportional set sizes; Penstock's whole resident set
  backlog         people already in the topic, as the DAG writes them, into the table
  CPU             user and system time of all processes, for the backlog

Cassandra's JVM compiles what it runs often, for a million rows and more. So before the backlogs are measured, the Spark job
and the mixed form each write half as many other rows, and Cassandra may end its compactions before each of the two.

The API is a process of neither, and counted for neither.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests/real"), str(ROOT / "tests")]
RUN = pathlib.Path(f"/tmp/penstock-stack-{os.getpid()}")
os.environ["REAL_RUN"] = str(RUN)
from conftest import System, cassandra_node  # noqa: E402
from machine import machine  # noqa: E402
from people_api import Latencies, PeopleApi, people, quantile  # noqa: E402
from support.cql_probe import CqlProbe  # noqa: E402
from support.process import Penstock, free_port, wait_until  # noqa: E402

CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
COLUMNS = ["id", "first_name", "last_name", "gender", "address", "post_code", "email", "username", "dob",
           "registered_date", "phone", "picture"]
FROM_API = """
pipeline: users
sources:
  random_users:
    http: {{ url: "{url}", query: {{ results: 1 }}, records: /results, every: 1ms }}
    key: /login/uuid
    topic: users_created
topics:
  users_created: {{ partitions: 1 }}
queries:
  created_users:
    sql: |
      SELECT login.uuid AS id, name.first AS first_name, name.last AS last_name, gender,
             concat_ws(', ', concat(CAST(location.street.number AS STRING), ' ', location.street.name),
                       location.city, location.state, location.country) AS address,
             CAST(location.postcode AS STRING) AS post_code, email, login.username AS username,
             dob.date AS dob, registered.date AS registered_date, phone, picture.medium AS picture
      FROM users_created
    into: spark_streams.created_users
    key: [id]
"""
FROM_TOPIC = """
pipeline: backlog
topics:
  {topic}: {{ partitions: 1, schema: "{schema}" }}
queries:
  loaded:
    sql: SELECT {columns} FROM {topic}
    into: spark_streams.{table}
    key: [id]
"""


def processes():
    """Those of the stack: each was given the run's folder."""
    mine = str(RUN).encode()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) != os.getpid() and (mine in (folder / "environ").read_bytes()
                                                    or mine in (folder / "cmdline").read_bytes()):
                yield folder
        except OSError:
            continue


def cpu_seconds(folders):
    """With what their ended children took."""
    ticks = 0
    for folder in folders:
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(field) for field in fields[11:15])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(folders, what="Pss"):
    total = 0
    for folder in folders:
        try:
            total += sum(int(line.split()[1]) for line in (folder / "smaps_rollup").read_text().splitlines()
                         if line.startswith(what + ":"))
        except OSError:
            continue
    return total / 1024


def has_row(port):
    try:
        return CqlProbe(port, 5).row_count("SELECT id FROM spark_streams.created_users LIMIT 1") == 1
    except (RuntimeError, OSError):  # no table yet
        return False


def as_the_dag_writes(person):
    place = person["location"]
    return {"id": person["login"]["uuid"], "first_name": person["name"]["first"], "last_name": person["name"]["last"],
            "gender": person["gender"], "post_code": str(place["postcode"]), "email": person["email"],
            "address": f"{place['street']['number']} {place['street']['name']}, {place['city']}, {place['state']}, "
                       f"{place['country']}",
            "username": person["login"]["username"], "dob": person["dob"]["date"], "phone": person["phone"],
            "registered_date": person["registered"]["date"], "picture": person["picture"]["medium"]}


def cassandra_heap_mib():
    """As its cassandra-env.sh has it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    return max(min(memory // 2, 1024), min(memory // 4, 8192))


def create_topic(bootstrap, name):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
        future.result()


def fill(bootstrap, count, topic="backlog"):
    from confluent_kafka import Producer
    create_topic(bootstrap, topic)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    for person in people(count):
        producer.produce(topic, json.dumps(as_the_dag_writes(person)))
        producer.poll(0)
    assert producer.flush(120) == 0


class Stack:
    def __init__(self, api_url, heap):
        zookeeper, kafka, self.cql = free_port(), free_port(), free_port()
        self.kafka = f"127.0.0.1:{kafka}"
        self.postgres = System("postgresql.sh", "postgresql", {"POSTGRES_PORT": free_port()})
        self.zookeeper = System("zookeeper.sh", "zookeeper", {"ZOOKEEPER_PORT": zookeeper})
        self.brokers = System("kafka.sh", "kafka", {"KAFKA_MODE": "zookeeper", "KAFKA_PORT": kafka,
                                                    "ZOOKEEPER_PORT": zookeeper})
        self.cassandra = cassandra_node(self.cql, free_port(), CASSANDRA_HEAP=heap, CASSANDRA_GC="shipped")
        ports = {f"SPARK_{name}PORT": free_port() for name in ("CONNECT_", "MASTER_", "UI_", "WORKER_UI_")}
        self.spark = System("spark.sh", "spark", ports)
        self.master = f"spark://127.0.0.1:{ports['SPARK_MASTER_PORT']}"
        dags = RUN / "dags"
        dags.mkdir(parents=True)
        shutil.copy(ROOT / "bench/seed/user_automation.py", dags)
        packages = RUN / "packages"
        subprocess.run([ROOT / ".venv/bin/pip", "install", "-q", "--no-deps", "--target", packages, "kafka-python==3.0.12"],
                       check=True, stderr=subprocess.DEVNULL)
        self.airflow_port = free_port()
        self.airflow = System("airflow.sh", "airflow", {
            "AIRFLOW_PORT": self.airflow_port, "AIRFLOW_DAGS": dags, "SEED_API": api_url, "SEED_KAFKA": self.kafka,
            "POSTGRES_PORT": self.postgres.environment["POSTGRES_PORT"], "SEED_PACKAGES": packages})
        self.job = None
        jars = CACHE / "spark-3.5.7/lib"
        (RUN / "job").mkdir()
        subprocess.run(["javac", "-cp", f"{jars}/*", "-d", RUN / "job", ROOT / "bench/seed/SparkJob.java"], check=True)
        subprocess.run(["jar", "cf", RUN / "job.jar", "-C", RUN / "job", "."], check=True)

    def start(self):
        """In the order that a Compose file's conditions would give, the independent ones beside each other."""
        def in_order(*systems):
            for system, command in systems:
                system(command, timeout=600)
        threads = [threading.Thread(target=in_order, args=each) for each in (
            [(self.zookeeper, "start"), (self.brokers, "start")],
            [(self.cassandra, "start")],
            [(self.spark, "cluster")],
            [(self.postgres, "start"), (self.airflow, "start")])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def call_airflow(self, method, path, body=None, token=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.airflow_port}{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json",
                                                  **({"Authorization": f"Bearer {token}"} if token else {})})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def trigger(self, seconds):
        token = self.call_airflow("POST", "/auth/token", {"username": "admin", "password": "admin"})["access_token"]
        wait_until(lambda: self.call_airflow("GET", "/api/v2/dags/user_automation", token=token), "the DAG", 120, 0.5)
        self.call_airflow("PATCH", "/api/v2/dags/user_automation", {"is_paused": False}, token)
        run = self.call_airflow("POST", "/api/v2/dags/user_automation/dagRuns",
                                {"logical_date": None, "conf": {"seconds": seconds}}, token)["dag_run_id"]

        def state():
            return self.call_airflow("GET", f"/api/v2/dags/user_automation/dagRuns/{run}", token=token)["state"]
        return state

    def submit(self, topic, table):
        self.output = RUN / f"{table}.progress"
        home = RUN / f"spark-{self.spark.environment['SPARK_CONNECT_PORT']}/home"
        opens = ["-XX:+IgnoreUnrecognizedVMOptions", *(
            f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in (
                "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
                "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs",
                "sun.security.action", "sun.util.calendar"))]
        with open(self.output, "wb") as out, open(RUN / f"{table}.log", "wb") as log:
            self.job = subprocess.Popen(
                ["java", "-Xmx1g", *opens, "-cp", f"{home}/jars/*", "org.apache.spark.deploy.SparkSubmit",
                 "--master", self.master, "--class", "SparkJob", "--conf", "spark.driver.host=127.0.0.1",
                 "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.executor.memory=1g",
                 "--conf", "spark.ui.enabled=false", "--conf", "spark.cassandra.connection.host=127.0.0.1",
                 "--conf", f"spark.cassandra.connection.port={self.cql}", "--conf", "spark.sql.shuffle.partitions=2",
                 RUN / "job.jar", self.kafka, topic, table, RUN / f"{table}.checkpoint"],
                stdout=out, stderr=log, env={**os.environ, "SPARK_HOME": str(home)})

    def batches(self):
        """(rows, seconds) of each micro-batch with rows."""
        for line in self.output.read_text().splitlines():
            if line.startswith("progress "):
                progress = json.loads(line[9:])
                if progress["numInputRows"]:
                    yield progress["numInputRows"], progress["durationMs"]["triggerExecution"] / 1000

    def end_job(self):
        self.job.terminate()
        self.job.wait()

    def stop(self):
        if self.job and self.job.poll() is None:
            self.end_job()
        for system in (self.airflow, self.spark, self.brokers, self.zookeeper, self.cassandra, self.postgres):
            try:
                system("wipe")
            except AssertionError as error:
                print(error, file=sys.stderr)


def check_rows(port, table, expected):
    from cassandra.cluster import Cluster
    cluster = Cluster(["127.0.0.1"], port=port, protocol_version=4)
    found = sum(1 for _ in cluster.connect().execute(f"SELECT id FROM spark_streams.{table}", timeout=60))
    cluster.shutdown()
    assert found == expected, (table, found, expected)


def wait_for_compactions(port):
    """What was written before is not the next one's to compact."""
    probe = CqlProbe(port)
    wait_until(lambda: probe.row_count("SELECT task_id FROM system_views.sstable_tasks") == 0, "compactions' end", 600, 0.5)


def run_job(stack, topic, table, rows):
    stack.submit(topic, table)
    wait_until(lambda: sum(each for each, _ in stack.batches()) >= rows, f"the job's rows of {topic}", 1800, 0.5)
    stack.end_job()


def warm_cassandra(stack, folder, given):
    rows = given.backlog // 2
    fill(stack.kafka, rows, "warm_up")
    run_job(stack, "warm_up", "warmed_by_spark", rows)
    run_mixed(stack, folder / "warm_up", "warm_up", "warmed_by_penstock", rows)
    wait_for_compactions(stack.cql)


def measure_stack(stack, api, folder, given, results):
    start = time.monotonic()
    stack.start()
    create_topic(stack.kafka, "users_created")
    state = stack.trigger(given.seconds)
    stack.submit("users_created", "created_users")
    wait_until(lambda: has_row(stack.cql) or stack.job.poll() is not None, "a row in Cassandra", 300, 0.02)
    assert stack.job.poll() is None, (RUN / "created_users.log").read_text()[-3000:]
    found = {"first_row_s": time.monotonic() - start}
    wait_until(lambda: state() in ("success", "failed"), "the first DAG run's end", 600, 0.5)
    assert state() == "success"
    latencies = Latencies(api, stack.cql)
    served = api.next
    state = stack.trigger(given.seconds)
    wait_until(lambda: api.next > served, "the API being asked", 60, 0.05)
    time.sleep(given.seconds / 2)
    found["memory_mib"] = memory_mib(list(processes()))
    wait_until(lambda: state() in ("success", "failed"), "the DAG run's end", 600, 0.2)
    found["one_by_one_per_s"] = (api.next - served) / given.seconds
    time.sleep(10)
    found["latencies_ms"] = latencies.stop()
    stack.end_job()
    stack.airflow("stop")
    fill(stack.kafka, given.backlog)
    warm_cassandra(stack, folder, given)
    before = cpu_seconds(list(processes()))
    run_job(stack, "backlog", "by_spark", given.backlog)
    batches = list(stack.batches())
    found["backlog_per_s"] = sum(rows for rows, _ in batches) / sum(seconds for _, seconds in batches)
    found["backlog_cpu_s"] = (cpu_seconds(list(processes())) - before) / given.backlog * 1e6
    check_rows(stack.cql, "by_spark", given.backlog)
    results["stack"] = found


def counted(penstock, name):
    with urllib.request.urlopen(penstock.url("/metrics"), timeout=30) as answer:
        found = re.search(rf"^{re.escape(name)} (\S+)", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0


def run_backlog(penstock, rows, processes_of):
    """Starts it, and measures its query from the first record that it reads to the last commit, as the micro-batches of
    the stack's job are: neither counts its start. CPU is that of the whole, the start's too."""
    before = cpu_seconds(processes_of())
    penstock.start()
    # Counters: what the rest of the API tells is taken once a second.
    wait_until(lambda: counted(penstock, 'penstock_stream_stage_cpu_microseconds_total{query="loaded",stage="decode"}') > 0,
               "the first record", 60, 0.005)
    start = time.monotonic()
    wait_until(lambda: counted(penstock, "penstock_stream_stored_rows_total") >= rows, "the backlog in the table",
               900, 0.1)
    took = time.monotonic() - start
    folder = pathlib.Path(f"/proc/{penstock.process.pid}")
    cpu = cpu_seconds({*processes_of(), folder}) - before
    return {"backlog_per_s": rows / took, "backlog_cpu_s": cpu / rows * 1e6}


def backlog_pipeline(folder, table, topic="backlog"):
    folder.mkdir()
    (folder / "backlog.yaml").write_text(FROM_TOPIC.format(
        topic=topic, table=table, columns=", ".join(COLUMNS), schema=", ".join(f"{name} STRING" for name in COLUMNS)))
    return folder


def run_mixed(stack, folder, topic, table, rows):
    folder.mkdir()
    penstock = Penstock(backlog_pipeline(folder / "p", table, topic), folder / "data",
                        ["--kafka", f"kafka://{stack.kafka}", "--tables", f"cassandra://127.0.0.1:{stack.cql}/spark_streams"])
    try:
        return run_backlog(penstock, rows, lambda: list(processes()))
    finally:
        penstock.stop()


def measure_mixed(stack, folder, given, results):
    wait_for_compactions(stack.cql)
    results["mixed"] = run_mixed(stack, folder / "mixed", "backlog", "by_penstock", given.backlog)
    check_rows(stack.cql, "by_penstock", given.backlog)


def measure_penstock(api, folder, given, results):
    (folder / "p").mkdir()
    (folder / "p/users.yaml").write_text(FROM_API.format(url=api.url))
    penstock = Penstock(folder / "p", folder / "data")
    start = time.monotonic()
    penstock.start(wait=False)
    wait_until(lambda: has_row(penstock.ports["cql"]), "a row over CQL", 60, 0.002)
    found = {"first_row_s": time.monotonic() - start}
    latencies = Latencies(api, penstock.ports["cql"])
    served, began = api.next, time.monotonic()
    time.sleep(given.seconds / 2)
    found["memory_mib"] = memory_mib([pathlib.Path(f"/proc/{penstock.process.pid}")], "Rss")
    time.sleep(given.seconds / 2)
    found["one_by_one_per_s"] = (api.next - served) / (time.monotonic() - began)
    penstock.call("POST", "/api/v1/sources/random_users/stop", {})
    time.sleep(1)
    found["latencies_ms"] = latencies.stop()
    fill(f"127.0.0.1:{penstock.ports['kafka']}", given.backlog)
    penstock.stop()
    penstock = Penstock(backlog_pipeline(folder / "backlog", "loaded"), folder / "data")
    found |= run_backlog(penstock, given.backlog, lambda: [])
    check_rows(penstock.ports["cql"], "loaded", given.backlog)
    penstock.stop()
    results["penstock"] = found


def report(results):
    stack, own, mixed = (results.get(name, {}) for name in ("stack", "penstock", "mixed"))
    lines = [("first row", "s", "first_row_s", False), ("memory, all processes", "MiB", "memory_mib", False),
             ("one by one", "records/s", "one_by_one_per_s", True), ("API to row, p50", "ms", "p50", False),
             ("API to row, p99", "ms", "p99", False), ("backlog into the table", "records/s", "backlog_per_s", True),
             ("backlog, CPU-seconds a million", "s", "backlog_cpu_s", False)]
    for found in (stack, own):
        if "latencies_ms" in found:
            values = found.pop("latencies_ms")
            found |= {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "samples": len(values)}
    print(f"  {'':34}{'stack':>12}{'Penstock':>12}{'ratio':>10}{'mixed':>12}{'ratio':>10}")
    for name, unit, key, more_is_better in lines:
        cells = ""
        for found in (stack, own, mixed):
            cells += f"{found[key]:12,.1f}" if key in found else f"{'':12}"
            if found is stack:
                continue
            if key in found and key in stack:
                ratio = found[key] / stack[key] if more_is_better else stack[key] / found[key]
                cells += f"{ratio:9,.1f}x"
            else:
                cells += " " * 10
        print(f"  {name + ', ' + unit:34}{cells}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backlog", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--heap", default=f"{cassandra_heap_mib()}M", help="Cassandra's; by default what it takes by itself")
    parser.add_argument("--only", default="stack,mixed,penstock")
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    wanted = given.only.split(",")
    print(machine())
    api = PeopleApi(people(3000 * given.seconds))
    folder, results = pathlib.Path(tempfile.mkdtemp(prefix="penstock-bench-")), {}
    RUN.mkdir()
    try:
        if "penstock" in wanted:
            measure_penstock(api, folder, given, results)
        if "stack" in wanted:
            api.next = 0
            api.samples.clear()
            stack = Stack(api.url, given.heap)
            try:
                measure_stack(stack, api, folder, given, results)
                if "mixed" in wanted:
                    measure_mixed(stack, folder, given, results)
            finally:
                stack.stop()
    finally:
        api.stop()
        shutil.rmtree(folder)
        shutil.rmtree(RUN, ignore_errors=True)
    report(results)
    if given.json:
        with open(given.json, "a") as out:
            out.write(json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **results}) + "\n")


if __name__ == "__main__":
    main()
