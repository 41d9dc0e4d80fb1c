"""penstock doctor against the real systems: up, down, and with a wrong password."""
import json
import ssl
import subprocess

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

from support.process import BINARY, free_port, own_environment

PIPELINE = """
pipeline: p
topics: { t: { partitions: 2 } }
sources: { hook: { webhook: { path: h }, topic: t } }
queries:
  right: { sql: "SELECT a, b FROM t", into: shop.right, key: [a, b DESC] }
  wrong: { sql: "SELECT a, b FROM t", into: shop.wrong, key: [a] }
  later: { sql: "SELECT a, b FROM t", into: shop.later, key: [a] }
"""


@pytest.fixture
def doctor(tmp_path):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    ports = [option for name in ("console", "kafka", "cql", "schemas") for option in (f"--{name}-port", str(free_port()))]

    def run(setting, url, system):
        done = subprocess.run([BINARY, "doctor", tmp_path, *ports, f"--{setting}", url, "-o", "json"], capture_output=True,
                              text=True, timeout=90, env=own_environment())
        assert done.returncode in (0, 1), done.stderr
        assert "secret" not in done.stdout and "mistaken" not in done.stdout
        found = [f for f in json.loads(done.stdout) if f["system"] == system]
        return {result: " | ".join(f["found"] for f in found if f["result"] == result) for result in ("ok", "warning", "error")}
    return run


def test_kafka(doctor, real_kafka_sasl, covers, suite):
    covers("Apache Kafka", real_kafka_sasl.version, "KRaft, SASL/PLAIN", "doctor")
    found = doctor("kafka", real_kafka_sasl.url, "topics")
    assert "answers with 1 broker" in found["ok"] and "is reached; Kafka 4.1 or newer" in found["ok"], found
    assert "topic t does not exist" in found["warning"] and not found["error"], found
    assert doctor("kafka", real_kafka_sasl.url.replace("penstock-secret", "mistaken"), "topics")["error"]
    real_kafka_sasl("stop")
    assert doctor("kafka", real_kafka_sasl.url, "topics")["error"]
    suite.ran += 3


def test_postgres(doctor, real_postgres, covers, suite):
    covers("PostgreSQL", "15", "one server", "doctor")
    found = doctor("metadata", real_postgres.url, "metadata")
    assert "is PostgreSQL 15" in found["ok"] and "migration 0 of" in found["ok"] and "clock" in found["ok"], found
    assert not found["error"], found
    refused = doctor("metadata", real_postgres.url.replace("penstock:penstock@", "penstock:mistaken@"), "metadata")
    assert refused["error"], refused
    real_postgres("stop")
    assert doctor("metadata", real_postgres.url, "metadata")["error"]
    suite.ran += 3


def test_zookeeper(doctor, real_zookeeper, covers, suite):
    covers("Apache ZooKeeper", "3.8", "one server", "doctor")
    found = doctor("coordination", real_zookeeper.url, "coordination")
    assert "is ZooKeeper 3.8" in found["ok"] and "can be written" in found["ok"], found
    assert "is alone" in found["warning"] and not found["error"], found
    real_zookeeper("stop")
    assert doctor("coordination", real_zookeeper.url, "coordination")["error"]
    suite.ran += 2


def test_cassandra(doctor, real_cassandra_secured, covers, suite):
    covers("Apache Cassandra", real_cassandra_secured.version, "one node, TLS and password", "doctor")
    url = f"{real_cassandra_secured.url}/penstock?tls.ca={real_cassandra_secured.certificate}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Cluster(["127.0.0.1"], port=int(real_cassandra_secured.environment["CASSANDRA_PORT"]), ssl_context=context,
                 auth_provider=PlainTextAuthProvider("cassandra", "cassandra")) as cluster:
        session = cluster.connect()
        for text in ("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
                     "CREATE TABLE shop.right (a text, b bigint, PRIMARY KEY (a, b)) WITH CLUSTERING ORDER BY (b DESC)",
                     "CREATE TABLE shop.wrong (a text, b bigint, PRIMARY KEY (b))"):
            session.execute(text, timeout=60)
    found = doctor("tables", url, "tables")
    assert f"Cassandra {real_cassandra_secured.version}" in found["ok"], found
    # On a busy machine the answer that tells the time takes long.
    assert "the clock of Cassandra" in found["ok"] + found["warning"], found
    assert "table shop.right has the query's key" in found["ok"] and "shop.later is not there yet" in found["ok"], found
    assert found["error"] == "table shop.wrong has the key [[b]], query wrong says [[a]]", found
    refused = doctor("tables", url.replace(":cassandra@", ":mistaken@"), "tables")
    assert refused["error"], refused
    real_cassandra_secured("stop")
    assert doctor("tables", url, "tables")["error"]
    suite.ran += 3


def test_registry(doctor, real_registry, covers, suite):
    covers("Apicurio Registry", "3.3.3", "Confluent's API, in memory", "doctor")
    found = doctor("schemas", real_registry.url, "schemas")
    assert "answers with 0 subjects" in found["ok"] and not found["error"], found
    without_base_path = real_registry.url.removesuffix("/apis/ccompat/v7")
    assert doctor("schemas", without_base_path, "schemas")["error"]
    real_registry("stop")
    assert doctor("schemas", real_registry.url, "schemas")["error"]
    suite.ran += 3
