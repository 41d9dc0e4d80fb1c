"""Values as they are bound and written: what is refused, and what they become. Everything here also holds of Apache
Cassandra 5.0 (PENSTOCK_CQL)."""
import datetime
import struct

import pytest
from cassandra import FunctionFailure, InvalidRequest
from cassandra.query import UNSET_VALUE, BoundStatement


def rows(session, query, *values):
    return [tuple(row) for row in session.execute(query, *values)]


def raw(session, query, *values):
    """With values in bytes, past the driver's own checks."""
    bound = BoundStatement(session.prepare(query))
    bound.values = list(values)
    return session.execute(bound)


def refused(act, message, error=InvalidRequest):
    with pytest.raises(error) as raised:
        act()
    assert message in str(raised.value)


def collection(*parts):
    """Of ints; one part is a set or list, pairs make a map."""
    return b"".join([struct.pack(">i", len(parts))] + [struct.pack(">ii", 4, part) for part in parts])


def test_sets_and_maps_come_in_their_order(session, keyspace):
    session.execute("CREATE TABLE t (k frozen<set<int>> PRIMARY KEY, m frozen<map<frozen<set<int>>, int>>, u tuple<int, set<int>>)")
    unordered = collection(3, 1, 2, 1)
    entry = struct.pack(">i", 1) + struct.pack(">i", len(unordered)) + unordered + struct.pack(">ii", 4, 9)
    component = struct.pack(">ii", 4, 1) + struct.pack(">i", len(unordered)) + unordered
    raw(session, "INSERT INTO t (k, m, u) VALUES (?, ?, ?)", unordered, entry, component)
    find = session.prepare("SELECT k, m, u FROM t WHERE k = ?")
    found = rows(session, find, [{1, 2, 3}])
    assert [set(found[0][0])] == [{1, 2, 3}]
    assert list(found[0][0]) == [1, 2, 3]
    assert [list(key) for key in found[0][1].keys()] == [[1, 2, 3]]
    assert list(found[0][2][1]) == [1, 2, 3]


def test_bytes_that_are_no_values(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, i int, x text, l list<int>, s set<int>, m map<int, int>, "
                    "v vector<float, 2>, u tuple<int, int>)")
    one = struct.pack(">i", 1)
    for column, value, message in (
            ("i", b"abc", "Expected 4 or 0 byte int (3)"),
            ("x", b"\xff", "String didn't validate."),
            ("l", b"", "Not enough bytes to read a list"),
            ("s", b"ab", "Not enough bytes to read a set"),
            ("m", b"\xff\xff\xff\xff", "The data cannot be deserialized as a map"),
            ("v", b"", "Invalid empty vector value"),
            ("v", b"\0\0\0\1", "Not enough bytes to read a vector<float, 2>"),
            ("u", 3 * struct.pack(">ii", 4, 1), "Invalid remaining data after end of tuple value")):
        refused(lambda c=column, v=value: raw(session, f"INSERT INTO t (k, {c}) VALUES (?, ?)", one, v), message)
    assert rows(session, "SELECT * FROM t") == []


@pytest.mark.parametrize("query, values, message", [
    ("INSERT INTO t (k, a, u) VALUES (0, 0, (3, ?))", [UNSET_VALUE], "Invalid unset value for tuple field number 1"),
    ("INSERT INTO t (k, a, z) VALUES (0, 0, {x: ?, y: 1})", [UNSET_VALUE], "Invalid unset value for field 'x' of user defined type"),
    ("SELECT * FROM t WHERE k IN ?", [UNSET_VALUE], "Invalid unset value for column k"),
    ("SELECT * FROM t WHERE k IN ?", [None], "Invalid null value for column k"),
    ("SELECT * FROM t WHERE k = 0 AND (a) > (?)", [UNSET_VALUE], "Invalid unset value for"),
    ("SELECT * FROM t WHERE token(k) > token(?)", [UNSET_VALUE], "Invalid unset value for argument in call to function token"),
    ("SELECT * FROM t WHERE m[?] = 1 ALLOW FILTERING", [None], "Unsupported null map key for column m"),
    ("SELECT * FROM t WHERE l CONTAINS ? ALLOW FILTERING", [UNSET_VALUE], "Unsupported unset value for column l"),
    ("UPDATE t SET m[?] = 1 WHERE k = 0 AND a = 0", [UNSET_VALUE], "Invalid unset map key"),
    ("INSERT INTO t (k, a, l) VALUES (0, 0, [1, ?])", [2], "bind variables are not supported inside collection literals"),
    ("INSERT INTO t (k, a, u) VALUES (0, 0, (1, (1, 2, 3)))", [], "Invalid tuple literal for u: component 1 is not of type"),
    ("INSERT INTO t (k, a, f) VALUES (0, 0, [1.0, 'b'])", [], "Invalid vector literal for f: value 'b' is not of type float"),
])
def test_values_that_are_missing_or_wrong(session, keyspace, query, values, message):
    if session.cluster.protocol_version < 4 and UNSET_VALUE in values:
        pytest.skip("version 3 has no unset values")
    session.execute("CREATE TYPE point (x int, y int)")
    session.execute("CREATE TABLE t (k int, a int, u tuple<int, int>, z frozen<point>, l list<int>, m map<int, int>, "
                    "f vector<float, 2>, PRIMARY KEY (k, a))")
    refused(lambda: session.execute(session.prepare(query), values), message)


