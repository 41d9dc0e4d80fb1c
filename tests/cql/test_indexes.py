"""Secondary indexes: Cassandra's legacy ones and storage-attached ones. The same answers come from a real Cassandra 5."""
import threading

import pytest
from cassandra.protocol import ConfigurationException
from cassandra.query import SimpleStatement
from support.cql import refused
from support.process import wait_until


def keys(session, where, *, page=5000):
    return [(row.p, row.c) for row in session.execute(SimpleStatement(f"SELECT p, c FROM t WHERE {where}", fetch_size=page))]


def built(session, keyspace, count):
    """A real Cassandra refuses to ask an index that is not filled yet."""
    wait_until(lambda: len(list(session.execute(
        f"SELECT index_name FROM system.\"IndexInfo\" WHERE table_name = '{keyspace}'"))) == count, f"{count} indexes built")


@pytest.fixture
def table(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, a int, b text, d double, l list<int>, s set<text>, m map<text, int>, "
                    "f frozen<list<int>>, PRIMARY KEY (p, c))")
    insert = session.prepare("INSERT INTO t (p, c, a, b, d, l, s, m, f) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    for p, c, *values in ((1, 1, 10, "Abc", 1.5, [1, 2], {"x", "y"}, {"k": 1}, [7]),
                          (1, 2, 10, "abC", 2.5, [2, 3], {"y"}, {"k": 2, "l": 1}, [8]),
                          (2, 1, 20, "xyz", 3.5, [1], {"z"}, {"l": 2}, [7])):
        session.execute(insert, (p, c, *values))
    return "t"


def test_rows_of_before_and_after_are_found(session, keyspace, table):
    session.execute("CREATE INDEX ON t (a)")
    built(session, keyspace, 1)
    assert keys(session, "a = 10") == [(1, 1), (1, 2)] and keys(session, "a = 30") == []
    session.execute("INSERT INTO t (p, c, a) VALUES (3, 1, 10)")
    assert set(keys(session, "a = 10")) == {(1, 1), (1, 2), (3, 1)}
    # What is no longer so is not found, however it came about.
    session.execute("UPDATE t SET a = 11 WHERE p = 1 AND c = 1")
    session.execute("DELETE a FROM t WHERE p = 1 AND c = 2")
    session.execute("DELETE FROM t WHERE p = 3 AND c = 1")
    assert keys(session, "a = 10") == [] and keys(session, "a = 11") == [(1, 1)]
    session.execute("DELETE FROM t WHERE p = 1")
    assert keys(session, "a = 11") == []
    # The greater timestamp counts, whenever it comes.
    session.execute("INSERT INTO t (p, c, a) VALUES (4, 1, 10) USING TIMESTAMP 2000")
    session.execute("INSERT INTO t (p, c, a) VALUES (4, 1, 12) USING TIMESTAMP 1000")
    assert keys(session, "a = 10") == [(4, 1)] and keys(session, "a = 12") == []
    session.execute("TRUNCATE t")
    assert keys(session, "a = 20") == []
    session.execute("INSERT INTO t (p, c, a) VALUES (5, 1, 20)")
    assert keys(session, "a = 20") == [(5, 1)]


def test_collections(session, keyspace, table):
    for target in ("l", "s", "m", "keys(m)", "entries(m)", "full(f)", "c"):
        session.execute(f"CREATE INDEX ON t ({target})")
    built(session, keyspace, 7)
    assert keys(session, "l CONTAINS 2") == [(1, 1), (1, 2)]
    assert keys(session, "s CONTAINS 'y'") == [(1, 1), (1, 2)]
    assert keys(session, "m CONTAINS 1") == [(1, 1), (1, 2)]
    assert keys(session, "m CONTAINS KEY 'l'") == [(1, 2), (2, 1)]
    assert keys(session, "m['k'] = 2") == [(1, 2)]
    assert keys(session, "f = [7]") == [(1, 1), (2, 1)]
    assert keys(session, "c = 1") == [(1, 1), (2, 1)]
    session.execute("UPDATE t SET m = m + {'n': 1} WHERE p = 2 AND c = 1")
    session.execute("UPDATE t SET s = s - {'y'} WHERE p = 1 AND c = 2")
    assert keys(session, "s CONTAINS 'y'") == [(1, 1)]
    assert keys(session, "m CONTAINS 1") == [(1, 1), (1, 2), (2, 1)]


