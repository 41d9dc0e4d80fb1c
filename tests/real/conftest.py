"""Starts the real systems for tests. A system that does not start is an error of the test, never a skip.

The C++ suites of the seams are run against them (`Suite`): by default those of build/release, or of $PENSTOCK_BUILD.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))
import compatibility  # noqa: E402
from kafka_proxy import KafkaProxy  # noqa: E402
from support.cql_probe import CqlProbe  # noqa: E402
from support.process import ROOT, free_port, wait_until  # noqa: E402

BUILD = ROOT / os.environ.get("PENSTOCK_BUILD", "build/release")
LOGS = ROOT / "build/test-logs/real"


@pytest.fixture(scope="session", autouse=True)
def built():
    """These tests need the suites, not the program."""


@pytest.fixture(scope="session", autouse=True)
def quick_java():
    """The systems live for a minute, of which most went into compiling them once more, better. Not for benches, which
    start them by the same scripts."""
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    os.environ.setdefault("CASSANDRA_JIT", "1")


class System:
    """One of the scripts of this folder, with its settings."""

    def __init__(self, script, name, environment):
        self.script = HERE / script
        self.name = name
        self.environment = {**os.environ, **{key: str(value) for key, value in environment.items()}}

    def __call__(self, command, timeout=480):
        # Into a file: a pipe would be kept open by the system that the script leaves running.
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"{self.name}.script.log"
        with open(log, "ab") as out:
            done = subprocess.run([self.script, command], env=self.environment, stdout=out, stderr=out,
                                  stdin=subprocess.DEVNULL, timeout=timeout)
        assert done.returncode == 0, f"{self.script.name} {command}:\n{log.read_text()[-3000:]}"

    def run_folder(self):
        return pathlib.Path(self.environment.get("REAL_RUN") or f"/tmp/penstock-real-{os.getuid()}")

    def keep_logs(self, pattern):
        for file in self.run_folder().glob(pattern):
            shutil.copy(file, LOGS / f"{self.name}.{file.name}")


def running(system, logs):
    try:
        system("start")
        yield system
    finally:
        system.keep_logs(logs)
        system("wipe")


@pytest.fixture(scope="module")
def real_postgres():
    port = free_port()
    system = System("postgresql.sh", "postgresql", {"POSTGRES_PORT": port})
    system.url = f"postgresql://penstock:penstock@127.0.0.1:{port}/penstock"
    yield from running(system, f"postgresql-{port}/*.log")


@pytest.fixture(scope="module")
def real_zookeeper():
    port = free_port()
    system = System("zookeeper.sh", "zookeeper", {"ZOOKEEPER_PORT": port})
    system.url = f"zookeeper://127.0.0.1:{port}"
    yield from running(system, f"zookeeper-{port}/*.log")


@pytest.fixture(scope="module")
def real_registry():
    port = free_port()
    system = System("registry.sh", "registry", {"REGISTRY_PORT": port, "REGISTRY_MANAGEMENT_PORT": free_port()})
    system.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    yield from running(system, f"registry-{port}/*.log")


def kafka(mode, version, more):
    port = more.get("KAFKA_PORT") or free_port()
    system = System("kafka.sh", f"kafka-{version}", {"KAFKA_MODE": mode, "KAFKA_VERSION": version, "KAFKA_PORT": port,
                                                     "KAFKA_CONTROLLER_PORT": free_port(), **more})
    login = "penstock:penstock-secret@" if "KAFKA_SASL" in more else ""
    system.url = f"kafka://{login}127.0.0.1:{port}"
    system.version = version
    if "KAFKA_TLS" in more:
        system.certificate = system.run_folder() / f"kafka-{port}/tls/ca.pem"
    yield from running(system, f"kafka-{port}/*.log")


@pytest.fixture(scope="module", params=["4.3.1", "3.9.2"])
def real_kafka_secured(request):
    """Asks for a user and a password, by TLS."""
    yield from kafka("kraft", request.param, {"KAFKA_SASL": 1, "KAFKA_TLS": 1})


@pytest.fixture(scope="module")
def real_kafka_sasl():
    """Asks for a user and a password."""
    yield from kafka("kraft", "4.3.1", {"KAFKA_SASL": 1})


@pytest.fixture
def real_kafka_kraft():
    yield from kafka("kraft", "4.3.1", {})


@pytest.fixture
def kafka_behind_proxy():
    """Whose clients go through system.proxy."""
    port = free_port()
    with contextlib.closing(KafkaProxy(port)) as proxy:
        for system in kafka("kraft", "4.3.1", {"KAFKA_PORT": port, "KAFKA_ADVERTISED_PORT": proxy.port}):
            system.proxy = proxy
            yield system


@pytest.fixture(scope="module")
def real_kafka_module():
    """One for all tests of a file, which use topics of their own."""
    yield from kafka("kraft", "4.3.1", {})


@pytest.fixture
def real_kafka_with_zookeeper(real_zookeeper):
    """3.9, the last Kafka that can do with ZooKeeper what 4 does with KRaft."""
    yield from kafka("zookeeper", "3.9.2", {"ZOOKEEPER_PORT": real_zookeeper.environment["ZOOKEEPER_PORT"]})


CASSANDRA = "5.0.9"


def cassandra_node(port, storage_port, address="127.0.0.1", **more):
    system = System("cassandra.sh", f"cassandra-{CASSANDRA}-{address}", {
        "CASSANDRA_VERSION": CASSANDRA, "CASSANDRA_PORT": port, "CASSANDRA_STORAGE_PORT": storage_port,
        "CASSANDRA_JMX_PORT": free_port(), "CASSANDRA_ADDRESS": address, **more})
    login = "cassandra:cassandra@" if "CASSANDRA_AUTH" in more else ""
    run = pathlib.Path(system.environment.get("REAL_RUN") or f"/tmp/penstock-real-{os.getuid()}")
    system.url = f"cassandra://{login}{address}:{port}"
    system.version = CASSANDRA
    system.certificate = run / f"cassandra-{address}-{port}/server.pem"
    system.logs = f"cassandra-{address}-{port}/*.log"
    return system


@pytest.fixture(scope="module")
def real_cassandra():
    """One for all tests of a module: it takes a quarter of a minute to start."""
    system = cassandra_node(free_port(), free_port())
    yield from running(system, system.logs)


@pytest.fixture
def real_cassandra_secured():
    system = cassandra_node(free_port(), free_port(), CASSANDRA_AUTH=1, CASSANDRA_TLS=1)
    yield from running(system, system.logs)


@pytest.fixture
def real_cassandra_cluster():
    """Three nodes on three addresses; the first is the others' seed."""
    port, storage_port = free_port(), free_port()
    nodes = [cassandra_node(port, storage_port, f"127.0.0.{i}", CASSANDRA_SEED="127.0.0.1", CASSANDRA_HEAP="256M",
                            CASSANDRA_BOOTSTRAP="false") for i in (1, 2, 3)]
    try:
        for node in nodes:
            node("start")
        # A node answers before the others know it, and then has no part in what the schema is agreed on.
        for i in (1, 2, 3):
            wait_until(lambda i=i: CqlProbe(port, address=f"127.0.0.{i}").row_count(
                f"SELECT peer FROM system.peers_v2 WHERE native_port = {port} ALLOW FILTERING") == 2,
                f"node {i} knowing the others", 60, 0.2)
        yield nodes
    finally:
        for node in nodes:
            node.keep_logs(node.logs)
            node("wipe")


