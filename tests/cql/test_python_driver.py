"""The port as the Python driver uses it."""
import datetime
import decimal
import ipaddress
import threading
import uuid

import pytest
from cassandra import AlreadyExists, InvalidRequest
from cassandra.cluster import Cluster
from cassandra.protocol import ProtocolException, SyntaxException
from cassandra.query import BatchStatement, SimpleStatement, ValueSequence, dict_factory
from cassandra.util import Date, Duration, Time

TYPES = {
    "ascii": "plain",
    "bigint": -(2**63),
    "blob": b"\x00\xff\x10",
    "boolean": True,
    "date": Date("1969-12-31"),
    "decimal": decimal.Decimal("-12345678901234567890.0123"),
    "double": -1.5e300,
    "duration": Duration(14, 3, 5_000_000_001),
    "float": 0.5,
    "inet": "2001:db8::1",
    "int": -(2**31),
    "smallint": -32768,
    "text": "Zoë 'quoted' \U0001f600",
    "time": Time("23:59:59.123456789"),
    "timestamp": datetime.datetime(1999, 12, 31, 23, 59, 59, 999000),
    "timeuuid": uuid.UUID("50554d6e-29bb-11e5-b345-feff819cdc9f"),
    "tinyint": -128,
    "uuid": uuid.UUID("123e4567-e89b-42d3-a456-426614174000"),
    "varint": 2**100,
    "list<int>": [3, 1, 2],
    "set<text>": {"a", "b"},
    "map<text, bigint>": {"k": 1, "l": 2},
    "frozen<list<frozen<map<int, text>>>>": [{1: "x"}, {2: "y"}],
    "tuple<int, text>": (1, None),
}


@pytest.mark.parametrize("type_name", TYPES)
def test_values_round_trip(session, keyspace, type_name):
    value = TYPES[type_name]
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, v {type_name})")
    insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    session.execute(insert, (1, value))
    session.execute(insert, (2, None))
    rows = {row.k: row.v for row in session.execute("SELECT k, v FROM t")}
    got = rows[1]
    if isinstance(value, (list, set, dict)):
        assert type(value)(got) == value if not isinstance(value, list) else [dict(x) if hasattr(x, "items") else x for x in got] == value
    elif type_name == "inet":
        assert ipaddress.ip_address(got) == ipaddress.ip_address(value)
    else:
        assert got == value
    assert not rows[2]


def test_literals_of_every_type(session, keyspace):
    session.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a bigint, b blob, c boolean, d date, e decimal, f double, g duration, h inet, "
        "i text, j time, l timestamp, m uuid, n varint, o list<int>, p set<text>, q map<text, int>, r tuple<int, text>)")
    session.execute(
        "INSERT INTO t (k, a, b, c, d, e, f, g, h, i, j, l, m, n, o, p, q, r) VALUES (1, -5, 0xCAFE, true, '2024-02-29', "
        "1.50, 1e3, 1h30m, '10.0.0.1', 'it''s', '01:02:03.5', '2024-02-29 12:00:00+0100', "
        "123e4567-e89b-42d3-a456-426614174000, 340282366920938463463374607431768211456, [1, 2], {'x'}, {'k': 1}, (7, 'x'))")
    row = session.execute("SELECT * FROM t").one()
    assert (row.a, row.b, row.c, row.e, row.f) == (-5, b"\xca\xfe", True, decimal.Decimal("1.50"), 1000.0)
    assert row.d == Date("2024-02-29") and row.j == Time("01:02:03.5")
    assert row.l == datetime.datetime(2024, 2, 29, 11)
    assert row.g == Duration(0, 0, 5_400_000_000_000) and row.h == "10.0.0.1" and row.i == "it's"
    assert row.n == 2**128 and list(row.o) == [1, 2] and row.r == (7, "x")


