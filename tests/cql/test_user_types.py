"""User-defined types. Everything here also holds of Apache Cassandra 5.0 (PENSTOCK_CQL)."""
import uuid

import pytest
from cassandra.cluster import Cluster
from support.cql import refused
from support.process import wait_until


def rows(session, query, *values):
    return [tuple(row) for row in session.execute(query, *values)]


@pytest.fixture
def types(session, keyspace):
    session.execute("CREATE TYPE street (name text, number int)")
    session.execute("CREATE TYPE address (street frozen<street>, town text, tags set<text>)")
    return session


def test_frozen_values_round_trip(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, a frozen<address>)")
    types.execute("INSERT INTO t (k, a) VALUES (1, {street: {name: 'High', number: 7}, town: 'Ely', tags: {'b', 'a'}})")
    types.execute("INSERT INTO t (k, a) VALUES (2, {town: 'York'})")
    types.execute("INSERT INTO t (k) VALUES (3)")
    got = {row.k: row.a for row in types.execute("SELECT k, a FROM t")}
    assert got[1].street.name == "High" and got[1].street.number == 7 and set(got[1].tags) == {"a", "b"}
    assert got[2].town == "York" and got[2].street is None and got[2].tags is None
    assert got[3] is None
    assert rows(types, "SELECT a.town, a.street.number FROM t WHERE k = 1") == [("Ely", 7)]
    assert rows(types, "SELECT a.town AS town FROM t WHERE k = 3") == [(None,)]
    assert types.execute("SELECT a.street.name FROM t").column_names == ["a.street.name"]
    assert rows(types, "SELECT k FROM t WHERE a = {town: 'York'} ALLOW FILTERING") == [(2,)]


def test_prepared_values_of_types(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, s street, l list<frozen<street>>, m map<text, frozen<street>>)")
    insert = types.prepare("INSERT INTO t (k, s, l, m) VALUES (?, ?, ?, ?)")
    types.execute(insert, (1, ("High", 1), [("Low", 2), ("Mid", None)], {"x": (None, 3)}))
    row = types.execute("SELECT s, l, m FROM t").one()
    assert tuple(row.s) == ("High", 1) and [tuple(s) for s in row.l] == [("Low", 2), ("Mid", None)]
    assert tuple(row.m["x"]) == (None, 3)
    types.execute(types.prepare("UPDATE t SET s.number = ? WHERE k = ?"), (9, 1))
    types.execute(types.prepare("UPDATE t SET s = {name: ?, number: ?} WHERE k = 2"), ("New", 5))
    assert [tuple(r.s) for r in types.execute("SELECT s FROM t")] == [("High", 9), ("New", 5)]
    by_field = types.prepare("SELECT k FROM t WHERE l CONTAINS ? ALLOW FILTERING")
    assert rows(types, by_field, (("Low", 2),)) == [(1,)]


def test_fields_change_one_by_one(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, s street)")
    types.execute("UPDATE t SET s.name = 'High' WHERE k = 0")
    assert rows(types, "SELECT s.name, s.number FROM t") == [("High", None)]
    types.execute("UPDATE t SET s.number = 4 WHERE k = 0")
    types.execute("UPDATE t SET s.name = null WHERE k = 0")
    assert rows(types, "SELECT s.name, s.number FROM t") == [(None, 4)]
    types.execute("DELETE s.number FROM t WHERE k = 0")
    assert rows(types, "SELECT * FROM t") == []
    types.execute("INSERT INTO t (k, s) VALUES (0, {name: 'Low', number: 1})")
    types.execute("INSERT INTO t (k, s) VALUES (0, {name: 'Mid'})")
    assert rows(types, "SELECT s.name, s.number FROM t") == [("Mid", None)]
    types.execute("UPDATE t USING TIMESTAMP 1 SET s.name = 'old' WHERE k = 0")
    assert rows(types, "SELECT s.name FROM t") == [("Mid",)]


