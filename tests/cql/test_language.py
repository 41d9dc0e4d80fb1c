"""Selections, relations, assignments and functions. Everything here also holds of Apache Cassandra 5.0 (PENSTOCK_CQL)."""
import datetime
import decimal
import hashlib

import pytest
from cassandra import ConsistencyLevel as C
from cassandra import FunctionFailure, InvalidRequest
from cassandra.protocol import SyntaxException
from cassandra.query import SimpleStatement
from cassandra.util import Date, Duration
from support.cql import refused
from support.process import wait_until

D = decimal.Decimal


def rows(session, query, *values, **options):
    return [tuple(row) for row in session.execute(SimpleStatement(query, **options) if options else query, *values)]


@pytest.fixture
def grid(session, keyspace):
    session.execute("CREATE TABLE t (p int, a int, b int, c int, v int, PRIMARY KEY (p, a, b, c)) "
                    "WITH CLUSTERING ORDER BY (a ASC, b DESC, c ASC)")
    insert = session.prepare("INSERT INTO t (p, a, b, c, v) VALUES (?, ?, ?, ?, ?)")
    for p in (0, 1):
        for a in range(3):
            for b in range(3):
                for c in range(2):
                    session.execute(insert, (p, a, b, c, a * 100 + b * 10 + c))
    return session


def every(p=0):
    return [(p, a, b, c) for a in range(3) for b in (2, 1, 0) for c in range(2)]


@pytest.mark.parametrize("relation, holds", [
    ("(a, b, c) = (1, 1, 1)", lambda a, b, c: (a, b, c) == (1, 1, 1)),
    ("(a, b) = (1, 2)", lambda a, b, c: (a, b) == (1, 2)),
    ("(a, b, c) > (1, 1, 0)", lambda a, b, c: (a, b, c) > (1, 1, 0)),
    ("(a, b, c) >= (1, 1, 0)", lambda a, b, c: (a, b, c) >= (1, 1, 0)),
    ("(a, b) < (1, 1)", lambda a, b, c: (a, b) < (1, 1)),
    ("(a, b) <= (1, 1)", lambda a, b, c: (a, b) <= (1, 1)),
    ("(a) > (0)", lambda a, b, c: a > 0),
    ("(a, b) > (0, 1) AND (a, b) < (2, 1)", lambda a, b, c: (0, 1) < (a, b) < (2, 1)),
    ("(a, b, c) >= (0, 1, 1) AND (a, b) <= (1, 1)", lambda a, b, c: (a, b, c) >= (0, 1, 1) and (a, b) <= (1, 1)),
    ("(a, b) > (1, 1) AND a < 2", lambda a, b, c: (a, b) > (1, 1) and a < 2),
    ("a = 1 AND (b, c) > (0, 1)", lambda a, b, c: a == 1 and (b, c) > (0, 1)),
    ("a IN (0, 2) AND (b, c) <= (1, 0)", lambda a, b, c: a in (0, 2) and (b, c) <= (1, 0)),
    ("(a, b, c) IN ((2, 0, 0), (0, 1, 1), (7, 7, 7))", lambda a, b, c: (a, b, c) in ((2, 0, 0), (0, 1, 1))),
    ("(a, b) IN ((1, 0), (0, 2))", lambda a, b, c: (a, b) in ((1, 0), (0, 2))),
    ("a = 1 AND (b, c) IN ((0, 0), (2, 1))", lambda a, b, c: a == 1 and (b, c) in ((0, 0), (2, 1))),
    ("a IN (1, 2) AND b IN (0, 2) AND c = 1", lambda a, b, c: a in (1, 2) and b in (0, 2) and c == 1),
])
def test_relations_on_several_columns(grid, relation, holds):
    expected = [row for row in every() if holds(*row[1:])]
    query = f"SELECT p, a, b, c FROM t WHERE p = 0 AND {relation}"
    assert rows(grid, query) == expected
    assert rows(grid, query, fetch_size=2) == expected
    assert rows(grid, f"{query} ORDER BY a DESC", fetch_size=3) == expected[::-1]
    if "IN" in relation and "=" not in relation.replace("IN", ""):
        grid.execute(f"DELETE FROM t WHERE p = 0 AND {relation}")
        assert rows(grid, "SELECT p, a, b, c FROM t WHERE p = 0") == [row for row in every() if row not in expected]


def test_tuples_are_bound(grid):
    assert len(rows(grid, grid.prepare("SELECT * FROM t WHERE p = ? AND (a, b) > (?, ?)"), (0, 1, 1))) == 2 + 6
    assert len(rows(grid, grid.prepare("SELECT * FROM t WHERE p = ? AND (a, b) >= ?"), (0, (1, 1)))) == 4 + 6
    assert len(rows(grid, grid.prepare("SELECT * FROM t WHERE p = ? AND (a, b, c) IN ?"), (0, [(1, 1, 1), (0, 0, 0)]))) == 2
    assert len(rows(grid, grid.prepare("SELECT * FROM t WHERE p = ? AND (a, b) IN (?, ?)"), (0, (1, 1), (0, 0)))) == 4


def test_several_column_relations_that_make_no_sense(grid):
    for relation, message in (
            ("(a, c) > (1, 1)", "Clustering columns must appear in the PRIMARY KEY order in multi-column relations"),
            ("(b, a) = (1, 1)", "Clustering columns must appear in the PRIMARY KEY order in multi-column relations"),
            ("(p, a) = (1, 1)", "Multi-column relations can only be applied to clustering columns but was applied to: p"),
            ("(a, v) = (1, 1)", "Multi-column relations can only be applied to clustering columns but was applied to: v"),
            ("(a, b) > (1)", "Expected 2 elements in value tuple, but got 1"),
            ("(a, b) > (1, null)", "Invalid null value"),
            ("(b, c) = (1, 1)", 'PRIMARY KEY column "b" cannot be restricted as preceding column "a" is not restricted'),
            ("a > 1 AND (b, c) = (1, 1)", "cannot be restricted")):
        refused(grid, f"SELECT * FROM t WHERE p = 0 AND {relation}", message)


