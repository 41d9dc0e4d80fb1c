"""Tables WITH COMPACT STORAGE. Everything here also holds of Apache Cassandra 5.0 (PENSTOCK_CQL)."""
import pytest
from support.cql import refused


def rows(session, query, *values):
    return [tuple(row) for row in session.execute(query, *values)]


def schema_rows(session, keyspace, table):
    return rows(session, "SELECT column_name, kind, position, type, clustering_order FROM system_schema.columns "
                         f"WHERE keyspace_name = '{keyspace}' AND table_name = '{table}'")


WRONG = [
    ("(k int PRIMARY KEY)", "No definition found that is not part of the PRIMARY KEY"),
    ("(k int, c int, PRIMARY KEY ((k, c)))", "No definition found that is not part of the PRIMARY KEY"),
    ("(k int, c int, a int, b int, PRIMARY KEY (k, c))",
     "COMPACT STORAGE with composite PRIMARY KEY allows no more than one column not part of the PRIMARY KEY (got: a, b)"),
    ("(k int PRIMARY KEY, l list<int>)", "Non-frozen collections and UDTs are not supported with COMPACT STORAGE"),
    ("(k int, c int, s int static, PRIMARY KEY (k, c))", "Static columns are not supported in COMPACT STORAGE tables"),
    ("(k int PRIMARY KEY, s int static)", "Static columns are not supported in COMPACT STORAGE tables"),
    ("(k int PRIMARY KEY, a int, b counter)", "Cannot mix counter and non counter columns in the same table"),
]


@pytest.mark.parametrize("columns, message", WRONG, ids=[columns for columns, _ in WRONG])
def test_tables_that_cannot_be_compact(session, keyspace, columns, message):
    refused(session, f"CREATE TABLE t {columns} WITH COMPACT STORAGE", message)


def test_flags_and_columns_in_the_schema_tables(session, keyspace):
    for name, columns in {
        "alone": "(k int PRIMARY KEY, a int)",
        "counts": "(k int PRIMARY KEY, a counter)",
        "dense": "(k int, c int, v int, PRIMARY KEY (k, c))",
        "keys": "(k int, c int, PRIMARY KEY (k, c))",
        "wide": "(k int, c int, d int, v int, PRIMARY KEY (k, c, d))",
        "named": "(k int PRIMARY KEY, column1 text, value blob)",
    }.items():
        session.execute(f"CREATE TABLE {name} {columns} WITH COMPACT STORAGE")
    flags = dict(rows(session, f"SELECT table_name, flags FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"))
    assert {name: set(of) for name, of in flags.items()} == {
        "alone": set(), "counts": {"counter"}, "dense": {"dense"}, "keys": {"dense"}, "wide": {"compound", "dense"},
        "named": set()}
    assert schema_rows(session, keyspace, "alone") == [
        ("a", "static", -1, "int", "none"), ("column1", "clustering", 0, "text", "asc"),
        ("k", "partition_key", 0, "int", "none"), ("value", "regular", -1, "blob", "none")]
    assert ("value", "regular", -1, "counter", "none") in schema_rows(session, keyspace, "counts")
    assert ("v", "regular", -1, "int", "none") in schema_rows(session, keyspace, "dense")
    assert ("value", "regular", -1, "empty", "none") in schema_rows(session, keyspace, "keys")
    named = schema_rows(session, keyspace, "named")
    assert ("column2", "clustering", 0, "text", "asc") in named and ("value1", "regular", -1, "blob", "none") in named


def test_describe_says_that_it_is_only_near(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, a int) WITH COMPACT STORAGE")
    session.execute("CREATE TABLE u (k int, c int, PRIMARY KEY (k, c)) WITH COMPACT STORAGE AND CLUSTERING ORDER BY (c DESC)")
    text = session.execute("DESCRIBE TABLE t").one().create_statement
    assert text.startswith(f"/*\nWarning: Table {keyspace}.t omitted because it has constructs not compatible with CQL")
    assert text.endswith(";\n*/")
    assert "    a int,\n    PRIMARY KEY (k)\n) WITH COMPACT STORAGE\n    AND CLUSTERING ORDER BY (column1 ASC)\n    AND " in text
    assert ") WITH COMPACT STORAGE\n    AND CLUSTERING ORDER BY (c DESC)\n" in session.execute("DESCRIBE u").one().create_statement