def test_conditions_on_fields(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, s street, f frozen<street>)")
    types.execute("INSERT INTO t (k, s, f) VALUES (0, {name: 'High', number: 1}, {name: 'Low', number: 2})")
    for condition, holds in (("s.name = 'High'", True), ("s.number > 1", False), ("f.number IN (1, 2)", True),
                             ("s = {name: 'High', number: 1}", True), ("f = {name: 'Low'}", False), ("f != null", True)):
        assert types.execute(f"UPDATE t SET s.number = 1 WHERE k = 0 IF {condition}").one()[0] == holds, condition
    refused(types, "UPDATE t SET s.number = 1 WHERE k = 0 IF s.color = 'red'", "Unknown field color for column s")


def test_json_in_and_out(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, a frozen<address>)")
    types.execute("""INSERT INTO t JSON '{"k": 1, "a": {"street": {"name": "High", "number": 1}, "town": null}}'""")
    assert rows(types, "SELECT JSON a FROM t") == [
        ('{"a": {"street": {"name": "High", "number": 1}, "town": null, "tags": null}}',)]
    assert rows(types, "SELECT toJson(a.street) FROM t") == [('{"name": "High", "number": 1}',)]


def test_a_type_grows_and_is_renamed(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, s frozen<street>, l list<frozen<street>>)")
    types.execute("INSERT INTO t (k, s, l) VALUES (0, {name: 'High', number: 1}, [{name: 'Low'}])")
    read = types.prepare("SELECT s FROM t")
    types.execute("ALTER TYPE street ADD code text")
    assert [tuple(r.s) for r in types.execute(read)] in ([("High", 1, None)], [("High", 1)])
    types.execute("INSERT INTO t (k, s) VALUES (0, {name: 'High', number: 1, code: 'X'})")
    types.execute("ALTER TYPE street RENAME name TO title AND code TO postcode")
    assert rows(types, "SELECT s.title, s.postcode FROM t") == [("High", "X")]
    refused(types, "ALTER TYPE street ADD title int", "title")
    refused(types, "ALTER TYPE street RENAME nothing TO other", "nothing")
    refused(types, "ALTER TYPE nothing ADD x int", "nothing")
    types.execute("ALTER TYPE IF EXISTS nothing ADD x int")


def test_as_keys(types, keyspace):
    types.execute("CREATE TABLE t (p frozen<street>, c frozen<street>, v int, PRIMARY KEY (p, c))")
    insert = types.prepare("INSERT INTO t (p, c, v) VALUES (?, ?, ?)")
    for i, name in enumerate(("b", "a", "c")):
        types.execute(insert, (("High", 1), (name, i), i))
    assert rows(types, "SELECT v FROM t WHERE p = {name: 'High', number: 1}") == [(1,), (0,), (2,)]
    assert rows(types, "SELECT v FROM t WHERE p = {name: 'High', number: 1} AND c > {name: 'a', number: 1}") == [(0,), (2,)]


def test_what_is_refused(types, keyspace):
    types.execute("CREATE TABLE t (k int PRIMARY KEY, s street, f frozen<street>, v int)")
    for query, message in (
            ("DROP TYPE street", f"Cannot drop user type '{keyspace}.street' as it is still used by"),
            ("CREATE TYPE street (a int)", "A user type with name 'street' already exists"),
            ("CREATE TYPE x (a int, a int)", "Duplicate field name 'a' in type 'x'"),
            ("CREATE TYPE x (a counter)", "A user type cannot contain counters"),
            ("CREATE TYPE x (a street)", "A user type cannot contain non-frozen UDTs"),
            ("CREATE TABLE u (k int PRIMARY KEY, l list<street>)", "Non-frozen UDTs are not allowed inside collections"),
            ("CREATE TABLE u (k street PRIMARY KEY)", "Invalid non-frozen user-defined type"),
            ("CREATE TABLE u (k int PRIMARY KEY, v nothing)", f"Unknown type {keyspace}.nothing"),
            ("CREATE TABLE u (k int PRIMARY KEY, v other.street)", "user types can only be used in the keyspace"),
            ("CREATE TABLE u (k int PRIMARY KEY, v address)", "Non-frozen UDTs with nested non-frozen collections"),
            ("INSERT INTO t (k, s) VALUES (0, {title: 'x'})", "Unknown field 'title' in value of user defined type street"),
            ("INSERT INTO t (k, v) VALUES (0, {name: 1})", "Invalid user type literal for v of type int"),
            ("UPDATE t SET f.name = 'x' WHERE k = 0", "for frozen UDT column f"),
            ("UPDATE t SET v.name = 'x' WHERE k = 0", "for non-UDT column v"),
            ("UPDATE t SET s.title = 'x' WHERE k = 0", "UDT column s does not have a field named title"),
            ("DELETE f.name FROM t WHERE k = 0", "Frozen UDT column f does not support field deletions"),
            ("SELECT s.title FROM t", "has no field title"),
            ("SELECT v.title FROM t", "Invalid field selection: v of type int is not a user type"),
            ("SELECT * FROM t WHERE s = {name: 'x'} ALLOW FILTERING", "cannot be restricted by any relation"),
            ("DROP TYPE nothing", f"Type '{keyspace}.nothing' doesn't exist")):
        refused(types, query, message)
    types.execute("CREATE TYPE IF NOT EXISTS street (a int)")
    types.execute("DROP TYPE IF EXISTS nothing")