def test_clustering_order_slices_and_limits(session, keyspace):
    session.execute("CREATE TABLE t (p text, c int, d text, v int, PRIMARY KEY (p, c, d)) "
                    "WITH CLUSTERING ORDER BY (c DESC, d ASC)")
    insert = session.prepare("INSERT INTO t (p, c, d, v) VALUES (?, ?, ?, ?)")
    for p in ("a", "b"):
        for c in range(-2, 3):
            for d in ("x", "y"):
                session.execute(insert, (p, c, d, c * 10))
    got = [(r.c, r.d) for r in session.execute("SELECT c, d FROM t WHERE p = 'a' AND c >= 0 AND c < 2")]
    assert got == [(1, "x"), (1, "y"), (0, "x"), (0, "y")]
    got = [(r.c, r.d) for r in session.execute("SELECT c, d FROM t WHERE p = 'a' ORDER BY c ASC LIMIT 3")]
    assert got == [(-2, "y"), (-2, "x"), (-1, "y")]
    got = [(r.c, r.d) for r in session.execute("SELECT c, d FROM t WHERE p = 'a' AND c IN (2, -1) AND d > 'x'")]
    assert got == [(2, "y"), (-1, "y")]
    assert len(list(session.execute("SELECT * FROM t PER PARTITION LIMIT 3"))) == 6
    assert {r.p for r in session.execute("SELECT DISTINCT p FROM t")} == {"a", "b"}
    assert len(list(session.execute("SELECT * FROM t WHERE p IN ('a', 'b', 'c') AND c = 0"))) == 4


def test_paging_sees_every_row_once(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, PRIMARY KEY (p, c))")
    insert = session.prepare("INSERT INTO t (p, c) VALUES (?, ?)")
    for p in range(7):
        for c in range(13):
            session.execute(insert, (p, c))
    for size in (1, 5, 13, 91, 1000):
        rows = list(session.execute(SimpleStatement("SELECT p, c FROM t", fetch_size=size)))
        assert len(rows) == 91 and len(set(rows)) == 91
    rows = list(session.execute(SimpleStatement("SELECT p, c FROM t WHERE p = 3 ORDER BY c DESC", fetch_size=4)))
    assert [r.c for r in rows] == list(range(12, -1, -1))
    rows = list(session.execute(SimpleStatement("SELECT p, c FROM t LIMIT 50", fetch_size=7)))
    assert len(set(rows)) == 50
    rows = list(session.execute(SimpleStatement("SELECT p, c FROM t PER PARTITION LIMIT 5", fetch_size=3)))
    assert len(set(rows)) == 35
    rows = list(session.execute(SimpleStatement("SELECT DISTINCT p FROM t", fetch_size=2)))
    assert sorted(r.p for r in rows) == list(range(7))
    assert session.execute("SELECT count(*) FROM t").one()[0] == 91


def test_a_paging_state_of_another_table_is_refused(session, keyspace, address):
    session.execute("CREATE TABLE t (p int PRIMARY KEY)")
    # The driver closes connections that break the protocol, and takes the node for dead: these are of its own.
    with Cluster([address[0]], port=address[1], protocol_version=session.cluster.protocol_version) as cluster:
        own = cluster.connect(keyspace)
        with pytest.raises(ProtocolException) as raised:
            own.execute(SimpleStatement("SELECT * FROM t", fetch_size=1), paging_state=b"nonsense")
        assert "Invalid value for the paging state" in str(raised.value)


def test_aggregates_and_functions(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, i int, d double)")
    for k in range(5):
        session.execute("INSERT INTO t (k, i, d) VALUES (%s, %s, %s)", (k, k * 2, k / 2))
    session.execute("INSERT INTO t (k) VALUES (99)")
    row = session.execute("SELECT count(*), count(i), min(i), max(i), sum(i), avg(d) FROM t").one()
    assert tuple(row) == (6, 5, 0, 8, 20, 1.0)
    row = session.execute("SELECT CAST(i AS text) AS s, toJson(d) AS j, token(k) AS t FROM t WHERE k = 3").one()
    assert (row.s, row.j) == ("6", "1.5") and isinstance(row.t, int)
    assert session.execute("SELECT JSON k, i FROM t WHERE k = 1").one()[0] == '{"k": 1, "i": 2}'
    session.execute("INSERT INTO t JSON '{\"k\": 7, \"i\": 14, \"d\": 0.25}'")
    assert tuple(session.execute("SELECT i, d FROM t WHERE k = 7").one()) == (14, 0.25)