def test_nothing_is_removed_at_an_unset_place(session, keyspace):
    if session.cluster.protocol_version < 4:
        pytest.skip("version 3 has no unset values")
    session.execute("CREATE TABLE t (k int PRIMARY KEY, l list<int>, s set<int>)")
    session.execute("INSERT INTO t (k, l, s) VALUES (0, [1], {2})")
    for column in "ls":
        session.execute(session.prepare(f"DELETE {column}[?] FROM t WHERE k = 0"), [UNSET_VALUE])
    assert rows(session, "SELECT l, s FROM t") == [([1], {2})]


def test_texts_of_tuples_and_times(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, u tuple<int, text, double>, d date, ts timestamp, x text)")
    session.execute("INSERT INTO t (k, u, d, ts, x) VALUES (0, '1:b\\:c:2', '2147483649', '2011-02-03 04:05 PST', (ascii)'x')")
    assert rows(session, "SELECT u, ts, x FROM t WHERE d = '1970-01-02' ALLOW FILTERING") == [
        ((1, "b:c", 2.0), datetime.datetime(2011, 2, 3, 12, 5), "x")]
    session.execute("UPDATE t SET ts = '', u = '@:@' WHERE k = 0")
    assert rows(session, "SELECT u FROM t") == [((None, None, None),)]
    for value, message in (
            ("u = 'a:b'", "Unable to make int from 'a'"),
            ("u = '1:a:1:2'", "Invalid tuple literal: too many elements. Type frozen<tuple<int, text, double>> expects 3 but got 4"),
            ("d = -1", "Unable to make unsigned int (for date) from: '-1'"),
            ("x = (int)1", "Cannot assign value (int)1 to x of type text")):
        refused(lambda v=value: session.execute(f"UPDATE t SET {v} WHERE k = 0"), message)


@pytest.mark.parametrize("text, days", [
    ("-5877641-06-23", 0), ("+5881580-07-11", 2**32 - 1), ("0000-01-01", 0x7ff50558), ("-0001-01-01", 0x7ff503eb),
    ("+12020-01-01", 0x8038029f), ("-9999-01-01", 0x7fbd4b7d), ("9999-12-31", 0x802cc0a0), ("2000-02-29", 0x80002b08)])
def test_dates_of_every_year(session, keyspace, text, days):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, d date)")
    session.execute(f"INSERT INTO t (k, d) VALUES (0, '{text}')")
    assert session.execute("SELECT date_as_blob(d) FROM t").one()[0] == days.to_bytes(4, "big")
    assert session.execute("SELECT to_json(d) FROM t").one()[0] == f'"{text}"'


@pytest.mark.parametrize("text, message", [
    *((text, "Unable to coerce '{}' to a formatted date (long)") for text in (
        "2020-1-1", "02020-01-01", "+2020-01-01", "12020-01-01", "-1-01-01", "-0000-01-01", "+1000000000-01-01", "2020-02-30",
        "1900-02-29", "2020-01-01 ", "20-01-01", "2020-13-01")),
    ("-5877641-06-22", "Input date {} is less than min supported date -5877641-06-23T00:00Z"),
    ("+5881580-07-12", "Input date {} is greater than max supported date +5881580-07-11T00:00Z")])
def test_texts_that_are_no_dates(session, keyspace, text, message):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, d date)")
    refused(lambda: session.execute(f"INSERT INTO t (k, d) VALUES (0, '{text}')"), message.format(text))


def test_a_day_that_its_month_does_not_have_is_its_last_one_in_a_timestamp(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, ts timestamp)")
    for text, day in (("2020-02-30", 29), ("2021-02-31", 28), ("2021-04-31", 30)):
        session.execute(f"INSERT INTO t (k, ts) VALUES (0, '{text}')")
        assert session.execute("SELECT ts FROM t").one()[0] == datetime.datetime(int(text[:4]), int(text[5:7]), day)
    for text in ("2020-1-1", "12020-01-01", "2020-02-32"):
        refused(lambda t=text: session.execute(f"INSERT INTO t (k, ts) VALUES (0, '{t}')"), "Unable to parse a date/time from")