def test_what_needs_filtering_and_what_does_not(session, keyspace, table):
    session.execute("CREATE INDEX ON t (a)")
    session.execute("CREATE INDEX ON t (d) USING 'sai'")
    session.execute("CREATE CUSTOM INDEX ON t (b) USING 'StorageAttachedIndex'")
    built(session, keyspace, 3)
    filtering = "use ALLOW FILTERING"
    for where in ("a > 10", "a = 10 AND d > 1", "d IN (1.5, 2.5)", "a IN (10, 20)", "b > 'a'", "l CONTAINS 1"):
        refused(session, f"SELECT * FROM t WHERE {where}", filtering)
        session.execute(f"SELECT * FROM t WHERE {where} ALLOW FILTERING")
    # Storage-attached indexes answer ranges, and several together.
    assert keys(session, "d > 1 AND d < 3") == [(1, 1), (1, 2)]
    assert keys(session, "d >= 2.5") == [(1, 2), (2, 1)]
    assert keys(session, "d >= 2.5 AND b = 'abC'") == [(1, 2)]
    assert keys(session, "d < 2.5 AND b = 'abC'") == []
    assert keys(session, "p = 1 AND a = 10") == [(1, 1), (1, 2)]
    assert keys(session, "p = 1 AND c = 2 AND a = 10") == [(1, 2)]
    assert keys(session, "p = 2 AND a = 10") == []
    assert sorted(keys(session, "token(p) > token(1) AND d > 0") + keys(session, "token(p) <= token(1) AND d > 0")) == [
        (1, 1), (1, 2), (2, 1)]
    assert session.execute("SELECT count(*) FROM t WHERE d > 0").one()[0] == 3
    refused(session, "SELECT * FROM t WHERE p IN (1, 2) AND a = 10", "with IN clause for the PRIMARY KEY")
    refused(session, "SELECT * FROM t WHERE p = 1 AND a = 10 ORDER BY c", "ORDER BY with 2ndary indexes is not supported")
    refused(session, "SELECT * FROM t WHERE b LIKE 'a%'", "LIKE restriction is only supported on properly indexed columns")
    prepared = session.prepare("SELECT p, c FROM t WHERE d >= ? AND d < ?")
    assert [tuple(row) for row in session.execute(prepared, (2.0, 3.0))] == [(1, 2)]


def test_text_is_folded_as_the_index_says(session, keyspace, table):
    session.execute("CREATE CUSTOM INDEX ON t (b) USING 'StorageAttachedIndex' "
                    "WITH OPTIONS = {'case_sensitive': 'false', 'normalize': 'true', 'ascii': 'true'}")
    built(session, keyspace, 1)
    assert keys(session, "b = 'ABC'") == [(1, 1), (1, 2)]
    session.execute("INSERT INTO t (p, c, b) VALUES (3, 1, 'Zo\u00eb')")
    assert keys(session, "b = 'ZOE\u0308'") == [(3, 1)] and keys(session, "b = 'zoe'") == [(3, 1)]


def test_paging(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, a int, d int, PRIMARY KEY (p, c))")
    session.execute("CREATE INDEX ON t (a)")
    session.execute("CREATE INDEX ON t (d) USING 'sai'")
    insert = session.prepare("INSERT INTO t (p, c, a, d) VALUES (?, ?, ?, ?)")
    for p in range(10):
        for c in range(40):
            session.execute(insert, (p, c, c % 2, c))
    everything = [(row.p, row.c) for row in session.execute("SELECT p, c FROM t")]
    odd = [(p, c) for p, c in everything if c % 2]
    some = [(p, c) for p, c in everything if 10 <= c < 30]
    built(session, keyspace, 2)
    for page in (1, 3, 50, 199, 1000):
        if page > 1:
            assert keys(session, "a = 1", page=page) == odd
        assert keys(session, "d >= 10 AND d < 30", page=max(page, 3)) == some
    rows = session.execute(SimpleStatement("SELECT p, c FROM t WHERE a = 1 PER PARTITION LIMIT 2", fetch_size=3))
    assert [(row.p, row.c) for row in rows] == [(p, c) for p, c in odd if c < 4]
    assert keys(session, "a = 1 LIMIT 7", page=2) == odd[:7]