def test_timestamps_and_time_to_live(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text, w text)")
    session.execute("INSERT INTO t (k, v) VALUES (1, 'new') USING TIMESTAMP 2000")
    session.execute("INSERT INTO t (k, v, w) VALUES (1, 'old', 'old') USING TIMESTAMP 1000 AND TTL 1000")
    row = session.execute("SELECT v, w, writetime(v) AS a, writetime(w) AS b, ttl(v) AS c, ttl(w) AS d FROM t").one()
    assert (row.v, row.w, row.a, row.b, row.c) == ("new", "old", 2000, 1000, None) and 0 < row.d <= 1000
    session.execute("DELETE FROM t USING TIMESTAMP 1500 WHERE k = 1")
    assert tuple(session.execute("SELECT v, w FROM t").one()) == ("new", None)
    session.execute("UPDATE t USING TIMESTAMP 3000 SET v = null WHERE k = 1")
    assert tuple(session.execute("SELECT v, w FROM t").one()) == (None, None)


def test_deletes_of_rows_ranges_and_partitions(session, keyspace):
    session.execute("CREATE TABLE t (p int, c int, v int, PRIMARY KEY (p, c))")
    def fill():
        for p in (1, 2):
            for c in range(6):
                session.execute("INSERT INTO t (p, c, v) VALUES (%s, %s, 0)", (p, c))
    def left():
        return sorted((r.p, r.c) for r in session.execute("SELECT p, c FROM t"))
    fill()
    session.execute("DELETE FROM t WHERE p = 1 AND c = 3")
    session.execute("DELETE FROM t WHERE p = 1 AND c > 4")
    session.execute("DELETE FROM t WHERE p = 2")
    assert left() == [(1, 0), (1, 1), (1, 2), (1, 4)]
    assert session.execute("SELECT count(*) FROM t WHERE p = 1 AND c >= 2").one()[0] == 2
    assert [r.c for r in session.execute("SELECT c FROM t WHERE p = 1 ORDER BY c DESC")] == [4, 2, 1, 0]
    fill()
    assert len(left()) == 12
    session.execute("TRUNCATE t")
    assert left() == []


def test_collections_change_element_by_element(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, l list<int>, s set<int>, m map<text, int>)")
    session.execute("UPDATE t SET l = [2, 3], s = {1, 2}, m = {'a': 1} WHERE k = 1")
    session.execute("UPDATE t SET l = l + [4], l = [1] + l, s = s + {-1}, m['b'] = 2 WHERE k = 1")
    row = session.execute("SELECT l, s, m FROM t").one()
    assert list(row.l) == [1, 2, 3, 4] and list(row.s) == [-1, 1, 2] and dict(row.m) == {"a": 1, "b": 2}
    session.execute("UPDATE t SET s = s - {1}, m = m - {'a'} WHERE k = 1")
    session.execute("DELETE m['b'] FROM t WHERE k = 1")
    row = session.execute("SELECT l, s, m FROM t").one()
    assert list(row.s) == [-1, 2] and not row.m
    session.execute("UPDATE t SET l = [9] WHERE k = 1")
    assert list(session.execute("SELECT l FROM t").one().l) == [9]


def test_counters(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, n counter)")
    add = session.prepare("UPDATE t SET n = n + ? WHERE k = 1")
    assert add.column_metadata[0].type.typename == "counter"
    for i in range(100):
        session.execute(add, (i,))
    session.execute("UPDATE t SET n = n - 50 WHERE k = 1")
    assert session.execute("SELECT n FROM t WHERE k = 1").one().n == 4900
    with pytest.raises(InvalidRequest):
        session.execute("INSERT INTO t (k, n) VALUES (1, 1)")