def test_group_by(grid):
    assert sorted(rows(grid, "SELECT p, count(*) FROM t GROUP BY p")) == [(0, 18), (1, 18)]
    assert rows(grid, "SELECT p, a, max(v), min(v) FROM t WHERE p = 0 GROUP BY p, a") == [
        (0, 0, 21, 0), (0, 1, 121, 100), (0, 2, 221, 200)]
    assert rows(grid, "SELECT a, b, v FROM t WHERE p = 0 GROUP BY p, a LIMIT 2") == [(0, 2, 20), (1, 2, 120)]
    assert len(rows(grid, "SELECT p, a, count(*) FROM t GROUP BY p, a PER PARTITION LIMIT 2")) == 4
    for size in (1, 2, 5, 100):
        assert rows(grid, "SELECT p, a, b, sum(v) FROM t WHERE p = 1 GROUP BY p, a, b", fetch_size=size) == [
            (1, a, b, 2 * (a * 100 + b * 10) + 1) for a in range(3) for b in (2, 1, 0)]
    assert rows(grid, "SELECT p, a, count(v) AS n FROM t WHERE p = 0 GROUP BY p, a ORDER BY a DESC") == [
        (0, 2, 6), (0, 1, 6), (0, 0, 6)]
    assert rows(grid, "SELECT p, count(*) FROM t WHERE p = 9 GROUP BY p") == []
    assert rows(grid, "SELECT count(*), max(v) FROM t WHERE p = 9") == [(0, None)]
    refused(grid, "SELECT p FROM t GROUP BY v", "Group by is currently only supported on the columns of the PRIMARY KEY, got v")
    refused(grid, "SELECT p FROM t GROUP BY p, b", "following their declared order in the PRIMARY KEY")
    refused(grid, "SELECT count(*) FROM t PER PARTITION LIMIT 1", "PER PARTITION LIMIT is not allowed with aggregate queries.")


@pytest.fixture
def times(session, keyspace):
    session.execute("CREATE TABLE t (k int, at timestamp, d date, m time, u timeuuid, v int, du duration, "
                    "PRIMARY KEY (k, at))")
    for v, at in enumerate(("2001-01-31 23:59:59.999", "2024-02-29 12:34:56.789", "1970-01-01 00:00", "2024-12-31 00:00")):
        session.execute(f"INSERT INTO t (k, at, d, m, v, u) VALUES (1, '{at}+0000', '{at[:10]}', '12:34:56.789123456', {v}, "
                        "50554d6e-29bb-11e5-b345-feff819cdc9f)")
    session.execute("INSERT INTO t (k, at, d) VALUES (2, '1969-06-01 10:00:00+0000', '1969-06-01')")
    return session


def at(*parts):
    return datetime.datetime(*parts)


@pytest.mark.parametrize("duration, last", [
    ("1h", (at(2001, 1, 31, 23), at(2024, 2, 29, 12), at(2024, 12, 31))),
    ("90m", (at(2001, 1, 31, 22, 30), at(2024, 2, 29, 12), at(2024, 12, 31))),
    ("1w", (at(2001, 1, 25), at(2024, 2, 29), at(2024, 12, 26))),
    ("1mo", (at(2001, 1, 1), at(2024, 2, 1), at(2024, 12, 1))),
    ("13mo", (at(2000, 5, 1), at(2023, 2, 1), at(2024, 3, 1))),
    ("1y", (at(2001, 1, 1), at(2024, 1, 1), at(2024, 1, 1))),
    ("1mo1d", (at(2001, 1, 27), at(2024, 2, 20), at(2024, 12, 30))),
    ("1mo3d2h", (at(2001, 1, 6, 4), at(2024, 2, 22, 4), at(2024, 12, 20, 22))),
    ("0s", (at(2001, 1, 31, 23, 59, 59, 999000), at(2024, 2, 29, 12, 34, 56, 789000), at(2024, 12, 31))),
    ("1mo, '1960-05-01 00:00:00+0000'", (at(2001, 1, 1), at(2024, 2, 1), at(2024, 12, 1))),
])
def test_floor_of_a_timestamp(times, duration, last):
    found = [row[0] for row in rows(times, f"SELECT floor(at, {duration}) FROM t WHERE k = 1")]
    assert found == [at(1970, 1, 1), *last]


def test_floor(times):
    def one(selected, where="k = 1 LIMIT 1"):
        return rows(times, f"SELECT {selected} FROM t WHERE {where}")[0][0]
    assert [str(row[0]) for row in rows(times, "SELECT floor(d, 1mo) FROM t WHERE k = 1")] == [
        "1970-01-01", "2001-01-01", "2024-02-01", "2024-12-01"]
    assert str(one("floor(d, 1y, '1969-03-01')")) == "1969-03-01"
    assert rows(times, "SELECT floor(at, 1mo, '2000-01-31 00:07:00+0000') FROM t WHERE k = 1 AND at > '2000-01-01' "
                "AND at < '2024-06-01'") == [(at(2001, 1, 31, 0, 7),), (at(2024, 2, 29, 0, 7),)]
    assert str(one("floor(m, 7m)")).startswith("12:29:00") and str(one("floor(m, 24h)")).startswith("00:00:00")
    assert one("floor(u, 1h)") == at(2015, 7, 14)
    assert one("floor((timestamp)'2001-01-01 12:33:00+0000', 1h)") == at(2001, 1, 1, 12)
    assert one("floor(m, 1h)", "k = 2") is None and one("floor(at, null)") is None
    for selected, message in (
            ("floor(at, 1us)", "The floor cannot be computed for the 1us duration as precision is below 1 millisecond"),
            ("floor(d, 25h)", "The floor on date values cannot be computed for the 25h duration as precision is below 1 day"),
            ("floor(at, -1h)", "Negative durations are not supported by the floor function"),
            ("floor(m, 1d)", "For time values, the floor can only be computed for durations smaller that a day"),
            ("floor(u, 1h, '2015-07-14 00:07:00+0000')", "The floor function starting time is greater than the provided time"),
            ("floor(m, 1h, '00:10:00')", "Invalid call to function floor, none of its type signatures match"),
            ("floor(at)", "Invalid call to function floor, none of its type signatures match")):
        refused(times, f"SELECT {selected} FROM t WHERE k = 1", message)
    refused(times, "SELECT floor(at, 1h) FROM t WHERE k = 2", "The floor function starting time is greater")


