"""The Spark Cassandra connector reads and writes tables of the CQL port, as of a Cassandra."""
import os
import pathlib
import subprocess
import uuid

import pytest
from cassandra.cluster import Cluster
from support.process import Penstock

pytestmark = pytest.mark.long

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("PENSTOCK_CACHE", pathlib.Path.home() / ".cache/penstock"))
OPENS = ["java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.io",
         "java.base/java.net", "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
         "java.base/java.util.concurrent.atomic", "java.base/sun.nio.ch", "java.base/sun.nio.cs",
         "java.base/sun.security.action", "java.base/sun.util.calendar"]


def test_the_connector_reads_and_writes(tmp_path):
    subprocess.run([HERE / "spark.sh", "fetch"], check=True, timeout=900, env={**os.environ, "SPARK_VERSION": "3.5.7"})
    jars = CACHE / "spark-3.5.7/lib"
    subprocess.run(["javac", "-cp", f"{jars}/*", "-d", tmp_path, HERE / "java/SparkTables.java"], check=True, timeout=120)
    keyspace = "s_" + uuid.uuid4().hex[:10]
    with Penstock(tmp_path, tmp_path / "data") as penstock:
        # PENSTOCK_CQL: another server, such as a real Cassandra.
        host, port = os.environ.get("PENSTOCK_CQL", f"127.0.0.1:{penstock.ports['cql']}").rsplit(":", 1)
        cluster = Cluster([host], port=int(port))
        session = cluster.connect()
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
        session.execute(f"CREATE TABLE {keyspace}.written (p int, c int, name text, n bigint, PRIMARY KEY (p, c))")
        opens = [part for package in OPENS for part in ("--add-opens", f"{package}=ALL-UNNAMED")]
        done = subprocess.run(["java", "-Xmx700m", "-XX:TieredStopAtLevel=1", *opens, "-cp", f"{jars}/*:{tmp_path}",
                               "SparkTables", host, port, keyspace], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and "ok" in done.stdout, (done.stdout + done.stderr)[-4000:]
        assert session.execute(f"SELECT count(*) FROM {keyspace}.copied").one()[0] == 100
        session.execute(f"DROP KEYSPACE {keyspace}")
        cluster.shutdown()