def test_a_row_is_there_by_its_cells(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c)) WITH COMPACT STORAGE")
    session.execute("INSERT INTO t (k, c, v) VALUES (1, 1, null)")
    session.execute("INSERT INTO t (k, c, v) VALUES (1, 2, 2)")
    session.execute("UPDATE t SET v = 3 WHERE k = 1 AND c = 3")
    assert rows(session, "SELECT * FROM t") == [(1, 2, 2), (1, 3, 3)]
    session.execute("UPDATE t SET v = null WHERE k = 1 AND c = 2")
    session.execute("DELETE v FROM t WHERE k = 1 AND c = 3")
    assert rows(session, "SELECT * FROM t") == []
    session.execute("INSERT INTO t JSON '{\"k\": 1, \"c\": 4}'")
    assert rows(session, "SELECT count(*) FROM t") == [(0,)]
    refused(session, "INSERT INTO t (k, c) VALUES (1, 1)", "Column v is mandatory for this COMPACT STORAGE table")
    refused(session, "INSERT INTO t (k, v) VALUES (1, 1)", "Some clustering keys are missing: c")


def test_a_table_of_keys_alone(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, PRIMARY KEY (k, c)) WITH COMPACT STORAGE")
    session.execute("INSERT INTO t (k, c) VALUES (1, 1)")
    session.execute("INSERT INTO t (k, c) VALUES (1, 2) USING TTL 1000")
    assert rows(session, "SELECT * FROM t") == [(1, 1), (1, 2)]
    session.execute("DELETE FROM t WHERE k = 1 AND c = 1")
    assert rows(session, "SELECT * FROM t") == [(1, 2)]
    assert rows(session, "INSERT INTO t (k, c) VALUES (1, 2) IF NOT EXISTS") == [(False, 1, 2)]
    for statement in ("SELECT value FROM t", "INSERT INTO t (k, c, value) VALUES (1, 1, 0x)",
                      "UPDATE t SET value = 0x WHERE k = 1 AND c = 1", "ALTER TABLE t RENAME value TO v"):
        refused(session, statement, f"Undefined column name value in table {keyspace}.t")


def test_a_static_compact_table(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, a int, b text) WITH COMPACT STORAGE")
    session.execute("INSERT INTO t (k, a, b) VALUES (1, 1, 'x')")
    session.execute("INSERT INTO t (k, a) VALUES (2, null)")
    session.execute("UPDATE t SET b = 'y' WHERE k = 5")
    assert sorted(rows(session, "SELECT * FROM t")) == [(1, 1, "x"), (5, None, "y")]
    assert sorted(rows(session, "SELECT DISTINCT k, a FROM t"), key=str) == [(1, 1), (5, None)]
    assert rows(session, "SELECT count(*) FROM t") == [(2,)]
    session.execute("DELETE b FROM t WHERE k = 5")
    assert rows(session, "SELECT * FROM t WHERE k = 5") == []
    refused(session, "INSERT INTO t (k) VALUES (1)", "Some clustering keys are missing: column1")
    refused(session, "SELECT column1 FROM t", f"Undefined column name column1 in table {keyspace}.t")
    assert rows(session, "INSERT INTO t (k, a) VALUES (1, 5) IF NOT EXISTS") == [(False, 1, 1, "x")]
    assert rows(session, "UPDATE t SET a = 7 WHERE k = 1 IF a = 1") == [(True,)]
    assert rows(session, "DELETE a FROM t WHERE k = 1 IF EXISTS") == [(True,)]
    refused(session, "DELETE FROM t WHERE k = 1 IF EXISTS", "DELETE statements must restrict all PRIMARY KEY columns")
    session.execute("DELETE FROM t WHERE k = 1")
    assert rows(session, "SELECT * FROM t") == []