def test_group_by_floor(times):
    assert rows(times, "SELECT floor(at, 1y), count(*), max(v) FROM t WHERE k = 1 GROUP BY floor(at, 1y)") == [
        (at(1970, 1, 1), 1, 2), (at(2001, 1, 1), 1, 0), (at(2024, 1, 1), 2, 3)]
    for size in (1, 2, 100):
        assert rows(times, "SELECT floor(at, 40y), count(*) FROM t WHERE k = 1 GROUP BY k, floor(at, 40y)", fetch_size=size) == [
            (at(1970, 1, 1), 2), (at(2010, 1, 1), 2)]
    for group, message in (
            ("floor(v, 1h)", "Group by functions are only supported on clustering columns, got v"),
            ("floor(at, 1h), at", "Functions are only supported on the last element of the GROUP BY clause"),
            ("floor(at, du)", "GROUP BY functions accept only one clustering column as parameter, got: at,du")):
        refused(times, f"SELECT count(*) FROM t WHERE k = 1 GROUP BY {group}", message)


def test_column_masks_are_off(values):
    message = "Cannot mask columns because dynamic data masking is not enabled"
    refused(values, "CREATE TABLE x (k int PRIMARY KEY, v text MASKED WITH mask_default())", message)
    refused(values, "ALTER TABLE t ALTER i MASKED WITH mask_default()", message)


def test_order_over_several_partitions(grid):
    query = "SELECT p, a, b, c FROM t WHERE p IN (1, 0) AND b = 1 AND c = 0 AND a IN (2, 0) ORDER BY a DESC"
    assert rows(grid, query, fetch_size=None) == [(0, 2, 1, 0), (1, 2, 1, 0), (0, 0, 1, 0), (1, 0, 1, 0)]
    refused(grid, SimpleStatement(query, fetch_size=10), "Cannot page queries with both ORDER BY and a IN restriction")


@pytest.fixture
def values(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, i int, ti tinyint, d decimal, v varint, f float, db double, tx text, "
                    "m map<text, int>, l list<int>, se set<int>, ts timestamp, da date, u uuid, bl blob, tp tuple<int, text>)")
    session.execute("INSERT INTO t (k, i, ti, d, v, f, db, tx, m, l, se, ts, da, u, bl, tp) VALUES (1, 5, 3, 2.50, 10, 1.5, 2.5, "
                    "'hello', {'a': 1, 'b': 2}, [3, 1, 2], {5, 6}, 1000, '2020-01-31', 123e4567-e89b-42d3-a456-426614174000, "
                    "0xff, (1, 'x'))")
    session.execute("INSERT INTO t (k) VALUES (2)")
    return session


@pytest.mark.parametrize("expression, value, type_name", [
    ("i + ti", 8, "int"), ("i + 1", 6, "int"), ("i * 1.5", 7.5, "double"), ("i / 2", 2, "int"), ("i % 2", 1, "int"),
    ("d + 1", D("3.50"), "decimal"), ("d * d", D("6.2500"), "decimal"),
    ("d / 3", D("0.83333333333333333333333333333333"), "decimal"), ("v / 3", 3, "varint"), ("f + 1", 2.5, "float"),
    ("f + db", 4.0, "double"), ("ti + ti", 6, "tinyint"), ("(i + 1) * 2", 12, "int"), ("i + 2 * 3", 11, "int"),
    ("i + 3000000000", 3000000005, "bigint"), ("ts + 1d", datetime.datetime(1970, 1, 2, 0, 0, 1), "timestamp"),
    ("ts - 1mo", datetime.datetime(1969, 12, 1, 0, 0, 1), "timestamp"), ("da + 1mo", Date("2020-02-29"), "date"),
    ("tx + '!'", "hello!", "varchar"), ("f / 0", float("inf"), "float"), ("abs(-5)", 5, "int"), ("abs(d)", D("2.50"), "decimal"),
    ("exp(i)", 148, "int"), ("exp(v)", 22026, "varint"), ("exp(d)", D("12.182493960703473438070175951168"), "decimal"),
    ("log(d)", D("0.91629073187415506518352721176801"), "decimal"),
    ("log10(d)", D("0.39794000867203760957252221055101"), "decimal"), ("log(i)", 1, "int"), ("round(f)", 2.0, "float"),
    ("round(d)", D("3"), "decimal"), ("exp(ti)", 20, "tinyint"), ("map_values(m)", [1, 2], "list"),
    ("collection_count(m)", 2, "int"), ("collection_min(l)", 1, "int"), ("collection_max(se)", 6, "int"),
    ("collection_sum(l)", 6, "int"), ("collection_avg(l)", 2, "int"), ("m['a']", 1, "int"), ("m['zz']", None, "int"),
    ("se[5]", 5, "int"), ("mask_default(i)", 0, "int"), ("mask_default(tx)", "****", "varchar"),
    ("mask_default(tp)", (0, "****"), "tuple"), ("mask_default(d)", D("0"), "decimal"), ("mask_null(i)", None, "int"),
    ("mask_replace(tx, 'x')", "x", "varchar"), ("mask_inner(tx, 1, 1)", "h***o", "varchar"),
    ("mask_outer(tx, 1, 1)", "*ell*", "varchar"), ("mask_inner(tx, null, 2, '#')", "###lo", "varchar"),
    ("mask_hash(tx)", hashlib.sha256(b"hello").digest(), "blob"), ("to_json(m)", '{"a": 1, "b": 2}', "varchar"),
    ("CAST(ts AS text)", "1970-01-01T00:00:01.000Z", "varchar"), ("CAST(d AS int)", 2, "int"), ("(bigint) 5", 5, "bigint"),
    ("blob_as_int(int_as_blob(i))", 5, "int")])
