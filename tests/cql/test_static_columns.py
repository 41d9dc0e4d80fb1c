"""Static columns and conditions on them. Everything here also holds of Apache Cassandra 5.0 (PENSTOCK_CQL)."""
import pytest
from cassandra.query import BatchStatement, SimpleStatement
from support.cql import refused


@pytest.fixture
def table(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, s text static, n int static, v int, PRIMARY KEY (p, c))")
    return session


def rows(session, query, *values, **options):
    return [tuple(row) for row in session.execute(SimpleStatement(query, **options) if options else query, *values)]


def test_one_value_for_every_row_of_a_partition(table):
    table.execute("INSERT INTO t (p, c, v) VALUES (0, 1, 10)")
    table.execute("INSERT INTO t (p, c, s, v) VALUES (0, 2, 'all', 20)")
    assert rows(table, "SELECT * FROM t") == [(0, 1, None, "all", 10), (0, 2, None, "all", 20)]
    table.execute("UPDATE t SET n = 7 WHERE p = 0")
    assert rows(table, "SELECT c, n, s FROM t WHERE p = 0 ORDER BY c DESC") == [(2, 7, "all"), (1, 7, "all")]
    table.execute("DELETE s FROM t WHERE p = 0")
    assert rows(table, "SELECT c, n, s FROM t WHERE p = 0 AND c = 1") == [(1, 7, None)]


def test_a_partition_without_rows_shows_its_static_values_once(table):
    table.execute("INSERT INTO t (p, s) VALUES (1, 'alone')")
    assert rows(table, "SELECT p, c, s, v FROM t") == [(1, None, "alone", None)]
    assert rows(table, "SELECT p, c, s, v FROM t WHERE p = 1") == [(1, None, "alone", None)]
    assert rows(table, "SELECT p, c, s, v FROM t WHERE p = 1 ORDER BY c DESC") == [(1, None, "alone", None)]
    assert rows(table, "SELECT p, c, s, v FROM t WHERE p = 1 AND c = 0") == []
    assert rows(table, "SELECT p, c, s, v FROM t WHERE p = 1 AND c > 0") == []
    assert rows(table, "SELECT p, s FROM t WHERE v = 1 ALLOW FILTERING") == []
    assert rows(table, "SELECT p, s FROM t WHERE s = 'alone' ALLOW FILTERING") == [(1, "alone")]
    assert rows(table, "SELECT count(*) FROM t") == [(1,)]
    table.execute("INSERT INTO t (p, c, v) VALUES (1, 5, 50)")
    assert rows(table, "SELECT p, c, s, v FROM t WHERE p = 1") == [(1, 5, "alone", 50)]
    table.execute("DELETE FROM t WHERE p = 1 AND c = 5")
    assert rows(table, "SELECT p, c, s, v FROM t WHERE p = 1") == [(1, None, "alone", None)]


def test_distinct_reads_partitions_and_their_static_values(table):
    for p in range(3):
        table.execute("INSERT INTO t (p, s) VALUES (%s, %s)", (p, f"s{p}"))
        for c in range(p * 2):
            table.execute("INSERT INTO t (p, c) VALUES (%s, %s)", (p, c))
    assert sorted(rows(table, "SELECT DISTINCT p, s FROM t")) == [(0, "s0"), (1, "s1"), (2, "s2")]
    assert sorted(rows(table, "SELECT DISTINCT p FROM t WHERE p IN (0, 2, 9)")) == [(0,), (2,)]
    assert rows(table, "SELECT DISTINCT s FROM t WHERE p = 1") == [("s1",)]
    assert len(rows(table, "SELECT DISTINCT p, s FROM t LIMIT 2")) == 2
    assert sorted(rows(table, "SELECT DISTINCT p, s FROM t", fetch_size=1)) == [(0, "s0"), (1, "s1"), (2, "s2")]
    assert rows(table, "SELECT DISTINCT p, s FROM t WHERE s = 's1' ALLOW FILTERING") == [(1, "s1")]
    refused(table, "SELECT DISTINCT p, v FROM t", "must only request partition key columns and/or static columns")
    refused(table, "SELECT DISTINCT s FROM t", "must request all the partition key columns")
    refused(table, "SELECT DISTINCT p, s FROM t WHERE p = 1 AND c = 1",
            "Cannot restrict clustering columns when selecting only static columns")
    refused(table, "SELECT DISTINCT p FROM t WHERE p = 1 AND c = 1", "SELECT DISTINCT with WHERE clause")


