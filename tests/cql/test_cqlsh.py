"""The port as cqlsh uses it."""
import os
import shutil
import subprocess
import sys
import uuid

import pytest


@pytest.fixture
def cqlsh(address):
    beside = os.path.join(os.path.dirname(sys.executable), "cqlsh")
    program = beside if os.path.exists(beside) else shutil.which("cqlsh")
    if not program:
        pytest.skip("cqlsh is not installed")

    def run(text, check=True):
        done = subprocess.run([program, address[0], str(address[1]), "-e", text], capture_output=True, text=True, timeout=120)
        if check:
            assert done.returncode == 0, done.stderr
            return done.stdout
        return done.stderr
    return run


@pytest.fixture
def keyspace(cqlsh):
    name = "c_" + uuid.uuid4().hex[:12]
    cqlsh(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    yield name
    cqlsh(f"DROP KEYSPACE {name}")


def test_it_connects_and_names_the_cluster(cqlsh):
    assert "Partitioner: Murmur3Partitioner" in cqlsh("DESCRIBE CLUSTER")
    assert "CQL spec 3.4" in cqlsh("SHOW VERSION")


def test_the_tutorial_table(cqlsh, keyspace):
    cqlsh(f"CREATE TABLE {keyspace}.created_users (id uuid PRIMARY KEY, first_name text, last_name text, gender text)")
    cqlsh(f"INSERT INTO {keyspace}.created_users (id, first_name) VALUES (uuid(), 'Ada')")
    out = cqlsh(f"SELECT first_name, last_name FROM {keyspace}.created_users")
    assert "Ada" in out and "null" in out and "(1 rows)" in out


def test_describe(cqlsh, keyspace):
    cqlsh(f"CREATE TABLE {keyspace}.t (a int, b text, v frozen<map<text, int>>, w tuple<int, text>, PRIMARY KEY (a, b)) "
          "WITH CLUSTERING ORDER BY (b DESC) AND comment = 'x'")
    assert keyspace in cqlsh("DESCRIBE KEYSPACES")
    assert "t" in cqlsh(f"USE {keyspace}; DESCRIBE TABLES")
    table = cqlsh(f"DESCRIBE TABLE {keyspace}.t")
    for part in ("PRIMARY KEY (a, b)", "CLUSTERING ORDER BY (b DESC)", "v frozen<map<text, int>>", "comment = 'x'"):
        assert part in table
    whole = cqlsh(f"DESCRIBE KEYSPACE {keyspace}")
    assert f"CREATE KEYSPACE {keyspace}" in whole and f"CREATE TABLE {keyspace}.t" in whole
    # What is described can be made again.
    cqlsh(f"DROP TABLE {keyspace}.t")
    cqlsh(table.strip().rstrip(";"))
    assert cqlsh(f"DESCRIBE TABLE {keyspace}.t") == table


def test_errors_are_cassandras(cqlsh, keyspace):
    assert "line 1:9 mismatched input 'FORM'" in cqlsh("SELECT * FORM t", check=False)
    assert "does not exist" in cqlsh(f"SELECT * FROM {keyspace}.nothing", check=False)


def test_copy_to_and_from_a_file(cqlsh, keyspace, tmp_path):
    cqlsh(f"CREATE TABLE {keyspace}.t (k int PRIMARY KEY, v text)")
    source, copy = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("".join(f"{k},value {k}\n" for k in range(200)))
    cqlsh(f"COPY {keyspace}.t (k, v) FROM '{source}'")
    assert "200" in cqlsh(f"SELECT count(*) FROM {keyspace}.t")
    cqlsh(f"COPY {keyspace}.t (k, v) TO '{copy}'")
    assert sorted(copy.read_text().split()) == sorted(source.read_text().split())