def test_expressions(values, expression, value, type_name):
    result = values.execute(f"SELECT {expression} AS x FROM t WHERE k = 1")
    assert (result.column_types[0].typename, result.one().x) == (type_name, value)


def test_slices_of_collections(values):
    assert [list(x) for x in rows(values, "SELECT se[6..], se[..5], se[1..9] FROM t WHERE k = 1")[0]] == [[6], [5], [5, 6]]
    assert dict(rows(values, "SELECT m[..'a'] FROM t WHERE k = 1")[0][0]) == {"a": 1}
    assert rows(values, "SELECT m['x'..'y'], se[1..2] FROM t WHERE k = 1") == [(None, None)]
    assert values.execute("SELECT m['a'], se[1..2] FROM t").column_names == ["m['a']", "se[1..2]"]


def test_expressions_of_null_are_null(values):
    assert rows(values, "SELECT i + 1, m['a'], abs(i), collection_count(m), mask_inner(tx, 1, 1), toJson(i) FROM t WHERE k = 2") == [
        (None, None, None, None, None, "null")]


def test_write_times_of_collections(values):
    values.execute("UPDATE t USING TIMESTAMP 7 SET l = [1, 2], m = {'z': 1}, i = 1 WHERE k = 3")
    assert rows(values, "SELECT writetime(l), maxwritetime(l), writetime(m), writetime(m['z']), maxwritetime(i) FROM t WHERE k = 3") == [
        ([7, 7], 7, [7], 7, 7)]


def test_calculations_where_values_stand(values):
    values.execute("INSERT INTO t (k, i, ti, tx) VALUES (3, 1 + 2 * 3, 100 + 100, 'a' + 'b')")
    values.execute("UPDATE t SET i = -(2 - 5), ts = '2020-01-01' + 1d WHERE k = 2 + 2")
    assert rows(values, "SELECT k, i, ti, tx, ts FROM t WHERE k IN (1 + 2, 8 / 2)") == [
        (3, 7, -56, "ab", None), (4, 3, None, None, datetime.datetime(2020, 1, 2))]
    refused(values, "INSERT INTO t (k, i) VALUES (5, 1 / 0)", "the operation 'int / int' failed: / by zero", FunctionFailure)
    refused(values, "SELECT i / 0 FROM t", "the operation 'int / int' failed: / by zero", FunctionFailure)
    refused(values, "SELECT d % 0 FROM t", "the operation 'decimal % int' failed", FunctionFailure)


def test_json_values(values):
    values.execute("INSERT INTO t (k, m, i) VALUES (3, fromJson('{\"x\": 5}'), from_json('7'))")
    values.execute(values.prepare("UPDATE t SET l = fromJson(?) WHERE k = ?"), ("[1, 2]", 3))
    assert rows(values, "SELECT m, i, l FROM t WHERE k = 3") == [({"x": 5}, 7, [1, 2])]


def test_aggregates_of_every_number(values):
    assert rows(values, "SELECT sum(d), avg(d), sum(v), avg(v), sum(f), avg(i), count(i), max(tx), min(l) FROM t") == [
        (D("2.50"), D("2.50"), 10, 10, 1.5, 5, 1, "hello", [3, 1, 2])]


def test_lists_by_index_and_value(values):
    values.execute("UPDATE t SET l[0] = 9 WHERE k = 1")
    values.execute("DELETE l[1] FROM t WHERE k = 1")
    assert rows(values, "SELECT l FROM t WHERE k = 1") == [([9, 2],)]
    values.execute("UPDATE t SET l = l + [9, 4, 9] WHERE k = 1")
    values.execute("UPDATE t SET l = l - [9] WHERE k = 1")
    assert rows(values, "SELECT l FROM t WHERE k = 1") == [([2, 4],)]
    values.execute(values.prepare("UPDATE t SET l[?] = ? WHERE k = ?"), (1, 7, 1))
    assert rows(values, "SELECT l FROM t WHERE k = 1") == [([2, 7],)]
    values.execute("BEGIN BATCH UPDATE t SET l[0] = 1 WHERE k = 1; UPDATE t SET l = [0] + l WHERE k = 1; APPLY BATCH")
    assert rows(values, "SELECT l FROM t WHERE k = 1") == [([0, 1, 7],)]
    refused(values, "UPDATE t SET l[7] = 9 WHERE k = 1", "List index 7 out of bound, list has size 3")
    refused(values, "UPDATE t SET l[0] = 9 WHERE k = 2", "Attempted to set an element on a list which is null")
    refused(values, "DELETE l[0] FROM t WHERE k = 2", "Attempted to delete an element from a list which is null")


def test_relations_on_entries_of_maps(values):
    assert rows(values, "SELECT k FROM t WHERE m['a'] = 1 ALLOW FILTERING") == [(1,)]
    assert rows(values, "SELECT k FROM t WHERE m['a'] = 2 ALLOW FILTERING") == []