@pytest.fixture
def wide(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, d int, v int, PRIMARY KEY (k, c, d)) WITH COMPACT STORAGE")
    for names, values in (("c, v", "1, 10"), ("c, d, v", "1, 1, 11"), ("c, d, v", "1, -2, 12"), ("c, v", "2, 20")):
        session.execute(f"INSERT INTO t (k, {names}) VALUES (0, {values})")
    return session


def test_the_last_clustering_columns_may_be_null(wide):
    assert rows(wide, "SELECT c, d, v FROM t") == [(1, None, 10), (1, -2, 12), (1, 1, 11), (2, None, 20)]
    assert rows(wide, "SELECT c, d FROM t WHERE k = 0 ORDER BY c DESC") == [(2, None), (1, 1), (1, -2), (1, None)]
    for condition, found in (("c = 1 AND d < 1", [10, 12]), ("c = 1 AND d > -5", [12, 11]), ("c = 1 AND d <= 1", [10, 12, 11]),
                             ("c = 1", [10, 12, 11]), ("c < 2", [10, 12, 11]), ("(c, d) > (1, -2)", [11, 20]),
                             ("(c, d) < (1, 1)", [10, 12]), ("c = 1 AND d IN (1, 5)", [11])):
        assert [v for v, in rows(wide, f"SELECT v FROM t WHERE k = 0 AND {condition}")] == found, condition
    assert rows(wide, "SELECT v FROM t WHERE d < 1 ALLOW FILTERING") == [(12,)]
    assert rows(wide, "SELECT c, count(d), count(*) FROM t GROUP BY k, c") == [(1, 2, 3), (2, 0, 1)]
    assert rows(wide, "SELECT JSON c, d FROM t WHERE k = 0 AND c = 2") == [('{"c": 2, "d": null}',)]
    page = wide.execute("SELECT c, d FROM t")
    assert [tuple(row) for row in page] == [(1, None), (1, -2), (1, 1), (2, None)]


def test_null_comes_first_in_a_descending_column_too(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, d int, v int, PRIMARY KEY (k, c, d)) WITH COMPACT STORAGE "
                    "AND CLUSTERING ORDER BY (c DESC, d DESC)")
    for names, values in (("c, v", "1, 10"), ("c, d, v", "1, 5, 15"), ("c, d, v", "1, -5, 5"), ("c, v", "0, 0")):
        session.execute(f"INSERT INTO t (k, {names}) VALUES (0, {values})")
    assert rows(session, "SELECT c, d FROM t") == [(1, None), (1, 5), (1, -5), (0, None)]
    assert rows(session, "SELECT d FROM t WHERE k = 0 AND c = 1 AND d > 0") == [(None,), (5,)]
    assert rows(session, "SELECT d FROM t WHERE k = 0 AND c = 1 AND d < 10") == [(5,), (-5,)]
    assert rows(session, "SELECT c, d FROM t WHERE k = 0 ORDER BY c") == [(0, None), (1, -5), (1, 5), (1, None)]


def test_writes_to_rows_with_a_null(wide):
    wide.execute("UPDATE t SET v = 21 WHERE k = 0 AND c IN (2, 3)")
    assert rows(wide, "SELECT c, d, v FROM t WHERE k = 0 AND c > 1") == [(2, None, 21), (3, None, 21)]
    assert rows(wide, "INSERT INTO t (k, c, v) VALUES (0, 1, 8) IF NOT EXISTS") == [(False, 0, 1, None, 10)]
    assert rows(wide, "UPDATE t SET v = 9 WHERE k = 0 AND c = 1 IF v = 10") == [(True,)]
    assert rows(wide, "SELECT d, v FROM t WHERE k = 0 AND c = 1") == [(None, 9), (-2, 12), (1, 11)]
    wide.execute("DELETE FROM t WHERE k = 0 AND c = 1 AND d < 1")
    assert rows(wide, "SELECT d, v FROM t WHERE k = 0 AND c = 1") == [(1, 11)]
    wide.execute("DELETE FROM t WHERE k = 0 AND c = 2")
    assert rows(wide, "SELECT c, d FROM t") == [(1, 1), (3, None)]
    refused(wide, "INSERT INTO t (k, d, v) VALUES (0, 1, 1)",
            'PRIMARY KEY column "d" cannot be restricted as preceding column "c" is not restricted')
    refused(wide, "UPDATE t SET v = 1 WHERE k = 0", "Some clustering keys are missing: c, d")
    refused(wide, "INSERT INTO t (k, c, d, v) VALUES (0, 1, null, 5)", "Invalid null value in condition for column d")
    refused(wide, "DELETE v FROM t WHERE k = 0 AND c = 3", "Range deletions are not supported for specific columns")