def test_static_and_partition_key_columns(session, keyspace):
    session.execute("CREATE TABLE t (p int, q int, c int, v int, st int static, PRIMARY KEY ((p, q), c))")
    for name in ("q", "st"):
        session.execute(f"CREATE INDEX ON t ({name})")
    for p in (1, 2, 3):
        session.execute(f"INSERT INTO t (p, q, st) VALUES ({p}, {p % 2}, {p * 10})")
        for c in (1, 2):
            session.execute(f"INSERT INTO t (p, q, c, v) VALUES ({p}, {p % 2}, {c}, 0)")
    built(session, keyspace, 2)
    assert sorted(keys(session, "q = 1")) == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert keys(session, "st = 20") == [(2, 1), (2, 2)]
    assert keys(session, "st = 20", page=1) == [(2, 1), (2, 2)]


def test_rules_and_schema(session, keyspace, table):
    session.execute("CREATE INDEX ON t (a)")
    refused(session, "CREATE INDEX ON t (a)", "Index t_a_idx_1 is a duplicate of existing index t_a_idx")
    refused(session, "CREATE INDEX t_a_idx ON t (b)", "Index 't_a_idx' already exists")
    session.execute("CREATE INDEX IF NOT EXISTS t_a_idx ON t (b)")
    session.execute("CREATE INDEX ON t (keys(m))")
    session.execute("CREATE INDEX on_d ON t (d) USING 'sai'")
    session.execute("CREATE CUSTOM INDEX on_b ON t (b) USING 'StorageAttachedIndex' WITH OPTIONS = {'case_sensitive': 'false'}")
    for statement, text in {
        "CREATE INDEX ON t (nothing)": "Undefined column name nothing in table",
        "CREATE INDEX ON nothing (a)": "Table 'nothing' doesn't exist",
        "CREATE INDEX ON t (keys(a))": "Cannot create keys() index on a. Non-collection columns only support simple indexes",
        "CREATE INDEX ON t (keys(l))": "Cannot create index on keys of column l with non-map type",
        "CREATE INDEX ON t (full(m))": "full() indexes can only be created on frozen collections",
        "CREATE INDEX ON t (f)": "Frozen collections are immutable and must be fully indexed by using the 'full(f)' modifier",
        "CREATE INDEX ON t (a, b)": "Only CUSTOM indexes support multiple columns",
        "CREATE CUSTOM INDEX ON t (a, b) USING 'sai'": "cannot be created over multiple columns: a, b",
        "CREATE CUSTOM INDEX ON t (d) USING 'sai'": "Index t_d_idx is a duplicate of existing index on_d",
        "CREATE CUSTOM INDEX ON t (d) USING 'SAI'": "Cannot create more than one storage-attached index on the same column: d",
        "CREATE INDEX ON t (a) WITH OPTIONS = {'x': 'y'}": "Cannot specify options for a non-CUSTOM index",
        "CREATE CUSTOM INDEX ON t (a) USING 'sai' WITH OPTIONS = {'ascii': 'true'}": "CQL type int cannot be analyzed.",
        "ALTER TABLE t DROP a": "Cannot drop column a because it has dependent secondary indexes (t_a_idx)",
        "DROP INDEX nothing": "doesn't exist",
        "DESCRIBE INDEX nothing": "Table for existing index 'nothing' not found in",
    }.items():
        refused(session, statement, text)
    for statement, text in {
        "CREATE INDEX ON t (a) USING 'nonsense'": "Unable to find custom indexer class 'nonsense'",
        "CREATE INDEX \"Bad Name\" ON t (s)": "Illegal index name Bad Name",
        "CREATE CUSTOM INDEX ON t (a) USING 'sai' WITH OPTIONS = {'nonsense': 'x'}": "Properties specified [nonsense]",
    }.items():
        refused(session, statement, text, ConfigurationException)
    rows = {row.index_name: (row.kind, dict(row.options)) for row in session.execute(
        f"SELECT * FROM system_schema.indexes WHERE keyspace_name = '{keyspace}'")}
    assert rows == {"t_a_idx": ("COMPOSITES", {"target": "a"}), "t_m_idx": ("COMPOSITES", {"target": "keys(m)"}),
                    "on_d": ("CUSTOM", {"class_name": "sai", "target": "d"}),
                    "on_b": ("CUSTOM", {"class_name": "StorageAttachedIndex", "target": "b", "case_sensitive": "false"})}
    described = {row.name: row.create_statement for row in session.execute("DESCRIBE TABLE t") if row.type == "index"}
    assert described == {
        "t_a_idx": f"CREATE INDEX t_a_idx ON {keyspace}.t (a);",
        "t_m_idx": f"CREATE INDEX t_m_idx ON {keyspace}.t (keys(m));",
        "on_d": f"CREATE CUSTOM INDEX on_d ON {keyspace}.t (d) USING 'sai';",
        "on_b": f"CREATE CUSTOM INDEX on_b ON {keyspace}.t (b) USING 'StorageAttachedIndex' WITH OPTIONS = "
                "{'case_sensitive': 'false'};"}
    session.cluster.refresh_table_metadata(keyspace, "t")
    assert set(session.cluster.metadata.keyspaces[keyspace].tables["t"].indexes) == set(rows)
    session.execute(f"DROP INDEX {keyspace}.t_a_idx")
    session.execute("DROP INDEX IF EXISTS t_a_idx")
    refused(session, "SELECT * FROM t WHERE a = 1", "ALLOW FILTERING")
    session.execute("ALTER TABLE t DROP a")