@pytest.mark.parametrize("query, message, error", [
    ("SELECT l[0] FROM t", "Element selection is only allowed on sets and maps, but l is a list", InvalidRequest),
    ("SELECT i['a'] FROM t", "Invalid element selection: i is of type int is not a collection", InvalidRequest),
    ("SELECT nothing(i) FROM t", "Unknown function 'nothing'", InvalidRequest),
    ("SELECT abs(tx) FROM t", "Invalid call to function abs, none of its type signatures match", InvalidRequest),
    ("SELECT map_keys(l) FROM t", "Function system.map_keys requires a map argument", InvalidRequest),
    ("SELECT 5 FROM t", "Cannot infer type for term 5 in selection clause", InvalidRequest),
    ("SELECT k FROM t WHERE i = 1 AND i BETWEEN 1 AND 2 ALLOW FILTERING", "line 1:", SyntaxException),
    ("SELECT k FROM t WHERE m['a'] > 1 ALLOW FILTERING", "Only EQ relations are supported on map entries", InvalidRequest),
    ("SELECT k FROM t WHERE l[0] = 1 ALLOW FILTERING", "Indexes on list entries", InvalidRequest),
    ("SELECT k FROM t WHERE i != 1 ALLOW FILTERING", 'Unsupported "!=" relation: i != 1', InvalidRequest),
    ("UPDATE t SET i = 1, i = 2 WHERE k = 1", "Multiple incompatible setting of column i", SyntaxException),
    ("UPDATE t SET i = i + 1 WHERE k = 1", "Invalid operation (i = i + 1) for non counter column i", InvalidRequest),
    ("UPDATE t SET i['a'] = 1 WHERE k = 1", "Invalid operation (i['a'] = 1) for non collection column i", InvalidRequest),
    ("INSERT INTO t (k, l) VALUES (1, ['a'])", "Invalid list literal for l: value 'a' is not of type int", InvalidRequest),
    ("INSERT INTO t (k, m) VALUES (1, {1: 1})", "Invalid map literal for m: key 1 is not of type text", InvalidRequest),
    ("INSERT INTO t (k, tp) VALUES (1, (1, 2))", "Invalid tuple literal for tp: component 1 is not of type text", InvalidRequest),
    ("INSERT INTO t (k, i) VALUES (1, (text) 'a')", "Cannot assign value (text)'a' to i of type int", InvalidRequest),
    ("INSERT INTO t (k) VALUES (1) USING TIMESTAMP 'a'", "no viable alternative", SyntaxException),
    ("CREATE FUNCTION f (a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS $$return a;$$",
     "User-defined functions are disabled in cassandra.yaml - set user_defined_functions_enabled=true to enable", InvalidRequest),
    ("SELECT * FROM t WHERE", "line 0:-1 no viable alternative at input '<EOF>'", SyntaxException),
    ("ALTER TABLE t RENAME i TO j", "Cannot rename non PRIMARY KEY column i", InvalidRequest)])
def test_what_is_refused(values, query, message, error):
    refused(values, query, message, error)


def test_a_key_column_is_renamed(session, keyspace):
    session.execute("CREATE TABLE t (p int, c text, v int, PRIMARY KEY (p, c))")
    session.execute("INSERT INTO t (p, c, v) VALUES (1, 'x', 2)")
    session.execute("ALTER TABLE t RENAME p TO q AND c TO d")
    assert rows(session, "SELECT q, d, v FROM t WHERE q = 1 AND d = 'x'") == [(1, "x", 2)]
    refused(session, "SELECT p FROM t", "Undefined column name p")


def test_nothing_comes_behind_the_greatest_key(session, keyspace):
    session.execute("CREATE TABLE t (p int, b boolean, i int, PRIMARY KEY (p, b, i)) WITH CLUSTERING ORDER BY (b DESC, i DESC)")
    session.execute("INSERT INTO t (p, b, i) VALUES (0, true, 1)")
    session.execute("INSERT INTO t (p, b, i) VALUES (0, false, -2147483648)")
    for relation in ("b < false", "(b, i) < (false, -2147483648)", "b = false AND i < -2147483648", "b >= false AND b < false"):
        assert rows(session, f"SELECT * FROM t WHERE p = 0 AND {relation}") == []
        session.execute(f"DELETE FROM t WHERE p = 0 AND {relation}")
    assert rows(session, "SELECT b FROM t WHERE p = 0") == [(True,), (False,)]
    assert rows(session, "SELECT b FROM t WHERE p = 0 AND b <= false") == [(False,)]


def test_clustering_by_types_with_parts(session, keyspace):
    session.execute("CREATE TABLE t (p frozen<list<int>>, d decimal, l frozen<list<text>>, m frozen<map<text, int>>, "
                    "tp tuple<int, text>, v int, PRIMARY KEY (p, d, l, m, tp)) WITH CLUSTERING ORDER BY (d DESC, l ASC, m DESC, tp ASC)")
    insert = session.prepare("INSERT INTO t (p, d, l, m, tp, v) VALUES (?, ?, ?, ?, ?, ?)")
    for i, d in enumerate((D("1.5"), D("-3"), D("1000"), D("0.25"))):
        session.execute(insert, ([1, 2], d, ["a"], {"k": i}, (i, None), i))
    for i, more in enumerate((["a", "b"], [], ["b"])):
        session.execute(insert, ([1, 2], D("7"), more, {}, (1, "x"), i))
    assert rows(session, "SELECT d FROM t WHERE p = [1, 2] PER PARTITION LIMIT 2") == [(D("1000"),), (D("7"),)]
    assert rows(session, "SELECT l FROM t WHERE p = [1, 2] AND d = 7.0") == [([],), (["a", "b"],), (["b"],)]
    assert rows(session, "SELECT v FROM t WHERE p = [1, 2] AND d = 7 AND l >= ['a']") == [(0,), (2,)]
    assert rows(session, "SELECT m, tp FROM t WHERE p = [1, 2] AND d < 1.5") == [({"k": 3}, (3, None)), ({"k": 1}, (1, None))]
    assert rows(session, "SELECT v FROM t WHERE p = [2, 1]") == []
    session.execute("DELETE FROM t WHERE p = [1, 2] AND d > 2")
    assert len(rows(session, "SELECT * FROM t")) == 3