def test_paging_and_limits_count_static_partitions(table):
    for p in range(9):
        table.execute("INSERT INTO t (p, s) VALUES (%s, 'x')", (p,))
        for c in range(p % 3):
            table.execute("INSERT INTO t (p, c, v) VALUES (%s, %s, 1)", (p, c))
    every = rows(table, "SELECT p, c, s FROM t")
    assert len(every) == 3 + 3 + 6
    for size in (1, 2, 3, 5, 100):
        assert rows(table, "SELECT p, c, s FROM t", fetch_size=size) == every
    assert rows(table, "SELECT p, c, s FROM t LIMIT 7", fetch_size=2) == every[:7]
    first = {}
    for row in every:
        first.setdefault(row[0], row)
    assert rows(table, "SELECT p, c, s FROM t PER PARTITION LIMIT 1", fetch_size=2) == list(first.values())
    for p in (0, 1, 2):
        forward = rows(table, f"SELECT p, c, s FROM t WHERE p = {p}")
        for size in (1, 2):
            assert rows(table, f"SELECT p, c, s FROM t WHERE p = {p} ORDER BY c DESC", fetch_size=size) == forward[::-1]


def test_deletions_of_rows_leave_static_values_and_of_partitions_do_not(table):
    for c in range(4):
        table.execute("INSERT INTO t (p, c, s, v) VALUES (0, %s, 'kept', 1)", (c,))
    table.execute("DELETE FROM t WHERE p = 0 AND c >= 1")
    assert rows(table, "SELECT c, s FROM t") == [(0, "kept")]
    table.execute("DELETE FROM t WHERE p = 0 AND c = 0")
    assert rows(table, "SELECT p, c, s FROM t") == [(0, None, "kept")]
    table.execute("DELETE FROM t WHERE p = 0")
    assert rows(table, "SELECT * FROM t") == []
    table.execute("INSERT INTO t (p, s) VALUES (0, 'again')")
    table.execute("TRUNCATE t")
    assert rows(table, "SELECT * FROM t") == []


def test_timestamps_and_times_to_live(table):
    table.execute("INSERT INTO t (p, s) VALUES (0, 'new') USING TIMESTAMP 20")
    table.execute("INSERT INTO t (p, c, s) VALUES (0, 0, 'old') USING TIMESTAMP 10")
    assert rows(table, "SELECT s, writetime(s) FROM t") == [("new", 20)]
    table.execute("UPDATE t USING TTL 1000 SET n = 1 WHERE p = 0")
    assert 900 < rows(table, "SELECT ttl(n) FROM t")[0][0] <= 1000
    table.execute("DELETE FROM t USING TIMESTAMP 15 WHERE p = 0")
    assert rows(table, "SELECT c, s, n FROM t") == [(None, "new", 1)]


def test_what_is_refused(table):
    refused(table, "UPDATE t SET s = 'x' WHERE p = 0 AND c = 0",
            "Invalid restrictions on clustering columns since the UPDATE statement modifies only static columns")
    refused(table, "DELETE s FROM t WHERE p = 0 AND c = 0",
            "Invalid restrictions on clustering columns since the DELETE statement modifies only static columns")
    refused(table, "UPDATE t SET s = 'x', v = 1 WHERE p = 0", "Some clustering keys are missing: c")
    refused(table, "INSERT INTO t (p, s, v) VALUES (0, 'x', 1)", "Some clustering keys are missing: c")
    refused(table, "INSERT INTO t (p) VALUES (0)", "Some clustering keys are missing: c")
    refused(table, "CREATE TABLE u (p int PRIMARY KEY, s int static)", "Static columns are only useful")
    refused(table, "CREATE TABLE u (p int static, c int, PRIMARY KEY (p, c))", "cannot be part of the PRIMARY KEY")
    refused(table, "SELECT s FROM t WHERE s = 'x'", "ALLOW FILTERING")


def test_schema_tables_and_describe(table, keyspace):
    kinds = {row.column_name: row.kind for row in table.execute(
        "SELECT column_name, kind FROM system_schema.columns WHERE keyspace_name = %s AND table_name = 't'", (keyspace,))}
    assert kinds == {"p": "partition_key", "c": "clustering", "s": "static", "n": "static", "v": "regular"}
    text = table.execute("DESCRIBE TABLE t").one().create_statement
    assert "    n int static,\n    s text static,\n    v int,\n" in text
    table.execute("ALTER TABLE t ADD w text static")
    table.execute("UPDATE t SET w = 'w' WHERE p = 3")
    assert rows(table, "SELECT p, w FROM t") == [(3, "w")]
    table.execute("ALTER TABLE t DROP w")
    assert rows(table, "SELECT p FROM t") == []  # what the column held is nothing now
    assert table.execute("SELECT * FROM t").column_names == ["p", "c", "n", "s", "v"]