def test_an_empty_clustering_value(session, keyspace):
    session.execute("CREATE TABLE t (k int, c blob, v int, PRIMARY KEY (k, c)) WITH COMPACT STORAGE")
    for statement in ("INSERT INTO t (k, c, v) VALUES (1, 0x, 1)", "UPDATE t SET v = 1 WHERE k = 1 AND c = 0x",
                      "DELETE FROM t WHERE k = 1 AND c = 0x"):
        refused(session, statement, "Invalid empty or null value for column c")
    assert rows(session, "SELECT * FROM t WHERE k = 1 AND c >= 0x") == []
    session.execute("CREATE TABLE u (k int, c blob, d blob, v int, PRIMARY KEY (k, c, d)) WITH COMPACT STORAGE")
    session.execute("INSERT INTO u (k, c, d, v) VALUES (1, 0x, 0x, 1)")
    session.execute("INSERT INTO u (k, c, v) VALUES (1, 0x, 2)")
    assert rows(session, "SELECT * FROM u") == [(1, b"", None, 2), (1, b"", b"", 1)]


def test_counters(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, n counter) WITH COMPACT STORAGE")
    session.execute("UPDATE t SET n = n + 5 WHERE k = 1")
    assert rows(session, "SELECT * FROM t") == [(1, 5)]
    session.execute("DELETE n FROM t WHERE k = 1")
    assert rows(session, "SELECT * FROM t") == []


def test_alter(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, a int, b int) WITH COMPACT STORAGE")
    session.execute("CREATE TABLE u (k int, c int, v int, PRIMARY KEY (k, c)) WITH COMPACT STORAGE")
    session.execute("INSERT INTO t (k, a) VALUES (1, 1)")
    session.execute("INSERT INTO t (k, b) VALUES (2, 2)")
    for table in "tu":
        refused(session, f"ALTER TABLE {table} ADD z int", "Cannot add new column to a COMPACT STORAGE table")
        refused(session, f"ALTER TABLE {table} DROP COMPACT STORAGE", "DROP COMPACT STORAGE is disabled")
    session.execute("ALTER TABLE t DROP a")
    session.execute("ALTER TABLE t RENAME k TO kk")
    session.execute("ALTER TABLE u RENAME c TO cc")
    session.execute("ALTER TABLE u WITH comment = 'x'")
    assert rows(session, "SELECT * FROM t") == [(2, 2)]
    refused(session, "ALTER TABLE t RENAME column1 TO x", f"Undefined column name column1 in table {keyspace}.t")
    refused(session, "ALTER TABLE u RENAME v TO x", "Cannot rename non PRIMARY KEY column v")


def test_indexes(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, a int, b int) WITH COMPACT STORAGE")
    session.execute("CREATE TABLE u (k int, c int, v int, PRIMARY KEY (k, c)) WITH COMPACT STORAGE")
    session.execute("CREATE INDEX ON t (a)")
    session.execute("INSERT INTO t (k, a, b) VALUES (1, 5, 1)")
    session.execute("INSERT INTO t (k, a) VALUES (2, 6)")
    assert rows(session, "SELECT * FROM t WHERE a = 5") == [(1, 5, 1)]
    session.execute("DELETE a FROM t WHERE k = 1")
    assert rows(session, "SELECT * FROM t WHERE a = 5") == []
    for table, column in (("t", "k"), ("u", "k"), ("u", "c")):
        refused(session, f"CREATE INDEX ON {table} ({column})", "on PRIMARY KEY columns in COMPACT STORAGE tables")
    refused(session, "CREATE INDEX ON u (v)", "on compact value column of COMPACT STORAGE tables")
    refused(session, "CREATE CUSTOM INDEX ON u (v) USING 'sai'", "on compact value column of COMPACT STORAGE tables")