def test_an_index_is_built_while_rows_are_written(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, a int, PRIMARY KEY (p, c))")
    insert = session.prepare("INSERT INTO t (p, c, a) VALUES (?, ?, ?)")
    for future in [session.execute_async(insert, (p, 0, p % 7)) for p in range(2000)]:
        future.result()
    started = threading.Event()

    def write():
        for p in range(2000, 3000):
            session.execute(insert, (p, 0, p % 7))
            started.set()
    writer = threading.Thread(target=write)
    writer.start()
    started.wait()
    session.execute("CREATE INDEX ON t (a)")
    writer.join()
    built(session, keyspace, 1)
    for a in range(7):
        assert sorted(p for p, _ in keys(session, f"a = {a}")) == [p for p in range(3000) if p % 7 == a]


@pytest.mark.parametrize("before", [True, False], ids=["written before", "written after"])
def test_a_partition_key_column_of_partitions_without_rows(session, keyspace, before):
    session.execute("CREATE TABLE t (a int, p int, c int, s int static, v int, PRIMARY KEY ((a, p), c))")

    def write():
        session.execute("INSERT INTO t (a, p, s) VALUES (2, 1, 9)")
        for c in (1, 2, 3):
            session.execute(f"INSERT INTO t (a, p, c, s, v) VALUES (1, 1, {c}, 8, 7)")
        session.execute("INSERT INTO t (a, p, c) VALUES (1, 5, 1)")

    def found(where="p = 1", what="a, c, s", **options):
        return sorted((tuple(row) for row in session.execute(SimpleStatement(f"SELECT {what} FROM t WHERE {where}", **options))),
                      key=str)

    if before:
        write()
    session.execute("CREATE INDEX ON t (p)")
    built(session, keyspace, 1)
    if not before:
        write()
    assert found() == [(1, 1, 8), (1, 2, 8), (1, 3, 8), (2, None, 9)]
    assert found(fetch_size=2) == found()
    assert found(what="DISTINCT a, p") == [(1, 1), (2, 1)]
    assert found("p = 1 AND c = 2 ALLOW FILTERING") == [(1, 2, 8)]
    session.execute("DELETE FROM t WHERE a = 1 AND p = 1")
    assert found() == [(2, None, 9)]
    session.execute("UPDATE t SET s = null WHERE a = 2 AND p = 1")
    assert found() == []