def test_distinct_takes_one_row_of_each_partition_into_aggregates(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, s int static, PRIMARY KEY (p, c))")
    for p, c in ((1, 1), (1, 2), (1, 3), (2, 1)):
        session.execute(f"INSERT INTO t (p, c, s) VALUES ({p}, {c}, {p * 10})")
    session.execute("INSERT INTO t (p, s) VALUES (3, 30)")
    assert rows(session, "SELECT DISTINCT p, count(p), sum(s) FROM t GROUP BY p") == [(1, 1, 10), (2, 1, 20), (3, 1, 30)]
    assert rows(session, "SELECT DISTINCT p, count(p) FROM t GROUP BY p", fetch_size=1) == [(1, 1), (2, 1), (3, 1)]
    assert rows(session, "SELECT DISTINCT count(p) FROM t WHERE p IN (1, 2)") == [(2,)]


def test_what_aggregates_over_many_partitions_warn_of(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, PRIMARY KEY (p, c))")
    if session.cluster.protocol_version < 4:
        pytest.skip("version 3 has no warnings")
    for where, warning in (("", "Aggregation query used without partition key"), ("WHERE p = 1", None), ("WHERE p IN (1)", None),
                           ("WHERE p IN (1, 2)", "Aggregation query used on multiple partition keys (IN restriction)"),
                           ("WHERE token(p) > 1", None)):
        assert session.execute(f"SELECT count(*) FROM t {where}").response_future.warnings == (warning and [warning])


def test_in_with_one_value_is_equal(session, keyspace):
    session.execute("CREATE TABLE t (p int, a int, b int, v int, PRIMARY KEY (p, a, b))")
    for b in (1, 2):
        session.execute(f"INSERT INTO t (p, a, b, v) VALUES (0, 1, {b}, {b})")
    assert rows(session, "SELECT b FROM t WHERE p IN (0) AND a IN (1) ORDER BY b DESC") == [(2,), (1,)]
    assert rows(session, "UPDATE t SET v = 3 WHERE p IN (0) AND a IN (1) AND b = 1 IF v = 1") == [(True,)]
    assert rows(session, "DELETE FROM t WHERE p = 0 AND (a, b) IN ((1, 2)) IF EXISTS") == [(True,)]
    assert rows(session, "SELECT b, v FROM t") == [(1, 3)]


@pytest.mark.parametrize("statement, message", [
    ("SELECT * FROM t WHERE b = 1", 'PRIMARY KEY column "b" cannot be restricted as preceding column "a" is not restricted'),
    ("SELECT * FROM t WHERE a > 1 AND b = 1", 'Clustering column "b" cannot be restricted (preceding column "a" is restricted by a non-EQ relation)'),
    ("SELECT * FROM t WHERE p = 0 AND l CONTAINS 1", "Clustering columns can only be restricted with CONTAINS with a secondary index or filtering"),
    ("SELECT * FROM t WHERE (b) != (1)", 'Unsupported "!=" relation: (b) != (1)'),
    ("SELECT * FROM t WHERE token(p) != 1", 'Unsupported "!=" relation: token(p) != 1'),
    ("SELECT * FROM t WHERE token(p, p) > 1", "The token() function contains duplicate partition key components"),
    ("SELECT * FROM t WHERE (b, l) < (1, [1]) ALLOW FILTERING", "Multi-column slice restrictions cannot be used for filtering."),
    ("DELETE v FROM t WHERE p = 0 AND b = 1", 'PRIMARY KEY column "b" cannot be restricted'),
    ("DELETE FROM t WHERE p = 0 AND l CONTAINS 1", "Cannot use DELETE with CONTAINS"),
    ("UPDATE t SET v = 1 WHERE p = 0 AND a > 1 AND b = 1 AND l = [1]", 'Clustering column "b" cannot be restricted'),
    ("DELETE FROM t WHERE p = 0 IF EXISTS", "in order to delete non static columns"),
    ("DELETE FROM t WHERE p = 0 AND a IN (1, 2) AND b = 1 AND l = [1] IF v = 1", "IN on the clustering key columns is not supported with conditional deletions"),
    ("UPDATE t SET v = 1 WHERE p = 0 AND a = 1 AND b = 1 AND l = [1] IF v = 1 AND d > 1s", "Slice conditions ( > ) are not supported on durations"),
])
def test_restrictions_that_are_refused(session, keyspace, statement, message):
    session.execute("CREATE TABLE t (p int, a int, b int, l frozen<list<int>>, v int, d duration, PRIMARY KEY (p, a, b, l))")
    refused(session, statement, message)


@pytest.mark.parametrize("arguments, message", [
    ("i, [1.0, 2.0]", "Function system.similarity_cosine requires a float vector argument, but found argument i of type int"),
    ("v, 'a'", "but found argument 'a' of type ascii"),
    ("v, ['a', 'b']", "Type error: ['a', 'b'] cannot be passed as argument 1 of function system.similarity_cosine of type vector<float, 2>"),
    ("null, null", "Cannot infer type of argument NULL in call to function system.similarity_cosine"),
    ("v", "Invalid number of arguments for function system.similarity_cosine(vector<float, n>, vector<float, n>)"),
    ("v, [1.0]", "All arguments must have the same vector dimensions"),
    ("v, []", "vectors may only have positive dimensions; given 0")])
def test_arguments_of_similarities(session, keyspace, arguments, message):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, i int, v vector<float, 2>)")
    refused(session, f"SELECT similarity_cosine({arguments}) FROM t", message)


def test_similarities_to_nulls_and_markers(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)")
    session.execute("INSERT INTO t (k, v) VALUES (1, [1, 2])")
    assert rows(session, "SELECT similarity_cosine(v, null), similarity_cosine(null, [1, 2]) FROM t") == [(None, None)]
    for query in ("similarity_cosine([1, 2], ?)", "similarity_cosine(?, v)"):
        assert rows(session, session.prepare(f"SELECT {query} FROM t"), [[1.0, 2.0]])[0][0] == pytest.approx(1)