def test_collections_and_counters_may_be_static(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, m map<text, int> static, v int, PRIMARY KEY (p, c))")
    session.execute("UPDATE t SET m['a'] = 1, m['b'] = 2 WHERE p = 0")
    session.execute("INSERT INTO t (p, c, v) VALUES (0, 0, 0)")
    session.execute("UPDATE t SET m = m + {'c': 3}, v = 9 WHERE p = 0 AND c = 0")
    session.execute("DELETE m['a'] FROM t WHERE p = 0")
    assert rows(session, "SELECT m, v FROM t") == [({"b": 2, "c": 3}, 9)]
    session.execute("CREATE TABLE n (p int, c int, total counter static, v counter, PRIMARY KEY (p, c))")
    session.execute("UPDATE n SET total = total + 1, v = v + 2 WHERE p = 0 AND c = 0")
    session.execute("UPDATE n SET total = total + 5 WHERE p = 0")
    assert rows(session, "SELECT p, c, total, v FROM n") == [(0, 0, 6, 2)]


def test_a_collection_and_null_of_the_same_time(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, s set<int>)")
    session.execute("INSERT INTO t (k, s) VALUES (0, null) USING TIMESTAMP 5")
    session.execute("INSERT INTO t (k, s) VALUES (0, {1}) USING TIMESTAMP 5")
    session.execute("INSERT INTO t (k, s) VALUES (0, null) USING TIMESTAMP 5")
    assert [set(row.s) for row in session.execute("SELECT s FROM t")] == [{1}]
    session.execute("DELETE s FROM t USING TIMESTAMP 5 WHERE k = 0")
    assert rows(session, "SELECT s FROM t") == [(None,)]


def test_json(table):
    refused(table, """INSERT INTO t JSON '{"p": 0, "s": "only"}'""", "Invalid null value in condition for column c")
    table.execute("UPDATE t SET s = 'only' WHERE p = 0")
    assert rows(table, "SELECT JSON p, c, s FROM t") == [('{"p": 0, "c": null, "s": "only"}',)]


def applied(session, query, *values):
    return [row._asdict() for row in session.execute(query, *values)]


def test_conditions_on_static_columns(table):
    assert applied(table, "INSERT INTO t (p, s) VALUES (0, 'a') IF NOT EXISTS") == [{"applied": True}]
    assert applied(table, "INSERT INTO t (p, s) VALUES (0, 'b') IF NOT EXISTS") == [
        {"applied": False, "p": 0, "c": None, "n": None, "s": "a", "v": None}]
    assert applied(table, "UPDATE t SET s = 'b' WHERE p = 0 IF s = 'x'") == [{"applied": False, "s": "a"}]
    assert applied(table, "UPDATE t SET s = 'b' WHERE p = 0 IF s = 'a'") == [{"applied": True}]
    assert applied(table, "UPDATE t SET v = 1 WHERE p = 0 AND c = 0 IF s = 'b' AND v = null") == [{"applied": True}]
    assert applied(table, "UPDATE t SET v = 2 WHERE p = 0 AND c = 0 IF s = 'b' AND v = 5") == [
        {"applied": False, "s": "b", "v": 1}]
    assert applied(table, "DELETE s FROM t WHERE p = 0 IF s IN ('q', 'b')") == [{"applied": True}]
    assert rows(table, "SELECT c, s, v FROM t") == [(0, None, 1)]
    assert applied(table, "UPDATE t SET s = 'z' WHERE p = 77 IF s = null") == [{"applied": True}]
    assert applied(table, "UPDATE t SET s = 'z' WHERE p = 78 IF EXISTS") == [{"applied": False}]