def test_schema_tables_and_describe(types, keyspace):
    types.execute('CREATE TYPE "Odd" ("A" int, b frozen<list<text>>)')
    types.execute('CREATE TABLE t (k int PRIMARY KEY, s street, f frozen<address>, o frozen<"Odd">, l frozen<list<street>>)')
    types.execute("""INSERT INTO t (k, o) VALUES (0, {"A": 1, b: ['x']})""")
    assert rows(types, "SELECT JSON o FROM t") == [('{"o": {"\\"A\\"": 1, "b": ["x"]}}',)]
    got = {r.type_name: (list(r.field_names), list(r.field_types)) for r in types.execute(
        "SELECT * FROM system_schema.types WHERE keyspace_name = %s", (keyspace,))}
    assert got == {"street": (["name", "number"], ["text", "int"]), "Odd": (["A", "b"], ["int", "frozen<list<text>>"]),
                   "address": (["street", "town", "tags"], ["frozen<street>", "text", "set<text>"])}
    columns = {r.column_name: r.type for r in types.execute(
        "SELECT column_name, type FROM system_schema.columns WHERE keyspace_name = %s", (keyspace,))}
    assert columns == {"k": "int", "s": "street", "f": "frozen<address>", "o": 'frozen<"Odd">', "l": "frozen<list<frozen<street>>>"}
    text = types.execute("DESCRIBE TYPE street").one()
    assert text.create_statement == f"CREATE TYPE {keyspace}.street (\n    name text,\n    number int\n);"
    assert sorted(r.name for r in types.execute("DESCRIBE TYPES") if r.keyspace_name == keyspace) == ['"Odd"', "address", "street"]
    whole = [(r.type, r.name) for r in types.execute(f"DESCRIBE KEYSPACE {keyspace}")]
    assert whole.index(("type", "street")) < whole.index(("type", "address")) < whole.index(("table", "t"))
    types.execute(f"DROP TABLE t")
    for statement in [r.create_statement for r in types.execute(f"DESCRIBE KEYSPACE {keyspace}") if r.type == "type"][::-1]:
        types.execute(statement.replace("CREATE", "DROP").split("(")[0])
    assert rows(types, "SELECT * FROM system_schema.types WHERE keyspace_name = %s", (keyspace,)) == []


def test_schema_events_reach_other_clients(address, session, keyspace):
    other = Cluster([address[0]], port=address[1], protocol_version=5)
    try:
        other.connect()
        name = "t" + uuid.uuid4().hex[:8]
        session.execute(f"CREATE TYPE {name} (a int)")
        wait_until(lambda: name in other.metadata.keyspaces[keyspace].user_types, "the type was announced", 20, 0.1)
        session.execute(f"DROP TYPE {name}")
        wait_until(lambda: name not in other.metadata.keyspaces[keyspace].user_types, "it was announced as dropped", 20, 0.1)
    finally:
        other.shutdown()