def test_batches_are_written_as_a_whole(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    batch = BatchStatement()
    for k in range(20):
        batch.add(insert, (k, str(k)))
    batch.add(SimpleStatement("DELETE FROM t WHERE k = 100"))
    session.execute(batch)
    assert session.execute("SELECT count(*) FROM t").one()[0] == 20
    session.execute("BEGIN BATCH USING TIMESTAMP 1 INSERT INTO t (k, v) VALUES (50, 'x'); "
                    "UPDATE t SET v = 'y' WHERE k = 51; APPLY BATCH")
    assert session.execute("SELECT writetime(v) FROM t WHERE k = 51").one()[0] == 1


def test_conditional_statements(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)")
    assert session.execute("INSERT INTO t (k, v) VALUES (1, 1) IF NOT EXISTS").was_applied
    again = session.execute("INSERT INTO t (k, v) VALUES (1, 2) IF NOT EXISTS")
    assert not again.was_applied and again.one().v == 1
    assert not session.execute("UPDATE t SET v = 5 WHERE k = 1 IF v = 9").was_applied
    assert session.execute("UPDATE t SET v = 5 WHERE k = 1 IF v = 1").was_applied
    assert not session.execute("DELETE FROM t WHERE k = 2 IF EXISTS").was_applied
    assert session.execute("DELETE FROM t WHERE k = 1 IF EXISTS").was_applied
    assert session.execute("SELECT count(*) FROM t").one()[0] == 0


def test_a_prepared_statement_survives_a_schema_change(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    select = session.prepare("SELECT * FROM t WHERE k = ?")
    assert [c.name for c in select.column_metadata] == ["k"] and list(select.routing_key_indexes) == [0] or session.cluster.protocol_version == 3
    session.execute("INSERT INTO t (k, v) VALUES (1, 'a')")
    assert len(session.execute(select, (1,)).one()) == 2
    session.execute("ALTER TABLE t ADD w int")
    session.execute("UPDATE t SET w = 3 WHERE k = 1")
    assert session.execute("SELECT v, w FROM t WHERE k = 1").one() == ("a", 3)
    if session.cluster.protocol_version >= 5:
        assert session.execute(select, (1,)).one() == (1, "a", 3)
    session.execute("ALTER TABLE t DROP v")
    with pytest.raises(InvalidRequest):
        session.execute("SELECT v FROM t")


def test_errors_have_their_codes(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    with pytest.raises(AlreadyExists):
        session.execute("CREATE TABLE t (k int PRIMARY KEY)")
    session.execute("CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)")
    for text, part in {
        "SELECT * FROM nothing": "table nothing does not exist",
        "SELECT x FROM t": "Undefined column name x",
        "INSERT INTO t (k, v) VALUES ('a', 'b')": "Invalid STRING constant (a) for \"k\" of type int",
        "SELECT * FROM t WHERE v = 'x'": "ALLOW FILTERING",
        "SELECT * FROM nowhere.t": "keyspace nowhere does not exist",
        "INSERT INTO system.local (key) VALUES ('x')": None,
    }.items():
        with pytest.raises(Exception) as caught:
            session.execute(text)
        if part:
            assert isinstance(caught.value, InvalidRequest) and part in str(caught.value)
    with pytest.raises(SyntaxException) as caught:
        session.execute("SELECT * FORM t")
    assert "line 1:9 mismatched input 'FORM'" in str(caught.value)


def test_the_driver_sees_the_schema(session, keyspace):
    session.execute("CREATE TABLE t (a int, b text, c timestamp, v set<int>, PRIMARY KEY ((a, b), c)) "
                    "WITH CLUSTERING ORDER BY (c DESC) AND comment = 'it''s' AND default_time_to_live = 60")
    session.cluster.refresh_schema_metadata()
    table = session.cluster.metadata.keyspaces[keyspace].tables["t"]
    assert [c.name for c in table.partition_key] == ["a", "b"] and [c.name for c in table.clustering_key] == ["c"]
    assert table.columns["v"].cql_type == "set<int>" and table.clustering_key[0].is_reversed
    assert table.options["comment"] == "it's" and table.options["default_time_to_live"] == 60
    again = table.as_cql_query().replace(f"{keyspace}.t", f"{keyspace}.t2")
    session.execute(again)


def test_named_values_and_unset(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text, w text)")
    insert = session.prepare("INSERT INTO t (k, v, w) VALUES (:k, :v, :w)")
    session.execute(insert, {"k": 1, "v": "a", "w": "b"})
    if session.cluster.protocol_version >= 4:
        session.execute(insert, {"k": 1, "v": "c"})
        assert session.execute("SELECT v, w FROM t").one() == ("c", "b")
    assert session.execute("SELECT * FROM t WHERE k IN %s", (ValueSequence([1, 2]),)).one().k == 1


def test_large_values_and_many_requests_at_once(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v blob)")
    insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    big = bytes(range(256)) * 4096
    session.execute(insert, (0, big))
    futures = [session.execute_async(insert, (k, b"x" * (k % 50))) for k in range(1, 500)]
    for future in futures:
        future.result()
    assert session.execute("SELECT v FROM t WHERE k = 0").one().v == big
    assert session.execute("SELECT count(*) FROM t").one()[0] == 500


@pytest.mark.parametrize("compression", ["lz4", "snappy"])
@pytest.mark.parametrize("version", [4, 5])
def test_compression(address, compression, version):
    if version == 5 and compression == "snappy":
        pytest.skip("version 5 has lz4 only")
    cluster = Cluster([address[0]], port=address[1], protocol_version=version, compression=compression)
    rows = cluster.connect().execute("SELECT * FROM system_schema.columns")
    assert len(list(rows)) > 50
    cluster.shutdown()


def test_schema_changes_reach_other_clients(address, session, keyspace):
    other = Cluster([address[0]], port=address[1])
    other.connect()
    seen = threading.Event()
    session.execute(f"CREATE TABLE {keyspace}.announced (k int PRIMARY KEY)")
    for _ in range(100):
        tables = other.metadata.keyspaces.get(keyspace)
        if tables and "announced" in tables.tables:
            seen.set()
            break
        seen.wait(0.1)
    other.shutdown()
    assert seen.is_set()


def test_rows_as_dictionaries(session, keyspace):
    session.execute("CREATE TABLE t (\"Key\" int PRIMARY KEY, \"with space\" text)")
    session.execute("INSERT INTO t (\"Key\", \"with space\") VALUES (1, 'x')")
    before, session.row_factory = session.row_factory, dict_factory
    try:
        assert session.execute("SELECT * FROM t").one() == {"Key": 1, "with space": "x"}
    finally:
        session.row_factory = before


def test_where_the_partition_key_is_bound(session, keyspace):
    if session.cluster.protocol_version < 4:
        pytest.skip("version 3 does not tell it; the driver goes by names")
    session.execute("CREATE TABLE t (a int, b int, c int, PRIMARY KEY ((a, b), c))")
    for query, indexes in (
            ("SELECT c FROM t WHERE a = ? AND c = ? AND b = ?", [0, 2]),
            ("SELECT c FROM t WHERE b = :x AND a = :y", [1, 0]),
            ("INSERT INTO t (c, b, a) VALUES (:one, :two, :three)", [2, 1]),
            ("DELETE FROM t WHERE a = 1 AND b = ?", None),
            ("SELECT c FROM t WHERE a = blob_as_int(?) AND b = ?", None)):
        assert session.prepare(query).routing_key_indexes == indexes, query


def test_a_statement_is_prepared_again_when_its_table_has_changed(session, keyspace):
    session.execute("CREATE TABLE t (a int PRIMARY KEY, b int, d int)")
    session.execute("INSERT INTO t (a, b, d) VALUES (1, 2, 3)")
    select = session.prepare("SELECT * FROM t WHERE a = ?")
    assert [tuple(row) for row in session.execute(select, [1])] == [(1, 2, 3)]
    session.execute("ALTER TABLE t ADD c text")
    # The driver knows the columns from preparing alone: it must hear that they are others now.
    assert [tuple(row) for row in session.execute(select, [1])] == [(1, 2, None, 3)]
    assert [column[2] for column in select.result_metadata] == ["a", "b", "c", "d"]
    session.execute("TRUNCATE t")
    assert list(session.execute(select, [1])) == []


def test_deeply_nested_types(session, keyspace):
    depth = 100
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, v {'tuple<' * depth}int{'>' * depth})")
    value = 7
    for _ in range(depth):
        value = (value,)
    session.execute(session.prepare("INSERT INTO t (k, v) VALUES (0, ?)"), [value])
    assert session.execute("SELECT v FROM t").one().v == value