def test_conditions_in_batches(table):
    table.execute("INSERT INTO t (p, c, s, v) VALUES (0, 0, 'lock', 1)")
    table.execute("INSERT INTO t (p, c, v) VALUES (0, 1, 2)")
    assert applied(table, "BEGIN BATCH UPDATE t SET v = 10 WHERE p = 0 AND c = 0 IF v = 1;"
                          "UPDATE t SET v = 20 WHERE p = 0 AND c = 1 IF v = 3; APPLY BATCH") == [
        {"applied": False, "p": 0, "c": 0, "v": 1}, {"applied": False, "p": 0, "c": 1, "v": 2}]
    assert rows(table, "SELECT c, v FROM t") == [(0, 1), (1, 2)]
    assert applied(table, "BEGIN BATCH UPDATE t SET v = 10 WHERE p = 0 AND c = 0 IF v = 1;"
                          "UPDATE t SET v = 20 WHERE p = 0 AND c = 1 IF v = 2;"
                          "INSERT INTO t (p, c, v) VALUES (0, 2, 30); APPLY BATCH") == [{"applied": True}]
    assert rows(table, "SELECT c, v FROM t") == [(0, 10), (1, 20), (2, 30)]
    insert = table.prepare("INSERT INTO t (p, c, v) VALUES (?, ?, ?) IF NOT EXISTS")
    batch = BatchStatement()
    batch.add(insert, (0, 2, 99))
    batch.add(insert, (0, 3, 99))
    assert applied(table, batch) == [{"applied": False, "p": 0, "c": 2, "n": None, "s": None, "v": 30}]
    batch = BatchStatement()
    batch.add("UPDATE t SET s = 'open' WHERE p = 0 IF s = 'lock'")
    batch.add(insert, (0, 4, 40))
    assert applied(table, batch) == [{"applied": True}]
    assert rows(table, "SELECT c, s, v FROM t WHERE p = 0 AND c = 4") == [(4, "open", 40)]
    for text, message in (
            ("UPDATE t SET v = 1 WHERE p = 0 AND c = 0 IF v = 1; UPDATE t SET v = 1 WHERE p = 1 AND c = 0;",
             "Batch with conditions cannot span multiple partitions"),
            ("UPDATE t SET v = 1 WHERE p = 0 AND c = 0 IF EXISTS; INSERT INTO t (p, c) VALUES (0, 0) IF NOT EXISTS;",
             "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row"),
            ("UPDATE t SET v = 1 WHERE p = 0 AND c IN (0, 1) IF v = 1;",
             "IN on the clustering key columns is not supported with conditional updates")):
        refused(table, f"BEGIN BATCH {text} APPLY BATCH", message)


@pytest.mark.parametrize("condition, holds", [
    ("v = 5", True), ("v = 6", False), ("v != 6", True), ("v < 6", True), ("v <= 4", False), ("v > 4", True), ("v >= 5", True),
    ("v IN (1, 5)", True), ("v IN ()", False), ("v = null", False), ("v != null", True), ("w = null", True),
    ("w != 3", True), ("w = 3", False), ("w < 3", False), ("w IN (null, 3)", True), ("v > 1 AND v < 9 AND w = null", True),
    ("m['a'] = 1", True), ("m['a'] = 2", False), ("m['x'] = null", True), ("m['x'] != 1", True), ("m['a'] IN (7, 1)", True),
    ("m = {'a': 1}", True), ("m = {'a': 2}", False), ("l[0] = 3", True), ("l[1] = 3", False), ("l[9] = null", True),
    ("l = [3, 4]", True), ("l != [3]", True), ("l > [3]", True), ("e = null", True)])
def test_every_comparison(session, keyspace, condition, holds):
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int, w int, m map<text, int>, l list<int>, e set<int>)")
    session.execute("INSERT INTO t (p, v, m, l) VALUES (0, 5, {'a': 1}, [3, 4])")
    assert applied(session, f"UPDATE t SET w = 1 WHERE p = 0 IF {condition}")[0]["applied"] == holds


def test_conditions_that_make_no_sense(session, keyspace):
    session.execute("CREATE TABLE t (p int PRIMARY KEY, v int, m map<text, int>, l list<int>, e set<int>)")
    for condition, message in (("v < null", 'Invalid comparison with null for operator "<"'),
                               ("p = 1", "PRIMARY KEY column 'p' cannot have IF conditions"),
                               ("v['a'] = 1", "Invalid element access syntax for non-collection column v"),
                               ("e[1] = 1", "Invalid element access syntax for set column e"),
                               ("l[-1] = 1", "Invalid negative list index -1")):
        refused(session, f"UPDATE t SET v = 1 WHERE p = 0 IF {condition}", message)
    refused(session, "UPDATE t USING TIMESTAMP 1 SET v = 1 WHERE p = 0 IF v = 1",
            "Cannot provide custom timestamp for conditional updates")
    refused(session, "UPDATE t SET v = 1 WHERE p IN (0, 1) IF v = 1",
            "IN on the partition key is not supported with conditional updates")
