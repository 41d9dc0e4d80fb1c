"""Which types bind markers have, and what they are refused for. Everything here also holds of Apache Cassandra 5.0
(PENSTOCK_CQL)."""
import pytest
from cassandra import InvalidRequest
from cassandra.query import UNSET_VALUE


@pytest.fixture
def table(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, tiny tinyint, small smallint, i int, b bigint, f float, d double, "
                    "v varint, n decimal, ts timestamp, day date, s text, a ascii, l list<int>, du duration, raw blob)")
    session.execute("CREATE TABLE two (a int, b text, c int, s int static, v int, PRIMARY KEY ((a, b), c))")
    return session


def markers_of(session, statement):
    return [(one.name, one.type.cql_parameterized_type()) for one in session.prepare(statement).column_metadata]


def refused(session, statement, message):
    with pytest.raises(InvalidRequest) as error:
        session.prepare(statement)
    assert message in str(error.value), statement


@pytest.mark.parametrize("column, value, found", [
    ("tiny", "? + 1", [("arg0(system._add)", "tinyint")]),
    ("tiny", "? + ?", [("arg0(system._add)", "tinyint"), ("arg1(system._add)", "tinyint")]),
    ("i", "-?", [("arg0(system._negate)", "int")]),
    ("i", "(int) ? + 1", [("arg0(system._add)", "int")]),
    ("ts", "? + 1d", [("arg0(system._add)", "timestamp")]),
    ("ts", "'2020-01-01' + ?", [("arg1(system._add)", "duration")]),
    ("a", "? + 'x'", [("arg0(system._add)", "ascii")]),
    ("day", "toDate((timestamp) ?)", [("arg0(system.todate)", "timestamp")]),
])
def test_types_in_values(table, column, value, found):
    assert markers_of(table, f"INSERT INTO t (k, {column}) VALUES (1, {value})") == found


@pytest.mark.parametrize("column, value", [
    ("small", "? + 1"), ("i", "? + 1"), ("i", "1 - ?"), ("b", "? * 2"), ("f", "? + 1"), ("d", "? / 1.5"), ("v", "? % 3"),
    ("n", "? + 1"), ("n", "? + ?"), ("s", "? + 'x'"), ("ts", "? - ?"), ("day", "? + ?")])
def test_what_could_be_of_several_types(table, column, value):
    left, operator, right = value.split()
    message = (f"Ambiguous '{operator}' operation with args {left} and {right}: use type hint to disambiguate, "
               "example '(int) ?'")
    refused(table, f"INSERT INTO t (k, {column}) VALUES (1, {value})", message)
    refused(table, f"UPDATE t SET {column} = {value} WHERE k = 1", message)


def test_where_and_what_operators_do_not_take(table):
    refused(table, "SELECT * FROM t WHERE k = ? + 1", "Ambiguous '+' operation with args ? and 1")
    refused(table, "SELECT * FROM t WHERE token(k) > ? + 1", "Ambiguous '+' operation with args ? and 1")
    refused(table, "SELECT k + ? FROM t", "Ambiguous '+' operation with args k and ?")
    refused(table, "INSERT INTO t (k, l) VALUES (1, ? + [1])", "the '+' operation is not supported between ? and [1]")
    refused(table, "INSERT INTO t (k, du) VALUES (1, ? + 1d)", "the '+' operation is not supported between ? and 1d")
    refused(table, "INSERT INTO t (k, day) VALUES (1, toDate(?))",
            "Ambiguous call to function todate (can be matched by following signatures: system.todate : (timeuuid) -> date, "
            "system.todate : (timestamp) -> date): use type casts to disambiguate")
    refused(table, "SELECT * FROM t WHERE b = sum(1) ALLOW FILTERING", "Aggregation function are not supported in the where clause")
    refused(table, "SELECT * FROM two WHERE a = 1 AND b = 'x' AND (c) > (?, ?)",
            "Expected 1 elements in value tuple, but got 2: (?, ?)")


def test_an_unset_operand(table):
    statement = table.prepare("UPDATE t SET i = (int) ? + 1 WHERE k = 1")
    table.execute(statement, (7,))
    assert table.execute("SELECT i FROM t WHERE k = 1").one().i == 8
    if table.cluster.protocol_version > 3:
        with pytest.raises(InvalidRequest):
            table.execute(statement, (UNSET_VALUE,))


def test_token_takes_values_of_the_partition_key(table):
    assert markers_of(table, "SELECT k FROM t WHERE token(k) > token(?)") == [("arg0(system.token)", "int")]
    assert markers_of(table, "SELECT c FROM two WHERE token(a, b) > token(?, ?)") == [
        ("arg0(system.token)", "int"), ("arg1(system.token)", "varchar")]
    assert markers_of(table, "SELECT token(?) FROM t") == [("[selection]", "int")]
    table.execute("INSERT INTO t (k, b, raw) VALUES (1, token(1), token(1234))")
    row = table.execute("SELECT token(k) AS one, token(1), b, raw FROM t").one()
    assert row[0] == row[1] == row[2]
    assert row[3] == (8821045555241575141).to_bytes(8, "big")
    assert [one.k for one in table.execute("SELECT k FROM t WHERE b = token(1) ALLOW FILTERING")] == [1]
    after = table.prepare("SELECT k FROM t WHERE token(k) >= token(?)")
    assert [one.k for one in table.execute(after, (1,))] == [1]
    table.execute("INSERT INTO two (a, b, c) VALUES (1, 'x', 1)")
    assert len(list(table.execute("SELECT token(a, b) FROM two WHERE token(a, b) = token(1, 'x')"))) == 1
    refused(table, "SELECT token(1) FROM two", "Invalid number of arguments in call to function system.token: 2 required but 1")
    refused(table, "SELECT token('x', 1) FROM two",
            "Type error: 'x' cannot be passed as argument 0 of function system.token of type int")