def test_durations_in_their_order(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, d duration)")
    session.execute("INSERT INTO t (k, d) VALUES (1, P0001-02-03T04:05:06)")
    assert rows(session, "SELECT d FROM t") == [(Duration(14, 3, ((4 * 60 + 5) * 60 + 6) * 10**9),)]
    for text, message in (("1y1y", "Invalid duration. The years are specified multiple times"),
                          ("1s1m", "Invalid duration. The seconds should be after minutes"), ("'1y'", "Invalid STRING constant (1y)")):
        refused(session, f"UPDATE t SET d = {text} WHERE k = 1", message)


def test_functions_that_are_gone(session, keyspace):
    session.execute("CREATE TABLE t (k timeuuid PRIMARY KEY)")
    for name in ("dateOf", "unixTimestampOf"):
        refused(session, f"SELECT {name}(k) FROM t", f"Unknown function '{name.lower()}'")


def test_each_change_of_a_list_sees_those_before_it(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, l list<int>)")
    session.execute("INSERT INTO t (k, l) VALUES (0, [1, 2, 3])")
    for changes, left in (("l[0] = 7, l[0] = 8", [8, 2, 3]), ("l[0] = null, l[1] = null", [2]),
                          ("l = l + [3, 4], l[2] = 5", [2, 3, 5]), ("l[0] = 9, l = l - [9]", [3, 5])):
        session.execute(f"UPDATE t SET {changes} WHERE k = 0")
        assert rows(session, "SELECT l FROM t") == [(left,)], changes


def test_conditions_on_what_collections_contain(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int, l list<int>, s set<int>, m map<int, int>)")
    session.execute("INSERT INTO t (k, l, s, m) VALUES (0, [1], {2}, {3: 4})")
    for condition, holds in (("l CONTAINS 1", True), ("l CONTAINS 2", False), ("s CONTAINS 2", True), ("m CONTAINS 4", True),
                             ("m CONTAINS 3", False), ("m CONTAINS KEY 3", True), ("m CONTAINS KEY 4", False)):
        assert session.execute(f"UPDATE t SET v = 1 WHERE k = 0 IF {condition}").one().applied == holds, condition
    refused(session, "UPDATE t SET v = 1 WHERE k = 0 IF s CONTAINS KEY 2", "Cannot use CONTAINS KEY on non-map column s")
    refused(session, "UPDATE t SET v = 1 WHERE k = 0 IF l CONTAINS null", 'Invalid comparison with null for operator "CONTAINS"')


def test_casts_among_values(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int, x text)")
    session.execute("INSERT INTO t (k, v, x) VALUES (CAST(1.7 AS int), CAST(CAST(2.5 AS float) AS int), CAST(5 AS text))")
    assert rows(session, "SELECT * FROM t WHERE k = CAST(1.3 AS int)") == [(1, 2, "5")]
    assert rows(session, "SELECT (int)((k + v) % 2), (text)x FROM t") == [(1, "5")]
    assert rows(session, session.prepare("SELECT k + (int)? FROM t"), [4]) == [(5,)]
    for selection, message in (("(bigint)k", "Cannot assign value (bigint)k to (bigint)k of type bigint"),
                               ("k + ?", "Ambiguous '+' operation with args k and ?: use type hint to disambiguate"),
                               ("k + x", "the '+' operation is not supported between k and x"),
                               ("minTimeuuid(k)", "Type error: k cannot be passed as argument 0 of function system.mintimeuuid")):
        refused(session, f"SELECT {selection} FROM t", message)


def test_limits_of_partitions_that_are_sorted(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, s int static, PRIMARY KEY (p, c))")
    for p in (1, 2):
        for c in (1, 2, 3):
            session.execute(f"INSERT INTO t (p, c) VALUES ({p}, {c})")
    session.execute("INSERT INTO t (p, s) VALUES (3, 1)")
    query = "SELECT p, c FROM t WHERE p IN (1, 2, 3) ORDER BY c {} PER PARTITION LIMIT 2"
    assert rows(session, query.format("DESC"), fetch_size=None) == [(1, 3), (2, 3), (1, 2), (2, 2), (3, None)]
    assert rows(session, query.format("ASC"), fetch_size=None) == [(3, None), (1, 1), (2, 1), (1, 2), (2, 2)]


def test_values_too_large_for_an_index(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text, l list<text>)")
    session.execute("CREATE INDEX ON t (v)")
    session.execute("CREATE INDEX ON t (l)")
    for column, value in (("v", "x" * 65536), ("l", ["x" * 65536])):
        with pytest.raises(InvalidRequest) as raised:
            session.execute(session.prepare(f"INSERT INTO t (k, {column}) VALUES (0, ?)"), [value])
        assert f"Cannot index value of size 65536 for index t_{column}_idx" in str(raised.value)
    wait_until(lambda: len(rows(session, "SELECT index_name FROM system.\"IndexInfo\" WHERE table_name = %s", [keyspace])) == 2,
               "both indexes built")
    refused(session, f"SELECT * FROM t WHERE v = '{'x' * 65536}'", "Index expression values may not be larger than 64K")


def test_groups_of_several_partitions_are_sorted(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, v int, PRIMARY KEY (p, c, v))")
    for p, c, v in ((1, 1, 1), (1, 1, 2), (1, 3, 1), (2, 2, 1), (2, 4, 1), (2, 4, 2)):
        session.execute(f"INSERT INTO t (p, c, v) VALUES ({p}, {c}, {v})")
    query = "SELECT p, c, count(*) FROM t WHERE p IN (1, 2) GROUP BY p, c ORDER BY c {}"
    assert rows(session, query.format("DESC"), fetch_size=None) == [(2, 4, 2), (1, 3, 1), (2, 2, 1), (1, 1, 2)]
    assert rows(session, query.format("ASC LIMIT 2"), fetch_size=None) == [(1, 1, 2), (2, 2, 1)]


