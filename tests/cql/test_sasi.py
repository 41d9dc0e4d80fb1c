"""SASI indexes and LIKE. The same answers come from a real Cassandra 5 with sasi_indexes_enabled: true."""
import os

import pytest
from cassandra.cluster import Cluster
from cassandra.protocol import ConfigurationException
from cassandra.query import SimpleStatement
from support.cql import refused
from support.process import Penstock, empty_pipeline, wait_until

SASI = "USING 'org.apache.cassandra.index.sasi.SASIIndex'"
ANALYZER = "org.apache.cassandra.index.sasi.analyzer."
# Read before a fixture sets it to the running example's.
GIVEN = os.environ.get("PENSTOCK_CQL")
WARNING = "SASI indexes are experimental and are not recommended for production use."


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real Cassandra when one is given, else a process that has them: they are off by default."""
    if GIVEN:
        host, port = GIVEN.rsplit(":", 1)
        yield host, int(port)
        return
    folder = tmp_path_factory.mktemp("sasi")
    with Penstock(empty_pipeline(folder), folder / "data", ["--sasi-indexes"]) as penstock:
        yield "127.0.0.1", penstock.ports["cql"]


@pytest.fixture(scope="module")
def session(server):
    with Cluster([server[0]], port=server[1], protocol_version=5) as cluster:
        yield cluster.connect()


def with_options(**options):
    return f" WITH OPTIONS = {{{', '.join(f'{name!r}: {value!r}' for name, value in options.items())}}}"


def index(session, name, column, table="t", **options):
    session.execute(f"CREATE CUSTOM INDEX {name} ON {table} ({column}) {SASI}{with_options(**options) if options else ''}")


def keys(session, where, *, table="t", page=5000):
    return sorted((row[0], row[1]) for row in session.execute(SimpleStatement(f"SELECT * FROM {table} WHERE {where}",
                                                                              fetch_size=page)))


NAMES = ["Ann", "anna", "Annabel", "Johanna", "Bob", "", "Zoë", "ann lee"]


@pytest.fixture
def names(session, keyspace):
    """A table of names, c numbers them; index what the test needs."""
    session.execute("CREATE TABLE t (k int, c int, name text, age int, city ascii, tags set<text>, s text static, "
                    "PRIMARY KEY (k, c))")
    for i, name in enumerate(NAMES):
        session.execute("INSERT INTO t (k, c, name, age, city) VALUES (%s, %s, %s, %s, 'Rome')",
                        (i % 2, i, name, i * 10))
    return session


def found(session, where, **more):
    return [NAMES[c] for _, c in keys(session, where, **more)]


def eventually(session, where, expected, **more):
    """Indexes are filled in the background."""
    def answered():
        assert sorted(found(session, where, **more)) == sorted(expected)
        return True
    wait_until(answered, where)


def test_what_a_pattern_cannot_be(names):
    index(names, "i", "name", mode="CONTAINS")
    for pattern in ["", "%", "%%"]:
        refused(names, f"SELECT * FROM t WHERE name LIKE '{pattern}'", "LIKE value can't be empty.")
    if not GIVEN:  # Cassandra 5.0.9 has a NullPointerException for it.
        refused(names, "SELECT * FROM t WHERE name LIKE null", "Unsupported null value for column name")
    refused(names, "SELECT * FROM t WHERE age LIKE 'x%'", 'Invalid STRING constant (x%) for "age" of type int')
    refused(names, "SELECT * FROM t WHERE city LIKE 'R%' ALLOW FILTERING",
            "LIKE restriction is only supported on properly indexed columns. city LIKE 'R%' is not valid.")
    refused(names, "DELETE FROM t WHERE k = 1 AND name LIKE 'x'", "only supported on properly indexed columns")
    # In the middle it is a letter like any other.
    names.execute("INSERT INTO t (k, c, name) VALUES (0, 0, '50%off')")
    eventually(names, "name LIKE '%0%o%'", ["Ann"])


def test_one_row_at_a_time(names):
    index(names, "i", "name", mode="CONTAINS")
    eventually(names, "name LIKE '%nn%'", ["Ann", "anna", "Annabel", "Johanna", "ann lee"])
    assert sorted(found(names, "name LIKE '%nn%'", page=1)) == sorted(["Ann", "anna", "Annabel", "Johanna", "ann lee"])


def test_writes_show_at_once(names):
    index(names, "i", "name", mode="CONTAINS")
    eventually(names, "name LIKE 'Bob'", ["Bob"])
    names.execute("UPDATE t SET name = 'Robert' WHERE k = 0 AND c = 4")
    names.execute("DELETE name FROM t WHERE k = 1 AND c = 1")
    names.execute("DELETE FROM t WHERE k = 0 AND c = 2")
    assert found(names, "name LIKE '%ob%'") == ["Bob"]
    assert found(names, "name = 'Bob'") == []
    assert found(names, "name LIKE '%nna%'") == ["Johanna"]


def test_it_outlives_a_restart(tmp_path):
    if GIVEN:
        pytest.skip("of Penstock alone: a process is stopped")
    files = empty_pipeline(tmp_path)
    made = f"CREATE CUSTOM INDEX i ON k.t (name) {SASI}{with_options(mode='CONTAINS')}"
    with Penstock(files, tmp_path / "data", ["--sasi-indexes"]) as penstock:
        with Cluster(["127.0.0.1"], port=penstock.ports["cql"], protocol_version=5) as cluster:
            session = cluster.connect()
            session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
            session.execute("CREATE TABLE k.t (k int PRIMARY KEY, name text)")
            session.execute("INSERT INTO k.t (k, name) VALUES (1, 'Johanna')")
            session.execute(made)
    # Without the setting what is there goes on, and no other is made.
    with Penstock(files, tmp_path / "data", []) as penstock:
        with Cluster(["127.0.0.1"], port=penstock.ports["cql"], protocol_version=5) as cluster:
            session = cluster.connect()
            assert [row.k for row in session.execute("SELECT k FROM k.t WHERE name LIKE '%hann%'")] == [1]
            refused(session, made.replace("INDEX i", "INDEX j"),
                    "SASI indexes are disabled. Enable in cassandra.yaml to use.")


@pytest.fixture
def table(session, keyspace):
    """Rows that come after the index is made: a real Cassandra fills one in the background."""
    session.execute("CREATE TABLE t (k int, c text, d text, st text static, v text, w text, n int, f double, l list<text>, "
                    "PRIMARY KEY (k, c, d)) WITH CLUSTERING ORDER BY (c ASC, d DESC)")

    def fill():
        insert = session.prepare("INSERT INTO t (k, c, d, st, v, w, n, f) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        for k, c, d, v, w, n in ((1, "a", "x", "hello", "world", 1), (1, "b", "x", "help", "World", 2),
                                 (2, "a", "y", "hell", "w", 3), (3, "abc", "z", "Hello", "say Hello World", 4),
                                 (4, "abd", "z", "yellow", "other", 5), (5, "b", "q", "%odd%", "a%b", 6),
                                 (6, "c", "q", "", None, None), (7, "zz", "q", "h\u00e9llo", "\u00c9COLE", 7)):
            session.execute(insert, (k, c, d, f"st{k}", v, w, n, float(n or 0)))
        session.execute("INSERT INTO t (k, st) VALUES (9, 'stonly')")
    return fill


def test_what_can_be_indexed(session, keyspace):
    session.execute("CREATE TYPE ty (a int)")
    session.execute("CREATE TABLE t (p int, q text, c text, d text, st text static, v text, a ascii, n int, b blob, bo boolean, "
                    "u uuid, l list<text>, m map<text, text>, fl frozen<list<text>>, tu tuple<int, text>, ud ty, fu frozen<ty>, "
                    "PRIMARY KEY ((p, q), c, d)) WITH CLUSTERING ORDER BY (c ASC, d DESC)")
    for column in ("c", "d", "st", "v", "a", "n", "b", "bo", "u", "full(fl)", "tu", "fu"):
        index(session, "i", column)
        session.execute("DROP INDEX i")
    create = f"CREATE CUSTOM INDEX i ON t ({{}}) {SASI}"
    for column in ("p", "q"):
        refused(session, create.format(column), "partition key columns are not yet supported by SASI", ConfigurationException)
    for column in ("l", "m", "keys(m)", "entries(m)"):
        refused(session, create.format(column), "complex columns are not yet supported by SASI", ConfigurationException)
    refused(session, create.format("ud"), "Cannot create index on non-frozen UDT column ud")
    refused(session, create.format("v, n"), "failed to retrieve target column for: v, n", ConfigurationException)
    refused(session, create.format(""), "failed to retrieve target column for: ", ConfigurationException)
    refused(session, create.format("v, v"), "Duplicate column 'v' in index target list")
    session.execute("CREATE TABLE counts (k int PRIMARY KEY, n counter)")
    refused(session, f"CREATE CUSTOM INDEX ON counts (n) {SASI}", "Secondary indexes on counter tables aren't supported")
    refused(session, "CREATE CUSTOM INDEX i ON t (v) USING 'SASIIndex'", "Unable to find custom indexer class",
            ConfigurationException)


@pytest.mark.parametrize("column, options, text", [
    ("v", {"mode": "Nope"}, "Incorrect index mode: Nope"),
    ("v", {"mode": "SPARSE"}, "SPARSE mode is only supported on non-literal columns."),
    ("n", {"mode": "SPARSE", "analyzed": "true"}, "SPARSE mode doesn't support analyzers."),
    ("v", {"analyzer_class": "x"}, "Unable to find analyzer class 'x'"),
    ("n", {"analyzer_class": ANALYZER + "StandardAnalyzer"}, "StandardAnalyzer does not support type int"),
    ("n", {"analyzer_class": ANALYZER + "DelimiterAnalyzer"}, "DelimiterAnalyzer does not support type int"),
    ("d", {"analyzer_class": ANALYZER + "NonTokenizingAnalyzer"}, "NonTokenizingAnalyzer does not support type text"),
    ("v", {"analyzer_class": ANALYZER + "NonTokenizingAnalyzer", "case_sensitive": "false", "normalize_lowercase": "true"},
     "case_sensitive option cannot be specified together with either normalize_lowercase or normalize_uppercase"),
    ("v", {"max_compaction_flush_memory_in_mb": "x"}, "Failed to validate custom indexer options"),
])
def test_options_that_are_refused(session, keyspace, column, options, text):
    session.execute("CREATE TABLE t (k int, d text, v text, n int, PRIMARY KEY (k, d)) WITH CLUSTERING ORDER BY (d DESC)")
    refused(session, f"CREATE CUSTOM INDEX ON t ({column}) {SASI}{with_options(**options)}", text, ConfigurationException)
    refused(session, f"CREATE CUSTOM INDEX ON t (v) {SASI}{with_options(target='n')}", "Cannot specify target as a CUSTOM option")


def test_it_is_shown_and_warned_of(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    create = f"CREATE CUSTOM INDEX IF NOT EXISTS i ON t (v) {SASI}{with_options(mode='CONTAINS')}"
    for _ in range(2):
        done = session.execute_async(create)
        done.result()
        assert done.warnings == [WARNING]
    refused(session, f"CREATE CUSTOM INDEX i2 ON t (v) {SASI}{with_options(mode='CONTAINS')}",
            "Index i2 is a duplicate of existing index i")
    row = session.execute(f"SELECT kind, options FROM system_schema.indexes WHERE keyspace_name = '{keyspace}'").one()
    assert row.kind == "CUSTOM"
    assert dict(row.options) == {"class_name": "org.apache.cassandra.index.sasi.SASIIndex", "mode": "CONTAINS", "target": "v"}
    text = (f"CREATE CUSTOM INDEX i ON {keyspace}.t (v) USING 'org.apache.cassandra.index.sasi.SASIIndex' "
            "WITH OPTIONS = {'mode': 'CONTAINS'};")
    assert session.execute("DESCRIBE INDEX i").one().create_statement == text
    assert text in [row.create_statement for row in session.execute("DESCRIBE TABLE t")]
    session.execute("DROP INDEX i")
    refused(session, "SELECT * FROM t WHERE v LIKE 'a%'", "LIKE restriction is only supported on properly indexed columns")


def test_patterns_of_a_prefix_index(session, keyspace, table):
    index(session, "i", "v")
    table()
    assert keys(session, "v LIKE 'hel%'") == [(1, "a"), (1, "b"), (2, "a")]
    assert keys(session, "v LIKE 'hello'") == [(1, "a")]
    assert keys(session, "v LIKE 'x%odd'") == []
    assert keys(session, "v LIKE 'h%o'") == keys(session, "v LIKE 'h_llo'") == keys(session, "v = ''") == []
    assert keys(session, "v = 'hello'") == [(1, "a")]
    for pattern, shape in (("%llo", "'%<term>' llo"), ("%ell%", "'%<term>%' ell"), ("%odd%%", "'%<term>%' odd%")):
        refused(session, f"SELECT * FROM t WHERE v LIKE '{pattern}'",
                f"v LIKE {shape} is only supported on properly indexed columns")
    for pattern in ("", "%", "%%"):
        refused(session, f"SELECT * FROM t WHERE v LIKE '{pattern}'", "LIKE value can't be empty.")
    prepared = session.prepare("SELECT k, c FROM t WHERE v LIKE ?")
    assert [(one.name, one.type.typename) for one in prepared.column_metadata] == [("v", "varchar")]
    assert sorted(tuple(row) for row in session.execute(prepared, ("hel%",))) == [(1, "a"), (1, "b"), (2, "a")]
    refused(session, prepared, "v LIKE '%<term>' lo is only supported on properly indexed columns", values=("%lo",))
    refused(session, prepared, "LIKE value can't be empty.", values=("%",))


def test_patterns_of_a_contains_index(session, keyspace, table):
    index(session, "i", "v", mode="CONTAINS")
    table()
    assert keys(session, "v LIKE 'hel%'") == [(1, "a"), (1, "b"), (2, "a")]
    assert keys(session, "v LIKE '%llo'") == [(1, "a"), (3, "abc"), (7, "zz")]
    assert keys(session, "v LIKE '%ell%'") == [(1, "a"), (2, "a"), (3, "abc"), (4, "abd")]
    assert keys(session, "v LIKE '%ell%'", page=2) == keys(session, "v LIKE '%ell%'")
    assert keys(session, "v LIKE '%%odd%%'") == keys(session, "v LIKE '%odd%%'") == [(5, "b")]
    assert keys(session, "v LIKE '%\u00e9%'") == [(7, "zz")]
    assert keys(session, "v LIKE 'hello'") == keys(session, "v = 'hello'") == [(1, "a")]
    assert keys(session, "k = 1 AND v LIKE '%lo'") == [(1, "a")]


def test_what_like_needs(session, keyspace, table):
    for where in ("v LIKE 'a%'", "n LIKE 5", "c LIKE 'a%'", "st LIKE 'a%'", "v LIKE null"):
        refused(session, f"SELECT * FROM t WHERE {where}", "LIKE restriction is only supported on properly indexed columns. "
                f"{where.replace('null', 'NULL')} is not valid.")
    refused(session, "SELECT * FROM t WHERE n LIKE 'a'", "Invalid STRING constant (a) for \"n\" of type int")
    index(session, "i", "v")
    index(session, "j", "c")
    table()
    refused(session, "DELETE FROM t WHERE k = 1 AND c LIKE 'a%'", "LIKE restriction is only supported on properly indexed")
    more = "v cannot be restricted by more than one relation if it includes"
    refused(session, "SELECT * FROM t WHERE v LIKE 'a%' AND v LIKE 'b%'", f"{more} a LIKE")
    refused(session, "SELECT * FROM t WHERE v LIKE 'a%' AND v > 'b'", f"{more} a LIKE")
    refused(session, "SELECT * FROM t WHERE v = 'a' AND v LIKE 'b%'", f"{more} an Equal")
    refused(session, "SELECT * FROM t WHERE v > 'a' AND v LIKE 'b%'",
            "Column \"v\" cannot be restricted by both an equality and an inequality relation")
    refused(session, "SELECT * FROM t WHERE c LIKE 'a%' AND c = 'b'",
            "c cannot be restricted by more than one relation if it includes a LIKE")
    refused(session, "SELECT * FROM t WHERE v LIKE 'a%' ORDER BY c", "ORDER BY with 2ndary indexes is not supported")
    refused(session, "SELECT * FROM t WHERE k IN (1, 2) AND v LIKE 'a%'", "with IN clause for the PRIMARY KEY")


def test_what_needs_filtering(session, keyspace, table):
    for name in ("v", "n", "w"):
        index(session, f"of_{name}", name)
    table()
    for where, found in (("v LIKE 'hel%' AND n = 1", [(1, "a")]), ("v LIKE 'hel%' AND n > 1", [(1, "b"), (2, "a")]),
                         ("v LIKE 'hel%' AND w LIKE 'w%'", [(1, "a"), (2, "a")]), ("v LIKE 'hel%' AND w = 'world'", [(1, "a")]),
                         ("c = 'a' AND v LIKE 'hel%'", [(1, "a"), (2, "a")]), ("n > 1 AND f < 3", [(1, "b")])):
        refused(session, f"SELECT * FROM t WHERE {where}", "use ALLOW FILTERING")
        assert keys(session, f"{where} ALLOW FILTERING") == found, where
    for where in ("v > 'a'", "v IN ('hello', 'help')", "n IN (1, 2)"):
        refused(session, f"SELECT * FROM t WHERE {where}", "use ALLOW FILTERING")
    refused(session, "SELECT * FROM t WHERE n != 3", "Unsupported \"!=\" relation")
    assert keys(session, "n > 3") == [(3, "abc"), (4, "abd"), (5, "b"), (7, "zz")]
    assert keys(session, "n >= 3 AND n < 6") == [(2, "a"), (3, "abc"), (4, "abd")]
    assert keys(session, "k = 1 AND n > 1") == [(1, "b")]
    assert keys(session, "k = 1 AND c > 'a' AND v LIKE 'hel%'") == [(1, "b")]
    assert keys(session, "token(k) >= token(1) AND v LIKE 'help%'") == [(1, "b")]
    assert len(keys(session, "v LIKE 'hel%' LIMIT 1")) == 1
    assert len(keys(session, "v LIKE 'hel%' PER PARTITION LIMIT 1")) == 2
    assert session.execute("SELECT count(*) FROM t WHERE v LIKE 'hel%'").one()[0] == 3


def test_modes_of_numbers_and_texts_that_are_not_literal(session, keyspace, table):
    index(session, "i", "n", mode="SPARSE")
    index(session, "j", "v", is_literal="false")
    index(session, "m", "f", mode="CONTAINS")
    table()
    assert keys(session, "n > 3 AND n <= 5") == [(3, "abc"), (4, "abd")] and keys(session, "n = 2") == [(1, "b")]
    assert keys(session, "v > 'hell' AND v <= 'help'") == [(1, "a"), (1, "b")] and keys(session, "v = 'hell'") == [(2, "a")]
    assert (6, "c") not in keys(session, "v >= ''")
    refused(session, "SELECT * FROM t WHERE v LIKE 'hel%'", "LIKE restriction is only supported on properly indexed columns")
    assert keys(session, "f = 2") == [(1, "b")]
    refused(session, "SELECT * FROM t WHERE f > 2", "use ALLOW FILTERING")


def test_case(session, keyspace, table):
    index(session, "i", "v", mode="CONTAINS", analyzer_class=ANALYZER + "NonTokenizingAnalyzer", case_sensitive="false")
    index(session, "j", "w", analyzer_class=ANALYZER + "NonTokenizingAnalyzer", normalize_uppercase="true")
    table()
    hello = [(1, "a"), (3, "abc")]
    assert keys(session, "v LIKE 'HELLO'") == keys(session, "v = 'hElLo'") == hello
    assert keys(session, "v LIKE 'HEL%'") == [(1, "a"), (1, "b"), (2, "a"), (3, "abc")]
    assert keys(session, "v LIKE '%\u00c9%'") == keys(session, "v LIKE 'he\u0301llo'") == [(7, "zz")]
    assert keys(session, "w LIKE 'wor%'") == keys(session, "w = 'world'") == [(1, "a"), (1, "b")]
    assert keys(session, "w = '\u00e9cole'") == [(7, "zz")]


@pytest.mark.parametrize("mode", ["PREFIX", "CONTAINS"])
def test_words(session, keyspace, table, mode):
    index(session, "i", "w", mode=mode, analyzer_class=ANALYZER + "StandardAnalyzer", tokenization_normalize_lowercase="true")
    table()
    world = [(1, "a"), (1, "b"), (3, "abc")]
    assert keys(session, "w LIKE 'world'") == keys(session, "w LIKE 'WORLD'") == world
    assert keys(session, "w LIKE 'hello world'") == keys(session, "w LIKE 'World, hello'") == [(3, "abc")]
    assert keys(session, "w LIKE 'say nothing'") == keys(session, "w LIKE '!!'") == []
    assert keys(session, "w LIKE 'b'") == [(5, "b")] and keys(session, "w LIKE '\u00e9cole'") == [(7, "zz")]
    if mode == "PREFIX":
        assert keys(session, "w LIKE 'wor%'") == world
    else:
        assert keys(session, "w LIKE '%orl%'") == keys(session, "w LIKE '%orld'") == world
        refused(session, "SELECT * FROM t WHERE w LIKE 'wor%'", "w LIKE '<term>%' wor is only supported on properly indexed")
    # What is equal is the whole text, which is not in the index.
    refused(session, "SELECT * FROM t WHERE w = 'world'", "use ALLOW FILTERING")
    assert keys(session, "w = 'world' ALLOW FILTERING") == [(1, "a")]


def test_delimiters(session, keyspace):
    session.execute("CREATE TABLE t (k int, v text, PRIMARY KEY (k, v))")
    index(session, "i", "v", analyzer_class=ANALYZER + "DelimiterAnalyzer", delimiter=";")
    for k, v in enumerate(("one;two", ";two three;", "three")):
        session.execute("INSERT INTO t (k, v) VALUES (%s, %s)", (k, v))
    assert keys(session, "v LIKE 'two'") == [(0, "one;two")]
    assert keys(session, "v LIKE 'two%'") == [(0, "one;two"), (1, ";two three;")]
    assert keys(session, "v LIKE 'one;two'") == [(0, "one;two")]


def test_clustering_and_static_columns(session, keyspace, table):
    for name in ("c", "d", "st"):
        index(session, f"i{name}", name, mode="CONTAINS")
    table()
    assert keys(session, "c LIKE 'ab%'") == [(3, "abc"), (4, "abd")]
    assert keys(session, "c LIKE '%b%'") == [(1, "b"), (3, "abc"), (4, "abd"), (5, "b")]
    assert keys(session, "k = 1 AND c LIKE 'a%'") == [(1, "a")] and keys(session, "c = 'a'") == [(1, "a"), (2, "a")]
    # Descending columns are of a type of their own, which is not a text.
    refused(session, "SELECT * FROM t WHERE d LIKE 'x'", "LIKE restriction is only supported on properly indexed columns")
    assert keys(session, "d = 'x'") == [(1, "a"), (1, "b")]
    assert keys(session, "st LIKE '%1'") == keys(session, "st = 'st1'") == [(1, "a"), (1, "b")]
    # A partition without rows is not found.
    assert keys(session, "st LIKE 'stonly'") == keys(session, "k = 9 AND st = 'stonly'") == []
    assert len(keys(session, "st LIKE 'st%'")) == 8


def test_rows_that_change(session, keyspace):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    session.execute("INSERT INTO t (k, v) VALUES (0, 'before')")
    index(session, "i", "v", mode="CONTAINS")
    wait_until(lambda: keys(session, "v LIKE '%for%'") == [(0, "before")], "the index filled")
    for k, v in ((1, "one"), (2, "two"), (3, "y" * 1023), (4, "y" * 1024)):
        session.execute("INSERT INTO t (k, v) VALUES (%s, %s)", (k, v))
    session.execute("UPDATE t SET v = 'three' WHERE k = 1")
    session.execute("DELETE v FROM t WHERE k = 2")
    assert keys(session, "v LIKE '%o%'") == [(0, "before")]
    assert keys(session, "v LIKE '%e%'") == [(0, "before"), (1, "three")]
    # Longer terms are in no index.
    assert [k for k, v in keys(session, "v LIKE '%yyy%'")] == [3]
    assert keys(session, f"v = '{'y' * 1024}'") == []
    session.execute("TRUNCATE t")
    assert keys(session, "v LIKE '%e%'") == []