def spark(version):
    ports = {f"SPARK_{name}PORT": free_port() for name in ("CONNECT_", "MASTER_", "UI_", "WORKER_UI_")}
    system = System("spark.sh", f"spark-{version}", {"SPARK_VERSION": version, **ports})
    system.url = f"sc://127.0.0.1:{ports['SPARK_CONNECT_PORT']}"
    system.version = version
    system.ui = f"http://127.0.0.1:{ports['SPARK_UI_PORT']}"
    yield from running(system, f"spark-{ports['SPARK_CONNECT_PORT']}/*.log")


@pytest.fixture(scope="module")
def spark_for_seams():
    yield from spark("3.5.7")


@pytest.fixture(scope="class")
def real_spark_3():
    """The last line that has a Cassandra connector."""
    yield from spark("3.5.7")


@pytest.fixture(scope="class")
def real_spark_4():
    yield from spark("4.2.0")


def kafka_tool(system, tool, *arguments):
    """One of Kafka's own command-line tools."""
    cache = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
    done = subprocess.run(["java", "-Xmx128m", "-cp", f"{cache}/kafka-{system.version}/lib/*", tool,
                           "--bootstrap-server", f"127.0.0.1:{system.environment['KAFKA_PORT']}", *arguments],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Suite:
    """A GoogleTest program, run as a whole or in part; a test that skips itself has not been run, and fails here."""

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path
        self.ran = 0

    def run(self, program, tests, environment, timeout=600):
        binary = BUILD / "src" / program
        assert binary.exists(), f"{binary} is missing: build it, or set PENSTOCK_BUILD"
        result = self.tmp_path / f"{program}.json"
        done = subprocess.run([binary, f"--gtest_filter={tests}", f"--gtest_output=json:{result}"],
                              env={**os.environ, **environment}, capture_output=True, timeout=timeout)
        told = done.stdout.decode(errors="replace")
        failed = re.findall(r"\[ RUN      \](?:(?!\[ RUN      \]|\[       OK \]).)*?\[  FAILED  \]", told, re.DOTALL)
        output = told + done.stderr.decode(errors="replace")
        assert done.returncode == 0, "\n".join(one[:3000] for one in failed) + "\n...\n" + output[-4000:]
        cases = [case for suite in json.loads(result.read_text())["testsuites"] for case in suite["testsuite"]
                 if case["status"] == "RUN"]
        skipped = [case["name"] for case in cases if case["result"] != "COMPLETED"]
        assert cases and not skipped, f"of {program} {tests}, these were not run: {skipped or 'all'}"
        self.ran += len(cases)


@pytest.fixture
def suite(tmp_path):
    return Suite(tmp_path)


@pytest.fixture
def covers(request, suite):
    """covers(system, version, mode, layer): a row of docs/compatibility.md, if this test passes."""
    rows = []

    def add(*row):
        rows.append(row)
    yield add
    passed = getattr(request.node, "call_passed", False)
    for row in rows:
        request.config.stash.setdefault(compatibility.ROWS, []).append((*row, suite.ran, passed))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.call_passed = report.passed
    return report


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; make real runs it, make test does not")


def pytest_addoption(parser):
    parser.addoption("--differences", metavar="FILE", help="writes what the differential test has compared into this file")
    parser.addoption("--compatibility", metavar="FILE", help="writes what ran into this file's table")


def pytest_sessionfinish(session):
    if file := session.config.getoption("--compatibility"):
        compatibility.update(ROOT / file, session.config.stash.get(compatibility.ROWS, []))