def test_partitions_that_are_sorted_backwards(session, keyspace):
    session.execute("CREATE TABLE t (a int, b int, c int, PRIMARY KEY (a, b, c))")
    for row in ((1, 2, 1), (1, 2, 2), (1, 4, 2), (1, 4, 3), (2, 4, 3), (2, 2, 3), (4, 8, 12)):
        session.execute("INSERT INTO t (a, b, c) VALUES (%s, %s, %s)", row)

    def unpaged(query):
        return rows(session, query, fetch_size=None)

    assert unpaged("SELECT a, b, c FROM t WHERE a IN (2, 4, 1) ORDER BY b DESC") == [
        (4, 8, 12), (1, 4, 3), (1, 4, 2), (2, 4, 3), (1, 2, 2), (1, 2, 1), (2, 2, 3)]
    assert unpaged("SELECT a, b, c FROM t WHERE a IN (1, 2) AND b IN (2, 4) ORDER BY b DESC") == [
        (1, 4, 3), (1, 4, 2), (2, 4, 3), (1, 2, 2), (1, 2, 1), (2, 2, 3)]
    assert unpaged("SELECT a, b, count(b) FROM t WHERE a IN (1, 2, 4) GROUP BY a, b ORDER BY b DESC, c DESC") == [
        (4, 8, 1), (1, 4, 2), (2, 4, 1), (2, 2, 1), (1, 2, 2)]
    refused(session, "SELECT DISTINCT a, count(a) FROM t GROUP BY a, b",
            "Grouping on clustering columns is not allowed for SELECT DISTINCT queries")


def test_slices_between_numbers_with_a_point(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, s set<double>)")
    session.execute("INSERT INTO t (k, s) VALUES (1, {0.5, 2.2, 3.0, 4.4})")
    assert [set(one) for one in session.execute("SELECT s[0...3.], s[2.2..4.4] FROM t").one()] == [{0.5, 2.2, 3.0}, {2.2, 3.0, 4.4}]


def test_an_order_that_is_named_twice_is_the_last(grid):
    assert rows(grid, "SELECT a, b, c FROM t WHERE p = 0 ORDER BY a ASC, a DESC LIMIT 1") == [(2, 0, 1)]
    refused(grid, "SELECT * FROM t WHERE p = 0 ORDER BY b, a", "ordering of columns following their declared order")


@pytest.mark.parametrize("query, pages", [
    ("SELECT p FROM t WHERE p IN (0, 1) AND a >= 1 AND a < 1 ORDER BY a", False),
    ("SELECT p FROM t WHERE p IN () ORDER BY a", False),
    ("SELECT max(v) FROM t WHERE p IN (0, 1) AND a >= 1 AND a < 1 ORDER BY a", True),
    ("SELECT p FROM t WHERE p IN (0, 1) AND a >= 1 AND a < 1 GROUP BY p ORDER BY a", True),
    ("SELECT p FROM t WHERE p IN () GROUP BY p ORDER BY a", True),
    ("SELECT p FROM t WHERE p IN (7, 8) ORDER BY a", True)])
def test_what_is_refused_to_be_paged(grid, query, pages):
    if pages:
        refused(grid, query, "Cannot page queries with both ORDER BY and a IN restriction on the partition key")
    else:
        assert rows(grid, query) == []


def test_conditions_of_a_batch_are_tested_in_order(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, s int STATIC, v int, PRIMARY KEY (p, c))")
    session.execute("INSERT INTO t (p, s) VALUES (0, 1)")
    less = "UPDATE t SET v = 1 WHERE p = 0 AND c = 0 IF v < null"
    assert not session.execute(f"BEGIN BATCH {less}; INSERT INTO t (p, s) VALUES (0, 2) IF NOT EXISTS; APPLY BATCH").was_applied
    refused(session, less, 'Invalid comparison with null for operator "<"')
    refused(session, f"BEGIN BATCH {less}; UPDATE t SET s = 2 WHERE p = 0 IF s = 1; APPLY BATCH",
            'Invalid comparison with null for operator "<"')


@pytest.mark.parametrize("statement, levels, message", [
    ("INSERT INTO t (k, v) VALUES (1, 1)", (C.SERIAL, None), "You must use conditional updates for serializable writes"),
    ("UPDATE c SET n = n + 1 WHERE k = 1", (C.LOCAL_SERIAL, None), "Counter operations are inherently non-serializable"),
    ("UPDATE c SET n = n + 1 WHERE k = 1", (C.ANY, None), "Consistency level ANY is not yet supported for counter table c"),
    ("INSERT INTO t (k, v) VALUES (1, 1) IF NOT EXISTS", (C.ONE, C.QUORUM),
     "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL"),
    ("INSERT INTO t (k, v) VALUES (1, 1) IF NOT EXISTS", (C.SERIAL, None),
     "SERIAL is not supported as conditional update commit consistency. Use ANY if you mean"),
    ("BEGIN BATCH INSERT INTO t (k, v) VALUES (1, 1) IF NOT EXISTS; APPLY BATCH", (C.LOCAL_SERIAL, None),
     "LOCAL_SERIAL is not supported as conditional update commit consistency."),
    ("UPDATE t SET v = 1 WHERE k = 1 IF v = 1", (C.EACH_QUORUM, None), "consistency level EACH_QUORUM not compatible with "
     "replication strategy (org.apache.cassandra.locator.SimpleStrategy)")])
def test_consistency_levels_of_writes(session, keyspace, statement, levels, message):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)")
    session.execute("CREATE TABLE c (k int PRIMARY KEY, n counter)")
    asked = SimpleStatement(statement, consistency_level=levels[0])
    asked._serial_consistency_level = levels[1]  # the driver lets no other than the serial ones be set
    refused(session, asked, message)


def test_null_in_a_filter(session, keyspace):
    session.execute("CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))")
    for condition in ("v = null", "v > null", "v IN (null)"):
        refused(session, f"SELECT * FROM t WHERE {condition} ALLOW FILTERING", "Unsupported null value for column v")
    refused(session, "SELECT * FROM t WHERE k = 1 AND c = null", "Invalid null value in condition for column c")