def test_a_literal_of_many_elements(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, m frozen<map<int, int>>)")
    count = 70_000
    session.execute("INSERT INTO t (k, m) VALUES (0, {" + ", ".join(f"{i}: {i}" for i in range(count)) + "})", timeout=60)
    assert session.execute("SELECT collection_count(m) FROM t").one()[0] == count


def test_sets_in_vectors_stay_as_they_come(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v vector<frozen<set<int>>, 1>)")
    twice = collection(2, 1, 2)
    raw(session, "INSERT INTO t (k, v) VALUES (?, ?)", struct.pack(">i", 0), bytes([len(twice)]) + twice)
    assert rows(session, "SELECT to_json(v) FROM t") == [("[[2, 1, 2]]",)]


def test_json_values(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, i int, b boolean, x text, z blob, l list<int>, u tuple<int, int>, "
                    "m map<blob, int>, fm frozen<map<frozen<list<int>>, int>>, s set<int>)")
    session.execute("""INSERT INTO t JSON '{"k": 1, "i": "2", "b": "TRUE", "l": "[3, 4]", "m": {"0x01": 5}, """
                    """"fm": {"[6]": 7}, "s": [9, 8, 9]}'""")
    found = session.execute("SELECT i, b, l, m, fm, s FROM t").one()
    assert (found.i, found.b, found.l, dict(found.m), set(found.s)) == (2, True, [3, 4], {b"\x01": 5}, {8, 9})
    assert [(list(key), value) for key, value in found.fm.items()] == [([6], 7)]
    for column, json, message in (
            ("i", "1.5", "Expected an int value, but got a Double: 1.5"),
            ("i", "2147483648", "Expected an int value, but got a Long: 2147483648"),
            ("i", '"a"', "Unable to make int from 'a'"),
            ("i", "[1]", "Expected an int value, but got a ArrayList: [1]"),
            ("b", '"dog"', "Unable to make boolean from 'dog'"),
            ("x", "12", "Expected a UTF-8 string, but got a Integer: 12"),
            ("z", '"12"', "Value '12' is not a valid blob representation"),
            ("l", "[1, null]", "Invalid null element in list"),
            ("l", "1", "Expected a list, but got a Integer: 1"),
            ("u", "[1]", "Tuple is missing items (expected 2): [1]")):
        refused(lambda c=column, j=json: session.execute(f"INSERT INTO t (k, {c}) VALUES (2, from_json('{j}'))"), message,
                FunctionFailure)
        refused(lambda c=column, j=json: session.execute(f"""INSERT INTO t JSON '{{"k": 2, "{c}": {j}}}'"""),
                f"Error decoding JSON value for {column}: ")


def test_clustering_keys_have_a_greatest_length(session, keyspace):
    session.execute("CREATE TABLE t (k int, a text, b text, v int, PRIMARY KEY (k, a, b))")
    insert = session.prepare("INSERT INTO t (k, a, b, v) VALUES (0, ?, ?, 0)")
    session.execute(insert, ("x" * 65534, "y"))
    for query in (insert, session.prepare("UPDATE t SET v = 1 WHERE k = 0 AND a = ? AND b = ?"),
                  session.prepare("DELETE FROM t WHERE k = 0 AND a = ? AND b = ?")):
        refused(lambda q=query: session.execute(q, ("x" * 65535, "y")), "Key length of 65536 is longer than maximum of 65535")
    assert rows(session, "SELECT v FROM t") == [(0,)]


def test_vectors_as_clustering_columns(session, keyspace):
    session.execute("CREATE TABLE t (k int, v vector<int, 2>, w vector<text, 2>, PRIMARY KEY (k, v, w)) "
                    "WITH CLUSTERING ORDER BY (v DESC)")
    values = [([1, 2], ["a", "b"]), ([1, 2], ["a", "bb"]), ([1, -2], ["aa", "b"]), ([-1, 9], ["", ""])]
    for v, w in values:
        session.execute(f"INSERT INTO t (k, v, w) VALUES (0, {v}, {w})")
    assert rows(session, "SELECT v, w FROM t WHERE k = 0") == values
    assert rows(session, "SELECT v FROM t WHERE k = 0 AND v > [1, -2]") == [([1, 2],)] * 2
    assert rows(session, "SELECT w FROM t WHERE k = 0 AND v = [1, 2] AND w > ['a', 'b']") == [(["a", "bb"],)]
